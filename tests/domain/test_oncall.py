"""Who is on call: layers, overrides, planned versions, and the answers as they are told."""

from openalert.domain.instant import DAY, LATEST, MINUTE
from openalert.domain.oncall import (
    FinalSchedule,
    on_call,
    rotation_shifts,
    shifts,
)
from openalert.domain.override import Override
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift
from openalert.domain.schedule import Rotation, RotationType
from tests.domain.rotas import NIGHT, OFFICE, override, plan_of, rotation, timeline, until, utc, who

# Layers.


def test_the_higher_layer_wins_where_it_has_somebody() -> None:
    """Office hours above round the clock; the answer falls through to the lower layer at night."""
    base = rotation("ada", "ben", rotation_type=RotationType.WEEKLY, name="base", layer=1)
    office = rotation("cleo", "", name="office", layer=2, restrictions=(OFFICE,))
    assert timeline("2026-01-05T09:00", "2026-01-07T12:00", [base, office]) == [
        "01-05 09:00 cleo",
        "01-05 17:00 ada",
        "01-07 09:00 cleo",
    ]


def test_rotations_of_one_layer_run_in_parallel() -> None:
    """Both are on, in the order of the rotations' ids, and nobody is named twice."""
    first = rotation("ada", "ben", name="r1")
    second = rotation("cleo", "ada", name="r2")
    third = rotation("ada", "ada", "ben", name="r3")
    assert who("2026-01-05T12:00", [second, first]) == ["ada", "cleo"]
    assert who("2026-01-06T12:00", [first, second]) == ["ben", "ada"]
    answer = on_call(plan_of([third, second, first]), utc("2026-01-06T12:00"))
    assert [(person.user_id, person.rotation_id) for person in answer.people] == [
        ("ben", "r1"),
        ("ada", "r2"),
    ]


def test_a_layer_that_never_decides_brings_no_changes() -> None:
    """Below one person who is always on, handoffs of lower layers do not matter; forever means None."""
    always = rotation("ada", name="top", layer=2)
    below = rotation("ben", "cleo", name="below", layer=1)
    assert until("2026-01-06T12:00", [always, below]) is None
    beside = rotation("ada", "", name="zz", layer=2)
    assert until("2026-01-06T12:00", [always, beside]) is None


def test_a_planned_version_can_lift_a_rotation_above_the_others() -> None:
    """The layer belongs to the version: its change is a change of the answer, at its instant."""
    top = rotation("ada", name="top", layer=2)
    below = rotation("ben", name="below", layer=1)
    lifted = Rotation(
        id="below",
        schedule_id="s",
        name="below",
        versions=(
            below.current,
            rotation("ben", layer=3, valid_from=utc("2026-02-01T00:00")).current,
        ),
    )
    assert who("2026-01-31T23:59", [top, lifted]) == ["ada"]
    assert until("2026-01-06T12:00", [top, lifted]) == "2026-02-01T00:00"
    assert who("2026-02-01T00:00", [top, lifted]) == ["ben"]


def test_before_its_first_version_a_rotation_has_nobody() -> None:
    """A definition decides from `valid_from` on, even where it would be effective earlier."""
    late = rotation("ada", valid_from=utc("2026-01-10T00:00"))
    assert who("2026-01-09T12:00", [late]) == []
    assert until("2026-01-09T12:00", [late]) == "2026-01-10T00:00"
    assert rotation_shifts(late, utc("2026-01-09T00:00"), utc("2026-01-11T00:00"))[0].start == utc(
        "2026-01-10T00:00"
    )


# Overrides.


def test_an_override_replaces_the_whole_answer() -> None:
    """All layers are silent while it lasts; its reason is told."""
    base = rotation("ada", "ben")
    parallel = rotation("cleo", name="r2")
    cover = override("eve", "2026-01-06T12:00", "2026-01-07T12:00")
    assert timeline("2026-01-06T00:00", "2026-01-08T00:00", [base, parallel], [cover]) == [
        "01-06 00:00 ada+cleo",
        "01-06 09:00 ben+cleo",
        "01-06 12:00 eve",
        "01-07 12:00 ada+cleo",
    ]
    answer = on_call(plan_of([base, parallel], [cover]), utc("2026-01-06T12:00"))
    assert answer.people == [
        OnCallPerson(user_id="eve", source=OnCallSource.OVERRIDE, override_id="o1", override_reason="holiday")
    ]
    assert answer.until == cover.end_at
    assert until("2026-01-06T10:00", [base, parallel], [cover]) == "2026-01-06T12:00"


def test_of_several_overrides_the_latest_created_wins() -> None:
    """A later word stands above an earlier one; when it ends, the earlier one is back."""
    long = override("eve", "2026-01-06T00:00", "2026-01-09T00:00", "o1", created_at=1)
    short = override("finn", "2026-01-07T00:00", "2026-01-08T00:00", "o2", created_at=2)
    under = override("gus", "2026-01-05T00:00", "2026-01-07T00:00", "o3", created_at=0)
    assert timeline("2026-01-05T00:00", "2026-01-10T00:00", [], [long, under, short]) == [
        "01-05 00:00 gus",
        "01-06 00:00 eve",
        "01-07 00:00 finn",
        "01-08 00:00 eve",
        "01-09 00:00 -",
    ]
    same_moment = override("gus", "2026-01-06T00:00", "2026-01-09T00:00", "o9", created_at=2)
    assert who("2026-01-07T12:00", [], [short, same_moment]) == ["gus"]


def test_an_override_covers_a_gap() -> None:
    """Where no rotation has anybody, the one who takes over is on."""
    office = rotation("ada", restrictions=(OFFICE,))
    cover = override("eve", "2026-01-06T16:00", "2026-01-06T18:00")
    final = shifts(plan_of([office], [cover]), utc("2026-01-06T00:00"), utc("2026-01-07T00:00"))
    assert final.gaps == [
        (utc("2026-01-06T00:00"), utc("2026-01-06T09:00")),
        (utc("2026-01-06T18:00"), utc("2026-01-07T00:00")),
    ]


# The answers as they are.


def test_people_are_told_with_their_rotation() -> None:
    """A person on by rotation carries its id and name, and nothing of overrides."""
    answer = on_call(plan_of([rotation("ada")]), utc("2026-01-06T12:00"))
    assert answer.at == utc("2026-01-06T12:00")
    assert answer.people == [
        OnCallPerson(user_id="ada", source=OnCallSource.ROTATION, rotation_id="r1", rotation_name="R1")
    ]


def test_what_belongs_to_other_schedules_is_left_out() -> None:
    """Rotations and overrides of another schedule may be handed in; they count for nothing."""
    other = Rotation(id="x", schedule_id="other", name="x", versions=rotation("ada").versions)
    foreign = Override(id="y", schedule_id="other", user_id="eve", start_at=0, end_at=LATEST, created_at=0)
    assert on_call(plan_of([other], [foreign]), utc("2026-01-06T12:00")).people == []


def test_an_empty_range_is_empty() -> None:
    """No time, no shifts and no gaps."""
    at = utc("2026-01-06T12:00")
    assert shifts(plan_of([rotation("ada")]), at, at) == FinalSchedule(items=[], gaps=[])


def test_one_rotation_alone_is_told_without_layers_and_overrides() -> None:
    """Drawing a layer shows what its rotation would do; turns of nobody and closed windows are left out."""
    office = rotation("ada", "", restrictions=(OFFICE,))
    found = rotation_shifts(office, utc("2026-01-05T00:00"), utc("2026-01-08T00:00"))
    ada = [OnCallPerson(user_id="ada", source=OnCallSource.ROTATION, rotation_id="r1", rotation_name="R1")]
    assert found == [
        Shift(start=utc("2026-01-05T09:00"), end=utc("2026-01-05T17:00"), people=ada),
        Shift(start=utc("2026-01-07T09:00"), end=utc("2026-01-07T17:00"), people=ada),
    ]


def test_ninety_days_of_three_layers_are_cut_at_the_edges_of_the_range() -> None:
    """A long timeline begins and ends exactly where asked, whatever shifts run there."""
    layers = [
        rotation("ada", "ben", rotation_type=RotationType.WEEKLY, name="base"),
        rotation("cleo", "dan", name="night", layer=2, restrictions=(NIGHT,)),
        rotation("eve", name="office", layer=3, restrictions=(OFFICE,)),
    ]
    start = utc("2026-02-01T03:33") + 7
    final = shifts(plan_of(layers), start, start + 90 * DAY + 11 * MINUTE)
    assert final.items[0].start == start
    assert final.items[-1].end == start + 90 * DAY + 11 * MINUTE
    assert sum(item.end - item.start for item in final.items) == 90 * DAY + 11 * MINUTE
