"""Push to browsers and installed apps, by the push service of whoever made the browser.

The service worker (`web/static/service-worker.js`) shows what is sent here; the two agree on the payload below.
"""

import hashlib
import ssl
from urllib.parse import urlsplit

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.notification import NotificationKind
from openalert.notifiers import wording
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings
from openalert.notifiers.letter import POSSIBLE_REPEAT
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.notifiers.text import one_line, paragraphs
from openalert.notifiers.webhook import judge

MOST_BYTES = 3_072
"""Of a payload: push services take 4,096 encrypted, some of them less."""
MOST_ACTIONS = 2
"""Buttons that browsers show; further ones are left to the page of the incident."""
_TITLE = 120
_BODY = 500


class WebPushSettings(msgspec.Struct, kw_only=True, frozen=True):
    """Who we are to push services."""

    private_key: str = ""
    """Ours, base64url; empty: each message brings the one that is kept in the database, as `vapid_key`."""
    subject: str = ""
    """A mailto: or https: URL by which the people of a push service find us."""


class Payload(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the service worker is given. Members at their default are left out."""

    id: str
    """The notification, to say that it was shown and to answer it …"""
    proof: str = ""
    """… with what proves that we sent it to this browser."""
    kind: NotificationKind
    title: str
    body: str = ""
    tag: str
    """What replaces what: equal for all messages about one incident."""
    at: Instant
    severity: str = ""
    url: str = "/incidents"
    """The path that a tap opens."""
    answer: str = ""
    """The path of a page that answers without signing in, for browsers that show no buttons."""
    actions: list[dict[str, str]] = []
    """`action` (the verb) and `title`, as browsers want their buttons described."""


class _Carriage(msgspec.Struct, frozen=True):
    """How a push service is to carry a message (RFC 8030 sections 5.2 and 5.3)."""

    urgency: str
    """`high` wakes a phone that saves power, `low` waits until it is charged or in a wireless network."""
    keeps: Instant
    """How long it is kept for a browser that is not there."""


_USUAL = _Carriage("normal", 4 * HOUR)
_CARRIAGE = {
    # As long as news about it are kept, so that these take its place where neither has arrived.
    NotificationKind.PAGE: _Carriage("high", 4 * HOUR),
    NotificationKind.NOTICE: _Carriage("high", 4 * HOUR),
    NotificationKind.TEST: _Carriage("high", 10 * MINUTE),
    NotificationKind.HANDOFF: _Carriage("normal", DAY),
    NotificationKind.DIGEST: _Carriage("low", DAY),
}


class PushNotifier:
    """The channel `push`; a message's `to` is the endpoint of the subscription.

    `channel_config` holds the browser's keys, `p256dh` and `auth`, our `vapid_key`, and a `proof` for answers.
    """

    channel = "push"

    def __init__(
        self,
        settings: WebPushSettings | None = None,
        outgoing: OutgoingSettings | None = None,
        *,
        base_url: str,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is our own, by which a push service may find us; `tls`: trust other authorities."""
        self._settings = settings or WebPushSettings()
        self._subject = self._settings.subject or (base_url if base_url.startswith("https://") else "")
        self._http = HttpClient(outgoing, tls=tls, resolver=resolver)

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Hands the message to the push service, whose 2xx says that it carries it."""
        if not message.to.startswith("https://"):
            raise _misconfigured("The endpoint of the subscription does not begin with https://.")
        config = message.channel_config
        key = self._settings.private_key or str(config.get("vapid_key", ""))
        # Imported here: the cryptography in it costs time, and most starts of the program send no push.
        from openalert.notifiers import web_push

        try:
            body = web_push.encrypt(encoded(message), str(config["p256dh"]), str(config["auth"]))
            authorization = web_push.authorization(key, message.to, self._subject, now)
        except (KeyError, ValueError) as error:
            raise _misconfigured("The keys of the subscription, or our own, cannot be used.") from error
        headers = {
            "Authorization": authorization,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            **_carriage(message),
        }
        answer = await self._http.request("POST", message.to, headers=headers, body=body)
        if failure := _judge(answer, now):
            raise failure
        return Receipt(provider_id=message.notification_id, detail=answer.excerpt())

    async def probe(self) -> str:
        """Every browser has its own push service, so there is none to ask; says whose key is used."""
        kept = "the configuration" if self._settings.private_key else "the database"
        return f"Pushes go to browsers that people have connected, signed with the key from {kept}."

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


def _judge(answer: Answer, now: Instant) -> NotifierError | None:
    """As of webhooks; but 404 too says that the subscription is over (RFC 8030 section 7.3)."""
    if answer.status in (404, 410):
        detail = f"The push service answered {answer.excerpt()}"
        return NotifierError(Reason.GONE, detail, permanent=True)
    return judge(answer, now)


def _carriage(message: Message) -> dict[str, str]:
    carriage = _CARRIAGE.get(message.kind, _USUAL)
    headers = {"TTL": str(carriage.keeps // SECOND), "Urgency": carriage.urgency}
    if message.thread_key:
        # At most 32 letters of base64url; what is still on its way with the same topic is replaced by this.
        headers["Topic"] = hashlib.sha256(message.thread_key.encode()).hexdigest()[:32]
    return headers


def encoded(message: Message) -> bytes:
    """The payload as JSON, its body shortened until it fits."""
    payload = _payload(message)
    content = msgspec.json.encode(payload)
    while len(content) > MOST_BYTES:
        payload.body = paragraphs(payload.body, len(payload.body) // 2)
        content = msgspec.json.encode(payload)
    return content


def _payload(message: Message) -> Payload:
    answer = _path(message.actions[0].url) if message.actions else ""
    title, body = shown(message)
    return Payload(
        id=message.notification_id,
        proof=str(message.channel_config.get("proof", "")),
        kind=message.kind,
        title=title,
        body=body,
        tag=message.thread_key or message.notification_id,
        at=message.at,
        severity=message.incident.severity.value if message.incident else "",
        url=_path(message.incident_url) or answer or "/incidents",
        answer=answer if message.incident else "",
        actions=[
            {"action": action.verb, "title": one_line(action.label, 24)}
            for action in message.actions[:MOST_ACTIONS]
        ]
        if message.incident
        else [],
    )


def shown(message: Message) -> tuple[str, str]:
    """The title and the text that stand on a locked screen."""
    return wording.headline(message, _TITLE), _body(message)


def _body(message: Message) -> str:
    """What comes below the title: what happens next and what else is broken, or why it came."""
    below = wording.brief(message, _BODY).partition("\n")[2] or one_line(message.reason, 200)
    return f"({POSSIBLE_REPEAT}) {below}" if message.possible_repeat else below


def _path(url: str) -> str:
    """Of an address of ours: the browser may reach us by another name than `server.base_url`."""
    return urlsplit(url).path


def _misconfigured(detail: str) -> NotifierError:
    return NotifierError(Reason.MISCONFIGURED, f"The push cannot be sent. {detail}", permanent=True)
