"""The calculator against a slow model of it: a clock on the wall, watched minute by minute."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from openalert.domain.amend import amend
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime
from openalert.domain.oncall import on_call, rotation_shifts, shifts
from openalert.domain.override import Override
from openalert.domain.plan import Plan
from openalert.domain.schedule import (
    Restriction,
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
    Schedule,
    check_version,
)

CLOCK_CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/Santiago", "2026-09-06"),
    ("America/Santiago", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Asia/Kathmandu", "2026-02-28"),
    ("UTC", "2028-02-29"),
]
BEFORE, AFTER = 9, 6
"""Days around the clock change that an example spans."""
PEOPLE = ["ada", "ben", "cleo", ""]

Answer = list[tuple[str, str]]
"""Who is on by what: (user, rotation or override id)."""


# The model: no arithmetic on turns, only a clock that is watched and a hand that moves at each boundary.


@lru_cache
def minutes(zone: str, day: str) -> list[tuple[Instant, datetime]]:
    """Every minute around a day, with the latest wall time that has been shown by then."""
    middle = datetime.fromisoformat(day).replace(tzinfo=UTC)
    start, end = middle - timedelta(days=BEFORE), middle + timedelta(days=AFTER)
    watched = []
    latest = datetime.min  # noqa: DTZ901 (a wall time has no zone)
    moment = start
    while moment < end:
        latest = max(latest, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        watched.append((from_datetime(moment), latest))
        moment += timedelta(minutes=1)
    return watched


def boundaries(version: RotationVersion, after: datetime, began: datetime) -> Iterator[datetime]:
    """Wall times later than `after` at which turns begin, for ever."""
    hour, minute = map(int, version.handoff_time.split(":"))
    at_time = began.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if version.rotation_type is RotationType.MONTHLY:
        year, month, first = began.year, began.month, True
        while True:
            handoff = datetime(  # noqa: DTZ001 (a wall time has no zone)
                year, month, min(began.day, monthrange(year, month)[1]), hour, minute
            )
            if handoff > after:
                yield handoff
                first = False
            for _ in range(1 if first else version.shift_length):
                year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    hourly = version.rotation_type is RotationType.HOURLY
    unit = timedelta(hours=1) if hourly else timedelta(days=1)
    day = version.handoff_day
    if version.rotation_type is RotationType.WEEKLY:
        unit = timedelta(days=7)
        day = began.isoweekday() % 7 if day is None else day
    elif version.rotation_type is not RotationType.CUSTOM:
        day = None
    candidate = at_time - timedelta(days=10)
    step = timedelta(hours=min(version.shift_length, 24)) if hourly else timedelta(days=1)
    if hourly:
        candidate = at_time - step * 48
    while candidate <= after or (day is not None and candidate.isoweekday() % 7 != day):
        candidate += step
    while True:
        yield candidate
        candidate += unit * version.shift_length


@lru_cache
def open_minutes(restrictions: tuple[Restriction, ...]) -> frozenset[int]:
    """The minutes of the week, from Sunday 00:00, at which a rotation is on."""
    if not restrictions:
        return frozenset(range(10_080))
    found = set()
    for one in restrictions:
        from_hour, from_minute = map(int, one.from_time.split(":"))
        to_hour, to_minute = map(int, one.to_time.split(":"))
        for day in range(7) if one.from_day is None else [one.from_day]:
            minute = day * 1440 + from_hour * 60 + from_minute
            close = to_hour * 60 + to_minute
            if one.from_day is not None and one.to_day is not None:
                last = {(one.to_day * 1440 + close) % 10_080}
            else:
                last = {(other * 1440 + close) % 10_080 for other in range(7)}
            while True:
                found.add(minute % 10_080)
                minute += 1
                if minute % 10_080 in last:
                    break
    return frozenset(found)


def watched_rotation(rotation: Rotation, zone: str, day: str) -> list[str]:
    """Whom a rotation of one version has on at each minute, by watching."""
    (version,) = rotation.versions
    answers = []
    turn = -1
    upcoming: Iterator[datetime] | None = None
    handoff = shown_before = minutes(zone, day)[0][1] - timedelta(minutes=1)
    open_ = open_minutes(version.restrictions)
    for instant, shown in minutes(zone, day):
        if upcoming is None and instant >= version.effective_from:
            local = datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).replace(tzinfo=None)
            upcoming = boundaries(version, shown_before, local)
            handoff = next(upcoming)
        shown_before = shown
        while upcoming and handoff <= shown:
            turn += 1
            handoff = next(upcoming)
        ended = version.effective_until is not None and instant >= version.effective_until
        place = shown.isoweekday() % 7 * 1440 + shown.hour * 60 + shown.minute
        if upcoming is None or ended or not version.member_ids or place not in open_:
            answers.append("")
        else:
            answers.append(version.member_ids[max(turn, 0) % len(version.member_ids)])
    return answers


def watched_schedule(
    rotations: list[Rotation], overrides: list[Override], zone: str, day: str
) -> list[Answer]:
    """The answer at each minute, by looking at everything."""
    alone = {rotation.id: watched_rotation(rotation, zone, day) for rotation in rotations}
    answers: list[Answer] = []
    for index, (instant, _) in enumerate(minutes(zone, day)):
        active = [one for one in overrides if one.start_at <= instant < one.end_at]
        if active:
            winner = max(active, key=lambda one: (one.created_at, one.id))
            answers.append([(winner.user_id, winner.id)])
            continue
        best: Answer = []
        for layer in sorted({rotation.layer for rotation in rotations}, reverse=True):
            for rotation in sorted(rotations, key=lambda one: one.id):
                user = alone[rotation.id][index]
                if rotation.layer == layer and user and user not in [name for name, _ in best]:
                    best.append((user, rotation.id))
            if best:
                break
        answers.append(best)
    return answers


# Random schedules around a clock change.

times = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
days = st.none() | st.integers(0, 6)


@st.composite
def restrictions(draw: st.DrawFn) -> Restriction:
    """A daily or weekly window of some kind."""
    from_day = draw(days)
    return Restriction(
        from_time=draw(times),
        to_time=draw(times | st.just("24:00")),
        from_day=from_day,
        to_day=None if from_day is None else draw(days),
    )


def near(day: str) -> st.SearchStrategy[Instant]:
    """Whole minutes around a day, most of them close to it."""
    middle = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))
    wide = st.integers(-(BEFORE * 1440), AFTER * 1440)
    return st.one_of(wide, st.integers(-1440, 1440)).map(lambda minute: middle + minute * MINUTE)


@st.composite
def rotations(draw: st.DrawFn, zone: str, day: str, name: str) -> Rotation:
    """A rotation that begins, and perhaps ends, around a day."""
    effective_from = draw(near(day))
    version = RotationVersion(
        valid_from=effective_from,
        timezone=zone,
        layer=draw(st.integers(0, 2)),
        rotation_type=draw(st.sampled_from(RotationType)),
        shift_length=draw(st.sampled_from([1, 1, 2, 3, 5, 8, 12, 36])),
        handoff_time=draw(times),
        handoff_day=draw(days),
        effective_from=effective_from,
        effective_until=draw(st.none() | st.integers(1, 8 * 24).map(lambda h: effective_from + h * HOUR)),
        member_ids=tuple(draw(st.lists(st.sampled_from(PEOPLE), max_size=4))),
        restrictions=tuple(draw(st.lists(restrictions(), max_size=2))),
    )
    check_version(version)
    return Rotation(id=name, schedule_id="s", name=name, versions=(version,))


@st.composite
def overrides(draw: st.DrawFn, day: str, name: str) -> Override:
    """An override of some hours around a day."""
    start = draw(near(day))
    return Override(
        id=name,
        schedule_id="s",
        user_id=draw(st.sampled_from(["ada", "eve"])),
        start_at=start,
        end_at=start + draw(st.integers(1, 2880)) * MINUTE,
        created_at=draw(st.integers(0, 2)),
    )


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, str, list[Rotation], list[Override]]:
    """A zone, the day of its clock change, and what is planned around it."""
    zone, day = draw(st.sampled_from(CLOCK_CHANGES))
    return (
        zone,
        day,
        [draw(rotations(zone, day, name)) for name in ["r1", "r2", "r3"][: draw(st.integers(1, 3))]],
        [draw(overrides(day, name)) for name in ["o1", "o2"][: draw(st.integers(0, 2))]],
    )


def plan_of(zone: str, rotating: list[Rotation], overriding: list[Override]) -> Plan:
    """All of a schedule in the zone."""
    return Plan(schedule=schedule(zone), rotations=rotating, overrides=overriding)


def schedule(zone: str = "UTC") -> Schedule:
    """The schedule that everything here belongs to."""
    return Schedule(
        id="s", organization_id="o", team_id="t", name="Primary", timezone=zone, created_at=0, updated_at=0
    )


def brief(people: list[Any]) -> Answer:
    """People as the model names them."""
    return [(person.user_id, person.rotation_id or person.override_id) for person in people]


Rota = tuple[str, str, list[Rotation], list[Override]]


@settings(max_examples=60, deadline=None)
@given(plan=plans())
def test_the_timeline_is_what_somebody_watching_the_clock_would_write(plan: Rota) -> None:
    """Minute by minute, over both kinds of clock change, the final schedule equals the watched model."""
    zone, day, rotating, overriding = plan
    watched = watched_schedule(rotating, overriding, zone, day)
    instants = [instant for instant, _ in minutes(zone, day)]
    final = shifts(plan_of(zone, rotating, overriding), instants[0], instants[-1] + MINUTE)
    pieces = sorted(
        [(item.start, item.end, brief(item.people)) for item in final.items]
        + [(start, end, []) for start, end in final.gaps]
    )
    computed: list[Answer] = []
    for start, end, people in pieces:
        assert start % MINUTE == end % MINUTE == 0
        computed += [people] * ((end - start) // MINUTE)
    assert len(computed) == len(watched)
    different = [
        index for index, pair in enumerate(zip(computed, watched, strict=True)) if pair[0] != pair[1]
    ]
    assert not different, (instants[different[0]], computed[different[0]], watched[different[0]])


@settings(max_examples=100, deadline=None)
@given(plan=plans(), data=st.data())
def test_shifts_tile_the_range_and_agree_with_on_call(plan: Rota, data: st.DataObject) -> None:
    """Shifts and gaps leave no hole and no overlap, neighbours differ, and on_call says the same at any time."""
    zone, day, rotating, overriding = plan
    start = data.draw(near(day))
    end = start + data.draw(st.integers(1, 6 * DAY))
    final = shifts(plan_of(zone, rotating, overriding), start, end)
    pieces = sorted(
        [(item.start, item.end, item.people) for item in final.items] + [(*gap, []) for gap in final.gaps],
        key=lambda piece: piece[0],
    )
    assert [pieces[0][0], *(piece[1] for piece in pieces)] == [*(piece[0] for piece in pieces), end]
    assert pieces[0][0] == start
    assert all(begin < finish for begin, finish, _ in pieces)
    assert all(one[2] != other[2] for one, other in pairwise(pieces))
    for begin, finish, people in pieces:
        for at in {begin, finish - 1, data.draw(st.integers(begin, finish - 1))}:
            assert on_call(plan_of(zone, rotating, overriding), at).people == people


@settings(max_examples=100, deadline=None)
@given(plan=plans(), data=st.data())
def test_until_is_the_next_change_and_nothing_before(plan: Rota, data: st.DataObject) -> None:
    """Just before `until` the answer is the same, at `until` it is another; without one it stays for a year."""
    zone, day, rotating, overriding = plan
    at = data.draw(near(day)) + data.draw(st.integers(0, MINUTE))
    answer = on_call(plan_of(zone, rotating, overriding), at)
    if answer.until is None:
        later = [at + days * DAY + data.draw(st.integers(0, DAY)) for days in (0, 1, 3, 7, 30, 100, 365)]
        assert all(on_call(plan_of(zone, rotating, overriding), t).people == answer.people for t in later)
        return
    assert at < answer.until
    for same in {at, answer.until - 1, data.draw(st.integers(at, answer.until - 1))}:
        there = on_call(plan_of(zone, rotating, overriding), same)
        assert (there.people, there.until) == (answer.people, answer.until)
    assert on_call(plan_of(zone, rotating, overriding), answer.until).people != answer.people


@settings(max_examples=100, deadline=None)
@given(plan=plans(), data=st.data())
def test_two_ranges_side_by_side_are_the_whole(plan: Rota, data: st.DataObject) -> None:
    """Cutting a range anywhere loses and adds nothing: the halves, joined at the cut, are the whole."""
    zone, day, rotating, overriding = plan
    start, cut, end = sorted(data.draw(st.lists(near(day), min_size=3, max_size=3)))

    def told(first: Instant, last: Instant) -> list[list[Any]]:
        final = shifts(plan_of(zone, rotating, overriding), first, last)
        items = [[item.start, item.end, item.people] for item in final.items]
        return sorted(items + [[*gap, []] for gap in final.gaps], key=lambda piece: piece[0])

    left, right = told(start, cut), told(cut, end)
    if left and right and left[-1][2] == right[0][2]:
        left[-1][1] = right.pop(0)[1]
    assert left + right == told(start, end)


@st.composite
def changes(draw: st.DrawFn, zone: str, day: str) -> RotationChange:
    """An edit of some of the fields, as another rotation of the same zone has them."""
    other = draw(rotations(zone, day, "other")).current
    fields = draw(
        st.sets(
            st.sampled_from(
                [
                    "layer",
                    "rotation_type",
                    "shift_length",
                    "handoff_time",
                    "handoff_day",
                    "member_ids",
                    "restrictions",
                ]
            ),
            min_size=1,
        )
    )
    return RotationChange(**{field: getattr(other, field) for field in fields})


@settings(max_examples=150, deadline=None)
@given(plan=plans(), data=st.data())
def test_edits_never_change_an_answer_before_they_apply(plan: Rota, data: st.DataObject) -> None:
    """After any series of edits, every answer of the time before each edit's beginning is what it was."""
    zone, day, rotating, _ = plan
    rotation = rotating[0]
    first = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC)) - (BEFORE + 1) * DAY
    now = data.draw(near(day))
    for _ in range(data.draw(st.integers(1, 3))):
        change = data.draw(changes(zone, day))
        apply: Any = data.draw(st.sampled_from(["next_handoff", "now"]) | st.integers(now, now + 5 * DAY))
        edited = amend(rotation, change, now, apply)
        added = set(edited.versions) - set(rotation.versions)
        begins = min((version.valid_from for version in added), default=now)
        assert begins >= now
        if added and isinstance(apply, int):
            assert begins == apply
        assert rotation_shifts(edited, first, begins) == rotation_shifts(rotation, first, begins)
        rotation = edited
        now += data.draw(st.integers(0, 2 * DAY))


@settings(max_examples=150, deadline=None)
@given(plan=plans(), data=st.data())
def test_an_edit_that_changes_nothing_changes_no_answer(plan: Rota, data: st.DataObject) -> None:
    """Saving the same definition again, however it applies, leaves the whole future as it was."""
    zone, day, rotating, _ = plan
    rotation = rotating[0]
    now = data.draw(near(day))
    apply: Any = data.draw(st.sampled_from(["next_handoff", "now"]) | st.integers(now, now + 5 * DAY))
    same = RotationChange(member_ids=rotation.current.member_ids, shift_length=rotation.current.shift_length)
    edited = amend(rotation, same, now, apply)
    start = now - 10 * DAY
    assert rotation_shifts(edited, start, now + 40 * DAY) == rotation_shifts(
        rotation, start, now + 40 * DAY
    ), zone
