"""`openalert check` on a host that watches another: each thing that would let it sleep, with what to do about it."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalert.cli import check_watch
from openalert.config import Config, DatabaseSection, Smtp
from openalert.config.sections import Outgoing, Watch
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.watcher import Person, Roster, Snapshot, Span, TeamRosters, Way
from openalert.storage import wall_clock
from tests.fakes.watched import FakeWatched, Manner
from tests.ports import free_port

pytestmark = pytest.mark.anyio
KEY = "oak_0123_" + "a" * 64


def _snapshot(**ways: tuple[Way, ...]) -> Snapshot:
    now = wall_clock()
    people = tuple(Person(id=name, name=name, timezone="UTC", ways=some) for name, some in ways.items())
    on = Span(start=now - HOUR, end=now + DAY, people=tuple(ways))
    team = TeamRosters(
        id="t", name="Core", slug="core", rosters=(Roster(name="First", level=1, spans=(on,)),)
    )
    return Snapshot(until=now + DAY, people=people, teams=(team,) if ways else ())


MAIL = (Way("email", "bea@example.org"),)
CALLS = (Way("voice", "+49151"),)


@pytest.fixture
async def first(anyio_backend: str) -> AsyncIterator[FakeWatched]:
    """The server that is watched; Bea is on call there."""
    async with FakeWatched(KEY, _snapshot(Bea=MAIL)) as server:
        yield server


async def _said(
    first: FakeWatched, *, local: bool = False, **own: Any
) -> dict[str, list[tuple[bool | None, str]]]:
    """What is found, by its name."""
    members = {"url": first.url, "key": KEY, "references": (f"127.0.0.1:{first.port}",)} | own
    config = Config(
        watch=Watch(**members), smtp=Smtp(host="127.0.0.1"), outgoing=Outgoing(allow_private_networks=True)
    )
    found: dict[str, list[tuple[bool | None, str]]] = {}
    async for name, well, words in check_watch.findings(config, lambda _: local):
        if "is not encrypted" not in words:
            found.setdefault(name, []).append((well, words))
    return found


async def test_nothing_is_said_where_nothing_is_watched(first: FakeWatched) -> None:
    """Half of it is a fault, with what is missing."""
    assert [each async for each in check_watch.findings(Config())] == []
    assert "lacks watch.key_file" in (await _said(first, key=""))["watch"][0][1]
    assert "lacks watch.url" in (await _said(first, url=""))["watch"][0][1]


async def test_all_is_well(first: FakeWatched) -> None:
    """The key, the clock, who would be called and the references, each in a line."""
    found = await _said(first)
    assert {name: [well for well, _ in some] for name, some in found.items()} == {
        "watch": [True], "watch: clock": [True], "watch: people": [True], "watch: references": [True],
    }  # fmt: skip
    assert "answers, knows the key, and says who is on call until" in found["watch"][0][1]


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner.UNKNOWN_KEY, "It does not know the key"),
        (Manner.BROKEN, "answers with the status 503"),
        (Manner.ASKS_TO_SIGN_IN, "it is not OpenAlert"),
        (Manner.ALTERED, "changed it on the way"),
        (Manner.OF_ANOTHER_VERSION, "of another version"),
        (Manner.ILL, "might page nobody. Canaries do not come through."),
    ],
)
async def test_each_answer_that_is_no_good_one(first: FakeWatched, manner: Manner, words: str) -> None:
    """A wrong key, something in between, another version, and a server that says itself that it is ill."""
    first.manner = manner
    ((well, said),) = (await _said(first))["watch"]
    assert (well, words in said) == (False, True), said


async def test_a_server_that_does_not_answer(first: FakeWatched) -> None:
    """With the reason; that the references are silent too is said beside it."""
    await first.down()
    found = await _said(first)
    assert found["watch"][0][0] is False
    assert "cannot be reached" in found["watch"][0][1]
    assert found["watch: references"][0][0] is False
    some = await _said(first, references=(f"127.0.0.1:{free_port()}", f"127.0.0.1:{first.port}"))
    assert "none of them takes a connection" in some["watch: references"][0][1]


@pytest.mark.parametrize(
    ("ahead", "words"), [(10 * MINUTE, "s ahead of ours"), (-10 * MINUTE, "s behind ours")]
)
async def test_clocks_that_differ(first: FakeWatched, ahead: int, words: str) -> None:
    """By more than two minutes, whichever is wrong."""
    first.ahead = ahead
    ((well, said),) = (await _said(first))["watch: clock"]
    assert (well, words in said) == (False, True), said
    first.ahead = ahead // 10
    assert (await _said(first))["watch: clock"][0][0] is True


async def test_who_could_not_be_called_from_here(first: FakeWatched) -> None:
    """Nobody on call, nobody who can be reached, some who cannot, and a team that is not shown."""
    first.snapshot = _snapshot()
    assert (await _said(first))["watch: people"][0][0] is False
    first.snapshot = _snapshot(Bea=CALLS, Jun=CALLS)
    assert "none of 2 can be reached from here" in (await _said(first))["watch: people"][0][1]
    first.snapshot = _snapshot(Bea=MAIL, Jun=CALLS)
    assert (await _said(first))["watch: people"] == [
        (None, "cannot be reached from here: Jun. openalert watch --who says by what they can")
    ]
    assert (await _said(first, teams=("web",)))["watch: people"][0] == (
        False,
        "watch.teams names web, which the key does not show",
    )


async def test_a_watcher_beside_the_watched(first: FakeWatched) -> None:
    """What stops the one stops the other; an address of ours is known by what the system lets us listen on."""
    found = await _said(first, local=True)
    assert "is this very machine" in found["watch"][0][1]
    assert check_watch.is_this_machine("127.0.0.1")
    assert check_watch.is_this_machine("localhost")
    assert check_watch.is_this_machine(socket.gethostname()) in (True, False)
    assert not check_watch.is_this_machine("192.0.2.1")
    assert not check_watch.is_this_machine("2001:db8::1")
    assert not check_watch.is_this_machine("nobody.invalid")


async def test_plain_http_is_said(first: FakeWatched) -> None:
    """`openalert watch` would not begin with it."""
    config = Config(watch=Watch(url="http://192.0.2.1", key=KEY), outgoing=Outgoing())
    found = [words async for _, well, words in check_watch.findings(config, lambda _: False) if well is False]
    assert "is not encrypted" in found[0]


def test_a_host_that_only_watches_is_asked_for_nothing_else(tmp_path: Path) -> None:
    """No database is made there, and none is missed: the rest of the command is about a server."""
    config = tmp_path / "watch.toml"
    config.write_text(f'[watch]\nurl = "http://127.0.0.1:{free_port()}"\nkey = "{KEY}"\n')
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}
    ran = subprocess.run(
        [sys.executable, "-m", "openalert", "check", "--config", str(config), "--data-dir", str(tmp_path / "data")],
        env=clean, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert "Not all is well" in ran.stderr
    assert "this host only watches" in ran.stdout
    assert "FAIL watch: http://127.0.0.1" in ran.stdout
    assert "database" not in ran.stdout
    assert not (tmp_path / "data").exists()
    serves = Config(watch=Watch(url="https://x", key=KEY), database=DatabaseSection(url="postgresql://db/x"))
    assert not check_watch.only_watches(serves)
    assert not check_watch.only_watches(msgspec.structs.replace(serves, watch=Watch()))
