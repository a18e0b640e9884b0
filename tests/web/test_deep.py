"""/health/deep and the System page: one verdict, for those who may look inside, and a banner on every page."""

import asyncio

import httpx2
import pytest

from openalert.app import OpenAlert, self_watch
from openalert.domain.self_watch import Standing, Trouble, TroubleKind
from tests.web.test_guards import session

pytestmark = pytest.mark.anyio
BAD = Trouble(TroubleKind.TIMERS, "A step of an escalation is 2 min late.")


def _watching(app: OpenAlert, *troubles: Trouble) -> None:
    app.self_watch = self_watch(app.config, app.database, app.engine, b"secret", "http://127.0.0.1:1")
    app.self_watch.standing = Standing(app.database.clock(), troubles)


@pytest.mark.proves("SM-1")
async def test_deep_says_503_and_why_while_pages_might_not_arrive(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """200 when well; 503 with every trouble otherwise, while /health and /ready do not change."""
    _watching(app)
    answer = await client.get("/health/deep")
    assert (answer.status_code, answer.json()["wouldPage"]) == (200, True)
    _watching(app, BAD)
    answer = await client.get("/health/deep")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == [{"kind": "timers", "message": BAD.words}]
    assert (await client.get("/health")).status_code == (await client.get("/ready")).status_code == 200


async def test_deep_is_for_those_who_may_read_metrics(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Strangers from elsewhere are told nothing, by neither address."""
    away = {"x-forwarded-for": "203.0.113.9"}
    assert (await client.get("/health/deep", headers=away)).status_code == 401
    assert (await client.post("/health/engine/cycle", headers=away)).status_code == 401


async def test_a_cycle_is_answered_by_a_tick_that_began_later(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """What was committed before the question has been looked at when the answer comes."""
    before = app.engine.ticks_begun
    async with asyncio.timeout(30):
        assert (await client.post("/health/engine/cycle")).status_code == 200
    assert app.engine.ticks_ended > before


async def test_the_page_says_the_verdict_and_every_page_warns(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """Green on the System page alone; red there with the reasons, and as a banner on all others."""
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    _watching(app)
    assert "An alert arriving now would page." in (await client.get("/settings/system")).text
    assert "might page nobody" not in (await client.get("/incidents")).text
    _watching(app, BAD)
    page = (await client.get("/settings/system")).text
    assert BAD.words in page
    assert "might page nobody" in (await client.get("/incidents")).text
