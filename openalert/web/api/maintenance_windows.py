"""JSON `/maintenance-windows`: planned times in which alerts are kept and page nobody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain import recurrence as recurring
from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.maintenance_window import MaintenanceWindow, Occurrence, WindowStatus, status_of
from openalert.domain.matching import Matcher, Operator, check, parse
from openalert.domain.recurrence import Recurrence
from openalert.storage import holds
from openalert.storage.database import Database
from openalert.storage.holds import HoldCount
from openalert.storage.transaction import Reader
from openalert.usecases import maintenance_windows
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, TeamFilter, instant, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class RecurrenceBody(Input):
    """When it comes again: a part of RFC 5545's RRULE, meant by the clocks of a zone."""

    rule: str
    timezone: str = "UTC"


class MatcherBody(Input):
    """A matcher in members, as Alertmanager's API takes them; `operator` goes before the other two."""

    name: str
    value: str
    operator: Operator | None = None
    is_regex: bool = False
    is_equal: bool = True

    def matcher(self) -> Matcher:
        """What it means."""
        plain, pattern = (
            (Operator.EQUAL, Operator.FITS) if self.is_equal else (Operator.NOT_EQUAL, Operator.FITS_NOT)
        )
        return Matcher(
            name=self.name, operator=self.operator or (pattern if self.is_regex else plain), value=self.value
        )


class OccurrenceOut(Output):
    """One time at which a window mutes."""

    starts_at: datetime
    ends_at: datetime


class MaintenanceWindowOut(Output):
    """A maintenance window; `nextTimes` are the present one, if it runs, and those after it, ten at most."""

    id: str
    name: str
    team_id: str
    service_ids: list[str]
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    recurrence: RecurrenceBody | None
    status_page_id: str | None
    status: WindowStatus
    next_times: list[OccurrenceOut]
    holding_count: int
    held_count: int
    created_at: datetime
    created_by_id: str | None
    updated_at: datetime


class MaintenanceWindowIn(Input):
    """A new window: for these services, or all of the team, and for alerts that every matcher fits."""

    name: str
    team_id: str
    starts_at: Moment
    ends_at: Moment
    service_ids: tuple[str, ...] = ()
    matchers: tuple[str | MatcherBody, ...] = ()
    recurrence: RecurrenceBody | None = None


class MaintenanceWindowPatch(Input):
    """What to change; another time or rule takes back what was done to single times."""

    name: str | UnsetType = UNSET
    starts_at: Moment | UnsetType = UNSET
    ends_at: Moment | UnsetType = UNSET
    service_ids: tuple[str, ...] | UnsetType = UNSET
    matchers: tuple[str | MatcherBody, ...] | UnsetType = UNSET
    recurrence: RecurrenceBody | UnsetType | None = UNSET


class ExtendIn(Input):
    """Until when the present time of a window is to last."""

    ends_at: Moment


def show(window: MaintenanceWindow, now: Instant, count: HoldCount) -> MaintenanceWindowOut:
    """A window as it is answered."""
    repeats = window.recurrence
    return MaintenanceWindowOut(
        id=window.id,
        name=window.name,
        team_id=window.team_id,
        service_ids=list(window.service_ids),
        matchers=[str(matcher) for matcher in window.matchers],
        starts_at=moment(window.starts_at),
        ends_at=moment(window.ends_at),
        recurrence=RecurrenceBody(rule=repeats.rule, timezone=repeats.timezone) if repeats else None,
        status_page_id=None,
        status=status_of(window, now),
        next_times=[_show_time(each) for each in maintenance_windows.times_ahead(window, now)],
        holding_count=count.now,
        held_count=count.ever,
        created_at=moment(window.created_at),
        created_by_id=window.created_by_id,
        updated_at=moment(window.updated_at),
    )


def _show_time(each: Occurrence) -> OccurrenceOut:
    return OccurrenceOut(starts_at=moment(each.starts_at), ends_at=moment(each.ends_at))


async def _shown(reader: Reader, window: MaintenanceWindow) -> MaintenanceWindowOut:
    counts = await holds.counts(reader, [window.id])
    return show(window, reader.now, counts.get(window.id, HoldCount()))


def _recurrence(body: RecurrenceBody | None) -> Recurrence | None:
    return None if body is None else recurring.check(Recurrence(rule=body.rule, timezone=body.timezone))


def matchers_of(given: Sequence[str | MatcherBody]) -> tuple[Matcher, ...]:
    """The matchers of a body, each as Prometheus writes it or in members."""
    read = [parse(each) if isinstance(each, str) else (each.matcher(),) for each in given]
    return check([matcher for some in read for matcher in some])


@get("/", responses=READS)
async def list_maintenance_windows(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[MaintenanceWindowOut]:
    """The maintenance windows of the teams that the caller may see, the newest first."""
    async with db.read() as reader:
        counts: dict[str, HoldCount] = {}

        async def read(*, after: str, limit: int) -> list[MaintenanceWindow]:
            rows = await maintenance_windows.page(
                reader, actor, team_id=team_id, before=after or None, limit=limit
            )
            counts.update(await holds.counts(reader, [each.id for each in rows]))
            return rows

        def shown(window: MaintenanceWindow) -> MaintenanceWindowOut:
            return show(window, reader.now, counts.get(window.id, HoldCount()))

        return await paged(read, shown, limit, cursor)


@post("/", responses=WRITES)
async def create_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[MaintenanceWindowIn]
) -> MaintenanceWindowOut:
    """Plan a maintenance window; incidents that are open when it begins go on as they are."""
    async with db.transaction(actor) as tx:
        made = await maintenance_windows.create(
            tx,
            team_id=data.team_id,
            name=data.name,
            service_ids=data.service_ids,
            matchers=matchers_of(data.matchers),
            starts_at=instant(data.starts_at),
            ends_at=instant(data.ends_at),
            recurrence=_recurrence(data.recurrence),
        )
        return await _shown(tx, made)


@get("/{window_id:str}", responses=READS)
async def get_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], window_id: FromPath[str]
) -> MaintenanceWindowOut:
    """One maintenance window."""
    async with db.read() as reader:
        return await _shown(reader, await maintenance_windows.get(reader, actor, window_id))


@patch("/{window_id:str}", responses=WRITES)
async def update_maintenance_window(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    window_id: FromPath[str],
    data: JSONBody[MaintenanceWindowPatch],
) -> MaintenanceWindowOut:
    """Edit a maintenance window; what it holds and does not mean any more is let go."""
    changes: dict[str, Any] = {"name": data.name, "service_ids": data.service_ids}
    for name, given in (("starts_at", data.starts_at), ("ends_at", data.ends_at)):
        if given is not UNSET:
            changes[name] = instant(given)
    if data.matchers is not UNSET:
        changes["matchers"] = matchers_of(data.matchers)
    if data.recurrence is not UNSET:
        changes["recurrence"] = _recurrence(data.recurrence)
    async with db.transaction(actor) as tx:
        return await _shown(tx, await maintenance_windows.update(tx, window_id, **changes))


@delete("/{window_id:str}", responses=WRITES)
async def delete_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], window_id: FromPath[str]
) -> None:
    """Delete a maintenance window: what it holds and still fires pages."""
    async with db.transaction(actor) as tx:
        await maintenance_windows.delete(tx, window_id)


@post("/{window_id:str}/begin", responses=WRITES, status_code=200)
async def begin_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], window_id: FromPath[str]
) -> MaintenanceWindowOut:
    """Begin the next time of a window now; it ends as planned."""
    async with db.transaction(actor) as tx:
        return await _shown(tx, await maintenance_windows.begin(tx, window_id))


@post("/{window_id:str}/extend", responses=WRITES, status_code=200)
async def extend_maintenance_window(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    window_id: FromPath[str],
    data: JSONBody[ExtendIn],
) -> MaintenanceWindowOut:
    """Let the time that runs now end at another instant."""
    async with db.transaction(actor) as tx:
        return await _shown(tx, await maintenance_windows.extend(tx, window_id, instant(data.ends_at)))


@post("/{window_id:str}/end", responses=WRITES, status_code=200)
async def end_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], window_id: FromPath[str]
) -> MaintenanceWindowOut:
    """End the time that runs now: what still fires pages."""
    async with db.transaction(actor) as tx:
        return await _shown(tx, await maintenance_windows.end(tx, window_id))


@post("/{window_id:str}/skip", responses=WRITES, status_code=200)
async def skip_maintenance_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], window_id: FromPath[str]
) -> MaintenanceWindowOut:
    """Leave out the next time of a window that comes again."""
    async with db.transaction(actor) as tx:
        return await _shown(tx, await maintenance_windows.skip_next(tx, window_id))


routes = Router(
    path="/maintenance-windows",
    tags=["maintenance windows"],
    route_handlers=[
        list_maintenance_windows,
        create_maintenance_window,
        get_maintenance_window,
        update_maintenance_window,
        delete_maintenance_window,
        begin_maintenance_window,
        extend_maintenance_window,
        end_maintenance_window,
        skip_maintenance_window,
    ],
)
