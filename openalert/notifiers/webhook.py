"""JSON webhooks, signed by the Standard Webhooks specification, version 1.

The receiver verifies `webhook-signature` over `{webhook-id}.{webhook-timestamp}.{body}`; `webhook-id` is the same on
every attempt, so that a repeat can be recognised. The body is described in docs/channels/webhook.md.
"""

import base64
import binascii
import hashlib
import hmac
import os
import ssl
from typing import Any

import msgspec

from openalert.domain import hops
from openalert.domain.instant import SECOND, Instant, rfc3339
from openalert.domain.notification import NotificationKind
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, parse_url, retry_after
from openalert.notifiers.notifier import IncidentFacts, Message, NotifierError, Reason, Receipt

SECRET_PREFIX = "whsec_"  # noqa: S105 - marks a secret, is none
SECRET_BYTES = 32

_OURS = {"host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent"}


def new_secret() -> str:
    """A fresh signing secret in the form that receivers' libraries take: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode("ascii")


def signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256; ValueError when the secret is no base64 or empty. `timestamp` in seconds."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not a signing secret") from error
    if not key:
        raise ValueError("an empty signing secret")
    digest = hmac.digest(key, b"%s.%d." % (webhook_id.encode("ascii"), timestamp) + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode("ascii")


class WebhookNotifier:
    """The channel `webhook`; a message's `to` is the URL.

    `channel_config` holds `secret`; it may hold `previousSecret` (while receivers change over) and `headers`.
    """

    channel = "webhook"

    def __init__(
        self,
        settings: OutgoingSettings | None = None,
        *,
        base_url: str,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is our own: webhooks to it are refused."""
        self._settings = settings or OutgoingSettings()
        self._own_netloc = parse_url(base_url).netloc
        self._http = HttpClient(self._settings, tls=tls, resolver=resolver)

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Posts the message; a status of 2xx is the receiver's word that it has it."""
        self._refuse_loops(message)
        content = body(message)
        headers = _extra_headers(message) | {
            "Content-Type": "application/json",
            "webhook-id": message.notification_id,
            "webhook-timestamp": str(now // SECOND),
            "webhook-signature": _signatures(message, now // SECOND, content),
            hops.HEADER: str(message.hop + 1),
        }
        answer = await self._http.request("POST", message.to, headers=headers, body=content)
        if failure := judge(answer, now):
            raise failure
        return Receipt(provider_id=message.notification_id, detail=answer.excerpt())

    async def probe(self) -> str:
        """Every channel has its own receiver, so there is none to ask; says where webhooks may go."""
        if self._settings.allow_private_networks:
            return "Webhooks may go to public and private networks."
        if self._settings.allowed_networks:
            return f"Webhooks may go to public networks and to {', '.join(self._settings.allowed_networks)}."
        return "Webhooks may go to public networks only."

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()

    def _refuse_loops(self, message: Message) -> None:
        if parse_url(message.to).netloc == self._own_netloc:
            raise NotifierError(Reason.LOOP, "The URL is that of this OpenAlert itself.", permanent=True)
        if message.hop >= hops.MOST:
            raise NotifierError(
                Reason.LOOP, f"The news has passed {message.hop} OpenAlert instances already.", permanent=True
            )


def judge(answer: Answer, now: Instant) -> NotifierError | None:
    """What a status means: 2xx delivered; 408, 425, 429 and 5xx later; everything else never."""
    status, detail = answer.status, f"The receiver answered {answer.excerpt()}"
    wait = retry_after(answer.headers.get("retry-after"), now)
    match status:
        case _ if 200 <= status < 300:
            return None
        case 429:
            return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
        case 408 | 425:
            return NotifierError(Reason.REFUSED, detail, retry_after=wait)
        case 410:
            return NotifierError(Reason.GONE, detail, permanent=True)
        case 401 | 402 | 403 | 407:
            return NotifierError(Reason.AUTH_FAILED, detail, permanent=True)
        case _ if 400 <= status < 500:
            return NotifierError(Reason.REFUSED, detail, permanent=True)
        case _ if status >= 500:
            return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait)
        case _:
            return NotifierError(
                Reason.BAD_RESPONSE,
                f"{detail}; redirects are not followed, so give the final URL.",
                permanent=True,
            )


def body(message: Message) -> bytes:
    """The JSON document, described in docs/channels/webhook.md."""
    about_incident = message.kind in (NotificationKind.PAGE, NotificationKind.UPDATE)
    document = {
        "type": f"incident.{message.kind.value}" if about_incident else message.kind.value,
        "timestamp": rfc3339(message.at),
        "data": {
            "notificationId": message.notification_id,
            "organization": message.organization,
            "headline": message.headline,
            "body": message.body,
            "reason": message.reason,
            "escalationNote": message.escalation_note,
            "possibleRepeat": message.possible_repeat,
            "incident": _incident(message.incident, message.incident_url) if message.incident else None,
            "actions": [msgspec.structs.asdict(action) for action in message.actions],
            "bundle": message.bundle,
        },
    }
    return msgspec.json.encode(_encodable(document))


def _incident(incident: IncidentFacts, url: str) -> dict[str, Any]:
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "status": incident.status.value,
        "severity": incident.severity.value,
        "priority": incident.severity.priority,
        "serviceName": incident.service_name,
        "description": incident.description,
        "labels": incident.labels,
        "links": [msgspec.structs.asdict(link) for link in incident.links],
        "alertCount": incident.alert_count,
        "startedAt": rfc3339(incident.started_at),
        "url": url,
    }


def _encodable(value: Any) -> Any:
    """`value` with every lone surrogate replaced, since UTF-8 has no form for them."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case list():
            return [_encodable(item) for item in value]
        case dict():
            return {_encodable(name): _encodable(item) for name, item in value.items()}
        case _:
            return value


def _signatures(message: Message, timestamp: int, content: bytes) -> str:
    """One signature for each secret, newest first, separated by blanks."""
    config = message.channel_config
    secrets = [secret for secret in (config.get("secret"), config.get("previousSecret")) if secret]
    try:
        signed = [signature(secret, message.notification_id, timestamp, content) for secret in secrets]
    except ValueError as error:
        raise _misconfigured("Its signing secret is not valid; make a new one.") from error
    if not signed:
        raise _misconfigured("It has no signing secret; make one.")
    return " ".join(signed)


def _extra_headers(message: Message) -> dict[str, str]:
    """What the channel's owner wants sent along, such as `Authorization`; never one that carries our own word."""
    headers = message.channel_config.get("headers") or {}
    for name in headers:
        if name.lower() in _OURS or name.lower().startswith(("webhook-", "x-openalert-")):
            raise _misconfigured(f"The header {name!r} is set by OpenAlert itself; remove it.")
    return {str(name): str(value) for name, value in headers.items()}


def _misconfigured(detail: str) -> NotifierError:
    return NotifierError(
        Reason.MISCONFIGURED, f"The webhook channel cannot be used. {detail}", permanent=True
    )
