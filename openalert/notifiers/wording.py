"""Plain words of a message for small places: one line, a locked screen, a voice on the telephone.

Texts from outside are cleaned here (`notifiers/text`); what is left is escaping, which is the provider's own and the
caller's business. Nothing here carries a link: whoever offers a way to answer adds it.
"""

import itertools
import re

from openalert.domain.notification import NotificationKind
from openalert.notifiers.letter import POSSIBLE_REPEAT, UNTITLED, how_bad, title_of
from openalert.notifiers.notifier import IncidentFacts, Message
from openalert.notifiers.text import one_line, paragraphs

HEADLINE = 255
"""Characters of a headline, where its reader sets no other limit."""
NEWS = 80
"""Characters of what happened, within it."""
SHORTEST_TITLE = 24
"""A title is cut down to this before anything else of a brief message is left out."""
SPOKEN_TITLE = 160
"""Characters of a title that are read out: about ten seconds."""
NAMED_IN_BUNDLE = 3

_NOTHING = "A message from OpenAlert"

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://\S+|\bwww\.\S+")
_HEX = re.compile(r"\b[0-9a-fA-F][0-9a-fA-F-]{6,}[0-9a-fA-F]\b")
_CLOCK = re.compile(r"\b([01]?[0-9]|2[0-3]):([0-5][0-9])\b")
_UNIT = re.compile(r"(?<=[0-9]) ?(ms|s|min|h|d|KiB|MiB|GiB|TiB|KB|MB|GB|TB)\b")
_LONG_NUMBER = re.compile(r"(?<![0-9.,])[0-9]{6,}(?![0-9])")
_DAY = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?= [0-9])")
_MONTH = re.compile(r"(?<=[0-9] )(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b")
_NUMBERS = re.compile(r"\b[0-9]{1,5}(?:\.[0-9]{1,5}){2,}\b")
_DOT = re.compile(r"(?<=[0-9A-Za-z])\.(?=[A-Za-z])")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "KiB": "kilobytes",
    "KB": "kilobytes",
    "MiB": "megabytes",
    "MB": "megabytes",
    "GiB": "gigabytes",
    "GB": "gigabytes",
    "TiB": "terabytes",
    "TB": "terabytes",
}
_CALENDAR = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
    "Jan": "January",
    "Feb": "February",
    "Mar": "March",
    "Apr": "April",
    "Jun": "June",
    "Jul": "July",
    "Aug": "August",
    "Sep": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
}
_SYMBOLS = {
    "%": " percent ",
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "<": " less than ",
    ">": " greater than ",
    "@": " at ",
    "#": " number ",
    "°": " degrees ",
    "€": " euro ",
    "$": " dollar ",
}
_PUNCTUATION = ".,?!:;'"


def headline(message: Message, limit: int = HEADLINE) -> str:
    """One line: `CRITICAL #42 Disk full on db-1 (Checkout)` or `#42 Resolved by Bea: Disk full on db-1 (Checkout)`.

    At most `limit` characters; the service is left out before the title is cut.
    """
    incident = message.incident
    if incident is None:
        return one_line(message.headline, limit) or _NOTHING
    lead = _lead(message, incident)
    title = title_of(incident, HEADLINE)
    service = one_line(incident.service_name, 60) if not incident.words else ""
    whole = f"{lead} {title} ({service})" if service else f"{lead} {title}"
    return whole if len(whole) <= limit else one_line(f"{lead} {title}", limit)


def brief(message: Message, limit: int) -> str:
    """A few lines for a locked screen: what is broken and how badly, what happens next, what else is broken.

    At most `limit` characters, which must be 60 at least: first the title is cut, then the other incidents, then what
    happens next; that it is a possible repeat always stands there, and first.
    """
    mark = f"({POSSIBLE_REPEAT}) " if message.possible_repeat else ""
    rest = _rest(message)
    while True:
        room = limit - len(mark) - sum(len(line) + 1 for line in rest)
        first = headline(message, max(room, 1))
        if not rest or room >= min(SHORTEST_TITLE + _lead_length(message), len(headline(message))):
            return "\n".join([mark + first, *rest])
        rest.pop()


def spoken(message: Message) -> str:
    """Sentences for a robot voice: no symbols, no addresses of pages, numbers as people say them."""
    sentences = ["You may have heard this before."] if message.possible_repeat else []
    incident = message.incident
    if message.kind is NotificationKind.CODE:
        sentences.append(_sentence(spelled(one_line(message.headline, HEADLINE))))
    elif incident is None:
        sentences += [
            _said(message.headline or _NOTHING),
            _said(_in_a_row(paragraphs(message.body, 600), ".")),
        ]
    else:
        sentences += _spoken_incident(message, incident)
    return " ".join(sentence for sentence in sentences if sentence)


def spelled(text: str) -> str:
    """The words with every digit by itself and a pause after it: `1, 2, 3, 4`."""
    return " ".join(re.sub(r"([0-9]) ?", r" \1, ", text).split()).rstrip(",")


def pronounced(text: str) -> str:
    """One line as a voice should read it: `db-1 97 %` becomes `db 1 97 percent`; a link becomes `a link`."""
    text = _URL.sub("a link", text)
    text = _HEX.sub(lambda found: "an identifier" if _is_made_up(found[0]) else found[0], text)
    text = _DAY.sub(lambda found: _CALENDAR[found[1]], text)
    text = _MONTH.sub(lambda found: _CALENDAR[found[1]], text)
    text = _CLOCK.sub(lambda found: _time(int(found[1]), int(found[2])), text)
    text = _UNIT.sub(lambda found: f" {_UNITS[found[1]]}", text)
    text = _LONG_NUMBER.sub(lambda found: " ".join(found[0]), text)
    text = _NUMBERS.sub(lambda found: found[0].replace(".", " dot "), text)
    text = _DOT.sub(" dot ", text)
    text = _HUMPS.sub(" ", text)
    text = "".join(_pronounced_character(character) for character in text)
    return re.sub(r"\s+(?=[.,?!:;])", "", " ".join(text.split()))


def _lead(message: Message, incident: IncidentFacts) -> str:
    """What comes before the title: how bad it is for a page, what happened for news."""
    news = one_line(message.headline, NEWS)
    if message.kind is NotificationKind.PAGE or not news:
        lead = how_bad(message, incident, f" #{incident.number}")
        return f"{lead}:" if message.is_reminder or message.is_request else lead
    if message.kind is NotificationKind.NOTICE:
        return f"{how_bad(message, incident, f' #{incident.number}')} {news}:"
    return f"#{incident.number} {news}:"


def _lead_length(message: Message) -> int:
    return len(_lead(message, message.incident)) + 1 if message.incident else 0


def _rest(message: Message) -> list[str]:
    """The lines after the first, the most important first."""
    incident = message.incident
    lines = [] if incident is not None else [one_line(_in_a_row(message.body, ";"), 500)]
    lines.append(one_line(message.escalation_note, 200))
    if message.bundle:
        named = "; ".join(one_line(title, 40) or UNTITLED for title in message.bundle[:NAMED_IN_BUNDLE])
        more = "; …" if len(message.bundle) > NAMED_IN_BUNDLE else ""
        lines.append(f"+{len(message.bundle)} more: {named}{more}")
    return [line for line in lines if line]


def _in_a_row(text: str, mark: str) -> str:
    """The lines of a list one after another, a mark between those that end without one of their own.

    After the last line that is set in, a sentence begins.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    ended = []
    for line, following in itertools.pairwise([*lines, ""]):
        is_end = line.startswith(" ") and not following.startswith(" ")
        closed = not following or line.endswith((".", "!", "?", ":", ";", ","))
        ended.append(line.strip() + ("" if closed else "." if is_end else mark))
    return " ".join(ended)


def _spoken_incident(message: Message, incident: IncidentFacts) -> list[str]:
    title = _said(title_of(incident, SPOKEN_TITLE))
    service = one_line(incident.service_name, 60) if not incident.words else ""
    if message.kind is NotificationKind.PAGE or not message.headline:
        sentences = ["You are asked for help."] if message.is_request else []
        sentences += ["Reminder."] if message.is_reminder else []
        sentences += [f"{incident.severity.value.capitalize()} incident number {incident.number}.", title]
    else:
        how_bad = f"{incident.severity.value} " if message.kind is NotificationKind.NOTICE else ""
        sentences = [
            f"{how_bad}incident number {incident.number}:".capitalize(),
            _said(one_line(message.headline, 80)),
            title,
        ]
    if service:
        sentences.append(_said(f"Service: {service}"))
    if incident.alert_count > 1 and message.kind is NotificationKind.PAGE:
        sentences.append(f"{incident.alert_count} alerts so far.")
    sentences.append(_said(one_line(message.escalation_note, 200)))
    if message.bundle:
        count = len(message.bundle)
        sentences.append(f"And {count} more incident{'s' if count > 1 else ''}:")
        sentences += [_said(one_line(title, 60) or UNTITLED) for title in message.bundle[:NAMED_IN_BUNDLE]]
    return sentences


def _said(text: str) -> str:
    return _sentence(pronounced(" ".join(text.split())))


def _sentence(text: str) -> str:
    """With a full stop at its end; nothing for a text without a letter or digit."""
    if not any(character.isalnum() for character in text):
        return ""
    return text if text.endswith((".", "!", "?")) else text.rstrip(" ,;:") + "."


def _is_made_up(text: str) -> bool:
    """Whether a run of hexadecimal digits is a hash or an id, and no word and no number."""
    return any(each.isdigit() for each in text) and any(each.isalpha() for each in text)


def _time(hour: int, minute: int) -> str:
    if minute == 0:
        return f"{hour} o'clock"
    return f"{hour} {f'oh {minute}' if minute < 10 else minute}"


def _pronounced_character(character: str) -> str:
    if character.isalnum() or character in _PUNCTUATION:
        return character
    return _SYMBOLS.get(character, " ")
