"""JSON `/silences`: what somebody on call does not want to hear of for a while."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.silence import Silence, SilenceStatus, status_of
from openalert.storage import holds
from openalert.storage.database import Database
from openalert.storage.holds import HoldCount
from openalert.storage.transaction import Reader
from openalert.usecases import muting, silences
from openalert.web.api.maintenance_windows import MatcherBody, matchers_of
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, TeamFilter, instant, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

Over = Annotated[
    bool | None,
    QueryParameter(name="expired", description="Only those that are over, or only those that are not."),
]


class SilenceOut(Output):
    """A silence, what it hides at this moment and how much it has held."""

    id: str
    team_id: str
    service_ids: list[str]
    matchers: list[str]
    comment: str
    starts_at: datetime
    ends_at: datetime
    status: SilenceStatus
    holding_count: int
    held_count: int
    alert_id: str | None
    created_at: datetime
    created_by_id: str | None
    updated_at: datetime


class SilenceIn(Input):
    """A new silence, from now on unless `startsAt` says otherwise; it always has an end.

    `alsoFiring`: what fires already is hidden too, where otherwise it goes on as it is.
    """

    team_id: str
    ends_at: Moment
    service_ids: tuple[str, ...] = ()
    matchers: tuple[str | MatcherBody, ...] = ()
    comment: str = ""
    starts_at: Moment | None = None
    alert_id: str | None = None
    also_firing: bool = False


class SilencePatch(Input):
    """What to change of a silence that is not over."""

    ends_at: Moment | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    service_ids: tuple[str, ...] | UnsetType = UNSET
    matchers: tuple[str | MatcherBody, ...] | UnsetType = UNSET


class SilencePreviewIn(Input):
    """What a silence would be for."""

    team_id: str
    service_ids: tuple[str, ...] = ()
    matchers: tuple[str | MatcherBody, ...] = ()


class SilencedAlertOut(Output):
    """An alert that fits."""

    id: str
    title: str
    severity: str
    service_id: str


class SilencePreviewOut(Output):
    """What a silence would hide of what fires now, and what to think of before."""

    firing_count: int
    critical_count: int
    team_firing_count: int
    matches_everything: bool
    warnings: list[str]
    alerts: list[SilencedAlertOut]


def show(silence: Silence, now: Instant, count: HoldCount) -> SilenceOut:
    """A silence as it is answered."""
    return SilenceOut(
        id=silence.id,
        team_id=silence.team_id,
        service_ids=list(silence.service_ids),
        matchers=[str(matcher) for matcher in silence.matchers],
        comment=silence.comment,
        starts_at=moment(silence.starts_at),
        ends_at=moment(silence.ends_at),
        status=status_of(silence, now),
        holding_count=count.now,
        held_count=count.ever,
        alert_id=silence.alert_id,
        created_at=moment(silence.created_at),
        created_by_id=silence.created_by_id,
        updated_at=moment(silence.updated_at),
    )


async def _shown(reader: Reader, silence: Silence) -> SilenceOut:
    counts = await holds.counts(reader, [silence.id])
    return show(silence, reader.now, counts.get(silence.id, HoldCount()))


@get("/", responses=READS)
async def list_silences(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    expired: Over = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[SilenceOut]:
    """The silences of the teams that the caller may see, the newest first."""
    async with db.read() as reader:
        counts: dict[str, HoldCount] = {}

        async def read(*, after: str, limit: int) -> list[Silence]:
            rows = await silences.page(
                reader, actor, team_id=team_id, over=expired, before=after or None, limit=limit
            )
            counts.update(await holds.counts(reader, [each.id for each in rows]))
            return rows

        def shown(silence: Silence) -> SilenceOut:
            return show(silence, reader.now, counts.get(silence.id, HoldCount()))

        return await paged(read, shown, limit, cursor)


@post("/", responses=WRITES)
async def create_silence(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[SilenceIn]
) -> SilenceOut:
    """Silence what comes; what fires already goes on as it is, unless `alsoFiring` says otherwise."""
    async with db.transaction(actor) as tx:
        made = await silences.create(
            tx,
            team_id=data.team_id,
            service_ids=data.service_ids,
            matchers=matchers_of(data.matchers),
            comment=data.comment,
            starts_at=None if data.starts_at is None else instant(data.starts_at),
            ends_at=instant(data.ends_at),
            alert_id=data.alert_id,
            also_firing=data.also_firing,
        )
        return await _shown(tx, made)


@post("/preview", responses=WRITES, status_code=200)
async def preview_silence(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[SilencePreviewIn]
) -> SilencePreviewOut:
    """What a silence would hide of what fires now; nothing is changed."""
    async with db.read() as reader:
        found = await muting.preview(
            reader, actor, data.team_id, data.service_ids, matchers_of(data.matchers)
        )
    return SilencePreviewOut(
        firing_count=found.firing,
        critical_count=found.critical,
        team_firing_count=found.of,
        matches_everything=found.everything,
        warnings=muting.warnings_of(found),
        alerts=[
            SilencedAlertOut(
                id=each.id, title=each.title, severity=each.severity.value, service_id=each.service_id
            )
            for each in found.alerts
        ],
    )


@get("/{silence_id:str}", responses=READS)
async def get_silence(
    db: NamedDependency[Database], actor: NamedDependency[Actor], silence_id: FromPath[str]
) -> SilenceOut:
    """One silence."""
    async with db.read() as reader:
        return await _shown(reader, await silences.get(reader, actor, silence_id))


@patch("/{silence_id:str}", responses=WRITES)
async def update_silence(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    silence_id: FromPath[str],
    data: JSONBody[SilencePatch],
) -> SilenceOut:
    """Edit a silence that is not over: let it last longer, say why, or mean other alerts."""
    changes: dict[str, Any] = {"comment": data.comment, "service_ids": data.service_ids}
    if data.ends_at is not UNSET:
        changes["ends_at"] = instant(data.ends_at)
    if data.matchers is not UNSET:
        changes["matchers"] = matchers_of(data.matchers)
    async with db.transaction(actor) as tx:
        return await _shown(tx, await silences.update(tx, silence_id, **changes))


@delete("/{silence_id:str}", responses=WRITES)
async def delete_silence(
    db: NamedDependency[Database], actor: NamedDependency[Actor], silence_id: FromPath[str]
) -> None:
    """Delete a silence: what it holds and still fires pages."""
    async with db.transaction(actor) as tx:
        await silences.delete(tx, silence_id)


@post("/{silence_id:str}/expire", responses=WRITES, status_code=200)
async def expire_silence(
    db: NamedDependency[Database], actor: NamedDependency[Actor], silence_id: FromPath[str]
) -> SilenceOut:
    """End a silence now: what it holds and still fires pages."""
    async with db.transaction(actor) as tx:
        return await _shown(tx, await silences.expire(tx, silence_id))


routes = Router(
    path="/silences",
    tags=["silences"],
    route_handlers=[
        list_silences,
        create_silence,
        preview_silence,
        get_silence,
        update_silence,
        delete_silence,
        expire_silence,
    ],
)
