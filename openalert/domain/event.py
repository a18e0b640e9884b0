"""What live listeners are told after a commit: a hint to look again, never the truth itself."""

from typing import Any

import msgspec

from openalert.domain.instant import Instant


class Event(msgspec.Struct, kw_only=True):
    """One committed change; a row of `events`. `seq` rises by one with every event of the installation."""

    seq: int = 0
    at: Instant = 0
    type: str
    """`incident.created`, `alert.updated`, `oncall.changed` …; docs/api.md lists them."""
    organization_id: str
    team_id: str | None = None
    """Who may hear it: the members of this team; None: everybody of the organization."""
    incident_id: str | None = None
    data: dict[str, Any] = {}
