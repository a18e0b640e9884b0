"""Webhooks of a status page in the shapes of Statuspage, signed twice: what its receivers read, they read from us.

`X-OpenAlert-Signature` is `sha256=` and the HMAC-SHA256 of the body in hexadecimal, its key the whole secret as text:
three lines in any language. The headers of Standard Webhooks (see `webhook`) also hold the time and an id.
"""

import hashlib
import hmac
from typing import Any

import msgspec

from openalert.domain import statuspage_api
from openalert.domain.instant import SECOND, Instant, rfc3339
from openalert.domain.public_page import PublicChange, PublicIncident, PublicPage, PublicUpdate
from openalert.notifiers.webhook import HOP_HEADER, signature

SIGNATURE = "X-OpenAlert-Signature"


def incident_body(
    page: PublicPage, incident: PublicIncident, *, unsubscribe_url: str, documentation: str, at: Instant
) -> bytes:
    """The document about an incident or a maintenance with all its updates; `at`: when it was made."""
    (known,) = statuspage_api.told(page, [incident])
    document = _head(page, unsubscribe_url, documentation, at) | {
        "incident": {
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
    }
    return msgspec.json.encode(document)


def component_body(
    page: PublicPage,
    update: PublicUpdate,
    change: PublicChange,
    *,
    unsubscribe_url: str,
    documentation: str,
    at: Instant,
) -> bytes:
    """The document about one component whose status an update changed."""
    created = next((each.created_at for each in page.components if each.id == change.component_id), at)
    document = _head(page, unsubscribe_url, documentation, at) | {
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
    return msgspec.json.encode(document)


def question_body(
    page_id: str, page_name: str, *, unsubscribe_url: str, documentation: str, at: Instant
) -> bytes:
    """The first post to a new address: it says who will post there, and of no incident."""
    return msgspec.json.encode(
        {
            "meta": _meta(unsubscribe_url, documentation, at),
            "page": {"id": page_id, "name": page_name},
        }
    )


def headers(secret: str, delivery_id: str, body: bytes, now: Instant) -> dict[str, str]:
    """What goes along: both signatures; `delivery_id` is equal on every attempt. ValueError: no signing secret."""
    seconds = now // SECOND
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "OpenAlert-StatusPage",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, delivery_id, seconds, body),
        SIGNATURE: f"sha256={digest}",
        HOP_HEADER: "1",
    }


def _head(page: PublicPage, unsubscribe_url: str, documentation: str, at: Instant) -> dict[str, Any]:
    return {
        "meta": _meta(unsubscribe_url, documentation, at),
        "page": {
            "id": page.public_id,
            "status_indicator": page.indicator.indicator,
            "status_description": page.indicator.description,
        },
    }


def _meta(unsubscribe_url: str, documentation: str, at: Instant) -> dict[str, str]:
    return {"unsubscribe": unsubscribe_url, "documentation": documentation, "generated_at": rfc3339(at)}


def _id_of(update: PublicUpdate, change: PublicChange) -> str:
    """Twelve characters that are equal whenever the same change is told, and for no other one."""
    return hashlib.sha256(f"{update.public_id}:{change.public_id}".encode()).hexdigest()[:12]


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else rfc3339(instant)
