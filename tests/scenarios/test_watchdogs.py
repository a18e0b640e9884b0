"""An alert that always fires is a heartbeat without any set-up: it never pages while it comes, and does when not."""

from typing import Any

import pytest

from openalert.domain.heartbeat import Heartbeat, HeartbeatStatus
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.watchdog import MOST, SHORTEST, learned
from openalert.storage import heartbeats as stored
from openalert.usecases import heartbeats, ingest, integrations, occurrences, watchdogs
from tests.cast import World, level

pytestmark = pytest.mark.anyio


@pytest.fixture
async def watched(world: World) -> World:
    """A service that pages Alice, with the integration A."""
    await world.policy(level(1, world.alice))
    return world


async def comes(world: World, times: int, minutes: float, name: str = "Watchdog", **labels: str) -> None:
    """Alertmanager repeats it so many times."""
    for _ in range(times):
        await world.fires(name, severity="none", **labels)
        await world.advance(minutes=minutes)


async def every(world: World) -> list[Heartbeat]:
    """Every heartbeat there is."""
    async with world.db.read() as reader:
        return await reader.all(Heartbeat, "SELECT * FROM heartbeats ORDER BY id")


@pytest.mark.parametrize("name", ["Watchdog", "DeadMansSwitch", "DeadMan'sSwitch", "dead_mans_switch"])
async def test_it_never_pages_while_it_comes_and_does_when_it_stays_away(watched: World, name: str) -> None:
    """Learned from what was observed: twice the longest usual time, and the next one resolves it."""
    await comes(watched, 5, 10, name, cluster="prod")
    watched.is_quiet()
    (heartbeat,) = await every(watched)
    assert (heartbeat.name, heartbeat.status) == ("Watchdog of Alertmanager (prod)", HeartbeatStatus.HEALTHY)
    assert (heartbeat.period, heartbeat.grace) == (10 * MINUTE, 10 * MINUTE)
    assert await watched.value("SELECT count(*) FROM alerts") == 0
    await watched.advance(minutes=9.9)
    watched.is_quiet()
    await watched.advance(minutes=0.1)
    watched.mailbox(watched.alice).got("Watchdog of Alertmanager (prod) has not been heard of")
    await watched.fires(name, severity="none", cluster="prod")
    watched.mailbox(watched.alice).got_update("Resolved")
    await watched.advance(minutes=5)
    watched.is_quiet()


async def test_a_single_one_expects_nothing_yet(watched: World) -> None:
    """Nobody knows how often it comes."""
    await comes(watched, 2, 60 * 24)
    watched.is_quiet()
    (heartbeat,) = await every(watched)
    assert heartbeat.due_at is None


async def test_its_end_is_no_beat_and_pages_nobody_before_its_time(watched: World) -> None:
    """Alertmanager says so when Prometheus is gone: then it stays away."""
    await comes(watched, 4, 10)
    await watched.resolves("Watchdog", severity="none")
    watched.is_quiet()
    await watched.advance(minutes=10)
    watched.mailbox(watched.alice).got("Watchdog of Alertmanager")


async def test_a_message_that_is_sent_through_again_is_no_beat(watched: World) -> None:
    """Somebody replays an old one while Prometheus is gone: Alice is paged when she would have been without that."""
    await comes(watched, 4, 10)
    again = watched.delivery(watched.group(watched.alert("Watchdog", severity="none")), "A", "v1")
    again.replay_of = "the payload of then"
    async with watched.db.transaction() as tx:
        (outcome,) = await ingest.take_in(tx, [again])
    assert outcome.processed == 1
    await watched.advance(minutes=10)
    watched.mailbox(watched.alice).got("Watchdog of Alertmanager")


async def test_other_alerts_of_the_same_message_are_alerts(watched: World) -> None:
    """And a name that only looks alike is one too."""
    await watched.posts(
        watched.group(
            watched.alert("Watchdog", severity="none"),
            watched.alert("DiskFull"),
            watched.alert("WatchdogBroken"),
        )
    )
    assert await watched.value("SELECT count(*) FROM alerts") == 2
    watched.mailbox(watched.alice)
    assert len(await every(watched)) == 1


async def test_a_name_of_another_source_is_an_alert(watched: World) -> None:
    """Only what comes by Alertmanager, Prometheus or Grafana is meant."""
    await watched.posts({"title": "Watchdog", "alertname": "Watchdog", "severity": "high"}, source="generic")
    watched.mailbox(watched.alice).got("Watchdog")
    assert await every(watched) == []


async def test_clusters_have_one_each_and_a_flood_of_them_is_bounded(watched: World) -> None:
    """Whoever sends ever new labels makes twenty and no more, and no alert either."""
    await comes(watched, 1, 0, cluster="a")
    await comes(watched, 1, 0, cluster="b")
    assert [each.name for each in await every(watched)] == [
        "Watchdog of Alertmanager (a)",
        "Watchdog of Alertmanager (b)",
    ]
    for number in range(30):
        await comes(watched, 1, 0, cluster=f"c{number}")
    assert len(await every(watched)) == MOST
    assert await watched.value("SELECT count(*) FROM alerts") == 0


async def test_what_was_taken_for_an_alert_before_is_over_with_the_first_beat(
    watched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade no incident stays open for ever."""
    with monkeypatch.context() as patch:
        patch.setattr(occurrences, "is_watchdog", lambda signal: False)
        await watched.fires("Watchdog", severity="none")
    watched.mailbox(watched.alice).got("Watchdog")
    await watched.fires("Watchdog", severity="none")
    assert (await watched.incident()).status.value == "resolved"
    assert await watched.value("SELECT count(*) FROM alerts WHERE status <> 'resolved'") == 0


async def test_set_by_hand_it_is_learned_no_more(watched: World) -> None:
    """What people say holds."""
    await comes(watched, 4, 10)
    (heartbeat,) = await every(watched)
    await watched.does(heartbeats.update, heartbeat.id, period=HOUR, grace=30 * MINUTE)
    await comes(watched, 3, 10)
    (heartbeat,) = await every(watched)
    assert (heartbeat.period, heartbeat.grace, heartbeat.is_learned) == (HOUR, 30 * MINUTE, False)


async def test_an_integration_that_is_switched_off_is_not_missed(watched: World) -> None:
    """Its messages are refused, so nothing can be expected of it until one comes again."""
    await comes(watched, 4, 10)
    (heartbeat,) = await every(watched)
    await watched.does(integrations.update, heartbeat.integration_id, is_active=False)
    await watched.advance(minutes=60 * 24)
    watched.is_quiet()
    await watched.does(integrations.update, heartbeat.integration_id, is_active=True)
    await comes(watched, 1, 0)
    await watched.advance(minutes=60 * 48)
    watched.mailbox(watched.alice).got("Watchdog of Alertmanager")


async def test_a_batch_that_has_to_be_taken_in_again_still_is_a_beat(watched: World) -> None:
    """Taking a message in changes nothing about the message."""
    delivery = watched.delivery(watched.group(watched.alert("Watchdog", severity="none")), "A", "v1")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            async with watched.db.transaction() as tx:
                await ingest.take_in(tx, [delivery])
                raise RuntimeError("the batch fails")
    assert await every(watched) == []
    async with watched.db.transaction() as tx:
        await ingest.take_in(tx, [delivery])
    assert len(await every(watched)) == 1


async def test_deleted_it_comes_again_and_paused_it_rests(watched: World) -> None:
    """What is still sent is still heard."""
    await comes(watched, 4, 10)
    (heartbeat,) = await every(watched)
    await watched.does(heartbeats.pause, heartbeat.id)
    await watched.advance(minutes=60 * 24)
    watched.is_quiet()
    await watched.does(heartbeats.delete, heartbeat.id)
    await comes(watched, 1, 0)
    async with watched.db.read() as reader:
        found = await stored.page(reader, watched.as_(watched.alice), stored.HeartbeatFilter(), limit=10)
    assert [each.id == heartbeat.id for each in found] == [False]


async def test_a_hostile_name_is_one_line(watched: World) -> None:
    """Labels are what senders say."""
    await comes(watched, 1, 0, cluster="<b>\n\u202e" + "x" * 500)
    (heartbeat,) = await every(watched)
    assert heartbeat.name.isprintable()
    assert len(heartbeat.name) <= 120


def _times(*gaps: float) -> list[int]:
    at, times = 0, [0]
    for gap in gaps:
        at += int(gap * MINUTE)
        times.append(at)
    return times


@pytest.mark.parametrize(
    ("gaps", "period"),
    [
        ((), None),
        ((1,), None),
        ((1, 1), SHORTEST),
        ((60, 60), 60 * MINUTE),
        ((0.01, 0.01, 0.02), None),
        ((10, 0.05, 10), 10 * MINUTE),
        ((9.2, 9.9), 10 * MINUTE),
        # One outage of three days teaches nothing, an interval that was changed does.
        ((10, 10, 10, 4320, 10), 10 * MINUTE),
        ((10, 10, 10, 10, 240, 240), 240 * MINUTE),
    ],
)
def test_what_is_learned(gaps: tuple[float, ...], period: Any) -> None:
    """The longest time between two beats but one, never less than five minutes."""
    assert learned(_times(*gaps)) == period


def test_the_key_of_a_watchdog_is_nobodys() -> None:
    """Its hash is no SHA-256 in hexadecimal, so no address leads to it."""
    assert len(integrations.key_hash("x")) == 64
    assert watchdogs.SEVERITY.value == "critical"
