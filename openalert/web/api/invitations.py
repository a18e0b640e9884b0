"""JSON `/invitations`: people who may join, and the links that let them in."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Role
from openalert.domain.invitation import Invitation
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.usecases import invitations, links
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, Input, Output, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

MAKES_LINK: Mapping[str, Any] = {**SHOWN_ONCE, "password": True}
"""`opt` of what makes a link at whose end a password is chosen: not where everybody comes by single sign-on."""


class InvitationOut(Output):
    """An invitation that waits for an answer; `link` is there only when it is made and this server sends no mail."""

    id: str
    email: str
    role: Role
    team_ids: list[str]
    invited_by_id: str | None
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    link: str | UnsetType = UNSET


class InvitationIn(Input):
    """Somebody to invite."""

    email: str
    role: Role = Role.MEMBER
    team_ids: Annotated[list[str], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)


def show(invitation: Invitation, link: str | UnsetType = UNSET) -> InvitationOut:
    """An invitation as it is answered."""
    return InvitationOut(
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        team_ids=list(invitation.teams),
        invited_by_id=invitation.invited_by_id,
        created_at=moment(invitation.created_at),
        sent_at=moment(invitation.sent_at),
        expires_at=moment(invitation.expires_at),
        link=link,
    )


def _made(links_back: LinksBack, invitation: Invitation, by_mail: bool) -> InvitationOut:
    claims = links.of_invitation(invitation)
    return show(
        invitation, UNSET if by_mail else links.address(links_back.base_url, links_back.secret, claims)
    )


@get("/", responses=READS)
async def list_invitations(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[InvitationOut]:
    """The invitations that wait for an answer, also those whose link is over; for admins of the organization."""
    async with db.read() as reader:
        return await paged(partial(invitations.page, reader, actor), show, limit, cursor)


@post("/", responses=WRITES, opt=MAKES_LINK)
async def create_invitation(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[InvitationIn],
) -> InvitationOut:
    """Invite somebody by mail; from a server that sends none, `link` is shown this once, to be handed over.

    The link is good once, for three days. In the teams named they will be members, or viewers if that is their role.
    """
    by_mail = request.app.state.config.sends_mail
    # A viewer of the organization is one in every team, and still may be on call.
    there = Role.VIEWER if data.role is Role.VIEWER else Role.MEMBER
    async with db.transaction(actor) as tx:
        made = await invitations.create(
            tx,
            email=data.email,
            role=data.role,
            team_roles=dict.fromkeys(data.team_ids, there),
            by_mail=by_mail,
        )
        return _made(links_back, made, by_mail)


@get("/{invitation_id:str}", responses=READS)
async def get_invitation(
    db: NamedDependency[Database], actor: NamedDependency[Actor], invitation_id: FromPath[str]
) -> InvitationOut:
    """One invitation that waits for an answer; accepted or withdrawn it is gone."""
    async with db.read() as reader:
        return show(await invitations.get(reader, actor, invitation_id))


@delete("/{invitation_id:str}", responses=WRITES)
async def withdraw_invitation(
    db: NamedDependency[Database], actor: NamedDependency[Actor], invitation_id: FromPath[str]
) -> None:
    """Withdraw an invitation: its link opens nothing any more."""
    async with db.transaction(actor) as tx:
        await invitations.withdraw(tx, invitation_id)


@post("/{invitation_id:str}/resend", status_code=200, responses=WRITES, opt=MAKES_LINK)
async def resend_invitation(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    invitation_id: FromPath[str],
) -> InvitationOut:
    """Make a new link for three more days, sent or shown like the first; the one before opens nothing any more."""
    by_mail = request.app.state.config.sends_mail
    async with db.transaction(actor) as tx:
        return _made(links_back, await invitations.resend(tx, invitation_id, by_mail=by_mail), by_mail)


routes = Router(
    path="/invitations",
    tags=["invitations"],
    route_handlers=[
        list_invitations,
        create_invitation,
        get_invitation,
        withdraw_invitation,
        resend_invitation,
    ],
)
