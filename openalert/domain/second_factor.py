"""Second factors: what proves more than a password does, and who has to have one."""

from enum import StrEnum

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant

RECOVERY_CODES = 10


class SecondFactorRule(StrEnum):
    """Who has to prove more than a password."""

    OPTIONAL = "optional"
    ADMINS = "admins"
    """Admins and owners."""
    EVERYONE = "everyone"

    def concerns(self, role: Role) -> bool:
        """Whether somebody with this role needs a second factor."""
        return self is SecondFactorRule.EVERYONE or (
            self is SecondFactorRule.ADMINS and role.rank >= Role.ADMIN.rank
        )


class Totp(msgspec.Struct, kw_only=True):
    """An authenticator app (RFC 6238: six digits, SHA-1, 30 s); a row of `totp`."""

    user_id: str
    secret: str | None
    """Base32, sealed wherever it is stored; None when no key that we have opens it."""
    confirmed_at: Instant | None = None
    """Before, it is only being set up and opens nothing."""
    last_step: int = 0
    """The newest step of 30 s whose code was taken: it and those before it are never taken again."""
    created_at: Instant


class Passkey(msgspec.Struct, kw_only=True):
    """A key that a device or browser keeps for somebody (WebAuthn); a row of `passkeys`."""

    id: str
    user_id: str
    credential_id: str
    """As the device names it, base64url."""
    public_key: str
    """COSE, base64url."""
    sign_count: int
    name: str
    """What its owner calls it."""
    created_at: Instant
    last_used_at: Instant | None = None


class Challenge(msgspec.Struct, kw_only=True):
    """What a passkey is asked to sign, once; a row of `passkey_challenges`."""

    challenge: str
    """Base64url."""
    purpose: str
    """`register` or `sign_in`."""
    user_id: str | None
    """Whose passkey has to sign; None: whoever signs in with one."""
    expires_at: Instant
