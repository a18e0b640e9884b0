"""Why a rule applied to an alert or did not: each of its conditions by itself, with what the alert has."""

import msgspec

from openalert.domain.routing import (
    AllOf,
    AnyOf,
    Condition,
    HasTag,
    LabelFits,
    Not,
    RuleBody,
    SeverityIs,
    SourceIs,
    Subject,
    TextFits,
    TextPlace,
)
from openalert.domain.routing_compile import compiled
from openalert.domain.routing_words import Names, condition_words

SHOWN = 120


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One condition, asked about one alert."""

    words: str
    holds: bool
    depth: int
    """How far inside of other conditions it stands."""
    has: str = ""
    """What the alert has there; empty where that goes without saying."""


def reasons(body: RuleBody, subject: Subject, names: Names) -> list[Reason]:
    """Every condition of a rule that was checked, those inside of others after them."""
    return _reasons(body.condition, subject, names, 0)


def _reasons(condition: Condition, subject: Subject, names: Names, depth: int) -> list[Reason]:
    holds = compiled(condition)(subject)
    match condition:
        case AllOf(conditions=some) | AnyOf(conditions=some):
            deeper = depth + 1 if depth or isinstance(condition, AnyOf) else depth
            inside = [reason for each in some for reason in _reasons(each, subject, names, deeper)]
            if deeper == depth:
                return inside
            words = "all of these" if isinstance(condition, AllOf) else "at least one of these"
            return [Reason(words=words, holds=holds, depth=depth), *inside]
        case Not(condition=one):
            head = Reason(words="not so", holds=holds, depth=depth)
            return [head, *_reasons(one, subject, names, depth + 1)]
        case _:
            has = _has(condition, subject)
            return [
                Reason(words=condition_words(condition, names), holds=holds, depth=depth, has=has[:SHOWN])
            ]


def _has(condition: Condition, subject: Subject) -> str:
    match condition:
        case SourceIs():
            return subject.source
        case SeverityIs():
            return subject.severity.value
        case LabelFits(name=name):
            return subject.labels.get(name) or "no such label"
        case TextFits(place=TextPlace.DESCRIPTION):
            return subject.description
        case TextFits():
            return subject.title
        case HasTag():
            return ", ".join(subject.tags) or "no tags"
        case _:
            return ""
