"""Alerts that people raise by hand: they go the way of any other, through rules and windows, and page."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.access import Permission
from openalert.domain.alert import Alert, SignalStatus
from openalert.domain.alert_deed import check_tags
from openalert.domain.errors import Conflict
from openalert.domain.ids import new_id
from openalert.domain.severity import Severity
from openalert.domain.team import check_name
from openalert.sources import normal
from openalert.storage import alerts, routes
from openalert.storage.transaction import Transaction
from openalert.usecases import access, audit, ingest

SOURCE = "manual"


async def create(
    tx: Transaction,
    *,
    service_id: str,
    title: str,
    severity: Severity,
    description: str = "",
    labels: Mapping[str, str] | None = None,
    tags: Sequence[str] = (),
) -> Alert:
    """Raise an alert of the service; Conflict where a routing rule of its team drops what is like it."""
    route = await routes.of_service(tx, service_id)
    if route is None or not access.sees(tx.actor, route.organization_id, route.team_id):
        raise access.unknown("serviceId", "service", service_id)
    access.require(tx.actor, Permission.RESPOND, route.team_id)
    key = new_id(tx.now)
    signal = normal.signal(
        SOURCE,
        tx.now,
        status=SignalStatus.FIRING,
        severity=severity,
        title=check_name(title, "title"),
        key=key,
        group=f"manual:{key}",
        description=description,
        labels=labels,
    )
    wanted = check_tags(tuple(tags))
    way = msgspec.structs.replace(route, integration_id=service_id, integration_name=tx.actor.name)
    await ingest.take_in_own(tx, [(way, signal)])
    known = (await alerts.latest(tx, [alerts.latest_key(service_id, signal.fingerprint)])).values()
    made = await alerts.get_many(tx, [each.id for each in known])
    if not made:
        raise Conflict("A routing rule drops such alerts, so that none was raised.", code="ALERT_DROPPED")
    (alert,) = made.values()
    if wanted:
        alert.tags = list(dict.fromkeys([*alert.tags, *wanted]))
        await alerts.decide(tx, [alert])
    audit.record(
        tx,
        "alert.created",
        kind="alert",
        id=alert.id,
        name=alert.title,
        team_id=alert.team_id,
        after={"service_id": service_id, "severity": severity},
        organization_id=alert.organization_id,
    )
    return alert
