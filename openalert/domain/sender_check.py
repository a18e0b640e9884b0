"""SenderCheck: what a sender has to prove besides knowing the address: a signature, a token or a password.

A key in an address is a secret that proxies and histories may keep. Where the sender can do more, it may have to.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import MINUTE, SECOND, Instant

TOLERANCE = 5 * MINUTE
"""How far a signed time may be from ours, as Standard Webhooks has it: what is older may have been recorded."""
LONGEST_SECRET = 512
_SHORTEST_SECRET = 8
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_NOT_OURS = frozenset(
    {"authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
)


class CheckKind(StrEnum):
    """How a sender proves itself."""

    GITHUB = "github"
    """`X-Hub-Signature-256: sha256=<hex>` over the body."""
    SENTRY = "sentry"
    """`Sentry-Hook-Signature: <hex>` over the body."""
    GRAFANA = "grafana"
    """`X-Grafana-Alerting-Signature: <hex>` over the body, or over the time, a colon and the body."""
    PAGERDUTY = "pagerduty"
    """`X-PagerDuty-Signature: v1=<hex>,v1=<hex>` over the body."""
    STANDARD_WEBHOOKS = "standard_webhooks"
    """https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""
    HMAC = "hmac"
    """A signature over the body in a header of any name."""
    BEARER = "bearer"
    """`Authorization: Bearer <secret>`."""
    BASIC = "basic"
    """`Authorization: Basic`, a name and the secret as its password."""
    HEADER = "header"
    """The secret itself in a header of any name."""


class Algorithm(StrEnum):
    """The hash of a signature."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


class Encoding(StrEnum):
    """How a signature is written."""

    HEX = "hex"
    BASE64 = "base64"


class SenderCheck(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """What is checked; the secret itself is kept sealed, elsewhere."""

    kind: CheckKind
    header: str = ""
    """Of `hmac` and `header`: which one holds it."""
    algorithm: Algorithm = Algorithm.SHA256
    """Of `hmac`."""
    prefix: str = ""
    """Of `hmac`: what stands before the signature, such as `sha256=`."""
    encoding: Encoding = Encoding.HEX
    """Of `hmac`."""
    username: str = ""
    """Of `basic`."""


_PRESETS = {
    CheckKind.GITHUB: ("X-Hub-Signature-256", "sha256="),
    CheckKind.SENTRY: ("Sentry-Hook-Signature", ""),
    CheckKind.GRAFANA: ("X-Grafana-Alerting-Signature", ""),
    CheckKind.PAGERDUTY: ("X-PagerDuty-Signature", "v1="),
}
_GRAFANA_TIME = "x-grafana-alerting-timestamp"


def checked(check: SenderCheck, secret: str) -> None:
    """Raises Invalid for a check that could never pass, or that proves nothing."""
    is_named = _HEADER.fullmatch(check.header) and check.header.lower() not in _NOT_OURS
    if check.kind in (CheckKind.HMAC, CheckKind.HEADER) and not is_named:
        raise _invalid("header", "Name the header that holds it, such as X-Signature.")
    if len(check.prefix) > 40 or not check.prefix.isprintable():
        raise _invalid("prefix", "The prefix has at most 40 characters that can be seen.")
    if check.kind is CheckKind.BASIC and not (0 < len(check.username) <= 100 and ":" not in check.username):
        raise _invalid("username", "Basic needs a user name of at most 100 characters, without a colon.")
    if not _SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or not secret.isprintable():
        raise Invalid(
            f"The secret has {_SHORTEST_SECRET} to {LONGEST_SECRET} characters that can be seen.",
            field="senderSecret",
        )
    if check.kind is CheckKind.STANDARD_WEBHOOKS and _standard_key(secret) is None:
        raise Invalid("A secret of Standard Webhooks is whsec_ and base64.", field="senderSecret")


def refusal(check: SenderCheck, secret: str, headers: Mapping[str, str], body: bytes, now: Instant) -> str:
    """Why a message is not from who it should be, as one sentence; "" when it is. `headers` in lower case.

    What is compared with a secret takes the same time wherever it differs.
    """
    if check.kind in (CheckKind.BEARER, CheckKind.BASIC):
        return _authorization(check, secret, headers.get("authorization", ""))
    if check.kind is CheckKind.HEADER:
        given = headers.get(check.header.lower())
        if given is None:
            return f"This address wants the header {check.header}, and the message had none."
        return "" if _same(given, secret) else f"The token in {check.header} is not the right one."
    if check.kind is CheckKind.STANDARD_WEBHOOKS:
        return _standard(secret, headers, body, now)
    return _signature(check, secret, headers, body, now)


def _signature(check: SenderCheck, secret: str, headers: Mapping[str, str], body: bytes, now: Instant) -> str:
    name, prefix = _PRESETS.get(check.kind, (check.header, check.prefix))
    given = headers.get(name.lower())
    if given is None:
        return f"This address wants a signature in {name}, and the message had none."
    signed = body
    if check.kind is CheckKind.GRAFANA and (moment := headers.get(_GRAFANA_TIME)) is not None:
        if not _is_recent(moment, now):
            return f"The time in {_GRAFANA_TIME} is more than five minutes from now."
        signed = moment.encode("latin-1") + b":" + body
    digest = hmac.digest(secret.encode(), signed, check.algorithm.value)
    wanted = base64.b64encode(digest).decode() if check.encoding is Encoding.BASE64 else digest.hex()
    several = given.split(",", 10) if check.kind is CheckKind.PAGERDUTY else [given]
    found = [
        _same(_cased(check, each.strip()[len(prefix) :]), wanted)
        for each in several
        if each.strip().startswith(prefix)
    ]
    return "" if any(found) else f"The signature in {name} does not fit the message: check the secret."


def _cased(check: SenderCheck, signature: str) -> str:
    """Hexadecimal digits come in either case."""
    return signature if check.encoding is Encoding.BASE64 else signature.lower()


def _standard(secret: str, headers: Mapping[str, str], body: bytes, now: Instant) -> str:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    identity, moment, given = (headers.get(name) for name in names)
    if identity is None or moment is None or given is None:
        return (
            "This address wants webhook-id, webhook-timestamp and webhook-signature, and not all were there."
        )
    if not _is_recent(moment, now):
        return "The time in webhook-timestamp is more than five minutes from now."
    key = _standard_key(secret) or b""
    signed = f"{identity}.{moment}.".encode("latin-1") + body
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    found = [
        _same(each.removeprefix("v1,"), wanted) for each in given.split(" ")[:10] if each.startswith("v1,")
    ]
    return (
        "" if any(found) else "The signature in webhook-signature does not fit the message: check the secret."
    )


def _standard_key(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _is_recent(moment: str, now: Instant) -> bool:
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 11):
        return False
    return abs(int(moment) * SECOND - now) <= TOLERANCE


def _authorization(check: SenderCheck, secret: str, given: str) -> str:
    scheme, _, credentials = given.strip().partition(" ")
    if scheme.lower() != check.kind:
        return f"This address wants Authorization: {check.kind.capitalize()}, and the message had none."
    if check.kind is CheckKind.BEARER:
        return "" if _same(credentials.strip(), secret) else "The bearer token is not the right one."
    try:
        plain = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        plain = b""
    wanted = f"{check.username}:{secret}".encode()
    return "" if hmac.compare_digest(plain, wanted) else "The user name or the password is not the right one."


def _same(given: str, wanted: str) -> bool:
    """Header values come as latin-1; whatever they hold, comparing them takes the time of their length alone."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode("utf-8"))


def _invalid(member: str, message: str) -> Invalid:
    return Invalid(message, field=f"config.senderCheck.{member}")
