"""My own page: who I am, when I am on call and how I am reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.errors import NotFound
from openalert.domain.instant import Instant
from openalert.domain.user import ContactMethod
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import contact_methods, reachability, users
from openalert.web.ui import shifts
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Values, Web, act, answer, go, own_id, sent, shell
from openalert.web.ui.users import FIELDS

_METHOD_FIELDS = {"email": ("address", "The address"), "address": ("address", "The address")}


@get("/me", include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Everything about me."""
    return await _page(request, db, actor, {}, {})


async def _page(
    request: Web, db: Database, actor: Actor, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        me = await users.me(reader, actor)
        duty = await shifts.of_person(reader, actor, me.id)
        methods = await contact_methods.of_user(reader, actor, me.id)
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
            reach=await reachability.of_user(reader, actor, me.id),
            methods=[_method(each, reader.now) for each in methods],
            kinds=_kinds(request),
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


def _kinds(request: Web) -> list[Values]:
    """The kinds whose address one types; telephones only where this installation can call."""
    can_call = bool(request.app.state.config.twilio.account_sid)
    return [
        {"type": kind.type, "words": kind.words, "placeholder": kind.placeholder}
        for kind in CONTACT_KINDS.values()
        if not kind.is_linked and (can_call or not kind.costs)
    ]


def _method(method: ContactMethod, now: Instant) -> Values:
    waiting = method.code_hash is not None and (method.code_expires_at or 0) > now
    return {
        "id": method.id,
        "type": method.type,
        "name": method.label or method.address,
        "address": method.address,
        "verified": method.verified_at is not None,
        "proven_at": method.last_proven_at,
        "failing": method.failing_since,
        "failure": method.last_failure,
        "waiting_code": method.verified_at is None and waiting,
    }


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
        return await _page(request, db, actor, typed, errors)
    return go("/me", f"Saved. Times are shown in {timezone}.")


@post("/me/contact-methods", include_in_schema=False)
async def add_method(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A further address; a code goes there first."""
    typed = await sent(request)

    async def body(tx: Transaction) -> ContactMethod:
        kind, address = typed.get("type", "email"), typed.get("address", "")
        return await contact_methods.create(tx, own_id(actor), kind=kind, address=address)

    made, errors = await attempt(db, actor, body, _METHOD_FIELDS)
    if made is None:
        return await _page(request, db, actor, typed, errors)
    return go("/me#contact-methods", f"A code is on its way to {made.address}. Enter it within ten minutes.")


@post("/me/contact-methods/{method_id:str}/verify", include_in_schema=False)
async def verify_method(
    request: Web, method_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Enter the code, or ask for another."""
    typed = await sent(request)
    code = None if typed.get("again") else typed.get("code", "")
    field = f"code-{method_id}"

    async def body(tx: Transaction) -> tuple[ContactMethod | None]:
        return (await contact_methods.verify(tx, own_id(actor), method_id, code),)

    found, errors = await attempt(db, actor, body, {"code": (field, "The code")})
    if found is not None and found[0] is None:
        errors = {field: contact_methods.wrong_code().message}
    if errors:
        return await _page(request, db, actor, {}, {field: " ".join(errors.values())})
    again = "Another code is on its way; the one before no longer works."
    return go("/me#contact-methods", "Verified: pages go there now." if code is not None else again)


@post("/me/contact-methods/{method_id:str}/{verb:str}", include_in_schema=False)
async def do_method(
    method_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Test or forget an address."""
    if verb not in ("test", "delete"):
        raise NotFound("page")

    async def body(tx: Transaction) -> str:
        if verb == "test":
            await contact_methods.send_test(tx, own_id(actor), method_id)
            method = await contact_methods.get(tx, actor, own_id(actor), method_id)
            return f"A test message is on its way to {method.label or method.address}."
        await contact_methods.delete(tx, own_id(actor), method_id)
        return "Removed: no page goes there any more."

    return await act(db, actor, "/me#contact-methods", body)


ROUTES: Sequence[HTTPRouteHandler] = [
    show,
    update,
    add_method,
    verify_method,
    do_method,
]
