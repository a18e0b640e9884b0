"""Opsgenie's heartbeats: https://docs.opsgenie.com/docs/heartbeat-api, and the one that OnCall's addresses have.

A heartbeat is found by its name in the service of the integration whose key a caller has. A ping is answered alike
whether or not there is such a heartbeat; one that nobody made stands among what was not understood, counted.
"""

from typing import Any

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.heartbeat import BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, rfc3339
from openalert.domain.opsgenie import severity_of
from openalert.domain.severity import Severity
from openalert.sources import Reading, text
from openalert.storage import heartbeats as stored
from openalert.storage.heartbeats import HeartbeatFilter
from openalert.storage.routes import Route
from openalert.usecases import beats, heartbeats
from openalert.usecases import opsgenie as requests
from openalert.usecases.heartbeat_alerts import Told
from openalert.web.dialects.opsgenie import GenieCall, key_of, open_ways, ways
from openalert.web.dialects.way import Answer, Call

MOST = 200
"""Heartbeats that a list shows, and up to which a key may make them."""
LONGEST_NAME = 200
_UNITS = {"minutes": MINUTE, "hours": HOUR, "days": DAY}
_NAME = "/v2/heartbeats/{name}"


async def hear(call: Call, key: str, route: Route, name: str) -> None:
    """Take in a beat; of a heartbeat that nobody made, keep once, and count, that it was heard of."""
    told = Told(kind=BeatKind.SUCCESS, exit_code=None, body="")
    known = await call.door.database.act(lambda tx: beats.hear_by_name(tx, route.service_id, name, told))
    if known:
        return

    def unknown() -> Reading:
        raise Invalid(
            f"A beat came for the heartbeat {name}, which this service does not have. Make one of that name."
        )

    try:
        await call.take_in(key, "generic", msgspec.json.encode({"heartbeat": name}), unknown)
    except Invalid:
        return


async def ping(genie: GenieCall) -> Answer:
    """A beat, by whatever method."""
    await hear(genie.call, genie.key, genie.route, _cut(genie.call.names["name"]))
    return genie.accepted("PONG - Heartbeat received")


async def send(genie: GenieCall) -> Answer:
    """A beat of the first API: the key and the name stand in the body."""
    members = await genie.members()
    await genie.admit(text.scalar(members.get("apiKey")).strip() or key_of(genie.call))
    await hear(genie.call, genie.key, genie.route, _named(members))
    return genie.envelope(200, {"message": "heartbeat received", "status": "successful", "code": 200})


async def list_heartbeats(genie: GenieCall) -> Answer:
    """Those of the service."""
    wanted = HeartbeatFilter(service_id=genie.route.service_id)
    async with genie.database.read() as reader:
        found = await heartbeats.page(reader, requests.actor_of(genie.route), wanted, limit=MOST)
    return genie.envelope(200, {"data": {"heartbeats": [_whole(each, genie.route) for each in found]}})


async def get(genie: GenieCall) -> Answer:
    """One of them."""
    return genie.envelope(200, {"data": _whole(await _one(genie), genie.route)})


async def create(genie: GenieCall) -> Answer:
    """A heartbeat of the service; without a grace, as Opsgenie has none."""
    members = await genie.members()
    name, period = _named(members), _period(members)
    if period is None:
        raise Invalid("interval and intervalUnit should be provided", field="interval")
    severity = _severity(members) or Severity.MEDIUM
    route = genie.route
    async with genie.database.transaction(_keeper(route)) as tx:
        if await stored.by_name(tx, route.service_id, name) is not None:
            raise Conflict(f"Heartbeat with name [{name}] already exists")
        wanted = HeartbeatFilter(service_id=route.service_id)
        if len(await heartbeats.page(tx, tx.actor, wanted, limit=MOST)) >= MOST:
            raise Conflict(f"A service has at most {MOST} heartbeats by its key")
        made, _ = await heartbeats.create(
            tx, service_id=route.service_id, name=name, period=period, grace=0, severity=severity
        )
        if members.get("enabled") is False:
            made = await heartbeats.pause(tx, made.id)
    return genie.envelope(201, {"result": "Created", "data": _whole(made, route)})


async def change(genie: GenieCall) -> Answer:
    """Another interval or priority; on or off."""
    members = await genie.members()
    heartbeat = await _one(genie)
    period, severity = _changed_period(heartbeat, members), _severity(members)
    async with genie.database.transaction(_keeper(genie.route)) as tx:
        changes: dict[str, Any] = ({"period": period} if period else {}) | (
            {"severity": severity} if severity else {}
        )
        changed = await heartbeats.update(tx, heartbeat.id, **changes) if changes else heartbeat
        if isinstance(enabled := members.get("enabled"), bool):
            changed = await (heartbeats.resume if enabled else heartbeats.pause)(tx, heartbeat.id)
    return genie.envelope(200, {"result": "Updated", "data": _whole(changed, genie.route)})


async def enable(genie: GenieCall) -> Answer:
    """Expect beats again."""
    heartbeat = await _one(genie)
    async with genie.database.transaction(_keeper(genie.route)) as tx:
        return genie.envelope(200, {"data": _brief(await heartbeats.resume(tx, heartbeat.id))})


async def disable(genie: GenieCall) -> Answer:
    """Expect nothing until it is enabled."""
    heartbeat = await _one(genie)
    async with genie.database.transaction(_keeper(genie.route)) as tx:
        return genie.envelope(200, {"data": _brief(await heartbeats.pause(tx, heartbeat.id))})


async def refuse_delete(genie: GenieCall) -> Answer:
    """A sender's key takes nothing away that watches."""
    await _one(genie)
    members = {"message": "You are not authorized to delete heartbeats by this key", "code": 40301}
    return genie.envelope(403, members, (b"x-opsgenie-errortype", b"AccessDenied"))


async def _one(genie: GenieCall) -> Heartbeat:
    name, service_id = _cut(genie.call.names["name"]), genie.route.service_id
    found = await genie.database.look(lambda reader: stored.by_name(reader, service_id, name))
    if found is None:
        raise NotFound("heartbeat")
    return found


def _keeper(route: Route) -> Actor:
    """The integration as whoever keeps the heartbeats of its service."""
    actor = requests.actor_of(route)
    return Actor(
        kind=actor.kind,
        id=actor.id,
        name=actor.name,
        organization_id=actor.organization_id,
        teams={route.team_id: Role.ADMIN},
    )


def _named(members: dict[str, Any]) -> str:
    name = _cut(text.scalar(members.get("name")))
    if not name:
        raise Invalid("name may not be empty", field="name")
    return name


def _cut(name: str) -> str:
    return text.line(name, LONGEST_NAME)


def _period(members: dict[str, Any]) -> Instant | None:
    """`interval` times `intervalUnit`; None when neither is said."""
    if members.get("interval") is None and members.get("intervalUnit") is None:
        return None
    interval, unit = members.get("interval"), _UNITS.get(str(members.get("intervalUnit")).lower())
    if unit is None:
        raise Invalid("intervalUnit should be one of [minutes, hours, days]", field="intervalUnit")
    if not isinstance(interval, int) or isinstance(interval, bool) or not 1 <= interval <= 1_000_000:
        raise Invalid("interval should be a positive integer", field="interval")
    return interval * unit


def _changed_period(heartbeat: Heartbeat, members: dict[str, Any]) -> Instant | None:
    """What a change makes of its period; a number or a unit alone leaves the other as it is. None: nothing."""
    if heartbeat.period is None or members.keys().isdisjoint({"interval", "intervalUnit"}):
        return _period(members)
    interval, unit = _measured(heartbeat.period)
    return _period({"interval": interval, "intervalUnit": unit} | members)


def _measured(period: Instant) -> tuple[int, str]:
    """A period in the largest unit that it is whole in."""
    unit = next(
        name for name in ("days", "hours", "minutes") if period % _UNITS[name] == 0 or name == "minutes"
    )
    return max(1, period // _UNITS[unit]), unit


def _severity(members: dict[str, Any]) -> Severity | None:
    given = members.get("alertPriority")
    if given is None:
        return None
    severity = severity_of(text.scalar(given))
    if severity is None:
        raise Invalid("alertPriority should be one of [P1, P2, P3, P4, P5]", field="alertPriority")
    return severity


def _brief(heartbeat: Heartbeat) -> dict[str, Any]:
    return {
        "name": heartbeat.name,
        "enabled": heartbeat.status is not HeartbeatStatus.PAUSED,
        "expired": heartbeat.is_firing,
    }


def _whole(heartbeat: Heartbeat, route: Route) -> dict[str, Any]:
    interval, unit = _measured(heartbeat.period or DAY)
    last = heartbeat.last_beat_at
    return _brief(heartbeat) | {
        "description": "",
        "interval": interval,
        "intervalUnit": unit,
        **({"lastPingTime": rfc3339(last)} if last is not None else {}),
        "ownerTeam": {"id": route.team_id},
        "alertTags": [],
        "alertPriority": heartbeat.severity.priority,
        "alertMessage": f"{heartbeat.name} is expired",
    }


WAYS = (
    *(way for method in ("GET", "POST", "PUT", "PATCH") for way in ways(method, f"{_NAME}/ping", ping)),
    *ways("GET", "/v2/heartbeats", list_heartbeats),
    *ways("POST", "/v2/heartbeats", create),
    *ways("GET", _NAME, get),
    *ways("PATCH", _NAME, change),
    *ways("DELETE", _NAME, refuse_delete),
    *ways("POST", f"{_NAME}/enable", enable),
    *ways("POST", f"{_NAME}/disable", disable),
    *open_ways("POST", "/v1/json/heartbeat/send", send),
)
