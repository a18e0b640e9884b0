"""The form of a routing rule: one line for each condition, what is done, and back to what the form held."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.matching import Operator
from openalert.domain.routing import (
    MOST_CONDITIONS,
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
    Suppression,
    TextFits,
    TextOperator,
    TextPlace,
    Threshold,
    ThresholdSide,
)
from openalert.domain.severity import Severity
from openalert.web.ui.forms import whole
from openalert.web.ui.frame import Values, Web

KINDS = {
    "severity": "Severity",
    "label": "Label",
    "text": "Text",
    "service": "Service",
    "integration": "Integration",
    "source": "Source",
    "tag": "Tag",
    "time": "Time",
}
"""What a line can compare, in the order in which people are offered it."""
LISTS: dict[str, type[SourceIs | HasTag | OfService | CameBy]] = {
    "source": SourceIs,
    "tag": HasTag,
    "service": OfService,
    "integration": CameBy,
}
PAGING = {
    "now": "page as usual",
    "suppress": "suppress it until it is resolved",
    "suppress_for": "suppress it for some minutes",
    "delay": "hold it for some minutes, then page if it still fires",
    "drop": "drop it: keep the message, make no alert",
}
"""What becomes of the page."""
THRESHOLDS = {
    "": "always",
    "reached": "only when there are at least",
    "below": "only while there are fewer than",
}


class Line(msgspec.Struct, kw_only=True):
    """One condition of the form."""

    kind: str
    is_not: bool = False
    name: str = ""
    operator: str = ""
    value: str = ""
    values: list[str] = []
    days: list[str] = []
    from_time: str = ""
    to_time: str = ""
    from_date: str = ""
    to_date: str = ""


class Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    name: str = ""
    place: str = ""
    """`team:ID` or `integration:ID`: whose alerts it is about."""
    is_enabled: bool = True
    join: str = "all"
    lines: list[Line] = []
    side: str = ""
    count: str = "3"
    minutes: str = "10"
    by: str = ""
    service_id: str = ""
    severity: str = ""
    tags: str = ""
    group_by: str = ""
    paging: str = "now"
    hold: str = "5"
    stop: bool = False
    alert: str = ""
    """The id of the alert that it is tried on."""

    def values(self) -> Values:
        """As the template takes it."""
        return msgspec.structs.asdict(self)


async def read(request: Web) -> tuple[Typed, str]:
    """The form, and which of its buttons was pressed."""
    form = await request.form()

    def one(name: str, default: str = "") -> str:
        value = form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def several(name: str) -> list[str]:
        return [value.strip() for value in form.getall(name, []) if isinstance(value, str)]

    lines = []
    for number, kind in enumerate(several("kind")[: MOST_CONDITIONS + 1], start=1):
        if kind in KINDS:
            lines.append(
                Line(
                    kind=kind,
                    is_not=one(f"not-{number}") == "not",
                    name=one(f"name-{number}"),
                    operator=one(f"operator-{number}"),
                    value=one(f"value-{number}"),
                    values=several(f"values-{number}"),
                    days=several(f"days-{number}"),
                    from_time=one(f"from-{number}"),
                    to_time=one(f"to-{number}"),
                    from_date=one(f"first-{number}"),
                    to_date=one(f"last-{number}"),
                )
            )
    texts = {
        name: one(name, getattr(Typed(), name))
        for name, field in ((each.name, each) for each in msgspec.structs.fields(Typed))
        if field.type is str
    }
    typed = Typed(
        lines=lines, is_enabled=one("is_enabled") == "yes", stop=one("stop") == "yes", **_plain(texts)
    )
    return typed, one("act", "save")


def _plain(texts: Mapping[str, str]) -> Any:
    return {name: value.replace("\0", "") for name, value in texts.items()}


def reshaped(typed: Typed, verb: str, timezone: str) -> Typed:
    """The form after its button: a line more, or one less."""
    kind = verb.removeprefix("add-")
    if kind in KINDS and len(typed.lines) < MOST_CONDITIONS:
        line = Line(kind=kind)
        if kind == "time":
            line.name, line.days = timezone, [str(day) for day in range(7)]
            line.from_time, line.to_time = "22:00", "07:00"
        typed.lines.append(line)
    number = verb.removeprefix("remove-")
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(typed.lines):
        del typed.lines[int(number) - 1]
    return typed


def body_of(typed: Typed) -> RuleBody:
    """The rule that was typed; Invalid with the field `line-2` for a line that is not finished."""
    conditions = tuple(_condition(line, number) for number, line in enumerate(typed.lines, start=1))
    group = AnyOf if typed.join == "any" and conditions else AllOf
    return RuleBody(
        condition=group(conditions=conditions),
        threshold=_threshold(typed),
        actions=_actions(typed),
        stop=typed.stop,
    )


def _condition(line: Line, number: int) -> Condition:
    field = f"line-{number}"
    try:
        condition = _positive(line, field)
    except ValueError:
        raise Invalid("Choose one of the list.", field=field) from None
    return Not(condition=condition) if line.is_not else condition


def _positive(line: Line, field: str) -> Condition:
    match line.kind:
        case "severity":
            return SeverityIs(values=tuple(Severity(each) for each in line.values))
        case "label":
            return LabelFits(name=line.name, operator=Operator(line.operator or "="), value=line.value)
        case "text":
            return TextFits(
                place=TextPlace(line.name or "any"),
                operator=TextOperator(line.operator or "contains"),
                value=line.value,
            )
        case "time":
            return _time(line, field)
        case kind:
            some = line.values if kind in ("service", "integration") else words(line.value)
            return LISTS[kind](values=tuple(some))


def _time(line: Line, field: str) -> InTime:
    hours: tuple[Hours, ...] = ()
    if line.from_time or line.to_time:
        days = tuple(int(day) for day in line.days if day in "0123456")
        hours = (Hours(days=days, from_time=line.from_time, to_time=line.to_time),)
    if not (hours or line.from_date or line.to_date):
        raise Invalid("Give hours, or dates.", field=field)
    return InTime(
        timezone=line.name,
        windows=hours,
        from_date=line.from_date or None,
        to_date=line.to_date or None,
    )


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [word for each in text.split(",") if (word := each.strip())]


def _threshold(typed: Typed) -> Threshold | None:
    if typed.side not in set(ThresholdSide):
        return None
    return Threshold(
        count=whole(typed.count, "threshold"),
        minutes=_number(typed.minutes, "threshold"),
        by=tuple(words(typed.by)),
        side=ThresholdSide(typed.side),
    )


def _actions(typed: Typed) -> Actions:
    holds = typed.paging in ("suppress_for", "delay")
    minutes = _number(typed.hold, "paging") if holds else None
    severity = Severity(typed.severity) if typed.severity in set(Severity) else None
    return Actions(
        service_id=typed.service_id or None,
        severity=severity,
        tags=tuple(words(typed.tags)),
        group_by=tuple(words(typed.group_by)),
        suppress=Suppression(minutes=minutes) if typed.paging.startswith("suppress") else None,
        delay_minutes=minutes if typed.paging == "delay" else None,
        drop=typed.paging == "drop",
    )


def _number(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid("Give a number of minutes.", field=field) from None


def fields_of(typed: Typed) -> dict[str, tuple[str, str]]:
    """Where each field of the use case stands in this form."""
    known = {
        "name": ("name", "The name"),
        "teamId": ("place", "The team"),
        "integrationId": ("place", "The integration"),
        "condition": ("line-1", "A rule"),
        "threshold": ("threshold", "The threshold"),
        "threshold.count": ("threshold", "The number"),
        "threshold.minutes": ("threshold", "The minutes"),
        "threshold.by": ("threshold", "What they have in common"),
        "actions.serviceId": ("service_id", "The service"),
        "actions.severity": ("severity", "The severity"),
        "actions.tags": ("tags", "Tags"),
        "actions.groupBy": ("group_by", "Fields"),
        "actions.suppress.minutes": ("paging", "The minutes"),
        "actions.delayMinutes": ("paging", "The minutes"),
        "actions.drop": ("paging", "Dropping"),
    }
    for position, line in enumerate(typed.lines):
        here = f"condition.conditions[{position}]" + (".condition" if line.is_not else "")
        for member, words_of in _MEMBERS.items():
            known[f"{here}{member}"] = (f"line-{position + 1}", words_of)
        for which in ("", ".days"):
            known[f"{here}.windows[0]{which}"] = (f"line-{position + 1}", "The hours")
    return known


_MEMBERS = {
    "": "This line",
    ".values": "This line",
    ".value": "The value",
    ".name": "The label",
    ".timezone": "The time zone",
    ".windows": "The hours",
    ".fromDate": "The first day",
    ".toDate": "The last day",
    ".conditions": "This line",
}


def shown(name: str, body: RuleBody, *, place: str, is_enabled: bool) -> Typed | None:
    """The form of a rule that is there; None for one that says more than the form has room for."""
    condition, actions = body.condition, body.actions
    some: Sequence[Condition] = condition.conditions if isinstance(condition, AllOf | AnyOf) else (condition,)
    lines = [_line(each) for each in some]
    if actions.suppress is not None and actions.delay_minutes is not None:
        return None
    if any(line is None for line in lines):
        return None
    typed = Typed(
        name=name,
        place=place,
        is_enabled=is_enabled,
        join="any" if isinstance(condition, AnyOf) else "all",
        lines=[line for line in lines if line is not None],
        service_id=actions.service_id or "",
        severity=actions.severity.value if actions.severity else "",
        tags=", ".join(actions.tags),
        group_by=", ".join(actions.group_by),
        stop=body.stop,
    )
    _show_paging(typed, actions)
    if body.threshold is not None:
        typed.side, typed.count = body.threshold.side.value, str(body.threshold.count)
        typed.minutes, typed.by = f"{body.threshold.minutes:g}", ", ".join(body.threshold.by)
    return typed


def _show_paging(typed: Typed, actions: Actions) -> None:
    if actions.drop:
        typed.paging = "drop"
    elif actions.delay_minutes is not None:
        typed.paging, typed.hold = "delay", f"{actions.delay_minutes:g}"
    elif actions.suppress is not None and actions.suppress.minutes is not None:
        typed.paging, typed.hold = "suppress_for", f"{actions.suppress.minutes:g}"
    elif actions.suppress is not None:
        typed.paging = "suppress"


def _line(condition: Condition) -> Line | None:
    is_not = isinstance(condition, Not)
    inner = condition.condition if isinstance(condition, Not) else condition
    line = _line_of(inner)
    if line is not None:
        line.is_not = is_not
    return line


def _line_of(condition: Condition) -> Line | None:
    match condition:
        case SeverityIs(values=levels):
            return Line(kind="severity", values=[level.value for level in levels])
        case LabelFits(name=name, operator=operator, value=value):
            return Line(kind="label", name=name, operator=operator.value, value=value)
        case TextFits(place=place, operator=how, value=value):
            return Line(kind="text", name=place.value, operator=how.value, value=value)
        case SourceIs(values=values):
            return Line(kind="source", value=", ".join(values))
        case HasTag(values=values):
            return Line(kind="tag", value=", ".join(values))
        case OfService(values=values):
            return Line(kind="service", values=list(values))
        case CameBy(values=values):
            return Line(kind="integration", values=list(values))
        case InTime(windows=windows) if len(windows) < 2:
            return _time_line(condition)
        case _:
            return None


def _time_line(condition: InTime) -> Line:
    line = Line(
        kind="time",
        name=condition.timezone,
        from_date=condition.from_date or "",
        to_date=condition.to_date or "",
    )
    for hours in condition.windows:
        line.days, line.from_time, line.to_time = (
            [str(day) for day in hours.days],
            hours.from_time,
            hours.to_time,
        )
    return line
