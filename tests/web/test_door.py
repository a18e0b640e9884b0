"""What the door holds of the senders that it knows and of what they said, and what it gives up when memory is short."""

import gzip
from collections.abc import AsyncIterator

import pytest

from openalert.domain.errors import NotFound, TooLarge, Unavailable
from openalert.sources import Inbound
from openalert.storage.memory import ENOUGH, MIB, SHORT, Memory, Room
from openalert.storage.transaction import Reader
from openalert.usecases import profiles
from openalert.usecases.intake import Intake
from openalert.usecases.profiles import Profile
from openalert.web import door as doors
from openalert.web.door import Door, hashed
from tests.cast import World, level

pytestmark = pytest.mark.anyio
BODY = b'{"version": "4", "groupKey": "g", "alerts": [{"status": "firing", "labels": {"alertname": "Disk"}}]}'


class Watched:
    """A door whose memory a test takes and gives back, and the keys that it looked up in the database."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.left, self.looked = world, ENOUGH, []
        self.memory = Memory(lambda: Room(self.left, 512 * MIB, "cgroup"))
        self.intake = Intake(world.db, doors.observe, self.memory)
        self.door = Door(world.db, self.intake, 1024 * 1024)
        real = profiles.by_key_hash

        async def look(reader: Reader, key_hash: str) -> Profile:
            self.looked.append(key_hash)
            return await real(reader, key_hash)

        monkeypatch.setattr(doors.profiles, "by_key_hash", look)

    def has(self, left: int) -> None:
        """So much memory is left."""
        self.left, self.memory._looked_at = left, 0.0


@pytest.fixture
async def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """For the keys A and B."""
    await world.policy(level(1, world.alice))
    made = Watched(world, monkeypatch)
    made.intake.start()
    yield made
    await made.intake.stop()


@pytest.mark.proves("F-27")
async def test_while_memory_is_short_nothing_new_is_let_in_and_what_is_held_is_let_go(
    watched: Watched,
) -> None:
    """What bodies said can be read again; who brings nothing new is known as ever."""
    door, inbound = watched.door, Inbound(headers={}, received_at=watched.world.clock())
    for _ in range(3):
        door.read("prometheus", BODY, inbound)
    assert await door.admit("A") == hashed("A")
    assert door._readings.size > 0
    watched.has(SHORT - 1)
    with pytest.raises(Unavailable, match="Memory is short"):
        await door.admit("A")
    assert door._readings.size == 0
    assert await door.recognize("B") == hashed("B")
    watched.has(ENOUGH)
    assert await door.admit("A") == hashed("A")


async def test_a_key_is_looked_up_once_and_so_many_are_known(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good one; of an unknown one nothing is kept, however often it is tried."""
    monkeypatch.setattr(doors, "KEYS_REMEMBERED", 1)
    door = watched.door
    for key in ("A", "A", "B", "B", "A"):
        await door.recognize(key)
    assert watched.looked == [hashed(key) for key in ("A", "B", "A")]
    for _ in range(2):
        with pytest.raises(NotFound):
            await door.recognize("unknown")
    assert watched.looked.count(hashed("unknown")) == 2
    await door.recognize("A")
    assert len(watched.looked) == 5


async def _sends(watched: Watched, key: str, body: bytes = BODY) -> None:
    """Take in a message of this key, as it is known."""
    inbound = Inbound(headers={}, received_at=watched.world.clock())
    await watched.door.take_in(
        {"request_id": "r"},
        inbound,
        key=key,
        source="prometheus",
        content=body,
        read=lambda: watched.door.read("prometheus", body, inbound),
    )


async def _change(watched: Watched, change: str) -> None:
    async with watched.world.db.transaction() as tx:
        await tx.execute(f"UPDATE integrations SET {change}")


async def test_a_key_that_is_good_no_more_is_known_no_more(watched: Watched) -> None:
    """Whoever comes with it again is refused before their message is read."""
    await _sends(watched, "A")
    await _change(watched, "is_active = FALSE")
    await watched.door.admit("A")  # what is known is a hint
    with pytest.raises(NotFound):
        await _sends(watched, "A")
    with pytest.raises(NotFound):
        await watched.door.admit("A")


async def test_a_message_is_read_again_by_what_was_changed_meanwhile(watched: Watched) -> None:
    """Once, and from then on by that."""
    await _sends(watched, "A")
    await _change(watched, """config = '{"severities": {"p9": "critical"}}'""")
    named = BODY.replace(b'"Disk"', b'"Disk", "severity": "p9"')
    for _ in range(2):
        await _sends(watched, "A", named)
    assert await watched.world.value("SELECT severity FROM alerts WHERE severity = 'critical'") == "critical"
    assert watched.looked == [hashed("A")] * 2


async def test_what_is_small_on_its_way_may_not_become_large(watched: Watched) -> None:
    """A compressed body has the bounds of any other."""
    inbound = Inbound(headers={"content-encoding": "gzip"}, received_at=watched.world.clock())
    bomb = gzip.compress(b'{"alerts": "' + b"x" * 2 * 1024 * 1024 + b'"}')
    with pytest.raises(TooLarge):
        watched.door.read("prometheus", bomb, inbound)
