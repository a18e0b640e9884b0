"""Why Postgres does not answer a commit, as it says itself: it waits until a standby has it too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from openalert.storage.standstill import Standstill

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LONG = 2.0
"""Seconds of a group of transactions from which on it is asked what it waits for."""
MANY = 5
ASK_SECONDS = 3.0
# Of any node: while one of them waits the others wait for their turn behind it.
_WAITS = (
    "SELECT current_setting('synchronous_standby_names') FROM pg_stat_activity WHERE wait_event = 'SyncRep' "
    "AND datname = current_database() AND usename = current_user AND application_name LIKE 'openalert %' LIMIT 1"
)


async def follow(pool: Any, age: Callable[[], float | None], standstill: Standstill) -> None:
    """For ever: ask as long as a group takes long. `age`: seconds that it has taken; None: none is under way.

    The end of a standstill is a commit that was answered; without one it is over when Postgres says so some times in a
    row, as between two tries nothing waits either.
    """
    in_vain = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if (age() or 0.0) < LONG:
            continue
        try:
            async with pool.acquire(timeout=ASK_SECONDS) as raw:
                names = await raw.fetchval(_WAITS, timeout=ASK_SECONDS)
        except Exception:  # noqa: BLE001 - whatever it is, what cannot be asked does not wait for its standby alone
            standstill.found("")
            continue
        in_vain = in_vain + 1 if names is None else 0
        if names is not None:
            if not standstill.cause:
                log.error("commits are not answered", cause=_cause(names))
            standstill.found(_cause(names))
        elif in_vain >= MANY:
            standstill.found("")


async def until_answered(
    connect: Callable[[], Awaitable[Any]], pool: Any, tell: Callable[[str], None]
) -> None:
    """Return when a commit was answered; as long as Postgres says that it waits for its standby, `tell` why.

    Where it says nothing of that kind there is nothing to wait for: whoever comes next meets what there is. Once
    somebody was told it is tried again whatever happens, as Postgres may be started anew with other settings.
    """
    told: list[str] = []

    def say(cause: str) -> None:
        told.append(cause)
        tell(cause)

    while True:
        try:
            raw = await connect()
            try:
                await _commit(raw, pool, say)
            finally:
                raw.terminate()
        except Exception as error:  # noqa: BLE001 - whatever it is, a start that is not told to wait meets it itself
            if not told:
                log.debug("whether commits are answered cannot be tried", reason=str(error))
                return
            log.warning("the start waits for the database", reason=str(error))
        else:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _commit(raw: Any, pool: Any, say: Callable[[str], None]) -> None:
    """Commit something and wait for the answer, or until Postgres has for a while not said that it waits."""
    in_vain = 0
    commit = asyncio.ensure_future(raw.execute(_SOMETHING))
    try:
        while in_vain < MANY:
            done, _ = await asyncio.wait([commit], timeout=LOOK_SECONDS)
            if done:
                commit.result()
                return
            async with pool.acquire(timeout=ASK_SECONDS) as asking:
                names = await asking.fetchval(_WAITS, timeout=ASK_SECONDS)
            in_vain = in_vain + 1 if names is None else 0
            if names is not None:
                say(_cause(names))
    finally:
        commit.cancel()
        await asyncio.wait([commit], timeout=ASK_SECONDS)


_SOMETHING = "SELECT pg_logical_emit_message(TRUE, 'openalert', 'a start')"
"""A transaction that leaves nothing but itself in the log of Postgres, and waits for its standby like any other."""


def _cause(names: str) -> str:
    """`names` is empty when somebody has just told Postgres to wait for nobody any more."""
    return f"Postgres waits for its standby{f' (synchronous_standby_names = {names!r})' if names else ''}"
