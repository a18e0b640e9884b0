"""Between the password and the session: the code or passkey that is asked for, or the setting up of one."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.errors import Unauthenticated
from openalert.storage.database import Database
from openalert.usecases import passkeys, second_factors, signin
from openalert.web.cookies import browser_of, entered, forget, replaced, step_of
from openalert.web.guards import safe_next
from openalert.web.ui.forms import REFUSALS, Errors
from openalert.web.ui.frame import Web, address, answer, go, plain, sent
from openalert.web.ui.security import WRONG_CODE, drawn


@get("/login/second", opt={"public": True}, include_in_schema=False)
async def show_second(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Ask for the code, or for a passkey."""
    return await _second_page(request, db, safe_next(request.query_params.get("next")), {})


async def _second_page(request: Web, db: Database, target: str, errors: Errors) -> Response[Any]:
    try:
        async with db.read() as reader:
            _, user = await second_factors.step_of(reader, step_of(request))
            factors = await second_factors.of(reader, user.id)
    except Unauthenticated as error:
        return _again(request, error)
    context = plain(
        request,
        db.clock(),
        email=user.email,
        next=target,
        has_app=factors.totp is not None and not factors.lost,
        has_passkey=bool(factors.passkeys)
        and passkeys.site_of(request.app.state.config.base_url) is not None,
        has_codes=factors.recovery_left > 0,
        lost=factors.lost,
        errors=errors,
    )
    return answer(request, "sign_in/second.html", context, 422 if errors else 200)


@post("/login/second", opt={"public": True}, include_in_schema=False)
async def second(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Take the code."""
    typed = await sent(request)
    target = safe_next(typed.get("next"))
    try:
        outcome = await second_factors.enter_code(
            db, step_of(request), typed.get("code", ""), browser_of(request)
        )
    except Unauthenticated as error:
        return _again(request, error)
    except REFUSALS as error:
        return await _second_page(request, db, target, {"code": error.message})
    await replaced(request, db)
    return entered(request, go(target), outcome)


@get("/login/enrol", opt={"public": True}, include_in_schema=False)
async def show_enrol(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Offer an app or a passkey to whoever needs one to get in."""
    return await _enrol_page(request, db, safe_next(request.query_params.get("next")), {})


async def _enrol_page(request: Web, db: Database, target: str, errors: Errors) -> Response[Any]:
    try:
        async with db.read() as reader:
            user = await second_factors.enrolling(reader, step_of(request))
            pending = await second_factors.pending(reader, user)
    except Unauthenticated as error:
        return _again(request, error)
    context = plain(
        request,
        db.clock(),
        email=user.email,
        next=target,
        setup=drawn(pending) if pending else None,
        codes=[],
        passkeys_work=passkeys.site_of(request.app.state.config.base_url) is not None,
        errors=errors,
    )
    return answer(request, "sign_in/enrol.html", context, 422 if errors else 200)


@post("/login/enrol", opt={"public": True}, include_in_schema=False)
async def enrol(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Begin to set up an app, or prove it by its code and be in: then the recovery codes are shown, this once."""
    typed = await sent(request)
    target, token, browser = safe_next(typed.get("next")), step_of(request), browser_of(request)
    codes: list[str] | None = None
    try:
        async with db.transaction() as tx:
            user = await second_factors.enrolling(tx, token)
            tx.actor = signin.as_actor(user, browser)
            if "code" not in typed:
                await second_factors.begin_totp(tx, user)
                return go(address("/login/enrol", next=target))
            await second_factors.count_try(tx, token)
            codes = await second_factors.confirm_totp(tx, user, typed["code"])
        if codes is None:
            return await _enrol_page(request, db, target, {"code": WRONG_CODE})
        outcome = await second_factors.enrolled(db, token, browser)
    except Unauthenticated as error:
        return _again(request, error)
    except REFUSALS as error:
        return await _enrol_page(request, db, target, {"": error.message})
    await replaced(request, db)
    context = plain(
        request,
        db.clock(),
        email=user.email,
        next=target,
        setup=None,
        codes=codes,
        passkeys_work=False,
        errors={},
    )
    return entered(request, answer(request, "sign_in/enrol.html", context), outcome)


def _again(request: Web, error: Unauthenticated) -> Response[Any]:
    """Back to the password: the sign-in took too long, or had too many wrong codes."""
    return forget(request, go("/login", error.message, "bad"), "step")


ROUTES: Sequence[HTTPRouteHandler] = [show_second, second, show_enrol, enrol]
