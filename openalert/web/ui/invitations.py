"""Invitations on the page of people: those that wait, sent again or withdrawn, and how each link travels."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.domain.invitation import Invitation
from openalert.storage import notifications, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import invitations, links
from openalert.web.ui import choices
from openalert.web.ui.forms import attempt, show_once
from openalert.web.ui.frame import Values, Web, go
from openalert.web.ui.links import link

PASSWORDS: dict[str, Any] = {"password": True}
"""Who is invited, or gets a link, chooses a password: not where everybody comes by single sign-on."""


def on_its_way(request: Web, invitation: Invitation) -> Response[None]:
    """Back to the list, which says how the link travels."""
    if request.app.state.config.sends_mail:
        return go("/users#invitations", f"An invitation is on its way to {invitation.email}.")
    handed = link(request, links.of_invitation(invitation))
    return show_once(request, go("/users"), invitation.id, handed)


@post("/invitations/{invitation_id:str}/{verb:str}", opt=PASSWORDS, include_in_schema=False)
async def do_invitation(
    request: Web,
    invitation_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Send an invitation again, or withdraw it."""
    if verb not in ("resend", "withdraw"):
        raise NotFound("page")

    async def body(tx: Transaction) -> Invitation:
        if verb == "resend":
            return await invitations.resend(tx, invitation_id, by_mail=request.app.state.config.sends_mail)
        withdrawn = await invitations.get(tx, tx.actor, invitation_id)
        await invitations.withdraw(tx, invitation_id)
        return withdrawn

    done, errors = await attempt(db, actor, body)
    if done is None:
        return go("/users#invitations", " ".join(errors.values()), "bad")
    if verb == "resend":
        return on_its_way(request, done)
    return go("/users#invitations", f"The invitation of {done.email} opens nothing any more.")


async def pending(reader: Reader, actor: Actor, *, limit: int) -> list[Values]:
    """Invitations that wait for an answer, each with what became of its mail."""
    listed = await invitations.page(reader, actor, limit=limit)
    mails = await notifications.by_effect(
        reader, [links.effect(links.of_invitation(each)) for each in listed]
    )
    names = await choices.names_of_teams(reader, actor)
    hosts = await users.named(reader, actor, [each.invited_by_id for each in listed if each.invited_by_id])
    rows: list[Values] = []
    for each in listed:
        mail = mails.get(links.effect(links.of_invitation(each)))
        rows.append(
            {
                "id": each.id,
                "email": each.email,
                "role": each.role.value,
                "teams": [names[team_id] for team_id in each.teams if team_id in names],
                "by": hosts[each.invited_by_id].name if each.invited_by_id in hosts else None,
                "sent_at": each.sent_at,
                "expires_at": each.expires_at,
                "is_over": each.expires_at <= reader.now,
                "mail": mail.status.value if mail else None,
                "failure": mail.failure_reason if mail else None,
            }
        )
    return rows


ROUTES: Sequence[HTTPRouteHandler] = [do_invitation]
