"""The shapes of the ASGI protocol, as loosely as it is spoken: dictionaries in and out; and an extension of it."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

Scope: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name (in lower case); empty when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


WHOLE = "openalert.response.whole"
"""An extension of our own server: a message with a `status`, a `head` and a `body`, which are the whole answer.

Where the server has it, an application that has a `Whole` may send that as this message's `answer`; with a `body`
beside it, that is sent in place of the one that the `Whole` has.
"""


class Whole:
    """A body and its headers that are sent many times, and joined for good when they first leave."""

    __slots__ = ("body", "head", "headers")

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.headers = headers
        self.body = body
        self.head = b""
        """The lines of `headers` and of what every answer has; written by whoever adds those."""


PIPE = "openalert.websocket.pipe"
"""An extension of our own server: the `Pipe` of a WebSocket, by which it is told without being waited for."""


class Pipe(Protocol):
    """The way out of one WebSocket that is open."""

    freed: Callable[[], None]
    """Called when it takes messages again."""

    def write(self, frames: bytes) -> bool:
        """Send whole frames; False and nothing is sent while the client has not taken what was sent before."""
        ...


def text_frame(payload: bytes) -> bytes:
    """A text message as one unmasked frame (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81%c" % length + payload
    if length < 65_536:
        return b"\x81\x7e" + struct.pack("!H", length) + payload
    return b"\x81\x7f" + struct.pack("!Q", length) + payload


async def only_websocket(send: Send) -> None:
    """Refuse a request for what is only there by a WebSocket."""
    body = b'{"status":426,"code":"UPGRADE_REQUIRED","message":"Connect with a WebSocket."}'
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"upgrade", b"websocket"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": body})
