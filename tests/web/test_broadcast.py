"""Who is told what in a round: each the same in one piece, nobody twice, nobody waited for."""

from typing import Any

import pytest

from openalert.domain.access import Actor, Role
from openalert.domain.event import Event
from openalert.web import broadcast
from openalert.web.asgi import text_frame
from openalert.web.broadcast import AT_ONCE, CAPACITY, KEPT, Broadcast, News

pytestmark = pytest.mark.anyio


class Ear:
    """A listener that takes what it is told, or not."""

    def __init__(self, *teams: str) -> None:
        self.position = 0
        self.actor: Actor | None = Actor(
            kind="user", id="u", name="U", organization_id="o", teams=dict.fromkeys(teams, Role.MEMBER)
        )
        self.is_free = True
        self.is_lost = False
        self.told: list[News] = []
        self.asked = 0
        """How often it was to be told."""

    def take(self, news: News) -> bool:
        """Be told."""
        self.asked += 1
        if self.is_free:
            self.told.append(news)
        return self.is_free

    def lose(self) -> None:
        """Too far behind."""
        self.is_lost = True

    @property
    def texts(self) -> list[bytes]:
        """All that it was told, in order."""
        return [text for news in self.told for text in news.texts]


def made(*teams: str | None, first: int = 1) -> list[Event]:
    """Events of these teams."""
    return [
        Event(seq=first + n, type="incident.created", organization_id="o", team_id=team)
        for n, team in enumerate(teams)
    ]


def numbers(ear: Ear) -> list[int]:
    """Of the events that it was told of."""
    return [int(text.split(b",")[0].rpartition(b":")[2]) for text in ear.texts]


@pytest.mark.proves("WS-1")
async def test_each_hears_of_its_own_teams_and_the_same_is_made_once() -> None:
    """Two of one team get the very same bytes; one of another team gets what is for all."""
    room, first, second, other = Broadcast(), Ear("a"), Ear("a"), Ear("b")
    for ear in (first, second, other):
        room.add(ear)
    room.heard(made("a", None, "a"))
    await room.tell()
    await room.tell()
    assert (numbers(first), numbers(other)) == ([1, 2, 3], [2])
    assert first.told[0] is second.told[0]
    assert first.told[0].frames == b"".join(map(text_frame, first.texts))


@pytest.mark.proves("WS-1", "F-29")
async def test_whoever_does_not_read_keeps_nobody() -> None:
    """One that takes nothing is told all of it later in order, and sent away when it is too far behind."""
    room, quick, slow = Broadcast(), Ear("a"), Ear("a")
    room.add(quick)
    room.add(slow)
    slow.is_free = False
    for first in range(1, 31):
        room.heard(made("a", first=first))
        await room.tell()
    assert (len(quick.texts), slow.texts, slow.is_lost) == (30, [], False)
    slow.is_free = True
    room.again(slow)
    await room.tell()
    assert numbers(slow) == list(range(1, 31))
    assert quick.asked == 30, "who takes messages again is told without the others"
    slow.is_free = False
    room.heard(made(*["a"] * CAPACITY, first=31))
    await room.tell()
    assert not slow.is_lost
    room.heard(made("a", first=400))
    await room.tell()
    assert slow.is_lost


@pytest.mark.proves("WS-1", "F-31", "LC-2")
@pytest.mark.parametrize("count", [AT_ONCE + 1, KEPT + 1, 5 * KEPT])
async def test_a_storm_is_one_word(count: int) -> None:
    """More at once than anybody reads is told as one resync; one of another team hears nothing of it."""
    room, ear, other = Broadcast(), Ear("a"), Ear("b")
    room.add(ear)
    room.add(other)
    room.heard(made(*["a"] * count))
    await room.tell()
    assert ear.texts == [b'{"type":"resync","seq":%d}' % count]
    assert not ear.is_lost
    if count <= KEPT:
        assert other.texts == []


async def test_what_was_missed_is_read_anew() -> None:
    """Events that were lost on their way here: everybody is told so, once."""
    room, ear = Broadcast(), Ear("a")
    room.add(ear)
    room.heard(made("a", first=7))
    await room.tell()
    room.missed()
    await room.tell()
    await room.tell()
    assert ear.texts[1:] == [b'{"type":"resync","seq":7}']


async def test_whoever_resumed_is_not_told_twice() -> None:
    """The position after a number is that of the first event that comes after it."""
    room, ear = Broadcast(), Ear("a")
    room.heard(made("a", "a", "a"))
    room.add(ear)
    ear.position = room.after(2)
    await room.tell()
    assert numbers(ear) == [3]
    assert room.after(3) == room.after(99) == ear.position


@pytest.mark.proves("WS-1")
async def test_whoever_was_told_less_than_is_kept_reads_anew() -> None:
    """One that was told by other means up to a number, after which events are gone already, hears of no gap."""
    room, ear = Broadcast(), Ear("a")
    room.heard(made("a", *["b"] * KEPT))
    room.add(ear)
    ear.position = room.after(1)
    await room.tell()
    assert ear.texts == []
    ear.position = room.after(0)
    room.again(ear)
    await room.tell()
    assert ear.texts == [b'{"type":"resync","seq":%d}' % (KEPT + 1)]


class Loop:
    """An event loop's time, of which others take as much as they are left, and each who is told some."""

    EACH = 0.000_02
    """Seconds."""

    def __init__(self) -> None:
        self.now = 100.0
        self.worked = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Leave it to others."""
        self.now += seconds

    def work(self) -> None:
        """One is told."""
        self.now += self.EACH
        self.worked += self.EACH


class Clerk(Ear):
    """A listener of whom is noted when he was told."""

    def __init__(self, loop: Loop) -> None:
        super().__init__("a")
        self.loop = loop
        self.told_at: list[float] = []

    def take(self, news: News) -> bool:
        """Be told, which takes time."""
        self.loop.work()
        self.told_at.append(self.loop.now)
        return super().take(news)


@pytest.mark.proves("WS-1", "LC-2")
@pytest.mark.parametrize(
    ("clients", "count", "share"),
    [
        (10_000, AT_ONCE + 1, 0.16),
        (1_000, AT_ONCE + 1, 0.06),
        (10_000, 1, 0.17),
        (1_000, 1, 0.17),
        (10, 1, 0.17),
    ],
)
async def test_telling_leaves_the_loop_to_others(
    monkeypatch: pytest.MonkeyPatch, clients: int, count: int, share: float
) -> None:
    """News that never end: all hear of each within 2 s, and others have five sixths of the event loop."""
    loop, room = Loop(), Broadcast()
    monkeypatch.setattr(broadcast, "time", loop)
    monkeypatch.setattr(broadcast, "asyncio", loop)
    clerks = [Clerk(loop) for _ in range(clients)]
    for clerk in clerks:
        room.add(clerk)
    begun, rounds = [], 5
    for number in range(rounds):
        begun.append(loop.now)
        room.heard(made(*["a"] * count, first=1 + number * count))
        await loop.sleep(await room.tell())
    assert loop.worked / (loop.now - begun[0]) < share
    told = [max(clerk.told_at[number] for clerk in clerks) for number in range(rounds)]
    # What was committed right after a round had begun is told in the next one.
    longest = max(told[number + 1] - begun[number] for number in range(rounds - 1))
    assert longest < 1.8
    if clients <= 10:
        assert longest < 0.01, "a few hear at once"


async def test_whoever_left_in_the_middle_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that pauses between two listeners does not tell one that is gone when it goes on."""
    room, first, second = Broadcast(), Ear("a"), Ear("a")
    room.add(first)
    room.add(second)

    async def leaving(_: Any) -> None:
        room.remove(second)

    monkeypatch.setattr(broadcast, "SLICE_SECONDS", -1.0)
    monkeypatch.setattr(broadcast.asyncio, "sleep", leaving)
    room.heard(made("a"))
    await room.tell()
    assert (len(first.texts), second.texts) == (1, [])


@pytest.mark.parametrize(("length", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_frames_are_those_of_the_library(length: int, head: int) -> None:
    """Byte for byte what the WebSocket library makes of the same text."""
    from websockets.frames import Frame, Opcode

    made = text_frame(b"x" * length)
    assert made == Frame(Opcode.TEXT, b"x" * length).serialize(mask=False)
    assert len(made) == head + length


async def test_who_comes_after_rounds_that_nobody_heard_is_told_what_follows() -> None:
    """Events that nobody listened to are no news to whoever comes then, and can be had by their number."""
    broadcast = Broadcast()
    broadcast.heard(made("a", "a"))
    assert await broadcast.tell() == 0
    late, resumed = Ear("a"), Ear("a")
    broadcast.add(late)
    broadcast.add(resumed)
    resumed.position = broadcast.after(1)
    broadcast.heard(made("a", first=3))
    await broadcast.tell()
    assert numbers(late) == [3]
    assert numbers(resumed) == [2, 3]


async def test_what_came_while_nobody_listened_is_no_storm_for_who_comes_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much that was: the next event is told as on a quiet day."""
    storms: list[bool] = []
    real = broadcast._pause

    def pause(work: float, lasted: float, *, is_storm: bool) -> float:
        storms.append(is_storm)
        return real(work, lasted, is_storm=is_storm)

    monkeypatch.setattr(broadcast, "_pause", pause)
    told = Broadcast()
    told.heard(made(*"a" * 2 * AT_ONCE))
    await told.tell()
    told.add(Ear("a"))
    told.heard(made("a", first=2 * AT_ONCE + 1))
    await told.tell()
    told.heard(made(*"a" * 2 * AT_ONCE, first=2 * AT_ONCE + 2))
    await told.tell()
    assert storms == [False, True]
