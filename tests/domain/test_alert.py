"""What a signal means for what is known of its identity: the whole table, and the orders of arrival."""

import itertools

import pytest

from openalert.domain.alert import (
    AlertStatus,
    Occurrence,
    Signal,
    SignalStatus,
    Verdict,
    content_sum,
    judge,
    later,
)
from openalert.domain.severity import Severity

FIRING, RESOLVED, ACKNOWLEDGED = SignalStatus.FIRING, SignalStatus.RESOLVED, SignalStatus.ACKNOWLEDGED


def signal(status: SignalStatus, begun: int | None) -> Signal:
    """A signal of one identity."""
    return Signal(
        source="test",
        status=status,
        severity=Severity.HIGH,
        title="Disk",
        fingerprint="f",
        group="g",
        starts_at=begun,
    )


def known(status: AlertStatus, begun: int | None, by: str | None = None) -> Occurrence:
    """What is kept of the newest occurrence."""
    return Occurrence("id", "incident", status, Severity.HIGH, 0, begun, by)


@pytest.mark.parametrize(
    ("said", "begun", "before", "verdict"),
    [
        (FIRING, 10, None, Verdict.OPEN),
        (FIRING, 10, known(AlertStatus.FIRING, 10), Verdict.REPEAT),
        (FIRING, 20, known(AlertStatus.FIRING, 10), Verdict.REPEAT),
        (FIRING, 10, known(AlertStatus.ACKNOWLEDGED, 10), Verdict.REPEAT),
        (FIRING, 10, known(AlertStatus.RESOLVED, 10), Verdict.STALE),
        (FIRING, 5, known(AlertStatus.RESOLVED, 10), Verdict.STALE),
        (FIRING, 20, known(AlertStatus.RESOLVED, 10), Verdict.OPEN),
        (FIRING, None, known(AlertStatus.RESOLVED, 10), Verdict.OPEN),
        (FIRING, 10, known(AlertStatus.RESOLVED, None), Verdict.OPEN),
        (FIRING, 10, known(AlertStatus.RESOLVED, 10, "alice"), Verdict.OPEN),
        (RESOLVED, 10, None, Verdict.STORE_RESOLVED),
        (RESOLVED, 10, known(AlertStatus.FIRING, 10), Verdict.RESOLVE),
        (RESOLVED, None, known(AlertStatus.FIRING, 10), Verdict.RESOLVE),
        (RESOLVED, 5, known(AlertStatus.FIRING, 10), Verdict.STALE),
        (RESOLVED, 10, known(AlertStatus.RESOLVED, 10), Verdict.STALE),
        (RESOLVED, 20, known(AlertStatus.RESOLVED, 10), Verdict.STORE_RESOLVED),
        (ACKNOWLEDGED, 10, known(AlertStatus.FIRING, 10), Verdict.ACKNOWLEDGE),
        (ACKNOWLEDGED, 10, known(AlertStatus.RESOLVED, 10), Verdict.STALE),
        (ACKNOWLEDGED, 10, None, Verdict.STALE),
    ],
)
def test_the_table(
    said: SignalStatus, begun: int | None, before: Occurrence | None, verdict: Verdict
) -> None:
    """Each row is a rule that somebody was once woken, or not woken, for."""
    assert judge(signal(said, begun), before) is verdict


def test_every_order_of_arrival_ends_in_the_same_state() -> None:
    """Two occurrences, each beginning and ending: whatever arrives when, the last word is the source's."""
    messages = [(FIRING, 10), (RESOLVED, 10), (FIRING, 20), (RESOLVED, 20)]
    for order in itertools.permutations(messages):
        state: Occurrence | None = None
        for said, begun in order:
            state = _after(state, signal(said, begun))
        assert state is not None
        assert state.status is AlertStatus.RESOLVED, order


def _after(state: Occurrence | None, said: Signal) -> Occurrence | None:
    verdict = judge(said, state)
    if verdict is Verdict.OPEN:
        return known(AlertStatus.FIRING, said.starts_at)
    if verdict is Verdict.STORE_RESOLVED:
        return known(AlertStatus.RESOLVED, said.starts_at)
    if state is not None and verdict is Verdict.RESOLVE:
        return known(AlertStatus.RESOLVED, later(said.starts_at, state.starts_at))
    if state is not None and verdict is Verdict.REPEAT:
        return known(state.status, later(said.starts_at, state.starts_at))
    return state


def test_texts_count_and_times_do_not() -> None:
    """A changed summary is news worth keeping; another time or count is not."""
    one, other = signal(FIRING, 10), signal(FIRING, 99)
    assert content_sum(one) == content_sum(other)
    other.annotations = {"summary": "97 %"}
    assert content_sum(one) != content_sum(other)
