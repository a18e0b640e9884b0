"""What happens to an incident inside a larger act: its rows, its story, its pages, its timers and who hears of it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.escalation import Target, TargetType
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.notification import NotificationStatus
from openalert.domain.severity import Severity
from openalert.engine import escalate
from openalert.storage import incidents as stored
from openalert.storage import notifications, routes
from openalert.usecases import incidents, responders, transitions
from openalert.usecases.work import Work
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio
Act = Callable[[Work, Incident], Awaitable[Any]]


@pytest.fixture
async def paged(world: World) -> World:
    """DiskFull is about to page Alice; Bob is next in five minutes."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.post_all([(world.group(world.alert("DiskFull", severity="warning")), "A")])
    await escalate.run_due(world.db)
    world.events.clear()
    return world


async def _does(world: World, act: Act, by: Actor = SYSTEM, number: int = 1) -> Any:
    """The act in a transaction of its own; the engine is left alone."""
    incident_id = (await world.incident(number)).id
    async with world.db.transaction(by) as tx:
        work = Work(tx)
        incident = await stored.get(tx, incident_id)
        assert incident is not None
        result = await act(work, incident)
        await work.flush()
    return result


async def _acts(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """What the audit log has of the incident: act, who, and what it is after that."""
    async with world.db.read() as reader:
        rows = await reader.rows(
            "SELECT act, actor_name, after, team_id, organization_id FROM audit_log "
            "WHERE target_kind = 'incident' ORDER BY seq"
        )
    assert {(row[3], row[4]) for row in rows} <= {(world.core.id, world.cast.organization.id)}
    return [(row[0], row[1], json.loads(row[2]) if row[2] else {}) for row in rows]


async def _pages(world: World, number: int = 1) -> dict[NotificationStatus, int]:
    """How many pages of the incident stand how."""
    incident = await world.incident(number)
    async with world.db.read() as reader:
        rows = await notifications.of_incident(reader, incident.id)
    found: dict[NotificationStatus, int] = {}
    for row in rows:
        if row.kind == "page":
            found[row.status] = found.get(row.status, 0) + 1
    return found


async def _timers(world: World) -> int:
    found: int = await world.value("SELECT count(*) FROM timers WHERE kind = 'escalate'")
    return found


async def test_somebody_else_may_have_it_than_who_acts(paged: World) -> None:
    """A source says that it was acknowledged there: the story, the log and the news name that, and nobody is paged."""
    there = Actor(
        kind="integration",
        id="i",
        name="Somebody in Opsgenie",
        organization_id=paged.cast.organization.id,
        teams={},
    )

    async def act(work: Work, incident: Incident) -> bool:
        return await transitions.acknowledge(work, incident, actor=there, via="Opsgenie")

    assert await _does(paged, act)
    incident = await paged.incident()
    assert (incident.status, incident.assignee_id) == (IncidentStatus.ACKNOWLEDGED, None)
    assert paged.events == ["incident.acknowledged"]
    assert await _pages(paged) == {NotificationStatus.CANCELLED: 1}
    assert await _timers(paged) == 0
    said = (await paged.story())[-2:]
    assert said[0] == "Somebody in Opsgenie acknowledged by Opsgenie"
    assert said[1] == "1 page(s) not sent: Somebody in Opsgenie acknowledged."
    known = {"status": "acknowledged", "via": "Opsgenie"}
    assert await _acts(paged) == [("incident.acknowledged", "Somebody in Opsgenie", known)]
    story = await paged.story()
    assert not await _does(paged, act), "it is had already"
    assert (await paged.story(), len(await _acts(paged))) == (story, 1)


async def test_whoever_it_was_given_to_keeps_it(paged: World) -> None:
    """Bob acknowledges what is Alice's to do; what is nobody's becomes his. Whom he asked for help is still asked."""
    await paged.fires("SlowQueries")
    paged.mailbox(paged.alice).got("DiskFull")
    paged.mailbox(paged.alice).got("SlowQueries")
    first = await paged.incident(1)
    async with paged.db.transaction() as tx:
        await tx.execute(
            "UPDATE incidents SET assignee_id = :a WHERE id = :id", a=paged.alice.id, id=first.id
        )
    for number, whose in ((1, paged.alice), (2, paged.bob)):
        incident = await paged.incident(number)
        await paged.does(incidents.acknowledge, incident.id, by=paged.bob)
        assert (await paged.incident(number)).assignee_id == whose.id


async def test_whoever_was_asked_and_acknowledges_has_joined(paged: World) -> None:
    """By that, and the page by which somebody else was asked goes out all the same."""
    incident = await paged.incident()
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        asked = [Target(type=TargetType.USER, id=each.id) for each in (paged.bob, paged.charlie)]
        await responders.ask(tx, incident.id, targets=asked)

    async def act(work: Work, of: Incident) -> bool:
        return await transitions.acknowledge(work, of)

    assert await _does(paged, act, paged.as_(paged.bob))
    states = "SELECT state FROM incident_responders WHERE user_id = :id"
    assert await paged.value(states, id=paged.bob.id) == "joined"
    waiting = "SELECT DISTINCT user_id FROM notifications WHERE status = 'pending' AND kind = 'page'"
    async with paged.db.read() as reader:
        assert {row[0] for row in await reader.rows(waiting)} == {paged.bob.id, paged.charlie.id}
    await _does(paged, lambda work, of: transitions.close(work, [of]))
    assert NotificationStatus.PENDING not in await _pages(paged), "at the end nobody is needed any more"


async def test_what_is_over_is_over_once(paged: World) -> None:
    """Its alerts ended: nobody resolved it, its pages and steps go, and a second end says nothing."""

    async def ends(work: Work, incident: Incident) -> None:
        await transitions.resolve_with_its_alerts(work, [incident], moved=True)

    await _does(paged, ends)
    story = await paged.story()
    (entry,) = await paged.entries("resolved")
    assert (entry.actor_kind, entry.data) == ("system", {"automatic": True, "moved": True})
    assert paged.events == ["incident.resolved"]
    assert (await _timers(paged), await _pages(paged)) == (0, {NotificationStatus.CANCELLED: 1})
    await _does(paged, ends)
    assert await paged.story() == story
    assert paged.events == ["incident.resolved"]


async def test_news_of_the_end_say_how(world: World) -> None:
    """In the words of whoever ended it."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await _does(world, lambda work, of: transitions.close(work, [of], "Swept away"))
    await world.advance()
    world.mailbox(world.alice).got_update("Swept away")


async def test_each_incident_has_its_own_count_and_reason(paged: World) -> None:
    """Many in one act: those that had no page to cancel say nothing of it."""
    for name in ("SlowQueries", "NoMemory"):
        await paged.post_all([(paged.group(paged.alert(name)), "A")])
    await escalate.run_due(paged.db)
    async with paged.db.transaction() as tx:
        work = Work(tx)
        some = [await stored.get(tx, (await paged.incident(number)).id) for number in (1, 2, 3)]
        answered = [
            (each, reason) for each, reason in zip(some, ("One.", "Two.", "One."), strict=True) if each
        ]
        await transitions.cancel_pages(work, answered)
        await transitions.cancel_pages(work, answered)
        await work.flush()
    for number, reason in ((1, "One."), (2, "Two."), (3, "One.")):
        assert [each.data for each in await paged.entries("pages_cancelled", number)] == [
            {"count": 1, "reason": reason}
        ]


@pytest.mark.parametrize("by_a_person", [True, False])
async def test_what_becomes_worse_pages_again(paged: World, by_a_person: bool) -> None:
    """Whoever had it has it no more; the story says who found it worse, and what was planned before is cancelled."""
    await paged.advance()
    paged.mailbox(paged.alice).got("DiskFull")
    await paged.does(incidents.acknowledge, (await paged.incident()).id, by=paged.alice)
    paged.events.clear()
    by = paged.as_(paged.bob) if by_a_person else None

    async def rises(work: Work, incident: Incident) -> None:
        await transitions.rise(work, incident, Severity.CRITICAL, by=by)

    await _does(paged, rises)
    (entry,) = await paged.entries("severity_set" if by_a_person else "severity_raised")
    assert (entry.actor_name, entry.data["before"], entry.data["after"]) == (
        "Bob" if by_a_person else SYSTEM.name,
        "high",
        "critical",
    )
    assert len(await paged.entries("reopened")) == 1
    assert paged.events == ["incident.updated", "incident.reopened"]
    await escalate.run_due(paged.db)
    before = await paged.incident()
    assert await _pages(paged) == {NotificationStatus.SENT: 1, NotificationStatus.PENDING: 1}
    paged.events.clear()
    await _does(paged, rises)
    assert (await paged.incident()).episode == before.episode, "as bad as it is already"
    assert paged.events == []


async def test_what_nobody_has_yet_is_not_opened_again(paged: World) -> None:
    """It becomes worse before its page has left: that one is cancelled, and paging starts again."""

    async def rises(work: Work, incident: Incident) -> None:
        await transitions.rise(work, incident, Severity.CRITICAL)

    await _does(paged, rises)
    assert await paged.entries("reopened") == []
    assert await _pages(paged) == {NotificationStatus.CANCELLED: 1}
    (entry,) = await paged.entries("pages_cancelled")
    assert entry.data["reason"] == "The severity rose; paging started again."
    assert (await paged.incident()).episode == 2
    assert paged.events == ["incident.updated"]


@pytest.mark.parametrize("sleeps", [True, False])
async def test_what_sleeps_is_worse_and_sleeps_on(paged: World, sleeps: bool) -> None:
    """A snooze holds, unless its time is over and nobody has seen to that yet."""
    until = paged.clock() + HOUR
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        await incidents.snooze(tx, (await paged.incident()).id, until=until)
    paged.clock.advance(MINUTE if sleeps else 2 * HOUR)
    await _does(paged, lambda work, of: transitions.rise(work, of, Severity.CRITICAL))
    incident = await paged.incident()
    assert (incident.severity, incident.snoozed_until) == (Severity.CRITICAL, until if sleeps else None)
    assert incident.episode == (1 if sleeps else 2)


@pytest.mark.parametrize("how", ["by its own policy", "as the caller says", "to the owners"])
async def test_whom_it_pages_when_it_is_worse(paged: World, how: str) -> None:
    """Its service's policy as it is now, or the way that the caller gives; without a service the owners."""
    await paged.advance()
    paged.mailbox(paged.alice).got("DiskFull")
    other = await make.service(
        paged.db,
        paged.core,
        await make.policy(paged.db, paged.core, level(1, paged.bob), name="Other"),
        "Other",
    )

    async def rises(work: Work, incident: Incident) -> None:
        route = await routes.of_service(work.tx, other.id) if how == "as the caller says" else None
        await transitions.rise(work, incident, Severity.CRITICAL, route)

    if how == "to the owners":
        async with paged.db.transaction() as tx:
            await tx.execute(
                "UPDATE services SET deleted_at = :now WHERE id = :id", now=tx.now, id=paged.service.id
            )
    await _does(paged, rises)
    await paged.advance()
    if how == "as the caller says":
        paged.mailbox(paged.bob).got("DiskFull")
    else:
        paged.mailbox(paged.alice).got("DiskFull")
    ended = await paged.entries("escalation_ended")
    assert bool(ended) is (how == "to the owners")


@pytest.mark.parametrize("gone", [True, False])
async def test_again_it_is_whose_its_service_is(paged: World, gone: bool) -> None:
    """Its service went to another team, or nowhere: it is theirs with all that hangs on it, and pages as they say."""
    other = await make.team(paged.db, paged.cast.organization, "Other")
    policy = await make.policy(paged.db, other, level(1, paged.charlie))
    async with paged.db.transaction() as tx:
        if gone:
            await tx.execute(
                "UPDATE services SET deleted_at = :now WHERE id = :id", now=tx.now, id=paged.service.id
            )
        else:
            await tx.execute(
                "UPDATE services SET team_id = :team, escalation_policy_id = :policy WHERE id = :id",
                team=other.id,
                policy=policy.id,
                id=paged.service.id,
            )
    await _does(paged, transitions.escalate_again)
    team = paged.core.id if gone else other.id
    assert (await paged.incident()).team_id == team
    for table in ("alerts", "notifications"):
        assert await paged.value(f"SELECT team_id FROM {table} LIMIT 1") == team
    (entry,) = await paged.entries("pages_cancelled")
    assert entry.data["reason"] == "The escalation started again."
    await paged.advance()
    paged.mailbox(paged.alice if gone else paged.charlie).got("DiskFull")
