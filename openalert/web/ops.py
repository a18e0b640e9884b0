"""What machines ask of a server: is it alive, is it ready, how is it doing."""

import hmac
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
from openalert.storage.redis import Redis
from openalert.web.hosts import host_name, is_own_name

ALIVE_SECONDS = 30.0
TICK_SECONDS = 5.0
WRITE_SECONDS = 10.0

_PUBLIC = {"public": True}
_LOOK = [HttpMethod.GET, HttpMethod.HEAD]


class Health(Protocol):
    """What the engine knows of itself."""

    draining: bool
    leaving: bool

    @property
    def tick_age(self) -> float:
        """Seconds since the last tick began."""

    @property
    def write_age(self) -> float | None:
        """Seconds since a row of our own was last committed; None: not yet."""


def _answer(
    request: Request[Any, Any, Any], checks: dict[str, bool], degraded: Sequence[str] = ()
) -> Response[dict[str, Any]]:
    """Strangers hear how it is, and not which version has which holes. What is `degraded` is done without."""
    good = all(checks.values())
    told: dict[str, Any] = {"version": __version__} if _may_look_inside(request) else {}
    if degraded:
        told["degraded"] = list(degraded)
    return Response(
        content={"status": "ok" if good else "unavailable", **told, "checks": checks},
        status_code=200 if good else 503,
        headers={} if good else {"retry-after": "5"},
    )


@route(
    ["/health", "/health/live"], http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False
)
def alive(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 while the event loop turns and the engine has ticked within 30 seconds; otherwise: restart me."""
    health: Health = request.app.state.health
    return _answer(request, {"engine": health.tick_age < ALIVE_SECONDS})


@route(
    ["/ready", "/health/ready"], http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False
)
def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 while an alert that arrives now would be stored and acted on; otherwise: send it elsewhere."""
    health: Health = request.app.state.health
    write_age = health.write_age
    return _answer(
        request,
        {
            "running": not (health.draining or health.leaving),
            "engine": health.tick_age < TICK_SECONDS,
            "database": write_age is not None and write_age < WRITE_SECONDS,
        },
        degraded(request.app.state.redis),
    )


def degraded(redis: Redis | None) -> list[str]:
    """What this node does without at this moment; never a reason to send alerts elsewhere."""
    return ["redis"] if redis is not None and not redis.is_up else []


@route("/metrics", http_method=_LOOK, opt=_PUBLIC, include_in_schema=False, sync_to_thread=False)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The metrics in Prometheus' text form, for this machine, whoever has the token, and the role admin."""
    admit(request)
    return Response(
        content=generate_latest(telemetry.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )


def admit(request: Request[Any, Any, Any]) -> None:
    """Pass for those who may look inside of the server; Forbidden or Unauthenticated for all others."""
    if _may_look_inside(request):
        return
    if _actor(request) is not None:
        raise Forbidden("Metrics need an API key with the role admin.")
    raise Unauthenticated(
        "Metrics are for this machine, for server.metrics_token, or for an API key with the role admin."
    )


def _may_look_inside(request: Request[Any, Any, Any]) -> bool:
    actor = _actor(request)
    is_admin = actor is not None and can(actor, Permission.CONFIGURE, None)
    return is_admin or _is_local(request) or _has_token(request)


def _actor(request: Request[Any, Any, Any]) -> Actor | None:
    scope: Any = request.scope
    found: Actor | None = scope.get("actor")
    return found


def _is_local(request: Request[Any, Any, Any]) -> bool:
    """From loopback, not through a proxy that we do not know, behind which everybody would look local, and not by a
    name that somebody else may have pointed at this machine to let a browser here do the asking.
    """
    client = request.scope["client"]
    if client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    name = host_name(request.headers.get("host", ""))
    if "." in name and not is_own_name(name):
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _has_token(request: Request[Any, Any, Any]) -> bool:
    """Whether it shows `server.metrics_token`, compared without telling how much of it is right."""
    token = request.app.state.config.server.metrics_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return bool(token) and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


ROUTES: Sequence[HTTPRouteHandler] = [alive, ready, metrics]
