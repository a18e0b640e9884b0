"""Postgres fails over while a server works: a real standby, fed by streaming replication, is promoted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.postgres_cluster import Cluster, Pair, room
from tests.processes.senders import Senders, all_paged
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BACK_WITHIN = 10.0
"""Seconds after a promotion in which docs/nodes.md promises that all goes on."""


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary and its standby, which end with the test."""
    with room() as folder:
        yield Pair(folder)


@pytest.fixture
async def server(pair: Pair, tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """A server, not started; its URL names the standby first."""
    running = mailing(tmp_path, smtp, database_url=pair.url(pair.two, pair.one))
    yield running
    await running.close()


def _alerts(cluster: Cluster) -> set[str]:
    return set(cluster.sql("SELECT title FROM alerts", "openalert").splitlines())


@pytest.mark.proves("F-37", "IN-1", "IN-2", "ES-1", "HA-1")
async def test_the_primary_dies_under_load_and_its_standby_is_promoted(
    pair: Pair, server: Server, smtp: FakeSmtp, measured: Callable[..., None]
) -> None:
    """Every alert answered 202 is on the new primary and paged; the standby is not written to before, nor the old
    primary when somebody starts it again.
    """
    house = await settle_in(server)
    async with Senders(house, "shift") as senders:
        await senders.back(time.monotonic())
        await asyncio.to_thread(pair.one.stop, "immediate")
        died = time.monotonic()
        await until(senders.were_refused)
        assert not [title for title in senders.taken if senders.began[title] > died]
        promoted = time.monotonic()
        await asyncio.to_thread(pair.two.promote)
        back = await senders.back(promoted)
        # Somebody starts the old primary again, and all connections are made anew: it must not be used.
        pair.one.configure("synchronous_standby_names = ''")
        await asyncio.to_thread(pair.one.start)
        stale = _alerts(pair.one)
        pair.two.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'openalert'")
        await senders.back(time.monotonic())
        await senders.back(time.monotonic() + 1)
    assert set(senders.answers.values()) <= {202, 503, 0}
    assert senders.taken <= _alerts(pair.two)
    assert _alerts(pair.one) == stale
    await all_paged(smtp, senders.taken)
    assert back < BACK_WITHIN + 20  # a busy machine; what is promised is measured
    measured(seconds_until_back=round(back, 2), lost=0, longest_answer=round(senders.longest, 2))


@pytest.mark.proves("F-37")
async def test_a_standby_alone_is_not_taken_for_a_database(pair: Pair, tmp_path: Path) -> None:
    """A server whose URL names the standby alone does not start, and says what to do; nothing else is tried."""
    lone = Server(tmp_path, database_url=pair.two.url())
    with pytest.raises(AssertionError, match="can only be read: it is a standby"):
        await lone.start()
    await lone.close()
