"""The kinds of ways to reach a person: what each is called, and what its address must look like."""

import re
from collections.abc import Callable

import msgspec

from openalert.domain import apprise
from openalert.domain.errors import Invalid
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.domain.user import check_email

_WRITTEN = re.compile(r"[\s().\-/\u2010-\u2015\u00a0]")
_MATTERMOST_ACCOUNT = re.compile(r"[a-z0-9]{26}")
_TELEGRAM_ACCOUNT = re.compile(r"[1-9][0-9]{3,18}")
_COSTLY = ("+1900", "+1976", "+979", "+882", "+883")
"""Premium rate in North America and worldwide, and the networks without a country: whom toll fraud lets others call."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SLACK_MEMBER = re.compile(r"[UW][A-Z0-9]{6,20}")

CALL_AFTER = 2 * MINUTE
"""A telephone call wakes whoever slept through the rest; without rules of their own people have this long."""


class ContactKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of contact method. A new one is a notifier, a line in `CONTACT_KINDS` and a page in docs/channels."""

    type: str
    """The notifier's name."""
    words: str
    """What people call it: `E-mail`."""
    address_words: str
    """What its address is called: `E-mail address`."""
    placeholder: str = ""
    check: Callable[[str], str]
    """The address as it is kept, or Invalid with the field `address`."""
    is_linked: bool = False
    """It is made and proven by its own provider (a browser, a chat): nobody types the address, no code is sent."""
    shown: Callable[[str], str] | None = None
    """What may be seen of its address, which is sealed; None: the address is no secret."""
    from_severity: Severity = Severity.INFO
    """Without rules of the person's own, it pages for incidents at least this severe …"""
    costs: bool = False
    """Every message costs money, so that codes to it are counted more strictly."""
    after: Instant = 0
    """… this long after the person is to be paged."""


def check_phone(number: str) -> str:
    """A telephone number as E.164 has it, `+4915112345678`; blanks, dots, dashes and brackets may be typed."""
    plain = _WRITTEN.sub("", number)
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not _E164.fullmatch(plain):
        raise Invalid("A telephone number begins with + and the country: +49 151 12345678.", field="address")
    if plain.startswith(_COSTLY):
        raise Invalid(
            "Numbers of paid services and of international networks are not called.", field="address"
        )
    return plain


def _as_it_is(address: str) -> str:
    """What a provider gave us is not for us to judge."""
    return address


def check_slack_member(address: str) -> str:
    """The id by which Slack knows a person, as their profile there shows it."""
    plain = address.strip().upper()
    if not _SLACK_MEMBER.fullmatch(plain):
        raise Invalid(
            "A Slack member ID begins with U or W: U012AB3CD. Slack shows it in your profile.",
            field="address",
        )
    return plain


def check_mattermost_account(address: str) -> str:
    """The id by which Mattermost knows a person: 26 letters and digits."""
    if not _MATTERMOST_ACCOUNT.fullmatch(address):
        raise Invalid("The ID of a Mattermost account has 26 letters and digits.", field="address")
    return address


def check_telegram_account(address: str) -> str:
    """The id of somebody's Telegram account, which is also that of the chat with them."""
    if not _TELEGRAM_ACCOUNT.fullmatch(address):
        raise Invalid("The ID of a Telegram account is a number.", field="address")
    return address


CONTACT_KINDS: dict[str, ContactKind] = {
    kind.type: kind
    for kind in (
        ContactKind(
            type="email",
            words="E-mail",
            address_words="E-mail address",
            placeholder="you@example.com",
            check=check_email,
        ),
        ContactKind(
            type="slack",
            words="Slack",
            address_words="Slack member ID",
            placeholder="U012AB3CD",
            check=check_slack_member,
            is_linked=True,
        ),
        ContactKind(
            type="push", words="Push", address_words="Browser or app", check=_as_it_is, is_linked=True
        ),
        ContactKind(
            type="apprise",
            words="ntfy, Pushover, Gotify, … (Apprise)",
            address_words="Address of Apprise",
            placeholder="ntfy://ntfy.example.com/my-topic",
            check=apprise.check_own_address,
            shown=apprise.shown,
        ),
        ContactKind(
            type="sms",
            words="SMS",
            address_words="Mobile number",
            placeholder="+49 151 12345678",
            check=check_phone,
            costs=True,
            from_severity=Severity.CRITICAL,
        ),
        ContactKind(
            type="voice",
            words="Telephone call",
            address_words="Telephone number",
            placeholder="+49 30 1234567",
            check=check_phone,
            costs=True,
            from_severity=Severity.CRITICAL,
            after=CALL_AFTER,
        ),
        ContactKind(
            type="mattermost",
            words="Mattermost",
            address_words="Mattermost account",
            check=check_mattermost_account,
            is_linked=True,
        ),
        ContactKind(
            type="telegram",
            words="Telegram",
            address_words="Telegram account",
            check=check_telegram_account,
            is_linked=True,
        ),
    )
}
"""By the notifier's name, in the order in which they are offered."""


def contact_kind(name: str) -> ContactKind:
    """The kind of that name, or Invalid with what there is."""
    if name not in CONTACT_KINDS:
        raise Invalid(
            f"type must be one of {', '.join(CONTACT_KINDS)}.", field="type", allowed=list(CONTACT_KINDS)
        )
    return CONTACT_KINDS[name]
