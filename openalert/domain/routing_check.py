"""What a routing rule may be: bounded, and every mistake found when it is saved, by the name of the member it is in."""

from datetime import date

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.matching import Matcher, check_pattern
from openalert.domain.matching import check as check_matchers
from openalert.domain.quiet import MOST_WINDOWS, check_window
from openalert.domain.routing import (
    DEEPEST,
    FIELDS,
    LABEL,
    LONGEST_DELAY_MINUTES,
    LONGEST_SUPPRESSION_MINUTES,
    LONGEST_TAG,
    LONGEST_VALUE,
    LONGEST_WINDOW_MINUTES,
    MOST_CONDITIONS,
    MOST_FIELDS,
    MOST_OF_THRESHOLD,
    MOST_TAGS,
    MOST_VALUES,
    Actions,
    AllOf,
    AnyOf,
    Condition,
    InTime,
    LabelFits,
    Not,
    RuleBody,
    SeverityIs,
    TextFits,
    TextOperator,
    Threshold,
)
from openalert.domain.severity import Severity
from openalert.domain.walltime import zone_named

LEAST_MINUTES = 1 / 60
"""A second: less is a mistake of the unit."""


def check_body(body: RuleBody) -> RuleBody:
    """The rule in one spelling, or Invalid with the field in which it cannot be meant."""
    if _count(body.condition) > MOST_CONDITIONS:
        raise Invalid(f"A rule can have at most {MOST_CONDITIONS} conditions.", field="condition")
    return msgspec.structs.replace(
        body,
        condition=_condition(body.condition, "condition", 1),
        threshold=_threshold(body.threshold) if body.threshold else None,
        actions=_actions(body.actions),
    )


def _count(condition: Condition) -> int:
    if isinstance(condition, AllOf | AnyOf):
        return 1 + sum(_count(each) for each in condition.conditions)
    return 1 + _count(condition.condition) if isinstance(condition, Not) else 1


def _condition(condition: Condition, field: str, depth: int) -> Condition:
    if depth > DEEPEST:
        raise Invalid(f"{field}: conditions can stand at most {DEEPEST} deep.", field=field)
    match condition:
        case AllOf(conditions=some) | AnyOf(conditions=some):
            return _group(condition, some, field, depth)
        case Not(condition=one):
            return Not(condition=_condition(one, f"{field}.condition", depth + 1))
        case LabelFits():
            _label(condition, field)
        case TextFits(value=value):
            _text(value, f"{field}.value")
            if condition.operator is TextOperator.MATCHES:
                check_pattern(value, field=f"{field}.value")
        case InTime():
            return _time(condition, field)
        case SeverityIs(values=levels):
            _some(levels, f"{field}.values")
            return SeverityIs(values=tuple(dict.fromkeys(levels)))
        case _:
            values = tuple(dict.fromkeys(_text(each, f"{field}.values") for each in condition.values))
            return msgspec.structs.replace(condition, values=_some(values, f"{field}.values"))
    return condition


def _group(group: AllOf | AnyOf, some: tuple[Condition, ...], field: str, depth: int) -> AllOf | AnyOf:
    if not some and (depth > 1 or isinstance(group, AnyOf)):
        raise Invalid(f"{field}.conditions needs at least one condition.", field=f"{field}.conditions")
    checked = tuple(
        _condition(each, f"{field}.conditions[{position}]", depth + 1) for position, each in enumerate(some)
    )
    return msgspec.structs.replace(group, conditions=checked)


def _some(values: tuple[str, ...], field: str) -> tuple[str, ...]:
    if not 1 <= len(values) <= MOST_VALUES:
        raise Invalid(f"{field} needs 1 to {MOST_VALUES} values.", field=field)
    return values


def _text(value: str, field: str, longest: int = LONGEST_VALUE) -> str:
    if not value.strip() or len(value) > longest or "\0" in value:
        raise Invalid(f"{field} needs 1 to {longest} characters.", field=field)
    return value


def _label(condition: LabelFits, field: str) -> None:
    if condition.name.startswith("__"):
        # The facts behind such names are conditions of their own here.
        raise Invalid(f"{field}.name is no label that a source sends.", field=f"{field}.name")
    if "\0" in condition.name + condition.value:
        raise Invalid(f"{field}.value has a NUL character in it.", field=f"{field}.value")
    matcher = Matcher(name=condition.name, operator=condition.operator, value=condition.value)
    check_matchers([matcher], field=f"{field}.value" if condition.name else f"{field}.name")


def _time(condition: InTime, field: str) -> InTime:
    try:
        zone_named(condition.timezone)
    except Invalid as error:
        raise Invalid(error.message, field=f"{field}.timezone") from None
    if not condition.windows and condition.from_date is None and condition.to_date is None:
        raise Invalid(f"{field} needs hours of the week, or dates.", field=field)
    if len(condition.windows) > MOST_WINDOWS:
        raise Invalid(f"{field}.windows can be at most {MOST_WINDOWS}.", field=f"{field}.windows")
    first = _date(condition.from_date, f"{field}.fromDate")
    last = _date(condition.to_date, f"{field}.toDate")
    if first and last and last < first:
        raise Invalid(f"{field}.toDate lies before fromDate.", field=f"{field}.toDate")
    windows = tuple(
        msgspec.structs.replace(hours, days=check_window(hours.window, f"{field}.windows[{position}]").days)
        for position, hours in enumerate(condition.windows)
    )
    return msgspec.structs.replace(condition, windows=windows)


def _date(text: str | None, field: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{field} needs a date like 2026-12-24.", field=field) from None


def _threshold(threshold: Threshold) -> Threshold:
    if not 2 <= threshold.count <= MOST_OF_THRESHOLD:
        raise Invalid(f"threshold.count must be 2 to {MOST_OF_THRESHOLD}.", field="threshold.count")
    _minutes(threshold.minutes, LONGEST_WINDOW_MINUTES, "threshold.minutes")
    return msgspec.structs.replace(threshold, by=_fields(threshold.by, "threshold.by"))


def _minutes(minutes: float, longest: int, field: str) -> None:
    if not LEAST_MINUTES <= minutes <= longest:
        raise Invalid(f"{field} must be more than 0, and at most {longest}.", field=field)


def _fields(names: tuple[str, ...], field: str) -> tuple[str, ...]:
    if len(names) > MOST_FIELDS:
        raise Invalid(f"{field} can be at most {MOST_FIELDS} fields.", field=field)
    for name in names:
        if name not in FIELDS and not (name.startswith(LABEL) and _text(name[len(LABEL) :], field)):
            known = ", ".join(FIELDS)
            raise Invalid(f"{field}: {name[:60]!r} is none of {known} or label:NAME.", field=field)
    return tuple(dict.fromkeys(names))


def _actions(actions: Actions) -> Actions:
    if len(actions.tags) > MOST_TAGS:
        raise Invalid(f"actions.tags can be at most {MOST_TAGS}.", field="actions.tags")
    tags = tuple(dict.fromkeys(check_tag(tag, "actions.tags") for tag in actions.tags))
    if actions.service_id is not None:
        _text(actions.service_id, "actions.serviceId")
    if actions.suppress and actions.suppress.minutes is not None:
        _minutes(actions.suppress.minutes, LONGEST_SUPPRESSION_MINUTES, "actions.suppress.minutes")
    if actions.delay_minutes is not None:
        _minutes(actions.delay_minutes, LONGEST_DELAY_MINUTES, "actions.delayMinutes")
    if actions.drop and msgspec.structs.replace(actions, drop=False) != Actions():
        raise Invalid(
            "actions.drop leaves no alert to which anything else could be done.", field="actions.drop"
        )
    return msgspec.structs.replace(
        actions,
        severity=_severity(actions),
        priority=None,
        tags=tags,
        group_by=_fields(actions.group_by, "actions.groupBy"),
    )


def _severity(actions: Actions) -> Severity | None:
    """The severity, in whichever words it was given."""
    if actions.priority is None:
        return actions.severity
    meant = next(level for level in Severity if level.priority == actions.priority)
    if actions.severity not in (None, meant):
        raise Invalid(
            f"actions.priority {actions.priority.value} is severity {meant.value}; give one of the two.",
            field="actions.priority",
        )
    return meant


def check_tag(tag: str, field: str) -> str:
    """The trimmed tag, or Invalid: printable, without commas, not too long."""
    tag = " ".join(tag.split())
    if not 1 <= len(tag) <= LONGEST_TAG or not tag.isprintable() or "," in tag:
        raise Invalid(
            f"{field}: a tag has 1 to {LONGEST_TAG} printable characters and no comma.", field=field
        )
    return tag
