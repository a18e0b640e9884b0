"""Links that let somebody in once, as mail: written as a notification, signed only when it is sent."""

from openalert.domain import link
from openalert.domain.access import SYSTEM
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.invitation import Invitation, PasswordReset
from openalert.domain.link import LinkClaims, Purpose
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.user import User
from openalert.notifiers.notifier import OPEN, Action, Message, NotifierError, Reason
from openalert.storage import invitations, notifications, organizations, password_resets, users
from openalert.storage.transaction import Reader, Transaction


def of_invitation(invitation: Invitation) -> LinkClaims:
    """What the link of an invitation proves."""
    return LinkClaims(Purpose.INVITATION, invitation.id, "", invitation.email_key, invitation.expires_at)


def of_reset(reset: PasswordReset, user: User) -> LinkClaims:
    """What the link to a new password proves."""
    return LinkClaims(Purpose.RESET, reset.id, user.id, user.email_key, reset.expires_at)


def address(base_url: str, secret: bytes, claims: LinkClaims) -> str:
    """The link itself: always below the configured address, whatever a request said."""
    return f"{base_url}/{claims.purpose}/{link.sign(secret, claims)}"


async def mail(tx: Transaction, claims: LinkClaims, *, organization_id: str, to: str, reason: str) -> None:
    """Send the link by mail; it is tried again for as long as the link holds. The row holds no secret."""
    row = Notification(
        id=new_id(tx.now),
        effect_key=effect(claims),
        organization_id=organization_id,
        team_id=None,
        incident_id=None,
        kind=NotificationKind.LINK,
        user_id=claims.user_id or None,
        channel="email",
        address=to,
        reason=reason,
        content={"purpose": claims.purpose.value, "row": claims.row_id},
        due_at=tx.now,
        give_up_at=claims.expires_at,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await notifications.enqueue(tx, [row])


def effect(claims: LinkClaims) -> str:
    """What makes the mail of a link unique: sent again it ends later."""
    return f"link:{claims.purpose}:{claims.row_id}:{claims.expires_at}"


async def write(reader: Reader, row: Notification, message: Message, base_url: str, secret: bytes) -> None:
    """Put the words and the button into the mail; NotifierError when the link is no longer wanted."""
    if row.content.get("purpose") == Purpose.INVITATION:
        await _write_invitation(reader, row, message, base_url, secret)
    else:
        await _write_reset(reader, row, message, base_url, secret)


async def _write_invitation(
    reader: Reader, row: Notification, message: Message, base_url: str, secret: bytes
) -> None:
    invitation = await invitations.get(reader, SYSTEM, str(row.content.get("row")))
    if invitation is None or effect(of_invitation(invitation)) != row.effect_key:
        raise _not_wanted()
    organization = await organizations.get(reader, invitation.organization_id)
    people = await users.named(reader, SYSTEM, [invitation.invited_by_id or ""])
    who = next((f"{person.name} ({person.email})" for person in people.values()), "An administrator")
    name = organization.name if organization else "OpenAlert"
    message.headline = f"You are invited to {name} on OpenAlert"
    message.body = (
        f"{who} invites you. OpenAlert calls whoever is on call when something breaks.\n\n"
        f"Press the button to choose your name and password. The link is good once, {_for(Purpose.INVITATION)}; "
        "after that, ask for another."
    )
    message.actions = [_button("Accept the invitation", address(base_url, secret, of_invitation(invitation)))]


async def _write_reset(
    reader: Reader, row: Notification, message: Message, base_url: str, secret: bytes
) -> None:
    reset = await password_resets.get(reader, str(row.content.get("row")))
    user = await users.get(reader, SYSTEM, row.user_id or "")
    if reset is None or user is None or not user.is_active or user.email != row.address:
        raise _not_wanted()
    if user.password_hash is None:
        await _write_welcome(reader, message, user)
    else:
        message.headline = "Choose a new password"
        message.body = (
            f"The link is good once, {_for(Purpose.RESET)}. Choosing a password signs you out everywhere.\n\n"
            "If you did not ask for it, do nothing: your password stays as it is."
        )
    label = "Choose a password" if user.password_hash is None else "Choose a new password"
    message.actions = [_button(label, address(base_url, secret, of_reset(reset, user)))]


async def _write_welcome(reader: Reader, message: Message, user: User) -> None:
    """For somebody who is here and has never signed in."""
    organization = await organizations.get(reader, user.organization_id)
    name = organization.name if organization else "OpenAlert"
    message.headline = f"Welcome to {name} on OpenAlert"
    message.body = (
        "OpenAlert calls whoever is on call when something breaks. Choose a password to sign in, see your shifts "
        f"and say how you are reached.\n\nYou sign in with {user.email}. The link is good once; when it is over, "
        "“Forgotten your password?” on the page to sign in sends another."
    )


def _button(label: str, url: str) -> Action:
    return Action(verb=OPEN, label=label, url=url)


def _for(purpose: Purpose) -> str:
    return "for three days" if purpose is Purpose.INVITATION else "for half an hour"


def _not_wanted() -> NotifierError:
    return NotifierError(Reason.GONE, "The link was used or withdrawn before it was sent.", permanent=True)


async def recall(tx: Transaction, claims: LinkClaims) -> None:
    """The link is used or withdrawn: its mail is not sent any more."""
    await notifications.cancel_effect(tx, effect(claims), "The link was used or withdrawn.")


def is_open(secret: bytes, token: str, claims: LinkClaims, now: Instant) -> bool:
    """Whether the token is the link of these claims, and in force."""
    return link.is_good(secret, token, claims, now)
