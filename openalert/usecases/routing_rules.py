"""Routing rules: what a team decides about its alerts before they page, in an order that people choose."""

from collections.abc import Collection, Iterator, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.audit import Subject
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.routing import (
    MOST_RULES,
    AllOf,
    AnyOf,
    CameBy,
    Condition,
    Not,
    OfService,
    RoutingRule,
    RuleBody,
)
from openalert.domain.routing_check import check_body
from openalert.domain.routing_words import Names, sentence
from openalert.domain.team import Team, check_name
from openalert.storage import holds, integrations, routing_rules, services, teams
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, require, unknown


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[RoutingRule]:
    """The next rules in view, in order."""
    return await routing_rules.page(reader, actor, team_id=team_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, rule_id: str) -> RoutingRule:
    """One rule."""
    return found(await routing_rules.get(reader, actor, rule_id), "routing rule")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    body: RuleBody,
    integration_id: str | None = None,
    is_enabled: bool = True,
    position: int | None = None,
) -> RoutingRule:
    """A new rule at this place of its list, or at its end."""
    rule = await drafted(tx, tx.actor, team_id=team_id, name=name, body=body, integration_id=integration_id)
    every = await routing_rules.of_team(tx, rule.team_id)
    if len(every) >= MOST_RULES:
        raise Conflict(f"A team can have at most {MOST_RULES} routing rules.")
    rule.is_enabled = is_enabled
    ids = [each.id for each in every if each.integration_id == rule.integration_id]
    place = len(ids) if position is None else min(max(position - 1, 0), len(ids))
    rule.position = place + 1
    await routing_rules.insert(tx, rule)
    if place < len(ids):
        await routing_rules.place(tx, [*ids[:place], rule.id, *ids[place:]])
    await holds.changed(tx, rule.team_id)
    await _record(tx, "created", None, rule)
    return rule


async def drafted(
    reader: Reader,
    actor: Actor,
    *,
    team_id: str,
    name: str,
    body: RuleBody,
    integration_id: str | None = None,
) -> RoutingRule:
    """A rule of a team that the actor may configure, checked as `create` does, at the end of its list; not saved."""
    team = await team_to_configure(reader, actor, team_id)
    if integration_id is not None:
        await check_integration(reader, actor, integration_id, team.id)
    checked = check_body(body)
    await _check_known(reader, actor, checked, already=())
    return RoutingRule(
        id=new_id(reader.now),
        organization_id=team.organization_id,
        team_id=team.id,
        integration_id=integration_id,
        name=check_name(name),
        position=MOST_RULES + 1,
        body=checked,
        created_at=reader.now,
        updated_at=reader.now,
    )


async def team_to_configure(reader: Reader, actor: Actor, team_id: str) -> Team:
    """The team that a body names, for somebody who may change its rules."""
    team = await teams.get(reader, actor, team_id)
    if team is None:
        raise unknown("teamId", "team", team_id)
    require(actor, Permission.CONFIGURE, team.id)
    return team


async def update(
    tx: Transaction,
    rule_id: str,
    *,
    name: str | UnsetType = UNSET,
    body: RuleBody | UnsetType = UNSET,
    is_enabled: bool | UnsetType = UNSET,
) -> RoutingRule:
    """Change a rule; what it holds and would hold no more is let go."""
    before = await to_configure(tx, tx.actor, rule_id)
    rule = msgspec.structs.replace(before, updated_at=tx.now)
    if name is not UNSET:
        rule.name = check_name(name)
    if body is not UNSET:
        rule.body = check_body(body)
        await _check_known(tx, tx.actor, rule.body, already={each.id for each in references(before.body)})
    if is_enabled is not UNSET:
        rule.is_enabled = is_enabled
    await routing_rules.update(tx, rule)
    await holds.changed(tx, rule.team_id)
    if (rule.body, rule.is_enabled) != (before.body, before.is_enabled):
        await holds.end(tx, rule.id)
    await _record(tx, "updated", before, rule)
    return rule


async def delete(tx: Transaction, rule_id: str) -> None:
    """Delete a rule; what it alone holds is let go, and pages if it still fires."""
    rule = await to_configure(tx, tx.actor, rule_id)
    await holds.end(tx, rule.id)
    await routing_rules.delete(tx, rule.id)
    rest = await routing_rules.of_list(tx, rule.team_id, rule.integration_id)
    await routing_rules.place(tx, [each.id for each in rest if each.id != rule.id])
    await holds.changed(tx, rule.team_id)
    await _record(tx, "deleted", rule, None)


async def reorder(
    tx: Transaction, *, team_id: str, rule_ids: Sequence[str], integration_id: str | None = None
) -> list[RoutingRule]:
    """Put the rules of one list in this order; every one of them must be named, once."""
    team = await team_to_configure(tx, tx.actor, team_id)
    before = await routing_rules.of_list(tx, team.id, integration_id)
    by_id = {rule.id: rule for rule in before}
    if len(rule_ids) != len(before) or set(rule_ids) != set(by_id):
        raise Invalid(
            f"ids must name each of the {len(before)} rules of this list once; "
            "somebody may have added or deleted one meanwhile.",
            field="ids",
        )
    if list(rule_ids) != list(by_id):
        await routing_rules.place(tx, rule_ids)
        await holds.changed(tx, team.id)
        audit.record(
            tx,
            "routing_rule.reordered",
            kind="routing_rule",
            id=None,
            name=team.name,
            team_id=team.id,
            before={"order": [rule.name for rule in before]},
            after={"order": [by_id[rule_id].name for rule_id in rule_ids]},
        )
    for position, rule_id in enumerate(rule_ids, start=1):
        by_id[rule_id].position = position
    return [by_id[rule_id] for rule_id in rule_ids]


async def step(tx: Transaction, rule_id: str, places: int) -> RoutingRule:
    """Move a rule up (below 0) or down within its list, as far as it goes."""
    rule = await to_configure(tx, tx.actor, rule_id)
    ids = [each.id for each in await routing_rules.of_list(tx, rule.team_id, rule.integration_id)]
    here = ids.index(rule.id)
    there = min(max(here + places, 0), len(ids) - 1)
    ids.insert(there, ids.pop(here))
    await reorder(tx, team_id=rule.team_id, rule_ids=ids, integration_id=rule.integration_id)
    return rule


async def to_configure(reader: Reader, actor: Actor, rule_id: str) -> RoutingRule:
    """One rule, for somebody who may change it."""
    rule = found(await routing_rules.get(reader, actor, rule_id), "routing rule")
    require(actor, Permission.CONFIGURE, rule.team_id, "routing rule")
    return rule


async def names(reader: Reader, actor: Actor, bodies: Collection[RuleBody]) -> Names:
    """What the services and integrations in these rules are called, as far as the actor may know."""
    wanted = {each.id for body in bodies for each in references(body)}
    known = {one.id: one.name for one in (await services.named(reader, actor, wanted)).values()}
    return known | {one.id: one.name for one in (await integrations.named(reader, actor, wanted)).values()}


class Reference(msgspec.Struct, frozen=True):
    """Something that a rule names."""

    id: str
    noun: str
    field: str


def references(body: RuleBody) -> list[Reference]:
    """The services and integrations that a rule names."""
    routed = body.actions.service_id
    to = [] if routed is None else [Reference(routed, "service", "actions.serviceId")]
    return [*_references(body.condition, "condition"), *to]


def _references(condition: Condition, field: str) -> Iterator[Reference]:
    match condition:
        case AllOf(conditions=some) | AnyOf(conditions=some):
            for position, each in enumerate(some):
                yield from _references(each, f"{field}.conditions[{position}]")
        case Not(condition=one):
            yield from _references(one, f"{field}.condition")
        case OfService(values=ids):
            yield from (Reference(each, "service", f"{field}.values") for each in ids)
        case CameBy(values=ids):
            yield from (Reference(each, "integration", f"{field}.values") for each in ids)
        case _:
            return


async def _check_known(reader: Reader, actor: Actor, body: RuleBody, already: Collection[str]) -> None:
    """Invalid unless the actor may see everything the rule names; what it named `already` may stay."""
    added = [each for each in references(body) if each.id not in already]
    ids = {each.id for each in added}
    watched = await services.named(reader, actor, ids)
    known = {
        "service": {one.id for one in watched.values() if one.deleted_at is None},
        "integration": set(await integrations.named(reader, actor, ids)),
    }
    for each in added:
        if each.id not in known[each.noun]:
            raise unknown(each.field, each.noun, each.id)


async def check_integration(reader: Reader, actor: Actor, integration_id: str, team_id: str) -> None:
    """Pass for an integration of the team, or raise Invalid in the words for one that never was."""
    integration = await integrations.get(reader, actor, integration_id)
    service = await services.get(reader, actor, integration.service_id) if integration else None
    if service is None or service.team_id != team_id:
        raise unknown("integrationId", "integration of the team", integration_id)


async def move_with_service(tx: Transaction, service_id: str, team_id: str) -> None:
    """The rules of a service's integrations go with it to another team."""
    for former in await routing_rules.move(tx, service_id, team_id):
        await holds.changed(tx, former)
        await holds.changed(tx, team_id)


async def _record(tx: Transaction, act: str, before: RoutingRule | None, after: RoutingRule | None) -> None:
    rule = after or before
    if rule is None:
        return
    known = await names(tx, tx.actor, [each.body for each in (before, after) if each])
    team = await teams.get(tx, tx.actor, rule.team_id)
    audit.record(
        tx,
        f"routing_rule.{act}",
        kind="routing_rule",
        id=rule.id,
        name=f"{rule.name} of {team.name if team else 'a team'}",
        team_id=rule.team_id,
        before=_told(before, known),
        after=_told(after, known),
    )


def _told(rule: RoutingRule | None, known: Names) -> Subject:
    """A rule as people read it."""
    if rule is None:
        return None
    return {"name": rule.name, "is_enabled": rule.is_enabled, "says": sentence(rule.body, known)}
