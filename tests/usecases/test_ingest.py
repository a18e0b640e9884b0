"""Taking in messages: order, duplicates, batches, quarantine."""

import itertools
import json
from collections.abc import Sequence
from contextlib import suppress

import pytest

from openalert.domain.alert_filter import AlertFilter
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.incident import Incident
from openalert.domain.instant import DAY, HOUR, rfc3339
from openalert.storage import alert_lists, incidents
from openalert.storage.routes import Route
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery, Outcome
from openalert.usecases.incidents import resolve
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def _state(world: World) -> tuple[int, int, int, int]:
    """Occurrences, those firing, open incidents, incidents."""
    return (
        await world.value("SELECT count(*) FROM alerts"),
        await world.value("SELECT count(*) FROM alerts WHERE status = 'firing'"),
        await world.value("SELECT count(*) FROM incidents WHERE status <> 'resolved'"),
        await world.value("SELECT count(*) FROM incidents"),
    )


async def _fails(world: World, delivery: Delivery) -> None:
    """Take the message in, inside a transaction that is not committed."""
    with suppress(RuntimeError):
        async with world.db.transaction() as tx:
            await ingest.take_in(tx, [delivery])
            raise RuntimeError("the disk is gone")


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
async def test_every_order_of_two_occurrences_that_ended_ends_resolved(
    world: World, order: tuple[int, ...]
) -> None:
    """Fires, resolves, fires again, resolves: whatever overtakes what, nothing is left firing or open."""
    await world.policy(level(1, world.alice))
    messages = [
        world.group(world.alert("Disk", kind, since)) for since in (0, 60) for kind in ("firing", "resolved")
    ]
    for position in order:
        await world.posts(messages[position])
    _, firing, still_open, _ = await _state(world)
    assert (firing, still_open) == (0, 0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_every_order_of_two_occurrences_ends_firing(world: World, order: tuple[int, ...]) -> None:
    """Fires, resolves, fires again later: in whatever order the messages arrive, it is firing in the end."""
    await world.policy(level(1, world.alice))
    messages = [
        world.group(world.alert("Disk", "firing", since=0)),
        world.group(world.alert("Disk", "resolved", since=0)),
        world.group(world.alert("Disk", "firing", since=60)),
    ]
    for position in order:
        await world.posts(messages[position])
    _, firing, still_open, _ = await _state(world)
    assert (firing, still_open) == (1, 1)


async def test_a_resolve_that_overtakes_its_firing_pages_nobody(world: World) -> None:
    """The end arrives before the beginning of the same occurrence: it stays resolved and nobody is woken."""
    await world.policy(level(1, world.alice))
    await world.resolves("Disk")
    await world.fires("Disk")
    assert await _state(world) == (1, 0, 0, 0)
    world.is_quiet()


@pytest.mark.parametrize("came", ["its beginning too", "its end alone"])
@pytest.mark.parametrize(("by", "believed"), [(-1, True), (0, True), (1, False), (DAY, False)])
async def test_an_end_that_is_to_come_is_now(world: World, came: str, by: int, believed: bool) -> None:
    """A sender whose clock is ahead cannot end anything later than it says so."""
    await world.policy(level(1, world.alice))
    if came == "its beginning too":
        await world.fires("Disk")
    world.clock.advance(HOUR)
    delivery = world.delivery(world.group(world.alert("Disk", "resolved")), "A", "v1")
    assert delivery.reading is not None
    (signal,) = delivery.reading.signals
    signal.ends_at = world.clock() + by
    async with world.db.transaction() as tx:
        await ingest.take_in(tx, [delivery])
    ended = await world.value("SELECT resolved_at FROM alerts")
    assert ended == (world.clock() + by if believed else world.clock())


async def test_without_times_a_firing_after_a_resolve_pages(world: World) -> None:
    """A source that says no times cannot be put in order: in doubt somebody is paged."""
    await world.policy(level(1, world.alice))
    for state in ("alerting", "ok", "alerting"):
        await world.posts({"title": "Door open", "state": state, "alert_uid": "door"})
    assert await _state(world) == (2, 1, 1, 2)


async def test_what_a_person_resolved_opens_again_while_its_source_reports_it(world: World) -> None:
    """Alice resolves by mistake; the next repeat of the still firing alert opens a new incident."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    await world.does(resolve, (await world.incident(1)).id)
    await world.fires("Disk")
    assert (await world.incident(2)).status == "triggered"


async def test_one_batch_of_many_messages_equals_the_messages_one_by_one(world: World) -> None:
    """Firing, repeat, resolve and firing again in one transaction: one closed incident and one open one."""
    await world.policy(level(1, world.alice))
    bodies = [
        (world.group(world.alert("Disk", "firing", 0)), "A"),
        (world.group(world.alert("Disk", "firing", 0)), "A"),
        (world.group(world.alert("Disk", "resolved", 0)), "A"),
        (world.group(world.alert("Disk", "firing", 90)), "A"),
        (world.group(world.alert("Other", "firing", 0)), "B"),
    ]
    outcomes = await world.post_all(bodies)
    assert [outcome.deduplicated for outcome in outcomes] == [0, 1, 0, 0, 0]
    assert [[number for _, number in outcome.incidents] for outcome in outcomes] == [[1], [1], [1], [2], [3]]
    assert await _state(world) == (3, 2, 2, 3)
    await world.engine.run_until_idle()
    pages = sorted(message.incident.number for message in world.email.received if message.incident)
    assert pages == [2, 3]


async def test_a_message_that_resolves_one_and_fires_another_keeps_its_incident(world: World) -> None:
    """Within a message the end of the last firing alert does not close the incident that the next one joins."""
    await world.policy(level(1, world.alice))
    await world.posts(world.group(world.alert("Disk", host="a")))
    await world.posts(world.group(world.alert("Disk", "resolved", host="a"), world.alert("Disk", host="b")))
    assert await _state(world) == (2, 1, 1, 1)


async def test_fifty_alerts_are_one_incident_with_a_short_story(world: World) -> None:
    """A storm of one group is one incident, one page, and a timeline that people can read."""
    await world.policy(level(1, world.alice))
    outcome = await world.posts(world.group(*(world.alert("Disk", host=f"h{n}") for n in range(50))))
    assert (outcome.processed, len(outcome.incidents)) == (50, 1)
    incident = await world.incident()
    assert (incident.alert_count, incident.firing_count) == (50, 50)
    world.mailbox(world.alice).got("Disk")
    world.is_quiet()
    assert len(await world.story()) < 6


async def test_a_broken_body_is_kept_once_and_counted(world: World) -> None:
    """The same unreadable body three times is one row in quarantine, seen three times."""
    await world.policy(level(1, world.alice))
    for _ in range(3):
        outcome = (await world.post_all([(b'{"alerts": [', "A")]))[0]
        assert isinstance(outcome.error, Invalid)
    assert await world.value("SELECT count(*) FROM payloads WHERE outcome = 'quarantined'") == 1
    assert await world.value("SELECT seen_count FROM payloads") == 3
    assert await world.value("SELECT body FROM payloads") == '{"alerts": ['


async def test_bytes_that_are_no_text_are_kept_as_they_came(world: World) -> None:
    """A body with broken UTF-8 and NUL is quarantined in a form that Postgres takes too."""
    await world.policy(level(1, world.alice))
    await world.post_all([(b"\xff\x00{", "A")])
    assert await world.value("SELECT body_encoding FROM payloads") == "base64"


async def test_an_unknown_key_in_a_batch_does_not_hurt_the_others(world: World) -> None:
    """One stranger among good messages is refused alone."""
    await world.policy(level(1, world.alice))
    outcomes = await world.post_all(
        [(world.group(world.alert("Disk")), "no such key"), (world.group(world.alert("Disk")), "A")]
    )
    assert isinstance(outcomes[0].error, NotFound)
    assert outcomes[1].error is None


async def test_a_switched_off_integration_takes_nothing(world: World) -> None:
    """A disabled key answers like an unknown one."""
    await world.policy(level(1, world.alice))
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = :no", no=False)
    outcome = (await world.post_all([(world.group(world.alert("Disk")), "A")]))[0]
    assert isinstance(outcome.error, NotFound)
    assert await _state(world) == (0, 0, 0, 0)


async def test_what_was_read_by_older_settings_changes_nothing(world: World) -> None:
    """Its integration was changed after the message was read: it is to be read again, and nothing is done with it."""
    await world.policy(level(1, world.alice))
    done: list[Outcome] = []

    async def then(_: Transaction, route: Route, outcome: Outcome) -> None:
        done.append(outcome)

    delivery = world.delivery(world.group(world.alert("DiskFull")), "A", "v1")
    delivery.then, delivery.as_of = then, ("what it was", None)
    async with world.db.transaction() as tx:
        (outcome,) = await ingest.take_in(tx, [delivery])
    assert (outcome.is_stale, outcome.processed, done) == (True, 0, [])
    assert await world.value("SELECT count(*) FROM alerts") == 0
    assert await world.value("SELECT count(*) FROM payloads") == 0
    delivery.as_of = None
    async with world.db.transaction() as tx:
        (outcome,) = await ingest.take_in(tx, [delivery])
    assert (outcome.is_stale, outcome.processed, done) == (False, 1, [outcome])


async def test_a_repeat_counts_and_takes_over_new_texts_without_a_page(world: World) -> None:
    """Same identity while firing: the count rises, a changed summary is kept, nobody is paged again."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    world.mailbox(world.alice).got("Disk")
    changed = world.alert("Disk")
    changed["annotations"] = {"summary": "Disk at 97 %"}
    await world.posts(world.group(changed))
    async with world.db.read() as reader:
        found = (await alert_lists.search(reader, world.as_(world.alice), AlertFilter(), limit=10)).items[0]
    assert (found.count, found.title) == (2, "Disk at 97 %")
    world.is_quiet()


async def test_each_repeat_in_a_batch_counts(world: World) -> None:
    """Three alerts are repeated one, two and five times in messages taken in together: each has its own count."""
    await world.policy(level(1, world.alice))
    times = {"Disk": 1, "Load": 2, "Heat": 5}
    for name in times:
        await world.fires(name)
    again = [name for name, count in times.items() for _ in range(count)]
    await world.post_all([(world.group(world.alert(name)), "A") for name in again])
    async with world.db.read() as reader:
        found = (await alert_lists.search(reader, world.as_(world.alice), AlertFilter(), limit=10)).items
    assert {alert.labels["alertname"]: alert.count - 1 for alert in found} == times


async def test_a_mere_repeat_names_its_incident_and_reads_no_more_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an incident that is not changed the number is enough; one that is over is not named."""
    await world.policy(level(1, world.alice))
    for name in ("Disk", "Load"):
        await world.fires(name)
    read, get_many = [], incidents.get_many

    async def noted(reader: Reader, ids: Sequence[str]) -> dict[str, Incident]:
        read.extend(ids)
        return await get_many(reader, ids)

    monkeypatch.setattr(incidents, "get_many", noted)
    again = [(world.group(world.alert(name)), "A") for name in ("Disk", "Load", "Disk")]
    outcomes = await world.post_all(again)
    assert [[number for _, number in outcome.incidents] for outcome in outcomes] == [[1], [2], [1]]
    assert read == []
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE incidents SET status = 'resolved', open_key = NULL WHERE number = 1")
    outcomes = await world.post_all(again)
    assert [[number for _, number in outcome.incidents] for outcome in outcomes] == [[], [2], []]


async def test_a_lone_repeat_that_is_worse_raises_its_incident(world: World) -> None:
    """The same alert, alone in its message and batch, has become critical: so has its incident, once."""
    await world.policy(level(1, world.alice))
    disk = world.alert("Disk", severity="low") | {"fingerprint": "00000000000000aa"}
    worse = disk | {"labels": disk["labels"] | {"severity": "critical"}}
    await world.posts(world.group(disk))
    for _ in range(2):
        await world.posts(world.group(worse))
        incident = await world.incident()
        assert (incident.severity, incident.alert_count) == ("critical", 1)
    assert len(await world.entries("severity_raised")) == 1


async def test_repeats_beside_what_changes_their_incident(world: World) -> None:
    """One batch: others of the incident are repeated, one becomes worse, one joins and one ends."""
    await world.policy(level(1, world.alice))
    hosts = {name: world.alert("Disk", host=name, severity="low") for name in ("a", "b", "c")}
    for number, alert in enumerate(hosts.values()):
        alert["fingerprint"] = f"{number:016x}"
    await world.posts(world.group(*hosts.values()))
    worse = hosts["b"] | {"labels": hosts["b"]["labels"] | {"severity": "critical"}}
    over = hosts["c"] | {"status": "resolved", "endsAt": rfc3339(world.clock())}
    outcomes = await world.post_all(
        [
            (world.group(hosts["a"]), "A"),
            (world.group(worse), "A"),
            (world.group(hosts["a"], over, world.alert("Disk", host="d")), "A"),
            (world.group(hosts["a"]), "A"),
        ]
    )
    assert [[number for _, number in outcome.incidents] for outcome in outcomes] == [[1]] * 4
    assert [outcome.deduplicated for outcome in outcomes] == [1, 1, 1, 1]
    incident = await world.incident()
    assert (incident.status, incident.severity) == ("triggered", "critical")
    assert (incident.alert_count, incident.firing_count) == (4, 3)
    await world.post_all([(world.group(hosts["a"]), "A"), (world.group(worse | {"status": "resolved"}), "A")])
    assert (await world.incident()).firing_count == 2


async def test_numbers_have_no_gap_also_when_a_batch_fails(world: World) -> None:
    """A transaction that is rolled back gives its incident numbers back."""
    await world.policy(level(1, world.alice))
    delivery = world.delivery(world.group(world.alert("Disk")), "A", "v1")
    await _fails(world, delivery)
    assert await _state(world) == (0, 0, 0, 0)
    await world.posts(world.group(world.alert("Disk")))
    assert (await world.incident()).number == 1


async def test_events_leave_only_after_the_commit_and_name_what_happened(world: World) -> None:
    """Listeners hear of the alert and the incident; of a rolled back batch they hear nothing."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("Disk")), "A")])
    assert world.events == ["alert.created", "incident.created"]
    world.events.clear()
    await _fails(world, world.delivery(world.group(world.alert("Other")), "A", "v1"))
    assert world.events == []


async def test_strangers_see_neither_incidents_nor_alerts(world: World) -> None:
    """Charlie of the same organization is in no team: lists are empty."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    async with world.db.read() as reader:
        nobody = world.as_(world.charlie)
        assert await incidents.search(reader, nobody, incidents.IncidentFilter(), limit=10) == []
        assert (await alert_lists.search(reader, nobody, AlertFilter(), limit=10)).items == []
        assert (
            len(await incidents.search(reader, world.as_(world.bob), incidents.IncidentFilter(), limit=10))
            == 1
        )


async def test_hostile_texts_are_stored_and_read_back(world: World) -> None:
    """Quotes, NUL, emoji, LIKE signs and half a surrogate pair survive both databases."""
    await world.policy(level(1, world.alice))
    evil = "'; DROP TABLE alerts; -- %_\\ \u0000 \U0001f4a5 <script>"
    body = world.group(world.alert(evil, note="\\ud800"))
    body_text = json.dumps(body).encode()
    outcome = (await world.post_all([(body_text, "A")]))[0]
    assert outcome.error is None
    async with world.db.read() as reader:
        found = (
            await alert_lists.search(reader, world.as_(world.alice), AlertFilter(text="%_"), limit=10)
        ).items[0]
    assert "<script>" in found.title
    assert "\x00" not in found.title


async def test_an_end_and_a_new_beginning_in_one_batch_are_two_incidents(world: World) -> None:
    """The incident that ends in a batch makes room for the next one of its group in the same batch."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.post_all(
        [
            (world.group(world.alert("DiskFull", "resolved")), "A"),
            (world.group(world.alert("DiskFull", since=60)), "A"),
        ]
    )
    assert (await world.incident(1)).status == "resolved"
    assert (await world.incident(2)).status == "triggered"


async def test_an_alert_that_moves_to_another_open_group_joins_its_incident(world: World) -> None:
    """Its end and its new beginning come in one batch, the beginning in a group that has an open incident."""
    await world.policy(level(1, world.alice))
    moving, staying = world.alert("DiskFull", host="a"), world.alert("HighLoad")
    await world.posts(world.group(moving))
    await world.posts(world.group(staying))
    ended, again = world.alert("DiskFull", "resolved", host="a"), world.alert("DiskFull", since=60, host="a")
    await world.post_all([(world.group(ended), "A"), (world.group(staying) | {"alerts": [again]}, "A")])
    assert (await world.incident(1)).status == "resolved"
    assert (await world.incident(2)).firing_count == 2


async def test_two_organizations_that_call_a_service_the_same_each_mean_their_own(world: World) -> None:
    """In one batch: `?service=shop` leads the messages of each to its own shop."""
    await world.policy(level(1, world.alice))
    others = await make.team(world.db, await make.organization(world.db), "Others")
    await make.integration(world.db, await make.service(world.db, others, None, "Theirs"), "C")
    shops = {each.id: await make.service(world.db, each, None, "Shop") for each in (world.core, others)}
    deliveries = [world.delivery(world.group(world.alert(key)), key, "v1") for key in ("A", "C")]
    for delivery in deliveries:
        delivery.service = "shop"
    async with world.db.transaction() as tx:
        await ingest.take_in(tx, deliveries)
    async with world.db.read() as reader:
        rows = await reader.rows("SELECT title, team_id, service_id FROM incidents")
    assert {tuple(row) for row in rows} == {
        ("A", world.core.id, shops[world.core.id].id),
        ("C", others.id, shops[others.id].id),
    }
