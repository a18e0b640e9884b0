"""Layers, calendars, shadows and overrides of every kind and scope against a plain reading of their rules."""

from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.instant import HOUR, Instant
from openalert.domain.oncall import on_call, shadow_shifts, shifts
from openalert.domain.override import FixedShift, Override, OverrideKind, check_override
from openalert.domain.plan import ImportedShift, Plan
from openalert.domain.schedule import Rotation, RotationType, RotationVersion
from tests.domain.rotas import SCHEDULE

PEOPLE = ("ada", "ben", "cleo", "dan", "eve")
HOURS = 40
"""How long the plans are; everything begins and ends at a whole hour."""
people = st.sampled_from(PEOPLE)
hours = st.integers(0, HOURS)


@st.composite
def rotations(draw: st.DrawFn, number: int) -> Rotation:
    """Turns of some hours from some hour on, perhaps removed, with places of nobody."""
    start = draw(hours) * HOUR
    version = RotationVersion(
        valid_from=start,
        effective_from=start,
        timezone="UTC",
        rotation_type=RotationType.HOURLY,
        handoff_time="00:00",
        shift_length=draw(st.integers(1, 4)),
        member_ids=tuple(draw(st.lists(st.sampled_from([*PEOPLE, ""]), max_size=4))),
        layer=draw(st.integers(0, 2)),
        is_shadow=draw(st.integers(0, 3)) == 0,
    )
    removed = draw(st.none() | hours)
    return Rotation(
        id=f"r{number}",
        schedule_id=SCHEDULE.id,
        name=f"R{number}",
        versions=(version,),
        removed_at=None if removed is None else removed * HOUR,
    )


@st.composite
def overrides(draw: st.DrawFn, number: int, rotation_ids: list[str]) -> Override:
    """One of any kind, made in any order, of the whole schedule or of some rotations."""
    start = draw(st.integers(0, HOURS - 1))
    end = draw(st.integers(start + 1, HOURS))
    kind = draw(st.sampled_from(OverrideKind))
    who, instead = draw(st.permutations(PEOPLE))[:2]
    turns = []
    if kind is OverrideKind.FIXED:
        for _ in range(draw(st.integers(1, 3))):
            begin = draw(st.integers(start, end - 1))
            finish = draw(st.integers(begin + 1, end))
            turns.append(FixedShift(user_id=draw(people), start_at=begin * HOUR, end_at=finish * HOUR))
    scoped = kind is not OverrideKind.FIXED and rotation_ids and draw(st.booleans())
    made = Override(
        id=f"o{number}",
        schedule_id=SCHEDULE.id,
        kind=kind,
        user_id="" if kind is OverrideKind.FIXED else who,
        instead_of_id=instead if kind is OverrideKind.COVER else "",
        rotation_ids=tuple(draw(st.sets(st.sampled_from(rotation_ids), min_size=1))) if scoped else (),
        shifts=tuple(turns),
        start_at=start * HOUR,
        end_at=end * HOUR,
        created_at=draw(st.integers(0, 3)),
    )
    check_override(made, rotation_ids)
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Some of everything."""
    made = [draw(rotations(number)) for number in range(draw(st.integers(0, 4)))]
    ids = [each.id for each in made]
    imported = []
    for number in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, HOURS - 1))
        end = draw(st.integers(start + 1, HOURS))
        imported.append(
            ImportedShift(
                feed_id=f"f{number}",
                layer=draw(st.integers(0, 2)),
                user_id=draw(people),
                start_at=start * HOUR,
                end_at=end * HOUR,
            )
        )
    return Plan(
        schedule=SCHEDULE,
        rotations=made,
        overrides=[draw(overrides(number, ids)) for number in range(draw(st.integers(0, 5)))],
        imported=imported,
    )


def overridden(on: list[str], acting: list[Override], at: Instant) -> list[str]:
    """What overrides make of some people, one after the other in the order of their making."""
    for each in sorted(acting, key=lambda one: (one.created_at, one.id)):
        match each.kind:
            case OverrideKind.REPLACE:
                on = [each.user_id]
            case OverrideKind.ADD:
                on = [*on, each.user_id]
            case OverrideKind.REMOVE:
                on = [one for one in on if one != each.user_id]
            case OverrideKind.COVER:
                on = [each.user_id if one == each.instead_of_id else one for one in on]
            case OverrideKind.FIXED:
                on = [turn.user_id for turn in each.shifts if turn.start_at <= at < turn.end_at]
    return on


def by_the_rules(plan: Plan, at: Instant) -> tuple[set[str], set[str]]:
    """Who is on call and who is a shadow, from the documentation alone."""
    acting = [each for each in plan.overrides if each.start_at <= at < each.end_at]
    layers: dict[int, list[str]] = {}
    shadows: list[str] = []
    for rotation in plan.rotations:
        version = rotation.versions[0]
        if at < version.valid_from or (rotation.removed_at is not None and at >= rotation.removed_at):
            continue
        on = []
        if version.member_ids:
            # Turns of hours run through midnight; the first begins at or after the beginning, with the first member.
            length = version.shift_length * HOUR
            first = -(-version.effective_from // length) * length
            turn = max(0, (at - first) // length)
            on = [version.member_ids[turn % len(version.member_ids)]]
        on = [one for one in on if one]
        on = overridden(on, [each for each in acting if rotation.id in each.rotation_ids], at)
        if version.is_shadow:
            shadows += on
        else:
            layers.setdefault(version.layer, []).extend(on)
    for turn in plan.imported:
        if turn.start_at <= at < turn.end_at:
            layers.setdefault(turn.layer, []).append(turn.user_id)
    highest = max((layer for layer, found in layers.items() if found), default=None)
    decided = layers[highest] if highest is not None else []
    on_now = set(overridden(decided, [each for each in acting if not each.rotation_ids], at))
    return on_now, set(shadows) - on_now


@given(plans())
def test_everybody_is_on_as_the_rules_say(plan: Plan) -> None:
    """At each hour: who is on call, who is a shadow, and nobody twice."""
    for at in range(0, HOURS * HOUR, HOUR):
        answer = on_call(plan, at)
        on, shadows = ([each.user_id for each in found] for found in (answer.people, answer.shadows))
        assert (set(on), set(shadows)) == by_the_rules(plan, at)
        assert len(on) == len(set(on))
        assert len(shadows) == len(set(shadows))


@given(plans())
def test_a_range_says_what_each_of_its_hours_says(plan: Plan) -> None:
    """The final schedule and the shadows of a range, and until when an answer holds, agree with every hour."""
    end = HOURS * HOUR
    final, learning = shifts(plan, 0, end), shadow_shifts(plan, 0, end)
    for at in range(0, end, HOUR):
        on, shadows = by_the_rules(plan, at)
        found = [shift for shift in final.items if shift.start <= at < shift.end]
        assert {each.user_id for shift in found for each in shift.people} == on
        assert any(start <= at < finish for start, finish in final.gaps) == (not on)
        seen = [shift for shift in learning if shift.start <= at < shift.end]
        assert {each.user_id for shift in seen for each in shift.people} == shadows
        answer = on_call(plan, at)
        until = end if answer.until is None else min(answer.until, end)
        assert until > at
        assert all(by_the_rules(plan, later)[0] == on for later in range(at, until, HOUR))
