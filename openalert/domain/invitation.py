"""Invitation: somebody who may join, and as what. PasswordReset: somebody who may choose a new password."""

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant


class Invitation(msgspec.Struct, kw_only=True):
    """A row of `invitations`: it goes when it is accepted or withdrawn."""

    id: str
    organization_id: str
    email: str
    email_key: str
    name: str
    """As whoever invites calls them; empty: not given."""
    role: Role
    teams: dict[str, Role]
    """Team id to the role there."""
    invited_by_id: str | None
    created_at: Instant
    sent_at: Instant
    expires_at: Instant


class PasswordReset(msgspec.Struct, kw_only=True):
    """A row of `password_resets`: it goes when a password is chosen by it."""

    id: str
    user_id: str
    created_at: Instant
    expires_at: Instant
