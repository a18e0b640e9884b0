"""Work that may hang: what it says comes back, nobody has to wait for it, and nothing is held of what has ended."""

import asyncio
import threading
from typing import Any

import pytest

from openalert.engine.aside import Aside

pytestmark = pytest.mark.anyio


async def test_what_it_returns_or_raises_comes_back() -> None:
    """From a thread of its own that keeps no process from ending, where `begin` was called first."""
    begun: list[threading.Thread] = []
    aside = Aside("of the test", lambda: begun.append(threading.current_thread()))

    def work() -> tuple[str, bool, list[threading.Thread]]:
        own = threading.current_thread()
        return own.name, own.daemon, [each for each in begun if each is own]

    name, is_daemon, begun_here = await aside.run(work)
    assert (name, is_daemon, len(begun_here)) == ("of the test", True, 1)
    for error in (ValueError("no"), SystemExit(3)):

        def fails(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as raised:
            await aside.run(fails)
        assert raised.value is error
    assert len(begun) == 3
    assert aside._under_way == set()


async def test_whoever_is_cancelled_leaves_it_behind() -> None:
    """It is under way until it ends by itself, whoever waits for the end of all."""
    goes_on, aside = threading.Event(), Aside("of the test")
    assert await aside.ended(0)
    waiting = asyncio.create_task(aside.run(lambda: goes_on.wait(600)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not await aside.ended(0.01)
    goes_on.set()
    assert await aside.ended(60)
    assert aside._under_way == set()


def test_it_may_end_when_nobody_is_there_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loop is closed: nothing is said, and nothing breaks."""
    goes_on, broken = threading.Event(), []
    monkeypatch.setattr(threading, "excepthook", broken.append)

    async def begins() -> threading.Thread:
        started: asyncio.Future[threading.Thread] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def work() -> Any:
            loop.call_soon_threadsafe(started.set_result, threading.current_thread())
            return goes_on.wait(600)

        left = asyncio.create_task(Aside("of the test").run(work))
        thread = await started
        left.cancel()
        return thread

    thread = asyncio.run(begins())
    goes_on.set()
    thread.join(60)
    assert not thread.is_alive()
    assert broken == []
