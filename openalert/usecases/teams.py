"""Teams and who is in them."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission, Role, program_of
from openalert.domain.drill import Rhythm
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.schedule import Rotation
from openalert.domain.team import Team, TeamMember, check_name, slugify
from openalert.domain.user import User
from openalert.storage import (
    api_keys,
    escalation_policies,
    incidents,
    routing_rules,
    schedules,
    teams,
    users,
)
from openalert.storage import drills as stored_drills
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, given, home, named, require, see_team, unknown

LONGEST_DESCRIPTION = 2_000
MOST_SCHEDULES = 500


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[Team]:
    """The next teams in view."""
    return await teams.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, team_id: str) -> Team:
    """One team."""
    return await see_team(reader, actor, team_id)


async def create(tx: Transaction, *, name: str, slug: str | None = None, description: str = "") -> Team:
    """A new team, for admins of the organization; a person who makes one becomes its owner."""
    require(tx.actor, Permission.CONFIGURE, None)
    name = check_name(name)
    team = Team(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        name=name,
        slug=await _free_slug(tx, name, slug),
        description=check_description(description),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await teams.insert(tx, team)
    audit.record(tx, "team.created", kind="team", id=team.id, name=team.name, team_id=team.id, after=team)
    if tx.actor.user_id is not None:
        owner = TeamMember(team_id=team.id, user_id=tx.actor.user_id, role=Role.OWNER, created_at=tx.now)
        await teams.put_member(tx, owner)
    return team


async def update(
    tx: Transaction,
    team_id: str,
    *,
    name: str | UnsetType = UNSET,
    slug: str | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    drills: Rhythm | UnsetType = UNSET,
) -> Team:
    """Rename or describe a team, or have its members drilled; what was planned in another rhythm is dropped."""
    team = await see_team(tx, tx.actor, team_id)
    require(tx.actor, Permission.CONFIGURE, team.id)
    changed = msgspec.structs.replace(
        team, **given({"name": name, "description": description, "drills": drills}), updated_at=tx.now
    )
    changed.name = check_name(changed.name)
    changed.description = check_description(changed.description)
    if slug is not UNSET and slug != team.slug:
        changed.slug = await _free_slug(tx, changed.name, slug)
    await teams.update(tx, changed)
    if changed.drills is not team.drills:
        await stored_drills.drop_planned(tx, team.id)
    audit.record(
        tx,
        "team.updated",
        kind="team",
        id=team.id,
        name=changed.name,
        team_id=team.id,
        before=team,
        after=changed,
    )
    return changed


async def delete(tx: Transaction, team_id: str) -> None:
    """Delete a team that has nothing left and that nobody counts on; Conflict says what stands in the way.

    Its past incidents keep its name. Keys that acted in it alone are revoked.
    """
    team = await see_team(tx, tx.actor, team_id)
    require(tx.actor, Permission.OWN, team.id)
    left = await teams.belongings(tx, team.id)
    kinds = {
        "service": left.services,
        "escalation policy": left.escalation_policies,
        "schedule": left.schedules,
        "channel": left.channels,
        "status page": left.status_pages,
    }
    remaining = [counted(count, kind) for kind, count in kinds.items() if count]
    if remaining:
        raise Conflict(f"The team still has {', '.join(remaining)}; delete or move them first.")
    if left.incidents:
        raise Conflict(f"The team still has {counted(left.incidents, 'open incident')}; resolve them first.")
    policies = await escalation_policies.that_page(tx, team.id)
    if policies:
        used_by = named(tx.actor, policies, "escalation policy")
        raise Conflict(f"The {used_by} pages this team; change it first.")
    await api_keys.revoke_of_team(tx, team.id)
    await stored_drills.drop_planned(tx, team.id)
    await routing_rules.delete_of_team(tx, team.id)
    await teams.delete(tx, team.id)
    audit.record(tx, "team.deleted", kind="team", id=team.id, name=team.name, team_id=team.id, before=team)


def counted(count: int, kind: str) -> str:
    """`1 service`, `2 escalation policies`."""
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{count} {kind if count == 1 else plural}"


async def members(reader: Reader, actor: Actor, team_id: str) -> list[tuple[TeamMember, User]]:
    """Who is in the team, with whom each membership means."""
    team = await see_team(reader, actor, team_id)
    memberships = (await teams.members(reader, [team.id]))[team.id]
    people = await users.named(reader, actor, [membership.user_id for membership in memberships])
    return [(membership, people[membership.user_id]) for membership in memberships]


async def member(reader: Reader, actor: Actor, team_id: str, user_id: str) -> tuple[TeamMember, User]:
    """One membership, and whom it means."""
    everybody = await members(reader, actor, team_id)
    return found(next((each for each in everybody if each[0].user_id == user_id), None), "member")


async def put_member(tx: Transaction, team_id: str, user_id: str, role: Role) -> TeamMember:
    """Take a person of the organization into the team, or give another role; only owners make owners."""
    team = await see_team(tx, tx.actor, team_id)
    require(tx.actor, Permission.CONFIGURE, team.id)
    person = await users.get(tx, tx.actor, user_id)
    if person is None:
        raise unknown("userId", "user", user_id)
    existing = await teams.member(tx, team.id, user_id)
    if Role.OWNER in (role, existing.role if existing else None):
        require(tx.actor, Permission.OWN, team.id)
    if existing is None and not person.is_active:
        raise Invalid(f"{person.name} is not active; activate the person first.", field="userId")
    made = TeamMember(
        team_id=team.id, user_id=user_id, role=role, created_at=existing.created_at if existing else tx.now
    )
    await teams.put_member(tx, made)
    _record_member(tx, team, person.name, existing, made)
    return made


async def remove_member(tx: Transaction, team_id: str, user_id: str, *, anyway: bool = False) -> None:
    """Take a person out of the team; everybody may leave by themselves.

    Conflict `STILL_ON_DUTY` while the team counts on them, unless an admin insists: they would be paged for what
    they no longer see.
    """
    team = await see_team(tx, tx.actor, team_id)
    if tx.actor.user_id != user_id:
        require(tx.actor, Permission.CONFIGURE, team.id)
    membership = found(await teams.member(tx, team.id, user_id), "member")
    if membership.role is Role.OWNER and tx.actor.user_id != user_id:
        require(tx.actor, Permission.OWN, team.id)
    if anyway:
        require(tx.actor, Permission.CONFIGURE, team.id)
    elif duties := await duties_of(tx, team, user_id):
        raise Conflict(
            f"The team still counts on them: {'; '.join(duties)}. Hand that over first.",
            code="STILL_ON_DUTY",
            duties=duties,
        )
    await teams.remove_member(tx, team.id, user_id)
    person = (await users.named(tx, tx.actor, [user_id])).get(user_id)
    _record_member(tx, team, person.name if person else user_id, membership, None)


def _record_member(
    tx: Transaction, team: Team, person: str, before: TeamMember | None, after: TeamMember | None
) -> None:
    act = "added" if before is None else "removed" if after is None else "updated"
    about = after or before
    audit.record(
        tx,
        f"team_member.{act}",
        kind="team_member",
        id=about.user_id if about else None,
        name=f"{person} in {team.name}",
        team_id=team.id,
        before={"role": before.role} if before else None,
        after={"role": after.role} if after else None,
    )


async def duties_of(reader: Reader, team: Team, user_id: str) -> list[str]:
    """What the team counts on somebody for, in words: shifts now or to come, its policies, its open incidents."""
    actor = program_of(team.organization_id)
    own = await schedules.page(reader, actor, team_id=team.id, limit=MOST_SCHEDULES)
    ids = [schedule.id for schedule in own]
    turning = {
        rotation.schedule_id
        for rotation in (await schedules.rotations(reader, ids) if ids else [])
        if takes_turns(rotation, user_id, reader.now)
    }
    turning |= {
        override.schedule_id
        for override in (await schedules.overrides(reader, ids, reader.now) if ids else [])
        if user_id in override.brings
    }
    duties = [f"turns in the schedule {schedule.name!r}" for schedule in own if schedule.id in turning]
    duties += [
        f"the escalation policy {policy.name!r}"
        for policy in await escalation_policies.that_page(reader, user_id)
        if policy.team_id == team.id
    ]
    mine = IncidentFilter(statuses=("triggered", "acknowledged"), team_id=team.id, mine=user_id)
    working = await incidents.count(reader, actor, mine)
    if working:
        duties.append(f"work on {counted(working, 'open incident')}")
    return duties


def takes_turns(rotation: Rotation, user_id: str, now: Instant) -> bool:
    """Whether somebody has turns in a rotation now or later."""
    version = rotation.current
    ends = [end for end in (version.effective_until, rotation.removed_at) if end is not None]
    is_over = bool(ends) and min(ends) <= now
    return user_id in version.member_ids and not is_over


def check_description(text: str) -> str:
    """The trimmed description, or Invalid when it is longer than 2000 characters."""
    text = text.strip()
    if len(text) > LONGEST_DESCRIPTION:
        raise Invalid(f"description holds at most {LONGEST_DESCRIPTION} characters.", field="description")
    return text


def choose_slug(name: str, wanted: str | None, taken: set[str]) -> str:
    """The wanted slug, or one made of the name with a number that makes it free.

    Conflict when the wanted one is taken, Invalid when it is none.
    """
    if wanted is not None:
        if wanted != slugify(wanted):
            raise Invalid("slug may hold lower-case letters, digits and single hyphens.", field="slug")
        if wanted in taken:
            raise Conflict(f"The slug {wanted!r} is taken; choose another.", field="slug")
        return wanted
    slug = slugify(name)[:56].rstrip("-")
    numbered = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return slug if slug not in taken else next(each for each in numbered if each not in taken)


async def _free_slug(tx: Transaction, name: str, wanted: str | None) -> str:
    taken = await teams.slugs_like(tx, home(tx.actor), (wanted or slugify(name))[:56].rstrip("-"))
    return choose_slug(name, wanted, taken)
