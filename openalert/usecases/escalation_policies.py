"""Escalation policies: one document each, every edit a new version."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.audit import Subject
from openalert.domain.errors import Conflict
from openalert.domain.escalation import (
    EscalationPolicy,
    Level,
    PolicyVersion,
    Target,
    TargetType,
    check_version,
)
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.team import check_name
from openalert.storage import channels, escalation_policies, schedules, services, teams, users
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, named, new_owner, require, team_for, unknown

Known = dict[TargetType, set[str]]


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Document]:
    """The next policies in view."""
    return await escalation_policies.page(reader, actor, team_id=team_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, policy_id: str) -> Document:
    """One policy with its version in force."""
    return found(await escalation_policies.get(reader, actor, policy_id), "escalation policy")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    levels: Sequence[Level],
    repeat_count: int = 0,
    repeat_delay: Instant = 0,
) -> Document:
    """A new policy."""
    team = await team_for(tx, team_id)
    policy_id = new_id(tx.now)
    version = PolicyVersion(
        id=new_id(tx.now),
        policy_id=policy_id,
        repeat_count=repeat_count,
        repeat_delay=repeat_delay,
        levels=tuple(levels),
        created_at=tx.now,
    )
    check_version(version)
    await _check_targets(tx, version.levels, already=())
    policy = EscalationPolicy(
        id=policy_id,
        organization_id=team.organization_id,
        team_id=team.id,
        name=check_name(name),
        version_id=version.id,
        created_at=tx.now,
        updated_at=tx.now,
    )
    document = Document(policy=policy, version=version)
    await escalation_policies.insert(tx, document)
    _record(tx, "created", None, document)
    return document


async def update(
    tx: Transaction,
    policy_id: str,
    *,
    team_id: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    levels: Sequence[Level] | UnsetType = UNSET,
    repeat_count: int | UnsetType = UNSET,
    repeat_delay: Instant | UnsetType = UNSET,
) -> Document:
    """Edit a policy; escalations that run keep the version with which they began.

    It goes to another team only by somebody who sees all that it pages.
    """
    before = await _to_configure(tx, policy_id)
    version = msgspec.structs.replace(
        before.version,
        levels=before.version.levels if levels is UNSET else tuple(levels),
        repeat_count=before.version.repeat_count if repeat_count is UNSET else repeat_count,
        repeat_delay=before.version.repeat_delay if repeat_delay is UNSET else repeat_delay,
    )
    policy = msgspec.structs.replace(before.policy, updated_at=tx.now)
    if name is not UNSET:
        policy.name = check_name(name)
    owner = await new_owner(tx, policy.team_id, team_id)
    if owner is not None:
        await _check_targets(tx, version.levels, already=())
        policy.team_id = owner.id
    if version != before.version:
        check_version(version)
        await _check_targets(tx, version.levels, already=before.version.levels)
        version.id, version.created_at = new_id(tx.now), tx.now
        await escalation_policies.insert_version(tx, version)
        policy.version_id = version.id
    await escalation_policies.update(tx, policy)
    after = Document(policy=policy, version=version)
    _record(tx, "updated", before, after)
    return after


async def delete(tx: Transaction, policy_id: str) -> None:
    """Delete a policy by which no service escalates; escalations that run keep their version."""
    document = await _to_configure(tx, policy_id)
    used = await services.by_policy(tx, policy_id)
    if used:
        used_by = named(tx.actor, used, "service")
        raise Conflict(f"The {used_by} escalates by this policy; give it another first.")
    document.policy.deleted_at = document.policy.updated_at = tx.now
    await escalation_policies.update(tx, document.policy)
    _record(tx, "deleted", document, None)


async def _to_configure(tx: Transaction, policy_id: str) -> Document:
    document = found(await escalation_policies.get(tx, tx.actor, policy_id), "escalation policy")
    require(tx.actor, Permission.CONFIGURE, document.policy.team_id, "escalation policy")
    return document


def _record(tx: Transaction, act: str, before: Document | None, after: Document | None) -> None:
    document = after or before
    policy = document.policy if document else None
    audit.record(
        tx,
        f"escalation_policy.{act}",
        kind="escalation_policy",
        id=policy.id if policy else None,
        name=policy.name if policy else "",
        team_id=policy.team_id if policy else None,
        before=_told(before),
        after=_told(after),
    )


def _told(document: Document | None) -> Subject:
    """A policy as one thing, as people edit it."""
    if document is None:
        return None
    policy, version = document.policy, document.version
    return {
        "name": policy.name,
        "team_id": policy.team_id,
        "repeat_count": version.repeat_count,
        "repeat_delay": version.repeat_delay,
        "levels": version.levels,
    }


async def _check_targets(tx: Transaction, levels: Sequence[Level], already: Sequence[Level]) -> None:
    """Invalid unless the actor may see every target; those that the policy pages `already` may stay."""
    known = {target for level in already for target in level.targets}
    added = {target for level in levels for target in level.targets} - known
    seen = await _seen(tx, added)
    for level in levels:
        for position, target in enumerate(level.targets):
            if target in added and target.id not in seen[target.type]:
                field = f"levels[{level.level - 1}].targets[{position}].id"
                raise unknown(field, target.type.value, target.id)


async def _seen(tx: Transaction, targets: set[Target]) -> Known:
    ids = {kind: [target.id for target in targets if target.type is kind] for kind in TargetType}
    people = await users.named(tx, tx.actor, ids[TargetType.USER])
    of_teams = await teams.named(tx, tx.actor, ids[TargetType.TEAM])
    return {
        TargetType.USER: {user.id for user in people.values() if user.is_active},
        TargetType.SCHEDULE: set(await schedules.named(tx, tx.actor, ids[TargetType.SCHEDULE])),
        TargetType.TEAM: {team.id for team in of_teams.values() if team.deleted_at is None},
        TargetType.CHANNEL: set(await channels.named(tx, tx.actor, ids[TargetType.CHANNEL])),
    }
