"""What a dialect is made of: ways (a method and a path, who answers there, how it refuses) and answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from openalert.domain.errors import OpenAlertError
from openalert.sources import Inbound, Reading
from openalert.sources.body import decode
from openalert.usecases.inbound import Then
from openalert.web.asgi import Receive, Scope
from openalert.web.door import Delivered, Door, body_of, length_of, swallow

JSON = (b"content-type", b"application/json")


class Answer(msgspec.Struct, frozen=True):
    """What is sent back."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json(status: int, value: Any, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer in JSON."""
    return Answer(status, msgspec.json.encode(value), (JSON, *headers))


class Call:
    """One request to a dialect, and the door through which its message goes."""

    def __init__(self, door: Door, scope: Scope, receive: Receive, names: Mapping[str, str]) -> None:
        """`names`: what stands at the places of the path, such as `key` of `/integration/{key}/enqueue`."""
        self.door = door
        self.scope = scope
        self.names = names
        self.inbound: Inbound = door.inbound(scope)
        self._receive = receive
        self._is_read = False
        self._promised = 0

    @property
    def request_id(self) -> str:
        """Names the request in the log and in the answer."""
        return str(self.scope["request_id"])

    async def body(self) -> bytes:
        """The body as it came, asked for once; TooLarge beyond what is read.

        Unavailable where memory has no room for it. A short one is read in any case, for what answers an alert goes on
        while memory is short; what brings a new one is then refused by `take_in`.
        """
        self._promised = self.door.memory.reserve(length_of(self.scope, self.door.max_body))
        self._is_read = True
        return await body_of(self._receive)

    async def forget(self) -> None:
        """Read a body that nobody asked for, and keep nothing of it, so that its sender hears the answer."""
        if not self._is_read:
            self._is_read = True
            await swallow(self._receive)

    def end(self) -> None:
        """Give back the room that the body was promised."""
        self.door.memory.release(self._promised)
        self._promised = 0

    def decoded(self, content: bytes) -> Any:
        """The value that a body holds, whatever its content type claims; Invalid, TooLarge or Unsupported."""
        return decode(content, self.inbound, self.door.max_body)

    async def take_in(
        self, key: str, source: str, content: bytes, read: Callable[[], Reading], then: Then | None = None
    ) -> Delivered:
        """Take in a message as `read` reads it; NotFound when the key is not good. See `Door.take_in`."""
        await self.door.admit(key)
        return await self.door.take_in(
            self.scope, self.inbound, key=key, source=source, content=content, read=read, then=then
        )


class Way(msgspec.Struct, frozen=True):
    """One method of one path, and who answers there."""

    method: str
    path: str
    """From the root; `{name}` stands for one part. A slash at the end of a request makes no difference."""
    handle: Callable[[Call], Awaitable[Answer]]
    refuse: Callable[[OpenAlertError, str], Answer]
    """A refusal in the words of the dialect; the text is the request's id."""


def retry_after(error: OpenAlertError) -> tuple[tuple[bytes, bytes], ...]:
    """The header that says when to come again, on refusals that pass."""
    seconds = error.details.get("retry_after")
    return ((b"retry-after", str(max(1, round(seconds))).encode()),) if seconds else ()
