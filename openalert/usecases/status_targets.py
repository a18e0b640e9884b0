"""Where a subscriber of a status page is told: a mailbox, or an address to post to; checked before it is kept."""

from urllib.parse import urlsplit

import msgspec

from openalert.domain.chat_hook import Chat, chat_of
from openalert.domain.errors import Invalid
from openalert.domain.outgoing_webhook import check_url
from openalert.domain.status_subscriber import SubscriberKind, address_key
from openalert.domain.user import check_email
from openalert.notifiers.email import parse_address

CHATS = {SubscriberKind.SLACK: Chat.SLACK, SubscriberKind.TEAMS: Chat.TEAMS}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One place, checked."""

    kind: SubscriberKind
    address: str
    """What of it may be seen."""
    key: str
    asked: str
    """Who is asked to confirm: the same for all addresses that lead to one mailbox or one channel."""
    url: str | None = None
    contact: str = ""

    def __repr__(self) -> str:
        """Never the URL."""
        return f"Target({self.kind} {self.address})"


def mailbox(email: str) -> Target:
    """An e-mail address, or Invalid."""
    address = _email(email, "email")
    key = address_key(SubscriberKind.EMAIL, address)
    return Target(kind=SubscriberKind.EMAIL, address=address, key=key, asked=key)


def hook(kind: SubscriberKind, url: str, contact: str = "") -> Target:
    """A webhook with the mailbox that answers for it, or the webhook of a channel; Invalid names the field.

    Channels are known by the host of their vendor: whoever names one, nothing else is posted to than a chat.
    """
    url = url.strip()
    chat = CHATS.get(kind)
    if chat is not None and chat_of(url) is not chat:
        raise Invalid(f"url must be the address of an incoming webhook of {chat.words}.", field="url")
    check_url(url)
    if kind is SubscriberKind.WEBHOOK and not contact.strip():
        raise Invalid("contact must be an e-mail address: it confirms the webhook.", field="contact")
    key = address_key(kind, _canonical(url))
    mail = _email(contact, "contact") if contact.strip() else ""
    return Target(
        kind=kind,
        address=f"{urlsplit(url).hostname} · {key[:4]}",
        key=key,
        asked=address_key(SubscriberKind.EMAIL, mail) if chat is None else _canonical(url.partition("?")[0]),
        url=url,
        contact=mail,
    )


def _canonical(url: str) -> str:
    """One spelling for what leads to the same place: the host in lower case, without a port that is meant anyway."""
    parts = urlsplit(url)
    meant = {"https": 443, "http": 80}[parts.scheme]
    port = f":{parts.port}" if parts.port not in (None, meant) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}{port}{parts.path.rstrip('/')}{query}"


def _email(text: str, field: str) -> str:
    try:
        address = check_email(text)
    except Invalid:
        raise Invalid("That is not an e-mail address.", field=field) from None
    if parse_address(address) is None:
        raise Invalid("That is not an e-mail address.", field=field)
    return address
