"""Whole lists, read in portions, so that decoding their rows leaves the event loop its turns."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

PORTION = 100
T = TypeVar("T")


async def every(
    read: Callable[..., Awaitable[list[T]]], key: Callable[[T], str], *, most: int | None = None
) -> list[T]:
    """All pages of a list that takes `after` and `limit`; with `most`, no more of them once there are so many."""
    found = await read(limit=PORTION)
    last = found
    while len(last) == PORTION and (most is None or len(found) < most):
        last = await read(after=key(last[-1]), limit=PORTION)
        found += last
    return found
