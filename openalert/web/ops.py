"""What machines ask of a server: is it alive, is it ready, how is it doing."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Protocol

from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from openalert import __version__, telemetry
from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Forbidden, Unauthenticated

ALIVE_SECONDS = 30.0
TICK_SECONDS = 5.0
WRITE_SECONDS = 10.0

_PUBLIC = {"public": True}
_LOOK = [HttpMethod.GET, HttpMethod.HEAD]


class Health(Protocol):
    """What the engine knows of itself."""

    draining: bool

    @property
    def tick_age(self) -> float:
        """Seconds since the last tick began."""

    @property
    def write_age(self) -> float | None:
        """Seconds since a row of our own was last committed; None: not yet."""


def _answer(checks: dict[str, bool]) -> Response[dict[str, Any]]:
    good = all(checks.values())
    return Response(
        content={"status": "ok" if good else "unavailable", "version": __version__, "checks": checks},
        status_code=200 if good else 503,
        headers={} if good else {"retry-after": "5"},
    )


@route(
    ["/health", "/health/live"], http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False
)
def alive(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 while the event loop turns and the engine has ticked within 30 seconds; otherwise: restart me."""
    health: Health = request.app.state.health
    return _answer({"engine": health.tick_age < ALIVE_SECONDS})


@route(
    ["/ready", "/health/ready"], http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False
)
def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 while an alert that arrives now would be stored and acted on; otherwise: send it elsewhere."""
    health: Health = request.app.state.health
    write_age = health.write_age
    return _answer(
        {
            "running": not health.draining,
            "engine": health.tick_age < TICK_SECONDS,
            "database": write_age is not None and write_age < WRITE_SECONDS,
        }
    )


@route("/metrics", http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The metrics in Prometheus' text form, for this machine and for keys and people with the role admin."""
    scope: Any = request.scope
    actor: Actor | None = scope.get("actor")
    if not _is_local(request):
        if actor is None:
            raise Unauthenticated("Metrics are for this machine, or for an API key with the role admin.")
        if not can(actor, Permission.CONFIGURE, None):
            raise Forbidden("Metrics need an API key with the role admin.")
    return Response(
        content=generate_latest(telemetry.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )


def _is_local(request: Request[Any, Any, Any]) -> bool:
    """From loopback and not through a proxy that we do not know: everybody behind it would look local."""
    client = request.scope["client"]
    if client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


ROUTES: Sequence[HTTPRouteHandler] = [alive, ready, metrics]
