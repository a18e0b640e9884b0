"""Single sign-on in the browser: set it up, try it out, connect people; and on my page, connect myself."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.config import Config
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Forbidden, NotFound, Unavailable
from openalert.domain.single_sign_on import Identity
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import identities, sign_in_explained, signin, single_sign_on, users
from openalert.usecases.access import require
from openalert.usecases.single_sign_on import CONNECT, EXPLAIN, Finished, SingleSignOn
from openalert.web.cookies import browser_of, depart, departure_of
from openalert.web.guards import session_token
from openalert.web.ui.frame import Values, Web, act, answer, go, plain, shell

SET_UP, MINE = "/settings/single-sign-on", "/me/single-sign-on"
PROVIDERS = {
    "entra": "Microsoft Entra ID",
    "keycloak": "Keycloak",
    "google": "Google",
    "okta": "Okta",
    "other": "Another one",
}


def configured(request: Web) -> SingleSignOn:
    """The provider in use; NotFound when there is none."""
    sso: SingleSignOn | None = request.app.state.single_sign_on
    if sso is None:
        raise NotFound("page")
    return sso


@get(SET_UP, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """What to register at the provider, whether it answers, and who waits to be connected."""
    require(actor, Permission.CONFIGURE, None)
    sso: SingleSignOn | None = request.app.state.single_sign_on
    state = await _state(db, sso) if sso is not None else None
    async with db.read() as reader:
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            **_facts(request),
            state=state,
            waiting=await _waiting(reader, actor),
        )
    return answer(request, "settings/single_sign_on.html", context)


async def _state(db: Database, sso: SingleSignOn) -> Values:
    """Whether the provider can be used at this moment, asked anew."""
    try:
        metadata = await sso.provider.metadata(db.clock(), fresh=True)
        keys = await sso.provider.keys(db.clock())
    except Unavailable as error:
        return {"ok": False, "words": error.message}
    count = f"{len(keys)} keys" if len(keys) != 1 else "one key"
    words = f"{sso.label} answers, calls itself as configured and publishes {count}. It signs with "
    return {"ok": True, "words": words + f"{', '.join(metadata.algorithms)}."}


def _facts(request: Web) -> Values:
    """What does not depend on the database."""
    config: Config = request.app.state.config
    chosen = request.query_params.get("provider", "")
    sso: SingleSignOn | None = request.app.state.single_sign_on
    return {
        "redirect_uri": f"{config.base_url}/auth/callback",
        "sign_out_uri": f"{config.base_url}/login",
        "has_base_url": bool(config.server.base_url),
        "rules": config.oidc,
        "label": sso.label if sso is not None else "",
        "providers": [(f"{SET_UP}?provider={key}#steps", words, key) for key, words in PROVIDERS.items()],
        "chosen": chosen if chosen in PROVIDERS else _likely(config.oidc.issuer),
    }


def _likely(issuer: str) -> str:
    signs = {"microsoftonline": "entra", "/realms/": "keycloak", "accounts.google": "google", "okta": "okta"}
    return next((key for sign, key in signs.items() if sign in issuer), "other" if issuer else "entra")


async def _waiting(reader: Reader, actor: Actor) -> list[Values]:
    return [
        {
            "id": request.id,
            "user": {"id": user.id, "name": user.name, "email": user.email, "role": user.role.value},
            "email": request.email,
            "name": request.name,
            "subject": request.subject,
            "tenant": request.tenant,
            "issuer": request.issuer,
            "at": request.created_at,
        }
        for request, user in await identities.requests(reader, actor)
    ]


@post(f"{SET_UP}/test", include_in_schema=False)
async def test(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Go to the provider and come back to an explanation; nobody is signed in."""
    require(actor, Permission.CONFIGURE, None)
    return await _leave(request, db, actor, EXPLAIN, SET_UP)


@post(f"{SET_UP}/requests/{{request_id:str}}/{{verb:str}}", include_in_schema=False)
async def decide(
    request_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Connect an account of the provider to the person whose address it has, or do not."""
    if verb not in ("connect", "dismiss"):
        raise NotFound("page")

    async def body(tx: Transaction) -> str:
        if verb == "connect":
            user = await identities.grant_request(tx, request_id)
            return f"Connected: {user.name} can sign in with it from now on."
        await identities.dismiss_request(tx, request_id)
        return "Not connected."

    return await act(db, actor, SET_UP, body)


@get(MINE, include_in_schema=False)
async def mine(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """By what I can sign in, and the button that connects more."""
    sso = configured(request)
    async with db.read() as reader:
        me = await users.me(reader, actor)
        own = await identities.of_user(reader, actor, me.id)
        context = await shell(
            request,
            reader,
            actor,
            "/me",
            label=sso.label,
            identities=[identity_row(each) for each in own],
            only=sso.rules.only,
            has_password=me.password_hash is not None,
        )
    return answer(request, "me/single_sign_on.html", context)


def identity_row(identity: Identity) -> Values:
    """One identity, as pages show it."""
    return {
        "id": identity.id,
        "email": identity.email,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "created_at": identity.created_at,
        "last_used_at": identity.last_used_at,
    }


@post(f"{MINE}/connect", include_in_schema=False)
async def connect(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Go to the provider and come back connected."""
    try:
        async with db.read() as reader:
            await signin.require_fresh(reader, actor, session_token(request.scope))
    except Forbidden as error:
        return go(MINE, error.message, "bad")
    return await _leave(request, db, actor, CONNECT, MINE)


@post(f"{MINE}/{{identity_id:str}}/disconnect", include_in_schema=False)
async def disconnect(
    request: Web,
    identity_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Sign in by it no more."""
    only = configured(request).rules.only

    async def body(tx: Transaction) -> str:
        own = signin.token_hash(session_token(request.scope))
        await identities.disconnect(
            tx, actor.user_id or "", identity_id, passwords_count=not only, keep_session=own
        )
        return "Disconnected: it opens nothing here any more, and what it had opened elsewhere is closed."

    return await act(db, actor, MINE, body)


@post("/users/{user_id:str}/identities/{identity_id:str}/disconnect", include_in_schema=False)
async def disconnect_person(
    request: Web,
    user_id: FromPath[str],
    identity_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Let an account of the provider sign somebody in no more, and end their sessions."""
    only = configured(request).rules.only

    async def body(tx: Transaction) -> str:
        identity = await identities.disconnect(tx, user_id, identity_id, passwords_count=not only)
        return f"Disconnected: {identity.email or identity.subject} signs nobody in any more."

    return await act(db, actor, f"/users/{user_id}", body)


async def _leave(request: Web, db: Database, actor: Actor, purpose: str, target: str) -> Response[Any]:
    """A page that leads to the provider. A redirect would not do: forms of ours may only lead to ourselves."""
    sso = configured(request)
    try:
        url, secret = await single_sign_on.begin(
            db,
            sso,
            secret=departure_of(request),
            browser=browser_of(request),
            target=target,
            purpose=purpose,
            actor=actor,
        )
    except Unavailable as error:
        return go(target, error.message, "bad")
    page = answer(
        request, "sign_in/leave.html", plain(request, db.clock(), label=sso.label, url=url, back=target)
    )
    page.headers["refresh"] = f"0;url={url}"
    return depart(request, page, secret)


async def explained(request: Web, db: Database, actor: Actor, finished: Finished) -> Response[Any]:
    """What the provider sent, and what would have come of it."""
    require(actor, Permission.CONFIGURE, None)
    sso = configured(request)
    async with db.read() as reader:
        found = await sign_in_explained.explain(reader, sso, finished)
        context = await shell(request, reader, actor, "/settings", label=sso.label, found=found)
    return answer(request, "settings/single_sign_on_test.html", context)


ROUTES: Sequence[HTTPRouteHandler] = [show, test, decide, mine, connect, disconnect, disconnect_person]
