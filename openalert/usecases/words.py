"""The words of messages: what an organization wrote in place of title and service, by kind and by way of reading."""

from collections.abc import Mapping

import msgspec

from openalert.domain import template
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind, in_turn
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.template import Facts, Template
from openalert.notifiers.letter import duration
from openalert.notifiers.notifier import Message
from openalert.storage import message_templates
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, weekly_reports
from openalert.usecases.access import home, require
from openalert.usecases.handoffs import SCHEDULE


class WayOfReading(msgspec.Struct, frozen=True):
    """One way by which messages are read."""

    name: str
    longest: int
    """Characters that it shows of somebody's own words; what is longer is cut."""


WAYS = {
    "email": WayOfReading("Mail", 120),
    "sms": WayOfReading("Text message", 255),
    "push": WayOfReading("Push", 100),
    "voice": WayOfReading("Telephone call", 160),
    "chat": WayOfReading("Chats and all else", 255),
}
"""The ways by which messages are read; each has words of its own."""
_READ_BY_PROGRAMS = frozenset({"webhook"})

Kept = Mapping[tuple[str, str], str]
"""The templates of an organization, by kind of message and way of reading."""


def way_of(channel: str) -> str:
    """By which way a channel's messages are read."""
    return channel if channel in WAYS else "chat"


def takes(channel: str) -> bool:
    """Whether messages of this channel are read by people: programs are told title and service as they are."""
    return channel not in _READ_BY_PROGRAMS


def pairs() -> list[tuple[MessageKind, str]]:
    """Every kind of message with every way that carries it."""
    return [(kind, way) for kind in MESSAGE_KINDS for way in ways_of(kind)]


def ways_of(kind: MessageKind) -> list[str]:
    """The ways that carry messages of this kind: nobody is called for news."""
    return [way for way in WAYS if way != "voice" or MESSAGE_KINDS[kind].is_called]


def called(kind: MessageKind, way: str) -> str:
    """What people call a template: `Text message`, or `Text message, News` where it is for one kind alone."""
    return WAYS[way].name if kind is MessageKind.ANY else f"{WAYS[way].name}, {MESSAGE_KINDS[kind].name}"


def kind_of(row: Notification) -> MessageKind | None:
    """What a message is to its reader; None for one whose words are ours alone, such as a code."""
    match row.kind:
        case NotificationKind.PAGE:
            return MessageKind.REMINDER if row.is_reminder else MessageKind.PAGE
        case NotificationKind.UPDATE | NotificationKind.FOLLOW:
            return MessageKind.NEWS
        case NotificationKind.NOTICE:
            return MessageKind.NOTICE if row.incident_id is not None else None
        case NotificationKind.HANDOFF:
            return MessageKind.HANDOFF
        case NotificationKind.TEST:
            return MessageKind.TEST
        case NotificationKind.DIGEST:
            return MessageKind.WEEKLY if weekly_reports.is_weekly(row) else MessageKind.HELD
        case _:
            return None


async def of_mine(reader: Reader, actor: Actor) -> Kept:
    """The templates of the actor's organization; for its admins."""
    require(actor, Permission.CONFIGURE, None)
    return await message_templates.of_organization(reader, home(actor))


def known(way: str, kind: str = MessageKind.ANY) -> MessageKind:
    """The kind by its name; NotFound for none of ours, and for one that this way does not carry."""
    if kind not in list(MessageKind):
        raise NotFound("message template", kinds=list(MessageKind))
    ways = ways_of(MessageKind(kind))
    if way not in ways:
        raise NotFound("message template", ways=ways)
    return MessageKind(kind)


def in_force(kept: Kept, kind: MessageKind, way: str) -> str:
    """The template that a message of this kind takes: its own, that of a kind above it, or the usual words."""
    own = (kept.get((each, way)) for each in in_turn(kind))
    return next((text for text in own if text), MESSAGE_KINDS[kind].usual)


async def save(
    tx: Transaction, texts: Mapping[str, str], kind: MessageKind = MessageKind.ANY, *, field: str = ""
) -> int:
    """Choose other words for this kind by some ways, an empty text for none of its own; how many changed.

    Invalid names its way, or `field` where the caller calls it otherwise.
    """
    require(tx.actor, Permission.CONFIGURE, None)
    organization_id = home(tx.actor)
    before = await message_templates.of_organization(tx, organization_id)
    changed = {}
    for way, text in texts.items():
        if way not in ways_of(kind):
            raise Invalid(f"channel must be one of {', '.join(ways_of(kind))}.", field="channel")
        wanted = " ".join(text.split())
        read(wanted, kind, way, field or way)
        if wanted == in_force({pair: said for pair, said in before.items() if pair[0] != kind}, kind, way):
            wanted = ""
        if wanted != before.get((kind, way), ""):
            changed[way] = wanted
    for way, text in changed.items():
        await message_templates.put(tx, organization_id, way, kind, text)
        audit.record(
            tx,
            "message_template.changed",
            kind="message_template",
            id=None,
            name=WAYS[way].name
            if kind is MessageKind.ANY
            else f"{WAYS[way].name}, {MESSAGE_KINDS[kind].name}",
            before={"text": before.get((kind, way), "")},
            after={"text": text},
        )
    return len(changed)


def read(text: str, kind: MessageKind, way: str, field: str) -> Template:
    """The template; Invalid where it cannot be read, names what this kind lacks, or is too long for the way."""
    found = template.parse(text, field, MESSAGE_KINDS[kind].places)
    longest, least = WAYS[way].longest, template.shortest(found)
    if least > longest:
        raise Invalid(
            f"{WAYS[way].name}: at most {longest} characters are shown, and these are {least} before anything "
            "is filled in.",
            field=field,
        )
    return found


async def write(reader: Reader, row: Notification, message: Message) -> None:
    """Put the organization's own words into a message, if it has any for its kind and channel."""
    kind = kind_of(row)
    if kind is None or not takes(row.channel):
        return
    way = way_of(row.channel)
    text = await message_templates.first(reader, row.organization_id, way, in_turn(kind))
    if text:
        say(message, filled(text, kind, way, message, str(row.content.get(SCHEDULE, ""))))


def say(message: Message, words: str) -> None:
    """Let the message say this in place of title and service, or of its headline; nothing leaves it as it is."""
    if message.incident is not None:
        message.incident.words = words
    elif words:
        message.headline = words


def filled(text: str, kind: MessageKind, way: str, message: Message, schedule: str = "") -> str:
    """The template with the facts of this message, as long as the way allows; empty where they fill in nothing."""
    words = whole(text, kind, message, schedule)
    longest = WAYS[way].longest
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def whole(text: str, kind: MessageKind, message: Message, schedule: str = "") -> str:
    """The same, however long; empty also for a template that cannot be read any more."""
    try:
        found = template.parse(text, names=MESSAGE_KINDS[kind].places)
    except Invalid:
        return ""
    return " ".join(template.render(found, facts(message, schedule)).split())


def facts(message: Message, schedule: str = "") -> Facts:
    """What a template may name, whatever its kind; `parse` has refused what the kind lacks."""
    told = {
        "headline": message.headline,
        "organization": {"name": message.organization},
        "recipient": {"name": message.recipient_name},
        "schedule": {"name": schedule},
    }
    incident = message.incident
    if incident is None:
        return told
    return told | {
        "incident": {
            "number": incident.number,
            "title": incident.title,
            "severity": incident.severity.value,
            "status": incident.status.value,
            "description": incident.description,
            "alerts": incident.alert_count,
            "age": duration(message.at - incident.started_at),
        },
        "service": {"name": incident.service_name},
        "labels": dict(incident.labels),
        "next": message.escalation_note,
    }
