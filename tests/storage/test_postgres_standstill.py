"""What is concluded from what Postgres says of a commit that it does not answer, look by look; without a Postgres."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openalert.storage import postgres_standstill
from openalert.storage.postgres_standstill import MANY, follow, until_answered
from openalert.storage.standstill import Standstill

pytestmark = pytest.mark.anyio
WAITS = "Postgres waits for its standby"
AWAY = f"{WAITS} (synchronous_standby_names = 'a')"
NOTHING = None
"""Postgres says that nobody waits."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_standstill, "LOOK_SECONDS", 0.001)


class Postgres:
    """Connections and what is asked there: each look gets the next answer, an error is raised."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self._answers = iter(answers)
        self.asked = 0
        self.commits: list[asyncio.Future[None]] = []
        self.open = 0
        self.refuses: list[Exception] = []
        """What the next tries to connect get."""

    @asynccontextmanager
    async def acquire(self, timeout: float) -> Any:  # noqa: ASYNC109 - as the pool has it
        """A connection of the pool."""
        yield self

    async def fetchval(self, _: str, timeout: float) -> str | None:  # noqa: ASYNC109 - as the driver has it
        """The next answer; after the last one the commits are answered, and nobody waits."""
        self.asked += 1
        try:
            answer = next(self._answers)
        except StopIteration:
            self.answers()
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self) -> None:
        """Every commit that waits."""
        for commit in self.commits:
            if not commit.done():
                commit.set_result(None)

    async def connect(self) -> Any:
        """One connection more."""
        if self.refuses:
            raise self.refuses.pop(0)
        self.open += 1
        return self

    async def execute(self, _: str) -> None:
        """A commit."""
        self.commits.append(asyncio.get_running_loop().create_future())
        await self.commits[-1]

    def terminate(self) -> None:
        """One connection less."""
        self.open -= 1


async def _told(postgres: Postgres) -> list[str]:
    """What whoever starts is told until it goes on."""
    told: list[str] = []
    async with asyncio.timeout(60):
        await until_answered(postgres.connect, postgres, told.append)
    assert postgres.open == 0
    assert all(commit.done() for commit in postgres.commits), "nothing is left that waits"
    return told


async def test_a_start_goes_on_when_its_commit_was_answered() -> None:
    """It hears why as long as that lasts, in the words of Postgres."""
    assert await _told(Postgres("a", "a", "")) == [AWAY, AWAY, WAITS]
    assert await _told(Postgres()) == []


@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        ([NOTHING] * 2 * MANY, MANY),
        (["a", *[NOTHING] * 2 * MANY], 1 + MANY),
        ([*[NOTHING] * (MANY - 1), "a", *[NOTHING] * 2 * MANY], 2 * MANY),
        (["a", NOTHING, "a", NOTHING, "a", *[NOTHING] * 2 * MANY], 5 + MANY),
    ],
)
async def test_a_commit_that_waits_for_nobody_is_not_waited_for(
    answers: list[str | None], looks: int
) -> None:
    """Postgres says so some times in a row: whoever comes next meets what there is."""
    postgres = Postgres(*answers)
    await _told(postgres)
    assert postgres.asked == looks
    assert [commit.cancelled() for commit in postgres.commits] == [True]


@pytest.mark.parametrize("what", ["connecting", "asking", "committing"])
async def test_what_cannot_be_tried_keeps_no_start_that_was_not_told_to_wait(what: str) -> None:
    """It meets that itself."""
    postgres = Postgres(OSError("gone") if what == "asking" else NOTHING)
    if what == "connecting":
        postgres.refuses = [OSError("gone")]
    if what == "committing":
        asyncio.get_running_loop().call_later(0, _fail, postgres)
    assert await _told(postgres) == []
    assert len(postgres.commits) == (0 if what == "connecting" else 1)


def _fail(postgres: Postgres) -> None:
    if not postgres.commits:
        asyncio.get_running_loop().call_later(0, _fail, postgres)
    elif not postgres.commits[-1].done():
        postgres.commits[-1].set_exception(OSError("gone"))


@pytest.mark.parametrize("what", ["connecting", "asking", "committing"])
async def test_who_was_told_to_wait_tries_again_whatever_happens(what: str) -> None:
    """Postgres may be started anew meanwhile: only an answer, or that nobody waits, ends it."""

    class Restarted(Postgres):
        async def fetchval(self, sql: str, timeout: float) -> str | None:  # noqa: ASYNC109 - as the driver has it
            answer = await super().fetchval(sql, timeout)
            if self.asked == 1 and what == "committing":
                _fail(self)
            return answer

    postgres = Restarted("a", *([] if what == "committing" else [OSError("gone")]))

    async def connect() -> Any:
        if postgres.asked and what == "connecting" and not postgres.refused:
            postgres.refused = True
            raise OSError("gone")
        return await postgres.connect()

    postgres.refused = False  # type: ignore[attr-defined]
    told: list[str] = []
    async with asyncio.timeout(60):
        await until_answered(connect, postgres, told.append)
    assert told == [AWAY]
    assert len(postgres.commits) == 2
    assert postgres.open == 0


def _ages(*ages: float | None) -> Any:
    """How long the group has taken at each look; then whoever follows is told to end."""
    left: Iterator[float | None] = iter(ages)

    def age() -> float | None:
        try:
            return next(left)
        except StopIteration:
            raise asyncio.CancelledError from None

    return age


async def _follows(answers: list[str | Exception | None], standstill: Standstill, *ages: float | None) -> int:
    """How often Postgres was asked."""
    postgres = Postgres(*answers, *["never"] * 10)
    with pytest.raises(asyncio.CancelledError):
        await follow(postgres, _ages(*(ages or [60.0] * len(answers))), standstill)
    return postgres.asked


async def test_a_node_asks_only_while_a_group_takes_long() -> None:
    """None is under way, or a quick one."""
    standstill = Standstill()
    assert await _follows([], standstill, None, 0.0, postgres_standstill.LONG - 0.1) == 0
    assert standstill.cause == ""
    assert await _follows(["a"], standstill, postgres_standstill.LONG) == 1
    assert standstill.cause == AWAY
    standstill.found("")


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        (["a"], AWAY),
        (["a", ""], WAITS),
        (["a", *[NOTHING] * (MANY - 1)], AWAY),
        (["a", *[NOTHING] * MANY], ""),
        (["a", *[NOTHING] * (MANY - 1), "a", *[NOTHING] * (MANY - 1)], AWAY),
        (["a", OSError("gone")], ""),
        ([*[NOTHING] * MANY, "a"], AWAY),
    ],
)
async def test_a_standstill_is_over_when_nobody_has_waited_for_some_looks(
    answers: list[str | Exception | None], cause: str
) -> None:
    """Between two tries nothing waits either, so one look says nothing."""
    standstill = Standstill()
    await _follows(answers, standstill)
    assert standstill.cause == cause
    standstill.found("")
