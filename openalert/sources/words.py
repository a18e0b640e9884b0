"""The words other systems use for how bad it is and whether it is over, as our own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

from openalert.domain.alert import SignalStatus
from openalert.domain.severity import Severity

Meaning = TypeVar("Meaning")


def _split(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SEVERITIES = {
    Severity.CRITICAL: _split(
        "critical crit fatal emergency emerg panic disaster page blocker p0 p1 sev0 sev1 alerting"
    ),
    Severity.HIGH: _split("high error err major warning warn p2 sev2 pending no_data nodata"),
    Severity.MEDIUM: _split("medium moderate average minor p3 sev3 normal"),
    Severity.LOW: _split("low notice ticket p4 sev4"),
    Severity.INFO: _split("info informational information none debug trace ok clear success p5 sev5"),
}
_STATUSES = {
    SignalStatus.FIRING: _split(
        "firing alerting alert alarm active activated trigger triggered retriggered open opened reopen reopened"
        " create created new started start ongoing problem down fired fail failing failed failure fault faulty"
        " error err critical crit fatal warning warn major minor emergency disaster pending no_data nodata"
        " breached breach unhealthy degraded missing unresolved anomalous trouble investigating identified"
        " monitoring late overdue unreachable offline red"
    ),
    SignalStatus.RESOLVED: _split(
        "resolved resolve ok okay normal recovered recovery recover closed close cleared clear up inactive"
        " deactivated healthy success successful succeeded passing passed pass green fixed ended end solved"
        " completed complete good back_to_normal all_clear auto_resolved autoresolved manually_resolved"
        " auto_closed operational reachable online postmortem"
    ),
    SignalStatus.ACKNOWLEDGED: _split("acknowledged acknowledge acknowledgement ack acked"),
}
_SEVERITY = {word: level for level, words in _SEVERITIES.items() for word in words}
_STATUS = {word: status for status, words in _STATUSES.items() for word in words}
_GOOD = _split("ok okay clear cleared success normal none up resolved recovered closed healthy green good")
_OVER = _split("ok okay clear cleared resolved recovered closed healthy green")
_MUTED = _split(
    "paused suppressed silenced muted snoozed inhibited maintenance under_maintenance downtimestart downtime "
    "disabled insufficient_data"
)
_LEVELS = _split("critical crit fatal emergency disaster error err high major warning warn minor medium low")
_GRADE = re.compile(r"(p|sev|severity|priority)[ _:#-]?([0-5])(?:\b.*)?", re.ASCII)
_NUMBERED = re.compile(r"[0-9][ :.)]+([a-z]+)", re.ASCII)
_LONGEST = 40
_OWN: ContextVar[Mapping[str, Severity] | None] = ContextVar("severities of the integration", default=None)


def own(severities: Mapping[str, Severity]) -> AbstractContextManager[None]:
    """While a body is read: what the integration's own table says of a word goes before everything known here."""
    return _first(severities) if severities else _NO_TABLE


_NO_TABLE = nullcontext()


@contextmanager
def _first(severities: Mapping[str, Severity]) -> Iterator[None]:
    token = _OWN.set({plain(word): level for word, level in severities.items()})
    try:
        yield
    finally:
        _OWN.reset(token)


def severity(word: Any) -> Severity | None:
    """The level a word stands for; None for anything unknown, and for bare numbers, whose order differs."""
    if (table := _OWN.get()) and (found := look_up(table, word)):
        return found
    if not isinstance(word, str):
        return None
    return _SEVERITY.get(word) or _other_severity(word)


def own_level(word: Any) -> Severity | None:
    """What the integration's own table says of a word; None where it says nothing."""
    table = _OWN.get()
    return look_up(table, word) if table else None


def level(table: Mapping[str, Severity | None], word: Any) -> Severity | None:
    """What a source's own table of severities says of a word, unless the integration's does."""
    return own_level(word) or look_up(table, word)


def _other_severity(word: str) -> Severity | None:
    if len(word) > _LONGEST:
        return None
    known = plain(word)
    if found := _SEVERITY.get(known):
        return found
    known = known.replace("_", " ")
    if grade := _GRADE.fullmatch(known):
        return _SEVERITY[f"{'p' if grade[1][0] == 'p' else 'sev'}{grade[2]}"]
    numbered = _NUMBERED.fullmatch(known)
    return _SEVERITY.get(numbered[1]) if numbered else None


def status(word: Any) -> SignalStatus | None:
    """What a status word says; None for anything unknown."""
    if not isinstance(word, str):
        return None
    return _STATUS.get(word) or (_STATUS.get(plain(word)) if len(word) <= _LONGEST else None)


def look_up(table: Mapping[str, Meaning], word: Any) -> Meaning | None:
    """What a source's own table says of a word in any case and spelling, or of a number."""
    if isinstance(word, int | float) and not isinstance(word, bool):
        word = str(word)
    if not isinstance(word, str) or len(word) > _LONGEST:
        return None
    return table.get(word) or table.get(plain(word))


def muted(word: Any) -> bool:
    """The sender itself has silenced this alert, or does not know its state: nothing is to be done."""
    return isinstance(word, str) and len(word) <= _LONGEST and plain(word) in _MUTED


def good(word: Any) -> bool:
    """A severity word that says there is no problem: it must not lower the severity of an alert."""
    return isinstance(word, str) and len(word) <= _LONGEST and plain(word) in _GOOD


def over(word: Any) -> bool:
    """A severity word that ends an alert, as in Netdata's `"severity": "clear"`."""
    return isinstance(word, str) and len(word) <= _LONGEST and plain(word) in _OVER


def level_in_status(word: Any) -> Severity | None:
    """The severity in a status word, as in `"status": "CRITICAL"`; None for `firing` and its like."""
    return severity(word) if isinstance(word, str) and plain(word[:_LONGEST]) in _LEVELS else None


def plain(word: str) -> str:
    """A word as words are compared: without its case, and with `_` for spaces and hyphens."""
    return word.strip().casefold().replace(" ", "_").replace("-", "_")
