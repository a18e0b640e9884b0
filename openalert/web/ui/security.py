"""How I sign in: my password, second factor, passkeys and recovery codes, and where I am signed in."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from markupsafe import Markup

from openalert.domain.access import Actor
from openalert.domain.user import Session, SignInMethod
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import passkeys, second_factors, signin, users
from openalert.usecases.second_factors import Enrolment
from openalert.web import user_agents
from openalert.web.cookies import give_session
from openalert.web.guards import session_token
from openalert.web.ui.forms import REFUSALS, Errors, refused
from openalert.web.ui.frame import Values, Web, act, answer, go, own_id, sent, shell

HERE = "/me/security"
METHODS = {
    SignInMethod.PASSWORD: "password",
    SignInMethod.PASSWORD_TOTP: "password and code",
    SignInMethod.PASSWORD_RECOVERY: "password and recovery code",
    SignInMethod.PASSWORD_PASSKEY: "password and passkey",
    SignInMethod.PASSKEY: "passkey",
    SignInMethod.SSO: "single sign-on",
}
_PASSWORD_FIELDS = {"currentPassword": ("current", "The current one"), "password": ("password", "It")}


@get(HERE, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Everything that lets me in."""
    return await _page(request, db, actor, {})


async def _page(
    request: Web, db: Database, actor: Actor, errors: Errors, codes: Sequence[str] = ()
) -> Response[Any]:
    async with db.read() as reader:
        me = await users.me(reader, actor)
        pending = await second_factors.pending(reader, me)
        rule = await second_factors.rule(reader, actor)
        context = await shell(
            request,
            reader,
            actor,
            "/me",
            user={"name": me.name, "email": me.email, "has_password": me.password_hash is not None},
            factors=await second_factors.of(reader, me.id),
            is_needed=rule.concerns(me.role),
            passwords=not request.app.state.config.oidc.only,
            setup=drawn(pending) if pending else None,
            passkeys_work=passkeys.site_of(request.app.state.config.base_url) is not None,
            codes=list(codes),
            single_sign_on=sso.label if (sso := request.app.state.single_sign_on) is not None else None,
            sessions=await _sessions(reader, actor, session_token(request.scope)),
            errors=errors,
        )
    return answer(request, "me/security.html", context, 422 if errors else 200)


def drawn(enrolment: Enrolment) -> Values:
    """What an app has to be told, as a picture for its camera and as text in groups of four."""
    import segno

    picture = segno.make(enrolment.uri, error="m").svg_inline(
        scale=4, border=2, dark="#000000", light="#ffffff", omitsize=True, svgclass="qr"
    )
    text = enrolment.secret
    return {
        # Drawn here from numbers alone: nothing of anybody's words becomes markup.
        "picture": Markup(picture),  # noqa: S704 - see above
        "secret": " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
    }


def session_row(session: Session, current_hash: str = "") -> Values:
    """One session in words."""
    return {
        "id": session.id,
        "words": user_agents.in_words(session.user_agent),
        "method": METHODS[session.method],
        "address": session.address,
        "since": session.created_at,
        "seen_at": session.last_seen_at,
        "current": session.token_hash == current_hash,
    }


async def _sessions(reader: Reader, actor: Actor, token: str) -> list[Values]:
    current = signin.token_hash(token)
    return [session_row(each, current) for each in await signin.sessions(reader, actor)]


@post("/me/password", opt={"password": True}, include_in_schema=False)
async def change_password(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A new password; every other browser is signed out, and this one gets a new session token."""
    form = await request.form()  # not trimmed: spaces belong to a password
    token = session_token(request.scope)
    try:
        await users.change_password(
            db,
            actor,
            own_id(actor),
            password=str(form.get("password", "")),
            current=str(form.get("current", "")),
            keep_session=signin.token_hash(token),
        )
        async with db.transaction(actor) as tx:
            renewed = await signin.rotate_session(tx, token)
    except REFUSALS as error:
        return await _page(request, db, actor, refused(error, _PASSWORD_FIELDS))
    said = "Your password is changed. Every other browser is signed out."
    return give_session(request, go(HERE, said), renewed)


@post("/me/totp", include_in_schema=False)
async def begin_totp(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Make a secret for an authenticator app."""

    async def body(tx: Transaction) -> str:
        await signin.require_fresh(tx, tx.actor, session_token(request.scope))
        await second_factors.begin_totp(tx, await users.me(tx, tx.actor))
        return ""

    return await act(db, actor, f"{HERE}#app", body)


@post("/me/totp/confirm", include_in_schema=False)
async def confirm_totp(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Prove the app by its code; the recovery codes are shown this once."""
    typed = await sent(request)
    try:
        async with db.transaction(actor) as tx:
            me = await users.me(tx, tx.actor)
            codes = await second_factors.confirm_totp(tx, me, typed.get("code", ""))
    except REFUSALS as error:
        return await _page(request, db, actor, {"": error.message})
    if codes is None:
        return await _page(request, db, actor, {"code": WRONG_CODE})
    return await _page(request, db, actor, {}, codes)


WRONG_CODE = "That is not the code that the app shows now. Is the clock of your telephone right?"


@post("/me/totp/remove", include_in_schema=False)
async def remove_totp(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Remove the app, with the password again."""
    form = await request.form()
    try:
        await second_factors.remove_totp(db, actor, str(form.get("current", "")))
    except REFUSALS as error:
        return await _page(request, db, actor, {"": error.message})
    return go(HERE, "The authenticator app is removed.")


@post("/me/recovery-codes", include_in_schema=False)
async def make_codes(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Ten new recovery codes, with the password again; those before are void."""
    form = await request.form()
    try:
        me = await second_factors.proven(db, actor, str(form.get("current", "")))
        async with db.transaction(actor) as tx:
            codes = await second_factors.new_recovery_codes(tx, me)
    except REFUSALS as error:
        return await _page(request, db, actor, {"": error.message})
    return await _page(request, db, actor, {}, codes)


@post("/me/passkeys/{passkey_id:str}/remove", include_in_schema=False)
async def remove_passkey(
    request: Web, passkey_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Remove a passkey, with the password again."""
    form = await request.form()
    try:
        own = signin.token_hash(session_token(request.scope))
        await passkeys.remove(db, actor, passkey_id, str(form.get("current", "")), keep_session=own)
    except REFUSALS as error:
        return await _page(request, db, actor, {"": error.message})
    return go(HERE, "The passkey is removed. Other browsers that it let in are signed out.")


@post("/me/sessions/end-others", include_in_schema=False)
async def end_others(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Sign every other browser out."""

    async def body(tx: Transaction) -> str:
        await signin.end_other_sessions(tx, session_token(request.scope))
        return "Every other browser is signed out."

    return await act(db, actor, f"{HERE}#sessions", body)


@post("/me/sessions/{session_id:str}/end", include_in_schema=False)
async def end_one(
    session_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Sign one browser out."""

    async def body(tx: Transaction) -> str:
        await signin.end_session(tx, session_id)
        return "That browser is signed out."

    return await act(db, actor, f"{HERE}#sessions", body)


ROUTES: Sequence[HTTPRouteHandler] = [
    show,
    change_password,
    begin_totp,
    confirm_totp,
    remove_totp,
    make_codes,
    remove_passkey,
    end_others,
    end_one,
]
