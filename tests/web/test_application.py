"""The application compiles a route when it is asked for, and is what Litestar makes of the same routes."""

from typing import Any

import httpx2
import pytest
from litestar import Litestar, get, post
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from litestar.routes import HTTPRoute

from openalert.web import guards
from openalert.web.application import Application
from openalert.web.routes import routes

pytestmark = pytest.mark.anyio


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
        for name in ("actor", "db", "now", "links_back")
    }
    given: dict[str, Any] = {
        "route_handlers": routes(),
        "dependencies": dependencies,
        "guards": [guards.guard],
        "openapi_config": None,
    }
    ours = Application(**given)
    ours.compile_all()
    assert len(ours.routes) > 400
    assert shape(ours) == shape(Litestar(**given))


def test_a_path_has_all_its_methods() -> None:
    """Handlers of one path that are given apart are one route."""
    app = Application(
        route_handlers=[get("/one")(_answer), get("/two")(_answer), post("/one")(_answer)],
        openapi_config=None,
    )
    app.compile_all()
    assert {path: sorted(methods) for path, methods in shape(app).items()} == {
        "/one": ["GET", "POST"],
        "/two": ["GET"],
    }


async def test_a_handler_is_compiled_when_it_is_asked_for() -> None:
    """Once, also at two paths; guards know at its first request what it takes, and what Litestar answers stays."""
    compiled: list[str] = []
    guarded: list[Any] = []

    class Noting(HTTPRouteHandler):
        def on_registration(self, app: Litestar) -> None:
            compiled.append(self.handler_name)
            super().on_registration(app)

    async def look(one: FromQuery[str] = "") -> str:
        return f"looked {one}"

    async def other(one: FromQuery[int] = 0) -> str:
        return "other"

    app = Application(
        route_handlers=[
            Noting(["/look", "/see"], http_method="GET")(look),
            Noting("/look", http_method="POST")(other),
        ],
        guards=[lambda _, handler: guarded.append(handler.opt["query_parameters"])],
        openapi_config=None,
    )
    assert compiled == []
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://openalert.test") as client:
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.delete("/look")).status_code == 405
        assert compiled == []
        answers = [await client.get(path, params={"one": "far"}) for path in ("/see", "/look", "/see")]
        assert [answer.text for answer in answers] == ["looked far"] * 3
        assert compiled == ["look"]
        assert guarded == [{"one"}] * 3
        assert (await client.post("/look", params={"one": "no number"})).status_code == 400
        assert (await client.options("/look")).status_code == 204
    assert compiled == ["look", "other"]


def test_routes_are_given_when_it_is_made() -> None:
    """Whoever adds one later learns that it would not be served."""
    app = Application(route_handlers=[], openapi_config=None)
    with pytest.raises(RuntimeError, match="when the application is made"):
        app.register(get("/late")(_answer))


async def _answer() -> None:
    """Nothing."""
