"""FairQueue: who is called next where many wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.fair_queue import FairQueue


def test_a_storm_lets_others_pass() -> None:
    """A thousand of one and one of another: the other is second, and everybody's own keep their order."""
    queue: FairQueue[int] = FairQueue()
    for number in range(1_000):
        queue.put("storm", number)
    queue.put("quiet", -1)
    assert [queue.next() for _ in range(4)] == [0, -1, 1, 2]
    assert (len(queue), queue.of("storm"), queue.of("quiet")) == (997, 997, 0)


def test_nobody_is_nobody() -> None:
    """An empty line has no next."""
    with pytest.raises(IndexError):
        FairQueue[int]().next()


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_nothing_is_lost_and_nobody_overtakes_himself(senders: list[str]) -> None:
    """Everything comes out once; of one sender in its order; whoever waits is called within one round."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, sender in enumerate(senders):
        queue.put(sender, (sender, number))
    out = [queue.next() for _ in senders]
    assert sorted(out) == sorted((sender, number) for number, sender in enumerate(senders))
    for sender in "abc":
        mine = [number for whose, number in out if whose == sender]
        assert mine == sorted(mine)
    seen = dict.fromkeys("abc", 0)
    for whose, _ in out:
        seen[whose] += 1
        waiting = [count for sender, count in seen.items() if count < senders.count(sender)]
        assert all(seen[whose] - count <= 1 for count in waiting)
