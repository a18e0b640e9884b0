"""Sentences that nobody wrote by hand: how a status page tells of a step, in the language of the page."""

from collections.abc import Mapping

from openalert.domain.status_page import PublicStatus

_ENGLISH = {
    PublicStatus.INVESTIGATING: "We are investigating a problem with {}.",
    PublicStatus.IDENTIFIED: "We have found the cause of the problem with {} and are working on it.",
    PublicStatus.MONITORING: "A fix is in place. We keep an eye on {}.",
    PublicStatus.RESOLVED: "The problem with {} is over.",
    PublicStatus.IN_PROGRESS: "The maintenance has begun.",
    PublicStatus.COMPLETED: "The maintenance is complete.",
}
_SENTENCES: Mapping[str, Mapping[PublicStatus, str]] = {
    "en": _ENGLISH,
    "de": {
        PublicStatus.INVESTIGATING: "Wir untersuchen eine Störung: {}.",
        PublicStatus.IDENTIFIED: "Wir haben die Ursache der Störung gefunden und beheben sie: {}.",
        PublicStatus.MONITORING: "Die Störung ist behoben. Wir beobachten weiter: {}.",
        PublicStatus.RESOLVED: "Die Störung ist vorbei: {}.",
        PublicStatus.IN_PROGRESS: "Die Wartung hat begonnen.",
        PublicStatus.COMPLETED: "Die Wartung ist abgeschlossen.",
    },
    "fr": {
        PublicStatus.INVESTIGATING: "Nous analysons un incident : {}.",
        PublicStatus.IDENTIFIED: "Nous avons trouvé la cause de l’incident et travaillons à sa résolution : {}.",
        PublicStatus.MONITORING: "Un correctif est en place. Nous surveillons la situation : {}.",
        PublicStatus.RESOLVED: "L’incident est terminé : {}.",
        PublicStatus.IN_PROGRESS: "La maintenance a commencé.",
        PublicStatus.COMPLETED: "La maintenance est terminée.",
    },
    "es": {
        PublicStatus.INVESTIGATING: "Estamos investigando un problema: {}.",
        PublicStatus.IDENTIFIED: "Hemos encontrado la causa del problema y trabajamos en la solución: {}.",
        PublicStatus.MONITORING: "Hemos aplicado una solución. Seguimos observando: {}.",
        PublicStatus.RESOLVED: "El problema ha terminado: {}.",
        PublicStatus.IN_PROGRESS: "El mantenimiento ha comenzado.",
        PublicStatus.COMPLETED: "El mantenimiento ha terminado.",
    },
    "it": {
        PublicStatus.INVESTIGATING: "Stiamo analizzando un problema: {}.",
        PublicStatus.IDENTIFIED: "Abbiamo trovato la causa del problema e stiamo lavorando alla soluzione: {}.",
        PublicStatus.MONITORING: "Una correzione è attiva. Continuiamo a osservare: {}.",
        PublicStatus.RESOLVED: "Il problema è risolto: {}.",
        PublicStatus.IN_PROGRESS: "La manutenzione è iniziata.",
        PublicStatus.COMPLETED: "La manutenzione è terminata.",
    },
    "nl": {
        PublicStatus.INVESTIGATING: "We onderzoeken een storing: {}.",
        PublicStatus.IDENTIFIED: "We hebben de oorzaak van de storing gevonden en werken aan een oplossing: {}.",
        PublicStatus.MONITORING: "De storing is verholpen. We blijven het volgen: {}.",
        PublicStatus.RESOLVED: "De storing is voorbij: {}.",
        PublicStatus.IN_PROGRESS: "Het onderhoud is begonnen.",
        PublicStatus.COMPLETED: "Het onderhoud is klaar.",
    },
    "pt": {
        PublicStatus.INVESTIGATING: "Estamos a investigar um problema: {}.",
        PublicStatus.IDENTIFIED: "Encontrámos a causa do problema e estamos a trabalhar na solução: {}.",
        PublicStatus.MONITORING: "Há uma correção em vigor. Continuamos a observar: {}.",
        PublicStatus.RESOLVED: "O problema terminou: {}.",
        PublicStatus.IN_PROGRESS: "A manutenção começou.",
        PublicStatus.COMPLETED: "A manutenção terminou.",
    },
    "pl": {
        PublicStatus.INVESTIGATING: "Badamy problem: {}.",
        PublicStatus.IDENTIFIED: "Znaleźliśmy przyczynę problemu i pracujemy nad rozwiązaniem: {}.",
        PublicStatus.MONITORING: "Problem usunięto. Obserwujemy dalej: {}.",
        PublicStatus.RESOLVED: "Problem się skończył: {}.",
        PublicStatus.IN_PROGRESS: "Konserwacja się rozpoczęła.",
        PublicStatus.COMPLETED: "Konserwacja się zakończyła.",
    },
    "ja": {
        PublicStatus.INVESTIGATING: "障害を調査しています:{}。",
        PublicStatus.IDENTIFIED: "原因を特定し、復旧作業を進めています:{}。",
        PublicStatus.MONITORING: "修正を適用しました。経過を観察しています:{}。",
        PublicStatus.RESOLVED: "障害は解消しました:{}。",
        PublicStatus.IN_PROGRESS: "メンテナンスを開始しました。",
        PublicStatus.COMPLETED: "メンテナンスが完了しました。",
    },
    "zh": {
        PublicStatus.INVESTIGATING: "我们正在调查问题:{}。",
        PublicStatus.IDENTIFIED: "我们已找到原因,正在修复:{}。",
        PublicStatus.MONITORING: "修复已生效,我们正在继续观察:{}。",
        PublicStatus.RESOLVED: "问题已解决:{}。",
        PublicStatus.IN_PROGRESS: "维护已开始。",
        PublicStatus.COMPLETED: "维护已完成。",
    },
}
_WHOLE = {
    "pl": "nasza usługa",
    "ja": "当社のサービス",
    "zh": "我们的服务",
    "en": "our service",
    "de": "unser Dienst",
    "fr": "notre service",
    "es": "nuestro servicio",
    "it": "il nostro servizio",
    "nl": "onze dienst",
    "pt": "o nosso serviço",
}


def sentence(language: str, status: PublicStatus, parts: str = "") -> str:
    """What is said of a step when nobody says it otherwise; `parts`: the names of components, empty: of the whole."""
    spoken = language if language in _SENTENCES else "en"
    return _SENTENCES[spoken].get(status, "").replace("{}", parts or _WHOLE[spoken])
