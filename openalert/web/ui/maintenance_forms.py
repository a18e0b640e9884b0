"""The form of a maintenance window: local times in a zone and a few usual ways to repeat, as the API's members."""

from collections.abc import Mapping
from typing import Any

import msgspec

from openalert.domain import recurrence as recurring
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.maintenance_window import MaintenanceWindow
from openalert.domain.recurrence import Recurrence
from openalert.domain.walltime import zone_named
from openalert.web.ui.forms import local_instant, local_text
from openalert.web.ui.muting import SCOPE, matchers_of

FIELDS = SCOPE | {
    "name": ("name", "The name"),
    "startsAt": ("start", "The beginning"),
    "endsAt": ("end", "The end"),
    "recurrence.rule": ("repeat", "The rule"),
    "timezone": ("timezone", "The time zone"),
}
REPEATS = (
    ("", "Does not repeat"),
    ("daily", "Every day"),
    ("workdays", "Every working day"),
    ("weekly", "Every week, on the day it begins"),
    ("biweekly", "Every other week, on the day it begins"),
    ("monthday", "Every month, on the same date"),
    ("nth", "Every month, on the same weekday: the third Tuesday"),
    ("last", "Every month, on the last such weekday"),
    ("rule", "By a rule of your own"),
)
_FIXED = {
    "daily": "FREQ=DAILY",
    "workdays": "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "biweekly": "FREQ=WEEKLY;INTERVAL=2",
    "monthday": "FREQ=MONTHLY",
}
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    name: str = ""
    team_id: str = ""
    service_ids: list[str] = []
    matchers: str = ""
    timezone: str = "UTC"
    start: str = ""
    end: str = ""
    repeat: str = ""
    rule: str = ""
    until: str = ""

    def values(self) -> dict[str, Any]:
        """The fields by their names."""
        return msgspec.structs.asdict(self)


def typed_in(sent: Mapping[str, str], service_ids: list[str]) -> Typed:
    """What was posted."""
    names = [name for name in Typed.__struct_fields__ if name != "service_ids"]
    return Typed(service_ids=service_ids, **{name: sent[name] for name in names if name in sent})


def fresh(team_id: str, timezone: str, now: Instant, day: str) -> Typed:
    """The form of a new window: the next full hour, or an evening of the day that was asked for, for two hours."""
    zone = zone_named(timezone)
    begin = now // HOUR * HOUR + HOUR
    if len(day) == 10:
        try:
            begin = local_instant(f"{day}T22:00", zone, "start")
        except Invalid:
            day = ""
    return Typed(
        team_id=team_id,
        timezone=timezone,
        start=local_text(begin, zone),
        end=local_text(begin + 2 * HOUR, zone),
    )


def stored(window: MaintenanceWindow, timezone: str) -> Typed:
    """The form of a window that is there."""
    named = window.recurrence.timezone if window.recurrence else timezone
    zone = zone_named(named)
    return Typed(
        name=window.name,
        team_id=window.team_id,
        service_ids=list(window.service_ids),
        matchers="\n".join(map(str, window.matchers)),
        timezone=named,
        start=local_text(window.starts_at, zone),
        end=local_text(window.ends_at, zone),
        repeat="rule" if window.recurrence else "",
        rule=window.recurrence.rule if window.recurrence else "",
    )


def members(typed: Typed, exact: MaintenanceWindow | None = None) -> dict[str, Any]:
    """What the use case is given; times left as the form had them mean exactly the window's."""
    zone = zone_named(typed.timezone)
    start = _instant(typed.start, zone, "start", exact.starts_at if exact else None)
    end = _instant(typed.end, zone, "end", exact.ends_at if exact else None)
    return {
        "name": typed.name,
        "service_ids": typed.service_ids,
        "matchers": matchers_of(typed.matchers),
        "starts_at": start,
        "ends_at": end,
        "recurrence": _recurrence(typed, start),
    }


def _instant(text: str, zone: Any, field: str, exact: Instant | None) -> Instant:
    if exact is not None and local_text(exact, zone) == text:
        return exact
    return local_instant(text, zone, field)


def _recurrence(typed: Typed, start: Instant) -> Recurrence | None:
    if not typed.repeat:
        return None
    rule = typed.rule if typed.repeat == "rule" else _rule(typed, start)
    if typed.until and typed.repeat != "rule":
        rule += f";UNTIL={typed.until.replace('-', '')}"
    return recurring.check(Recurrence(rule=rule, timezone=typed.timezone))


def _rule(typed: Typed, start: Instant) -> str:
    """The rule of one of the usual ways, for a window that begins then."""
    if typed.repeat in _FIXED:
        return _FIXED[typed.repeat]
    begun = to_datetime(start).astimezone(zone_named(typed.timezone))
    weekday = _CODES[begun.weekday()]
    if typed.repeat == "last":
        return f"FREQ=MONTHLY;BYDAY=-1{weekday}"
    if typed.repeat == "nth":
        return f"FREQ=MONTHLY;BYDAY={(begun.day - 1) // 7 + 1}{weekday}"
    raise Invalid("Choose one of the ways to repeat.", field="repeat")
