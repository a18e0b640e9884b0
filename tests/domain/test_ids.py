"""Identifiers sort by time, also within a millisecond, and are UUIDs of version 7."""

import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

from openalert.domain.ids import first_id, new_id


def test_it_is_a_uuid_of_version_seven_that_holds_the_time() -> None:
    """Any UUID library reads it, and its first 48 bits are the milliseconds."""
    made = uuid.UUID(new_id(1_767_603_600_000))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 1_767_603_600_000


def test_a_later_one_sorts_later() -> None:
    """A thousand in one millisecond and one in the next are in order as text, and all differ."""
    made = [new_id(1_000) for _ in range(1_000)] + [new_id(1_001)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_many_of_one_moment_stay_in_order() -> None:
    """Ten thousand of one millisecond, as a large message makes them, and those made after it."""
    made = [new_id(2_000) for _ in range(10_000)] + [new_id(2_001), new_id(2_010)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_clock_set_back_is_believed() -> None:
    """What is made after the clock went back says the time that the clock says."""
    new_id(5_000_000)
    assert uuid.UUID(new_id(4_000_000)).int >> 80 == 4_000_000


def test_threads_never_get_the_same_one() -> None:
    """Two threads draw from one reserve at the same moment: what either gets is nobody else's."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: [new_id(1_000) for _ in range(2_000)], range(4)))
    finally:
        sys.setswitchinterval(interval)
    ends = [each[19:] for part in made for each in part]
    assert len(set(ends)) == len(ends)


def test_the_first_identifier_of_a_moment_divides_before_from_after() -> None:
    """Everything made from then on sorts after it, everything made before sorts before it."""
    now = 1_767_603_600_000
    assert new_id(now - 1) < first_id(now) < new_id(now)
