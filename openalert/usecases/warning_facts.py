"""All that warnings are judged from, read at one instant.

Rows are read in portions, so that decoding them leaves the event loop its turns.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission, can
from openalert.domain.cadence import Silence
from openalert.domain.calendar_feed import Period
from openalert.domain.certificate import Certificate
from openalert.domain.escalation import TargetType
from openalert.domain.instant import DAY, Instant
from openalert.domain.plan import Plan
from openalert.domain.reachability import Reachability, ReachState
from openalert.domain.schedule import Schedule
from openalert.domain.service import Service
from openalert.domain.status_copy import LATE_AFTER, MirrorState
from openalert.domain.switch_proof import SwitchStanding
from openalert.domain.user import ApiKey, User
from openalert.domain.warning import LOOKS_AHEAD, LOOKS_BACK
from openalert.storage import (
    api_keys,
    channel_troubles,
    channels,
    escalation_policies,
    recipients,
    schedules,
    services,
    status_mirrors,
    teams,
    users,
    warnings,
)
from openalert.storage.channel_troubles import ChannelTrouble
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader
from openalert.storage.warnings import Failed, Inlet, Quarantine, Refused
from openalert.usecases import (
    backups,
    cadences,
    calendar_feeds,
    certificates,
    certificates_elsewhere,
    reachability,
    switch_proofs,
    watchers,
)
from openalert.usecases.backups import Standing
from openalert.usecases.certificates_elsewhere import Ending
from openalert.usecases.portions import PORTION, every
from openalert.usecases.watchers import Watcher

KEYS_END_WITHIN = 14 * DAY
KEYS_USED_WITHIN = 30 * DAY
"""Who was not used for longer is missed by nobody."""
UNUSED_FOR = 90 * DAY
LEAST_REFUSED = 3
"""So many failures and no success make a channel a failing one."""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about who notices when the server is gone."""

    switch: str
    """Which dead-man's switch, see `switch_proof.switch_of`; empty: none."""
    sends_canaries: bool
    has_last_resort: bool
    makes_backups: bool
    copies_backups: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an actor sees, and what that depends on elsewhere."""

    now: Instant
    plans: Mapping[str, Plan]
    """By schedule, in view."""
    hidden_plans: Mapping[str, Plan]
    """Schedules out of sight that a policy in view pages."""
    policies: Sequence[Document]
    services: Sequence[Service]
    members: Mapping[str, Collection[str]]
    """The active people of each team that a policy in view pages."""
    channels: Collection[str]
    """The ids of those channels that a policy in view pages and that are on."""
    people: Mapping[str, User]
    """Everybody who may occur in any of these, active or not."""
    away: Sequence[Period]
    """When they are away, without a word of why."""
    reach: Mapping[str, Reachability]
    reachable: Collection[str]
    """The ids of the people whom a page would reach, as far as is known."""
    team_names: Mapping[str, str] = {}
    """Of teams with dead letters."""
    inlets: Sequence[Inlet] = ()
    silent: Mapping[str, Silence] = {}
    """The integrations among them that have gone silent."""
    quarantined: Mapping[str, Quarantine] = {}
    failed: Sequence[Failed] = ()
    sees_channels: bool = False
    """Whether the actor may know how channels are."""
    refused: Sequence[Refused] = ()
    troubles: Sequence[ChannelTrouble] = ()
    mirrors: Sequence[MirrorState] = ()
    """Mirrors of status pages that have failed for long."""
    backups: Standing = Standing(is_on=False)
    installation: Installation | None = None
    """None: it is not asked about, or not for the actor's eyes."""
    switch: SwitchStanding = SwitchStanding()
    ending_keys: Sequence[ApiKey] = ()
    unused: Sequence[Service] = ()
    watchers: Sequence[Watcher] = ()
    """Keys that watchers on other hosts ask with."""
    certificates: Sequence[Certificate] = ()
    """Those of the installation, as they were seen last."""
    ending_elsewhere: Sequence[Ending] = ()
    """Certificates of what teams have addresses of."""


async def gather(reader: Reader, actor: Actor, installation: Installation | None = None) -> Facts:
    """Everything at the reader's instant, in the actor's view; `installation`: what is configured, if that is asked."""
    policies = await every(partial(escalation_policies.page, reader, actor), lambda each: each.policy.id)
    seen = await every(partial(schedules.page, reader, actor), _id)
    known = await _of_people(reader, actor, policies, seen)
    failed = await warnings.failed(reader, actor, reader.now - LOOKS_BACK)
    with_failed = await teams.named(reader, actor, {each.team_id for each in failed if each.team_id})
    is_admin = can(actor, Permission.CONFIGURE, None)
    inlets = await warnings.inlets(reader, actor)
    return msgspec.structs.replace(
        known,
        team_names={each: team.name for each, team in with_failed.items()},
        inlets=inlets,
        silent=await cadences.silent(reader, [each.id for each in inlets]),
        quarantined=await warnings.quarantined(reader, reader.now - LOOKS_BACK),
        failed=failed,
        sees_channels=is_admin,
        refused=await warnings.refused(reader, actor, reader.now - LOOKS_BACK, LEAST_REFUSED)
        if is_admin
        else [],
        troubles=await channel_troubles.all_of_them(reader) if is_admin else [],
        mirrors=await status_mirrors.late(reader, reader.now - LATE_AFTER) if is_admin else [],
        backups=await backups.standing(reader) if is_admin else Standing(is_on=False),
        installation=installation if is_admin else None,
        switch=await switch_proofs.standing(reader, installation.switch)
        if is_admin and installation is not None
        else SwitchStanding(),
        ending_keys=await api_keys.ending(
            reader, actor, reader.now + KEYS_END_WITHIN, reader.now - KEYS_USED_WITHIN
        )
        if is_admin
        else [],
        unused=await services.unused(reader, actor, reader.now - UNUSED_FOR),
        watchers=await watchers.all_of_them(reader, actor) if is_admin else [],
        certificates=await certificates.known(reader) if is_admin and installation is not None else [],
        ending_elsewhere=await certificates_elsewhere.ending(reader, actor),
    )


async def gather_about(reader: Reader, actor: Actor, schedule: Schedule) -> Facts:
    """The same of one schedule, and of the policies in view that page it; nothing of what comes in and goes out."""
    paging = await escalation_policies.that_page(reader, schedule.id)
    found = [await escalation_policies.get(reader, actor, each.id) for each in paging[:PORTION]]
    return await _of_people(reader, actor, [each for each in found if each is not None], [schedule])


async def _of_people(
    reader: Reader, actor: Actor, policies: Sequence[Document], some: Sequence[Schedule]
) -> Facts:
    """What there is to know of these policies and schedules, and of everybody in them."""
    targets = _targets(policies)
    seen = {each.id: each for each in some}
    paged = await schedules.named(reader, SYSTEM, targets[TargetType.SCHEDULE] - set(seen))
    plans = await _plans(reader, [*seen.values(), *paged.values()])
    members = await recipients.members(reader, sorted(targets[TargetType.TEAM]))
    named = {each for some in members.values() for each in some} | targets[TargetType.USER]
    people = await users.named(reader, actor, named.union(*(plan.people for plan in plans.values())))
    reach = await reachability.of_people(reader, people)
    return Facts(
        now=reader.now,
        plans={each: plan for each, plan in plans.items() if each in seen},
        hidden_plans={each: plan for each, plan in plans.items() if each not in seen},
        policies=policies,
        services=await every(partial(services.page, reader, actor), _id),
        members=members,
        channels=await _channels(reader, targets[TargetType.CHANNEL]),
        people=people,
        away=await calendar_feeds.away(reader, sorted(people), reader.now, reader.now + LOOKS_AHEAD),
        reach=reach,
        reachable={each for each, known in reach.items() if known.state is not ReachState.UNREACHABLE},
    )


def _id(thing: Any) -> str:
    return str(thing.id)


async def _plans(reader: Reader, some: Sequence[Schedule]) -> dict[str, Plan]:
    found: dict[str, Plan] = {}
    for start in range(0, len(some), PORTION):
        portion = some[start : start + PORTION]
        found |= await schedules.plans(reader, portion, reader.now, reader.now + LOOKS_AHEAD)
    return found


def _targets(policies: Sequence[Document]) -> dict[TargetType, set[str]]:
    found: dict[TargetType, set[str]] = {kind: set() for kind in TargetType}
    for document in policies:
        for level in document.version.levels:
            for target in level.targets:
                found[target.type].add(target.id)
    return found


async def _channels(reader: Reader, channel_ids: Collection[str]) -> set[str]:
    found = await channels.by_ids(reader, sorted(channel_ids)) if channel_ids else []
    return {each.id for each in found if each.is_enabled}
