"""Letters about an incident of a page as the engine would write them, for the tests of this room."""

from typing import Any

from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.status_letter import Bulletin, Letter
from openalert.domain.status_page import (
    Change,
    Component,
    ComponentStatus,
    Impact,
    Indicator,
    PublicStatus,
    StatusIncident,
    StatusPage,
    StatusUpdate,
)
from openalert.domain.status_subscriber import MailingKind, Subscriber, SubscriberKind

NOW = 1_792_112_640_000
"""2026-10-16T01:04:00Z."""
PREFIX = "0199e000-"
"""Begins every id of ours."""
PAGE, INCIDENT, API = f"{PREFIX}page", f"{PREFIX}incident", f"{PREFIX}api"
URL = "https://status.acme.example"
MANAGE, UNSUBSCRIBE, CONFIRM = f"{URL}/manage/t0ken", f"{URL}/leave/t0ken", f"{URL}/confirm/t0ken"


def component(**changes: Any) -> Component:
    """The API, half of which is down."""
    facts: dict[str, Any] = {
        "id": API,
        "page_id": PAGE,
        "public_id": "b13yz5g2cw10",
        "name": "API",
        "status": ComponentStatus.PARTIAL_OUTAGE,
        "position": 1,
        "began_at": NOW - 400 * HOUR,
        "created_at": NOW - 400 * HOUR,
        "updated_at": NOW - HOUR,
    }
    return Component(**(facts | changes))


def update(**changes: Any) -> StatusUpdate:
    """What was said last."""
    change = Change(
        component_id=API,
        name="API",
        was=ComponentStatus.MAJOR_OUTAGE,
        is_now=ComponentStatus.PARTIAL_OUTAGE,
    )
    facts: dict[str, Any] = {
        "id": f"{PREFIX}update",
        "incident_id": INCIDENT,
        "public_id": "jdy3tw5mt5r5",
        "status": PublicStatus.IDENTIFIED,
        "message": "A **bad deploy** is rolled back.\n\n- see [the notes](https://acme.example/notes)",
        "changes": [change],
        "shown_at": NOW - MINUTE,
        "published_at": NOW - MINUTE,
        "created_at": NOW - MINUTE,
    }
    return StatusUpdate(**(facts | changes))


def incident(**changes: Any) -> StatusIncident:
    """Errors of the API."""
    facts: dict[str, Any] = {
        "id": INCIDENT,
        "page_id": PAGE,
        "public_id": "cp306tmzcl0y",
        "internal_incident_id": f"{PREFIX}internal",
        "title": "Elevated API errors",
        "status": PublicStatus.IDENTIFIED,
        "impact": Impact.MAJOR,
        "started_at": NOW - HOUR,
        "published_at": NOW - HOUR,
        "created_at": NOW - HOUR,
        "updated_at": NOW - MINUTE,
    }
    return StatusIncident(**(facts | changes))


def bulletin(**changes: Any) -> Bulletin:
    """The second of two updates, told now."""
    first = update(
        id=f"{PREFIX}first",
        public_id="aaaaaaaaaaaa",
        status=PublicStatus.INVESTIGATING,
        message="We look.",
        changes=[],
        shown_at=NOW - HOUR,
    )
    facts: dict[str, Any] = {
        "incident": incident(),
        "update": update(),
        "updates": (update(), first),
        "components": (component(),),
        "indicator": Indicator("major", "Partial System Outage"),
        "url": f"{URL}/incidents/cp306tmzcl0y",
    }
    return Bulletin(**(facts | changes))


def page(**changes: Any) -> StatusPage:
    """The page at its own domain."""
    facts: dict[str, Any] = {
        "id": PAGE,
        "organization_id": f"{PREFIX}organization",
        "team_id": f"{PREFIX}team",
        "public_id": "kctbh9vrtdwd",
        "name": "Acme Status",
        "slug": "acme",
        "slug_key": "acme",
        "custom_domain": "status.acme.example",
        "timezone": "Europe/Berlin",
        "created_at": NOW - 400 * HOUR,
        "updated_at": NOW - HOUR,
    }
    return StatusPage(**(facts | changes))


def letter(way: SubscriberKind, to: str, **changes: Any) -> Letter:
    """The news for one subscriber of this kind."""
    facts: dict[str, Any] = {
        "kind": MailingKind.UPDATE,
        "id": "letter-1",
        "page": page(),
        "page_url": URL,
        "subscriber": Subscriber(
            id=f"{PREFIX}subscriber",
            page_id=PAGE,
            public_id="j0vqr9kl3513",
            kind=way,
            address="hook",
            address_key="",
            created_at=NOW,
            updated_at=NOW,
        ),
        "to": to,
        "bulletin": bulletin(),
        "manage_url": MANAGE,
        "unsubscribe_url": UNSUBSCRIBE,
    }
    return Letter(**(facts | changes))
