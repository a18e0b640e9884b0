"""A message as a mail: subject, threading headers, text and HTML.

The words of an alert are quoted, never trusted: they cannot break a header, they are escaped in HTML, and the
only links in a mail are our own. The mail loads nothing from anywhere, so it reads the same on a train.
"""

import functools
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import jinja2

from openalert.domain.errors import Invalid
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.domain.walltime import zone_named
from openalert.notifiers.notifier import IncidentFacts, Message, Point
from openalert.notifiers.text import one_line, paragraphs

TITLE = 255
SUBJECT_TITLE = 120
DESCRIPTION = 2_000
LABELS = 12
UNTITLED = "Untitled incident"
POSSIBLE_REPEAT = "possible repeat"


def compose(
    message: Message, *, sender: Address, recipient: Address, base_url: str, now: Instant
) -> EmailMessage:
    """The complete mail; every attempt at one notification carries the same Message-ID."""
    international = not (sender.addr_spec + recipient.addr_spec).isascii()
    mail = EmailMessage(policy=policy.SMTPUTF8 if international else policy.SMTP)
    mail["Subject"] = subject(message)
    mail["From"] = sender
    mail["To"] = recipient
    if message.reply_to:
        mail["Reply-To"] = message.reply_to
    mail["Date"] = to_datetime(now)
    mail["Message-ID"] = message_id(message.notification_id, sender)
    if message.thread_key:
        root = message_id(f"incident.{message.thread_key}", sender)
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.incident is None:
        if message.kind is NotificationKind.PAGE:
            mail["Importance"] = "high"
    else:
        mail["X-OpenAlert-Incident"] = str(message.incident.number)
        if message.kind is NotificationKind.PAGE and message.incident.severity.rank >= Severity.HIGH.rank:
            mail["Importance"] = "high"
    context = _context(message, base_url)
    templates = _templates()
    mail.set_content(templates.get_template("email.txt").render(context), cte="quoted-printable")
    mail.add_alternative(
        templates.get_template("email.html").render(context), subtype="html", cte="quoted-printable"
    )
    return mail


def subject(message: Message) -> str:
    """`[#42] CRITICAL: Disk full on db-1 (Checkout)`: what a locked telephone shows."""
    incident = message.incident
    headline = one_line(message.headline, SUBJECT_TITLE)
    if incident is None:
        line = headline or "A message from OpenAlert"
    else:
        what = headline
        if message.kind is NotificationKind.PAGE:
            what = how_bad(message, incident)
        elif message.kind is NotificationKind.NOTICE and headline:
            what = f"{how_bad(message, incident)}, {headline[0].lower()}{headline[1:]}"
        line = f"[#{incident.number}] {what}: " if what else f"[#{incident.number}] "
        line += _what_and_where(incident)
    if message.bundle:
        line += f" (+{len(message.bundle)} more)"
    if message.possible_repeat:
        line += f" ({POSSIBLE_REPEAT})"
    return line


def _what_and_where(incident: IncidentFacts) -> str:
    """Own words, else the title and its service, which is left out before the title is cut."""
    title, service = title_of(incident, SUBJECT_TITLE), one_line(incident.service_name, 60)
    whole = f"{title} ({service})"
    return title if incident.words or not service or len(whole) > SUBJECT_TITLE else whole


def how_bad(message: Message, incident: IncidentFacts, between: str = "") -> str:
    """`CRITICAL`, `CRITICAL, reminder` for a page that comes again, `CRITICAL, help wanted` for somebody who is asked.

    `between` stands after the severity.
    """
    wanted = ", help wanted" if message.is_request else ""
    return incident.severity.value.upper() + between + wanted + (", reminder" if message.is_reminder else "")


def title_of(incident: IncidentFacts, limit: int) -> str:
    """What the incident is called in a message: by the organization's own words, else by its title."""
    return one_line(incident.words, limit) or one_line(incident.title, limit) or UNTITLED


def message_id(name: str, sender: Address) -> str:
    """An RFC 5322 message identifier below the sender's domain; `name` is made of ids of ours."""
    return f"<openalert.{name}@{sender.domain}>"


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("openalert.notifiers"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(message: Message, base_url: str) -> dict[str, object]:
    """Everything that the templates may name, cleaned and cut; both templates see the same."""
    return {
        "kind": message.kind.value,
        "is_reminder": message.is_reminder,
        "is_request": message.is_request,
        "tone": _tone(message),
        "organization": one_line(message.organization, 80),
        "headline": one_line(message.headline, TITLE),
        "body": [text for text in paragraphs(message.body, DESCRIPTION).split("\n\n") if text],
        "points": [_point(each) for each in message.points],
        "reason": one_line(message.reason, 500),
        "escalation_note": one_line(message.escalation_note, 500),
        "possible_repeat": message.possible_repeat,
        "incident": _incident(message.incident, message) if message.incident else None,
        "incident_url": message.incident_url,
        "can_reply": bool(message.reply_to and message.actions),
        "actions": [{"label": one_line(action.label, 40), "url": action.url} for action in message.actions],
        "bundle": [one_line(title, TITLE) for title in message.bundle],
        "base_url": base_url,
    }


def _point(point: Point) -> dict[str, str]:
    return {
        "tone": point.tone,
        "words": one_line(point.words, TITLE),
        "when": one_line(point.when, 120),
        "detail": one_line(point.detail, 500),
        "url": point.url,
    }


def _incident(incident: IncidentFacts, message: Message) -> dict[str, object]:
    labels = [(one_line(name, 60), one_line(value, 200)) for name, value in incident.labels.items()]
    return {
        "number": incident.number,
        "title": one_line(incident.title, TITLE) or UNTITLED,
        "severity": incident.severity.value,
        "status": incident.status.value,
        "service": one_line(incident.service_name, 120),
        "description": paragraphs(incident.description, DESCRIPTION),
        "labels": labels[:LABELS],
        "more_labels": max(len(labels) - LABELS, 0),
        "links": [one_line(link.label, 60) for link in incident.links[:LABELS]],
        "alert_count": incident.alert_count,
        "started": moment(incident.started_at, message.timezone, seen=message.at),
        "lasted": duration(message.at - incident.started_at),
    }


def _tone(message: Message) -> str:
    """The colour that leads: the severity while somebody must act, else how it stands."""
    incident = message.incident
    if incident is None:
        return "accent"
    if message.kind is NotificationKind.UPDATE and incident.status is not IncidentStatus.TRIGGERED:
        return "good" if incident.status is IncidentStatus.RESOLVED else "accent"
    return incident.severity.value


def moment(instant: Instant, timezone: str, *, seen: Instant) -> str:
    """`03:04 CEST` on the recipient's clocks, or `Fri 16 Oct, 03:04 CEST` when `seen` is another day."""
    zone = _zone(timezone)
    local, today = to_datetime(instant).astimezone(zone), to_datetime(seen).astimezone(zone)
    time = f"{local:%H:%M %Z}"
    return time if local.date() == today.date() else f"{local:%a} {local.day} {local:%b}, {time}"


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except Invalid:
        return zone_named("UTC")


def duration(elapsed: int) -> str:
    """`12 min`, `3 h 5 min`, `2 d 4 h`: the two largest units of a time in milliseconds."""
    if elapsed < MINUTE:
        return f"{max(elapsed, 0) // SECOND} s"
    if elapsed < HOUR:
        return f"{elapsed // MINUTE} min"
    units = (("d", DAY), ("h", HOUR)) if elapsed >= DAY else (("h", HOUR), ("min", MINUTE))
    (large, size), (small, part) = units
    rest = elapsed % size // part
    return f"{elapsed // size} {large}" + (f" {rest} {small}" if rest else "")
