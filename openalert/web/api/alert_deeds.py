"""JSON below /api/v1/alerts: what people do to one alert or to many, and alerts that they raise by hand."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.alert_deed import AlertDeed, DeedKind
from openalert.domain.errors import Invalid
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.usecases import alerts as acts
from openalert.usecases import manual_alerts
from openalert.web.api.alert_shapes import AlertOut, alert_out
from openalert.web.api.wire import WRITES, Input, Output, instant

Priority = Annotated[str, msgspec.Meta(pattern="^P[1-5]$")]
LONGEST = 1e6
"""Minutes of what lasts; what is too long is refused with the reason."""


class AlertHold(Input):
    """Until when, or for how many minutes."""

    until: datetime | None = None
    duration_minutes: float | None = None

    def end(self, now: Instant) -> Instant | None:
        """The instant that is meant; None: none is given."""
        if self.until is not None:
            return instant(self.until)
        if self.duration_minutes is None:
            return None
        if not 0 <= self.duration_minutes <= LONGEST:
            raise Invalid("durationMinutes is too long, or before now.", field="durationMinutes")
        return now + int(self.duration_minutes * MINUTE)


class AlertAssignment(Input):
    """To whom; null: to nobody."""

    user_id: str | None


class AlertTags(Input):
    """Tags to add and to take off."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class AlertBulk(AlertHold, kw_only=True):
    """Alerts, and what is done to all of them."""

    ids: list[str]
    action: DeedKind
    user_id: str | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class NewAlert(Input):
    """What is needed to raise an alert by hand."""

    service_id: str
    title: str
    severity: Severity | None = None
    priority: Priority | None = None
    description: str = ""
    labels: dict[str, str] | None = None
    tags: tuple[str, ...] = ()

    def level(self) -> Severity:
        """The severity that either of both names; high when neither does."""
        if self.severity is not None and self.priority not in (None, self.severity.priority):
            raise Invalid("severity and priority say different things; give one of them.", field="priority")
        if self.priority is not None:
            return next(level for level in Severity if level.priority == self.priority)
        return self.severity or Severity.HIGH


class AlertRefusal(Output):
    """An alert to which it was not done."""

    id: str
    reason: str


class BulkOut(Output):
    """What became of each of the alerts."""

    done: list[str]
    refused: list[AlertRefusal]


@post("/", responses=WRITES)
async def create_alert(
    actor: NamedDependency[Actor], db: NamedDependency[Database], data: JSONBody[NewAlert]
) -> AlertOut:
    """Raise an alert by hand; it goes through the rules of its team and pages like any other."""
    async with db.transaction(actor) as tx:
        alert = await manual_alerts.create(
            tx,
            service_id=data.service_id,
            title=data.title,
            severity=data.level(),
            description=data.description,
            labels=data.labels,
            tags=data.tags,
        )
    return alert_out(alert)


@post("/bulk", status_code=200, responses=WRITES)
async def bulk(
    actor: NamedDependency[Actor], db: NamedDependency[Database], data: JSONBody[AlertBulk]
) -> BulkOut:
    """Do the same to at most 200 alerts: to all to which it can be done, and say why not to each other one."""
    async with db.transaction(actor) as tx:
        deed = AlertDeed(
            kind=data.action,
            until=data.end(tx.now),
            user_id=data.user_id,
            add=data.add,
            remove=data.remove,
        )
        found = await acts.many(tx, data.ids, deed)
    return BulkOut(
        done=[each.id for each in found.done],
        refused=[AlertRefusal(id=key, reason=reason) for key, reason in found.refused.items()],
    )


@post("/{alert_id:str}/snooze", status_code=200, responses=WRITES)
async def snooze(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    alert_id: FromPath[str],
    data: JSONBody[AlertHold],
) -> AlertOut:
    """It pages nobody until then; after that it does, if it still fires."""
    async with db.transaction(actor) as tx:
        deed = AlertDeed(kind=DeedKind.SNOOZE, until=data.end(tx.now))
        return alert_out(await acts.one(tx, alert_id, deed))


@post("/{alert_id:str}/suppress", status_code=200, responses=WRITES)
async def suppress(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    alert_id: FromPath[str],
    data: JSONBody[AlertHold],
) -> AlertOut:
    """It pages nobody until somebody releases it, or until then."""
    async with db.transaction(actor) as tx:
        deed = AlertDeed(kind=DeedKind.SUPPRESS, until=data.end(tx.now))
        return alert_out(await acts.one(tx, alert_id, deed))


@post("/{alert_id:str}/release", status_code=200, responses=WRITES)
async def release(
    actor: NamedDependency[Actor], db: NamedDependency[Database], alert_id: FromPath[str]
) -> AlertOut:
    """End what people snoozed or suppressed: it pages again within a second, if nothing else holds it."""
    async with db.transaction(actor) as tx:
        return alert_out(await acts.one(tx, alert_id, AlertDeed(kind=DeedKind.RELEASE)))


@post("/{alert_id:str}/assign", status_code=200, responses=WRITES)
async def assign(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    alert_id: FromPath[str],
    data: JSONBody[AlertAssignment],
) -> AlertOut:
    """Say whose it is; nobody is paged or told by that."""
    async with db.transaction(actor) as tx:
        return alert_out(await acts.one(tx, alert_id, AlertDeed(kind=DeedKind.ASSIGN, user_id=data.user_id)))


@post("/{alert_id:str}/tags", status_code=200, responses=WRITES)
async def tag(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    alert_id: FromPath[str],
    data: JSONBody[AlertTags],
) -> AlertOut:
    """Add tags and take others off; it has at most 20."""
    async with db.transaction(actor) as tx:
        deed = AlertDeed(kind=DeedKind.TAG, add=data.add, remove=data.remove)
        return alert_out(await acts.one(tx, alert_id, deed))


handlers = [create_alert, bulk, snooze, suppress, release, assign, tag]
