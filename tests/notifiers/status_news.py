"""A page with an incident and its updates, as the engine would tell of them, for the tests of this room."""

from typing import Any

from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.public_page import (
    PublicChange,
    PublicComponent,
    PublicIncident,
    PublicPage,
    PublicUpdate,
)
from openalert.domain.status_page import (
    ComponentStatus,
    Impact,
    Indicator,
    OverallStatus,
    PublicKind,
    PublicStatus,
    Theme,
)

NOW = 1_792_112_640_000
"""2026-10-16T01:04:00Z."""
URL = "https://status.acme.example"
MANAGE = f"{URL}/subscribers/t0ken"
DOCUMENTATION = "https://oncall.acme.example/docs"


def component(**changes: Any) -> PublicComponent:
    """The API, half of which is down."""
    facts: dict[str, Any] = {
        "id": "0199e000-0000-7000-8000-000000000010",
        "public_id": "b13yz5g2cw10",
        "group_id": None,
        "name": "API",
        "description": "",
        "link": None,
        "status": ComponentStatus.PARTIAL_OUTAGE,
        "position": 1,
        "shows_uptime": True,
        "days": (),
        "percent": None,
        "created_at": NOW - 400 * HOUR,
        "updated_at": NOW - HOUR,
    }
    return PublicComponent(**(facts | changes))


def update(**changes: Any) -> PublicUpdate:
    """What was said last."""
    facts: dict[str, Any] = {
        "id": "0199e000-0000-7000-8000-000000000030",
        "public_id": "jdy3tw5mt5r5",
        "status": PublicStatus.IDENTIFIED,
        "message": "A **bad deploy** is rolled back.\n\n- see [the notes](https://acme.example/notes)",
        "changes": (
            PublicChange(
                component_id="0199e000-0000-7000-8000-000000000010",
                public_id="b13yz5g2cw10",
                name="API",
                was=ComponentStatus.MAJOR_OUTAGE,
                is_now=ComponentStatus.PARTIAL_OUTAGE,
            ),
        ),
        "shown_at": NOW - MINUTE,
        "edited_at": None,
    }
    return PublicUpdate(**(facts | changes))


def incident(**changes: Any) -> PublicIncident:
    """The incident with two updates, the newest first."""
    first = update(
        id="0199e000-0000-7000-8000-000000000031",
        public_id="aaaaaaaaaaaa",
        status=PublicStatus.INVESTIGATING,
        message="We look.",
        changes=(),
        shown_at=NOW - HOUR,
    )
    facts: dict[str, Any] = {
        "id": "0199e000-0000-7000-8000-000000000020",
        "public_id": "cp306tmzcl0y",
        "kind": PublicKind.INCIDENT,
        "title": "Elevated API errors",
        "status": PublicStatus.IDENTIFIED,
        "impact": Impact.MAJOR,
        "component_ids": ("0199e000-0000-7000-8000-000000000010",),
        "scheduled_for": None,
        "scheduled_until": None,
        "started_at": NOW - HOUR,
        "resolved_at": None,
        "postmortem": "",
        "updates": (update(), first),
        "created_at": NOW - HOUR,
        "updated_at": NOW - MINUTE,
    }
    return PublicIncident(**(facts | changes))


def page(**changes: Any) -> PublicPage:
    """The page at its own domain."""
    facts: dict[str, Any] = {
        "id": "0199e000-0000-7000-8000-000000000001",
        "public_id": "kctbh9vrtdwd",
        "name": "Acme Status",
        "slug": "acme",
        "description": "",
        "url": URL,
        "custom_domain": "status.acme.example",
        "is_public": True,
        "link_hash": None,
        "team_id": "0199e000-0000-7000-8000-0000000000aa",
        "organization_id": "0199e000-0000-7000-8000-0000000000bb",
        "logo_url": None,
        "header_text": "",
        "footer_text": "",
        "support_url": None,
        "theme": Theme(),
        "language": "en",
        "timezone": "Europe/Berlin",
        "is_indexed": True,
        "version": 3,
        "as_of": NOW,
        "updated_at": NOW,
        "overall": OverallStatus.OUTAGE,
        "indicator": Indicator("major", "Partial System Outage"),
        "affected_components": 1,
        "groups": (),
        "components": (component(),),
        "incidents": (incident(),),
    }
    return PublicPage(**(facts | changes))
