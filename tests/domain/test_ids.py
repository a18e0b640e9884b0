"""Identifiers sort by time, also within a millisecond, and are UUIDs of version 7."""

import uuid

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


def test_the_first_identifier_of_a_moment_divides_before_from_after() -> None:
    """Everything made from then on sorts after it, everything made before sorts before it."""
    now = 1_767_603_600_000
    assert new_id(now - 1) < first_id(now) < new_id(now)
