"""JSON `/heartbeats`: what must be heard of regularly, and what was heard last."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.heartbeat import Beat, BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.instant import SECOND, Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.storage.heartbeats import HeartbeatFilter
from openalert.usecases import heartbeats
from openalert.web.api.wire import (
    READS,
    SHOWN_ONCE,
    WRITES,
    Input,
    Output,
    Words,
    moment,
    moment_or_none,
    words,
)
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class HeartbeatOut(Output):
    """A heartbeat. Only when its key is made does `heartbeatUrl` hold all of it; later, its last four signs."""

    id: str
    name: str
    service_id: str
    interval_seconds: float | None
    cron: str | None
    timezone: str
    grace_seconds: float
    severity: Severity
    status: HeartbeatStatus
    since: datetime
    last_beat_at: datetime | None
    expected_at: datetime | None
    late_at: datetime | None
    integration_id: str | None
    is_learned: bool
    heartbeat_url: str | None
    created_at: datetime
    updated_at: datetime
    key: str | UnsetType = UNSET


class HeartbeatIn(Input):
    """A new heartbeat: once a day unless `intervalSeconds` or `cron` says otherwise."""

    name: str
    service_id: str
    interval_seconds: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    grace_seconds: float = heartbeats.USUAL_GRACE / SECOND
    severity: Severity = Severity.HIGH


class HeartbeatPatch(Input):
    """What to change of a heartbeat; an interval takes the place of a cron expression, and the other way round."""

    name: str | UnsetType = UNSET
    interval_seconds: float | UnsetType | None = UNSET
    cron: str | UnsetType | None = UNSET
    timezone: str | UnsetType = UNSET
    grace_seconds: float | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET


class BeatOut(Output):
    """A beat that is kept."""

    at: datetime
    kind: BeatKind
    exit_code: int | None
    duration_seconds: float | None
    body: str


class BeatsOut(Output):
    """The last beats of a heartbeat."""

    items: list[BeatOut]


def show(links_back: LinksBack, heartbeat: Heartbeat, key: str | None = None) -> HeartbeatOut:
    """A heartbeat as it is answered; `key` is its key, where that may be shown."""
    shown = key or f"…{heartbeat.key_hint}"
    has_address = heartbeat.integration_id is None
    return HeartbeatOut(
        id=heartbeat.id,
        name=heartbeat.name,
        service_id=heartbeat.service_id,
        interval_seconds=None if heartbeat.period is None else heartbeat.period / SECOND,
        cron=heartbeat.cron,
        timezone=heartbeat.timezone,
        grace_seconds=heartbeat.grace / SECOND,
        severity=heartbeat.severity,
        status=heartbeat.status,
        since=moment(heartbeat.since),
        last_beat_at=moment_or_none(heartbeat.last_beat_at),
        expected_at=moment_or_none(heartbeat.expected_at),
        late_at=moment_or_none(heartbeat.due_at),
        integration_id=heartbeat.integration_id,
        is_learned=heartbeat.is_learned,
        heartbeat_url=f"{links_back.base_url}/heartbeats/{shown}" if has_address else None,
        created_at=moment(heartbeat.created_at),
        updated_at=moment(heartbeat.updated_at),
        key=UNSET if key is None else key,
    )


def show_beat(beat: Beat) -> BeatOut:
    """A beat as it is answered."""
    return BeatOut(
        at=moment(beat.at),
        kind=beat.kind,
        exit_code=beat.exit_code,
        duration_seconds=None if beat.duration is None else beat.duration / SECOND,
        body=beat.body,
    )


@get("/", responses=READS)
async def list_heartbeats(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    service_id: Annotated[
        str | None, QueryParameter(name="serviceId", description="Only those of this service.")
    ] = None,
    status: Words = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[HeartbeatOut]:
    """The heartbeats of the services that the caller may see."""
    wanted = HeartbeatFilter(
        service_id=service_id, statuses=words(status, [each.value for each in HeartbeatStatus], "status")
    )
    async with db.read() as reader:
        read = partial(heartbeats.page, reader, actor, wanted)
        return await paged(read, partial(show, links_back), limit, cursor)


@post("/", responses=WRITES, opt=SHOWN_ONCE)
async def create_heartbeat(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[HeartbeatIn],
) -> HeartbeatOut:
    """Make a heartbeat; `key` and the whole `heartbeatUrl` are shown this once."""
    async with db.transaction(actor) as tx:
        members = data.members()
        made = await heartbeats.create(
            tx,
            period=None if (seconds := members.pop("interval_seconds")) is None else _elapsed(seconds),
            grace=_elapsed(members.pop("grace_seconds")),
            **members,
        )
        return show(links_back, *made)


@get("/{heartbeat_id:str}", responses=READS)
async def get_heartbeat(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    heartbeat_id: FromPath[str],
) -> HeartbeatOut:
    """One heartbeat."""
    async with db.read() as reader:
        return show(links_back, await heartbeats.get(reader, actor, heartbeat_id))


@patch("/{heartbeat_id:str}", responses=WRITES)
async def update_heartbeat(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    heartbeat_id: FromPath[str],
    data: JSONBody[HeartbeatPatch],
) -> HeartbeatOut:
    """Change a heartbeat; what is expected follows from its last beat."""
    async with db.transaction(actor) as tx:
        members = data.members()
        changed = await heartbeats.update(
            tx,
            heartbeat_id,
            period=_changed(members.pop("interval_seconds")),
            grace=_changed(members.pop("grace_seconds")),
            **members,
        )
        return show(links_back, changed)


@delete("/{heartbeat_id:str}", responses=WRITES)
async def delete_heartbeat(
    db: NamedDependency[Database], actor: NamedDependency[Actor], heartbeat_id: FromPath[str]
) -> None:
    """Delete a heartbeat; its alert is over, and what it caused stays."""
    async with db.transaction(actor) as tx:
        await heartbeats.delete(tx, heartbeat_id)


@post("/{heartbeat_id:str}/rotate-key", status_code=200, responses=WRITES, opt=SHOWN_ONCE)
async def rotate_key(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    heartbeat_id: FromPath[str],
) -> HeartbeatOut:
    """Make a new key, shown this once; the old one stops working at once."""
    async with db.transaction(actor) as tx:
        return show(links_back, *await heartbeats.rotate_key(tx, heartbeat_id))


@post("/{heartbeat_id:str}/pause", status_code=200, responses=WRITES)
async def pause_heartbeat(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    heartbeat_id: FromPath[str],
) -> HeartbeatOut:
    """Expect nothing until somebody resumes it; its alert is over."""
    async with db.transaction(actor) as tx:
        return show(links_back, await heartbeats.pause(tx, heartbeat_id))


@post("/{heartbeat_id:str}/resume", status_code=200, responses=WRITES)
async def resume_heartbeat(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    heartbeat_id: FromPath[str],
) -> HeartbeatOut:
    """Expect beats again, the next one within a whole interval and grace."""
    async with db.transaction(actor) as tx:
        return show(links_back, await heartbeats.resume(tx, heartbeat_id))


@get("/{heartbeat_id:str}/beats", responses=READS)
async def list_beats(
    db: NamedDependency[Database], actor: NamedDependency[Actor], heartbeat_id: FromPath[str]
) -> BeatsOut:
    """The last fifty beats, the newest first, with the first 10 KiB of what each brought along."""
    async with db.read() as reader:
        kept = await heartbeats.last_beats(reader, actor, heartbeat_id)
        return BeatsOut(items=[show_beat(each) for each in kept])


def _elapsed(seconds: float) -> Instant:
    """Milliseconds of these seconds; what is out of all bounds stays out of them."""
    return round(min(max(seconds, -1), 1e9) * SECOND)


def _changed(seconds: Any) -> Any:
    """The same of a member that may be null or left out."""
    return _elapsed(seconds) if isinstance(seconds, float) else seconds


routes = Router(
    path="/heartbeats",
    tags=["heartbeats"],
    route_handlers=[
        list_heartbeats,
        create_heartbeat,
        get_heartbeat,
        update_heartbeat,
        delete_heartbeat,
        rotate_key,
        pause_heartbeat,
        resume_heartbeat,
        list_beats,
    ],
)
