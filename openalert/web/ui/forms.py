"""Forms that configure: what was typed, as values; what was refused, as a sentence beside its field.

Use cases name fields as the JSON API does. A form says which of its own fields each of them is, and in which
words: `{"runbookUrl": ("runbook_url", "The runbook")}`. What belongs to no field stands above the form, under "".
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from litestar import Response
from litestar.datastructures import Cookie

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid, OpenAlertError, RateLimited, Unavailable
from openalert.domain.instant import MINUTE, Instant, to_datetime
from openalert.domain.walltime import first_instant, midnight, zone_named
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.web.guards import Access
from openalert.web.ui.frame import Web

T = TypeVar("T")
Errors = dict[str, str]
Fields = Mapping[str, tuple[str, str]]

REFUSALS = (Invalid, Conflict, RateLimited, Unavailable)
"""What is said to the person beside the form; everything else is a page of its own."""

_SHOWN_ONCE = "openalert_once"
_SHOWN_SECONDS = 120


async def attempt(
    db: Database, actor: Actor, body: Callable[[Transaction], Awaitable[T]], fields: Fields | None = None
) -> tuple[T | None, Errors]:
    """Do it in a transaction: (what came of it, {}), or (None, why it was refused)."""
    try:
        async with db.transaction(actor) as tx:
            return await body(tx), {}
    except REFUSALS as error:
        return None, refused(error, fields)


def refused(error: OpenAlertError, fields: Fields | None = None) -> Errors:
    """The sentence, by the field of the form that it is about."""
    known = dict(fields or {})
    named = str(error.details.get("field", ""))
    ours = {form_field for form_field, _ in known.values()}
    if named not in known:
        return {named if named in ours else "": error.message}
    form_field, words = known[named]
    sentence = error.message
    if sentence.startswith(named):
        rest = sentence.removeprefix(named)
        sentence = words + rest if rest.startswith((" ", ":")) else sentence
    return {form_field: sentence}


def local_text(instant: Instant, zone: Any) -> str:
    """`2026-11-21T03:07`: what a field for a local date and time holds."""
    return f"{to_datetime(instant).astimezone(zone):%Y-%m-%dT%H:%M}"


def local_instant(text: str, zone: Any, field: str) -> Instant:
    """The first moment at which the zone's clock shows what such a field holds; Invalid when it holds no time."""
    try:
        shown = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise Invalid("Give a date and a time, like 2026-01-31T18:00.", field=field) from None
    place = zone if isinstance(zone, ZoneInfo) else zone_named("UTC")
    return first_instant(place, midnight(shown.date()) + (shown.hour * 60 + shown.minute) * MINUTE)


def minutes(text: str, field: str) -> Instant:
    """A number of minutes, fractions allowed, in milliseconds."""
    try:
        value = float(text or "0")
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise Invalid("Give a number of minutes, 0 or more.", field=field)
    return round(value * MINUTE)


def minutes_text(length: Instant) -> str:
    """`5`, `0.5`: what a field for minutes holds."""
    return f"{length / MINUTE:g}"


def whole(text: str, field: str) -> int:
    """A whole number of at most nine digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("Give a whole number.", field=field)
    return int(text)


def values_of(typed: Mapping[str, str], names: Iterable[str], **defaults: str) -> dict[str, str]:
    """What the fields hold when the form is shown again: what was typed, else the default."""
    return {name: typed.get(name, defaults.get(name, "")) for name in names}


def show_once(request: Web, response: Response[None], about: str, secret: str) -> Response[None]:
    """Let the page to which the response leads show a secret of the thing `about`, this one time."""
    access: Access = request.app.state.access
    path = response.headers["location"].partition("#")[0].partition("?")[0]
    response.set_cookie(
        Cookie(
            key=_SHOWN_ONCE,
            value=quote(f"{about}.{secret}"),
            max_age=_SHOWN_SECONDS,
            httponly=True,
            secure=access.is_https,
            samesite="strict",
            path=path,
        )
    )
    return response


def shown_once(request: Web) -> dict[str, str]:
    """The secret that this page may show, by the id of what it belongs to."""
    about, _, secret = unquote(request.cookies.get(_SHOWN_ONCE, "")).partition(".")
    return {about: secret} if secret else {}


def forget_shown(request: Web, page: Response[str]) -> Response[str]:
    """The page was answered: the secret is not shown again."""
    if _SHOWN_ONCE in request.cookies:
        page.delete_cookie(_SHOWN_ONCE, path=request.url.path)
    return page
