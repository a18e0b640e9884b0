"""The application is compiled in one go, and is what Litestar makes of the same routes."""

from typing import Any

import pytest
from litestar import Litestar, get, post
from litestar.di import Provide
from litestar.routes import HTTPRoute

from openalert.web import guards
from openalert.web.application import Application
from openalert.web.routes import ROUTES


def shape(app: Litestar) -> dict[str, dict[str, tuple[str, Any, Any, Any]]]:
    """By path and method: which handler answers, what it takes from a request, who guards it, what it depends on."""
    return {
        route.path: {
            method: (
                str(handler.fn),
                sorted(
                    param.field_alias for param in model.expected_query_params | model.expected_path_params
                ),
                [str(guard) for guard in handler.resolve_guards()],
                sorted(handler.resolve_dependencies()),
            )
            for method, (handler, model) in route.route_handler_map.items()
            if method != "OPTIONS"
        }
        for route in app.routes
        if isinstance(route, HTTPRoute)
    }


def test_it_is_what_litestar_makes_of_the_same_routes() -> None:
    """Every path, method, parameter, guard and dependency."""
    dependencies = {
        name: Provide(getattr(guards, name), sync_to_thread=False)
        for name in ("actor", "db", "now", "outside")
    }
    given: dict[str, Any] = {
        "route_handlers": list(ROUTES),
        "dependencies": dependencies,
        "guards": [guards.guard],
        "openapi_config": None,
    }
    plain, ours = shape(Litestar(**given)), shape(Application(**given))
    assert len(ours) > 400
    assert ours == plain


def test_a_path_has_all_its_methods() -> None:
    """Handlers of one path that are given apart are one route."""
    app = Application(
        route_handlers=[get("/one")(_answer), get("/two")(_answer), post("/one")(_answer)],
        openapi_config=None,
    )
    assert {path: sorted(methods) for path, methods in shape(app).items()} == {
        "/one": ["GET", "POST"],
        "/two": ["GET"],
    }


def test_routes_are_given_when_it_is_made() -> None:
    """Whoever adds one later learns that it would not be served."""
    app = Application(route_handlers=[], openapi_config=None)
    with pytest.raises(RuntimeError, match="when the application is made"):
        app.register(get("/late")(_answer))


async def _answer() -> None:
    """Nothing."""
