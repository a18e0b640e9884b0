"""What Opsgenie's Alert API knows of an alert and we have no other place for, and the request by which it was asked.

https://docs.opsgenie.com/docs/alert-api: every change is answered with the id of a request, whose outcome is asked for
later. Ours is done when it is answered.
"""

from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity

REQUESTS_KEPT_FOR = DAY
"""How long the outcome of a request can be asked for."""


class IdentifierType(StrEnum):
    """What the identifier in an address is."""

    ID = "id"
    ALIAS = "alias"
    TINY = "tiny"


class OpsgenieAlert(msgspec.Struct, kw_only=True):
    """An alert as the Alert API shows it, beside what the alert itself holds; a row of `opsgenie_alerts`."""

    alert_id: str
    organization_id: str
    integration_id: str
    tiny_id: int
    """A short number, counted within the organization."""
    alias: str
    """The sender's own name for it; the alert's id when the sender gave none."""
    request_id: str | None = None
    """The request that created it: some clients name an alert by it."""
    entity: str = ""
    source: str = ""
    actions: list[str] = []
    """Names of custom actions; they are shown and do nothing here."""
    responders: list[dict[str, str]] = []
    """Whom the sender named, each with `type` and one of `id`, `name`, `username`; the service decides who is paged."""
    details: dict[str, str] = {}


class OpsgenieRequest(msgspec.Struct, kw_only=True):
    """What was asked for by one call, and what became of it; a row of `opsgenie_requests`."""

    id: str
    integration_id: str
    action: str
    """As Opsgenie names it: `Create`, `Acknowledge`, `Close`, …"""
    is_success: bool
    status: str
    """A sentence: what was done, or why not."""
    alert_id: str | None = None
    alias: str | None = None
    processed_at: Instant


def severity_of(priority: str) -> Severity | None:
    """The severity of `P1` (the worst) to `P5`; None for anything else."""
    return _BY_PRIORITY.get(priority.strip().upper())


_BY_PRIORITY = {severity.priority: severity for severity in Severity}
