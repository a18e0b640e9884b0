"""JSON `/incidents/{id}/postmortem`: what people write down about an incident."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.postmortem import LONGEST, Postmortem
from openalert.storage.database import Database
from openalert.usecases import postmortems
from openalert.web.api.wire import READS, WRITES, Input, Output, moment_or_none


class PostmortemIn(Input):
    """The whole text."""

    body: Annotated[str, msgspec.Meta(max_length=LONGEST)]


class PostmortemOut(Output):
    """What people wrote, and who saved it last."""

    body: str
    updated_at: datetime | None
    updated_by_id: str | None


def _show(found: Postmortem) -> PostmortemOut:
    at = found.updated_at if found.updated_by_name else None
    return PostmortemOut(body=found.body, updated_at=moment_or_none(at), updated_by_id=found.updated_by_id)


@get("/{incident_id:str}/postmortem", responses=READS)
async def get_postmortem(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> PostmortemOut:
    """The postmortem in Markdown; empty while nobody wrote one."""
    async with db.read() as reader:
        return _show(await postmortems.of_incident(reader, actor, incident_id))


@put("/{incident_id:str}/postmortem", responses=WRITES)
async def put_postmortem(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[PostmortemIn],
) -> PostmortemOut:
    """Save the whole postmortem, also long after the end; `If-Match` keeps two from writing over each other."""
    async with db.transaction(actor) as tx:
        return _show(await postmortems.write(tx, incident_id, body=data.body))


handlers = [get_postmortem, put_postmortem]
