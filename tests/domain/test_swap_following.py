"""Where a swap goes when the schedule under it is edited."""

import pytest

from openalert.domain.difference import Span
from openalert.domain.instant import HOUR
from openalert.domain.plan import OnCallPerson, OnCallSource
from openalert.domain.swap_following import Piece, followed


def piece(start: int, end: int, source: str = "daily", cover: str | None = None) -> Piece:
    """A shift, in hours."""
    person = OnCallPerson(user_id="ana", source=OnCallSource.ROTATION, rotation_id=source, override_id=cover)
    return Piece(start=start * HOUR, end=end * HOUR, person=person)


@pytest.mark.parametrize(
    ("span", "before", "after", "expected"),
    [
        pytest.param((24, 48), [piece(24, 48)], [piece(24, 48)], (24, 48), id="nothing changed"),
        pytest.param((24, 48), [piece(24, 48)], [piece(25, 49)], (25, 49), id="the handoff moved"),
        pytest.param((24, 48), [piece(24, 48)], [piece(24, 36)], (24, 36), id="the shift became shorter"),
        pytest.param((24, 48), [piece(24, 48)], [piece(24, 60)], (24, 60), id="and half again as long"),
        pytest.param((24, 48), [piece(24, 48)], [piece(0, 168)], (24, 48), id="a day became a week"),
        pytest.param((24, 48), [piece(24, 48)], [piece(48, 72)], None, id="the shift is another one"),
        pytest.param((24, 48), [piece(24, 48)], [], None, id="there is no shift"),
        pytest.param((30, 36), [piece(24, 48)], [piece(25, 49)], (30, 36), id="a part stays where it is"),
        pytest.param((24, 36), [piece(24, 48)], [piece(25, 49)], (25, 36), id="the first part, cut to the shift"),
        pytest.param((40, 48), [piece(24, 48)], [piece(24, 38)], None, id="a part of which nothing is left"),
        pytest.param(
            (24, 72), [piece(24, 48), piece(48, 72, "b")], [piece(25, 49)], (25, 49), id="one of two is left"
        ),
        pytest.param(
            (48, 72),
            [piece(24, 48, cover="of ben"), piece(48, 72)],
            [piece(25, 49, cover="of ben"), piece(49, 73)],
            (49, 73),
            id="the neighbour is another shift",
        ),
        pytest.param(
            (24, 48), [piece(24, 48)], [piece(24, 47, "b"), piece(47, 60)], (47, 60), id="the same rotation first"
        ),
        pytest.param(
            (24, 48), [piece(24, 48)], [piece(24, 30), piece(32, 48)], (24, 48), id="a hole in the middle"
        ),
        pytest.param(
            (48, 72), [piece(0, 999)], [piece(0, 24), piece(48, 72)], (48, 72), id="no longer alone"
        ),
        pytest.param((24, 48), [piece(0, 12)], [piece(0, 12)], (24, 48), id="it was in no shift"),
    ],
)  # fmt: skip
def test_a_swap_follows_its_shift(
    span: Span, before: list[Piece], after: list[Piece], expected: Span | None
) -> None:
    """Edges of the shift move along, others are cut to it; a shift that is no more takes the swap with it."""
    found = followed((span[0] * HOUR, span[1] * HOUR), before, after)
    assert found == (None if expected is None else (expected[0] * HOUR, expected[1] * HOUR))
