"""JSON `/incidents/{id}/merge` and its undoing, and the alerts that people move between incidents."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.merge import UNDO_WITHIN
from openalert.storage.database import Database
from openalert.usecases import incidents as acts
from openalert.usecases import linking, merging
from openalert.usecases.linking import MOST_MOVED
from openalert.usecases.merging import MOST_MERGED, Part
from openalert.web.api.incident_shapes import IncidentOut, incident_out
from openalert.web.api.wire import READS, WRITES, Input, Output, moment
from openalert.web.paging import Page


class MergeIn(Input):
    """What is to go on as a part of the incident."""

    incident_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_MERGED)]


class AlertsIn(Input):
    """What is to belong to the incident."""

    alert_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_MOVED)]


class MergedOut(Output):
    """An incident that was merged into another."""

    incident: IncidentOut
    merged_at: datetime
    merged_by_id: str | None
    undo_until: datetime


class UnlinkedOut(Output):
    """What became of an alert that was taken out of its incident."""

    incident: IncidentOut
    own_incident: IncidentOut | None


def _part(part: Part) -> MergedOut:
    return MergedOut(
        incident=incident_out(part.incident),
        merged_at=moment(part.merge.merged_at),
        merged_by_id=part.merge.merged_by_id,
        undo_until=moment(part.merge.merged_at + UNDO_WITHIN),
    )


@post("/{incident_id:str}/merge", status_code=200, responses=WRITES)
async def merge_incidents(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[MergeIn],
) -> IncidentOut:
    """Put open incidents into this one: it has their alerts, responders and what comes of their groups from now on.

    They are resolved as parts of it, with `mergedIntoId`. Their pages stop; it rises to the worst of them, and what
    nobody has answered for goes on paging here where nobody has this one.
    """
    async with db.transaction(actor) as tx:
        return incident_out(await merging.merge(tx, incident_id, data.incident_ids))


@post("/{incident_id:str}/unmerge", status_code=200, responses=WRITES)
async def unmerge_incident(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """Take this incident out of the one it was merged into, within a day: it goes on as it stood, with its alerts."""
    async with db.transaction(actor) as tx:
        return incident_out(await merging.undo(tx, incident_id))


@get("/{incident_id:str}/merged", responses=READS)
async def list_merged(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> Page[MergedOut]:
    """The incidents that were merged into this one, the newest merge first, in one page."""
    async with db.read() as reader:
        incident = await acts.see(reader, actor, incident_id)
        return Page(items=[_part(each) for each in await merging.parts(reader, actor, incident)])


@post("/{incident_id:str}/alerts", status_code=200, responses=WRITES)
async def link_alerts(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[AlertsIn],
) -> IncidentOut:
    """Move alerts to this incident, from another or from none; one that loses its last firing alert so is over."""
    async with db.transaction(actor) as tx:
        return incident_out(await linking.link(tx, incident_id, data.alert_ids))


@delete("/{incident_id:str}/alerts/{alert_id:str}", status_code=200, responses=WRITES)
async def unlink_alert(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    alert_id: FromPath[str],
) -> UnlinkedOut:
    """Take an alert out: what still fires becomes an incident of its own, what is over belongs to none."""
    async with db.transaction(actor) as tx:
        done = await linking.unlink(tx, incident_id, alert_id)
    return UnlinkedOut(
        incident=incident_out(done.incident), own_incident=incident_out(done.own) if done.own else None
    )


handlers = [merge_incidents, unmerge_incident, list_merged, link_alerts, unlink_alert]
