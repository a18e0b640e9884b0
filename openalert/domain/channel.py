"""The kinds of places where messages of a team go: what each is called, and what its address must look like."""

import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from openalert.domain import apprise
from openalert.domain.canary import CHANNEL
from openalert.domain.errors import Invalid
from openalert.domain.user import check_email

_SLACK_ID = re.compile(r"[CG][A-Z0-9]{6,20}")
_SLACK_NAME = re.compile(r"#[^\s#@<>&,:;\"'`|/\\]{1,80}")
_MATTERMOST_ID = re.compile(r"[a-z0-9]{26}")
_TELEGRAM_CHAT = re.compile(r"-?[1-9][0-9]{3,18}")


class ChannelKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of channel. A new one is a notifier, a line in `CHANNEL_KINDS` and a page in docs/channels."""

    type: str
    """The notifier's name."""
    words: str
    """What people call it: `Webhook`."""
    field: str
    """The one member of its `config`: `url`."""
    field_words: str
    placeholder: str
    check: Callable[[str], str]
    """The address as it is kept, or Invalid."""
    is_secret: bool = False
    """Whoever knows the address can write there: it is sealed, and `shown` of it stands in its place."""
    shown: Callable[[str], str] | None = None
    """What may be seen of a secret address; None: `shown_secret`."""
    needs_admin: bool = False
    """Its messages leave by ways that only an admin of the organization may open."""


def check_url(url: str) -> str:
    """An address that requests may go to, or Invalid with the field `config.url`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url or len(url) > 2_000:
        raise Invalid(
            "config.url must be an address that begins with https:// or http://.", field="config.url"
        )
    return url


def check_workflow_url(url: str) -> str:
    """A Teams workflow's address, https alone as it carries its own key; or Invalid with the field `config.url`."""
    if not url.startswith("https://"):
        raise Invalid(
            "config.url must be the workflow's address, which begins with https://.", field="config.url"
        )
    return check_url(url)


def check_slack_channel(channel: str) -> str:
    """A channel's id (`C012AB3CD`) or its name with a number sign, or Invalid with the field `config.channel`."""
    plain = channel.strip()
    if _SLACK_ID.fullmatch(plain):
        return plain
    name = "#" + plain.removeprefix("#").lower()
    if not _SLACK_NAME.fullmatch(name) or not name.isprintable():
        raise Invalid(
            "config.channel must be a Slack channel's name such as #alerts, or its ID such as C012AB3CD.",
            field="config.channel",
        )
    return name


def check_mattermost_channel(channel: str) -> str:
    """The id of a Mattermost channel, 26 letters and digits; or Invalid with the field `config.channel`."""
    plain = channel.strip()
    if not _MATTERMOST_ID.fullmatch(plain):
        raise Invalid(
            "config.channel must be the channel's ID: in Mattermost, View Info of the channel, at its end.",
            field="config.channel",
        )
    return plain


def check_telegram_chat(chat: str) -> str:
    """The id of a Telegram chat: digits, with a minus sign for groups; or Invalid with the field `config.chat`."""
    plain = chat.strip().replace("\N{MINUS SIGN}", "-")
    if not _TELEGRAM_CHAT.fullmatch(plain):
        raise Invalid(
            "config.chat must be the ID of a chat, such as -1001234567890; write /id to the bot there.",
            field="config.chat",
        )
    return plain


def shown_secret(address: str) -> str:
    """What may be seen of an address that is a secret: scheme and host, and eight characters to tell two apart."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    print_ = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{parts.scheme}://{host}/… ({print_})"


CHANNEL_KINDS: dict[str, ChannelKind] = {
    kind.type: kind
    for kind in (
        ChannelKind(
            type="email",
            words="E-mail",
            field="address",
            field_words="E-mail address",
            placeholder="ops@example.com",
            check=check_email,
        ),
        ChannelKind(
            type="slack",
            words="Slack",
            field="channel",
            field_words="Channel",
            placeholder="#alerts",
            check=check_slack_channel,
        ),
        ChannelKind(
            type="webhook",
            words="Webhook",
            field="url",
            field_words="URL",
            placeholder="https://example.com/hook",
            check=check_url,
        ),
        ChannelKind(
            type="teams",
            words="Microsoft Teams",
            field="url",
            field_words="Webhook URL of the workflow",
            placeholder="https://….logic.azure.com/workflows/…",
            check=check_workflow_url,
            is_secret=True,
        ),
        ChannelKind(
            type="apprise",
            words="ntfy, Pushover, Gotify, … (Apprise)",
            field="url",
            field_words="Address of Apprise",
            placeholder="ntfy://ntfy.example.com/ops",
            check=apprise.check_team_address,
            is_secret=True,
            shown=apprise.shown,
            needs_admin=True,
        ),
        ChannelKind(
            type="mattermost",
            words="Mattermost",
            field="channel",
            field_words="Channel ID",
            placeholder="4xp9fdt77pncbef59f4k1qe83o",
            check=check_mattermost_channel,
        ),
        ChannelKind(
            type="telegram",
            words="Telegram",
            field="chat",
            field_words="Chat ID",
            placeholder="-1001234567890",
            check=check_telegram_chat,
        ),
    )
}
"""By the notifier's name, in the order in which they are offered."""

_OURS = ChannelKind(
    type=CHANNEL,
    words="Nowhere",
    field="address",
    field_words="",
    placeholder="",
    check=str,
)
"""Where canaries end: offered to nobody."""


def stored_kind(name: str) -> ChannelKind:
    """The kind of a channel that exists."""
    return _OURS if name == _OURS.type else channel_kind(name)


def channel_kind(name: str) -> ChannelKind:
    """The kind of that name, or Invalid with what there is."""
    if name not in CHANNEL_KINDS:
        raise Invalid(
            f"type must be one of {', '.join(CHANNEL_KINDS)}.", field="type", allowed=list(CHANNEL_KINDS)
        )
    return CHANNEL_KINDS[name]
