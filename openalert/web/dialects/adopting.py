"""Requests by keys that nobody knows: kept while an admin adopts keys, refused as ever at any other time."""

from collections.abc import Awaitable, Callable

import msgspec

from openalert.domain import adoption as rules
from openalert.domain.errors import NotFound, Unauthenticated
from openalert.sources import Reading, opsgenie_api, understand
from openalert.storage import routes
from openalert.usecases import adoption
from openalert.usecases.adoption import ACKNOWLEDGE, CLOSE, COUNTED, CREATE, MESSAGE, Stranger
from openalert.usecases.opsgenie_creation import understood
from openalert.web.dialects.opsgenie_products import source_of
from openalert.web.dialects.way import Call
from openalert.web.door import hashed

UNKNOWN_KEY = "Could not authenticate"
_ACTS = {
    "/v2/alerts": CREATE,
    "/v1/json/{source}": MESSAGE,
    "/v2/alerts/{identifier}/acknowledge": ACKNOWLEDGE,
    "/v2/alerts/{identifier}/close": CLOSE,
}
"""What a request asks for, by its path; anything else is only counted."""


async def keep_of_opsgenie(call: Call, path: str, key: str, content: Callable[[], Awaitable[bytes]]) -> None:
    """Keep a request by an unknown key of Opsgenie's; Unauthenticated where it is to be refused as ever.

    What is no alert is refused in the words that a known key hears, so that nothing tells the two apart.
    """
    if not await _is_welcome(call, "opsgenie", key):
        raise Unauthenticated(UNKNOWN_KEY)
    act, bytes_ = _ACTS.get(path, COUNTED), await content()
    source, title = "", ""
    if act == CREATE:
        reading = understood(bytes_, call.inbound, call.door.max_body, "").reading
        source, title = opsgenie_api.NAME, _title(reading)
    elif act == MESSAGE:
        source = source_of(call.names["source"])
        title = _title(understand(source, call.decoded(bytes_), call.inbound))
    if not await _keep(call, "opsgenie", key, act, source, bytes_, title):
        raise Unauthenticated(UNKNOWN_KEY)


async def keep_of_oncall(call: Call, source: str, key: str, content: Callable[[], Awaitable[bytes]]) -> None:
    """Keep a message by an unknown token of OnCall's; NotFound where it is to be refused as ever."""
    if not await _is_welcome(call, "oncall", key):
        raise NotFound("integration")
    bytes_ = await content()
    title = _title(understand(source, call.decoded(bytes_), call.inbound))
    if not await _keep(call, "oncall", key, MESSAGE, source, bytes_, title):
        raise NotFound("integration")


def _title(reading: Reading) -> str:
    return reading.signals[0].title if reading.signals else reading.note or ""


async def _is_welcome(call: Call, dialect: str, key: str) -> bool:
    """Whether it looks like a key, leads nowhere, not even to what is switched off, and a window is open."""
    if not rules.could_be_a_key(dialect, key):
        return False
    key_hash = hashed(key)
    async with call.door.database.read() as reader:
        if key_hash in await routes.by_key_hash(reader, [key_hash]):
            return False
        return await adoption.is_welcome(reader, key_hash)


async def _keep(
    call: Call, dialect: str, key: str, act: str, source: str, content: bytes, title: str
) -> bool:
    """Keep or count it; False where it has to be refused after all."""
    client, content_type = call.scope.get("client"), call.inbound.headers.get("content-type", "")[:200]
    if content and call.inbound.headers.get("content-encoding"):
        content, content_type = msgspec.json.encode(call.decoded(content)), "application/json"
    kind = call.inbound.query.get("identifierType", "").lower() or "id"
    stranger = Stranger(
        key_hash=hashed(key),
        key_hint=key[-4:],
        dialect=dialect,
        address=str(client[0]) if client else "",
        act=act,
        source=source,
        identifier=call.names.get("identifier", ""),
        identifier_type=kind if kind in {"id", "alias", "tiny"} else "id",
        content_type=content_type,
        content=content,
        title=title,
    )
    async with call.door.database.read() as reader:
        if await adoption.is_only_counted(reader, stranger):
            return True
    return await call.door.database.act(lambda tx: adoption.keep(tx, stranger))
