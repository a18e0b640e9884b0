"""SQL for escalation policies and their versions."""

from collections.abc import Collection

import msgspec

from openalert.domain.access import Actor
from openalert.domain.escalation import EscalationPolicy, PolicyVersion
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


class Document(msgspec.Struct, kw_only=True):
    """A policy together with its version in force: what people read and write as one."""

    policy: EscalationPolicy
    version: PolicyVersion


async def insert(tx: Transaction, document: Document) -> None:
    """A new policy and its first version."""
    await tx.insert("escalation_policies", document.policy)
    await tx.insert("escalation_policy_versions", document.version)


async def insert_version(tx: Transaction, version: PolicyVersion) -> None:
    """A further version; those before it stay, for the escalations that run by them."""
    await tx.insert("escalation_policy_versions", version)


async def update(tx: Transaction, policy: EscalationPolicy) -> None:
    """Write the policy's name, its version in force, and whether it is deleted."""
    await tx.execute(
        """
        UPDATE escalation_policies SET team_id = :team_id, name = :name, version_id = :version_id,
            updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(policy),
    )


async def get_version(reader: Reader, version_id: str) -> PolicyVersion | None:
    """The version with this id, in force or not."""
    return await reader.one(
        PolicyVersion, "SELECT * FROM escalation_policy_versions WHERE id = :id", id=version_id
    )


async def versions(reader: Reader, version_ids: Collection[str]) -> dict[str, PolicyVersion]:
    """The versions with these ids."""
    if not version_ids:
        return {}
    found = await reader.all(
        PolicyVersion,
        f"SELECT * FROM escalation_policy_versions WHERE {reader.any_of('id', 'ids')}",
        ids=sorted(set(version_ids)),
    )
    return {version.id: version for version in found}


async def name_of(reader: Reader, policy_id: str) -> str:
    """What people call the policy, deleted or not; empty when there never was one."""
    name: str | None = await reader.value("SELECT name FROM escalation_policies WHERE id = :id", id=policy_id)
    return name or ""


async def get(reader: Reader, actor: Actor, policy_id: str) -> Document | None:
    """The policy, if it is not deleted and the actor may see its team."""
    condition, parameters = visible(reader, actor)
    policy = await reader.one(
        EscalationPolicy,
        f"SELECT * FROM escalation_policies WHERE id = :id AND deleted_at IS NULL AND {condition}",
        id=policy_id,
        **parameters,
    )
    return (await _documents(reader, [policy]))[0] if policy else None


async def named(reader: Reader, actor: Actor, policy_ids: Collection[str]) -> dict[str, EscalationPolicy]:
    """Those of the policies that the actor may see, by id; deleted ones too, for what refers to them."""
    if not policy_ids:
        return {}
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        EscalationPolicy,
        f"SELECT * FROM escalation_policies WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(policy_ids)),
        **parameters,
    )
    return {policy.id: policy for policy in found}


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Document]:
    """The next policies that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    policies = await reader.all(
        EscalationPolicy,
        f"""
        SELECT * FROM escalation_policies
        WHERE id > :after AND deleted_at IS NULL AND (CAST(:team AS TEXT) IS NULL OR team_id = :team)
            AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )
    return await _documents(reader, policies)


async def that_page(reader: Reader, target_id: str) -> list[EscalationPolicy]:
    """The policies in force of which some level pages this user, schedule, team or channel."""
    return await reader.all(
        EscalationPolicy,
        """
        SELECT p.* FROM escalation_policies p JOIN escalation_policy_versions v ON v.id = p.version_id
        WHERE p.deleted_at IS NULL AND v.levels LIKE :pattern
        ORDER BY p.id
        """,
        pattern=f'%"{target_id}"%',
    )


async def _documents(reader: Reader, policies: list[EscalationPolicy]) -> list[Document]:
    in_force = await versions(reader, [policy.version_id for policy in policies])
    return [Document(policy=policy, version=in_force[policy.version_id]) for policy in policies]
