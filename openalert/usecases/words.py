"""The words of messages: what an organization wrote in place of title and service, and how it reads by each way."""

from collections.abc import Mapping

import msgspec

from openalert.domain import template
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.domain.reply import FIRST_CODE
from openalert.domain.severity import Severity
from openalert.domain.template import Facts
from openalert.notifiers import chat, gsm, letter, sms, wording
from openalert.notifiers.notifier import Action, IncidentFacts, Message
from openalert.storage import incidents, message_templates, organizations
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, incident_facts
from openalert.usecases.access import home, require
from openalert.usecases.incidents import see

WAYS = {
    "email": "Mail",
    "sms": "Text message",
    "push": "Push",
    "voice": "Telephone call",
    "chat": "Chats and all else",
}
"""The ways by which messages are read; each has words of its own."""
USUAL = "{{ incident.title }} ({{ service.name }})"
"""What a message says where nobody has chosen other words."""
LONGEST_WORDS = 500
MOST_EXAMPLES = 20


class Preview(msgspec.Struct, frozen=True):
    """How a message reads by one way."""

    text: str
    note: str = ""
    """What it costs or how it is shown: `2 segments, 148 characters`."""


def way_of(channel: str) -> str:
    """By which way a channel's messages are read."""
    return channel if channel in WAYS else "chat"


async def of_mine(reader: Reader, actor: Actor) -> dict[str, str]:
    """The templates of the actor's organization, by way; for its admins."""
    require(actor, Permission.CONFIGURE, None)
    return await message_templates.of_organization(reader, home(actor))


async def of_way(reader: Reader, actor: Actor, way: str) -> str | None:
    """The organization's own template for one way, None where it has the usual words; NotFound for no way of ours."""
    kept = await of_mine(reader, actor)
    if way not in WAYS:
        raise NotFound("message template", ways=list(WAYS))
    return kept.get(way)


async def save(tx: Transaction, texts: Mapping[str, str], *, field: str = "") -> int:
    """Choose other words for some ways, an empty text for the usual ones; how many changed.

    Invalid names its way, or `field` where the caller calls it otherwise.
    """
    require(tx.actor, Permission.CONFIGURE, None)
    organization_id = home(tx.actor)
    before = await message_templates.of_organization(tx, organization_id)
    changed = {}
    for way, text in texts.items():
        if way not in WAYS:
            raise Invalid(f"channel must be one of {', '.join(WAYS)}.", field="channel")
        wanted = " ".join(text.split())
        template.parse(wanted, field or way)
        if wanted == USUAL:
            wanted = ""
        if wanted != before.get(way, ""):
            changed[way] = wanted
    for way, text in changed.items():
        await message_templates.put(tx, organization_id, way, text)
        audit.record(
            tx,
            "message_template.changed",
            kind="message_template",
            id=None,
            name=WAYS[way],
            before={"text": before.get(way, "")},
            after={"text": text},
        )
    return len(changed)


async def write(reader: Reader, organization_id: str, channel: str, message: Message) -> None:
    """Put the organization's own words into a message about an incident, if it has any for this channel."""
    if message.incident is None:
        return
    text = await message_templates.get(reader, organization_id, way_of(channel))
    if text:
        message.incident.words = filled(text, message)


def filled(text: str, message: Message) -> str:
    """The template with the facts of this message; empty where they fill in nothing, so that the usual words stand."""
    try:
        words = template.render(template.parse(text), facts(message))
    except Invalid:
        return ""
    return " ".join(words.split())[:LONGEST_WORDS]


def facts(message: Message) -> Facts:
    """What a template may name."""
    incident = message.incident
    if incident is None:
        return {}
    return {
        "incident": {
            "number": incident.number,
            "title": incident.title,
            "severity": incident.severity.value,
            "status": incident.status.value,
            "description": incident.description,
            "alerts": incident.alert_count,
        },
        "service": {"name": incident.service_name},
        "labels": dict(incident.labels),
        "organization": {"name": message.organization},
        "recipient": {"name": message.recipient_name},
        "next": message.escalation_note,
    }


async def example(reader: Reader, actor: Actor, incident_id: str) -> tuple[Message, list[Incident]]:
    """A page about this incident of the actor's view, else about the newest one, else a made-up one; and the newest."""
    newest = await incidents.search(reader, actor, IncidentFilter(), limit=MOST_EXAMPLES)
    chosen = next((each for each in newest if each.id == incident_id), newest[0] if newest else None)
    return await _page(reader, actor, chosen), newest


async def page_about(reader: Reader, actor: Actor, incident_id: str | None) -> Message:
    """A page about this incident, NotFound where the actor sees none; without an id as `example` chooses."""
    if incident_id is None:
        return (await example(reader, actor, ""))[0]
    return await _page(reader, actor, await see(reader, actor, incident_id))


async def _page(reader: Reader, actor: Actor, chosen: Incident | None) -> Message:
    organization = await organizations.get(reader, home(actor))
    return Message(
        notification_id="preview",
        kind=NotificationKind.PAGE,
        to="",
        recipient_name=actor.name,
        organization=organization.name if organization else "",
        incident=await incident_facts.of(reader, chosen) if chosen else msgspec.structs.replace(_MADE_UP),
        escalation_note="Ana is paged at 03:09 unless someone acknowledges.",
        reply_code=FIRST_CODE,
        actions=[Action(verb="acknowledge", label="Acknowledge", url="https://…")],
        at=reader.now,
    )


_MADE_UP = IncidentFacts(
    id="",
    number=42,
    title="Disk almost full on db-1",
    severity=Severity.CRITICAL,
    status=IncidentStatus.TRIGGERED,
    service_name="Checkout",
    description="/var is 97 % full.",
    labels={"instance": "db-1:9100"},
    started_at=0,
)


def preview(way: str, text: str, message: Message, *, field: str = "") -> Preview:
    """How this message would read by this way with these words; Invalid, as `save` has it, for what cannot be read."""
    template.parse(text, field or way)
    if message.incident is not None:
        message.incident.words = filled(text, message)
    match way:
        case "email":
            return Preview(letter.subject(message), "the subject")
        case "sms":
            said = sms.text_of(message)
            count = gsm.segments(said)
            return Preview(said, f"{count} segment{'s' if count != 1 else ''}, {len(said)} characters")
        case "push":
            return Preview(wording.brief(message, 180), "on a locked screen")
        case "voice":
            return Preview(wording.spoken(message), "as it is read out")
        case _:
            told = chat.parts(message)
            return Preview(f"{told.symbol} {told.lead}\n{told.title}", "the first lines")
