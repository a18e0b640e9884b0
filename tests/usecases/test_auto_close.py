"""Alerts of senders that never say that something is over."""

import json

import pytest

from openalert.domain.instant import HOUR
from openalert.domain.service import AutoClose, IntegrationConfig
from openalert.engine import auto_close
from openalert.storage import auto_closing
from openalert.usecases import alerts, incidents, integrations
from openalert.usecases.auto_close import close_silent
from tests import make
from tests.cast import World
from tests.make import level

pytestmark = pytest.mark.anyio


async def _closing(world: World, config: AutoClose | None) -> None:
    """Every integration closes by itself, or none does."""
    async with world.db.transaction(make.actor(world.alice, world.core)) as tx:
        for found in await integrations.page(tx, tx.actor, limit=50):
            await integrations.update(tx, found.id, config=IntegrationConfig(auto_close=config))


async def _statuses(world: World) -> dict[str, str]:
    async with world.db.read() as reader:
        return {row[0]: row[1] for row in await reader.rows("SELECT title, status FROM alerts")}


@pytest.fixture
async def house(world: World) -> World:
    """A policy, a service, and an integration whose alerts close after an hour without a repeat."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    await _closing(world, AutoClose(after_minutes=60))
    return world


async def test_what_nobody_repeats_is_closed_and_its_incident_with_it(house: World) -> None:
    """After the set time, not before; a repeat begins it anew. Why it ended stands among the messages."""
    await house.advance(minutes=50)
    await house.fires("Disk")
    await house.advance(minutes=50)
    assert await auto_close.run_due(house.db, None) == 0
    await house.advance(minutes=10)
    assert await auto_close.run_due(house.db, None) == 1
    assert set((await _statuses(house)).values()) == {"resolved"}
    async with house.db.read() as reader:
        assert await reader.value("SELECT status FROM incidents") == "resolved"
        row = (await reader.rows("SELECT reason, read_as FROM payloads WHERE outcome = 'closed'"))[0]
        heard = await reader.value("SELECT max(last_received_at) FROM integrations")
    assert row[0] == "Nobody repeated it for 60 minutes."
    assert json.loads(row[1])[0]["became"] == "resolve"
    assert heard <= house.db.clock() - HOUR
    assert await auto_close.run_due(house.db, None) == 0
    await house.fires("Disk")
    async with house.db.read() as reader:
        assert await reader.value("SELECT count(*) FROM incidents WHERE status = 'triggered'") == 1


async def test_nothing_closes_where_nobody_asked_for_it(house: World) -> None:
    """Off unless it is set: silence is not the end of an alert."""
    await _closing(house, None)
    await house.advance(minutes=600)
    assert await auto_close.run_due(house.db, None) == 0
    assert set((await _statuses(house)).values()) == {"firing"}


@pytest.mark.parametrize("too", [False, True])
async def test_what_somebody_works_on_is_closed_only_if_that_was_said(house: World, too: bool) -> None:
    """Who acknowledged an incident, or an alert, knows more than silence does."""
    await _closing(house, AutoClose(after_minutes=60, acknowledged_too=too))
    async with house.db.transaction(make.actor(house.alice, house.core)) as tx:
        [incident_id] = [row[0] for row in await tx.rows("SELECT id FROM incidents")]
        await incidents.acknowledge(tx, incident_id)
    await house.advance(minutes=120)
    assert await auto_close.run_due(house.db, None) == int(too)


async def test_an_acknowledged_alert_stays_open(house: World) -> None:
    """Also when its incident is nobody's."""
    async with house.db.transaction(make.actor(house.alice, house.core)) as tx:
        [alert_id] = [row[0] for row in await tx.rows("SELECT id FROM alerts")]
        await alerts.acknowledge(tx, alert_id)
        await tx.execute("UPDATE incidents SET status = 'triggered'")
    await house.advance(minutes=120)
    assert await auto_close.run_due(house.db, None) == 0


async def test_a_server_that_was_away_waits_for_repeats(house: World) -> None:
    """Nobody could hear them meanwhile: the time counts from when it came back."""
    await house.advance(minutes=120)
    back = house.db.clock()
    assert await auto_close.run_due(house.db, back) == 0
    await house.advance(minutes=59)
    assert await auto_close.run_due(house.db, back) == 0
    await house.advance(minutes=1)
    assert await auto_close.run_due(house.db, back) == 1


async def test_an_integration_that_is_switched_off_closes_nothing(house: World) -> None:
    """It takes no repeats, so silence says nothing."""
    async with house.db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = FALSE")
    await house.advance(minutes=120)
    assert await auto_close.run_due(house.db, None) == 0


async def test_alerts_of_other_integrations_are_left_alone(house: World) -> None:
    """Each integration closes its own, and no more than that."""
    await house.advance(minutes=120)
    async with house.db.transaction() as tx:
        mine = await tx.value("SELECT integration_id FROM alerts")
        every = await auto_closing.integrations(tx)
        assert len(every) > 1
        for closing in every:
            if closing.id != mine:
                assert await close_silent(tx, closing) == 0
    assert set((await _statuses(house)).values()) == {"firing"}
