"""What providers send back: buttons, answers and receipts. Public; each verifies first whose word it is."""

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler

from openalert.web.callbacks import mattermost, slack, telegram, twilio

ROUTES: Sequence[HTTPRouteHandler] = [
    *slack.ROUTES,
    *mattermost.ROUTES,
    *telegram.ROUTES,
    *twilio.ROUTES,
]
