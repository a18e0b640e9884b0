"""Overrides: what each kind does to those who would be on call, in what order, and what is refused."""

from typing import Any

import msgspec
import pytest

from openalert.domain.errors import Invalid
from openalert.domain.oncall import on_call, rotation_shifts, shadow_shifts, shifts
from openalert.domain.override import FixedShift, Override, OverrideKind, check_override
from openalert.domain.plan import ImportedShift, OnCallSource
from tests.domain.rotas import OFFICE, override, plan_of, rotation, timeline, utc, who

DAYS = ("2026-01-05T09:00", "2026-01-09T09:00")


def cover(user: str, instead_of: str, start: str, end: str, **more: Any) -> Override:
    """Somebody in place of somebody else, wherever that one would be on."""
    return override(user, start, end, kind=OverrideKind.COVER, instead_of_id=instead_of, **more)


def fixed(*turns: tuple[str, str, str], name: str = "f", created_at: int = 0) -> Override:
    """A temporary schedule from the first to the last of its turns."""
    plain = [FixedShift(user_id=user, start_at=utc(start), end_at=utc(end)) for user, start, end in turns]
    return Override(
        id=name,
        schedule_id="s",
        kind=OverrideKind.FIXED,
        user_id="",
        shifts=tuple(plain),
        start_at=min(shift.start_at for shift in plain),
        end_at=max(shift.end_at for shift in plain),
        created_at=created_at,
    )


# What the kinds do.


def test_a_cover_takes_the_turns_of_one_person_alone() -> None:
    """Bea's turns within the time are Eve's; Ada's stay hers, and the covered rotation is still named."""
    days = rotation("ada", "bea")
    eve = cover("eve", "bea", "2026-01-05T00:00", "2026-01-08T12:00")
    assert timeline(*DAYS, [days], [eve]) == [
        "01-05 09:00 ada",
        "01-06 09:00 eve",
        "01-07 09:00 ada",
        "01-08 09:00 eve",
        "01-08 12:00 bea",
    ]
    (person,) = on_call(plan_of([days], [eve]), utc("2026-01-06T12:00")).people
    assert (person.source, person.instead_of_id, person.rotation_id) == (OnCallSource.OVERRIDE, "bea", "r1")


def test_a_cover_follows_an_edit_of_the_rotation() -> None:
    """It names the person and not the hours: when Bea's turn moves, so does what Eve takes over."""
    later = rotation("ada", "bea", handoff_time="11:00")
    eve = cover("eve", "bea", "2026-01-05T00:00", "2026-01-09T00:00")
    assert timeline("2026-01-05T11:00", "2026-01-07T12:00", [later], [eve]) == [
        "01-05 11:00 ada",
        "01-06 11:00 eve",
        "01-07 11:00 ada",
    ]


def test_covers_chain_and_nobody_is_on_twice() -> None:
    """Eve covers Bea, then Finn covers Eve; where the one who covers is on anyway, once is enough."""
    days, nights = rotation("bea"), rotation("ada", name="r2")
    eve = cover("eve", "bea", *DAYS, name="o1", created_at=1)
    finn = cover("finn", "eve", *DAYS, name="o2", created_at=2)
    ada = cover("ada", "bea", *DAYS, name="o3", created_at=1)
    assert who("2026-01-06T12:00", [days], [finn, eve]) == ["finn"]
    assert who("2026-01-06T12:00", [days, nights], [ada]) == ["ada"]


def test_adding_and_removing_leave_the_others_alone() -> None:
    """One joins, one goes; when the only one goes, nobody is on and that is a gap."""
    days = rotation("ada")
    more = override("eve", "2026-01-06T00:00", "2026-01-07T00:00", kind=OverrideKind.ADD)
    less = override(
        "ada", "2026-01-06T12:00", "2026-01-08T00:00", "o2", created_at=1, kind=OverrideKind.REMOVE
    )
    assert timeline("2026-01-05T12:00", "2026-01-08T12:00", [days], [more, less]) == [
        "01-05 12:00 ada",
        "01-06 00:00 ada+eve",
        "01-06 12:00 eve",
        "01-07 00:00 -",
        "01-08 00:00 ada",
    ]


def test_overrides_act_in_the_order_of_their_making() -> None:
    """Who was added before somebody stood in for everybody is gone; who is added later stays."""
    days = rotation("ada")
    early = override("eve", *DAYS, "o1", created_at=1, kind=OverrideKind.ADD)
    everybody = override("finn", *DAYS, "o2", created_at=2)
    late = override("gus", *DAYS, "o3", created_at=3, kind=OverrideKind.ADD)
    assert who("2026-01-06T12:00", [days], [late, everybody, early]) == ["finn", "gus"]
    assert who("2026-01-06T12:00", [days], [early]) == ["ada", "eve"]


def test_a_temporary_schedule_stands_for_the_whole_one() -> None:
    """Only its turns count, two at once where they overlap, nobody between them; later overrides act on it."""
    plan = fixed(
        ("eve", "2026-01-06T00:00", "2026-01-06T12:00"),
        ("finn", "2026-01-06T08:00", "2026-01-06T16:00"),
        ("gus", "2026-01-07T00:00", "2026-01-07T08:00"),
    )
    more = override("hal", "2026-01-06T20:00", "2026-01-06T22:00", "o2", created_at=1, kind=OverrideKind.ADD)
    assert timeline("2026-01-05T12:00", "2026-01-07T12:00", [rotation("ada")], [plan, more]) == [
        "01-05 12:00 ada",
        "01-06 00:00 eve",
        "01-06 08:00 eve+finn",
        "01-06 12:00 finn",
        "01-06 16:00 -",
        "01-06 20:00 hal",
        "01-06 22:00 -",
        "01-07 00:00 gus",
        "01-07 08:00 ada",
    ]


def test_an_override_of_some_rotations_acts_before_layers_are_compared() -> None:
    """In the office layer Eve stands in, also when that rotation rests; the other rotation goes on beside it."""
    office = rotation("ada", name="office", restrictions=(OFFICE,))
    always = rotation("bea", name="always")
    eve = override("eve", "2026-01-06T08:00", "2026-01-06T18:00", rotation_ids=("office",))
    gone = override("bea", *DAYS, "o2", kind=OverrideKind.REMOVE, rotation_ids=("always",))
    assert timeline("2026-01-06T00:00", "2026-01-07T00:00", [office, always], [eve]) == [
        "01-06 00:00 bea",
        "01-06 08:00 bea+eve",
        "01-06 18:00 bea",
    ]
    upper = rotation("bea", name="always", layer=2)
    assert who("2026-01-06T12:00", [office, upper], []) == ["bea"]
    assert who("2026-01-06T12:00", [office, upper], [gone]) == ["ada"]


# Shadows, calendars, and rotations that are gone.


def test_a_shadow_is_seen_and_closes_no_gap() -> None:
    """The shadow of a rotation is not among those on call, and nobody is a shadow of their own shift."""
    office = rotation("ada", restrictions=(OFFICE,))
    trainee = rotation("tess", "ada", name="shadow", is_shadow=True)
    plan = plan_of([office, trainee])
    noon = on_call(plan, utc("2026-01-05T12:00"))
    assert [person.user_id for person in noon.people] == ["ada"]
    assert [person.user_id for person in noon.shadows] == ["tess"]
    assert on_call(plan, utc("2026-01-06T12:00")).shadows == []
    start, end = utc("2026-01-05T00:00"), utc("2026-01-07T00:00")
    assert shifts(plan, start, end).gaps[0] == (start, utc("2026-01-05T09:00"))
    told = [(shift.start, shift.people[0].user_id) for shift in shadow_shifts(plan, start, end)]
    assert told == [
        (utc("2026-01-05T09:00"), "tess"),
        (utc("2026-01-06T17:00"), "ada"),
    ]


def test_imported_shifts_stand_in_their_layer() -> None:
    """A calendar of layer 2 wins over the rotation where it has somebody; what overlaps is on together."""
    brought = [
        ImportedShift(feed_id="c", layer=2, user_id=user, start_at=utc(start), end_at=utc(end))
        for user, start, end in (
            ("eve", "2026-01-06T00:00", "2026-01-06T12:00"),
            ("finn", "2026-01-06T08:00", "2026-01-06T16:00"),
        )
    ]
    final = shifts(plan_of([rotation("ada")], [], brought), utc("2026-01-05T12:00"), utc("2026-01-07T00:00"))
    assert ["+".join(person.user_id for person in shift.people) for shift in final.items] == [
        "ada",
        "eve",
        "eve+finn",
        "finn",
        "ada",
    ]
    assert final.items[1].people[0].source is OnCallSource.CALENDAR
    assert on_call(plan_of([], [], brought), utc("2026-01-06T09:00")).until == utc("2026-01-06T12:00")


def test_a_removed_rotation_keeps_its_past() -> None:
    """Before its end it answers as ever, from then on nobody is on by it."""
    gone = msgspec.structs.replace(rotation("ada"), removed_at=utc("2026-01-07T12:00"))
    assert timeline(*DAYS, [gone]) == ["01-05 09:00 ada", "01-07 12:00 -"]
    (shift,) = rotation_shifts(gone, utc(DAYS[0]), utc(DAYS[1]))
    assert shift.end == utc("2026-01-07T12:00")


# What is refused.


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("userId", {"user_id": ""}),
        ("insteadOfId", {"instead_of_id": "ada"}),
        ("insteadOfId", {"kind": OverrideKind.COVER}),
        ("insteadOfId", {"kind": OverrideKind.COVER, "instead_of_id": "eve"}),
        ("endTime", {"end_at": utc(DAYS[0])}),
        ("startTime", {"start_at": -1}),
        ("reason", {"reason": "x" * 1001}),
        ("rotationIds", {"rotation_ids": ("r1", "elsewhere")}),
        ("shifts", {"shifts": (FixedShift(user_id="ada", start_at=1, end_at=2),)}),
        ("userId", {"kind": OverrideKind.FIXED}),
        ("shifts", {"kind": OverrideKind.FIXED, "user_id": ""}),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(field: str, change: dict[str, Any]) -> None:
    """Each refusal names the member of the body that is wrong."""
    check_override(override("eve", *DAYS, rotation_ids=("r1",)), {"r1"})
    with pytest.raises(Invalid) as refused:
        check_override(_changed(change), {"r1"})
    assert refused.value.details == {"field": field}


@pytest.mark.parametrize(
    "turn",
    [
        ("eve", "2026-01-05T08:00", "2026-01-05T10:00"),
        ("eve", "2026-01-06T10:00", "2026-01-06T10:00"),
        ("", "2026-01-06T10:00", "2026-01-06T11:00"),
    ],
)
def test_turns_of_a_temporary_schedule_lie_in_it_and_last(turn: tuple[str, str, str]) -> None:
    """A turn outside, of no time or of nobody is refused with its number."""
    whole = fixed(("ada", *DAYS))
    check_override(whole)
    start, end = utc(turn[1]), utc(turn[2])
    odd = FixedShift(user_id=turn[0], start_at=start, end_at=end)
    with pytest.raises(Invalid, match="shift 2"):
        check_override(_changed({"shifts": (*whole.shifts, odd)}, whole))


def _changed(change: dict[str, Any], made: Override | None = None) -> Override:
    return msgspec.structs.replace(made or override("eve", *DAYS), **change)
