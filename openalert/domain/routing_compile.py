"""Conditions as functions: made once when a list of rules is read, asked for every alert after that."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import TypeAlias

from openalert.domain.instant import DAY, MINUTE
from openalert.domain.matching import Matcher, fits, somewhere
from openalert.domain.quiet import of_week
from openalert.domain.routing import (
    LABEL,
    AllOf,
    AnyOf,
    CameBy,
    Condition,
    HasTag,
    InTime,
    LabelFits,
    Not,
    OfService,
    SeverityIs,
    SourceIs,
    Subject,
    TextFits,
    TextOperator,
    TextPlace,
)
from openalert.domain.walltime import midnight, reached, since_sunday, zone_named

Test: TypeAlias = Callable[[Subject], bool]
Read: TypeAlias = Callable[[Subject], str]
SEARCHED = 10_000
"""Characters of a text in which is searched."""
_MINUTES_REMEMBERED = 64


def compiled(condition: Condition) -> Test:
    """What says whether an alert fits a condition that was checked."""
    match condition:
        case AllOf(conditions=some):
            return _all([compiled(each) for each in some])
        case AnyOf(conditions=some):
            return _any([compiled(each) for each in some])
        case Not(condition=one):
            test = compiled(one)
            return lambda subject: not test(subject)
        case LabelFits():
            matcher = Matcher(name=condition.name, operator=condition.operator, value=condition.value)
            label = fits([matcher])
            return lambda subject: label(subject.labels)
        case TextFits():
            return _text(condition)
        case InTime():
            return _time(condition)
        case _:
            return _member(condition)


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda subject: all(test(subject) for test in tests)


def _any(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda subject: any(test(subject) for test in tests)


def _member(condition: SourceIs | SeverityIs | HasTag | CameBy | OfService) -> Test:
    values = frozenset(map(str, condition.values))
    match condition:
        case SourceIs():
            return lambda subject: subject.source in values
        case SeverityIs():
            return lambda subject: subject.severity in values
        case CameBy():
            return lambda subject: subject.integration_id in values
        case OfService():
            return lambda subject: subject.service_id in values
        case HasTag():
            return lambda subject: not values.isdisjoint(subject.tags)


def _text(condition: TextFits) -> Test:
    if condition.operator is TextOperator.CONTAINS:
        words = condition.value.casefold()

        def found(text: str) -> bool:
            return words in _folded(text)
    else:
        search = somewhere(condition.value)

        def found(text: str) -> bool:
            return search(text[:SEARCHED])

    if condition.place is TextPlace.TITLE:
        return lambda subject: found(subject.title)
    if condition.place is TextPlace.DESCRIPTION:
        return lambda subject: found(subject.description)
    return lambda subject: found(subject.title) or found(subject.description)


@lru_cache(maxsize=64)
def _folded(text: str) -> str:
    """The same text is searched by one rule after the other."""
    return text[:SEARCHED].casefold()


def _time(condition: InTime) -> Test:
    """Hours and dates have whole minutes, so the answer is one for all alerts of a minute."""
    zone = zone_named(condition.timezone)
    edges = [edge for span in of_week([hours.window for hours in condition.windows]) for edge in span]
    first = midnight(date.fromisoformat(condition.from_date)) if condition.from_date else None
    last = midnight(date.fromisoformat(condition.to_date)) + DAY if condition.to_date else None

    @lru_cache(maxsize=_MINUTES_REMEMBERED)
    def within(minute: int) -> bool:
        wall = reached(zone, minute * MINUTE)
        if (first is not None and wall < first) or (last is not None and wall >= last):
            return False
        return not edges or bisect_right(edges, since_sunday(wall)) % 2 == 1

    return lambda subject: within(subject.at // MINUTE)


def key_of(fields: Sequence[str]) -> Read:
    """What tells alerts apart by these fields, `label:env=prod, title=Disk full`: equal when all of them are."""
    reads = [(name, _field(name)) for name in fields]
    return lambda subject: ", ".join([f"{name}={read(subject)}" for name, read in reads])


def _field(name: str) -> Read:
    if name.startswith(LABEL):
        label = name[len(LABEL) :]
        return lambda subject: subject.labels.get(label, "")
    return _FIELDS[name]


_FIELDS: dict[str, Read] = {
    "source": lambda subject: subject.source,
    "integration": lambda subject: subject.integration_id,
    "service": lambda subject: subject.service_id,
    "severity": lambda subject: subject.severity.value,
    "title": lambda subject: subject.title,
}
