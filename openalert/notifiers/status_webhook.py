"""Webhooks of a status page in the shapes of Statuspage, signed twice: what its receivers read, they read from us.

`X-OpenAlert-Signature` is `sha256=` and the HMAC-SHA256 of the body in hexadecimal, its key the whole secret as text:
three lines in any language. The headers of Standard Webhooks (see `webhook`) also hold the time and an id.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Iterator
from typing import Any

import msgspec

from openalert.domain import hops, statuspage_api
from openalert.domain.instant import SECOND, Instant, rfc3339
from openalert.domain.public_page import PublicChange, PublicIncident, PublicPage, PublicUpdate
from openalert.domain.status_letter import Letter
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import HttpClient, OutgoingSettings, parse_url, shown_origin
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, Receipt
from openalert.notifiers.status_picture import pictured
from openalert.notifiers.webhook import SECRET_PREFIX, judge, signature

SIGNATURE = "X-OpenAlert-Signature"
DEADLINE = 30.0
"""Seconds in which a receiver answers, as at Statuspage; for all posts of a letter together."""
MOST_ANSWER = 4_096
MOST_CHANGES = 25
"""Components whose change is posted by itself."""


class StatusWebhookCourier:
    """The way to webhooks; a letter's `to` is the URL. Each component that changed is a post of its own."""

    channel = "webhook"

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        base_url: str,
        key: bytes,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is our own: nothing is sent there. `key` makes the secrets, see `secret_of`."""
        self._own_netloc = parse_url(base_url).netloc
        self._key = key
        slow = msgspec.structs.replace(settings, deadline=DEADLINE, max_answer=MOST_ANSWER)
        self._http = HttpClient(slow, tls=tls, resolver=resolver)

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Posts the incident, then what changed; whatever is not taken is posted again under the same id."""
        if parse_url(letter.to).netloc == self._own_netloc:
            raise NotifierError(Reason.LOOP, "The URL is that of this OpenAlert itself.", permanent=True)
        secret = secret_of(self._key, letter.subscriber.id)
        try:
            async with asyncio.timeout(DEADLINE):
                said = [
                    await self._post(letter.to, headers(secret, post_id, content, now), content, now)
                    for post_id, content in posts(letter, now)
                ]
        except (TimeoutError, LostAnswer) as lost:
            # A receiver knows a repeat by its id: no answer is a failure here, and never a doubt.
            origin = shown_origin(letter.to)
            raise NotifierError(Reason.TIMEOUT, f"{origin} did not answer in time.") from lost
        return Receipt(provider_id=letter.id, detail=said[0] if said else "")

    async def _post(self, url: str, sent: dict[str, str], content: bytes, now: Instant) -> str:
        answer = await self._http.request("POST", url, headers=sent, body=content)
        if (failure := judge(answer, now)) is not None:
            failure.permanent = answer.status == 410
            raise failure
        return answer.excerpt()

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


def secret_of(key: bytes, subscriber_id: str) -> str:
    """What signs for this subscriber, in the form that receivers' libraries take; nothing of it is stored."""
    digest = hmac.digest(key, b"openalert status webhook\0" + subscriber_id.encode(), hashlib.sha256)
    return SECRET_PREFIX + base64.b64encode(digest).decode("ascii")


def posts(letter: Letter, at: Instant) -> Iterator[tuple[str, bytes]]:
    """The documents of a letter, each with its id; `at`: when they are made."""
    if letter.bulletin is None:
        return
    page, incident, update = pictured(letter, letter.bulletin)
    meta = {
        "unsubscribe": letter.unsubscribe_url,
        "documentation": letter.manage_url,
        "generated_at": rfc3339(at),
    }
    yield letter.id, msgspec.json.encode(_head(page, meta) | {"incident": _incident(page, incident)})
    for change in update.changes[:MOST_CHANGES]:
        told = _head(page, meta) | _component(page, update, change)
        yield f"{letter.id}.{change.public_id}", msgspec.json.encode(told)


def headers(secret: str, post_id: str, body: bytes, now: Instant) -> dict[str, str]:
    """What goes along: both signatures; `post_id` is equal on every attempt. ValueError: no signing secret."""
    seconds = now // SECOND
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "webhook-id": post_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, post_id, seconds, body),
        SIGNATURE: f"sha256={digest}",
        hops.HEADER: "1",
    }


def _head(page: PublicPage, meta: dict[str, str]) -> dict[str, Any]:
    return {
        "meta": meta,
        "page": {
            "id": page.public_id,
            "status_indicator": page.indicator.indicator,
            "status_description": page.indicator.description,
        },
    }


def _incident(page: PublicPage, incident: PublicIncident) -> dict[str, Any]:
    """The incident or maintenance with all its updates."""
    (known,) = statuspage_api.told(page, [incident])
    return {
        "backfilled": incident.is_backdated,
        "created_at": known["created_at"],
        "impact": known["impact"],
        "impact_override": None,
        "monitoring_at": known["monitoring_at"],
        "postmortem_body": incident.postmortem or None,
        "postmortem_body_last_updated_at": _time(incident.postmortem_at),
        "postmortem_ignored": False,
        "postmortem_notified_subscribers": False,
        "postmortem_notified_twitter": False,
        "postmortem_published_at": _time(incident.postmortem_at),
        "resolved_at": known["resolved_at"],
        "scheduled_auto_transition": False,
        "scheduled_for": _time(incident.scheduled_for),
        "scheduled_remind_prior": False,
        "scheduled_reminded_at": None,
        "scheduled_until": _time(incident.scheduled_until),
        "shortlink": known["shortlink"],
        "status": known["status"],
        "updated_at": known["updated_at"],
        "id": known["id"],
        "organization_id": page.public_id,
        "incident_updates": known["incident_updates"],
        "components": known["components"],
        "name": known["name"],
    }


def _component(page: PublicPage, update: PublicUpdate, change: PublicChange) -> dict[str, Any]:
    """One component whose status an update changed."""
    created = next(each.created_at for each in page.components if each.id == change.component_id)
    return {
        "component_update": {
            "created_at": rfc3339(update.shown_at),
            "new_status": change.is_now,
            "old_status": change.was,
            "id": _id_of(update, change),
            "component_id": change.public_id,
        },
        "component": {
            "created_at": rfc3339(created),
            "id": change.public_id,
            "name": change.name,
            "status": change.is_now,
        },
    }


def _id_of(update: PublicUpdate, change: PublicChange) -> str:
    """Twelve characters that are equal whenever the same change is told, and for no other one."""
    return hashlib.sha256(f"{update.public_id}:{change.public_id}".encode()).hexdigest()[:12]


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else rfc3339(instant)
