"""Passwords: argon2id, never inside a transaction, never more than two at a time, never told apart by time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from openalert.domain.errors import Unavailable

T = TypeVar("T")

TIME_COST = 2
MEMORY_KIBIBYTES = 19_456
PARALLELISM = 1
MOST_WAITING = 20
"""With more than these in line a further one is told to come back: each costs 19 MiB and some 30 ms."""

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_pending = 0


async def hash_password(password: str) -> str:
    """The encoded hash of a password that passed `domain.password.check_password`."""
    return await _run(lambda: str(_hasher().hash(password)))


async def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; without a hash the same work is done and the answer is False."""
    return await _run(lambda: _verify(password_hash, password))


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than those of today."""
    return bool(_hasher().check_needs_rehash(password_hash))


def _verify(password_hash: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIBIBYTES, parallelism=PARALLELISM)


def _nobody() -> str:
    """A hash that no password has, against which those of unknown people are checked, so that it takes as long."""
    return f"$argon2id$v=19$m={MEMORY_KIBIBYTES},t={TIME_COST},p={PARALLELISM}${'A' * 22}${'A' * 43}"


def check_room() -> None:
    """Pass, or raise Unavailable while too many wait for a hash already."""
    if _pending >= MOST_WAITING + 2:
        raise Unavailable("Too many people are signing in at this moment. Try again shortly.", retry_after=2)


async def _run(work: Callable[[], T]) -> T:
    global _pending  # noqa: PLW0603 - one count for the one pool of threads of this process
    check_room()
    _pending += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _pending -= 1
