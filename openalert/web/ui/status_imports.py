"""Lists of subscribers of a status page that come in and go out: looked at first, then taken in."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant, rfc3339
from openalert.domain.status_subscriber import SubscriberKind
from openalert.domain.subscriber_csv import HEADER
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import status_pages, status_subscriber_lists
from openalert.usecases.access import require
from openalert.usecases.status_subscriber_lists import BATCH, Checked, Plan
from openalert.web import csv
from openalert.web.ui.forms import REFUSALS, Errors, refused
from openalert.web.ui.frame import Web, act, answer, go
from openalert.web.ui.status_frame import PATH, framed
from openalert.web.ui.status_subscribers import HERE, KINDS, TAB

MOST_PROBLEMS = 100
"""Lines that could not be read and are listed."""
_FIELDS = {"file": ("file", "The file")}


@get(f"{HERE}/import", include_in_schema=False)
async def form(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form for a list."""
    return await _shown(request, db, actor, page_id)


@post(f"{HERE}/import", include_in_schema=False)
async def take(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """What a list would do; with `do`, it is done."""
    content, does = await _sent(request)
    try:
        if not content.strip():
            raise Invalid("Choose a file, or paste the lines.", field="file")
        async with db.read() as reader:
            planned, checked = await status_subscriber_lists.plan(reader, actor, page_id, content)
    except REFUSALS as error:
        return await _shown(request, db, actor, page_id, content, errors=refused(error, _FIELDS))
    if not does:
        return await _shown(request, db, actor, page_id, content, planned)
    done = await _take_in(db, actor, page_id, checked)
    return go(f"{PATH}/{page_id}{TAB}", _said(done, planned))


async def _take_in(db: Database, actor: Actor, page_id: str, checked: Sequence[Checked]) -> Plan:
    """In parts, between which others write; whatever breaks off is taken in by the same list once more."""
    done = Plan()
    for start in range(0, len(checked), BATCH):
        part = checked[start : start + BATCH]
        async with db.transaction(actor) as tx:
            more = await status_subscriber_lists.take_in(tx, page_id, part)
        done.new += more.new
        done.waiting += more.waiting
        done.resting += more.resting
        done.stopped += more.stopped
        done.known += more.known
    return done


def _said(done: Plan, planned: Plan) -> str:
    said = [f"{done.new:,} are told from now on"]
    if done.waiting:
        said.append(f"{done.waiting:,} have not confirmed")
    if done.resting or done.stopped:
        said.append(f"{done.resting + done.stopped:,} are never written to")
    if done.known:
        said.append(f"{done.known:,} were known")
    if planned.problems:
        said.append(f"{len(planned.problems):,} lines could not be read")
    return ", ".join(said) + "."


async def _sent(request: Web) -> tuple[bytes, bool]:
    """The list, from a file or pasted, and whether it is to be taken in."""
    posted = await request.form()
    pasted = posted.get("content", "")
    content = pasted.encode(errors="replace") if isinstance(pasted, str) else b""
    upload = posted.get("file")
    if upload is not None and hasattr(upload, "read"):
        content = await upload.read() or content
    return content, posted.get("do") == "import"


async def _shown(
    request: Web,
    db: Database,
    actor: Actor,
    page_id: str,
    content: bytes = b"",
    planned: Plan | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        require(actor, Permission.CONFIGURE, page.team_id, "status page")
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            here=f"{PATH}/{page_id}{TAB}",
            plan=planned,
            kinds=[(KINDS[kind], count) for kind, count in planned.kinds.items()] if planned else [],
            problems=planned.problems[:MOST_PROBLEMS] if planned else [],
            content=_text(content) if planned or errors else "",
            errors=errors or {},
        )
    return answer(request, "status_pages/subscriber_import.html", context, 422 if errors else 200)


def _text(content: bytes) -> str:
    """The list as it is sent back with the form."""
    for encoding in ("utf-8-sig", "utf-16"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("cp1252", "replace")


@get(f"{HERE}/export", include_in_schema=False)
async def export(
    page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Stream:
    """All of them as CSV."""
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        require(actor, Permission.CONFIGURE, page.team_id, "status page")
    return Stream(
        _lines(db, actor, page_id),
        media_type=csv.CONTENT_TYPE,
        headers={"content-disposition": f'attachment; filename="subscribers-{page.slug}.csv"'},
    )


async def _lines(db: Database, actor: Actor, page_id: str) -> AsyncIterator[bytes]:
    yield csv.row(HEADER).encode()
    async for batch in status_subscriber_lists.export(db, actor, page_id):
        yield "".join(
            csv.row(
                (
                    one.kind,
                    one.address,
                    one.contact if one.kind is SubscriberKind.WEBHOOK else "",
                    one.state,
                    ";".join(chosen),
                    one.language,
                    _time(one.confirmed_at),
                    rfc3339(one.created_at),
                )
            )
            for one, chosen in batch
        ).encode()


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else rfc3339(instant)


@post(f"{HERE}/moved", include_in_schema=False)
async def moved(
    page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Whoever was imported is told, once, that the page moved."""

    async def body(tx: Transaction) -> str:
        count = await status_subscriber_lists.tell_of_move(tx, page_id)
        return f"{count:,} are told that their news comes from here now."

    return await act(db, actor, f"{PATH}/{page_id}{TAB}", body)


ROUTES: Sequence[HTTPRouteHandler] = [form, take, export, moved]
