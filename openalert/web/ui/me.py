"""My own page: who I am, when I am on call and how I am reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import contact_methods, reachability, users
from openalert.web.ui import reaching, shifts, swap_pages
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Web, answer, go, own_id, sent, shell
from openalert.web.ui.users import FIELDS


@get("/me", include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Everything about me."""
    return await page(request, db, actor, {}, {})


async def page(
    request: Web, db: Database, actor: Actor, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    """The page with what was typed and what is wrong with it."""
    async with db.read() as reader:
        me = await users.me(reader, actor)
        duty = await shifts.of_person(reader, actor, me.id)
        methods = await contact_methods.of_user(reader, actor, me.id)
        reach = await reachability.of_user(reader, actor, me.id)
        context = await shell(
            request,
            reader,
            actor,
            "/me",
            user={
                "id": me.id,
                "name": me.name,
                "email": me.email,
                "timezone": me.timezone,
                "role": me.role.value,
                "phone_number": me.phone_number,
            },
            slack=request.app.state.slack is not None,
            on=duty.on,
            shifts=duty.shifts,
            offers=await swap_pages.open_for(reader, actor),
            reach=reach,
            base="/me",
            methods=reaching.methods(methods, reach, reader.now),
            kinds=reaching.kinds(request.app.state.config),
            mattermost=request.app.state.mattermost is not None,
            telegram=request.app.state.telegram is not None,
            errors=errors,
            values=values_of(
                typed,
                ("name", "timezone", "phone_number", "type", "address"),
                name=me.name,
                timezone=me.timezone,
                phone_number=me.phone_number or "",
            ),
        )
    return answer(request, "me/show.html", context, 422 if errors else 200)


@post("/me", include_in_schema=False)
async def update(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Another name, zone or telephone number."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        changed = await users.update(
            tx,
            own_id(actor),
            name=typed.get("name", ""),
            timezone=typed.get("timezone", ""),
            phone_number=typed.get("phone_number") or None,
        )
        return changed.timezone

    timezone, errors = await attempt(db, actor, body, FIELDS)
    if timezone is None:
        return await page(request, db, actor, typed, errors)
    return go("/me", f"Saved. Times are shown in {timezone}.")


ROUTES: Sequence[HTTPRouteHandler] = [show, update]
