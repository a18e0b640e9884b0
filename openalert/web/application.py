"""A Litestar application whose routes are compiled once, when all of them are known.

Litestar compiles what it knows of a path each time a handler is added to it, and looks through all routes before each:
with some five hundred routes that is half of the processor time which a start takes.
"""

from typing import Any

from litestar import Litestar, Router
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ControllerRouterHandler
from litestar.types.internal_types import RouteHandlerMapItem


class Application(Litestar):
    """As Litestar, for routes that are all given when it is made; there are no WebSockets and no mounts among them."""

    def __init__(self, **given: Any) -> None:
        """`given`: what Litestar takes, by name."""
        self._methods: dict[str, RouteHandlerMapItem] = {}
        self._is_complete = False
        super().__init__(**given)
        self._is_complete = True
        for route in self.routes:
            self._compile(route)
        self.asgi_router.construct_routing_trie()

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

    def _compile(self, route: BaseRoute) -> None:
        """What `Litestar.register` does with each route."""
        assert isinstance(route, HTTPRoute)  # noqa: S101 - see `register`
        for handler in route.route_handlers:
            handler.on_registration(self)
        route.create_handler_map()
        for plugin in self.plugins.receive_route:
            plugin.receive_route(route)
