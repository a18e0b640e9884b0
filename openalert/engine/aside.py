"""Work that may hang for ever, as on a share whose server is gone: nobody has to wait for its end."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Aside:
    """Runs work in threads that do not keep the process from ending."""

    def __init__(self, name: str, begin: Callable[[], None] = lambda: None) -> None:
        """`begin` is called first in each thread."""
        self._name, self._begin = name, begin
        self._under_way: set[asyncio.Future[Any]] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """What the work returns or raises; whoever is cancelled leaves it behind, and it goes on."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._under_way.add(done)
        done.add_done_callback(self._forget)

        def run() -> None:
            self._begin()
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                _say(loop, done.set_exception, error)
            else:
                _say(loop, done.set_result, result)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        return await asyncio.shield(done)

    async def ended(self, seconds: float) -> bool:
        """Whether all that is under way came to its end within this time."""
        if not self._under_way:
            return True
        _, left = await asyncio.wait(self._under_way, timeout=seconds)
        return not left

    def _forget(self, done: asyncio.Future[Any]) -> None:
        self._under_way.discard(done)
        if not done.cancelled():
            done.exception()  # whoever waited for it may be gone: then nobody asks


def _say(loop: asyncio.AbstractEventLoop, tell: Callable[[Any], None], what: object) -> None:
    with suppress(RuntimeError):  # the loop has ended meanwhile, and with it whoever waited
        loop.call_soon_threadsafe(tell, what)
