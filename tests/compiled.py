"""The routes of the program, registered and described once in a test process for all applications that its tests make.

Registering some 600 handlers is nearly all that making an application costs (a tenth of a second), and always gives
the same; so does describing them (a second), and compiling those that are asked for. What differs from one
application to the next is its state and its life, and those stay its own.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

from litestar import Litestar
from litestar.datastructures import State

from openalert.app import OpenAlert
from openalert.web.application import Application
from openalert.web.description import Description


def twin(compiled: Litestar, state: State, lifespan: Sequence[Any] = ()) -> Litestar:
    """An application with the routes of `compiled`, and with a state and a life of its own."""
    made = copy(compiled)
    made.state = state
    made._lifespan_managers = list(lifespan)
    made.asgi_router = copy(compiled.asgi_router)
    made.asgi_router.app = made
    return made


_described: list[dict[str, Any]] = []


def described(app: OpenAlert) -> dict[str, Any]:
    """The description of the API, which every application gives alike; to be read, not to be changed."""
    if not _described:
        description: Description = app.asgi.app.state.description  # type: ignore[attr-defined]  # a Litestar inside
        _described.append(description.document)
    return _described[0]


class Compiled:
    """Stands in for the class `Application`: who asks again for the same routes gets a twin of what was compiled."""

    def __init__(self) -> None:
        self._kept: tuple[dict[str, Any], Litestar] | None = None

    def __call__(
        self, *, state: State, lifespan: Sequence[Any], openapi_config: Any, **rest: Any
    ) -> Litestar:
        """An application as `Application` makes it of these arguments; the routes are those of the program."""
        if openapi_config is not None:  # it adds routes of its own, and is there to be described, not asked
            return Application(state=state, lifespan=lifespan, openapi_config=openapi_config, **rest)
        asked = {name: value for name, value in rest.items() if name != "route_handlers"}
        if self._kept is None or self._kept[0] != asked:
            self._kept = asked, Application(state=State(), openapi_config=None, **rest)
        return twin(self._kept[1], state, lifespan)
