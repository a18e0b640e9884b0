"""A watcher in this process: what it believes, whom it tells when, and what it knows after a restart.

The server that it watches and the places it compares with are real sockets; its clocks are the test's.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalert.domain.absence import Mark, Sight
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.engine.watch_memory import AlreadyWatched, WatchMemory
from openalert.notifiers.last_resort import LastResort, LastResortSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.notifiers.watched import References, Watched, place_of
from openalert.storage import wall_clock
from tests.engine.watcher_bench import AFTER, KEY, Bench, snapshot
from tests.fakes.smtp import FakeSmtp
from tests.fakes.watched import FakeWatched, Manner

pytestmark = pytest.mark.anyio


@pytest.fixture
async def first(anyio_backend: str) -> AsyncIterator[FakeWatched]:
    """The server that is watched."""
    async with FakeWatched(KEY, snapshot(wall_clock())) as server:
        yield server


@pytest.fixture
async def bench(first: FakeWatched, tmp_path: Path) -> AsyncIterator[Bench]:
    """A watcher over it."""
    made = Bench(first, tmp_path)
    yield made
    await made.watcher.close()


@pytest.mark.proves("SM-1")
async def test_those_on_call_are_told_once_by_every_way_of_this_host(bench: Bench) -> None:
    """After the stated time and not before; later the next level and the owners; all of them, that it is back."""
    await bench.turn()
    await bench.first.down()
    await bench.turn(MINUTE)
    await bench.turn(AFTER - SECOND)
    assert bench.mail.sent == []
    await bench.turn(SECOND)
    assert (bench.mail.to(), bench.sms.to()) == (["bea@example.org"], ["+49151"])
    page = bench.mail.sent[0]
    assert page.headline == "OpenAlert is silent"
    assert page.reason == "You are on call for Primary (Core)."
    assert "has been silent for 3 min" in page.body
    assert "cannot be reached" in page.body
    assert "`openalert watch --seen`" in page.body
    for _ in range(5):
        await bench.turn(MINUTE)
    assert len(bench.mail.sent) + len(bench.sms.sent) == 2

    await bench.turn(10 * MINUTE)
    assert bench.mail.to() == ["bea@example.org", "ana@example.org"]
    assert bench.sms.to() == ["+49151", "+49152"]
    assert "Called as well: Ana, Bea" in bench.sms.sent[-1].body
    assert "\x1b" not in bench.sms.sent[-1].recipient_name

    await bench.first.up()
    await bench.turn(SECOND)
    assert bench.mail.to(NotificationKind.UPDATE) == []
    await bench.turn(SECOND)
    await bench.turn(SECOND)
    assert bench.mail.to(NotificationKind.UPDATE) == ["bea@example.org", "ana@example.org"]
    assert bench.sms.to(NotificationKind.UPDATE) == ["+49151", "+49152"]
    assert "answers again" in bench.mail.sent[-1].body
    await bench.turn(MINUTE)
    assert len(bench.mail.sent) == 4
    assert bench.memory.ended is None

    # The next absence is another one.
    await bench.goes_silent()
    assert len(bench.mail.to()) == 3


async def test_whoever_comes_on_call_in_the_silence_is_told_when_the_turn_begins(bench: Bench) -> None:
    """By what was known before; whoever was told before is not told again."""
    await bench.goes_silent()
    assert bench.mail.to() == ["bea@example.org"]
    bench.rules = msgspec.structs.replace(bench.rules, escalate_after=0)
    await bench.restart()
    await bench.turn(HOUR)
    assert bench.mail.to() == ["bea@example.org", "jun@example.org"]
    assert "1 h 4 min ago; a change since then is not" in bench.mail.sent[-1].body


@pytest.mark.parametrize(
    "manner",
    [
        Manner.BROKEN, Manner.ASKS_TO_SIGN_IN, Manner.REDIRECTS, Manner.ALTERED, Manner.OLD, Manner.ENDLESS,
        Manner.SLOW, Manner.NESTED,
    ],
)  # fmt: skip
async def test_what_the_server_has_not_said_itself_and_now_is_silence(
    bench: Bench, first: FakeWatched, manner: Manner
) -> None:
    """Whatever answers in its place: nothing is followed, nothing of it is kept, and people are called."""
    await bench.watcher.close()
    bench.deadline = 1.0
    bench.watcher = bench.open()
    assert await bench.turn() is Sight.WELL
    known = bench.memory.word
    first.manner = manner
    assert await bench.turn(6 * MINUTE) is Sight.SILENT
    assert await bench.turn(AFTER) is Sight.SILENT
    assert bench.mail.to() == ["bea@example.org"]
    assert bench.memory.word == known
    assert not any("elsewhere" in each for each in first.asked)


async def test_a_snapshot_that_was_altered_is_refused_though_the_server_lives(
    bench: Bench, first: FakeWatched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known before stays."""
    await bench.turn()
    known = bench.memory.word
    alive = Watched.look

    async def lives(watched: Watched) -> Any:
        first.manner = Manner.WELL
        found = await alive(watched)
        first.manner = Manner.ALTERED
        return found

    monkeypatch.setattr(Watched, "look", lives)
    assert await bench.turn(6 * MINUTE) is Sight.WELL
    assert bench.memory.word == known
    assert "/api/v1/watch/snapshot" in first.asked[-1]


async def test_a_host_that_is_cut_off_wakes_nobody(bench: Bench) -> None:
    """However long; and when it is connected again, the silence has to last anew."""
    await bench.turn()
    await bench.first.down()
    assert await bench.turn(MINUTE) is Sight.SILENT
    bench.place.answers = False
    assert await bench.turn(2 * MINUTE) is Sight.CUT_OFF
    assert await bench.turn(DAY) is Sight.CUT_OFF
    bench.place.answers = True
    assert await bench.turn(MINUTE) is Sight.SILENT
    assert bench.mail.sent == []
    await bench.turn(AFTER)
    assert bench.mail.to() == ["jun@example.org"]
    # Cut off while people are called: no all-clear, and nobody twice.
    bench.place.answers = False
    await bench.turn(MINUTE)
    bench.place.answers = True
    await bench.turn(MINUTE)
    assert len(bench.mail.sent) == 1


async def test_a_server_that_says_that_it_pages_nobody_is_told_of_too(
    bench: Bench, first: FakeWatched
) -> None:
    """In its own words."""
    await bench.turn()
    first.manner = Manner.ILL
    assert await bench.turn(MINUTE) is Sight.ILL
    await bench.turn(AFTER)
    assert bench.mail.sent[0].headline == "OpenAlert might page nobody"
    assert "Canaries do not come through." in bench.mail.sent[0].body


async def test_a_key_that_is_refused_is_told_to_the_last_resort_alone_where_there_is_one(
    bench: Bench, first: FakeWatched
) -> None:
    """Nobody is woken because somebody has revoked a key; without a last resort somebody has to be."""
    async with FakeSmtp() as smtp:
        server = {"host": smtp.host, "port": smtp.port, "security": "none", "sender": "watch@example.net"}
        from openalert.notifiers.email import EmailSettings

        settings = LastResortSettings(
            mail_to=("boss@example.org",), mail_server=msgspec.convert(server, EmailSettings)
        )
        bench.resort = LastResort(settings)
        await bench.restart()
        await bench.turn()
        first.manner = Manner.UNKNOWN_KEY
        assert await bench.turn(MINUTE) is Sight.REFUSED
        await bench.turn(AFTER)
        assert bench.mail.sent == []
        (told,) = smtp.mails
        assert told.recipients == ["boss@example.org"]
        assert "does not know the key" in " ".join(told.text.split())
        # When it falls silent on top of that, those on call are told too; and the last resort hears the end.
        await first.down()
        await bench.turn(MINUTE)
        assert bench.mail.to() == ["bea@example.org"]
        assert len(smtp.mails) == 1
        first.manner = Manner.WELL
        await first.up()
        for _ in range(3):
            await bench.turn(SECOND)
        assert [each.subject for each in smtp.mails][1:] == ["OpenAlert: it is over"]
    bench.resort = None


async def test_a_refused_key_without_a_last_resort_is_told_to_those_on_call(
    bench: Bench, first: FakeWatched
) -> None:
    """A watcher that knows nothing any more must not be silent about it."""
    await bench.turn()
    first.manner = Manner.UNKNOWN_KEY
    await bench.turn(MINUTE)
    await bench.turn(AFTER)
    assert bench.mail.sent[0].headline == "OpenAlert refuses its watcher"


async def test_a_restart_in_the_silence_tells_nobody_twice(bench: Bench) -> None:
    """In order or killed after the sending; killed in the midst of it, once more, and it says so."""
    await bench.goes_silent()
    await bench.restart()
    await bench.turn(MINUTE)
    assert len(bench.mail.sent) == 1

    for told in bench.memory.absence.told.values() if bench.memory.absence else ():
        told.mark = Mark.SENDING
    bench.watcher._save()
    await bench.restart()
    await bench.turn(MINUTE)
    await bench.turn(MINUTE)
    assert [each.possible_repeat for each in bench.mail.sent] == [False, True]
    for _ in range(5):
        await bench.turn(MINUTE)
    assert len(bench.mail.sent) == 2


async def test_ways_that_fail_are_tried_again_and_useless_ones_never(bench: Bench) -> None:
    """A lost answer is repeated once, marked; where nobody of the first level can be told, the next are at once."""
    bench.sms.failure = NotifierError(Reason.REJECTED_RECIPIENT, "No such number.", permanent=True)
    bench.mail.failure = NotifierError(Reason.UNREACHABLE, "The mail server does not answer.")
    await bench.goes_silent()
    told = {each.channel: each for each in bench.memory.absence.told.values()}  # type: ignore[union-attr]
    assert (told["sms"].mark, told["email"].mark) == (Mark.USELESS, Mark.FAILED)
    bench.mail.failure = LostAnswer("Nobody knows.")
    await bench.turn(10 * SECOND)
    await bench.turn(MINUTE)
    await bench.turn(HOUR // 4)
    assert [each.possible_repeat for each in bench.mail.sent if each.to == "bea@example.org"] == [False, True]
    assert told["sms"].tries == 1
    bench.mail.failure = None
    assert bench.mail.to()[-1] == "ana@example.org"


async def test_the_next_level_is_called_at_once_where_the_first_cannot_be_reached_from_here(
    bench: Bench,
) -> None:
    """Bea has a number that does not exist, and no other way that this host can take."""
    bench.rules = msgspec.structs.replace(bench.rules, channels=("sms",))
    bench.sms.failure = NotifierError(Reason.REJECTED_RECIPIENT, "No such number.", permanent=True)
    await bench.restart()
    await bench.goes_silent()
    bench.sms.failure = None
    await bench.turn(SECOND)
    assert bench.sms.to() == ["+49152"]


async def test_repeats_where_they_are_wanted_until_somebody_looks_after_it(bench: Bench) -> None:
    """Again after the configured time, as what goes on; `--seen` ends it, and the all-clear comes all the same."""
    bench.rules = msgspec.structs.replace(bench.rules, escalate_after=0, repeat_after=10 * MINUTE)
    await bench.restart()
    await bench.goes_silent()
    await bench.turn(10 * MINUTE)
    assert [each.headline for each in bench.mail.sent] == [
        "OpenAlert is silent",
        "Still: OpenAlert is silent",
    ]
    assert len({each.notification_id for each in bench.mail.sent}) == 2
    WatchMemory(bench.folder, bench.first.url, KEY).say_seen()
    for _ in range(4):
        await bench.turn(10 * MINUTE)
    assert len(bench.mail.to()) == 2
    await bench.first.up()
    for _ in range(3):
        await bench.turn(SECOND)
    assert bench.mail.to(NotificationKind.UPDATE) == ["bea@example.org"]


@pytest.mark.parametrize("step", [-DAY, 8 * DAY])
async def test_a_clock_that_is_set_calls_nobody_sooner_or_later(bench: Bench, step: int) -> None:
    """The silence is measured by the clock that nobody sets, also over a restart; so is who is on call then."""
    await bench.turn()
    await bench.first.down()
    await bench.turn(MINUTE)
    bench.now += step
    await bench.turn(MINUTE)
    assert bench.mail.sent == []
    await bench.watcher.close()
    bench.now -= 2 * step
    bench.watcher = bench.open()
    await bench.turn(MINUTE)
    assert bench.mail.sent == []
    await bench.turn(MINUTE)
    assert bench.mail.to() == ["bea@example.org"]


async def test_clocks_that_differ_are_spoken_of_and_the_servers_counts(
    bench: Bench, first: FakeWatched
) -> None:
    """A server that is two hours ahead has changed shifts already."""
    first.ahead = 2 * HOUR
    await bench.goes_silent()
    assert bench.mail.to() == ["jun@example.org"]
    assert "clock is 2 h ahead of the watcher's" in bench.mail.sent[0].body


async def test_a_snapshot_that_has_run_out_says_how_old_it_is(bench: Bench) -> None:
    """Nobody knows who is on call by then: the last ones are called, and the owners."""
    await bench.turn()
    await bench.first.down()
    await bench.turn(8 * DAY)
    await bench.turn(AFTER)
    assert bench.mail.to() == ["jun@example.org"]
    assert "is not known any more: what the watcher knows is 8 d old" in bench.mail.sent[0].body


async def test_what_is_kept_is_sealed_and_believed_only_whole(bench: Bench, tmp_path: Path) -> None:
    """Of one byte changed or another key nothing is used; it is set aside, and everything is learned anew."""
    await bench.turn()
    (state,) = tmp_path.glob("watch-*.state")
    assert state.stat().st_mode & 0o777 == 0o600
    kept = state.read_bytes()
    assert b"example.org" not in kept
    await bench.watcher.close()
    for changed in (
        kept[:-6] + (b"A" if kept[-6:-5] != b"A" else b"B") + kept[-5:],
        b"",
        b"\xff\xfe",
        kept[: len(kept) // 2],
    ):
        state.write_bytes(changed)
        bench.watcher = bench.open()
        assert bench.memory.word is None
        assert list(tmp_path.glob("watch-*.unreadable"))
        await bench.watcher.close()
    state.write_bytes(kept)
    other = WatchMemory(tmp_path, bench.first.url, KEY.replace("a", "b"))
    other.open(bench.now, bench.up)
    assert other.memory.word is None
    other.close()
    state.write_bytes(kept)
    bench.watcher = bench.open()
    assert bench.memory.word is not None
    with pytest.raises(AlreadyWatched):
        WatchMemory(tmp_path, bench.first.url, KEY).open(bench.now, bench.up)


async def test_a_disk_that_takes_nothing_keeps_nobody_from_being_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be kept is remembered for as long as the process lives."""
    await bench.turn()
    write = os.open

    def full(path: Any, *rest: Any) -> int:
        if str(path).endswith(".new"):
            raise OSError(28, "No space left on device")
        return write(path, *rest)

    monkeypatch.setattr(os, "open", full)
    await bench.goes_silent()
    await bench.turn(MINUTE)
    assert bench.mail.to() == ["bea@example.org"]


async def test_a_watcher_that_never_met_the_server_tells_the_last_resort(
    first: FakeWatched, tmp_path: Path
) -> None:
    """It knows nobody else."""
    await first.down()
    bench = Bench(first, tmp_path)
    log = tmp_path / "rung"
    ring = tmp_path / "ring"
    ring.write_text(f"#!/bin/sh\ncat >> {log}\n")
    ring.chmod(0o700)
    bench.resort = LastResort(LastResortSettings(command=(str(ring),), base_url=first.url, node="watch-1"))
    await bench.restart()
    await bench.turn()
    await bench.turn(AFTER)
    await bench.turn(MINUTE)
    (told,) = [msgspec.json.decode(each) for each in log.read_text().splitlines()]
    assert (told["state"], told["server"]) == ("begun", first.url)
    assert "never learned who is on call" in told["reasons"][0]
    await bench.watcher.close()


async def test_it_ends_in_order_and_goes_on_after_a_turn_that_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours ends no watch."""
    turns = []

    async def fails() -> None:
        turns.append(1)
        raise RuntimeError("a fault")

    monkeypatch.setattr(bench.watcher, "turn", fails)
    monkeypatch.setattr(bench.watcher, "_up", lambda: 0)
    stopping, words = asyncio.Event(), []

    def alive(each: str) -> None:
        words.append(each)
        if len(words) == 2:
            stopping.set()

    await asyncio.wait_for(bench.watcher.run(stopping, 0.2, alive), 30)
    assert len(turns) == 2


async def test_other_places_are_asked_by_a_connection(first: FakeWatched) -> None:
    """One that answers is enough; none answers only where none takes a connection; without any, nothing is doubted."""
    dead = "127.0.0.1:1"
    assert await References([]).answer()
    assert await References([dead, first.url]).answer()
    assert not await References([dead]).answer()
    assert place_of("https://www.example.org/x") == ("www.example.org", 443)
    assert place_of("[::1]:53") == ("::1", 53)
    for odd in ("", "host", "host:0", "ftp://x", "x:y"):
        with pytest.raises(ValueError):  # noqa: PT011 - any
            place_of(odd)


async def test_a_server_of_another_version_is_no_silence(bench: Bench, first: FakeWatched) -> None:
    """It has signed what it says; that it cannot be read is for those who run both hosts."""
    await bench.turn()
    first.manner = Manner.OF_ANOTHER_VERSION
    assert await bench.turn(MINUTE) is Sight.REFUSED
    assert "install the same on both hosts" in bench.watcher.look.words


async def test_seen_is_said_where_a_watcher_keeps_what_it_knows(bench: Bench, tmp_path: Path) -> None:
    """In another folder nobody would ever hear it."""
    await bench.turn()
    assert WatchMemory(tmp_path, bench.first.url, KEY).say_seen()
    assert not WatchMemory(tmp_path / "elsewhere", bench.first.url, KEY).say_seen()
