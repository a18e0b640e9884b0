"""What a chat shows of a message: its parts, cleaned and cut; each chat adds its own form and its own escaping."""

from urllib.parse import urlsplit

import msgspec

from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.notifiers.letter import POSSIBLE_REPEAT, TITLE, UNTITLED, duration, how_bad, moment, title_of
from openalert.notifiers.notifier import Action, IncidentFacts, Link, Message
from openalert.notifiers.text import one_line, paragraphs

DESCRIPTION = 900
LABELS = 8
LINKS = 4
BUNDLED = 10
_LONGEST_HREF = 1_000

SYMBOLS = {
    "critical": "🔴",
    "high": "🟠",
    "medium": "🟡",
    "low": "🔵",
    "info": "⚪",
    "good": "✅",
    "accent": "👤",
    "plain": "💬",
}
"""By tone. They lead a line that says the same in words: colours are not seen by everybody."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """One message, in the order in which it is read."""

    tone: str
    """A severity while somebody must act; `good` when it is over, `accent` when somebody has it, else `plain`."""
    lead: str
    """`CRITICAL #42`, `#42 Resolved by Bea`; the subject of a message about no incident."""
    title: str = ""
    """Of the incident; empty when there is none."""
    facts: list[tuple[str, str]] = []
    """What is always worth a line: (its name, its value)."""
    text: str = ""
    """The description of an alert, or the body of a notice; lines are kept."""
    labels: list[tuple[str, str]] = []
    more_labels: int = 0
    links: list[tuple[str, str]] = []
    """(words, http address) of what monitoring brought along; the words name the host."""
    bundle: list[str] = []
    more_bundled: int = 0
    what_is_next: str = ""
    reason: str = ""

    @property
    def symbol(self) -> str:
        """The coloured shape of the tone."""
        return SYMBOLS[self.tone]


def parts(message: Message) -> Parts:
    """The parts of any message."""
    incident = message.incident
    if incident is None:
        return Parts(
            tone="plain",
            lead=_repeated(message, one_line(message.headline, TITLE) or "A message from OpenAlert"),
            text=paragraphs(message.body, DESCRIPTION),
            reason=one_line(message.reason, 300),
        )
    labels = [(one_line(name, 60), one_line(value, 120)) for name, value in incident.labels.items()]
    labels = [(name, value) for name, value in labels if name and value]
    asks = message.kind in (NotificationKind.PAGE, NotificationKind.NOTICE)
    return Parts(
        tone=tone(message, incident),
        lead=_repeated(message, _lead(message, incident)),
        title=title_of(incident, TITLE),
        facts=_facts(message, incident),
        text=paragraphs(message.body or (incident.description if asks else ""), DESCRIPTION),
        labels=labels[:LABELS] if asks else [],
        more_labels=max(len(labels) - LABELS, 0) if asks else 0,
        links=[each for each in map(_link, incident.links) if each is not None][:LINKS] if asks else [],
        bundle=[one_line(title, 120) or UNTITLED for title in message.bundle[:BUNDLED]],
        more_bundled=max(len(message.bundle) - BUNDLED, 0),
        what_is_next=one_line(message.escalation_note, 300),
        reason=one_line(message.reason, 300),
    )


def tone(message: Message, incident: IncidentFacts) -> str:
    """What leads: the severity while somebody must act, else how it stands."""
    if message.kind in (NotificationKind.UPDATE, NotificationKind.FOLLOW):
        if incident.status is IncidentStatus.RESOLVED:
            return "good"
        if incident.status is IncidentStatus.ACKNOWLEDGED:
            return "accent"
    return incident.severity.value


def label(action: Action) -> str:
    """The words on a button, short enough for all chats."""
    return one_line(action.label, 40) or action.verb


def _repeated(message: Message, lead: str) -> str:
    return f"{lead} ({POSSIBLE_REPEAT})" if message.possible_repeat else lead


def _lead(message: Message, incident: IncidentFacts) -> str:
    """How bad it is for who must act, what happened for who hears news."""
    news = one_line(message.headline, 120)
    if message.kind is NotificationKind.PAGE or not news:
        return how_bad(message, incident, f" #{incident.number}")
    if message.kind is NotificationKind.NOTICE:
        return f"{how_bad(message, incident, f' #{incident.number}')} {news}"
    return f"#{incident.number} {news}"


def _facts(message: Message, incident: IncidentFacts) -> list[tuple[str, str]]:
    service = one_line(incident.service_name, 120)
    facts = [("Service", service)] if service else []
    if message.kind in (NotificationKind.PAGE, NotificationKind.NOTICE):
        facts.append(("Began", moment(incident.started_at, message.timezone, seen=message.at)))
    elif incident.status is IncidentStatus.RESOLVED:
        facts.append(("Lasted", duration(message.at - incident.started_at)))
    if incident.alert_count > 1:
        facts.append(("Alerts", str(incident.alert_count)))
    return facts


def _link(link: Link) -> tuple[str, str] | None:
    """The link with its host in its words, so that nobody is sent where they did not mean to go; None: no web page."""
    try:
        url = urlsplit(link.href)
        host = url.hostname or ""
        usable = url.scheme in ("http", "https") and bool(host) and "@" not in url.netloc
    except ValueError:
        return None
    if not usable or not link.href.isascii() or not link.href.isprintable() or len(link.href) > _LONGEST_HREF:
        return None
    if any(character in link.href for character in " \"'<>\\^`{|}"):
        return None
    words = one_line(link.label, 60)
    return (f"{words} ({host})" if words else host), link.href
