"""Why somebody is on call, and why others are not."""

from openalert.domain.plan import ImportedShift
from openalert.domain.reason import Stand, reasons
from openalert.domain.schedule import Rotation, RotationType
from tests.domain.rotas import OFFICE, rotation, utc


def _stands(at: str, *rotations: Rotation) -> list[tuple[str, Stand, str]]:
    return [(each.rotation_id, each.stand, each.user_id) for each in reasons(rotations, utc(at))]


def test_the_highest_layer_that_has_somebody_decides() -> None:
    """Office hours beat the base; at night they are closed, and the base decides."""
    base = rotation("ada", "ben", name="base", rotation_type=RotationType.WEEKLY)
    office = rotation("cleo", name="office", layer=2, restrictions=(OFFICE,))
    assert _stands("2026-01-06T12:00", base, office) == [
        ("office", Stand.DECIDES, "cleo"),
        ("base", Stand.BEATEN, "ada"),
    ]
    assert _stands("2026-01-06T20:00", base, office) == [
        ("office", Stand.CLOSED, "cleo"),
        ("base", Stand.DECIDES, "ada"),
    ]


def test_rotations_of_one_layer_decide_together() -> None:
    """In the order of their ids."""
    both = _stands("2026-01-06T12:00", rotation("ben", name="r2"), rotation("ada", name="r1"))
    assert both == [("r1", Stand.DECIDES, "ada"), ("r2", Stand.DECIDES, "ben")]


def test_whoever_has_nobody_says_why() -> None:
    """Not begun, over, a turn of nobody, and no order at all."""
    pending = rotation("ada", name="r1", since="2026-02-01T09:00")
    over = rotation("ada", name="r2", effective_until=utc("2026-01-06T09:00"))
    empty = rotation("ada", "", name="r3")
    bare = rotation(name="r4")
    paused = rotation("ada", name="r5", effective_from=utc("2026-03-01T09:00"))
    found = reasons([pending, over, empty, bare, paused], utc("2026-01-06T12:00"))
    assert [each.stand for each in found] == [
        Stand.PENDING, Stand.OVER, Stand.NOBODY, Stand.NOBODY, Stand.PENDING,
    ]  # fmt: skip
    assert [each.until for each in found] == [
        utc("2026-02-01T09:00"), None, utc("2026-01-07T09:00"), None, utc("2026-03-01T09:00"),
    ]  # fmt: skip


def test_a_turn_is_told_with_its_end_and_its_place() -> None:
    """The second of three, until the handoff."""
    [found] = reasons([rotation("ada", "ben", "cleo")], utc("2026-01-06T12:00"))
    assert (found.user_id, found.place, found.places) == ("ben", 2, 3)
    assert found.until == utc("2026-01-07T09:00")


def test_a_shadow_decides_nothing_and_a_calendar_may_beat_a_rotation() -> None:
    """A shadow in a higher layer leaves the one below deciding; a turn of a calendar above it does not."""
    base, shadow = rotation("ada", name="base"), rotation("ben", name="shadow", layer=5, is_shadow=True)
    assert _stands("2026-01-06T12:00", base, shadow) == [
        ("shadow", Stand.SHADOW, "ben"),
        ("base", Stand.DECIDES, "ada"),
    ]
    turn = ImportedShift(
        feed_id="f", layer=2, user_id="cleo", start_at=utc("2026-01-06T09:00"), end_at=utc("2026-01-06T17:00")
    )
    at, later = utc("2026-01-06T12:00"), utc("2026-01-06T17:00")
    assert [each.stand for each in reasons([base], at, [turn])] == [Stand.BEATEN]
    assert [each.stand for each in reasons([base], later, [turn])] == [Stand.DECIDES]
