"""Versions of single objects: what an ETag is, and which object a route is about.

The ETag of an object is a hash of what GET answers about it, so it changes with anything that the caller could
see and with nothing else, and no resource has to keep a version of its own.
"""

import hashlib
import inspect
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from litestar.serialization import encode_json

from openalert.domain.errors import PreconditionFailed

PREFIX = "/api/v1/"
_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')
_GIVEN = frozenset({"db", "actor", "links_back"})
"""The dependencies that the GET of an object may ask for."""

Look = Callable[..., Awaitable[Any]]


class Plan(msgspec.Struct, frozen=True):
    """What one route has to do with versions."""

    is_object: bool = False
    """GET of a single object: its answer is the version."""
    object: Look | None = None
    """What answers about the nearest object on the path; None: there is none."""
    names: tuple[str, ...] = ()
    """The arguments that `object` takes."""
    answers_object: bool = False
    """The answer shows that object after the act."""
    new_id: str | None = None
    """The member of the answer to which a new object's address leads: it follows the path."""
    is_secret: bool = False
    """The answer shows what is shown once, so it is no version of anything."""


def of_bytes(body: bytes) -> str:
    """The strong ETag of a representation."""
    return f'"{urlsafe_b64encode(hashlib.blake2b(body, digest_size=15).digest()).decode()}"'


def is_named(etag: str, header: str, *, strong: bool) -> bool:
    """Whether `If-Match` (strong) or `If-None-Match` names this version; `*` names every one."""
    if header.strip() == "*":
        return True
    named = _TAG.findall(header)
    if not strong:
        named = [each.removeprefix("W/") for each in named]
    return etag in named


async def present(plan: Plan, given: Mapping[str, Any]) -> str:
    """The object's version as the dependencies and path parameters `given` show it; NotFound if they do not."""
    if plan.object is None:
        raise PreconditionFailed("Nothing at this address has a version, so If-Match cannot hold here.")
    return of_bytes(encode_json(await plan.object(**{name: given[name] for name in plan.names})))


def require(etag: str, header: str) -> None:
    """Pass if this is a version that `If-Match` names, else PreconditionFailed with the present one."""
    if not is_named(etag, header, strong=True):
        raise PreconditionFailed("It was changed since you read it. Read it again, then decide.", etag=etag)


class Plans:
    """What each route of the API has to do with versions: a new route gets its plan like all others."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """`routes`: all of them, for the plan of one is about the objects above it."""
        self._routes = routes

    @cached_property
    def _looks(self) -> dict[str, HTTPRouteHandler]:
        return {
            route.path_format: handler
            for route in self._routes
            if isinstance(route, HTTPRoute) and route.path_format.startswith(PREFIX)
            for handler in route.route_handlers
            if "GET" in handler.http_methods
        }

    def tell(self, route: HTTPRoute, handler: HTTPRouteHandler) -> None:
        """Let a handler of the API know its plan, as `opt["plan"]`."""
        if route.path_format.startswith(PREFIX) and handler.http_methods != {"OPTIONS"}:
            handler.opt["plan"] = _plan_of(route.path_format, handler, self._looks)


def _plan_of(path: str, handler: HTTPRouteHandler, looks: Mapping[str, HTTPRouteHandler]) -> Plan:
    answered = _answered(handler)
    if "GET" in handler.http_methods:
        return Plan(is_object=_is_object(answered))
    is_secret = bool(handler.opt.get("shows_secret"))
    found = _nearest(path, looks)
    shown = _answered(found) if found is not None else None
    return Plan(
        object=None if found is None else found.fn,
        names=() if found is None else _names(found),
        answers_object=not is_secret and _is_object(answered) and _related(answered, shown),
        new_id=_new_id(path, handler, looks) if handler.status_code == 201 else None,
        is_secret=is_secret,
    )


def _answered(handler: HTTPRouteHandler) -> Any:
    return handler.parsed_fn_signature.return_type.annotation


def _is_object(answered: Any) -> bool:
    return isinstance(answered, type) and issubclass(answered, msgspec.Struct) and not get_origin(answered)


def _related(one: Any, other: Any) -> bool:
    return _is_object(other) and (issubclass(one, other) or issubclass(other, one))


def _nearest(path: str, looks: Mapping[str, HTTPRouteHandler]) -> HTTPRouteHandler | None:
    """The GET of the nearest single object on the path: the path itself or one above it."""
    while path.startswith(PREFIX):
        handler = looks.get(path)
        if handler is not None and _is_object(_answered(handler)):
            return handler
        path = path.rpartition("/")[0]
    return None


def _new_id(path: str, handler: HTTPRouteHandler, looks: Mapping[str, HTTPRouteHandler]) -> str | None:
    """The member that names what was made in the list at this path; None when it has no address of its own."""
    for each, item in looks.items():
        found = re.fullmatch(re.escape(path) + r"/\{(\w+)\}", each)
        if found and _answered(item) is _answered(handler):
            names = {field.name: field.encode_name for field in msgspec.structs.fields(_answered(item))}
            return names.get("id") or names.get(found[1])
    return None


def _names(handler: HTTPRouteHandler) -> tuple[str, ...]:
    """The arguments without which the handler cannot be called."""
    wanted = inspect.signature(handler.fn).parameters.values()
    names = tuple(each.name for each in wanted if each.default is inspect.Parameter.empty)
    path = {name for layer in handler.paths for name in re.findall(r"\{(\w+)", layer)}
    unknown = set(names) - _GIVEN - path
    if unknown:
        raise TypeError(f"{handler.handler_name}: the GET of an object cannot ask for {', '.join(unknown)}")
    return names
