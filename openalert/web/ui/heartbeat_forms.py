"""The form of a heartbeat: how often it comes, how late it may be, and whose it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid
from openalert.domain.heartbeat import Heartbeat
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.severity import Severity
from openalert.storage import services, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import heartbeats
from openalert.usecases.access import found, require
from openalert.web.ui import choices
from openalert.web.ui.forms import Errors, attempt, show_once, values_of
from openalert.web.ui.frame import Web, answer, go, sent, shell

_UNITS = (
    ("day", "days", DAY),
    ("hour", "hours", HOUR),
    ("minute", "minutes", MINUTE),
    ("second", "seconds", SECOND),
)
_NAMES = (
    "name",
    "service_id",
    "kind",
    "every",
    "every_unit",
    "cron",
    "timezone",
    "grace",
    "grace_unit",
    "severity",
)
_FIELDS = {
    "name": ("name", "The name"),
    "serviceId": ("service_id", "Service"),
    "intervalSeconds": ("every", "The time between two beats"),
    "graceSeconds": ("grace", "The grace"),
    "cron": ("cron", "The cron expression"),
    "timezone": ("timezone", "The time zone"),
}


@get("/beats/new", include_in_schema=False)
async def new(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    service: FromQuery[str] = "",
) -> Response[Any]:
    """The form of a new heartbeat."""
    return await _form(request, db, actor, None, {"service_id": service[:64]} if service else {}, {})


@post("/beats", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make the heartbeat, then go to its page, which shows its address this once."""
    typed = await sent(request)

    async def body(tx: Transaction) -> tuple[Heartbeat, str]:
        return await heartbeats.create(
            tx, service_id=typed.get("service_id", ""), name=typed.get("name", ""), **_timing(typed)
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    heartbeat, key = made
    led = go(f"/beats/{heartbeat.id}", "The heartbeat is there. Copy its address into the job now.")
    return show_once(request, led, heartbeat.id, key)


@get("/beats/{heartbeat_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web,
    heartbeat_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a heartbeat that is there."""
    return await _form(request, db, actor, heartbeat_id, {}, {})


@post("/beats/{heartbeat_id:str}", include_in_schema=False)
async def update(
    request: Web,
    heartbeat_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change the heartbeat."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Heartbeat:
        return await heartbeats.update(tx, heartbeat_id, name=typed.get("name", ""), **_timing(typed))

    changed, errors = await attempt(db, actor, body, _FIELDS)
    if changed is None:
        return await _form(request, db, actor, heartbeat_id, typed, errors)
    return go(f"/beats/{heartbeat_id}", "Saved. What is expected follows from the last beat.")


def _timing(typed: Mapping[str, str]) -> dict[str, Any]:
    """What the form says about when: the members that it sets."""
    severity = typed.get("severity", "")
    by_cron = typed.get("kind") == "cron"
    return {
        "period": None if by_cron else _elapsed(typed, "every"),
        "cron": typed.get("cron", "") if by_cron else None,
        "timezone": typed.get("timezone") or "UTC",
        "grace": _elapsed(typed, "grace"),
        "severity": Severity(severity) if severity in list(Severity) else Severity.HIGH,
    }


def _elapsed(typed: Mapping[str, str], name: str) -> Instant:
    """Milliseconds of a number and its unit."""
    unit = next((size for one, _, size in _UNITS if one == typed.get(f"{name}_unit")), MINUTE)
    try:
        value = float(typed.get(name) or "0")
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise Invalid("Give a number, 0 or more.", field=name)
    return round(value * unit)


def _parts(elapsed: Instant) -> tuple[str, str]:
    """A number and the largest unit that it is a whole number of."""
    for one, _, size in _UNITS:
        if elapsed and elapsed % size == 0:
            return str(elapsed // size), one
    return f"{elapsed / SECOND:g}", "second"


async def _stored(reader: Reader, actor: Actor, heartbeat: Heartbeat | None) -> dict[str, str]:
    """What the fields hold before anything was typed."""
    every = _parts((heartbeat.period if heartbeat else None) or heartbeats.USUAL_PERIOD)
    grace = _parts(heartbeat.grace if heartbeat else heartbeats.USUAL_GRACE)
    me = await users.get(reader, actor, actor.user_id or "")
    zone = me.timezone if me else "UTC"
    by_cron = heartbeat is not None and heartbeat.cron is not None
    return {
        "name": heartbeat.name if heartbeat else "",
        "service_id": heartbeat.service_id if heartbeat else "",
        "kind": "cron" if by_cron else "every",
        "every": every[0],
        "every_unit": every[1],
        "cron": (heartbeat.cron or "") if heartbeat else "",
        "timezone": heartbeat.timezone if heartbeat is not None and by_cron else zone,
        "grace": grace[0],
        "grace_unit": grace[1],
        "severity": (heartbeat.severity if heartbeat else Severity.HIGH).value,
    }


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    heartbeat_id: str | None,
    typed: Mapping[str, str],
    errors: Errors,
) -> Response[Any]:
    """The form with what is stored or was typed, and what was wrong with it."""
    async with db.read() as reader:
        heartbeat = await heartbeats.get(reader, actor, heartbeat_id) if heartbeat_id else None
        if heartbeat is not None:
            service = found(await services.get(reader, actor, heartbeat.service_id), "heartbeat")
            require(actor, Permission.CONFIGURE, service.team_id)
        every = await services.page(reader, actor, after="", limit=choices.MOST)
        own = [(each.id, each.name) for each in every if can(actor, Permission.CONFIGURE, each.team_id)]
        context = await shell(
            request,
            reader,
            actor,
            "/heartbeats",
            title=f"Edit {heartbeat.name}" if heartbeat else "New heartbeat",
            action=f"/beats/{heartbeat.id}" if heartbeat else "/beats",
            back={"words": heartbeat.name, "href": f"/beats/{heartbeat.id}"}
            if heartbeat
            else {"words": "Heartbeats", "href": "/heartbeats"},
            values=values_of(typed, _NAMES, **await _stored(reader, actor, heartbeat)),
            errors=errors,
            is_new=heartbeat is None,
            is_learned=heartbeat is not None and heartbeat.is_learned,
            services=sorted(own, key=lambda pair: pair[1].casefold()),
            units=[(one, many) for one, many, _ in _UNITS],
            severities=[(each.value, each.value.capitalize()) for each in Severity],
        )
    return answer(request, "heartbeats/edit.html", context, 422 if errors else 200)


ROUTES: Sequence[HTTPRouteHandler] = [new, create, edit, update]
