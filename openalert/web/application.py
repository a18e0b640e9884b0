"""A Litestar application whose routes are compiled one by one, each when it is asked for the first time.

Litestar compiles what it knows of a path each time a handler is added to it, and looks through all routes before each:
with some five hundred routes that is half of the processor time which a start takes, and a tenth of the memory of a
server that nobody asks for most of them. Compiling one costs half a millisecond, once.
"""

from typing import Any, cast

from litestar import Litestar, Router
from litestar._asgi.asgi_router import ASGIRouter
from litestar._kwargs import KwargsModel
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler, Method, RouteHandlerType
from litestar.types.internal_types import RouteHandlerMapItem

from openalert.web import etags

_UNKNOWN = cast("KwargsModel", None)
"""What a handler takes from a request, until somebody asks for it."""


class Application(Litestar):
    """As Litestar, for routes that are all given when it is made; there are no WebSockets and no mounts among them."""

    def __init__(self, **given: Any) -> None:
        """`given`: what Litestar takes, by name."""
        self._methods: dict[str, RouteHandlerMapItem] = {}
        self._uncompiled: dict[HTTPRouteHandler, list[HTTPRoute]] = {}
        self._is_complete = False
        super().__init__(**given)
        self._is_complete = True
        self._plans = etags.Plans(self.routes)
        self.asgi_router = _Paths(app=self)
        self.asgi_handler = self._create_asgi_handler()
        for route in self.routes:
            assert isinstance(route, HTTPRoute)  # noqa: S101 - see `register`
            for handler in route.route_handlers:
                self._uncompiled.setdefault(handler, []).append(route)
                route.route_handler_map.update(dict.fromkeys(handler.http_methods, (handler, _UNKNOWN)))
        self.asgi_router.construct_routing_trie()
        if self.openapi_config is not None:
            self.compile_all()

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        """The handlers by path and method, kept from one addition to the next."""
        return self._methods

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]  # as Litestar has it
        """Add handlers. Raises RuntimeError once the application is complete."""
        if self._is_complete:
            raise RuntimeError("Routes are given when the application is made.")
        for route in Router.register(self, value):
            if not isinstance(route, HTTPRoute):
                raise TypeError(f"{route.path} is no route of HTTP")
            methods = self._methods.setdefault(route.path, {})
            for handler in route.route_handlers:
                methods.update(dict.fromkeys(handler.http_methods, handler))

    def compile_all(self) -> None:
        """Compile what was not asked for yet: for who describes all routes, or holds them to something."""
        for handler in list(self._uncompiled):
            self.compile(handler)
        for plugin in self.plugins.receive_route:
            for route in self.routes:
                plugin.receive_route(route)

    def compile(self, handler: HTTPRouteHandler) -> None:
        """Find out what a handler takes: what `Litestar.register` does with each, and what our guards ask of it."""
        routes = self._uncompiled.get(handler)
        if routes is None:
            return
        handler.on_registration(self)
        for route in routes:
            model = handler.create_kwargs_model(path_parameters=route.path_parameters)
            route.route_handler_map.update(dict.fromkeys(handler.http_methods, (handler, model)))
            handler.opt["query_parameters"] = frozenset(
                param.field_alias for param in model.expected_query_params
            )
            self._plans.tell(route, handler)
        del self._uncompiled[handler]


class _Paths(ASGIRouter):
    """Which handler answers at a path. Litestar keeps what it found, so this looks once for each path and method."""

    def _handle_routing(
        self, path: str, method: Method | None
    ) -> tuple[ASGIApp, RouteHandlerType, str, dict[str, Any], str]:
        found = super()._handle_routing(path, method)
        cast("Application", self.app).compile(cast("HTTPRouteHandler", found[1]))
        return found
