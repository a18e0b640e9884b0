"""Grafana OnCall's addresses, `/integrations/v1/{type}/{token}/`: the host changes hands, tokens and senders stay.

https://grafana.com/docs/oncall/latest/integrations/ names the types. Most of them are a monitor's own message; the
formatted webhook (`alert_uid, title, state, message, link_to_upstream_details`) is read as any JSON is. The token is a
key of an integration, of ours or imported from OnCall.
"""

from openalert.domain.errors import NotFound, OpenAlertError
from openalert.sources import DETECT, named, understand
from openalert.web.dialects.adopting import keep_of_oncall
from openalert.web.dialects.opsgenie_heartbeats import hear
from openalert.web.dialects.way import Answer, Call, Way, json, retry_after

_SOURCES = {
    "alertmanager": "prometheus",
    "legacy_alertmanager": "prometheus",
    "grafana_alerting": "grafana",
    "legacy_grafana_alerting": "grafana",
    "adaptive_grafana_alerting": "grafana",
    "grafana": "grafana",
    "amazon_sns": "cloudwatch",
    "webhook": "generic",
    "formatted_webhook": "generic",
    "pagerduty": "pagerduty",
    "stackdriver": "gcp",
    "sentry_platform": "sentry",
}
"""OnCall's types that have another name here, or the same name and another meaning."""
_FOUND_OUT = frozenset({
    "appdynamics", "curler", "direct_paging", "elastalert", "fabric", "heartbeat", "inbound_email", "jira", "manual",
    "opsgenie", "prtg", "servicenow", "slack_channel", "zendesk",
})  # fmt: skip
"""OnCall's types that are no source of ours: what such a message is, its body says."""
_PATH = "/integrations/v1/{type}/{key}"


def source_of(kind: str) -> str:
    """The source that OnCall's type of an integration means; NotFound for what is no type."""
    plain = kind.lower().replace("-", "_")
    found = _SOURCES.get(plain) or (DETECT if plain in _FOUND_OUT else named(plain))
    if found is None:
        raise NotFound("integration")
    return found


async def _take_in(call: Call) -> Answer:
    """A message: 200 and OnCall's word for it."""
    source, key = source_of(call.names["type"]), call.names["key"]
    try:
        await call.door.admit(key)
    except NotFound:
        await keep_of_oncall(call, source, key, call.body)
        return json(200, "Ok.")
    content = await call.body()
    await call.take_in(key, source, content, lambda: understand(source, call.decoded(content), call.inbound))
    return json(200, "Ok.")


async def _explain(call: Call) -> Answer:
    """Somebody opened the address in a browser."""
    source_of(call.names["type"])
    await call.door.recognize(call.names["key"])
    return json(200, "This is the address of an integration: alerts are posted here.")


async def _beat(call: Call) -> Answer:
    """A beat of the heartbeat that is called as its integration; OnCall has one for each."""
    source_of(call.names["type"])
    await call.door.recognize(call.names["key"])
    await call.door.prove(call.names["key"], call.inbound, await call.body())
    route = await call.door.route(call.names["key"])
    await hear(call, call.names["key"], route, route.integration_name)
    return json(200, ":)") if call.scope["method"] in ("GET", "HEAD") else Answer(200)


def _refuse(error: OpenAlertError, _request_id: str) -> Answer:
    if isinstance(error, NotFound):
        return json(403, {"detail": "Integration key was not found. Permission denied."})
    return json(error.status, {"detail": error.message}, *retry_after(error))


WAYS = (
    Way("POST", _PATH, _take_in, _refuse),
    Way("PUT", _PATH, _take_in, _refuse),
    Way("GET", _PATH, _explain, _refuse),
    Way("GET", f"{_PATH}/heartbeat", _beat, _refuse),
    Way("POST", f"{_PATH}/heartbeat", _beat, _refuse),
)
