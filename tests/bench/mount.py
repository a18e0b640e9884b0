"""The floor of ingestion: a bare mount in Litestar that decodes a message as OpenAlert does and stores nothing.

`python -m tests.bench.mount PORT` serves it with the settings of `openalert serve`.
"""

import sys
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, asgi
from litestar.handlers import ASGIRouteHandler

from openalert.sources import Inbound, read


def app() -> Litestar:
    """The application."""

    async def webhooks(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reading = read("prometheus", body, Inbound(headers=headers, query={}, received_at=1_767_603_600_000))
        answer = msgspec.json.encode({"status": "accepted", "alertsProcessed": len(reading.signals)})
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 202, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})

    handler: ASGIRouteHandler = asgi("/webhooks", is_mount=True, copy_scope=False)(webhooks)
    return Litestar(route_handlers=[handler], openapi_config=None, logging_config=None)


if __name__ == "__main__":
    uvicorn.run(
        app(),
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        reset_contextvars=True,
    )
