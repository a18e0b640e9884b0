"""Addresses of Apprise: `ntfy://topic`, `gotify://host/token`; which may be used, and what of one may be seen.

Form: https://appriseit.com/services/. The words after `://` are tokens and topics: whoever knows them can write there,
so an address is a secret as a whole.
"""

import hashlib
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from openalert.domain.errors import Invalid

LONGEST = 2_000

_ADDRESS = re.compile(r"([a-z0-9]{2,12})://[!-~]+")
_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+|localhost")

OF_THE_MACHINE = frozenset(
    """
    blink1 dbus gio glib gnome growl jellyfin jellyfins kde macosx qt rsyslog syslog windows amqp amqps aprs
    deltachat deltachats email irc ircs mqtt mqtts nostr smpp smpps xmpp xmpps fcm vapid
    """.split()  # noqa: SIM905 - read by people
)
"""They act on this machine, read its files, or open connections of their own, past the rules for outgoing requests."""

OURS = {
    "mailto": "E-mail",
    "mailtos": "E-mail",
    "json": "Webhook",
    "jsons": "Webhook",
    "xml": "Webhook",
    "xmls": "Webhook",
    "form": "Webhook",
    "forms": "Webhook",
}
"""What a channel of our own does, with receipts and signatures that Apprise has none of."""

FOR_PEOPLE = frozenset(
    """
    bark barks discord gchat gotify gotifys join line matrix matrixs mmost mmosts nctalk nctalks ntfy ntfys pbul
    pover prowl pushdeer pushdeers pushy rocket rockets schan signal signals simplepush spush spugpush tgram
    threema webex wxteams zulip
    """.split()  # noqa: SIM905 - read by people
)
"""Services by which somebody is reached as a person; anybody may enter such an address for themselves."""

_HOST_FIRST = frozenset(
    """
    bark barks gotify gotifys matrix matrixs mmost mmosts nctalk nctalks ntfy ntfys
    """.split()  # noqa: SIM905 - read by people
)
"""What follows `://` may be the name of a server; with all others it is a token."""


def scheme_of(address: str) -> str:
    """`ntfy` of `ntfy://topic`; empty for what is no address of Apprise."""
    found = _ADDRESS.fullmatch(address) if len(address) <= LONGEST else None
    return found[1] if found else ""


def check_team_address(address: str) -> str:
    """An address for a channel of a team, or Invalid with the field `config.url`."""
    return _checked(address, "config.url")


def check_own_address(address: str) -> str:
    """An address by which a person is reached, or Invalid with the field `address`."""
    scheme = scheme_of(_checked(address, "address"))
    if scheme not in FOR_PEOPLE:
        raise Invalid(
            f"{scheme}:// is not for people. Give one of {', '.join(sorted(FOR_PEOPLE))}; "
            "an admin can add other services as a channel of a team.",
            field="address",
        )
    return address.strip()


def shown(address: str) -> str:
    """What may be seen of an address: the service, a server's name, and eight characters to tell two apart."""
    print_ = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:8]
    scheme = scheme_of(address)
    return f"{scheme}://{_server(scheme, address)}… ({print_})"


def secrets_in(address: str) -> list[str]:
    """The parts of an address that nobody is to read, the longest first; a server's name is none."""
    server = _server(scheme_of(address), address).rstrip("/").casefold()
    parts = set(re.split(r"[/@:?&=,#+]+", address.partition("://")[2]))
    parts |= {unquote(part) for part in parts}
    return sorted(
        (part for part in parts if len(part) >= 4 and part.casefold() not in server), key=len, reverse=True
    )


def reads_a_file(address: str) -> bool:
    """Whether the address asks for a `template`: Apprise reads that file here, and sends what stands in it."""
    given = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    return any(name.strip().lower() == "template" for name, _ in given)


def _server(scheme: str, address: str) -> str:
    """`ntfy.example.com/`, where the address names a server; else nothing."""
    if scheme not in _HOST_FIRST:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    name = host.partition(":")[0]
    return f"{host}/" if parts.path.strip("/") and _HOST.fullmatch(name) else ""


def _checked(address: str, field: str) -> str:
    address = address.strip()
    scheme = scheme_of(address)
    if not scheme:
        raise Invalid(
            "An address of Apprise begins with the service, such as ntfy://topic, and has no blanks.",
            field=field,
        )
    if scheme in ("http", "https"):
        raise Invalid(
            "Give the address as Apprise has it, such as discord://…, or use the kind Webhook.", field=field
        )
    if scheme in OURS:
        raise Invalid(f"Use the kind {OURS[scheme]}: OpenAlert does {scheme}:// itself.", field=field)
    if scheme in OF_THE_MACHINE:
        raise Invalid(
            f"{scheme}:// cannot be used: it acts past the rules for outgoing requests.", field=field
        )
    if reads_a_file(address):
        raise Invalid("Leave template= out: it would read a file of this machine.", field=field)
    return address
