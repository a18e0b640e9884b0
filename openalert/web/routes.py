"""Every route of the program that Litestar answers; a new one is a line here."""

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from openalert.web import (
    calendars,
    callbacks,
    conditions,
    description,
    ops,
    passkeys,
    push,
    signin,
    single_sign_on,
)
from openalert.web.api import (
    alerts,
    api_keys,
    audit_log,
    calendar_feeds,
    calendar_links,
    channel_states,
    channels,
    escalation_policies,
    heartbeats,
    incidents,
    integrations,
    invitations,
    load,
    maintenance_windows,
    message_templates,
    notification_rules,
    notifications,
    oncall,
    organization,
    outgoing_webhooks,
    push_subscriptions,
    routing_rules,
    schedules,
    services,
    sessions,
    silences,
    teams,
    test_pages,
    users,
    warnings,
)
from openalert.web.ui import routes as ui

API = Router(
    path="/api/v1",
    route_handlers=[
        incidents.routes,
        alerts.routes,
        notifications.routes,
        services.routes,
        integrations.routes,
        heartbeats.routes,
        schedules.routes,
        load.routes,
        oncall.routes,
        calendar_links.routes,
        calendar_feeds.routes,
        warnings.routes,
        escalation_policies.routes,
        maintenance_windows.routes,
        silences.routes,
        routing_rules.routes,
        channels.routes,
        *channel_states.ROUTES,
        outgoing_webhooks.routes,
        teams.routes,
        organization.routes,
        message_templates.routes,
        users.routes,
        notification_rules.routes,
        test_pages.routes,
        sessions.routes,
        push_subscriptions.routes,
        invitations.routes,
        api_keys.routes,
        audit_log.routes,
    ],
    middleware=[conditions.middleware],
    dependencies={"db": Provide(conditions.database, sync_to_thread=False)},
    exception_handlers={conditions.Replayed: conditions.replay},
)

ROUTES: Sequence[ControllerRouterHandler] = [
    *ops.ROUTES,
    *signin.ROUTES,
    *passkeys.ROUTES,
    *push.ROUTES,
    *description.ROUTES,
    *single_sign_on.ROUTES,
    *callbacks.ROUTES,
    *calendars.ROUTES,
    API,
    *ui.ROUTES,
]
