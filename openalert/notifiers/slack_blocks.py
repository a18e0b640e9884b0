"""A message as Slack shows it: Block Kit, and the one line that a locked telephone shows.

Words from outside stand only where Slack reads no markup: in `plain_text` objects and in the text elements of
`rich_text` blocks. The line of the notification is markup for Slack, so its words are escaped. Limits are those of
docs.slack.dev/reference/block-kit.
"""

from typing import Any
from urllib.parse import urlsplit

from openalert.domain.action import Verb
from openalert.domain.chat import GOT
from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import wording
from openalert.notifiers.letter import duration, moment, title_of
from openalert.notifiers.notifier import IncidentFacts, Message
from openalert.notifiers.text import one_line, paragraphs

Block = dict[str, Any]

HEADER = 150
TEXT = 3_000
NOTIFICATION = 400
DESCRIPTION = 1_500
LABELS = 10
BUNDLED = 20
URL = 3_000
EVENT = "openalert_notification"
"""The type of the metadata by which we know a message of ours again."""
ACTION = "openalert:"
"""What the id of every button of ours begins with; its verb follows."""
CONNECT = "connect"
"""The button by which somebody says that this Slack account is theirs."""

_SHAPES = {
    Severity.CRITICAL: "\N{OCTAGONAL SIGN}",
    Severity.HIGH: "\N{LARGE ORANGE DIAMOND}",
    Severity.MEDIUM: "\N{LARGE YELLOW SQUARE}",
    Severity.LOW: "\N{LARGE BLUE CIRCLE}",
    Severity.INFO: "\N{MEDIUM WHITE CIRCLE}",
}
"""Told apart by shape and by colour, and always beside the word."""
_STATES = {
    IncidentStatus.ACKNOWLEDGED: "\N{EYES}",
    IncidentStatus.RESOLVED: "\N{WHITE HEAVY CHECK MARK}",
}
_BUTTONS = {
    Verb.ACKNOWLEDGE: "Acknowledge",
    Verb.RESOLVE: "Resolve",
    Verb.ESCALATE: "Escalate",
    Verb.SNOOZE: "Snooze 1 h",
    Verb.HAND_ON: "Hand on",
    Verb.JOIN: "I am coming",
    Verb.DECLINE: "I cannot come",
}
_COMING = (Verb.JOIN, Verb.DECLINE)
_OFFERED = {
    IncidentStatus.TRIGGERED: tuple(verb for verb in _BUTTONS if verb not in _COMING),
    IncidentStatus.ACKNOWLEDGED: (Verb.RESOLVE,),
    IncidentStatus.RESOLVED: (),
}
_ASKS = {NotificationKind.PAGE, NotificationKind.NOTICE}


def is_person(place: str) -> bool:
    """Whether the place is somebody's own conversation and not a channel."""
    return place[:1] in ("U", "W", "D")


def fallback(message: Message) -> str:
    """What the lock screen shows, with Slack's three control characters escaped."""
    return escape(wording.brief(message, NOTIFICATION))


def escape(text: str) -> str:
    """Text for a member that Slack reads as markup: nothing in it mentions, links or calls anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def metadata(notification_id: str) -> dict[str, Any]:
    """What lets us find this message again when the answer to it was lost."""
    return {"event_type": EVENT, "event_payload": {"notification_id": notification_id}}


def card(message: Message) -> list[Block]:
    """The whole message; of news that replaces a page, the page as it stands now."""
    incident = message.incident
    if incident is None:
        return _plain_message(message)
    blocks = [_header(_title(message, incident))]
    if state := _state(message, incident):
        blocks.append(section(state))
    if long := _whole_title(incident):
        blocks.append(section(long))
    blocks += [section(text) for text in _paragraphs(message.body)[:5]]
    description = paragraphs(incident.description, DESCRIPTION)
    if description and incident.status is not IncidentStatus.RESOLVED:
        blocks.append(section(description))
    blocks.append(_facts(message, incident))
    blocks += _bundle(message)
    blocks += _buttons(message, incident)
    blocks += _small(message.escalation_note, message.reason, _in_words(message), _repeat(message))
    return blocks


def news(message: Message) -> list[Block]:
    """News in the thread below a page: what happened, and no more than that."""
    words = _state(message, message.incident) if message.incident else one_line(message.headline, TEXT)
    return [
        section(words or wording.headline(message)),
        *[section(text) for text in _paragraphs(message.body)[:5]],
        *_small(message.escalation_note, _repeat(message)),
    ]


def _title(message: Message, incident: IncidentFacts) -> str:
    sign = _STATES.get(incident.status) or _SHAPES[incident.severity]
    word = incident.severity.value.upper()
    if incident.status is not IncidentStatus.TRIGGERED:
        word = incident.status.value.upper()
    title = title_of(incident, TEXT)
    more = f" (+{len(message.bundle)} more)" if message.bundle else ""
    start = f"{sign} {word} · #{incident.number} "
    return start + one_line(title, HEADER - len(start) - len(more)) + more


def _whole_title(incident: IncidentFacts) -> str:
    """The title where it is too long for the header."""
    title = one_line(incident.title, TEXT)
    return title if len(title) > HEADER - 40 else ""


def _state(message: Message, incident: IncidentFacts) -> str:
    """`Resolved by Bea · 03:21 CEST · after 17 min`; empty for a page that waits for its answer."""
    if incident.status is IncidentStatus.TRIGGERED and not one_line(message.headline, 500):
        return ""
    sign = _STATES.get(incident.status, "")
    headline = one_line(message.headline, 500) or incident.status.value.capitalize()
    at = moment(message.at, message.timezone, seen=message.at)
    after = f"after {duration(message.at - incident.started_at)}"
    return " · ".join([f"{sign} {headline}".strip(), at, after])


def _facts(message: Message, incident: IncidentFacts) -> Block:
    """Service, times, labels and links, as literal text with our own words in bold."""
    began = moment(incident.started_at, message.timezone, seen=message.at)
    lines: list[list[Block]] = [
        [_bold("Service  "), _text(one_line(incident.service_name, 120) or "without a name")],
        [
            _bold("Severity  "),
            _text(f"{incident.severity.value} ({incident.severity.priority})"),
            _bold("    Since  "),
            _text(began),
            *([_bold("    Alerts  "), _text(str(incident.alert_count))] if incident.alert_count > 1 else []),
        ],
    ]
    if incident.status is not IncidentStatus.RESOLVED:
        for name, value in list(incident.labels.items())[:LABELS]:
            lines.append(
                [_bold((one_line(name, 60) or "label") + "  "), _text(one_line(value, 200) or "empty")]
            )
        if len(incident.labels) > LABELS:
            lines.append([_text(f"and {len(incident.labels) - LABELS} more labels")])
    links = [_link(link.href, one_line(link.label, 60)) for link in incident.links if _may_link(link.href)]
    if _may_link(message.incident_url):
        links.insert(0, _link(message.incident_url, f"Open #{incident.number}"))
    if links:
        lines.append([part for link in links for part in (_text("  ·  "), link)][1:])
    elements: list[Block] = []
    for line in lines:
        elements += [*([_text("\n")] if elements else []), *line]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _buttons(message: Message, incident: IncidentFacts) -> list[Block]:
    """What the reader may do; the value names the notification and the verb, and holds no secret."""
    if message.kind not in _ASKS and message.kind is not NotificationKind.UPDATE:
        return []
    verbs = [verb for verb in _OFFERED[incident.status] if verb is not Verb.HAND_ON or is_person(message.to)]
    if any(action.verb == Verb.JOIN for action in message.actions):
        verbs = [*_COMING, *(verb for verb in verbs if verb is not Verb.HAND_ON)]
    buttons = [_button(verb, _BUTTONS[verb], message.notification_id) for verb in verbs]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _plain_message(message: Message) -> list[Block]:
    """A test, a notice, a code, a link, a handoff or a digest: headline, words, and its one button."""
    blocks = [
        _header(one_line(message.headline, HEADER) or f"A message from {one_line(message.organization, 80)}")
    ]
    blocks += [section(text) for text in _paragraphs(message.body)]
    buttons = [
        _button(GOT, action.label, message.notification_id)
        if action.verb == GOT
        else {
            "type": "button",
            "action_id": f"{ACTION}open:{number}",
            "text": _words(one_line(action.label, 75) or "Open"),
            "url": action.url,
            **({"style": "primary"} if number == 0 else {}),
        }
        for number, action in enumerate(message.actions)
        if _may_link(action.url)
    ][:5]
    if message.kind is NotificationKind.CODE:
        buttons = [_button(CONNECT, "It is me", message.notification_id)]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return [*blocks, *_bundle(message), *_small(message.reason, _repeat(message))]


def _button(verb: str, label: str, notification_id: str) -> Block:
    button = {
        "type": "button",
        "action_id": f"{ACTION}{verb}",
        "text": _words(label),
        "value": f"{notification_id}:{verb}",
    }
    return button | ({"style": "primary"} if verb in (Verb.ACKNOWLEDGE, Verb.JOIN, CONNECT, GOT) else {})


def _bundle(message: Message) -> list[Block]:
    if not message.bundle:
        return []
    told = [f"• {one_line(title, 150)}" for title in message.bundle[:BUNDLED]]
    if len(message.bundle) > BUNDLED:
        told.append(f"and {len(message.bundle) - BUNDLED} more")
    return [section("Also open:\n" + "\n".join(told))]


def _in_words(message: Message) -> str:
    """How to answer by writing, where the reader has a number for it."""
    if not message.reply_code or message.kind is not NotificationKind.PAGE:
        return ""
    return f"You can also write here: ack {message.reply_code}"


def _repeat(message: Message) -> str:
    return "Possible repeat: Slack did not confirm an earlier copy." if message.possible_repeat else ""


def _paragraphs(text: str) -> list[str]:
    """At most twenty, each within what one text may hold."""
    parts = [part for part in paragraphs(text, 20 * TEXT).split("\n\n") if part.strip()]
    return [paragraphs(part, TEXT) for part in parts[:20]]


def _header(text: str) -> Block:
    return {"type": "header", "text": _words(text)}


def section(text: str) -> Block:
    """A block of literal text."""
    return {"type": "section", "text": _words(text[:TEXT])}


def _small(*texts: str) -> list[Block]:
    said = [_words(one_line(text, 500)) for text in texts if one_line(text, 500)]
    return [{"type": "context", "elements": said}] if said else []


def _words(text: str) -> Block:
    """Literal text: no markup, no shortcodes of emoji."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}


def _link(url: str, label: str) -> Block:
    return {"type": "link", "url": url, "text": label or "link"}


def _may_link(url: str) -> bool:
    """Only the web: no scheme that starts something, nothing that does not fit."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    return usable and len(url) <= URL and url.isprintable() and not set(url) & set(" <>|")
