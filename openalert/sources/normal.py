"""From what a parser found to a signal: the rules that hold for every source, in one place.

A parser names the candidates, best first, as they stood in the body, whatever their types are. Here the first that
says something is taken, cleaned and cut; years nobody meant, links that are none and labels without a value are left
out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.sources import identity, text, times

_LONGEST_GROUP = 255
NAMELESS = "Alert without a name"


def signal(
    source: str,
    now: Instant,
    *,
    status: SignalStatus,
    severity: Severity | None,
    title: Any,
    key: str,
    group: str = "",
    description: Any = None,
    labels: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Any] | None = None,
    links: Iterable[tuple[str, Any]] = (),
    starts: Any = None,
    ends: Any = None,
) -> Signal:
    """The signal; `title` and `description` are one candidate or a tuple of them.

    `key` is the identity ("": the title is all there is, so it identifies), `group` what belongs to one incident
    ("": nothing else does). `starts` and `ends` are times in any form that `times.instant` reads, `links` pairs of a
    label and an address.
    """
    headline = first_line(title)
    fingerprint = key or identity.digest(source, headline)
    starts_at = times.not_future(times.instant(starts), now) if starts else None
    ends_at = None
    if ends and status is SignalStatus.RESOLVED:
        ends_at = times.not_future(times.instant(ends), now)
        if ends_at is not None and starts_at is not None and ends_at < starts_at:
            ends_at = None
    return Signal(
        source=source,
        status=status,
        severity=severity,
        title=headline or NAMELESS,
        fingerprint=fingerprint,
        group=_short(group) or fingerprint,
        description=first_paragraphs(description, headline),
        labels=said(labels, text.LABEL) if labels else {},
        annotations=said(annotations, text.ANNOTATION) if annotations else {},
        links=[found for label, address in links if (found := text.link(label, address))],
        starts_at=starts_at,
        ends_at=ends_at,
    )


def first_line(candidates: Any) -> str:
    """The first candidate that is text or a number and says something, as one clean line; else ""."""
    for value in candidates if type(candidates) is tuple else (candidates,):
        if isinstance(value, str):
            if value and (found := text.line(value)):
                return found
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return text.line(text.scalar(value))
    return ""


def first_paragraphs(candidates: Any, title: str) -> str:
    """The first candidate that is text and says more than the title, cleaned."""
    for value in candidates if type(candidates) is tuple else (candidates,):
        if value and (found := text.paragraphs(value)) and found != title:
            return found
    return ""


def said(values: Mapping[str, Any], limit: int) -> dict[str, str]:
    """Members that hold something, as text, each name and value cut to what is stored."""
    texts = {name: text.scalar(value) for name, value in values.items() if value is not None and value != ""}
    return text.kept(texts, limit)


def _short(group: str) -> str:
    return group if len(group) <= _LONGEST_GROUP and group.isprintable() else identity.digest(group)
