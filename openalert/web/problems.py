"""Refusals as RFC 9457 problem documents for machines, and as a page for people.

`type,title,status,detail` are the standard's members; `code,message,request_id,details` are ours and say the same
in one shape for every refusal. Of a fault of our own nothing but the request id leaves the program.
"""

import math
import re
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from openalert.domain.errors import Invalid, OpenAlertError, Unauthenticated, Unavailable
from openalert.web import catalogue
from openalert.web.asgi import Scope, Send

log = structlog.get_logger(__name__)

_PEOPLE = "/api/docs"
"""The one place below `/api/` that is pages."""
_MACHINES = ("/api/", "/webhooks/", "/health", "/ready", "/metrics", "/heartbeats/", "/static/", "/public/")
CODES = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    503: "UNAVAILABLE",
}
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is larger than what is read here.",
    415: "This content type is not read here.",
}
_FAULT = "Something went wrong on our side. The request id finds it in the log of the server."


class Problem(msgspec.Struct, kw_only=True, frozen=True):
    """The body of a refusal."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    request_id: str
    details: dict[str, Any] = {}


class Refused(OpenAlertError):
    """A refusal of the framework: its status is a matter of the case, not of the class."""

    def __init__(self, status: int, message: str, *, code: str, **details: Any) -> None:
        super().__init__(message, code=code, **details)
        self.status = status  # type: ignore[misc]  # every other refusal has it from its class


def refusal(error: Exception) -> OpenAlertError:
    """The error as one of our own; what is unknown becomes a bare INTERNAL_ERROR, and is logged."""
    if isinstance(error, OpenAlertError):
        return error
    if isinstance(error, ValidationException):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _from_framework(error)
    if _broke_while_decoding(error):
        return Invalid("The body cannot be read: it is nested too deeply or is not UTF-8.")
    if isinstance(error, MemoryError):
        log.error("no memory for a request")
        return Unavailable("There is no memory for this now. Send it again.", retry_after=10)
    log.error("request failed", exc_info=error)
    return OpenAlertError(_FAULT)


def answer(error: Exception, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of the problem document."""
    found = refusal(error)
    status = found.status
    shown = found.message if status != 500 else _FAULT
    body = Problem(
        type=catalogue.address(found.code),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=shown,
        code=found.code,
        message=shown,
        request_id=request_id,
        details=found.details if status != 500 else {},
    )
    headers = [("content-type", "application/problem+json"), *_headers(found)]
    return status, headers, msgspec.json.encode(body, enc_hook=str)


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Litestar's handler for every exception: a problem document, a page, or the way to the sign-in."""
    found = refusal(error)
    scope: Any = request.scope
    if for_people(scope):
        if isinstance(found, Unauthenticated):
            return Response(
                content=b"", status_code=303, media_type="text/plain", headers={"location": _sign_in(request)}
            )
        return _page(request, found)
    status, headers, body = answer(found, _request_id(request))
    names = dict(headers)
    return Response(content=body, status_code=status, media_type=names.pop("content-type"), headers=names)


async def send_problem(scope: Scope, send: Send, error: Exception) -> None:
    """Answer a raw ASGI request as `handle` does: with the problem document, or with a page."""
    status, headers, body = answer(error, str(scope.get("request_id", "")))
    if for_people(scope):
        page = _page_text(scope, refusal(error))
        headers, body = [("content-type", "text/html; charset=utf-8"), *headers[1:]], page.encode()
    listed = [(name.encode(), value.encode()) for name, value in headers]
    listed.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def for_people(scope: Scope) -> bool:
    """Whether a page is expected: a browser asks outside of the machines' paths."""
    if scope["path"].startswith(_MACHINES) and not scope["path"].startswith(_PEOPLE):
        return False
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepted


def with_head(methods: Iterable[str]) -> list[str]:
    """The methods in order; whoever answers GET answers HEAD."""
    listed = set(methods)
    return sorted(listed | {"HEAD"} if "GET" in listed else listed)


def _headers(error: OpenAlertError) -> list[tuple[str, str]]:
    headers = []
    if "retry_after" in error.details:
        headers.append(("retry-after", str(max(1, math.ceil(error.details["retry_after"])))))
    if "allow" in error.details:
        headers.append(("allow", ", ".join(error.details["allow"])))
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return headers


def _sign_in(request: Request[Any, Any, Any]) -> str:
    """Where to sign in, and to come back to what was asked for if it was only looked at."""
    if request.method not in ("GET", "HEAD") or request.url.path == "/":
        return "/login"
    query = request.url.query
    return "/login?next=" + quote(request.url.path + (f"?{query}" if query else ""), safe="/")


def _page_text(scope: Any, error: OpenAlertError) -> str:
    from openalert.web import render

    return render.page(
        "errors/error.html",
        status=error.status,
        title=_title(error.status),
        message=_FAULT if error.status == 500 else error.message,
        request_id=str(scope.get("request_id", "")),
        signed_in=scope.get("actor") is not None,
        now=0,
    )


def _page(request: Request[Any, Any, Any], error: OpenAlertError) -> Response[str]:
    text = _page_text(request.scope, error)
    headers = {name: value for name, value in _headers(error) if name != "www-authenticate"}
    return Response(content=text, status_code=error.status, media_type="text/html", headers=headers)


def _request_id(request: Request[Any, Any, Any]) -> str:
    scope: Any = request.scope
    return str(scope.get("request_id", ""))


def _title(status: int) -> str:
    return {403: "Not allowed", 404: "Not found", 421: "Not by this name", 500: "That is our fault"}.get(
        status, HTTPStatus(status).phrase.capitalize()
    )


def _invalid(error: ValidationException) -> OpenAlertError:
    """Which member or parameter was wrong, and how, in the words of the decoder."""
    listed: list[dict[str, Any]] = []
    for extra in error.extra if isinstance(error.extra, list) else []:
        if isinstance(extra, dict):
            field, words = _plain(str(extra.get("key", "")), str(extra.get("message", "")))
            listed.append({"field": field, "message": words, "in": _source(extra)})
    if not listed:
        return Invalid(error.detail)
    first = listed[0]
    where = f"{first['field'] or 'the body'}: "
    return Invalid(f"{where}{first['message']}", field=first["field"], errors=listed)


def _plain(field: str, words: str) -> tuple[str, str]:
    """The member that is meant, and what is wrong with it in words of JSON; the body as a whole has no name.

    The decoder calls the body after our argument (`data`), names a member that is unknown or missing in its words, and
    types as Python has them. Without any body its words are the bare name.
    """
    if field == "data":
        field = ""
        if words == "'data'":
            return field, "JSON is needed here."
    if found := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", words, re.DOTALL):
        inner = f"{field}.{found[2]}" if field else found[2]
        return inner, "There is no such member." if found[
            1
        ] == "contains unknown" else "This member is needed."
    return field, re.sub(r"`([a-z |]+)`", lambda named: _types(named[1]), words)


def _types(python: str) -> str:
    names = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    return " or ".join(names.get(each, each) for each in python.split(" | "))


def _source(extra: dict[str, Any]) -> str:
    source = extra.get("source", "body")
    return str(getattr(source, "value", source))


def _from_framework(error: HTTPException) -> OpenAlertError:
    """What Litestar itself refuses: unknown paths, methods, unreadable bodies."""
    status = error.status_code
    if status >= 500 and status != 503:
        log.error("request failed", exc_info=error)
        return OpenAlertError(_FAULT)
    message = _SENTENCES.get(status, error.detail)
    details = {}
    allow = (error.headers or {}).get("Allow") or (error.headers or {}).get("allow")
    if allow:
        details["allow"] = with_head(method.strip() for method in allow.split(","))
    return Refused(status, message, code=CODES.get(status, "REFUSED"), **details)


def _broke_while_decoding(error: Exception) -> bool:
    """Too deep, or bytes that are no text: the sender's fault when it happened inside the decoder."""
    if not isinstance(error, (RecursionError, UnicodeDecodeError)):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.endswith(
        ("msgspec_hooks.py", "form_multi_dict.py", "_multipart.py")
    )
