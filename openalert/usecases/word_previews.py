"""How messages of every kind read by every way with chosen words, before anybody gets one: with a real incident."""

import msgspec

from openalert.domain.access import Actor
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.notification import NotificationKind
from openalert.domain.reply import FIRST_CODE
from openalert.domain.severity import Severity
from openalert.notifiers import chat, gsm, letter, push, sms, wording
from openalert.notifiers.notifier import Action, IncidentFacts, Message
from openalert.storage import incidents, organizations
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader
from openalert.usecases import incident_facts, words
from openalert.usecases.access import home
from openalert.usecases.incidents import see

MOST_EXAMPLES = 20
_SCHEDULE = "Core"
_ABOUT_INCIDENTS = {
    MessageKind.NEWS: NotificationKind.UPDATE,
    MessageKind.NOTICE: NotificationKind.NOTICE,
}
_ABOUT_PEOPLE = {
    MessageKind.HANDOFF: (
        NotificationKind.HANDOFF,
        f"You are on call for {_SCHEDULE} now",
        "At least until Mon 23 Nov, 09:00.",
    ),
    MessageKind.TEST: (
        NotificationKind.TEST,
        "Test page: press “I got it”",
        "This is a test, nothing is wrong. A real page would come to you like this.",
    ),
    MessageKind.HELD: (
        NotificationKind.DIGEST,
        "2 pages were held for you, 1 still open",
        "#42 Disk almost full on db-1 (high): since Sat 23:10, nobody has acknowledged it",
    ),
    MessageKind.WEEKLY: (
        NotificationKind.DIGEST,
        "1 thing to mend: Nobody is on call for Core, Sat 28 Nov 09:00 to 21:00",
        "",
    ),
}


class Preview(msgspec.Struct, frozen=True):
    """How a message reads by one way."""

    text: str
    note: str = ""
    """What it costs, how it is shown, and what of it is cut: `1 segment of at most 3, 148 characters`."""


async def example(
    reader: Reader, actor: Actor, incident_id: str, kind: MessageKind = MessageKind.ANY
) -> tuple[Message, list[Incident]]:
    """A message about this incident of the actor's view, else about the newest, else a made-up one; and the newest."""
    newest = await incidents.search(reader, actor, IncidentFilter(), limit=MOST_EXAMPLES)
    chosen = next((each for each in newest if each.id == incident_id), newest[0] if newest else None)
    return await _message(reader, actor, chosen, kind), newest


async def about(
    reader: Reader, actor: Actor, incident_id: str | None, kind: MessageKind = MessageKind.ANY
) -> Message:
    """A message about this incident, NotFound where the actor sees none; without an id as `example` chooses."""
    if incident_id is None:
        return (await example(reader, actor, "", kind))[0]
    return await _message(reader, actor, await see(reader, actor, incident_id), kind)


async def _message(reader: Reader, actor: Actor, chosen: Incident | None, kind: MessageKind) -> Message:
    organization = await organizations.get(reader, home(actor))
    message = Message(
        notification_id="preview",
        kind=_ABOUT_INCIDENTS.get(kind, NotificationKind.PAGE),
        to="",
        recipient_name=actor.name,
        organization=organization.name if organization else "",
        actions=[Action(verb="acknowledge", label="Acknowledge", url="https://…")],
        at=reader.now,
        is_reminder=kind is MessageKind.REMINDER,
    )
    if kind in _ABOUT_PEOPLE:
        message.kind, message.headline, message.body = _ABOUT_PEOPLE[kind]
        message.actions = []
        return message
    facts = await incident_facts.of(reader, chosen) if chosen else _made_up(reader)
    message.incident, message.reply_code = facts, FIRST_CODE
    message.escalation_note = "Ana is paged at 03:09 unless someone acknowledges."
    if kind is MessageKind.NOTICE:
        message.headline = "Nobody acknowledged"
        message.body = "Somebody must look at this incident now."
        message.escalation_note = ""
    elif kind is MessageKind.NEWS:
        facts.status = max(facts.status, IncidentStatus.ACKNOWLEDGED, key=list(IncidentStatus).index)
        message.headline = f"{facts.status.value.capitalize()} by {actor.name}"
        message.actions, message.escalation_note = [], ""
    return message


def _made_up(reader: Reader) -> IncidentFacts:
    return IncidentFacts(
        id="",
        number=42,
        title="Disk almost full on db-1",
        severity=Severity.CRITICAL,
        status=IncidentStatus.TRIGGERED,
        service_name="Checkout",
        description="/var is 97 % full.",
        labels={"instance": "db-1:9100"},
        started_at=reader.now,
    )


def preview(
    way: str, text: str, message: Message, kind: MessageKind = MessageKind.ANY, *, field: str = ""
) -> Preview:
    """How this message would read by this way with these words; Invalid, as `save` has it, for what cannot be read."""
    words.read(text, kind, way, field or way)
    if text == MESSAGE_KINDS[kind].usual:
        text = ""
    incident = msgspec.structs.replace(message.incident) if message.incident else None
    message = msgspec.structs.replace(message, incident=incident)
    said = words.whole(text, kind, message, _SCHEDULE)
    words.say(message, words.filled(text, kind, way, message, _SCHEDULE))
    shown, note = _shown(way, message)
    longest = words.WAYS[way].longest
    if len(said) > longest:
        note = f"{note}; your words are {len(said)} characters, of which {longest} are shown"
    return Preview(shown, note)


def _shown(way: str, message: Message) -> tuple[str, str]:
    match way:
        case "email":
            return letter.subject(message), "the subject"
        case "sms":
            text = sms.text_of(message)
            return text, _cost(text)
        case "push":
            return "\n".join(filter(None, push.shown(message))), "on a locked screen"
        case "voice":
            return wording.spoken(message), "as it is read out"
        case _:
            told = chat.parts(message)
            return "\n".join(filter(None, (f"{told.symbol} {told.lead}", told.title))), "the first lines"


def _cost(text: str) -> str:
    """What a text message is paid as, and which of its letters make it dearer."""
    count = gsm.segments(text)
    cost = (
        f"{count} segment{'s' if count != 1 else ''} of at most {sms.MOST_SEGMENTS}, {len(text)} characters"
    )
    if strange := gsm.strange(text):
        cost += f"; with {' '.join(strange[:5])} in it a segment holds 70 letters and not 160"
    return cost
