"""The words of letters to subscribers, in the languages that a status page can have."""

from collections.abc import Mapping

import msgspec

from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.domain.status_subscriber import MailingKind


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language. `{page}` stands for the name of the page."""

    statuses: Mapping[PublicStatus, str]
    components: Mapping[ComponentStatus, str]
    subjects: Mapping[MailingKind, str]
    headings: Mapping[MailingKind, str]
    bodies: Mapping[MailingKind, str]
    confirm: str
    not_you: str
    """Below the button that confirms."""
    open_incident: str
    open_page: str
    affected: str
    planned: str
    """In front of the time of a maintenance."""
    chosen: str
    """In front of the components that somebody chose."""
    why: str
    manage: str
    unsubscribe: str
    repeat: str


_S, _C, _M = PublicStatus, ComponentStatus, MailingKind


def _words(
    statuses: tuple[str, ...],
    components: tuple[str, ...],
    confirmation: tuple[str, str, str],
    reminder: tuple[str, str, str],
    failing: tuple[str, str, str],
    moved: tuple[str, str, str],
    **others: str,
) -> Words:
    """`statuses` and `components` in the order of their enums; of each letter subject, heading and body."""
    letters = {_M.CONFIRMATION: confirmation, _M.REMINDER: reminder, _M.FAILING: failing, _M.MOVED: moved}
    return Words(
        statuses=dict(zip(_S, statuses, strict=True)),
        components=dict(zip(_C, components, strict=True)),
        subjects={kind: said[0] for kind, said in letters.items()} | {_M.UPDATE: "{page}"},
        headings={kind: said[1] for kind, said in letters.items()} | {_M.UPDATE: "{page}"},
        bodies={kind: said[2] for kind, said in letters.items()} | {_M.UPDATE: ""},
        **others,
    )


_EN = _words(
    (
        "Investigating",
        "Identified",
        "Monitoring",
        "Resolved",
        "Scheduled",
        "In progress",
        "Verifying",
        "Completed",
    ),
    ("Operational", "Under maintenance", "Degraded performance", "Partial outage", "Major outage"),
    (
        "Confirm your subscription to {page}",
        "Do you want updates from {page}?",
        (
            "Somebody, most likely you, asked for this address to be told of incidents and maintenance of {page}. "
            "Press the button to confirm. The link works for 24 hours."
        ),
    ),
    (
        "Your subscription to {page}",
        "You are subscribed to {page}",
        (
            "Somebody, most likely you, asked again for updates to this address. It gets them already. "
            "With the link below you choose what you are told, or leave."
        ),
    ),
    (
        "{page} cannot reach your webhook",
        "Your webhook takes nothing any more",
        (
            "What {page} sent to your webhook was refused again and again, so nothing more is sent to it. "
            "Subscribe it anew once it works."
        ),
    ),
    (
        "Updates from {page} come from here now",
        "{page} has moved",
        (
            "You were subscribed to {page} before. From now on its updates come from this address. "
            "If you do not want them any more, leave with one click below."
        ),
    ),
    confirm="Confirm subscription",
    not_you="If that was not you, do nothing: without your confirmation nothing is sent.",
    open_incident="See all updates",
    open_page="Open the status page",
    affected="Affected",
    planned="Planned for",
    chosen="Chosen components",
    why="You get this because you subscribed to {page}.",
    manage="Change what you are told",
    unsubscribe="Unsubscribe",
    repeat="possible repeat",
)
_DE = _words(
    (
        "Wird untersucht",
        "Ursache gefunden",
        "Wird beobachtet",
        "Behoben",
        "Geplant",
        "In Arbeit",
        "Wird geprüft",
        "Abgeschlossen",
    ),
    ("In Betrieb", "In Wartung", "Eingeschränkt", "Teilweiser Ausfall", "Ausfall"),
    (
        "Bestätigen Sie Ihr Abonnement von {page}",
        "Möchten Sie Nachrichten von {page}?",
        (
            "Jemand, vermutlich Sie, hat diese Adresse für Nachrichten über Störungen und Wartungen von {page} "
            "eingetragen. Bestätigen Sie es mit dem Knopf. Der Link gilt 24 Stunden."
        ),
    ),
    (
        "Ihr Abonnement von {page}",
        "Sie haben {page} abonniert",
        (
            "Jemand, vermutlich Sie, hat diese Adresse noch einmal eingetragen. Sie erhält die Nachrichten schon. "
            "Mit dem Link unten wählen Sie aus, worüber Sie informiert werden, oder melden sich ab."
        ),
    ),
    (
        "{page} erreicht Ihren Webhook nicht",
        "Ihr Webhook nimmt nichts mehr an",
        (
            "Was {page} an Ihren Webhook geschickt hat, wurde immer wieder abgewiesen. Deshalb wird ihm nichts mehr "
            "geschickt. Tragen Sie ihn neu ein, sobald er wieder antwortet."
        ),
    ),
    (
        "Nachrichten von {page} kommen jetzt von hier",
        "{page} ist umgezogen",
        (
            "Sie hatten {page} schon abonniert. Von nun an kommen die Nachrichten von dieser Adresse. "
            "Wenn Sie keine mehr möchten, melden Sie sich unten mit einem Klick ab."
        ),
    ),
    confirm="Abonnement bestätigen",
    not_you="Waren Sie das nicht, dann tun Sie nichts: Ohne Ihre Bestätigung wird nichts geschickt.",
    open_incident="Alle Meldungen ansehen",
    open_page="Statusseite öffnen",
    affected="Betroffen",
    planned="Geplant für",
    chosen="Ausgewählte Komponenten",
    why="Sie erhalten diese Nachricht, weil Sie {page} abonniert haben.",
    manage="Auswahl ändern",
    unsubscribe="Abmelden",
    repeat="vielleicht doppelt",
)
_FR = _words(
    (
        "Analyse en cours",
        "Cause identifiée",
        "Sous surveillance",
        "Résolu",
        "Planifié",
        "En cours",
        "Vérification",
        "Terminé",
    ),
    ("Opérationnel", "En maintenance", "Performances dégradées", "Panne partielle", "Panne majeure"),
    (
        "Confirmez votre abonnement à {page}",
        "Voulez-vous recevoir les nouvelles de {page} ?",
        (
            "Quelqu’un, sans doute vous, a demandé que cette adresse soit informée des incidents et maintenances de "
            "{page}. Confirmez avec le bouton. Le lien est valable 24 heures."
        ),
    ),
    (
        "Votre abonnement à {page}",
        "Vous êtes abonné à {page}",
        (
            "Quelqu’un, sans doute vous, a saisi cette adresse une nouvelle fois. Elle reçoit déjà les nouvelles. "
            "Le lien ci-dessous permet de choisir ce que vous recevez, ou de vous désabonner."
        ),
    ),
    (
        "{page} ne peut pas joindre votre webhook",
        "Votre webhook n’accepte plus rien",
        (
            "Ce que {page} a envoyé à votre webhook a été refusé à plusieurs reprises ; plus rien ne lui est envoyé. "
            "Abonnez-le de nouveau dès qu’il fonctionne."
        ),
    ),
    (
        "Les nouvelles de {page} viennent désormais d’ici",
        "{page} a déménagé",
        (
            "Vous étiez déjà abonné à {page}. Ses nouvelles viennent désormais de cette adresse. "
            "Si vous n’en voulez plus, désabonnez-vous ci-dessous en un clic."
        ),
    ),
    confirm="Confirmer l’abonnement",
    not_you="Si ce n’était pas vous, ne faites rien : sans confirmation, rien n’est envoyé.",
    open_incident="Voir toutes les nouvelles",
    open_page="Ouvrir la page de statut",
    affected="Concerné",
    planned="Prévu pour",
    chosen="Composants choisis",
    why="Vous recevez ce message parce que vous êtes abonné à {page}.",
    manage="Modifier mes choix",
    unsubscribe="Se désabonner",
    repeat="peut-être en double",
)
_ES = _words(
    (
        "Investigando",
        "Identificado",
        "En observación",
        "Resuelto",
        "Programado",
        "En curso",
        "Verificando",
        "Completado",
    ),
    ("Operativo", "En mantenimiento", "Rendimiento reducido", "Interrupción parcial", "Interrupción grave"),
    (
        "Confirme su suscripción a {page}",
        "¿Quiere recibir avisos de {page}?",
        (
            "Alguien, probablemente usted, pidió que esta dirección reciba avisos de incidentes y mantenimientos de "
            "{page}. Confírmelo con el botón. El enlace vale 24 horas."
        ),
    ),
    (
        "Su suscripción a {page}",
        "Está suscrito a {page}",
        (
            "Alguien, probablemente usted, escribió esta dirección otra vez. Ya recibe los avisos. "
            "Con el enlace de abajo puede elegir qué recibe o darse de baja."
        ),
    ),
    (
        "{page} no puede entregar a su webhook",
        "Su webhook ya no acepta nada",
        (
            "Lo que {page} envió a su webhook fue rechazado una y otra vez, así que ya no se le envía nada. "
            "Suscríbalo de nuevo cuando funcione."
        ),
    ),
    (
        "Los avisos de {page} llegan ahora desde aquí",
        "{page} se ha mudado",
        (
            "Ya estaba suscrito a {page}. A partir de ahora sus avisos llegan desde esta dirección. "
            "Si no quiere más, dese de baja abajo con un clic."
        ),
    ),
    confirm="Confirmar suscripción",
    not_you="Si no fue usted, no haga nada: sin su confirmación no se envía nada.",
    open_incident="Ver todos los avisos",
    open_page="Abrir la página de estado",
    affected="Afectado",
    planned="Previsto para",
    chosen="Componentes elegidos",
    why="Recibe este mensaje porque está suscrito a {page}.",
    manage="Cambiar mi selección",
    unsubscribe="Darse de baja",
    repeat="posible repetición",
)
_IT = _words(
    (
        "In analisi",
        "Identificato",
        "In osservazione",
        "Risolto",
        "Programmato",
        "In corso",
        "In verifica",
        "Completato",
    ),
    ("Operativo", "In manutenzione", "Prestazioni ridotte", "Interruzione parziale", "Interruzione grave"),
    (
        "Conferma l’iscrizione a {page}",
        "Vuoi ricevere gli aggiornamenti di {page}?",
        (
            "Qualcuno, probabilmente tu, ha chiesto che questo indirizzo sia avvisato di incidenti e manutenzioni di "
            "{page}. Conferma con il pulsante. Il link vale 24 ore."
        ),
    ),
    (
        "La tua iscrizione a {page}",
        "Sei iscritto a {page}",
        (
            "Qualcuno, probabilmente tu, ha inserito di nuovo questo indirizzo. Riceve già gli aggiornamenti. "
            "Con il link qui sotto scegli che cosa ricevere, o annulli l’iscrizione."
        ),
    ),
    (
        "{page} non raggiunge il tuo webhook",
        "Il tuo webhook non accetta più nulla",
        (
            "Ciò che {page} ha inviato al tuo webhook è stato rifiutato più volte, quindi non gli si invia più nulla. "
            "Iscrivilo di nuovo quando funziona."
        ),
    ),
    (
        "Gli aggiornamenti di {page} ora arrivano da qui",
        "{page} si è trasferita",
        (
            "Eri già iscritto a {page}. D’ora in poi gli aggiornamenti arrivano da questo indirizzo. "
            "Se non li vuoi più, annulla l’iscrizione qui sotto con un clic."
        ),
    ),
    confirm="Conferma iscrizione",
    not_you="Se non sei stato tu, non fare nulla: senza conferma non si invia nulla.",
    open_incident="Vedi tutti gli aggiornamenti",
    open_page="Apri la pagina di stato",
    affected="Interessati",
    planned="Previsto per",
    chosen="Componenti scelti",
    why="Ricevi questo messaggio perché sei iscritto a {page}.",
    manage="Modifica la scelta",
    unsubscribe="Annulla iscrizione",
    repeat="forse ripetuto",
)
_NL = _words(
    (
        "In onderzoek",
        "Oorzaak gevonden",
        "Wordt gevolgd",
        "Opgelost",
        "Gepland",
        "Bezig",
        "Wordt gecontroleerd",
        "Voltooid",
    ),
    ("Operationeel", "In onderhoud", "Verminderde prestaties", "Gedeeltelijke storing", "Grote storing"),
    (
        "Bevestig uw abonnement op {page}",
        "Wilt u berichten van {page}?",
        (
            "Iemand, waarschijnlijk u, gaf dit adres op voor berichten over storingen en onderhoud van {page}. "
            "Bevestig dat met de knop. De link werkt 24 uur."
        ),
    ),
    (
        "Uw abonnement op {page}",
        "U bent geabonneerd op {page}",
        (
            "Iemand, waarschijnlijk u, heeft dit adres opnieuw opgegeven. Het krijgt de berichten al. "
            "Met de link hieronder kiest u wat u ontvangt, of meldt u zich af."
        ),
    ),
    (
        "{page} kan uw webhook niet bereiken",
        "Uw webhook neemt niets meer aan",
        (
            "Wat {page} naar uw webhook stuurde, werd steeds geweigerd. Er wordt niets meer naartoe gestuurd. "
            "Abonneer hem opnieuw zodra hij werkt."
        ),
    ),
    (
        "Berichten van {page} komen nu hiervandaan",
        "{page} is verhuisd",
        (
            "U was al geabonneerd op {page}. Voortaan komen de berichten van dit adres. "
            "Wilt u ze niet meer, meld u dan hieronder met één klik af."
        ),
    ),
    confirm="Abonnement bevestigen",
    not_you="Was u dat niet, doe dan niets: zonder uw bevestiging wordt niets gestuurd.",
    open_incident="Alle berichten bekijken",
    open_page="Statuspagina openen",
    affected="Getroffen",
    planned="Gepland voor",
    chosen="Gekozen onderdelen",
    why="U krijgt dit bericht omdat u op {page} bent geabonneerd.",
    manage="Keuze wijzigen",
    unsubscribe="Afmelden",
    repeat="mogelijk dubbel",
)
_PT = _words(
    (
        "Em investigação",
        "Identificado",
        "Em observação",
        "Resolvido",
        "Agendado",
        "Em andamento",
        "Em verificação",
        "Concluído",
    ),
    ("Operacional", "Em manutenção", "Desempenho reduzido", "Interrupção parcial", "Interrupção grave"),
    (
        "Confirme a sua subscrição de {page}",
        "Quer receber avisos de {page}?",
        (
            "Alguém, provavelmente você, pediu que este endereço receba avisos de incidentes e manutenções de {page}. "
            "Confirme com o botão. A ligação vale 24 horas."
        ),
    ),
    (
        "A sua subscrição de {page}",
        "Está subscrito em {page}",
        (
            "Alguém, provavelmente você, escreveu este endereço outra vez. Ele já recebe os avisos. "
            "Com a ligação abaixo escolhe o que recebe, ou cancela."
        ),
    ),
    (
        "{page} não consegue chegar ao seu webhook",
        "O seu webhook já não aceita nada",
        (
            "O que {page} enviou ao seu webhook foi recusado várias vezes, por isso nada mais lhe é enviado. "
            "Subscreva-o de novo quando funcionar."
        ),
    ),
    (
        "Os avisos de {page} vêm agora daqui",
        "{page} mudou de casa",
        (
            "Já estava subscrito em {page}. A partir de agora os avisos vêm deste endereço. "
            "Se já não os quer, cancele abaixo com um clique."
        ),
    ),
    confirm="Confirmar subscrição",
    not_you="Se não foi você, não faça nada: sem a sua confirmação nada é enviado.",
    open_incident="Ver todos os avisos",
    open_page="Abrir a página de estado",
    affected="Afetado",
    planned="Previsto para",
    chosen="Componentes escolhidos",
    why="Recebe esta mensagem porque subscreveu {page}.",
    manage="Alterar a escolha",
    unsubscribe="Cancelar subscrição",
    repeat="possível repetição",
)

_LANGUAGES = {"en": _EN, "de": _DE, "fr": _FR, "es": _ES, "it": _IT, "nl": _NL, "pt": _PT}


def words_of(language: str) -> Words:
    """The words of this language; English where there are none."""
    return _LANGUAGES.get(language, _EN)
