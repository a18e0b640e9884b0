"""Schedules of Opsgenie, PagerDuty and Grafana OnCall: who is on call there, and the same as a plan of ours.

The first halves are reference implementations of what those products do, on their own documents, with nothing of
OpenAlert in them; the second halves say how each is written here.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from openalert.domain.instant import from_datetime
from openalert.domain.override import Override
from openalert.domain.plan import Plan
from openalert.domain.schedule import Restriction, Rotation, RotationType, RotationVersion
from tests.domain.rotas import SCHEDULE

Document = dict[str, Any]
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def moment(text: str) -> datetime:
    """A time with its offset."""
    return datetime.fromisoformat(text)


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show."""
    return at.astimezone(zone).replace(tzinfo=None)


def shown(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of the zone show that."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def turns_since(start: datetime, at: datetime, zone: ZoneInfo, length: timedelta) -> int:
    """How many turns have ended between two moments: whole days by the clock on the wall, others by the seconds."""
    if length % timedelta(days=1):
        return (at - start) // length
    number = (wall(at, zone) - wall(start, zone)) // length
    while shown(wall(start, zone) + length * (number + 1), zone) <= at:
        number += 1
    while shown(wall(start, zone) + length * number, zone) > at:
        number -= 1
    return number


# Opsgenie: rotations are a union.


def opsgenie(schedule: Document, overrides: Sequence[Document], at: datetime) -> list[str]:
    """Whom Opsgenie would page."""
    people = []
    for rotation in schedule["rotations"] if schedule.get("enabled", True) else []:
        acting = [
            each
            for each in overrides
            if moment(each["startDate"]) <= at < moment(each["endDate"])
            and (not each["rotations"] or any(one["id"] == rotation["id"] for one in each["rotations"]))
        ]
        user = (
            acting[-1]["user"] if acting else _opsgenie_rotation(rotation, at, ZoneInfo(schedule["timezone"]))
        )
        if user and user not in people:
            people.append(user)
    return people


def _opsgenie_rotation(rotation: Document, at: datetime, zone: ZoneInfo) -> str:
    start, end = moment(rotation["startDate"]), rotation.get("endDate")
    if (
        at < start
        or (end and at >= moment(end))
        or not _opsgenie_open(rotation.get("timeRestriction"), wall(at, zone))
    ):
        return ""
    unit = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}[
        rotation["type"]
    ]
    number = turns_since(start, at, zone, unit * rotation.get("length", 1))
    participant = rotation["participants"][number % len(rotation["participants"])]
    return "" if participant["type"] == "none" else participant["id"]


def _opsgenie_open(limits: Document | None, local: datetime) -> bool:
    if limits is None:
        return True
    daily = limits["type"] == "time-of-day"
    minute = (0 if daily else local.weekday() * 1440) + local.hour * 60 + local.minute
    for each in [limits["restriction"]] if daily else limits["restrictions"]:
        start, end = (
            (0 if daily else WEEK.index(each[f"{edge}Day"]) * 1440)
            + each[f"{edge}Hour"] * 60
            + each[f"{edge}Min"]
            for edge in ("start", "end")
        )
        if start == end or (start <= minute < end if start < end else minute >= start or minute < end):
            return True
    return False


def of_opsgenie(schedule: Document, overrides: Sequence[Document] = ()) -> Plan:
    """One layer, since rotations are a union; an override of everything names every rotation: each has its own."""
    zone = ZoneInfo(schedule["timezone"])
    made = []
    for each in schedule["rotations"] if schedule.get("enabled", True) else []:
        local = wall(moment(each["startDate"]), zone)
        made.append(
            _rotation(
                each["id"],
                schedule["timezone"],
                moment(each["startDate"]),
                rotation_type=RotationType(each["type"]),
                shift_length=each.get("length", 1),
                handoff_time=f"{local:%H:%M}",
                handoff_day=local.isoweekday() % 7,
                effective_until=from_datetime(moment(each["endDate"])) if each.get("endDate") else None,
                member_ids=tuple("" if one["type"] == "none" else one["id"] for one in each["participants"]),
                restrictions=tuple(_opsgenie_windows(each.get("timeRestriction"))),
            )
        )
    everything = tuple(rotation.id for rotation in made)
    return Plan(
        schedule=SCHEDULE,
        rotations=made,
        overrides=[
            Override(
                id=f"o{number}",
                schedule_id="s",
                user_id=each["user"],
                start_at=from_datetime(moment(each["startDate"])),
                end_at=from_datetime(moment(each["endDate"])),
                created_at=number,
                rotation_ids=tuple(one["id"] for one in each["rotations"]) or everything,
            )
            for number, each in enumerate(overrides)
        ],
    )


def _opsgenie_windows(limits: Document | None) -> list[Restriction]:
    if limits is None:
        return []
    daily = limits["type"] == "time-of-day"
    return [
        Restriction(
            from_time=f"{each['startHour']:02d}:{each['startMin']:02d}",
            to_time=f"{each['endHour']:02d}:{each['endMin']:02d}",
            from_day=None if daily else (WEEK.index(each["startDay"]) + 1) % 7,
            to_day=None if daily else (WEEK.index(each["endDay"]) + 1) % 7,
        )
        for each in ([limits["restriction"]] if daily else limits["restrictions"])
    ]


# PagerDuty: layers are stacked, the first is the highest.


def pagerduty(schedule: Document, overrides: Sequence[Document], at: datetime) -> list[str]:
    """Whom PagerDuty would page."""
    zone = ZoneInfo(schedule["time_zone"])
    for each in reversed(overrides):
        if moment(each["start"]) <= at < moment(each["end"]):
            return [each["user"]]
    for layer in schedule["schedule_layers"]:
        ended = layer.get("end") and at >= moment(layer["end"])
        if (
            at < moment(layer["start"])
            or ended
            or not layer["users"]
            or not _pagerduty_open(layer, wall(at, zone))
        ):
            continue
        length = timedelta(seconds=layer["rotation_turn_length_seconds"])
        number = turns_since(moment(layer["rotation_virtual_start"]), at, zone, length)
        return [layer["users"][number % len(layer["users"])]]
    return []


def _pagerduty_open(layer: Document, local: datetime) -> bool:
    for each in layer["restrictions"]:
        for back in range(9):
            day = local.date() - timedelta(days=back)
            if each["type"] == "weekly_restriction" and day.isoweekday() != each["start_day_of_week"]:
                continue
            begin = datetime.fromisoformat(f"{day}T{each['start_time_of_day']}")
            if begin <= local < begin + timedelta(seconds=each["duration_seconds"]):
                return True
    return not layer["restrictions"]


def of_pagerduty(schedule: Document, overrides: Sequence[Document] = ()) -> Plan:
    """The first layer is the highest; turns are counted from the virtual start and answered from the real one."""
    zone = ZoneInfo(schedule["time_zone"])
    made = []
    for number, layer in enumerate(reversed(schedule["schedule_layers"])):
        length = timedelta(seconds=layer["rotation_turn_length_seconds"])
        virtual = moment(layer["rotation_virtual_start"])
        while virtual > moment(layer["start"]):  # a whole round earlier it is the same people's turns
            virtual = shown(wall(virtual, zone) - length * len(layer["users"]), zone)
        local = wall(virtual, zone)
        weekly = not length % timedelta(weeks=1)
        unit = timedelta(weeks=1) if weekly else timedelta(days=1)
        hourly = bool(length % timedelta(days=1))
        made.append(
            _rotation(
                layer["id"],
                schedule["time_zone"],
                virtual,
                valid_from=from_datetime(moment(layer["start"])),
                layer=number,
                rotation_type=RotationType.HOURLY
                if hourly
                else RotationType.WEEKLY
                if weekly
                else RotationType.DAILY,
                shift_length=length // (timedelta(hours=1) if hourly else unit),
                handoff_time=f"{local:%H:%M}",
                handoff_day=local.isoweekday() % 7,
                effective_until=from_datetime(moment(layer["end"])) if layer.get("end") else None,
                member_ids=tuple(layer["users"]),
                restrictions=tuple(_pagerduty_window(each) for each in layer["restrictions"]),
            )
        )
    covers = [
        Override(
            id=f"o{number}",
            schedule_id="s",
            user_id=each["user"],
            start_at=from_datetime(moment(each["start"])),
            end_at=from_datetime(moment(each["end"])),
            created_at=number,
        )
        for number, each in enumerate(overrides)
    ]
    return Plan(schedule=SCHEDULE, rotations=made, overrides=covers)


def _pagerduty_window(each: Document) -> Restriction:
    start = datetime.fromisoformat(f"2026-01-05T{each['start_time_of_day']}")  # a Monday
    if each["type"] == "daily_restriction":
        end = start + timedelta(seconds=each["duration_seconds"])
        return Restriction(from_time=f"{start:%H:%M}", to_time=f"{end:%H:%M}")
    start += timedelta(days=each["start_day_of_week"] - 1)
    end = start + timedelta(seconds=each["duration_seconds"])
    return Restriction(
        from_time=f"{start:%H:%M}",
        to_time=f"{end:%H:%M}",
        from_day=start.isoweekday() % 7,
        to_day=end.isoweekday() % 7,
    )


# Grafana OnCall: events by recurrence; the higher level wins, one level is a union.


def grafana(shifts: Sequence[Document], zone_name: str, at: datetime) -> list[str]:
    """Whom Grafana OnCall would page: the events of the shifts that cover the moment, from the highest level."""
    zone = ZoneInfo(zone_name)
    on = [(each["level"], user) for each in shifts for user in _grafana_event(each, zone, at)]
    top = max((level for level, _ in on), default=0)
    return sorted({user for level, user in on if level == top})


def _grafana_event(shift: Document, zone: ZoneInfo, at: datetime) -> list[str]:
    """The users of the event that runs at the moment."""
    if at < shown(moment(shift["rotation_start"]), zone) or (
        shift.get("until") and at >= shown(moment(shift["until"]), zone)
    ):
        return []
    first = moment(shift["start"])
    day = first.date()
    while day <= wall(at, zone).date():
        begin = datetime.combine(day, first.time())
        group = _grafana_group(shift, day)
        if group is not None and shown(begin, zone) <= at:
            end = shown(begin + timedelta(seconds=shift["duration"]), zone)
            if at < end and begin >= moment(shift["rotation_start"]):
                return list(group)
        day += timedelta(days=1)
    return []


def _grafana_group(shift: Document, day: date) -> list[str] | None:
    """Who has the event that begins on the date; None: none does."""
    first, interval, chosen = moment(shift["start"]).date(), shift.get("interval", 1), shift.get("by_day")
    groups = shift["rolling_users"]
    groups = (
        groups[shift.get("start_rotation_from_user_index", 0) :]
        + groups[: shift.get("start_rotation_from_user_index", 0)]
    )
    if chosen and WEEKDAYS[day.weekday()] not in chosen:
        return None
    if shift["frequency"] == "daily" and chosen:
        selected = [first + timedelta(days=number) for number in range((day - first).days)]
        return groups[sum(WEEKDAYS[each.weekday()] in chosen for each in selected) % len(groups)]
    if shift["frequency"] == "daily":
        number, rest = divmod((day - first).days, interval)
        return None if rest else groups[number % len(groups)]
    if shift["frequency"] == "weekly":
        if not chosen and day.weekday() != first.weekday():
            return None
        begins = WEEKDAYS.index(shift.get("week_start", "MO"))
        weeks = [each - timedelta(days=(each.weekday() - begins) % 7) for each in (first, day)]
        number, rest = divmod((weeks[1] - weeks[0]).days // 7, interval)
        return None if rest else groups[number % len(groups)]
    months = (day.year - first.year) * 12 + day.month - first.month
    return groups[months // interval % len(groups)] if day.day in shift["by_monthday"] else None


def of_grafana(shifts: Sequence[Document], zone_name: str) -> Plan:
    """A level is a layer; whoever is on together takes turns in rotations side by side."""
    return Plan(
        schedule=SCHEDULE,
        rotations=[rotation for shift in shifts for rotation in _of_grafana_shift(shift, zone_name)],
    )


def _of_grafana_shift(shift: Document, zone_name: str) -> list[Rotation]:
    zone, first = ZoneInfo(zone_name), moment(shift["start"])
    index = shift.get("start_rotation_from_user_index", 0)
    groups = shift["rolling_users"][index:] + shift["rolling_users"][:index]
    days = sorted((WEEKDAYS.index(day) + 1) % 7 for day in shift.get("by_day") or ())
    common: Document = {"layer": shift["level"], "handoff_time": f"{first:%H:%M}"}
    begins = first
    if shift["frequency"] == "daily":
        common |= {"rotation_type": RotationType.WEEKLY, "handoff_days": tuple(days)} if days else {
            "rotation_type": RotationType.DAILY,
            "shift_length": shift.get("interval", 1),
        }  # fmt: skip
    elif shift["frequency"] == "weekly":
        # The week begins with its first event, and turns are counted from the week of the first one.
        start = WEEKDAYS.index(shift.get("week_start", "MO"))
        offsets = [(day - 1 - start) % 7 for day in days] or [(first.weekday() - start) % 7]
        begins = first - timedelta(days=(first.weekday() - start) % 7 - min(offsets))
        common |= {"rotation_type": RotationType.WEEKLY, "handoff_day": begins.isoweekday() % 7}
        groups = [each for group in groups for each in [group] + [[]] * (shift.get("interval", 1) - 1)]
    else:
        begins = first.replace(day=1)
        common |= {"rotation_type": RotationType.MONTHLY, "shift_length": shift.get("interval", 1)}
    if shift.get("until"):
        common["effective_until"] = from_datetime(shown(moment(shift["until"]), zone))
    common["restrictions"] = tuple(_grafana_windows(first, shift["duration"], days or _own_day(shift, first)))
    side_by_side = max(len(group) for group in groups)
    return [
        _rotation(
            f"{shift['id']}-{place}",
            zone_name,
            shown(begins, zone),
            valid_from=from_datetime(shown(moment(shift["rotation_start"]), zone)),
            member_ids=tuple(group[place] if place < len(group) else "" for group in groups),
            **common,
        )
        for place in range(side_by_side)
    ]


def _own_day(shift: Document, first: datetime) -> list[int]:
    return [first.isoweekday() % 7] if shift["frequency"] == "weekly" else []


def _grafana_windows(first: datetime, seconds: int, days: Sequence[int]) -> list[Restriction]:
    if not days and seconds >= 86_400:
        return []
    end = first + timedelta(seconds=seconds)
    length = (end.date() - first.date()).days
    times = {"from_time": f"{first:%H:%M}", "to_time": f"{end:%H:%M}"}
    return [Restriction(**times, from_day=day, to_day=(day + length) % 7) for day in days] or [
        Restriction(**times)
    ]


def _rotation(name: str, zone: str, effective_from: datetime, **definition: Any) -> Rotation:
    begins = from_datetime(effective_from)
    version = RotationVersion(**({"valid_from": begins} | definition), timezone=zone, effective_from=begins)
    return Rotation(id=name, schedule_id="s", name=name, versions=(version,))
