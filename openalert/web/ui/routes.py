"""Every page; a new one is a line here."""

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler

from openalert.web.ui import actions, alerts, incidents, setup, sign_in

ROUTES: Sequence[HTTPRouteHandler] = [
    *incidents.ROUTES,
    *alerts.ROUTES,
    *actions.ROUTES,
    *sign_in.ROUTES,
    *setup.ROUTES,
]
