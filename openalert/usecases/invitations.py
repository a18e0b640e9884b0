"""Inviting people: signing up is never open, somebody has to be asked in by an admin."""

from collections.abc import Mapping

import msgspec

from openalert.domain import link
from openalert.domain.access import SYSTEM, Actor, Permission, Role, can
from openalert.domain.errors import Conflict, Forbidden, NotFound
from openalert.domain.ids import new_id
from openalert.domain.invitation import Invitation
from openalert.domain.link import Purpose
from openalert.domain.team import TeamMember
from openalert.domain.user import User, check_email, email_key
from openalert.storage import api_keys, invitations, teams, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, links, signin
from openalert.usecases import users as people
from openalert.usecases.access import article, found, home, require, unknown
from openalert.usecases.signin import Browser, Opened, Step

MOST_PENDING = 500


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[Invitation]:
    """The next invitations that wait for an answer, for admins."""
    require(actor, Permission.CONFIGURE, None)
    return await invitations.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, invitation_id: str) -> Invitation:
    """One invitation, for admins."""
    invitation = found(await invitations.get(reader, actor, invitation_id), "invitation")
    require(actor, Permission.CONFIGURE, None)
    return invitation


async def create(
    tx: Transaction,
    *,
    email: str,
    role: Role = Role.MEMBER,
    name: str = "",
    team_roles: Mapping[str, Role] | None = None,
    by_mail: bool,
) -> Invitation:
    """Invite somebody by their address; without mail whoever invites hands the link over."""
    require(tx.actor, Permission.CONFIGURE, None)
    _may_give(tx.actor, role)
    invitation = Invitation(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        email=check_email(email),
        email_key=email_key(email),
        name=name.strip()[:120],
        role=role,
        teams=await _teams(tx, team_roles or {}),
        invited_by_id=await _host(tx),
        created_at=tx.now,
        sent_at=tx.now,
        expires_at=tx.now + Purpose.INVITATION.lasts,
    )
    if await users.by_email_key(tx, invitation.email_key) is not None:
        raise Conflict("Somebody with this e-mail address exists already.", field="email")
    if await invitations.by_email_key(tx, invitation.organization_id, invitation.email_key) is not None:
        raise Conflict("This address is invited already; send the invitation again instead.", field="email")
    if len(await invitations.page(tx, tx.actor, limit=MOST_PENDING)) >= MOST_PENDING:
        raise Conflict(f"{MOST_PENDING} invitations wait for an answer; withdraw some first.")
    await invitations.insert(tx, invitation)
    _note(tx, "invitation.created", invitation)
    await _send(tx, invitation, by_mail=by_mail)
    return invitation


async def resend(tx: Transaction, invitation_id: str, *, by_mail: bool) -> Invitation:
    """A new link for three more days; the one before opens nothing any more."""
    old = await get(tx, tx.actor, invitation_id)
    _may_give(tx.actor, old.role)
    await links.recall(tx, links.of_invitation(old))
    renewed = msgspec.structs.replace(
        old, invited_by_id=await _host(tx), sent_at=tx.now, expires_at=tx.now + Purpose.INVITATION.lasts
    )
    await invitations.renew(tx, renewed)
    _note(tx, "invitation.sent_again", renewed)
    await _send(tx, renewed, by_mail=by_mail)
    return renewed


async def withdraw(tx: Transaction, invitation_id: str) -> None:
    """The link opens nothing any more."""
    invitation = await get(tx, tx.actor, invitation_id)
    await links.recall(tx, links.of_invitation(invitation))
    await invitations.delete(tx, invitation.id)
    _note(tx, "invitation.withdrawn", invitation)


async def opened(reader: Reader, secret: bytes, token: str) -> Invitation:
    """The invitation that this link opens; NotFound for every link that opens none, for whatever reason."""
    invitation = await invitations.get(reader, SYSTEM, link.row_of(token))
    if invitation is None or not links.is_open(secret, token, links.of_invitation(invitation), reader.now):
        raise NotFound("invitation")
    if invitation.invited_by_id is not None:
        # An admin who left, or is one no longer, lets nobody in.
        host = await users.get(reader, SYSTEM, invitation.invited_by_id)
        if host is None or not host.is_active or host.role.rank < max(invitation.role.rank, Role.ADMIN.rank):
            raise NotFound("invitation")
    return invitation


async def accept(
    db: Database, secret: bytes, token: str, *, name: str, timezone: str, password: str, browser: Browser
) -> Opened | Step:
    """Join: the person is there, in their teams, and signed in. Of two who race, one finds no invitation."""
    async with db.read() as reader:
        invitation = await opened(reader, secret, token)
    hashed = await people.new_password_hash(password, about=(name, invitation.email))
    async with db.transaction() as tx:
        invitation = await opened(tx, secret, token)
        if not await invitations.delete(tx, invitation.id):
            raise NotFound("invitation")
        await links.recall(tx, links.of_invitation(invitation))
        user = await _join(tx, invitation, name=name, timezone=timezone, password_hash=hashed)
        tx.actor = signin.as_actor(user, browser)
        _note(tx, "invitation.accepted", invitation)
        return await signin.password_was_right(tx, user, browser)


async def _join(
    tx: Transaction, invitation: Invitation, *, name: str, timezone: str, password_hash: str
) -> User:
    tx.actor = msgspec.structs.replace(SYSTEM, organization_id=invitation.organization_id)
    user = await people.create(
        tx,
        email=invitation.email,
        name=name,
        role=invitation.role,
        timezone=timezone,
        password_hash=password_hash,
    )
    for team in (await teams.named(tx, tx.actor, invitation.teams)).values():
        if team.deleted_at is not None:
            continue
        await teams.put_member(
            tx,
            TeamMember(team_id=team.id, user_id=user.id, role=invitation.teams[team.id], created_at=tx.now),
        )
    return user


def _note(tx: Transaction, act: str, invitation: Invitation) -> None:
    audit.record(
        tx,
        act,
        kind="invitation",
        id=invitation.id,
        name=invitation.email,
        after={"role": invitation.role.value, "teams": invitation.teams},
    )


async def _send(tx: Transaction, invitation: Invitation, *, by_mail: bool) -> None:
    if by_mail:
        await links.mail(
            tx,
            links.of_invitation(invitation),
            organization_id=invitation.organization_id,
            to=invitation.email,
            reason=f"{tx.actor.name} entered this address.",
        )


async def _teams(tx: Transaction, wanted: Mapping[str, Role]) -> dict[str, Role]:
    known = await teams.named(tx, tx.actor, wanted)
    for team_id, role in wanted.items():
        if team_id not in known or known[team_id].deleted_at is not None:
            raise unknown("teamIds", "team", team_id)
        require(tx.actor, Permission.OWN if role is Role.OWNER else Permission.CONFIGURE, team_id)
    return dict(wanted)


async def _host(tx: Transaction) -> str | None:
    """The person who answers for an invitation: of an API key, whoever made it; None for the program."""
    if tx.actor.kind != "api_key":
        return tx.actor.user_id
    rows = await api_keys.rows(tx, tx.actor.id or "")
    return rows[0].created_by_id if rows else None


def _may_give(actor: Actor, role: Role) -> None:
    if not can(actor, Permission(role.rank), None):
        raise Forbidden(f"Only an owner can make somebody {article(role)}.")
