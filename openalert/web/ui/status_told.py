"""The tab "Told" of a status page: drafts that wait, what is open, what is planned, and what was."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import UNSET

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import NotFound
from openalert.domain.status_page import PublicKind, PublicStatus, StatusPage, StatusUpdate
from openalert.domain.status_words import sentence
from openalert.storage import incidents as internal
from openalert.storage import status_pages as stored_pages
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import postmortems as written
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_postmortems, status_templates, status_updates
from openalert.usecases.access import sees
from openalert.usecases.status_incidents import Told
from openalert.web.ui import telling
from openalert.web.ui.forms import Errors, attempt, local_text
from openalert.web.ui.frame import Values, Web, address, answer, go, sent
from openalert.web.ui.status_frame import PATH, framed

TAB = "/told"
LISTED = 30


@get(f"{PATH}/{{page_id:str}}/told", include_in_schema=False)
async def index(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """What the page tells: what waits for somebody first."""
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        opened = await told.of_page(reader, actor, page.id, resolved=False, limit=200)
        found = await told.of_page(reader, actor, page.id, before=cursor[:64], limit=LISTED + 1)
        published = [each for each in opened if each.incident.published_at is not None]
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            drafts=await _drafts(reader, actor, page, opened),
            opened=[_row(page, each) for each in published if each.incident.kind is PublicKind.INCIDENT],
            planned=sorted(
                [_row(page, each) for each in published if each.incident.kind is PublicKind.MAINTENANCE],
                key=lambda row: row["incident"].started_at,
            ),
            past=[_row(page, each) for each in found[:LISTED] if each.incident.resolved_at is not None],
            older=address(f"{PATH}/{page.id}{TAB}", cursor=found[LISTED - 1].incident.id)
            if len(found) > LISTED
            else None,
            newest=f"{PATH}/{page.id}{TAB}" if cursor else None,
            parts=len(await stored_pages.components(reader, page.id)),
        )
    return answer(request, "status_pages/told.html", context)


def _row(page: StatusPage, each: Told) -> Values:
    public = [update for update in each.updates if update.published_at is not None]
    return {
        "incident": each.incident,
        "href": f"{PATH}/told/{each.incident.id}",
        "when": telling.when(page, each),
        "newest": public[0] if public else None,
        "updates": len(public),
    }


async def _drafts(reader: Reader, actor: Actor, page: StatusPage, some: Sequence[Told]) -> list[Values]:
    names = telling.names_of(await stored_pages.components(reader, page.id))
    found: list[Values] = []
    for one in some:
        waiting = [update for update in one.updates if update.published_at is None]
        found += [await _draft(reader, actor, one, update, names) for update in waiting]
        if not waiting and one.incident.published_at is None:
            found.append(await _draft(reader, actor, one, None, names))
    return found


async def _draft(
    reader: Reader, actor: Actor, one: Told, update: StatusUpdate | None, names: Mapping[str, str]
) -> Values:
    incident = one.incident
    writer_id = incident.created_by_id if update is None else update.created_by_id
    by = await users.get(reader, actor, writer_id) if writer_id else None
    words = "" if update is None else update.message
    return {
        "incident": incident,
        "said": update,
        "seen": "" if update is None else telling.sight(one, update),
        "href": f"{PATH}/told/{incident.id}" if update is None else f"{PATH}/drafts/{update.id}",
        "by": by.name if by else "",
        "inside": await inside(reader, actor, one),
        "affects": _affects(one, names) if incident.published_at is None else [],
        "differs": [] if update is None else telling.differences(one, update, names),
        "hints": await telling.hints(reader, incident.internal_incident_id, incident.title, words),
    }


def _affects(one: Told, names: Mapping[str, str]) -> list[Values]:
    return [
        {"name": names[row.component_id], "status": row.status}
        for row in one.affected
        if row.component_id in names
    ]


async def inside(reader: Reader, actor: Actor, one: Told) -> Values | None:
    """The incident of ours that it tells of, where the reader may see it."""
    ours = one.incident.internal_incident_id
    incident = await internal.get(reader, ours) if ours else None
    if incident is None or not sees(actor, incident.organization_id, incident.team_id):
        return None
    return {
        "number": incident.number,
        "title": incident.title,
        "href": f"/incidents/{incident.id}",
        "postmortem": (await written.of_incident(reader, actor, incident.id)).body,
    }


@get(f"{PATH}/told/{{status_incident_id:str}}", include_in_schema=False)
async def show(
    request: Web,
    status_incident_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    template: FromQuery[str] = "",
    edit: FromQuery[str] = "",
) -> Response[Any]:
    """One incident or maintenance as it is told, with the next step ready to be taken."""
    return await _shown(request, db, actor, status_incident_id, template, edit, {}, {})


async def _shown(
    request: Web,
    db: Database,
    actor: Actor,
    status_incident_id: str,
    template: str,
    edit: str,
    unsaved: Values,
    errors: Errors,
) -> Response[Any]:
    """Its page; what was refused stands in its field again, so that no words are lost."""
    async with db.read() as reader:
        one = await told.get(reader, actor, status_incident_id)
        page = await pages.get(reader, actor, one.incident.page_id)
        typed = telling.begun_with(one, None, page, local=local_text)
        kept = await status_templates.of_page(reader, actor, page.id)
        await fill(typed, [each for each in kept if each.id == template])
        context = await framed(
            request, reader, actor, page, TAB, **await story(reader, actor, page, one, edit[:64])
        )
        context["one"] |= unsaved
        context |= await telling.choices(reader, page, typed)
        context |= {
            "errors": errors,
            "templates": [(each.id, each.name) for each in kept if each.kind is one.incident.kind],
            "template": template[:64],
        }
    return answer(request, "status_pages/incident.html", context, 422 if errors else 200)


async def fill(typed: telling.Typed, found: Sequence[Any]) -> None:
    """Put what a template says into the form; what it leaves out stays."""
    for template in found:
        typed.title = typed.title or template.title
        typed.message = template.message or typed.message
        typed.status = template.status or typed.status
        typed.tells = "yes" if template.tells else ""
        typed.components |= {
            each: status.value if status else telling.NAMED for each, status in template.components.items()
        }


async def story(reader: Reader, actor: Actor, page: StatusPage, one: Told, edit: str) -> Values:
    """What the page of one of them says beside its forms."""
    names = telling.names_of(await stored_pages.components(reader, page.id))
    writers = await users.named(reader, actor, {each.created_by_id or "" for each in one.updates})
    incident = one.incident
    origin = await inside(reader, actor, one)
    over = PublicStatus.COMPLETED if incident.kind is PublicKind.MAINTENANCE else PublicStatus.RESOLVED
    affected = [names[row.component_id] for row in one.affected if row.component_id in names]
    return {
        "one": {
            "incident": incident,
            "href": f"{PATH}/told/{incident.id}",
            "when": telling.when(page, one),
            "public_href": f"/status/{page.slug}/incidents/{incident.public_id}",
            "affects": _affects(one, names),
            "updates": [
                {
                    "said": update,
                    "by": writers[update.created_by_id].name if update.created_by_id in writers else "",
                    "at": telling.stamp(page, update.shown_at),
                    "is_edited_now": update.id == edit and update.published_at is not None,
                }
                for update in one.updates
            ],
            "inside": origin,
            "can_take_over": origin is not None and bool(origin["postmortem"].strip()),
            "can_delete": can(actor, Permission.CONFIGURE, page.team_id),
            "last_words": sentence(page.language, over, ", ".join(affected)),
            "over": over,
            "postmortem_draft": incident.postmortem_draft,
            "other_words": None,
        }
    }


@post(f"{PATH}/told/{{status_incident_id:str}}/{{verb:str}}", include_in_schema=False)
async def do(
    request: Web,
    status_incident_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One act on what is told; back to its page."""
    if verb == "delete":
        return await _delete(db, actor, status_incident_id)
    perform = _VERBS.get(verb)
    if perform is None:
        raise NotFound("page")
    fields = await sent(request)
    said, errors = await attempt(db, actor, lambda tx: perform(tx, status_incident_id, fields))
    if said is not None:
        return go(f"{PATH}/told/{status_incident_id}", said)
    if verb not in _WORDS:
        return go(f"{PATH}/told/{status_incident_id}", " ".join(errors.values()), "bad")
    unsaved = {_WORDS[verb]: fields.get(verb, fields.get("message", ""))}
    return await _shown(request, db, actor, status_incident_id, "", "", unsaved, _above(errors))


@post(f"{PATH}/updates/{{update_id:str}}", include_in_schema=False)
async def edit(
    request: Web, update_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Say what was said in other words."""
    words = (await sent(request)).get("message", "")
    done, errors = await attempt(db, actor, lambda tx: status_updates.change(tx, update_id, message=words))
    if done is not None:
        return go(
            f"{PATH}/told/{done.incident.id}", "The words are changed; readers see that they were edited."
        )
    async with db.read() as reader:
        said = await status_updates.one(reader, actor, update_id)
    return await _shown(
        request, db, actor, said.incident_id, "", update_id, {"other_words": words}, _above(errors)
    )


def _above(errors: Errors) -> Errors:
    """The refusals in one sentence at the top of a page on which several forms have a field of the same name."""
    return {"": " ".join(errors.values())}


Fields = dict[str, str]


async def _delete(db: Database, actor: Actor, incident_id: str) -> Response[None]:
    async def body(tx: Transaction) -> str:
        one = await told.get(tx, tx.actor, incident_id)
        await told.delete(tx, incident_id)
        return one.incident.page_id

    page_id, errors = await attempt(db, actor, body)
    if page_id is None:
        return go(f"{PATH}/told/{incident_id}", " ".join(errors.values()), "bad")
    return go(f"{PATH}/{page_id}{TAB}", "It is off the page, with everything that was said.")


async def _resolve(tx: Transaction, incident_id: str, fields: Fields) -> str:
    await told.resolve(tx, incident_id, message=fields.get("message", ""))
    return "Customers are told that it is over."


async def _change(tx: Transaction, incident_id: str, fields: Fields) -> str:
    one = await told.get(tx, tx.actor, incident_id)
    page = await pages.get(tx, tx.actor, one.incident.page_id)
    typed = telling.Typed(
        impact=fields.get("impact", ""),
        scheduled_for=fields.get("scheduled_for", ""),
        scheduled_until=fields.get("scheduled_until", ""),
    )
    begins, ends = (typed.moment(name, page) for name in ("scheduled_for", "scheduled_until"))
    is_planned = one.incident.kind is PublicKind.MAINTENANCE
    await told.change(
        tx,
        incident_id,
        title=fields.get("title", ""),
        impact=UNSET if is_planned else typed.chosen_impact(),
        scheduled_for=UNSET if begins is None else begins,
        scheduled_until=UNSET if ends is None else ends,
        is_automatic=bool(fields.get("is_automatic")) if ends is not None else UNSET,
    )
    return "Saved. Customers read it now." if one.incident.published_at is not None else "Saved."


async def _postmortem(tx: Transaction, incident_id: str, fields: Fields) -> str:
    await told.change(tx, incident_id, postmortem_draft=fields.get("postmortem", ""))
    if fields.get("act") == "publish":
        await status_postmortems.publish(tx, incident_id)
        return "Customers read the postmortem now."
    return "The draft is saved. Customers do not see it."


async def _withdraw(tx: Transaction, incident_id: str, _: Fields) -> str:
    await status_postmortems.withdraw(tx, incident_id)
    return "The postmortem is off the page. Its words are a draft."


async def _take_over(tx: Transaction, incident_id: str, _: Fields) -> str:
    await status_postmortems.take_over(tx, incident_id)
    return "Your own postmortem is the draft now. Put it in words for customers before you publish it."


_VERBS = {
    "resolve": _resolve,
    "change": _change,
    "postmortem": _postmortem,
    "withdraw-postmortem": _withdraw,
    "take-over-postmortem": _take_over,
}

_WORDS = {"resolve": "last_words", "postmortem": "postmortem_draft"}
"""What the page calls the words that these acts are given: refused, they stand in their field again."""

ROUTES: Sequence[HTTPRouteHandler] = [index, show, edit, do]
