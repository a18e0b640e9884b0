"""Services: what a team answers for, and by which policy it escalates."""

from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.ids import new_id
from openalert.domain.noise import AS_SENT, AT_ONCE, Grouping, Noise, check_grouping, check_noise
from openalert.domain.service import Service
from openalert.domain.team import check_name, slugify
from openalert.storage import escalation_policies, followers, heartbeats, holds, integrations, services
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import noise as noises
from openalert.usecases.access import found, given, new_owner, require, team_for, unknown
from openalert.usecases.service_moves import move_with_service
from openalert.usecases.teams import check_description, choose_slug


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Service]:
    """The next services in view."""
    return await services.page(reader, actor, team_id=team_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, service_id: str) -> Service:
    """One service."""
    return found(await services.get(reader, actor, service_id), "service")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    slug: str | None = None,
    description: str = "",
    escalation_policy_id: str | None = None,
    runbook_url: str | None = None,
    grouping: Grouping | None = None,
    noise: Noise | None = None,
) -> Service:
    """A new service; without a policy its incidents page nobody but the owners."""
    team = await team_for(tx, team_id)
    name = check_name(name)
    service = Service(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        name=name,
        slug=await _free_slug(tx, team.organization_id, name, slug),
        description=check_description(description),
        escalation_policy_id=escalation_policy_id,
        runbook_url=_check_url(runbook_url),
        grouping=check_grouping(grouping or AS_SENT),
        noise=check_noise(noise or AT_ONCE),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await _check_policy(tx, escalation_policy_id)
    await services.insert(tx, service)
    if (service.grouping, service.noise) != (AS_SENT, AT_ONCE):
        await holds.changed(tx, service.team_id)
    audit.change(tx, "service.created", None, service)
    return service


async def update(
    tx: Transaction,
    service_id: str,
    *,
    team_id: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    slug: str | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    escalation_policy_id: str | UnsetType | None = UNSET,
    runbook_url: str | UnsetType | None = UNSET,
    grouping: Grouping | UnsetType = UNSET,
    noise: Noise | UnsetType = UNSET,
) -> Service:
    """Change a service; its open incidents keep the policy by which they escalate.

    To another team it takes its integrations and open incidents along, and a policy that the mover must see.
    """
    service = await to_configure(tx, service_id)
    changes = given(
        {
            "name": name,
            "description": description,
            "escalation_policy_id": escalation_policy_id,
            "runbook_url": runbook_url,
            "grouping": grouping,
            "noise": noise,
        }
    )
    changed = msgspec.structs.replace(service, **changes, updated_at=tx.now)
    changed.name = check_name(changed.name)
    changed.description = check_description(changed.description)
    changed.runbook_url = _check_url(changed.runbook_url)
    changed.grouping = check_grouping(changed.grouping)
    changed.noise = check_noise(changed.noise)
    owner = await new_owner(tx, service.team_id, team_id)
    if owner is not None:
        changed.team_id = owner.id
    if owner is not None or changed.escalation_policy_id != service.escalation_policy_id:
        await _check_policy(tx, changed.escalation_policy_id)
    if slug is not UNSET and slug != service.slug:
        changed.slug = await _free_slug(tx, service.organization_id, changed.name, slug)
    await services.update(tx, changed)
    await noises.changed(tx, service, changed)
    audit.change(tx, "service.updated", service, changed)
    if owner is not None:
        await followers.keep_only(tx, service.id, owner.id)
        await move_with_service(tx, service.id, owner)
    return changed


async def delete(tx: Transaction, service_id: str) -> None:
    """Delete a service, its integrations and heartbeats; what they sent and caused stays."""
    service = await to_configure(tx, service_id)
    service.deleted_at = service.updated_at = tx.now
    await integrations.delete_of_service(tx, service.id)
    await heartbeats.delete_of_service(tx, service.id)
    await services.update(tx, service)
    audit.change(tx, "service.deleted", service, None)


async def to_configure(tx: Transaction, service_id: str) -> Service:
    """The service, for somebody who may change it."""
    service = found(await services.get(tx, tx.actor, service_id), "service")
    require(tx.actor, Permission.CONFIGURE, service.team_id, "service")
    return service


async def _check_policy(tx: Transaction, policy_id: str | None) -> None:
    if policy_id is not None and await escalation_policies.get(tx, tx.actor, policy_id) is None:
        raise unknown("escalationPolicyId", "escalation policy", policy_id)


async def _free_slug(tx: Transaction, organization_id: str, name: str, wanted: str | None) -> str:
    taken = await services.slugs_like(tx, organization_id, (wanted or slugify(name))[:56].rstrip("-"))
    return choose_slug(name, wanted, taken)


def _check_url(url: str | None) -> str | None:
    """The address, None for an empty one; only http and https, as people will follow it."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or len(url) > 2_000:
        raise Invalid(
            "runbookUrl must be an address that begins with https:// or http://.", field="runbookUrl"
        )
    return url
