"""One request and its answer: uvicorn's, with a quicker way to begin an answer, and to send one that is whole."""

from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from openalert.web.asgi import WHOLE
from openalert.web.head import joined, named

_of_this_second = lru_cache(maxsize=1)(joined)
"""The server's own fields are the date."""


class Exchange(RequestResponseCycle):
    """Writes the head of an answer itself; the body, and whatever is out of order, is uvicorn's."""

    async def send(self, message: Any) -> None:
        """One message of the application."""
        if self.transport.is_closing():
            # uvicorn tells only the newest of several requests in one connection that the client has gone.
            self.disconnected = True
        kind = message["type"]
        if self.response_started or self.disconnected or kind not in ("http.response.start", WHOLE):
            await super().send(message)
            return
        if self.flow.write_paused:
            await self.flow.drain()
        if self.disconnected:
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        if kind == WHOLE:
            self._send_whole(message["status"], message["head"], message["body"])
        else:
            self._begin(message["status"], message.get("headers", ()))

    def _begin(self, status: int, headers: Any) -> None:
        fields = [*self.default_headers, *headers]
        by_name = named(fields)
        if b"content-length" in by_name:
            self.expected_content_length = int(by_name[b"content-length"])
            self.chunked_encoding = False
        elif self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            fields.append((b"transfer-encoding", b"chunked"))
        if b"close" in by_name.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            fields.append((b"connection", b"close"))
        self.transport.write(b"%b%b\r\n" % (STATUS_LINE[status], joined(fields)))

    def _send_whole(self, status: int, head: bytes, body: bytes) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        parts = (STATUS_LINE[status], _of_this_second(tuple(self.default_headers)), head, end, body)
        self.transport.write(b"".join(parts))
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
