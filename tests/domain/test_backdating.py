"""The log of a component with what was told later over it."""

import pytest

from openalert.domain.backdating import Span, overlaid
from openalert.domain.status_page import ComponentStatus, Logged

UP, DEGRADED, PARTIAL, MAJOR = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.DEGRADED_PERFORMANCE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)


def _noted(*entries: tuple[int, ComponentStatus]) -> list[Logged]:
    return [Logged(component_id="c", at=at, status=status, incident_id="live") for at, status in entries]


def _span(since: int, until: int, status: ComponentStatus, incident_id: str = "late") -> Span:
    return Span(incident_id=incident_id, component_id="c", since=since, until=until, status=status)


@pytest.mark.parametrize(
    ("noted", "spans", "expected"),
    [
        pytest.param(
            [(0, UP)],
            [(10, 20, MAJOR)],
            [(0, UP, "live"), (10, MAJOR, "late"), (20, UP, "live")],
            id="over a quiet time",
        ),
        pytest.param(
            [(0, UP), (15, PARTIAL), (30, UP)],
            [(10, 20, MAJOR)],
            [
                (0, UP, "live"),
                (10, MAJOR, "late"),
                (15, MAJOR, "late"),
                (20, PARTIAL, "live"),
                (30, UP, "live"),
            ],
            id="what was noted goes on after it",
        ),
        pytest.param(
            [(0, UP), (5, MAJOR), (30, UP)],
            [(10, 20, DEGRADED)],
            [(0, UP, "live"), (5, MAJOR, "live"), (10, MAJOR, "live"), (20, MAJOR, "live"), (30, UP, "live")],
            id="telling late makes nothing better",
        ),
        pytest.param(
            [(0, UP)],
            [(10, 30, PARTIAL, "a"), (20, 40, MAJOR, "b")],
            [(0, UP, "live"), (10, PARTIAL, "a"), (20, MAJOR, "b"), (30, MAJOR, "b"), (40, UP, "live")],
            id="the worst of two",
        ),
        pytest.param(
            [(15, UP)],
            [(10, 20, MAJOR), (1, 15, MAJOR)],
            [(15, MAJOR, "late"), (20, UP, "live")],
            id="nothing before it was known",
        ),
        pytest.param([(0, UP)], [], [(0, UP, "live")], id="nothing told later"),
    ],
)
def test_what_is_told_later_lies_over_what_was_noted(
    noted: list[tuple[int, ComponentStatus]],
    spans: list[tuple[int, int, ComponentStatus]],
    expected: list[tuple[int, ComponentStatus, str]],
) -> None:
    """For its span a component was the worst of both; before and after it is as it was noted."""
    began_at = noted[0][0]
    found = overlaid(_noted(*noted), [_span(*each) for each in spans], began_at)
    assert [(entry.at, entry.status, entry.incident_id) for entry in found] == expected
