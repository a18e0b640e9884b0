"""Every route of the program that Litestar answers; a new one is a line here."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from openalert.web import ops
from openalert.web.ui import routes as ui

ROUTES: Sequence[ControllerRouterHandler] = [
    *ops.ROUTES,
    *ui.ROUTES,
]
