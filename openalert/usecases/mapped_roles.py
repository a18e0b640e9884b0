"""Roles that an identity provider gives: set anew at each sign-in, never more than the mapping, never no owner left."""

import structlog

from openalert.config import Oidc
from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden
from openalert.domain.single_sign_on import Grant
from openalert.domain.user import User
from openalert.storage import teams, users
from openalert.storage.transaction import Transaction
from openalert.usecases import teams as acts
from openalert.usecases import users as people

log = structlog.get_logger(__name__)


async def apply(tx: Transaction, rules: Oidc, user: User, grant: Grant) -> User:
    """Give the person what the mapping gives, and take away what it does not; Forbidden when it gives no role.

    Without a mapping for the organization people keep the role that they have here; so it is with teams that the
    mapping does not name.
    """
    if rules.organization_roles:
        role = grant.role
        if user.role is Role.OWNER and role is not Role.OWNER and await _is_last_owner(tx, user):
            role = Role.OWNER
        if role is None:
            raise no_role("the identity provider")
        if role is not user.role:
            user = await people.update(tx, user.id, role=role)
    await _apply_teams(tx, rules, user, grant)
    return user


def managed_teams(rules: Oidc) -> set[str]:
    """The slugs of the teams that the mapping names."""
    return {slug for roles in rules.team_roles.values() for slug in roles}


def no_role(label: str) -> Forbidden:
    """The refusal of somebody whom the mapping gives nothing."""
    return Forbidden(
        f"You are known at {label}, but nothing it says about you gives you a role here. "
        "Ask an admin to assign you to the application, or to map one of your groups.",
        code="NO_ROLE",
    )


async def _apply_teams(tx: Transaction, rules: Oidc, user: User, grant: Grant) -> None:
    managed = await teams.by_slugs(tx, user.organization_id, managed_teams(rules))
    present = await teams.roles(tx, user.id) if managed else {}
    for slug, team in managed.items():
        role = grant.teams.get(slug)
        try:
            if role is None and team.id in present:
                await acts.remove_member(tx, team.id, user.id, anyway=True)
            elif role is not None and present.get(team.id) is not role:
                await acts.put_member(tx, team.id, user.id, role)
        except Conflict as error:
            # A team that would be left without somebody it needs is no reason to keep this person out.
            log.warning("a team stays as it is", team=slug, reason=error.message)


async def _is_last_owner(tx: Transaction, user: User) -> bool:
    owners = await users.active_owners(tx, user.organization_id)
    return all(owner.id == user.id for owner in owners)
