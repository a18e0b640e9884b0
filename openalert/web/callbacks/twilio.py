"""/callbacks/twilio/…: what to say in a call, which key was pressed, what became of it, and text messages that come in.

Twilio signs what it posts over our public address, `server.base_url`, whatever address a proxy makes of it.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.errors import Forbidden, Invalid, TooLarge
from openalert.domain.links_back import LinksBack
from openalert.notifiers import twiml
from openalert.notifiers.twilio import CALLBACKS, is_signed
from openalert.storage.database import Database
from openalert.usecases import telephone
from openalert.usecases.telephone import Call
from openalert.web.guards import stranger
from openalert.web.ui.frame import Web

MOST_BYTES = 64 * 1024
_MOST_FIELDS = 200


@post(
    f"{CALLBACKS}/message/{{token:str}}",
    opt={"public": True},
    include_in_schema=False,
    status_code=200,
)
async def message_status(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """A text message has moved on."""
    form = await _verified(request)
    async with db.transaction(stranger(request)) as tx:
        await telephone.message_moved(
            tx,
            token,
            form.get("MessageSid", ""),
            form.get("MessageStatus", ""),
            _number(form.get("ErrorCode", "")),
            _taking(request, "sms", db),
        )
    return _xml(twiml.document())


@post(
    f"{CALLBACKS}/call/{{token:str}}",
    opt={"public": True},
    include_in_schema=False,
    status_code=200,
)
async def call_status(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """A call has moved on."""
    call = _call(await _verified(request))
    async with db.transaction(stranger(request)) as tx:
        await telephone.call_ended(tx, token, call, _taking(request, "voice", db))
    return _xml(twiml.document())


@post(
    f"{CALLBACKS}/voice/{{token:str}}/{{round_number:int}}",
    opt={"public": True},
    include_in_schema=False,
    status_code=200,
)
async def call_answered(
    request: Web,
    token: FromPath[str],
    round_number: FromPath[int],
    db: NamedDependency[Database],
    links_back: NamedDependency[LinksBack],
) -> Response[Any]:
    """Somebody has picked up: what do they hear?"""
    call = _call(await _verified(request))
    async with db.transaction(stranger(request)) as tx:
        said = await telephone.answered(tx, links_back, token, call, round_number)
    return _xml(said)


@post(
    f"{CALLBACKS}/voice/{{token:str}}/{{round_number:int}}/key",
    opt={"public": True},
    include_in_schema=False,
    status_code=200,
)
async def key_pressed(
    request: Web,
    token: FromPath[str],
    round_number: FromPath[int],
    db: NamedDependency[Database],
    links_back: NamedDependency[LinksBack],
) -> Response[Any]:
    """A key was pressed."""
    form = await _verified(request)
    async with db.transaction(stranger(request)) as tx:
        said = await telephone.pressed(
            tx, links_back, token, _call(form), round_number, form.get("Digits", "")
        )
    return _xml(said)


@post(f"{CALLBACKS}/sms", opt={"public": True}, include_in_schema=False, status_code=200)
async def message_came(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Somebody wrote a text message to our number."""
    form = await _verified(request)
    async with db.transaction(stranger(request)) as tx:
        said = await telephone.wrote(
            tx, number=form.get("From", ""), text=form.get("Body", ""), sid=form.get("MessageSid", "")
        )
    return _xml(said)


def _taking(request: Web, channel: str, db: Database) -> list[int]:
    """The accounts that take what another one could not bring."""
    taking: list[int] = request.app.state.engine.deliver.lines.taking(channel, db.clock())
    return taking


async def _verified(request: Web) -> dict[str, str]:
    """The fields of the form, once it is known that Twilio posted it for an account of ours; Forbidden otherwise."""
    config = request.app.state.config
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise TooLarge(f"At most {MOST_BYTES} bytes are read here.", limit=MOST_BYTES)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise Invalid("The form cannot be read.") from error
    given = request.headers.get("x-twilio-signature", "")
    form = dict(reversed(fields))
    sid = form.get("AccountSid")
    # Both may be one account in two regions, each of which has its own token.
    tokens = [
        each.auth_token
        for each in (config.twilio, config.twilio_backup)
        if each.account_sid and each.account_sid == sid
    ]
    if not any(is_signed(given, token, _public_url(request), fields) for token in tokens):
        raise Forbidden(
            "This is not signed by a Twilio account that is connected here.", code="BAD_SIGNATURE"
        )
    return form


def _public_url(request: Web) -> str:
    """The address that Twilio was given and has signed."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    path = raw.partition(b"?")[0].decode("latin-1")
    return f"{request.app.state.config.base_url}{path}" + (f"?{query.decode('latin-1')}" if query else "")


def _call(form: dict[str, str]) -> Call:
    return Call(
        sid=form.get("CallSid", ""),
        status=form.get("CallStatus", ""),
        answered_by=form.get("AnsweredBy", ""),
        error_code=_number(form.get("ErrorCode", "")),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _xml(content: str) -> Response[Any]:
    return Response(content, media_type="text/xml; charset=utf-8")


ROUTES: Sequence[HTTPRouteHandler] = [message_status, call_status, call_answered, key_pressed, message_came]
