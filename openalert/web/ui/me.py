"""My own page: when I am on call, how I am reached, my password and where I am signed in."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.domain.instant import Instant
from openalert.domain.user import ContactMethod, Session, SignInMethod
from openalert.storage.database import Database, Reader, Transaction
from openalert.usecases import contact_methods, signin, users
from openalert.web.guards import session_token
from openalert.web.ui import shifts
from openalert.web.ui.forms import REFUSALS, Errors, attempt, refused, values_of
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, shell
from openalert.web.ui.users import FIELDS

_PASSWORD_FIELDS = {"currentPassword": ("current", "The current one"), "password": ("password", "It")}
_METHOD_FIELDS = {"email": ("address", "The address"), "address": ("address", "The address")}
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
METHODS = {
    SignInMethod.PASSWORD: "password",
    SignInMethod.PASSWORD_TOTP: "password and code",
    SignInMethod.PASSWORD_RECOVERY: "password and recovery code",
    SignInMethod.PASSWORD_PASSKEY: "password and passkey",
    SignInMethod.PASSKEY: "passkey",
    SignInMethod.SSO: "single sign-on",
}


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
            },
            on=duty.on,
            shifts=duty.shifts,
            methods=[_method(each, reader.now) for each in methods],
            sessions=await _sessions(reader, actor, session_token(request.scope)),
            errors=errors,
            values=values_of(typed, ("name", "timezone", "address"), name=me.name, timezone=me.timezone),
        )
    return answer(request, "me/show.html", context, 422 if errors else 200)


def _method(method: ContactMethod, now: Instant) -> Values:
    waiting = method.code_hash is not None and (method.code_expires_at or 0) > now
    return {
        "id": method.id,
        "type": method.type,
        "address": method.address,
        "verified": method.verified_at is not None,
        "proven_at": method.last_proven_at,
        "waiting_code": method.verified_at is None and waiting,
    }


async def _sessions(reader: Reader, actor: Actor, token: str) -> list[Values]:
    return [
        {
            "id": each.id,
            "words": browser_words(each),
            "method": METHODS[each.method],
            "address": each.address,
            "seen_at": each.last_seen_at,
            "current": each.token_hash == signin.token_hash(token),
        }
        for each in await signin.sessions(reader, actor)
    ]


def browser_words(session: Session) -> str:
    """`Firefox on Linux`, as far as the browser said."""
    agent = session.user_agent
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return " on ".join(part for part in (browser, system) if part) or agent[:60] or "an unknown browser"


def _mine(actor: Actor) -> str:
    """My own id; an API key has no page."""
    if actor.user_id is None:
        raise NotFound("page")
    return actor.user_id


@post("/me", include_in_schema=False)
async def update(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Another name, another time zone."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        name, timezone = typed.get("name", ""), typed.get("timezone", "")
        return (await users.update(tx, _mine(actor), name=name, timezone=timezone)).timezone

    timezone, errors = await attempt(db, actor, body, FIELDS)
    if timezone is None:
        return await _page(request, db, actor, typed, errors)
    return go("/me", f"Saved. Times are shown in {timezone}.")


@post("/me/password", include_in_schema=False)
async def change_password(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A new password; every other browser is signed out."""
    form = await request.form()  # not trimmed: spaces belong to a password
    keep = signin.token_hash(session_token(request.scope))
    try:
        await users.change_password(
            db,
            actor,
            _mine(actor),
            password=str(form.get("password", "")),
            current=str(form.get("current", "")),
            keep_session=keep,
        )
    except REFUSALS as error:
        return await _page(request, db, actor, {}, refused(error, _PASSWORD_FIELDS))
    return go("/me", "Your password is changed. Every other browser is signed out.")


@post("/me/contact-methods", include_in_schema=False)
async def add_method(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A further address; a code goes there first."""
    typed = await sent(request)

    async def body(tx: Transaction) -> ContactMethod:
        kind, address = typed.get("type", "email"), typed.get("address", "")
        return await contact_methods.create(tx, _mine(actor), kind=kind, address=address)

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
        return (await contact_methods.verify(tx, _mine(actor), method_id, code),)

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
            sent_to = await contact_methods.send_test(tx, _mine(actor), method_id)
            return f"A test message is on its way to {sent_to.address}."
        await contact_methods.delete(tx, _mine(actor), method_id)
        return "Removed: no page goes there any more."

    return await act(db, actor, "/me#contact-methods", body)


@post("/me/sessions/end-others", include_in_schema=False)
async def end_others(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Sign every other browser out."""

    async def body(tx: Transaction) -> str:
        await signin.end_other_sessions(tx, session_token(request.scope))
        return "Every other browser is signed out."

    return await act(db, actor, "/me#sessions", body)


@post("/me/sessions/{session_id:str}/end", include_in_schema=False)
async def end_one(
    session_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Sign one browser out."""

    async def body(tx: Transaction) -> str:
        await signin.end_session(tx, session_id)
        return "That browser is signed out."

    return await act(db, actor, "/me#sessions", body)


ROUTES: Sequence[HTTPRouteHandler] = [
    show,
    update,
    change_password,
    add_method,
    verify_method,
    do_method,
    end_others,
    end_one,
]
