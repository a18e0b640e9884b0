"""Dry runs: what a draft would have made of alerts that really came, said as far as it can be known."""

from typing import Any

import msgspec
import pytest

from openalert.domain.alert_filter import AlertFilter
from openalert.domain.backtest import Backtest
from openalert.domain.errors import Forbidden, Invalid, NotFound, Unavailable
from openalert.domain.instant import DAY
from openalert.domain.routing import RuleBody
from openalert.storage import alert_lists
from openalert.usecases import dry_runs, incidents, routing_rules
from openalert.usecases.dry_runs import DryRuns
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

LOW = {"type": "severity", "values": ["low", "info"]}
MUCH = 60.0


async def dry_run(world: World, rule_id: str | None = None, **members: Any) -> Backtest:
    """The result for a draft by its JSON, for a saved rule, or for the list as it is."""
    body = msgspec.convert({"actions": {}} | members, RuleBody) if members else None
    async with world.db.read() as reader:
        of = await dry_runs.draft(
            reader, world.as_(world.alice), team_id=world.cast.team.id, body=body, rule_id=rule_id
        )
    run = await DryRuns().begin(world.db, of, patience=MUCH)
    assert run.result is not None
    assert run.done == run.total == run.result.alerts
    return run.result


def numbers(result: Backtest) -> tuple[int, int, int, int]:
    """Pages and incidents, before and after."""
    return result.pages, result.pages_left, result.incidents, result.incidents_left


@pytest.fixture
async def past(world: World) -> World:
    """A bad incident, and three of little weight: one of them somebody acted on, one ended within a minute."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk full", severity="critical")
    for minute, name in enumerate(["Certificate", "Cache", "Flapper"], start=1):
        await world.advance(minutes=1)
        await world.fires(name, minute * 60, severity="low")
    await world.does(incidents.acknowledge, (await world.incident(3)).id)
    await world.advance(minutes=1)
    await world.resolves("Flapper", 180, severity="low")
    await world.advance(minutes=60)
    return world


async def test_it_says_which_pages_would_have_been_saved_and_what_it_would_have_cost(past: World) -> None:
    """Pages of incidents that would not have begun are saved; what people acted on would have been hidden."""
    result = await dry_run(past, condition=LOW, actions={"suppress": {}})
    assert (result.alerts, result.matched) == (4, 3)
    assert numbers(result) == (4, 1, 4, 1)
    assert [(each.incident.number, each.rules) for each in result.hidden] == [(3, ("Draft",))]
    assert [each.incident.number for each in result.saved] == [4, 2]
    assert await past.value("SELECT count(*) FROM routing_rules") == 0


async def test_a_delay_saves_only_what_ended_within_it(past: World) -> None:
    """What went on firing would have paged all the same, later."""
    result = await dry_run(past, condition=LOW, actions={"delayMinutes": 5})
    assert numbers(result) == (4, 3, 4, 3)
    assert [each.incident.title for each in result.saved] == ["Flapper"]
    assert (result.hidden_count, result.later) == (0, 2)


async def test_thresholds_count_through_the_past(past: World) -> None:
    """“Only from the second within ten minutes on” is known exactly, as every alert is there in its order."""
    threshold = {"count": 2, "minutes": 10, "side": "below"}
    result = await dry_run(past, condition=LOW, threshold=threshold, actions={"suppress": {}})
    assert [each.incident.title for each in result.saved] == ["Certificate"]
    assert numbers(result) == (4, 3, 4, 3)


async def test_grouping_makes_one_incident_of_several(past: World) -> None:
    """Those that would have joined another are neither saved nor hidden: their alerts were in view."""
    result = await dry_run(past, condition=LOW, actions={"groupBy": ["severity"]})
    assert (result.joined, result.incidents_left, result.pages_left) == (2, 2, 2)
    assert (result.hidden_count, result.saved_count) == (0, 0)


async def test_what_cannot_be_known_is_counted_and_not_guessed(past: World) -> None:
    """An alert that is routed elsewhere or rated otherwise keeps its pages, and is said to be uncertain."""
    other = await make.service(past.db, past.cast.team, None, "Other")
    result = await dry_run(past, condition=LOW, actions={"serviceId": other.id, "severity": "info"})
    assert numbers(result) == (4, 4, 4, 4)
    assert (result.routed, result.rated) == (3, 3)


async def test_an_incident_with_alerts_from_elsewhere_is_left_alone(past: World) -> None:
    """Of alerts of other teams in the same incident nobody knows what these rules would have left."""
    async with past.db.transaction() as tx:
        await tx.execute("UPDATE incidents SET alert_count = alert_count + 1 WHERE number = 2")
    result = await dry_run(past, condition=LOW, actions={"drop": True})
    assert [each.incident.number for each in result.hidden + result.saved] == [3, 4]


async def test_a_saved_rule_and_the_whole_list_can_be_run_again(past: World) -> None:
    """What a rule has hidden since it is there is asked again: alerts that were held and would page are counted."""
    body = msgspec.convert({"condition": LOW, "actions": {"suppress": {}}}, RuleBody)
    quiet = await past.does(routing_rules.create, team_id=past.cast.team.id, name="Quiet", body=body)
    await past.fires("Later", 9999, severity="low")
    result = await dry_run(past)
    assert (result.matched, result.alerts, numbers(result)) == (0, 5, (4, 1, 4, 1))
    assert (await dry_run(past, rule_id=quiet.id)).matched == 4
    narrower = await dry_run(past, rule_id=quiet.id, condition={"type": "text", "value": "flapper"})
    assert (narrower.matched, narrower.more, numbers(narrower)) == (1, 1, (4, 4, 4, 4))


async def test_only_thirty_days_and_only_the_team_are_looked_at(past: World) -> None:
    """Older alerts, and those of other teams, are none of its business."""
    past.clock.now += 31 * DAY
    assert (await dry_run(past, actions={"drop": True})).alerts == 0
    other = await make.team(past.db, past.cast.organization, "Other")
    service = await make.service(past.db, other, None, "Theirs")
    await make.integration(past.db, service, key="C")
    await past.posts(past.group(past.alert("Theirs")), key="C")
    assert (await dry_run(past, actions={"drop": True})).alerts == 0


async def test_there_is_a_bound_and_it_is_said(past: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many alerts the newest are looked at, some at a time, and how far back that goes is told."""
    monkeypatch.setattr(dry_runs, "MOST_ALERTS", 2)
    monkeypatch.setattr(dry_runs, "PER_READ", 1)
    async with past.db.read() as reader:
        of = await dry_runs.draft(reader, past.as_(past.alice), team_id=past.cast.team.id)
    run = await DryRuns().begin(past.db, of, patience=MUCH)
    assert (run.total, run.done, run.is_short) == (2, 2, True)
    assert run.since > past.clock.start


async def test_few_run_at_once(past: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks too often is told to wait, and what is under way is over before long."""
    monkeypatch.setattr(dry_runs, "MOST_AT_ONCE", 1)
    runs = DryRuns()
    async with past.db.read() as reader:
        of = await dry_runs.draft(reader, past.as_(past.alice), team_id=past.cast.team.id)
    first = await runs.begin(past.db, of, patience=0)
    assert not first.is_over
    with pytest.raises(Unavailable):
        await runs.begin(past.db, of, patience=0)
    while not first.is_over:
        await runs.wait(first.id)
    assert runs.get(past.as_(past.alice), first.id).result is not None
    with pytest.raises(NotFound):
        runs.get(past.as_(past.charlie), first.id)
    with pytest.raises(Forbidden):
        runs.get(past.as_(past.bob), first.id)


async def test_a_draft_is_tried_on_a_stored_alert(past: World) -> None:
    """The alert is asked about as it came in, with every condition and whether it held."""
    async with past.db.read() as reader:
        actor = past.as_(past.alice)
        [newest] = (await alert_lists.search(reader, actor, AlertFilter(text="Cache"), limit=1)).items
        body = msgspec.convert({"condition": LOW, "actions": {"delayMinutes": 5}}, RuleBody)
        of = await dry_runs.draft(reader, actor, team_id=past.cast.team.id, body=body)
        subject = await dry_runs.subject_of(reader, actor, newest.id, of.team_id)
        tried = dry_runs.tried(of, subject)
        assert [(each.words, each.holds) for each in tried.reasons] == [("severity is low or info", True)]
        assert [wait.rule_name for wait in tried.decision.waiting] == ["Draft"]
        with pytest.raises(Invalid):
            await dry_runs.draft(reader, actor, team_id="unknown")
        with pytest.raises(NotFound):
            await dry_runs.subject_of(reader, past.as_(past.charlie), newest.id, of.team_id)
