"""Every page; a new one is a line here."""

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler

from openalert.web.ui import (
    actions,
    alerts,
    api_docs,
    audit,
    channels,
    escalation_policies,
    incidents,
    integrations,
    links,
    me,
    moves,
    overrides,
    roles,
    rotations,
    schedules,
    second_step,
    security,
    services,
    settings,
    setup,
    sign_in,
    single_sign_on,
    teams,
    users,
)

ROUTES: Sequence[HTTPRouteHandler] = [
    *incidents.ROUTES,
    *alerts.ROUTES,
    *actions.ROUTES,
    *sign_in.ROUTES,
    *second_step.ROUTES,
    *links.ROUTES,
    *setup.ROUTES,
    *services.ROUTES,
    *integrations.ROUTES,
    *schedules.ROUTES,
    *rotations.ROUTES,
    *overrides.ROUTES,
    *escalation_policies.ROUTES,
    *teams.ROUTES,
    *roles.ROUTES,
    *channels.ROUTES,
    *users.ROUTES,
    *me.ROUTES,
    *security.ROUTES,
    *moves.ROUTES,
    *settings.ROUTES,
    *audit.ROUTES,
    *api_docs.ROUTES,
    *single_sign_on.ROUTES,
]
