"""What is left of memory, and for whom: new messages, long ones, and what is nothing new."""

from pathlib import Path

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


class Tree:
    """Control groups as the kernel shows them, in a folder of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = folder / "cgroup"
        self.root.mkdir()
        self._own = folder / "own"
        monkeypatch.setattr(memory, "CGROUPS", self.root)
        monkeypatch.setattr(memory, "OWN_GROUPS", self._own)
        monkeypatch.setattr(memory, "_by_machine", lambda: Room(64 * 1024 * MIB, 64 * 1024 * MIB, "machine"))
        monkeypatch.setattr(memory, "_by_own_limit", lambda: None)

    def is_in(self, *lines: str) -> None:
        """What the kernel says our groups are."""
        self._own.write_text("".join(f"{line}\n" for line in lines))

    def second(self, name: str, most: int | None, used: int = 0, cached: int = 0) -> None:
        """A group of the second version; None: no limit."""
        words = "max" if most is None else str(most * MIB)
        self._write(
            name, "memory.max", words, "memory.current", used, f"anon 1\ninactive_file {cached * MIB}"
        )

    def first(self, name: str, most: int | None, used: int = 0, cached: int = 0) -> None:
        """A group of the first version."""
        words = str(0x7FFFFFFFFFFFF000 if most is None else most * MIB)
        stat = f"inactive_file 7\ntotal_inactive_file {cached * MIB}"
        self._write(f"memory/{name}", "memory.limit_in_bytes", words, "memory.usage_in_bytes", used, stat)

    def _write(self, name: str, limit: str, words: str, usage: str, used: int, stat: str) -> None:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / limit).write_text(f"{words}\n")
        (folder / usage).write_text(f"{used * MIB}\n")
        (folder / "memory.stat").write_text(f"{stat}\n")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """No group has a limit."""
    return Tree(tmp_path, monkeypatch)


@pytest.mark.proves("F-27")
@pytest.mark.parametrize("kind", ["second", "first"])
def test_the_group_that_leaves_least_counts_however_far_above(tree: Tree, kind: str) -> None:
    """A pod, a slice or a service around ours has less than ours: the kernel kills by that one. Files that it only
    remembers are given back.
    """
    tree.is_in("0::/kube/pod/app" if kind == "second" else "5:memory:/kube/pod/app")
    write = tree.second if kind == "second" else tree.first
    if kind == "first":
        write("", None)
    write("kube", None)
    write("kube/pod", 300, used=280, cached=10)
    write("kube/pod/app", 256, used=100)
    assert memory.room() == (30 * MIB, 300 * MIB, "cgroup")
    write("kube/pod", 2048, used=280)
    assert memory.room() == (156 * MIB, 256 * MIB, "cgroup")
    write("kube/pod/app", None)
    write("kube", 1024, used=1000)
    assert memory.room() == (24 * MIB, 1024 * MIB, "cgroup")


@pytest.mark.parametrize("line", ["0::/", "0::/../other", "0::/docker/abc"])
def test_in_a_container_the_root_is_our_group(tree: Tree, line: str) -> None:
    """Whatever the kernel calls it: what lies around it is not seen from inside, and nothing beside it is looked at."""
    tree.second("", 512, used=500)
    tree.second("../other", 100, used=99)
    tree.is_in(line)
    assert memory.room() == (12 * MIB, 512 * MIB, "cgroup")


def test_where_nothing_is_known_there_is_room(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that tells none of it: nobody is turned away for what may not be so."""
    monkeypatch.setattr(memory, "_by_machine", lambda: None)
    assert memory.room().left > 1024 * ENOUGH
    assert not Memory().is_short()


def test_without_groups_the_machine_counts(tree: Tree) -> None:
    """No file about them, or none with a limit."""
    assert memory.room().of == "machine"
    tree.is_in("0::/app")
    tree.second("app", None)
    assert memory.room().of == "machine"
