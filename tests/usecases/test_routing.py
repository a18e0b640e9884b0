"""Routing rules at work: what comes in goes where they say, waits as they say, and pages when none of them holds it."""

import hashlib
from typing import Any

import msgspec
import pytest

from openalert.domain.access import Role
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import AlertFilter
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import MINUTE
from openalert.domain.routing import MOST_RULES, RoutingRule, RuleBody
from openalert.domain.severity import Severity
from openalert.domain.trace import sentence
from openalert.storage import alert_lists, routing_counts
from openalert.usecases import routing_rules, services, silences, teams, traces
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio

LOW = {"type": "severity", "values": ["low", "info"]}


async def rule(world: World, name: str, /, **members: Any) -> RoutingRule:
    """A rule of the team, by its JSON."""
    more = {key: members.pop(key) for key in ("integration_id", "is_enabled", "position") if key in members}
    body = msgspec.convert({"actions": {}} | members, RuleBody)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        return await routing_rules.create(tx, team_id=world.cast.team.id, name=name, body=body, **more)


async def newest(world: World) -> Alert:
    """The alert that came last."""
    async with world.db.read() as reader:
        return (await alert_lists.search(reader, world.as_(world.alice), AlertFilter(), limit=1)).items[0]


async def story(world: World) -> list[str]:
    """What was decided about it, in sentences."""
    alert = await newest(world)
    async with world.db.read() as reader:
        steps = await traces.of_alert(reader, world.as_(world.alice), alert.id)
    return [sentence(step) for step in steps if step.code in {"rule", "held", "failed", "service_gone"}]


async def hits(world: World, of: RoutingRule) -> int:
    """To how many alerts it applied."""
    async with world.db.read() as reader:
        found = await routing_counts.hits(reader, [of.id], reader.now)
    return found[of.id].count if found else 0


@pytest.fixture
async def paged(world: World) -> World:
    """A world in which Alice is paged at once."""
    await world.policy(level(1, world.alice))
    return world


async def test_low_alerts_are_suppressed_until_they_are_over(paged: World) -> None:
    """They are listed and page nobody; a bad one pages as ever."""
    quiet = await rule(paged, "Quiet lows", condition=LOW, actions={"suppress": {}, "tags": ["noise"]})
    await paged.fires("Certificate expires", severity="low")
    alert = await newest(paged)
    assert (alert.status, alert.incident_id, alert.tags) == (AlertStatus.SUPPRESSED, None, ["noise"])
    assert await story(paged) == [
        "The routing rule “Quiet lows” applied: tag noise.",
        "The routing rule “Quiet lows” suppressed it.",
    ]
    await paged.advance(minutes=600)
    paged.is_quiet()
    await paged.fires("Disk full", severity="critical")
    await paged.advance()
    paged.mailbox(paged.alice).got("Disk full")
    assert await hits(paged, quiet) == 1
    assert await broken(paged.db) == []


async def test_flappers_are_held_and_page_only_if_they_stay(paged: World) -> None:
    """What ends within five minutes tells nobody, what stays pages after them, once."""
    await rule(paged, "Hold flappers", actions={"delayMinutes": 5})
    await paged.fires("Flapper")
    await paged.advance(minutes=4)
    await paged.resolves("Flapper")
    await paged.advance(minutes=30)
    paged.is_quiet()
    await paged.fires("Stays")
    await paged.advance(minutes=5)
    paged.mailbox(paged.alice).got("Stays")
    assert (await newest(paged)).status is AlertStatus.FIRING


async def test_only_the_third_within_ten_minutes_wakes_somebody(paged: World) -> None:
    """Two are kept quiet, the third pages; the count is stored, so that a restart does not begin it anew."""
    await rule(
        paged,
        "Three in ten",
        threshold={"count": 3, "minutes": 10, "by": ["title"], "side": "below"},
        actions={"suppress": {}},
    )
    for since in (0, 120):
        await paged.fires("Timeout", since)
        await paged.resolves("Timeout", since)
        await paged.advance(minutes=2)
    paged.is_quiet()
    assert await paged.value("SELECT count(*) FROM routing_counts") == 1
    await paged.fires("Timeout", 240)
    paged.mailbox(paged.alice).got("Timeout")


async def test_repeats_and_second_looks_are_not_counted(paged: World) -> None:
    """A threshold counts beginnings: what goes on firing, or is let go, brings it no nearer."""
    await rule(paged, "Two in ten", threshold={"count": 2, "minutes": 10}, actions={"severity": "critical"})
    held = await rule(paged, "Wait", actions={"delayMinutes": 1}, position=1)
    await paged.fires("Timeout", severity="high")
    await paged.fires("Timeout", severity="high")
    await paged.advance(minutes=2)
    assert (await newest(paged)).severity is not Severity.CRITICAL
    await paged.fires("Another", severity="high")
    assert (await newest(paged)).severity is Severity.CRITICAL
    assert await hits(paged, held) == 2


async def test_a_rule_routes_to_the_service_of_another_team(paged: World) -> None:
    """The alert belongs to the service it is routed to and pages by its policy, whoever's integration took it in."""
    org = paged.cast.organization
    others = await make.team(paged.db, org, "Database")
    service = await make.service(paged.db, others, None, "Postgres")
    await rule(
        paged,
        "Databases",
        condition={"type": "text", "value": "postgres"},
        actions={"serviceId": service.id},
    )
    await paged.fires("Postgres is slow")
    alert = await newest_of(paged, service.id)
    assert (alert.service_id, alert.team_id) == (service.id, others.id)
    assert alert.incident_id is not None


@pytest.mark.parametrize("whose", ["theirs", "ours"])
async def test_whether_it_waits_is_for_the_team_that_it_goes_to(paged: World, whose: str) -> None:
    """A silence of theirs holds what our rule leads to them; one of ours says nothing about it."""
    others = await make.team(paged.db, paged.cast.organization, "Database")
    service = await make.service(paged.db, others, None, "Postgres")
    await rule(paged, "Databases", actions={"serviceId": service.id})
    owner = msgspec.structs.replace(paged.as_(paged.alice), role=Role.OWNER)
    async with paged.db.transaction(owner) as tx:
        team = others if whose == "theirs" else paged.cast.team
        await silences.create(tx, team_id=team.id, ends_at=tx.now + 10 * MINUTE)
    await paged.fires("Postgres is slow")
    alert = await newest_of(paged, service.id)
    assert (alert.status is AlertStatus.SUPPRESSED) is (whose == "theirs")


async def test_no_rule_leads_into_another_organization(paged: World) -> None:
    """Its service is not ours, whatever a rule says that was written while it was: the alert stays where it came in."""
    others = await make.team(paged.db, await make.organization(paged.db, "Others"), "Theirs")
    service = await make.service(paged.db, paged.cast.team, None, "Sold")
    await rule(paged, "Send away", actions={"serviceId": service.id})
    async with paged.db.transaction() as tx:
        await tx.execute(
            "UPDATE services SET organization_id = :organization_id, team_id = :team_id WHERE id = :id",
            organization_id=others.organization_id,
            team_id=others.id,
            id=service.id,
        )
    await paged.fires("Disk full")
    paged.mailbox(paged.alice).got("Disk full")
    alert = await newest(paged)
    assert (alert.service_id, alert.team_id) == (paged.service.id, paged.cast.team.id)
    assert "The service that it was routed to is gone: it stayed where it came in." in await story(paged)


async def newest_of(world: World, service_id: str) -> Alert:
    """The alert of the service that came last."""
    async with world.db.read() as reader:
        actor = make.actor(world.alice, *[])
        found = await alert_lists.search(
            reader,
            msgspec.structs.replace(actor, role=Role.OWNER),
            AlertFilter(service_id=service_id),
            limit=1,
        )
    return found.items[0]


async def test_what_is_routed_to_a_service_that_is_gone_stays(paged: World) -> None:
    """A page is not lost because somebody deleted the service it was meant for, and the trace says so."""
    other = await make.service(paged.db, paged.cast.team, None, "Old")
    await rule(paged, "Send away", actions={"serviceId": other.id})
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        await services.delete(tx, other.id)
    await paged.fires("Disk full")
    await paged.advance()
    paged.mailbox(paged.alice).got("Disk full")
    assert "The service that it was routed to is gone: it stayed where it came in." in await story(paged)


async def test_what_is_dropped_is_kept_as_a_message_with_the_reason(paged: World) -> None:
    """There is no alert of it, and whoever looks for it finds the message and the rule."""
    await rule(paged, "Log only", condition=LOW, actions={"drop": True})
    outcome = await paged.fires("Noise", severity="info")
    assert await paged.value("SELECT count(*) FROM alerts") == 0
    assert outcome.payload_id is not None
    reason = await paged.value("SELECT reason FROM payloads")
    assert reason == "The routing rule “Log only” drops it."


async def test_grouping_by_fields_makes_one_incident_of_what_is_equal_in_them(paged: World) -> None:
    """Alerts of different groups of their source join one incident when the rule says so."""
    await rule(paged, "By severity", actions={"groupBy": ["severity"]})
    await paged.fires("One", severity="high")
    await paged.fires("Two", severity="high")
    await paged.fires("Three", severity="critical")
    assert await paged.value("SELECT count(*) FROM incidents") == 2


async def test_a_rule_of_an_integration_leaves_the_others_alone(paged: World) -> None:
    """Only what comes in by it is touched."""
    _, other = paged.service, await make.integration(paged.db, paged.service, key="another")
    await rule(paged, "Of another", integration_id=other.id, actions={"drop": True})
    await paged.fires("Disk full")
    assert (await newest(paged)).title == "Disk full"


async def test_a_rule_that_is_changed_lets_go_what_it_holds_no_more(paged: World) -> None:
    """Whoever finds that a rule hides too much mends it, and what still fires pages at once."""
    quiet = await rule(paged, "Too much", actions={"suppress": {}})
    await paged.fires("Disk full", severity="critical")
    await paged.fires("Noise", severity="low")
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        narrower = msgspec.convert({"condition": LOW, "actions": {"suppress": {}}}, RuleBody)
        await routing_rules.update(tx, quiet.id, body=narrower)
    await paged.advance()
    paged.mailbox(paged.alice).got("Disk full")
    assert (await newest(paged)).status is AlertStatus.SUPPRESSED
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        await routing_rules.delete(tx, quiet.id)
    await paged.advance()
    paged.mailbox(paged.alice).got("Noise")
    assert await broken(paged.db) == []


async def test_a_new_rule_counts_from_the_next_message_on(paged: World) -> None:
    """What was compiled before is not used again, however quickly the next message comes."""
    first = await rule(paged, "Tag one", actions={"tags": ["one"]})
    await paged.fires("A")
    await rule(paged, "Tag two", actions={"tags": ["two"]})
    await paged.fires("B")
    assert (await newest(paged)).tags == ["one", "two"]
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        await routing_rules.update(tx, first.id, is_enabled=False)
    await paged.fires("C")
    assert (await newest(paged)).tags == ["two"]


async def test_the_order_is_what_people_say(world: World) -> None:
    """A rule can be put anywhere, moved by one, and the whole list at once; every rule must be named."""
    a, b, c = [await rule(world, name) for name in "ABC"]
    d = await rule(world, "D", position=1)
    actor = world.as_(world.alice)

    async def order() -> str:
        async with world.db.read() as reader:
            found = await routing_rules.page(reader, actor, limit=10)
        assert [each.position for each in found] == list(range(1, len(found) + 1))
        return "".join(each.name for each in found)

    assert await order() == "DABC"
    async with world.db.transaction(actor) as tx:
        await routing_rules.reorder(tx, team_id=world.cast.team.id, rule_ids=[c.id, b.id, a.id, d.id])
    assert await order() == "CBAD"
    async with world.db.transaction(actor) as tx:
        await routing_rules.step(tx, d.id, -2)
        await routing_rules.step(tx, c.id, -1)
    assert await order() == "CDBA"
    async with world.db.transaction(actor) as tx:
        await routing_rules.delete(tx, d.id)
    assert await order() == "CBA"
    for wrong in ([a.id], [a.id, b.id, b.id], [a.id, b.id, c.id, d.id]):
        with pytest.raises(Invalid, match="each of the 3"):
            async with world.db.transaction(actor) as tx:
                await routing_rules.reorder(tx, team_id=world.cast.team.id, rule_ids=wrong)


async def test_pages_of_the_list_follow_the_order(world: World) -> None:
    """Rules of an integration come before those of their team, page by page."""
    await world.without_policy()
    integration = await make.integration(world.db, world.service, key="own")
    for name in "ABC":
        await rule(world, name)
    await rule(world, "I", integration_id=integration.id)
    seen, after = "", ""
    async with world.db.read() as reader:
        while found := await routing_rules.page(reader, world.as_(world.alice), after=after, limit=2):
            seen, after = seen + "".join(each.name for each in found), found[-1].id
    assert seen == "IABC"


async def test_who_may_do_what(world: World) -> None:
    """Members read the rules of their team and change none; to others there are none; hidden things cannot be named."""
    mine = await rule(world, "Mine", actions={"tags": ["x"]})
    bob, charlie = make.actor(world.bob, world.cast.team, team_role=Role.MEMBER), make.actor(world.charlie)
    async with world.db.read() as reader:
        assert (await routing_rules.get(reader, bob, mine.id)).name == "Mine"
        with pytest.raises(NotFound):
            await routing_rules.get(reader, charlie, mine.id)
        assert await routing_rules.page(reader, charlie, limit=10) == []
    for actor, refusal in ((bob, Forbidden), (charlie, NotFound)):
        with pytest.raises(refusal):
            async with world.db.transaction(actor) as tx:
                await routing_rules.delete(tx, mine.id)
    hidden = await make.service(world.db, await make.team(world.db, world.cast.organization, "Other"))
    alice = make.actor(world.bob, world.cast.team)
    body = msgspec.convert({"actions": {"serviceId": hidden.id}}, RuleBody)
    with pytest.raises(Invalid, match="there is no service"):
        async with world.db.transaction(alice) as tx:
            await routing_rules.create(tx, team_id=world.cast.team.id, name="Foreign", body=body)


async def test_there_are_at_most_so_many(world: World) -> None:
    """Nobody can make ingestion slow by rules without end."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        body = msgspec.convert({"actions": {}}, RuleBody)
        for number in range(MOST_RULES):
            await routing_rules.create(tx, team_id=world.cast.team.id, name=f"{number}", body=body)
    with pytest.raises(Conflict, match="at most 200"):
        await rule(world, "One more")


async def test_rules_go_with_their_service_and_end_with_their_team(world: World) -> None:
    """An integration's rules follow its service to another team; a team that is deleted leaves none behind."""
    await world.without_policy()
    integration = await make.integration(world.db, world.service, key="own")
    await rule(world, "Own", integration_id=integration.id, actions={"tags": ["own"]})
    await rule(world, "Of the team", actions={"tags": ["team"]})
    other = await make.team(world.db, world.cast.organization, "Other")
    owner = world.as_(world.alice)
    async with world.db.transaction(owner) as tx:
        await services.update(tx, world.service.id, team_id=other.id, escalation_policy_id=None)
    assert await world.value("SELECT team_id FROM routing_rules WHERE name = 'Own'") == other.id
    async with world.db.transaction(owner) as tx:
        await services.delete(tx, world.service.id)
        await teams.delete(tx, other.id)
    assert await world.value("SELECT count(*) FROM routing_rules") == 1


async def test_what_thresholds_remember_is_stored_by_hash(world: World) -> None:
    """Keys are texts of sources of any length: what is stored of one is its SHA-256."""
    await world.without_policy()
    kept = await rule(world, "Two", threshold={"count": 2, "minutes": 10, "by": ["title"]})
    await world.fires("Disk")
    digest = hashlib.sha256(b"title=Disk").hexdigest()
    assert await world.value("SELECT key_hash FROM routing_counts") == digest
    async with world.db.transaction() as tx:
        assert await routing_counts.times(tx, [(kept.id, "title=Disk"), (kept.id, "title=x")]) == {
            (kept.id, "title=Disk"): [world.clock.now]
        }
        await routing_counts.forget(tx, hits_before=0, counts_before=tx.now + MINUTE)
    assert await world.value("SELECT count(*) FROM routing_counts") == 0


async def test_the_same_alert_twice_in_a_batch_is_counted_once(paged: World) -> None:
    """A retry, or the second of two Alertmanagers, is no second alert for a threshold; a new beginning is."""
    few = await rule(
        paged,
        "Few",
        threshold={"count": 3, "minutes": 10, "side": "below"},
        actions={"suppress": {}},
    )
    twice = (paged.group(paged.alert("Disk")), "A")
    await paged.post_all([twice, twice])
    assert await hits(paged, few) == 1
    over, again = paged.alert("Disk", "resolved"), paged.alert("Disk", since=60)
    await paged.post_all([(paged.group(over, again), "A"), (paged.group(again), "A")])
    assert await hits(paged, few) == 2
    paged.is_quiet()
    await paged.fires("Other")
    paged.mailbox(paged.alice).got("Other")
