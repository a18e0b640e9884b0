"""Forms that add, prove, test and remove a way to reach somebody: oneself, and for admins others."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.domain.user import ContactMethod
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import contact_methods
from openalert.web.ui import me, users
from openalert.web.ui.forms import Errors, attempt
from openalert.web.ui.frame import Web, act, go, own_id, sent

_FIELDS = {"email": ("address", "The address"), "address": ("address", "The address")}


def _here(actor: Actor, user_id: str) -> str:
    """The page that lists the ways of this person; empty `user_id`: one's own."""
    own = not user_id or user_id == actor.user_id
    return "/me#contact-methods" if own else f"/users/{user_id}#contact-methods"


async def _refused(
    request: Web, db: Database, actor: Actor, user_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    """That page with what was typed and what is wrong with it."""
    if not user_id or user_id == actor.user_id:
        return await me.page(request, db, actor, typed, errors)
    return await users.page(request, db, actor, user_id, typed, errors)


@post(["/me/contact-methods", "/users/{user_id:str}/contact-methods"], include_in_schema=False)
async def add(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str] = "",
) -> Response[Any]:
    """A further address; a code goes there first."""
    typed = await sent(request)

    async def body(tx: Transaction) -> ContactMethod:
        kind, address = typed.get("type", "email"), typed.get("address", "")
        return await contact_methods.create(tx, user_id or own_id(actor), kind=kind, address=address)

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _refused(request, db, actor, user_id, typed, errors)
    if made.verified_at is not None:
        said = "Added: it is the address by which they sign in, and counts as verified."
    elif made.user_id == actor.user_id:
        said = f"A code is on its way to {made.address}. Enter it within ten minutes."
    else:
        said = f"A code is on its way to {made.address}. They enter it on their own page within ten minutes."
    return go(_here(actor, user_id), said)


@post(
    [
        "/me/contact-methods/{method_id:str}/verify",
        "/users/{user_id:str}/contact-methods/{method_id:str}/verify",
    ],
    include_in_schema=False,
)
async def verify(
    request: Web,
    method_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str] = "",
) -> Response[Any]:
    """Enter the code, or ask for another."""
    typed = await sent(request)
    code = None if typed.get("again") else typed.get("code", "")
    field = f"code-{method_id}"

    async def body(tx: Transaction) -> tuple[ContactMethod | None]:
        return (await contact_methods.verify(tx, user_id or own_id(actor), method_id, code),)

    found, errors = await attempt(db, actor, body, {"code": (field, "The code")})
    if found is not None and found[0] is None:
        errors = {field: contact_methods.wrong_code().message}
    if errors:
        return await _refused(request, db, actor, user_id, {}, {field: " ".join(errors.values())})
    again = "Another code is on its way; the one before no longer works."
    return go(_here(actor, user_id), "Verified: pages go there now." if code is not None else again)


@post(
    [
        "/me/contact-methods/{method_id:str}/{verb:str}",
        "/users/{user_id:str}/contact-methods/{method_id:str}/{verb:str}",
    ],
    include_in_schema=False,
)
async def do(
    method_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str] = "",
) -> Response[None]:
    """Test or forget an address."""
    if verb not in ("test", "delete"):
        raise NotFound("page")

    async def body(tx: Transaction) -> str:
        whose = user_id or own_id(actor)
        if verb == "test":
            await contact_methods.send_test(tx, whose, method_id)
            method = await contact_methods.get(tx, actor, whose, method_id)
            return f"A test message is on its way to {method.label or method.address}."
        await contact_methods.delete(tx, whose, method_id)
        return "Removed: no page goes there any more."

    return await act(db, actor, _here(actor, user_id), body)


ROUTES: Sequence[HTTPRouteHandler] = [add, verify, do]
