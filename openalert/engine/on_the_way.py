"""Sends that are on their way: waited for at a stop, and broken off when that takes too long."""

import asyncio
from collections.abc import Set as AbstractSet
from typing import Any


async def finish(tasks: AbstractSet[asyncio.Task[Any]], seconds: float) -> None:
    """Wait until none is left, also of those that begin meanwhile, or so many seconds are over."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while tasks and clock() < until:
        await asyncio.wait(tasks, timeout=until - clock(), return_when=asyncio.FIRST_COMPLETED)


async def break_off(tasks: AbstractSet[asyncio.Task[Any]]) -> None:
    """Cancel what is left, and wait until it is."""
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
