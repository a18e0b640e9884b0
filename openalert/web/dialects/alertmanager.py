"""Alertmanager's API v2, so that Prometheus, vmalert and amtool need no Alertmanager.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml. Whoever posts keeps the state: an alert
comes again as long as it fires, and is over when its `endsAt` has passed. The key is the password or the name of
basic authentication, a bearer token, `?key=`, or a part of the path: `/alertmanager/{key}` as `path_prefix`.
"""

import base64
import binascii
from typing import Any

from openalert import __version__
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.errors import NotFound, OpenAlertError, Unauthenticated
from openalert.domain.instant import MINUTE, Instant, rfc3339
from openalert.sources import Reading, prometheus, understand
from openalert.storage import alerts
from openalert.storage.routes import Route
from openalert.web.dialects.way import Answer, Call, Way, json, retry_after

MOST = 1_000
"""Alerts in one answer, the newest."""
_STAYS: Instant = 5 * MINUTE
"""How long an alert that fires is said to go on: what Alertmanager assumes of one that says nothing."""
_STATUS = {
    "cluster": {"status": "disabled"},
    "config": {"original": ""},
    "versionInfo": {
        "version": __version__,
        "branch": "OpenAlert",
        "revision": "",
        "goVersion": "",
        "buildDate": "",
        "buildUser": "",
    },
}


async def _post_alerts(call: Call) -> Answer:
    """Alerts that fire or are over: 200 without a body, which is all that some senders take for success."""
    key = _key(call)
    await call.door.admit(key)
    content = await call.body()
    await call.take_in(key, prometheus.NAME, content, lambda: _read(call, content))
    return Answer(200)


def _read(call: Call, content: bytes) -> Reading:
    value = call.decoded(content)
    if value == []:
        return Reading(prometheus.NAME, note="The list holds no alerts: nothing to do.")
    return understand(prometheus.NAME, value, call.inbound)


async def _list_alerts(call: Call) -> Answer:
    """The alerts of the integration that are not over."""
    route = await _admitted(call)
    async with call.door.database.read() as reader:
        found = await alerts.unresolved_of(reader, route.organization_id, route.integration_id, limit=MOST)
        now = reader.now
    return json(200, [_shown(each, route, now) for each in found])


async def _list_receivers(call: Call) -> Answer:
    """The one receiver: the integration."""
    route = await _admitted(call)
    return json(200, [{"name": route.integration_name}])


async def _status(call: Call) -> Answer:
    """What its clients ask first, to see that they speak to an Alertmanager."""
    await _admitted(call)
    return json(200, _STATUS | {"uptime": rfc3339(call.door.begun)})


async def _admitted(call: Call) -> Route:
    route = await call.door.route(_key(call))
    if not route.is_active:
        raise NotFound("integration")
    return route


def _key(call: Call) -> str:
    """The key, from wherever the request has it; Unauthenticated when it has none."""
    scheme, _, credentials = call.inbound.headers.get("authorization", "").partition(" ")
    key = call.names.get("key") or call.inbound.query.get("key", "")
    if not key and scheme.lower() == "bearer":
        key = credentials.strip()
    elif not key and scheme.lower() == "basic":
        key = _of_basic(credentials)
    if not key:
        raise Unauthenticated("There is no key: send that of an integration as password or bearer token.")
    return key


def _of_basic(credentials: str) -> str:
    """The password, or the name where there is no password."""
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    name, _, password = text.partition(":")
    return password or name


def _shown(alert: Alert, route: Route, now: Instant) -> dict[str, Any]:
    """One alert as Alertmanager lists it."""
    is_held = alert.status is AlertStatus.SUPPRESSED
    source = next((link["href"] for link in alert.links if link["label"] == "Source"), "")
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": rfc3339(alert.starts_at or alert.fired_at),
        "endsAt": rfc3339(now + _STAYS),
        "updatedAt": rfc3339(alert.updated_at),
        "generatorURL": source,
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": route.integration_name}],
        "status": {
            "state": "suppressed" if is_held else "active",
            "silencedBy": [],
            "inhibitedBy": [],
        },
    }


def _refusal(error: OpenAlertError, _request_id: str) -> Answer:
    """Alertmanager's errors are one text, and an unknown key is one that does not open."""
    if isinstance(error, NotFound | Unauthenticated):
        words = error.message if isinstance(error, Unauthenticated) else "No integration has this key."
        return json(401, words, (b"www-authenticate", b'Basic realm="OpenAlert"'))
    return json(error.status, error.message, *retry_after(error))


WAYS = tuple(
    Way(method, f"{prefix}/api/v2/{path}", handle, _refusal)
    for prefix in ("", "/alertmanager/{key}")
    for method, path, handle in (
        ("POST", "alerts", _post_alerts),
        ("GET", "alerts", _list_alerts),
        ("GET", "receivers", _list_receivers),
        ("GET", "status", _status),
    )
)
