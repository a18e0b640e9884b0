"""Every route of the program that Litestar answers; a new one is a line here."""

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from openalert.web import (
    calendars,
    callbacks,
    conditions,
    deep,
    description,
    ops,
    passkeys,
    push,
    signin,
    single_sign_on,
)
from openalert.web.api import (
    adoption,
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
    status_pages,
    system,
    teams,
    test_pages,
    users,
    warnings,
    watchers,
)
from openalert.web.ui import routes as ui


def api() -> Router:
    """Everything below `/api/v1`."""
    return Router(
        path="/api/v1",
        route_handlers=[
            incidents.routes,
            alerts.routes,
            notifications.routes,
            services.routes,
            integrations.routes,
            adoption.routes,
            heartbeats.routes,
            status_pages.routes,
            schedules.routes,
            load.routes,
            oncall.routes,
            calendar_links.routes,
            calendar_feeds.routes,
            warnings.routes,
            system.routes,
            system.silence_routes,
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
            watchers.routes,
        ],
        middleware=[conditions.middleware],
        dependencies={"db": Provide(conditions.database, sync_to_thread=False)},
        exception_handlers={conditions.Replayed: conditions.replay},
    )


def routes() -> list[ControllerRouterHandler]:
    """Every route, made anew: Litestar copies all that it is given, and what it copied can go."""
    return [
        *ops.ROUTES,
        *deep.ROUTES,
        *signin.ROUTES,
        *passkeys.ROUTES,
        *push.ROUTES,
        *description.ROUTES,
        *single_sign_on.ROUTES,
        *callbacks.ROUTES,
        *calendars.ROUTES,
        api(),
        *ui.ROUTES,
    ]
