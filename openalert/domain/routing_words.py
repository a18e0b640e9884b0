"""Routing rules as sentences: when one applies, what it does, and what one did to an alert."""

from collections.abc import Mapping, Sequence

from openalert.domain.instant import MINUTE
from openalert.domain.matching import Operator
from openalert.domain.routing import (
    LABEL,
    Actions,
    AllOf,
    AnyOf,
    CameBy,
    Condition,
    HasTag,
    Hours,
    InTime,
    LabelFits,
    Not,
    OfService,
    RuleBody,
    SeverityIs,
    SourceIs,
    TextFits,
    TextOperator,
    TextPlace,
    Threshold,
    ThresholdSide,
)
from openalert.domain.routing_decide import Done
from openalert.domain.timeline import span

Names = Mapping[str, str]
"""What services and integrations are called, by id; those that the reader may not see are missing."""
UNNAMED = "one that you do not see"
DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_WEEKDAYS = (1, 2, 3, 4, 5)
_PLACES = {
    TextPlace.ANY: "the text",
    TextPlace.TITLE: "the title",
    TextPlace.DESCRIPTION: "the description",
}
_LABEL_WORDS = {
    Operator.EQUAL: "is",
    Operator.NOT_EQUAL: "is not",
    Operator.FITS: "matches",
    Operator.FITS_NOT: "does not match",
}
_FIELD_WORDS = {"source": "source", "integration": "integration", "service": "service"} | {
    "severity": "severity",
    "title": "title",
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def condition_words(condition: Condition, names: Names, *, inside: bool = False) -> str:
    """What an alert has to be: `severity is low or info, and label env is prod`; empty for every alert."""
    match condition:
        case AllOf(conditions=some) | AnyOf(conditions=some):
            joint = "and" if isinstance(condition, AllOf) else "or"
            words = [condition_words(each, names, inside=True) for each in some]
            text = f", {joint} ".join(words)
            return f"({text})" if inside and len(words) > 1 else text
        case Not(condition=one):
            return f"not ({condition_words(one, names)})"
        case SourceIs(values=values):
            return f"source is {_or(values)}"
        case SeverityIs(values=levels):
            return f"severity is {_or([level.value for level in levels])}"
        case LabelFits(name=name, operator=operator, value=value):
            return f"label {name} {_LABEL_WORDS[operator]} {_value(value)}"
        case TextFits(place=place, operator=how, value=value):
            verb = "contains" if how is TextOperator.CONTAINS else "matches"
            return f"{_PLACES[place]} {verb} {_value(value)}"
        case HasTag(values=values):
            return f"tagged {_or(values)}"
        case CameBy(values=ids):
            return f"integration is {_or([names.get(each, UNNAMED) for each in ids])}"
        case OfService(values=ids):
            return f"service is {_or([names.get(each, UNNAMED) for each in ids])}"
        case InTime():
            return _time_words(condition)


def _or(values: Sequence[str]) -> str:
    return listed(values, "or")


def _value(text: str) -> str:
    return f"“{text}”" if text else "empty"


def _time_words(condition: InTime) -> str:
    parts = []
    if condition.windows:
        parts.append(_or([window_words(window) for window in condition.windows]))
    if condition.from_date and condition.to_date:
        parts.append(f"from {condition.from_date} to {condition.to_date}")
    elif condition.from_date or condition.to_date:
        parts.append(
            f"from {condition.from_date} on" if condition.from_date else f"until {condition.to_date}"
        )
    return f"it comes {', '.join(parts)} ({condition.timezone})"


def window_words(window: Hours) -> str:
    """`Mon to Fri 22:00 to 07:00`, `every day 00:00 to 24:00`."""
    if len(window.days) == len(DAYS):
        days = "every day"
    elif window.days == _WEEKDAYS:
        days = "Mon to Fri"
    else:
        days = listed([DAYS[day] for day in window.days])
    return f"{days} {window.from_time} to {window.to_time}"


def field_words(name: str) -> str:
    """`label host`, `title`."""
    return f"label {name[len(LABEL) :]}" if name.startswith(LABEL) else _FIELD_WORDS.get(name, name)


def minutes_words(minutes: float) -> str:
    """`5 min`, `2 h`, `30 s`."""
    return span(round(minutes * MINUTE))


def threshold_words(threshold: Threshold) -> str:
    """`it is at least the 3rd in 10 min with the same label host`."""
    same = f" with the same {listed([field_words(name) for name in threshold.by])}" if threshold.by else ""
    within = minutes_words(threshold.minutes)
    if threshold.side is ThresholdSide.REACHED:
        return f"there are {threshold.count} or more of them within {within}{same}"
    return f"there are fewer than {threshold.count} of them within {within}{same}"


def when_words(body: RuleBody, names: Names) -> str:
    """When the rule applies, after the word “when”; empty: always."""
    parts = [condition_words(body.condition, names)]
    if body.threshold:
        parts.append(threshold_words(body.threshold))
    return ", and ".join(part for part in parts if part)


def actions_words(actions: Actions, names: Names) -> list[str]:
    """What is done, each act a few words: `set severity to low`."""
    words = []
    if actions.service_id is not None:
        words.append(f"route to {names.get(actions.service_id, UNNAMED)}")
    if actions.severity is not None:
        words.append(f"set severity to {actions.severity.value} ({actions.severity.priority})")
    if actions.tags:
        words.append(f"tag {listed(actions.tags)}")
    if actions.group_by:
        words.append(f"group by {listed([field_words(name) for name in actions.group_by])}")
    if actions.suppress is not None:
        words.append(_suppression(actions.suppress.minutes))
    if actions.delay_minutes is not None:
        words.append(f"hold for {minutes_words(actions.delay_minutes)} and page only if it still fires")
    if actions.drop:
        words.append("drop it: keep the message, make no alert")
    return words


def _suppression(minutes: float | None) -> str:
    if minutes is None:
        return "suppress until it is resolved"
    return f"suppress for {minutes_words(minutes)}"


def sentence(body: RuleBody, names: Names) -> str:
    """The whole rule: `When severity is low, suppress until it is resolved, then stop.`"""
    when = when_words(body, names)
    acts = actions_words(body.actions, names) or ([] if body.stop else ["only count it"])
    if body.stop:
        acts = [*acts, "ask no later rule"]
    begin = f"When {when}: " if when else "Always: "
    return f"{begin}{', '.join(acts)}."


def done_words(done: Done, names: Names) -> str:
    """What one rule did to an alert, as a line of its story."""
    if done.actions is None:
        return f"Rule “{done.rule_name}” failed and was passed over."
    acts = actions_words(done.actions, names)
    counted = f" (number {done.counted} in its time)" if done.counted is not None else ""
    stopped = " No later rule was asked." if done.stopped else ""
    return f"Rule “{done.rule_name}” applied{counted}: {', '.join(acts) or 'it only counts'}.{stopped}"
