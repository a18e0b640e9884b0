"""`/health/deep`: would an alert arriving now page, and what of the server says no; for those who may read metrics."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler

from openalert import __version__, telemetry
from openalert.domain.canary import CanaryRun, Hop
from openalert.domain.errors import Unavailable
from openalert.domain.instant import SECOND, Instant, rfc3339
from openalert.domain.slo import BOUND, WINDOW_DAYS
from openalert.domain.switch_proof import switch_of
from openalert.storage import sqlite_file
from openalert.storage.database import Database
from openalert.storage.memory import Memory, resident_bytes
from openalert.storage.transaction import Reader
from openalert.usecases import switch_proofs, system
from openalert.usecases.system import Condition
from openalert.web.ops import TICK_SECONDS, admit, degraded
from openalert.web.watching import Watch, watch_of

LONGEST_CYCLE = 5.0
"""Seconds that a tick has to end."""
LONGEST_LOOK = 5.0
OUTAGES_TOLD = 20
_PUBLIC = {"public": True}


@route("/health/deep", http_method=[HttpMethod.GET, HttpMethod.HEAD], opt=_PUBLIC, include_in_schema=False)
async def deep(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 while an alert arriving now would page, 503 otherwise; with everything that is known of it."""
    admit(request)
    state = request.app.state
    watch = watch_of(request)
    database: Database = state.access.database
    standing = watch.standing if watch else None
    switch = switch_of(state.config.self_monitor.url)
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            seen = _seen(await database.look(system.look))
            proof = await database.look(lambda reader: _proof(reader, switch))
    except (TimeoutError, Unavailable):
        seen, proof = {}, {}
    cause = database.standstill.cause
    would_page = False if cause else None if standing is None else standing.would_page
    body = {
        "wouldPage": would_page,
        "checkedAt": None if standing is None else rfc3339(standing.at),
        "troubles": [
            {"kind": each.kind.value, "message": each.words}
            for each in (standing.troubles if standing else ())
        ],
        "version": __version__,
        "database": "unavailable" if not seen else "standing still" if cause else "ok",
        "standstill": {"cause": cause or None, "seconds": round(database.standstill.seconds, 1)},
        **seen,
        "switch": _switch(watch) | proof,
        "tasks": [
            {"name": each.name, "state": each.standing.value, "restarts": each.restarts}
            for each in database.supervisor.state
        ],
        "disk": {
            "freeBytes": system.free_bytes(state.config.data_dir),
            "walBytes": system.wal_bytes(sqlite_file(state.config.database_url)),
            "walIsLong": database.disk.has_long_log,
            "walReaders": list(database.disk.log_readers),
            "commitSeconds": round(database.disk.commit_seconds, 4),
            "isSlow": database.disk.is_slow,
            "reserveInUse": database.disk.reserve_in_use,
            "refusesEvents": database.disk.refuses_events,
            "damage": database.disk.damage or None,
            "trouble": database.disk.trouble or None,
        },
        "memory": _memory(state.memory),
        "clock": {"setSinceStart": clock_sets(), "putForwardSeconds": database.clocks.ahead / SECOND},
        "degraded": degraded(state.redis),
        "providers": [
            {"channel": each.channel, "ok": each.is_well, "message": each.words, "askedAt": rfc3339(each.at)}
            for each in (watch.probes.last.values() if watch else ())
        ],
    }
    return Response(content=body, status_code=503 if would_page is False or not seen else 200)


@route(
    "/health/engine/cycle", http_method=HttpMethod.POST, opt=_PUBLIC, include_in_schema=False, status_code=200
)
async def cycle(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Answers when a tick of the engine has ended that began after the question came."""
    admit(request)
    if request.app.state.health.tick_age >= TICK_SECONDS:
        raise Unavailable("The engine does not tick.", retry_after=5)
    try:
        async with asyncio.timeout(LONGEST_CYCLE):
            await request.app.state.engine.cycle()
    except TimeoutError:
        raise Unavailable("The engine has not finished a tick within 5 seconds.", retry_after=5) from None
    return {"status": "ok"}


def _seen(found: Condition) -> dict[str, Any]:
    return {
        "timers": {"oldestDueSeconds": _age(found.now, found.work.due_at), "failing": found.work.failing},
        "pages": {
            "unsent": [
                {"channel": each.channel, "pages": each.pages, "oldestSeconds": _age(found.now, each.since)}
                for each in found.unsent
            ],
            "oldestUntoldSeconds": _age(found.now, found.work.waiting_since),
            "undeliverableIncidents": found.work.undeliverable,
            "deadLetters": found.dead_letters,
        },
        "canary": {"last": _run(found.runs[0]) if found.runs else None, "failures": len(found.failures)},
        "backup": _backup(found),
        "objectives": objectives_of(found),
        "certificates": [
            {
                "use": each.use,
                "state": each.state(found.now).value,
                "endsAt": None if each.ends_at is None else rfc3339(each.ends_at),
                "error": each.problem or None,
            }
            for each in found.certificates
        ],
        "outages": [
            {
                "since": rfc3339(each.since),
                "until": rfc3339(each.until),
                "ending": each.ending.value,
                "clockSetBySeconds": each.clock_step / SECOND,
            }
            for each in found.outages[:OUTAGES_TOLD]
        ],
        "nodes": [
            {
                "name": each.node,
                "since": rfc3339(each.started_at),
                "seenAt": rfc3339(each.last_seen_at),
                "leaseUntil": rfc3339(each.lease_until),
                "leads": number == 0,
            }
            for number, each in enumerate(found.nodes)
        ],
    }


def objectives_of(found: Condition) -> dict[str, Any]:
    """Whether what was due in the last thirty days was in time, and how much of the time the server was there."""
    stands = found.objectives
    return {
        "days": WINDOW_DAYS,
        "running": stands.running,
        **{
            each.objective.value: {
                "boundSeconds": BOUND[each.objective] / SECOND,
                "kept": each.kept,
                "missed": each.missed,
                "ratio": each.ratio,
            }
            for each in stands.lines
        },
    }


def _backup(found: Condition) -> dict[str, Any]:
    stands = found.backups
    return {
        "on": stands.is_on,
        "ageSeconds": stands.age / SECOND if stands.is_on else None,
        "verified": stands.is_verified,
        "failing": [each.name.value for each in stands.failing],
    }


def _memory(known: Memory) -> dict[str, Any]:
    room = known.room
    return {
        "refusesEvents": known.is_short(),
        "leftBytes": room.left,
        "limitBytes": room.most,
        "limitOf": room.of,
        "residentBytes": resident_bytes(),
    }


def clock_sets() -> int:
    """How often the machine's clock was set since the start."""
    return round(telemetry.registry.get_sample_value("openalert_clock_steps_total") or 0)


def _age(now: Instant, since: Instant | None) -> float:
    return 0.0 if since is None else max(0, now - since) / SECOND


def _run(run: CanaryRun) -> dict[str, Any]:
    return {
        "startedAt": rfc3339(run.started_at),
        "green": run.is_green,
        "hops": {hop.value: run.at(hop) for hop in Hop},
        "failedAt": run.failed_at or None,
        "reason": run.reason or None,
    }


def _switch(watch: Watch | None) -> dict[str, Any]:
    if watch is None or not watch.has_switch:
        return {"configured": False}
    return {
        "configured": True,
        "lastWellAt": None if watch.told_at is None else rfc3339(watch.told_at),
        "lastFailAt": None if watch.told_bad_at is None else rfc3339(watch.told_bad_at),
        "error": watch.unheard or None,
    }


async def _proof(reader: Reader, switch: str) -> dict[str, Any]:
    """When the switch last complained of a silence on purpose, and until when it hears nothing now."""
    if not switch:
        return {}
    found = await switch_proofs.standing(reader, switch)
    proven, last = found.proven, found.last
    return {
        "provenAt": rfc3339(proven.ended_at) if proven and proven.ended_at else None,
        "silentUntil": rfc3339(last.until) if last and last.is_silent(reader.now) else None,
    }


ROUTES: Sequence[HTTPRouteHandler] = [deep, cycle]
