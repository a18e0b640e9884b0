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


class Log:
    """An event log, of which there is only its last number."""

    def __init__(self, last: int) -> None:
        self.last = last

    async def newest(self) -> int:
        """That number."""
        return self.last


async def follows(last: int = 0) -> Broadcast:
    """A broadcast beside a log that has so many events."""
    room = Broadcast(Log(last).newest)
    await room.begin()
    return room


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
    room, first, second, other = await follows(), Ear("a"), Ear("a"), Ear("b")
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
    room, quick, slow = await follows(), Ear("a"), Ear("a")
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
    room.heard(made("a", first=31 + CAPACITY))
    await room.tell()
    assert slow.is_lost


@pytest.mark.proves("WS-1", "F-31", "LC-2")
@pytest.mark.parametrize("count", [AT_ONCE + 1, KEPT + 1, 5 * KEPT])
async def test_a_storm_is_one_word(count: int) -> None:
    """More at once than anybody reads is told as one resync; one of another team hears nothing of it."""
    room, ear, other = await follows(), Ear("a"), Ear("b")
    room.add(ear)
    room.add(other)
    room.heard(made(*["a"] * count))
    await room.tell()
    assert ear.texts == [b'{"type":"resync","seq":%d}' % count]
    assert not ear.is_lost
    if count <= KEPT:
        assert other.texts == []


async def test_what_was_missed_is_read_anew() -> None:
    """Events that were lost on their way here: everybody is told so, once, with the last number that there is now."""
    log = Log(6)
    room, ear = Broadcast(log.newest), Ear("a")
    await room.begin()
    room.add(ear)
    room.heard(made("a", first=7))
    await room.tell()
    log.last = 20
    room.missed()
    await room.tell()
    await room.tell()
    assert ear.texts[1:] == [b'{"type":"resync","seq":20}']
    room.heard(made("a", first=21))
    await room.tell()
    assert ear.texts[2:] == [broadcast.message(event) for event in made("a", first=21)]


@pytest.mark.proves("WS-1", "F-39")
async def test_a_log_that_lost_its_end_is_followed_from_there() -> None:
    """Numbers that were told stand for other events now: those are told, and who knows the old ones reads anew."""
    log = Log(0)
    room, ear = Broadcast(log.newest), Ear("a")
    await room.begin()
    room.add(ear)
    room.heard(made("a", "a", "a", "a"))
    await room.tell()
    log.last = 2
    room.missed()
    await room.tell()
    room.heard(made("a", "a", first=3))
    await room.tell()
    old, new = made("a", "a", "a", "a"), made("a", "a", first=3)
    words = [[broadcast.message(event) for event in events] for events in (old, new)]
    assert ear.texts == [*words[0], b'{"type":"resync","seq":2}', *words[1]]


async def test_who_comes_while_nobody_knows_the_log_reads_anew() -> None:
    """Something may have happened between; whoever says meanwhile what they have heard is told by the log instead."""
    room, silent, resumed = Broadcast(Log(5).newest), Ear("a"), Ear("a")
    for ear in (silent, resumed):
        room.add(ear)
    resumed.position = 6
    await room.tell()
    room.heard(made("a", first=6))
    await room.tell()
    assert silent.texts[0] == b'{"type":"resync","seq":5}'
    assert silent.texts[1:] == resumed.texts == [broadcast.message(event) for event in made("a", first=6)]


@pytest.mark.proves("WS-1")
async def test_events_that_do_not_follow_make_everybody_look_anew() -> None:
    """A gap between what was heard before and now; what is heard once more is nothing new."""
    room, ear = await follows(), Ear("a")
    room.add(ear)
    room.heard(made("a", "a"))
    room.heard(made("a", "a"))
    room.heard(made("a", "a", first=2))
    await room.tell()
    assert numbers(ear) == [1, 2, 3]
    room.heard(made("a", first=9))
    await room.tell()
    assert ear.texts[3:] == [b'{"type":"resync","seq":9}']


async def test_a_round_that_everybody_has_to_read_anew_in_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would go on telling does not hold any more: all are told so by the next one."""
    room, first, second = await follows(), Ear("a"), Ear("a")
    room.add(first)
    room.add(second)

    async def missing(_: Any) -> None:
        room.missed()

    monkeypatch.setattr(broadcast, "SLICE_SECONDS", -1.0)
    monkeypatch.setattr(broadcast.asyncio, "sleep", missing)
    room.heard(made("a"))
    assert await room.tell() == 0.0
    assert (len(first.texts), second.texts) == (1, [])
    monkeypatch.undo()
    await room.tell()
    assert first.texts[1:] == second.texts == [b'{"type":"resync","seq":0}']


@pytest.mark.proves("WS-1")
async def test_whoever_was_told_by_other_means_is_not_told_twice() -> None:
    """Up to an event before the newest, or to one that the broadcast has not heard of yet, as of another node."""
    room, behind, ahead = await follows(), Ear("a"), Ear("a")
    room.heard(made("a", "a", "a"))
    for ear in (behind, ahead):
        room.add(ear)
    behind.position, ahead.position = 3, 6
    await room.tell()
    assert (numbers(behind), numbers(ahead)) == ([3], [])
    room.heard(made("a", first=4))
    await room.tell()
    room.heard(made("a", "a", first=5))
    await room.tell()
    assert (numbers(behind), numbers(ahead)) == ([3, 4, 5, 6], [6])


@pytest.mark.proves("WS-1")
async def test_whoever_was_told_less_than_is_kept_reads_anew() -> None:
    """One that was told by other means up to a number, after which events are gone already, hears of no gap."""
    room, ear = await follows(), Ear("a")
    room.heard(made("a", *["b"] * KEPT))
    room.add(ear)
    ear.position = 2
    await room.tell()
    assert ear.texts == []
    ear.position = 1
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
    loop, room = Loop(), await follows()
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
    room, first, second = await follows(), Ear("a"), Ear("a")
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
    room = await follows()
    room.heard(made("a", "a"))
    assert await room.tell() == 0
    late, resumed = Ear("a"), Ear("a")
    room.add(late)
    room.add(resumed)
    resumed.position = 2
    room.heard(made("a", first=3))
    await room.tell()
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
    for heard in (0, 2 * AT_ONCE):
        told = await follows(2 * AT_ONCE - heard)
        told.heard(made(*"a" * heard))
        if heard:
            await told.tell()
        told.add(Ear("a"))
        told.heard(made("a", first=2 * AT_ONCE + 1))
        await told.tell()
        told.heard(made(*"a" * 2 * AT_ONCE, first=2 * AT_ONCE + 2))
        await told.tell()
    assert storms == [False, True, False, True]
