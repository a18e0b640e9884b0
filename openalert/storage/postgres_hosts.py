"""The servers that `database.url` names: which of them may be written to, and which was promoted last.

The driver alone would try one after the other with one patience for all, and so never come to the second where the
machine of the first is dead; and it would take the first that lets itself be written to, which after a failover may be
the old primary that somebody has started again.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from openalert.config.postgres_url import hosts_of

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
"""So long each server has to answer."""
HEAD_START_SECONDS = 0.5
"""So long the server that was used last is asked alone."""
SURVEY_SECONDS = 1.0
"""So long the others are waited for once one has answered: of two that can be written to the newer one counts."""
PATIENCE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Postgres ends connections of a node that was cut off after so long, in the place of hours in which they take room."""

_STANDING = """
SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
    (SELECT system_identifier FROM pg_control_system()) AS system,
    CASE WHEN pg_is_in_recovery() THEN 0
        ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline
"""
_STANDING_ANYWHERE = "SELECT current_setting('transaction_read_only') = 'on'"
"""For a Postgres that does not tell of its log."""


class Standing(msgspec.Struct, frozen=True):
    """What a server says of itself."""

    is_read_only: bool
    system: int = 0
    """Which database cluster it is, or was copied from; 0: it does not say."""
    timeline: int = 0
    """Grows by one with each promotion."""


class NoPrimary(Exception):
    """Servers answered, and none of them may be written to; the text says which are what."""


class PostgresHosts:
    """Connects to the one of several servers that may be written to, and remembers how far promotions have come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._hosts = hosts_of(url) or [{}]
        self._used = 0
        """The place in the list of the server that was connected to last."""
        self._newest: dict[int, int] = {}
        """The newest timeline that was seen of each cluster."""
        self.epoch = 0
        """Changes when another server is used: connections that were made before lead to the wrong one."""

    @property
    def are_several(self) -> bool:
        """Whether there is anything to choose."""
        return len(self._hosts) > 1

    async def connect(self, *_: Any, survey: bool = False, **settings: Any) -> Any:
        """A connection to the server that may be written to.

        `survey`: hear all of them before one is chosen. Raises what the driver raises, or `NoPrimary`.
        """
        settings.setdefault("timeout", CONNECT_SECONDS)
        settings["server_settings"] = PATIENCE | settings.get("server_settings", {})
        first = self._used
        asked = {first: asyncio.create_task(self._ask(first, settings))}
        answers: dict[int, tuple[Any, Standing]] = {}
        chosen: int | None = None
        try:
            if not survey:
                await asyncio.wait(asked.values(), timeout=HEAD_START_SECONDS)
            if survey or not self._heard(asked, answers):
                for other in range(len(self._hosts)):
                    if other not in asked:
                        asked[other] = asyncio.create_task(self._ask(other, settings))
                await self._hear(asked, answers, survey=survey)
            chosen = self._best(answers)
            if chosen is None:
                raise self._why_none(asked, answers)
            raw, standing = answers[chosen]
            self._use(chosen, standing)
            return raw
        finally:
            for number, task in asked.items():
                task.cancel()
                task.add_done_callback(_end_unless(number == chosen))

    async def promoted(self) -> bool:
        """Whether another server was promoted since, also where the one that is used still lets itself be written to.

        Then that is the one from now on.
        """
        before = self.epoch
        with suppress(Exception):  # whoever needs a connection hears why there is none
            raw = await self.connect(survey=True)
            raw.terminate()
        return self.epoch != before

    async def _ask(self, number: int, settings: Mapping[str, Any]) -> tuple[Any, Standing]:
        import asyncpg

        raw = await asyncpg.connect(self._url, **self._hosts[number], **settings)
        try:
            return raw, await _standing(raw)
        except BaseException:
            raw.terminate()
            raise

    async def _hear(
        self,
        asked: Mapping[int, asyncio.Task[tuple[Any, Standing]]],
        answers: dict[int, tuple[Any, Standing]],
        *,
        survey: bool,
    ) -> None:
        """Until one may be written to, or with `survey` all have answered: not for long once there is one."""
        found = False
        waiting = {task for task in asked.values() if not task.done()}
        while waiting:
            done, waiting = await asyncio.wait(
                waiting,
                timeout=SURVEY_SECONDS if found else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            found = self._heard(asked, answers)
            if not done or (found and not survey):
                return

    def _heard(
        self,
        asked: Mapping[int, asyncio.Task[tuple[Any, Standing]]],
        answers: dict[int, tuple[Any, Standing]],
    ) -> bool:
        """Put down who has answered meanwhile; whether one of them may be written to."""
        for number, task in asked.items():
            if number not in answers and task.done() and not task.cancelled() and task.exception() is None:
                answers[number] = task.result()
        return self._best(answers) is not None

    def _best(self, answers: Mapping[int, tuple[Any, Standing]]) -> int | None:
        """The one that was promoted last of those that may be written to; of equals the used or first named one."""
        good = [
            number
            for number, (_, standing) in answers.items()
            if not standing.is_read_only and standing.timeline >= self._newest.get(standing.system, 0)
        ]
        if not good:
            return None
        return min(good, key=lambda number: (-answers[number][1].timeline, number != self._used, number))

    def _use(self, number: int, standing: Standing) -> None:
        known = self._newest.get(standing.system)
        if known is None or standing.timeline > known:
            self._newest[standing.system] = standing.timeline
        if number != self._used or (known is not None and standing.timeline > known):
            self.epoch += 1
            log.warning("another Postgres is used", server=self._name(number), timeline=standing.timeline)
        self._used = number

    def _name(self, number: int) -> str:
        host = self._hosts[number]
        return ":".join(str(each) for each in host.values()) or "the only one"

    def _why_none(
        self,
        asked: Mapping[int, asyncio.Task[tuple[Any, Standing]]],
        answers: Mapping[int, tuple[Any, Standing]],
    ) -> BaseException:
        """What to tell whoever wanted a connection."""
        if not answers:
            errors = [task.exception() for _, task in sorted(asked.items()) if task.done()]
            return next((error for error in errors if error is not None), TimeoutError("nobody answers"))
        said = []
        for number, task in sorted(asked.items()):
            if number in answers:
                standing = answers[number][1]
                said.append(
                    (number, "only to be read" if standing.is_read_only else "replaced by another one")
                )
            else:
                error = task.exception() if task.done() else None
                said.append((number, f"not reached ({type(error).__name__ if error else 'no answer'})"))
        if len(said) == 1:
            return NoPrimary(said[0][1])
        return NoPrimary("; ".join(f"{self._name(number)} is {what}" for number, what in said))


def _end_unless(chosen: bool) -> Callable[[asyncio.Task[tuple[Any, Standing]]], None]:
    """Ends the connection of a server that was not chosen, also of one that answers too late."""

    def ended(task: asyncio.Task[tuple[Any, Standing]]) -> None:
        if not chosen and not task.cancelled() and task.exception() is None:
            task.result()[0].terminate()

    return ended


async def _standing(raw: Any) -> Standing:
    import asyncpg

    try:
        row = await raw.fetchrow(_STANDING)
    except asyncpg.PostgresError:
        return Standing(is_read_only=bool(await raw.fetchval(_STANDING_ANYWHERE)))
    return Standing(is_read_only=row["is_read_only"], system=row["system"], timeline=row["timeline"])
