"""The WebSocket when much goes on: what all cost together, and who comes while a storm goes on."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.storage import events
from openalert.storage.transaction import Reader
from openalert.web import listener
from openalert.web.broadcast import CAPACITY
from tests.web.live_client import as_bea, connected, happen, listeners, opened, populate, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cast(app: OpenAlert) -> dict[str, str]:
    """See `populate`."""
    return await populate(app)


async def test_all_are_asked_about_at_once(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who everybody is costs one question for all sessions and one for all keys, and is one object for each of them."""
    ana = as_bea(cast) | {"cookie": f"openalert_session={cast['ana session']}"}
    key = {"authorization": f"Bearer {cast['key']}"}
    asked = []
    every, recheck, rests = Reader.all, app.live.recheck, asyncio.Event()

    async def counted(reader: Reader, kind: type[Any], sql: str, /, **parameters: Any) -> list[Any]:
        asked.append(sql)
        return await every(reader, kind, sql, **parameters)

    async def none() -> None:
        rests.set()

    async with AsyncExitStack() as stack:
        for headers in (as_bea(cast), as_bea(cast), ana, key, key):
            await opened(await stack.enter_async_context(connected(app, **headers)))
        await until(lambda: listeners() == 5)
        monkeypatch.setattr(app.live, "recheck", none)
        await asyncio.wait_for(rests.wait(), 60)  # the look that is had each second is no longer under way
        monkeypatch.setattr(Reader, "all", counted)
        await recheck()
        assert len([sql for sql in asked if "sessions" in sql]) == 1
        assert len([sql for sql in asked if "api_keys" in sql]) == 1


async def test_whoever_comes_in_a_storm_stays(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is us who hold news back from one who has just come: that he is behind is no reason to send him away."""
    monkeypatch.setattr(listener, "HOLD_SECONDS", 60.0)
    async with (
        connected(app, **as_bea(cast)) as bea,
        connected(app, authorization=f"Bearer {cast['key']}") as quick,
    ):
        assert (await bea.frame())["type"] == "websocket.accept"
        await opened(quick)
        await until(lambda: listeners() == 2)
        await happen(app, cast, *["a"] * (CAPACITY + 1))
        assert (await quick.hear())["type"] == "resync"
        bea.say({"type": "pong"})
        newest = (await bea.hear())["seq"]
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 1


async def test_whoever_catches_up_in_a_storm_stays(app: OpenAlert, cast: dict[str, str]) -> None:
    """What happens while one is told what was missed counts as nothing left behind; then there is to be read anew."""
    await happen(app, cast, "a", "a", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with (
        connected(app, **as_bea(cast)) as bea,
        connected(app, authorization=f"Bearer {cast['key']}") as quick,
    ):
        for socket in (bea, quick):
            await opened(socket)
        await until(lambda: listeners() == 2)
        bea.reads.clear()
        bea.say({"type": "resume", "after": newest - 2})
        await until(lambda: bea.is_stuck)
        await happen(app, cast, *["a"] * (CAPACITY + 1))
        assert (await quick.hear())["type"] == "resync"
        bea.reads.set()
        heard = [await bea.hear() for _ in range(3)]
        assert [each["seq"] for each in heard] == [newest - 1, newest, newest + CAPACITY + 1]
        assert heard[2]["type"] == "resync"
