"""User: a person of an organization. ContactMethod: a way to reach one. Session and ApiKey: ways in."""

import unicodedata
from enum import StrEnum

import msgspec

from openalert.domain.access import ORDINARY, Role, Scope
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.second_factor import SecondFactorRule

SESSION_IDLE = 12 * HOUR
SESSION_LONGEST = 7 * DAY
SSO_LONGEST = 12 * HOUR
"""A session by single sign-on ends sooner: only the provider knows that somebody has left (requirement S-23)."""


class SignInMethod(StrEnum):
    """How somebody proved who they are when a session began."""

    PASSWORD = "password"  # noqa: S105 - the name of a method
    PASSWORD_TOTP = "password+totp"  # noqa: S105 - the name of a method
    PASSWORD_RECOVERY = "password+recovery"  # noqa: S105 - the name of a method
    PASSWORD_PASSKEY = "password+passkey"  # noqa: S105 - the name of a method
    PASSKEY = "passkey"
    SSO = "sso"


class Organization(msgspec.Struct, kw_only=True):
    """The tenant: teams, people and everything else belong to one; a row of `organizations`."""

    id: str
    name: str
    created_at: Instant
    second_factor: SecondFactorRule = SecondFactorRule.OPTIONAL


class User(msgspec.Struct, kw_only=True):
    """A row of `users`."""

    id: str
    organization_id: str
    email: str
    email_key: str
    """The address folded so that look-alike spellings are one: see `email_key`."""
    name: str
    role: Role
    timezone: str = "UTC"
    phone_number: str | None = None
    is_active: bool = True
    password_hash: str | None = None
    created_at: Instant
    updated_at: Instant


class ContactMethod(msgspec.Struct, kw_only=True):
    """A row of `contact_methods`; only a verified one gets anything but its code."""

    id: str
    user_id: str
    type: str
    """The notifier's name: `email`; see `domain/contact.py`."""
    address: str
    """In the channel's own form. Where the address itself is a secret, what may be seen of it; the rest is sealed."""
    label: str = ""
    """What the person calls it: `Work phone`."""
    verified_at: Instant | None = None
    code_hash: str | None = None
    code_expires_at: Instant | None = None
    code_tries: int = 0
    code_sent_at: Instant | None = None
    last_proven_at: Instant | None = None
    """When a message by it was last answered or accepted."""
    failing_since: Instant | None = None
    """Since when every message by it has failed; None while it works."""
    last_failure: str | None = None
    """The newest of those failures, in the provider's words."""
    created_at: Instant


class Session(msgspec.Struct, kw_only=True):
    """A signed-in browser; a row of `sessions`, found by the SHA-256 of its token, shown by its id."""

    id: str
    token_hash: str
    user_id: str
    method: SignInMethod
    created_at: Instant
    last_seen_at: Instant
    expires_at: Instant
    address: str
    user_agent: str


class SignInStep(msgspec.Struct, kw_only=True):
    """The password was right and the second factor is to come; a row of `sign_in_steps`, found like a session."""

    token_hash: str
    user_id: str
    tries: int = 0
    """Wrong codes so far."""
    expires_at: Instant


class ApiKey(msgspec.Struct, kw_only=True):
    """A machine's way in; a row of `api_keys`. It reads `oak_<id>_<secret>`; only a hash of that is kept."""

    id: str
    organization_id: str
    name: str
    role: Role
    scopes: tuple[Scope, ...] = tuple(scope for scope in Scope if scope in ORDINARY)
    team_id: str | None = None
    """The only team in which it acts; None: wherever its maker does."""
    secret_hash: str
    created_by_id: str | None = None
    created_at: Instant
    expires_at: Instant | None = None
    last_used_at: Instant | None = None
    revoked_at: Instant | None = None


def email_key(address: str) -> str:
    """The one spelling by which an address is unique: NFKC, case folded, trimmed."""
    return unicodedata.normalize("NFKC", address).strip().casefold()


def check_email(address: str) -> str:
    """The trimmed address, or Invalid: one `@`, something before it, a domain after it, nothing unprintable."""
    address = address.strip()
    local, _, domain = address.rpartition("@")
    plain = address.isprintable() and not any(sign in address for sign in ' <>,;:"()[]\\')
    if not (local and domain and plain and "@" not in local and len(address) <= 254):
        raise Invalid("That is not an e-mail address.", field="email")
    return address
