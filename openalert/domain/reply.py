"""Answers of a few characters or words: `1 12`, `ack`, `resolve 12 replaced the disk`, `snooze 12 2h`.

One table of keys serves text messages and telephones, so that no digit means two things. Codes (`12`) name one
person's incidents; they begin at 10, so that a single digit is always a key and a longer number always a code, in
whatever order they are typed.
"""

import re
import unicodedata
from enum import StrEnum

import msgspec

from openalert.domain.action import Verb
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant

FIRST_CODE = 10
LAST_CODE = 999_999

KEYS: dict[str, Verb] = {
    "1": Verb.ACKNOWLEDGE,
    "4": Verb.ACKNOWLEDGE,
    "2": Verb.RESOLVE,
    "6": Verb.RESOLVE,
    "3": Verb.ESCALATE,
    "5": Verb.ESCALATE,
    "7": Verb.SNOOZE,
    "8": Verb.HAND_ON,
}
"""What one digit does, typed in a text message or on a telephone; whoever is asked for help has words instead."""
REPEAT_KEY = "9"
"""On a telephone the incident is read out again; by text whoever asks is told what is open."""
HELP_KEY = "0"

WORDS: dict[Verb, frozenset[str]] = {
    Verb.ACKNOWLEDGE: frozenset(
        {"a", "ack", "acked", "acknowledge", "acknowledged", "accept", "mine", "take"}
    ),
    Verb.RESOLVE: frozenset({"r", "res", "resolve", "resolved", "close", "closed", "done", "fixed"}),
    Verb.ESCALATE: frozenset({"e", "esc", "escalate", "escalated", "up"}),
    Verb.SNOOZE: frozenset({"s", "snooze", "snoozed", "sleep", "mute"}),
    Verb.HAND_ON: frozenset({"p", "pass", "handon", "handover", "next", "decline"}),
    Verb.JOIN: frozenset({"j", "join", "joining", "coming", "omw"}),
    Verb.DECLINE: frozenset({"cannot", "cant", "can't", "busy"}),
}
"""What one word does, in any case. `hand on` and its like are written as one before they are looked up."""
HELP_WORDS = frozenset({"?", "help", "hilfe", "commands", "menu"})
LIST_WORDS = frozenset({"list", "open", "status", "repeat"})
_GREETINGS = {"hi", "hello", "please", "pls", "plz", "thanks", "thank", "thx", "you", "now", "ok", "okay"}
_NOUNS = {"it", "this", "that", "the", "incident", "page", "alert", "code", "number", "no", "nr", "for", "i"}
_EMPTY_WORDS = _GREETINGS | _NOUNS
"""What people write beside an answer and that changes nothing about it."""

_VERBS = {word: verb for verb, words in WORDS.items() for word in words} | dict(KEYS)
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
_SPAN = re.compile(
    r"(?<![\w.])(\d{1,6})\s*(m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])(?:\s*(\d{1,2})\s*m(?:ins?)?(?![a-z]))?"
)
_IN_ONE = ((re.compile(r"\bhand(?:ed)?[\s_-]+(?:it[\s_-]+)?(?:on|over|off)\b"), "handon"),)
_WORD = re.compile(r"\?|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+")
_QUOTED = re.compile(r"\s*(?:>|\|)")
_REST_IS_OLD = re.compile(
    r"(?i)^\s*(?:-- ?|_{5,}|-{2,}\s*(?:original message|forwarded message|urspr\w+ nachricht).*"
    r"|on\b.{4,200}\bwrote:|am\b.{4,200}\bschrieb.*:|le\b.{4,200}\ba \u00e9crit\s?:|from:\s.+|von:\s.+|sent from my\b.*"
    r"|get outlook for\b.*)\s*$"
)
_LONGEST = 4_000
_MOST_LINES = 5


class Wish(StrEnum):
    """What somebody asks for who does not act."""

    HELP = "help"
    LIST = "list"
    """What is open, each with its code."""


class TextAnswer(msgspec.Struct, frozen=True):
    """What somebody wrote, understood."""

    wants: Verb | Wish | None
    """None: a code without a word of what to do about it."""
    code: int | None = None
    """Which incident, by this person's code for it; None: the only one there is."""
    snooze_for: Instant | None = None


def parse(text: str) -> TextAnswer | None:
    """The answer in a text message, or in the first lines of a mail's own words; None: it is none that we know.

    A remark may follow an answer that names its incident (`resolve 12 replaced the disk`). Without a code the answer
    stands alone: `resolve tomorrow` is a sentence and does nothing.
    """
    for line in own_words(text).split("\n")[:_MOST_LINES]:
        found = _parse_line(line)
        if found is not None:
            return found
    return None


def duration(text: str) -> Instant | None:
    """How long `30m`, `2 hours` or `1h30m` is, in milliseconds; None for anything else."""
    rest, length = _take_span(_plain(text).casefold())
    return None if rest.strip() else length


def own_words(text: str) -> str:
    """What the writer of a mail wrote: no quoted text, no signature, no blank lines; digits are 0 to 9."""
    lines = []
    # Software breaks the line `On <date>, <sender> wrote:` in two.
    joined = re.sub(r"(?im)^(on\b[^\n]{4,120})\n([^\n]{0,120}wrote:)", r"\1 \2", _plain(text))
    for line in joined.split("\n"):
        if _REST_IS_OLD.match(line):
            break
        if line.strip() and not _QUOTED.match(line):
            lines.append(line.strip())
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Full-width and other scripts' digits and letters as the plain ones; bounded."""
    text = text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return "".join(_plain_sign(sign) for sign in unicodedata.normalize("NFC", text))


def _plain_sign(sign: str) -> str:
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    # A fraction or a number in a circle would fall into digits that nobody typed.
    return sign if unicodedata.category(sign) == "No" else unicodedata.normalize("NFKC", sign)


def _parse_line(line: str) -> TextAnswer | None:
    text = line.casefold()
    for pattern, word in _IN_ONE:
        text = pattern.sub(word, text)
    text, snooze_for = _take_span(text)
    words = [word for word in _WORD.findall(text) if word not in _EMPTY_WORDS]
    code = _code(words[:2])
    meant = [word for word in words if code is None or word.lstrip("0") != str(code)]
    if not meant:
        return TextAnswer(None, code, snooze_for) if code is not None else None
    wants = _meaning(meant[0])
    if wants is None or (len(meant) > 1 and code is None):
        return None
    if wants is Verb.SNOOZE and snooze_for is None and len(meant) > 1 and meant[1].isdigit():
        snooze_for = int(meant[1][:6]) * MINUTE
    return TextAnswer(wants, code, snooze_for)


def _take_span(text: str) -> tuple[str, Instant | None]:
    """The line without the duration in it, and the duration: `30m`, `2 hours`, `1h30m`."""
    found = _SPAN.search(text)
    if found is None:
        return text, None
    length = int(found[1]) * _UNITS[found[2][0]] + int(found[3] or 0) * MINUTE
    return f"{text[: found.start()]} {text[found.end() :]}", length


def _code(words: list[str]) -> int | None:
    for word in words:
        if word.isdigit() and len(word) <= 9 and FIRST_CODE <= int(word) <= LAST_CODE:
            return int(word)
    return None


def _meaning(word: str) -> Verb | Wish | None:
    if word in HELP_WORDS or word == HELP_KEY:
        return Wish.HELP
    if word in LIST_WORDS or word == REPEAT_KEY:
        return Wish.LIST
    return _VERBS.get(word)
