"""/callbacks/slack/…: buttons, commands and messages, as Slack posts them; signed, or refused.

Slack waits three seconds for an answer and shows people an error after it, so nothing here waits for Slack. The
`response_url` in a payload is not used: what is to be shown goes to the address in the configuration.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.instant import SECOND
from openalert.usecases.slack import Slack, told_alone
from openalert.web.guards import stranger
from openalert.web.ui.frame import Web

OLDEST = 300
"""Seconds: a request that was signed longer ago, or so far ahead, is a recording."""


def is_from_slack(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Whether Slack signed this body within five minutes of `now`, in seconds (its signing version 0)."""
    if not secret or not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 12:
        return False
    if abs(now - int(timestamp)) > OLDEST:
        return False
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}".encode(), signature.encode("utf-8", "replace"))


async def _verified(request: Web) -> tuple[Slack, bytes]:
    """Slack's connection here and the body, once it is known that Slack sent it; Forbidden otherwise."""
    slack: Slack | None = request.app.state.slack
    body = await request.body()
    headers = request.headers
    if slack is None or not is_from_slack(
        slack.settings.signing_secret,
        headers.get("x-slack-request-timestamp", ""),
        headers.get("x-slack-signature", ""),
        body,
        slack.now() / SECOND,
    ):
        raise Forbidden("This is not signed by the Slack app that is connected here.")
    return slack, body


@post("/callbacks/slack/actions", opt={"public": True}, include_in_schema=False, status_code=200)
async def actions(request: Web) -> Response[Any]:
    """A button was pressed, or somebody typed /openalert; both come as forms."""
    slack, body = await _verified(request)
    form = _form(body)
    if "payload" in form:
        await slack.pressed(_object(form["payload"].encode()), stranger(request))
        return Response(b"")
    if form.get("command"):
        said = await slack.command(form, stranger(request))
        return Response(told_alone(said))
    raise Invalid("This is neither a pressed button nor a command.")


@post("/callbacks/slack/events", opt={"public": True}, include_in_schema=False, status_code=200)
async def events(request: Web) -> Response[Any]:
    """Somebody wrote to the bot; or Slack asks whether this address is ours."""
    slack, body = await _verified(request)
    envelope = _object(body)
    if envelope.get("type") == "url_verification":
        return Response({"challenge": str(envelope.get("challenge", ""))[:1_000]})
    await slack.wrote(envelope, stranger(request))
    return Response(b"")


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form, the first of each name."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise Invalid("The form cannot be read.") from error
    return {name: values[0] for name, values in fields.items()}


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Invalid("The JSON cannot be read.") from error


ROUTES: Sequence[HTTPRouteHandler] = [actions, events]
