"""JSON `/audit-log`: who did what, for admins of the organization; and the same as a file."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from litestar import Router, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry
from openalert.domain.audit_words import sentence
from openalert.domain.errors import Invalid
from openalert.storage.audit import NEWEST, AuditFilter
from openalert.storage.database import Database
from openalert.usecases import audit
from openalert.web.api.wire import READS, Output, TeamFilter, instant_or_none, moment
from openalert.web.audit_export import NDJSON_TYPE, ExportFormat, download
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

One = str | None
ActorFilter = Annotated[One, QueryParameter(name="actorId")]
ActFilter = Annotated[One, QueryParameter(name="act")]
TargetFilter = Annotated[One, QueryParameter(name="targetId")]
From = Annotated[datetime | None, QueryParameter(name="from")]
To = Annotated[datetime | None, QueryParameter(name="to")]
Format = Annotated[ExportFormat, QueryParameter(name="format")]


class AuditActor(Output):
    """Who did it, by the name of then."""

    kind: str
    id: str | None
    name: str


class AuditTarget(Output):
    """What it was done to, by the name of then."""

    kind: str
    id: str | None
    name: str


class AuditEntryOut(Output):
    """One act."""

    seq: int
    at: datetime
    actor: AuditActor
    address: str
    request_id: str
    act: str
    target: AuditTarget
    team_id: str | None
    sentence: str
    before: dict[str, Any]
    after: dict[str, Any]
    previous_hash: str
    hash: str


def show(entry: AuditEntry) -> AuditEntryOut:
    """An entry as it is answered."""
    before, after = entry.changes
    return AuditEntryOut(
        seq=entry.seq,
        at=moment(entry.at),
        actor=AuditActor(kind=entry.actor_kind, id=entry.actor_id, name=entry.actor_name),
        address=entry.address,
        request_id=entry.request_id,
        act=entry.act,
        target=AuditTarget(kind=entry.target_kind, id=entry.target_id, name=entry.target_name),
        team_id=entry.team_id,
        sentence=sentence(entry),
        before=before,
        after=after,
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )


def filter_of(
    actor_id: str | None,
    act: str | None,
    target_id: str | None,
    team_id: str | None,
    start: datetime | None,
    end: datetime | None,
) -> AuditFilter:
    """The filter of these parameters; Invalid for a range that ends before it begins."""
    wanted = AuditFilter(
        actor_id=actor_id,
        act=act,
        target_id=target_id,
        team_id=team_id,
        start=instant_or_none(start),
        end=instant_or_none(end),
    )
    if wanted.start is not None and wanted.end is not None and wanted.end <= wanted.start:
        raise Invalid("to must be later than from.", field="to")
    return wanted


@get("/", responses=READS)
async def list_audit_log(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
    actor_id: ActorFilter = None,
    act: ActFilter = None,
    target_id: TargetFilter = None,
    team_id: TeamFilter = None,
    start: From = None,
    end: To = None,
) -> Page[AuditEntryOut]:
    """Who did what, the newest first; for admins of the organization. docs/audit.md says what is recorded."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Invalid("cursor must be a nextCursor of this list.", field="cursor")
    wanted = filter_of(actor_id, act, target_id, team_id, start, end)
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[AuditEntry]:
            return await audit.page(
                reader, actor, wanted, before=int(after) if after else NEWEST, limit=limit
            )

        return await paged(partial(read), show, limit, cursor, key=lambda entry: str(entry.seq))


@get(
    "/export",
    responses={
        **READS,
        200: ResponseSpec(str, description="The file.", media_type="text/csv", generate_examples=False),
    },
    response_headers=[ResponseHeader(name="content-disposition", documentation_only=True)],
    opt={"also_as": NDJSON_TYPE},
)
async def export_audit_log(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    form: Format,
    actor_id: ActorFilter = None,
    act: ActFilter = None,
    target_id: TargetFilter = None,
    team_id: TeamFilter = None,
    start: From = None,
    end: To = None,
) -> Stream:
    """The same entries as a file, the newest first, at most 100 000.

    `csv` is for spreadsheets; `ndjson` has one row of the table a line, from which every hash can be computed.
    """
    return download(db, actor, filter_of(actor_id, act, target_id, team_id, start, end), form)


routes = Router(path="/audit-log", tags=["audit log"], route_handlers=[list_audit_log, export_audit_log])
