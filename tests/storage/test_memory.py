"""What is left of memory, and for whom: new messages, long ones, and what is nothing new."""

import pytest

from openalert.domain.errors import Unavailable
from openalert.storage import memory
from openalert.storage.memory import COPIES, ENOUGH, LITTLE, MIB, SHORT, Memory, Room


class Machine:
    """One whose memory a test takes and gives back."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.memory = Memory(lambda: Room(self.left, 512 * MIB, "cgroup"))

    def has(self, left: int) -> Memory:
        """So much is left, and the next look sees it."""
        self.left = left
        self.memory._looked_at = -memory.LOOK_SECONDS
        return self.memory


def _is_refused(known: Memory, length: int, *, new: bool = True) -> bool:
    try:
        known.release(known.promise(length) if new else known.reserve(length))
    except Unavailable as error:
        return bool(error.details["retry_after"])
    return False


@pytest.mark.proves("F-27", "LC-2")
def test_new_messages_are_refused_until_there_is_well_enough() -> None:
    """Below the bound all of them, above it none; in between it stays as it was, so that it does not flicker."""
    machine = Machine(ENOUGH)
    assert not _is_refused(machine.memory, 0)
    between = (SHORT + ENOUGH) // 2
    assert not _is_refused(machine.has(between), 0)
    assert _is_refused(machine.has(SHORT - 1), 0)
    assert _is_refused(machine.has(between), 0)
    assert not _is_refused(machine.has(ENOUGH), 0)


def test_long_messages_share_what_is_left() -> None:
    """Each is counted as it is read and stored; what was promised is free again at its end."""
    length = MIB
    known = Machine(SHORT + 2 * COPIES * length).memory
    first, _ = known.promise(length), known.promise(length)
    assert _is_refused(known, length)
    assert not _is_refused(known, LITTLE)
    known.release(first)
    assert not _is_refused(known, length)


def test_what_is_nothing_new_goes_on() -> None:
    """An acknowledge is taken while all that is new is refused; a giant that calls itself one is not."""
    known = Machine(SHORT // 2).memory
    assert _is_refused(known, 0)
    assert not _is_refused(known, LITTLE, new=False)
    assert _is_refused(known, MIB, new=False)


def test_the_system_says_what_is_left() -> None:
    """Of this very machine: some of its memory, and this process has a part of it."""
    room = memory.room()
    assert 0 < room.left < room.most
    assert room.of in {"machine", "cgroup", "RLIMIT_AS"}
    assert memory.resident_bytes() > 4 * MIB
