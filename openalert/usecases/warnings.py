"""What would keep a page from arriving, found before it does: one list for pages, mail, API, metric and command.

The facts are read at one instant; what follows from them is computed outside of the database, and the event loop
gets its turn after each schedule and each policy.
"""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from openalert.domain.access import Actor, Permission, can
from openalert.domain.coverage import PolicyReach, Watch, of_policy, watch
from openalert.domain.difference import Span
from openalert.domain.instant import Instant
from openalert.domain.schedule import Schedule
from openalert.domain.warning import LOOKS_AHEAD, PRESSING, Finding, WarningKind, worst_first
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader
from openalert.usecases import (
    warning_certificates,
    warning_clashes,
    warning_installation,
    warning_services,
)
from openalert.usecases.warning_facts import Facts, Installation, gather, gather_about
from openalert.usecases.warning_rules import RULES, SCHEDULE_RULES, Duty, View

NOTHING_UNSET: Mapping[str, str] = MappingProxyType({})
"""Every channel is set up, as far as anybody asks."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody should know."""

    at: Instant
    findings: Sequence[Finding]
    """The worst first."""
    people: int
    """How many people may be paged in the coming thirty days."""


async def look(
    database: Database,
    actor: Actor,
    unset: Mapping[str, str] = NOTHING_UNSET,
    installation: Installation | None = None,
) -> Outlook:
    """Every warning in the actor's view; `unset` says by channel what the configuration lacks for it.

    `installation`: what is configured beside channels; None: nobody asks about that.
    """
    async with database.read() as reader:
        facts = await gather(reader, actor, installation)
    view = await _view(facts, unset)
    found = []
    for rule in (
        *RULES,
        *warning_services.RULES,
        *warning_clashes.RULES,
        *warning_installation.RULES,
        *warning_certificates.RULES,
    ):
        found += list(rule(view))
        await asyncio.sleep(0)
    return Outlook(at=facts.now, findings=worst_first(found), people=len(view.duties))


async def about(reader: Reader, actor: Actor, schedule: Schedule) -> list[Finding]:
    """What is wrong with one schedule, those on call by it and the policies that page it, the worst first."""
    view = await _view(await gather_about(reader, actor, schedule), NOTHING_UNSET)
    on_call = view.watches[schedule.id].turns
    found = [each for rule in (*SCHEDULE_RULES, *warning_clashes.RULES) for each in rule(view)]
    return worst_first(each for each in found if each.kind not in _OF_PEOPLE or each.subject_id in on_call)


_OF_PEOPLE = (WarningKind.UNREACHABLE, WarningKind.DOUBTFUL)


async def _view(facts: Facts, unset: Mapping[str, str]) -> View:
    watches = await _watches(facts)
    used = _used(facts)
    return View(
        facts=facts,
        watches=watches,
        reaches=await _reaches(facts, watches),
        used=used,
        paging=_paging(facts),
        duties=_duties(facts, watches, used),
        unset=unset if facts.sees_channels else NOTHING_UNSET,
    )


def to_mend(found: Sequence[Finding], actor: Actor) -> list[Finding]:
    """Those of all organizations' pressing ones that the actor could mend: an admin there, or of that team."""
    return [
        each
        for each in found
        if each.severity.rank >= PRESSING.rank
        and each.organization_id in (None, actor.organization_id)
        and can(actor, Permission.CONFIGURE, each.team_id)
    ]


async def _watches(facts: Facts) -> dict[str, Watch]:
    found = {}
    for plan in (*facts.plans.values(), *facts.hidden_plans.values()):
        found[plan.schedule.id] = watch(plan, _span(facts), facts.reachable)
        await asyncio.sleep(0)
    return found


async def _reaches(facts: Facts, watches: Mapping[str, Watch]) -> dict[str, PolicyReach]:
    found = {}
    for document in facts.policies:
        found[document.policy.id] = of_policy(
            document.version,
            _span(facts),
            watches=watches,
            members=facts.members,
            channels=facts.channels,
            reachable=facts.reachable,
        )
        await asyncio.sleep(0)
    return found


def _span(facts: Facts) -> Span:
    return facts.now, facts.now + LOOKS_AHEAD


def _used(facts: Facts) -> dict[str, list[str]]:
    used: dict[str, list[str]] = {}
    for service in facts.services:
        if service.escalation_policy_id is not None:
            used.setdefault(service.escalation_policy_id, []).append(service.name)
    return used


def _paging(facts: Facts) -> dict[str, list[Document]]:
    paging: dict[str, list[Document]] = {}
    for document in facts.policies:
        for target_id in {target.id for level in document.version.levels for target in level.targets}:
            paging.setdefault(target_id, []).append(document)
    return paging


def _duties(facts: Facts, watches: Mapping[str, Watch], used: Mapping[str, Sequence[str]]) -> dict[str, Duty]:
    found: dict[str, Duty] = {}

    def add(user_id: str, at: Instant, place: str, team_id: str) -> None:
        known = found.setdefault(user_id, Duty(at, [], team_id))
        known.first = min(known.first, at)
        if place not in known.places:
            known.places.append(place)

    for schedule_id, plan in facts.plans.items():
        for user_id, span in watches[schedule_id].duty.items():
            add(user_id, span[0], plan.schedule.name, plan.schedule.team_id)
    for document in facts.policies:
        if document.policy.id in used:
            for target in {target for level in document.version.levels for target in level.targets}:
                if target.id in facts.people:
                    add(target.id, facts.now, document.policy.name, document.policy.team_id)
    return found
