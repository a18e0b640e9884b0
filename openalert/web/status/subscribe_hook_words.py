"""The words by which webhooks and channels are subscribed, in the languages that a status page can have."""

import msgspec


class HookWords(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    heading: str
    lead: str
    way: str
    webhook: str
    url: str
    contact: str
    promise: str
    bad_url: str
    bad_contact: str
    off: str
    asked: str
    """The heading after a channel was named."""
    asked_lead: str
    signed_with: str
    """In front of what signs for a webhook."""


_LANGUAGES = {
    "en": HookWords(
        heading="Webhook, Slack or Teams",
        lead="Updates are posted to an address: to a program of yours, or into a channel.",
        way="Where",
        webhook="Webhook",
        url="Address to post to",
        contact="E-mail address of whoever answers for the webhook",
        promise=(
            "A webhook is confirmed by that mailbox, a channel by a post in it. "
            "Nothing else is sent before."
        ),
        bad_url="That address cannot be used. For Slack and Teams give that of the channel's incoming webhook.",
        bad_contact="A webhook needs an e-mail address that confirms it.",
        off="This way is not offered here.",
        asked="Look into the channel",
        asked_lead="If it can be subscribed, a post with a link to confirm appears there in a moment.",
        signed_with="Each post is signed with this secret",
    ),
    "de": HookWords(
        heading="Webhook, Slack oder Teams",
        lead="Nachrichten gehen an eine Adresse: an Ihr Programm oder in einen Kanal.",
        way="Wohin",
        webhook="Webhook",
        url="Adresse, an die gesendet wird",
        contact="E-Mail-Adresse der Person, die für den Webhook zuständig ist",
        promise=(
            "Ein Webhook wird über dieses Postfach bestätigt, ein Kanal durch einen Beitrag darin. "
            "Vorher wird nichts gesendet."
        ),
        bad_url="Diese Adresse geht nicht. Für Slack und Teams ist es die des eingehenden Webhooks des Kanals.",
        bad_contact="Ein Webhook braucht eine E-Mail-Adresse, die ihn bestätigt.",
        off="Dieser Weg wird hier nicht angeboten.",
        asked="Sehen Sie in den Kanal",
        asked_lead="Wenn er abonnieren kann, erscheint dort gleich ein Beitrag mit einem Link zur Bestätigung.",
        signed_with="Jede Nachricht ist mit diesem Geheimnis signiert",
    ),
    "fr": HookWords(
        heading="Webhook, Slack ou Teams",
        lead="Les nouvelles sont envoyées à une adresse : à votre programme ou dans un canal.",
        way="Où",
        webhook="Webhook",
        url="Adresse de destination",
        contact="Adresse e-mail de la personne responsable du webhook",
        promise=(
            "Un webhook est confirmé par cette boîte, un canal par un message qui y paraît. "
            "Rien n'est envoyé avant."
        ),
        bad_url="Cette adresse ne convient pas. Pour Slack et Teams, donnez celle du webhook entrant du canal.",
        bad_contact="Un webhook a besoin d'une adresse e-mail qui le confirme.",
        off="Cette voie n'est pas proposée ici.",
        asked="Regardez dans le canal",
        asked_lead="S'il peut être abonné, un message avec un lien de confirmation y paraît dans un instant.",
        signed_with="Chaque envoi est signé avec ce secret",
    ),
    "es": HookWords(
        heading="Webhook, Slack o Teams",
        lead="Las novedades se envían a una dirección: a un programa suyo o a un canal.",
        way="Dónde",
        webhook="Webhook",
        url="Dirección a la que se envía",
        contact="Correo electrónico de la persona responsable del webhook",
        promise=(
            "Un webhook se confirma en ese buzón, un canal con un mensaje en él. "
            "Antes no se envía nada."
        ),
        bad_url="Esa dirección no sirve. Para Slack y Teams indique la del webhook entrante del canal.",
        bad_contact="Un webhook necesita un correo electrónico que lo confirme.",
        off="Esta vía no se ofrece aquí.",
        asked="Mire en el canal",
        asked_lead="Si puede suscribirse, en un momento aparece allí un mensaje con un enlace para confirmar.",
        signed_with="Cada envío se firma con este secreto",
    ),
    "it": HookWords(
        heading="Webhook, Slack o Teams",
        lead="Le novità vengono inviate a un indirizzo: a un vostro programma o in un canale.",
        way="Dove",
        webhook="Webhook",
        url="Indirizzo a cui inviare",
        contact="E-mail di chi risponde del webhook",
        promise=(
            "Un webhook si conferma da quella casella, un canale con un messaggio al suo interno. "
            "Prima non si invia nulla."
        ),
        bad_url="Questo indirizzo non va bene. Per Slack e Teams serve quello del webhook in entrata del canale.",
        bad_contact="Un webhook ha bisogno di un indirizzo e-mail che lo confermi.",
        off="Questa via non è offerta qui.",
        asked="Guardate nel canale",
        asked_lead="Se può essere iscritto, tra un momento vi appare un messaggio con un link per confermare.",
        signed_with="Ogni invio è firmato con questo segreto",
    ),
    "nl": HookWords(
        heading="Webhook, Slack of Teams",
        lead="Berichten gaan naar een adres: naar uw programma of in een kanaal.",
        way="Waarheen",
        webhook="Webhook",
        url="Adres waarheen gestuurd wordt",
        contact="E-mailadres van wie voor de webhook verantwoordelijk is",
        promise=(
            "Een webhook wordt bevestigd door dat postvak, een kanaal door een bericht erin. "
            "Eerder wordt niets gestuurd."
        ),
        bad_url="Dat adres kan niet. Voor Slack en Teams is het dat van de inkomende webhook van het kanaal.",
        bad_contact="Een webhook heeft een e-mailadres nodig dat hem bevestigt.",
        off="Deze weg wordt hier niet aangeboden.",
        asked="Kijk in het kanaal",
        asked_lead="Als het geabonneerd kan worden, verschijnt daar zo een bericht met een link om te bevestigen.",
        signed_with="Elk bericht is ondertekend met dit geheim",
    ),
    "pt": HookWords(
        heading="Webhook, Slack ou Teams",
        lead="As novidades são enviadas para um endereço: um programa seu ou um canal.",
        way="Onde",
        webhook="Webhook",
        url="Endereço para onde se envia",
        contact="E-mail de quem responde pelo webhook",
        promise=(
            "Um webhook é confirmado por essa caixa, um canal por uma mensagem nele. "
            "Antes nada é enviado."
        ),
        bad_url="Esse endereço não serve. Para Slack e Teams indique o do webhook de entrada do canal.",
        bad_contact="Um webhook precisa de um e-mail que o confirme.",
        off="Esta forma não é oferecida aqui.",
        asked="Veja no canal",
        asked_lead="Se puder ser subscrito, aparece lá em instantes uma mensagem com uma ligação para confirmar.",
        signed_with="Cada envio é assinado com este segredo",
    ),
}  # fmt: skip


def hook_words_of(language: str) -> HookWords:
    """The words of this language; English where there are none."""
    return _LANGUAGES.get(language, _LANGUAGES["en"])
