"""Pages of heartbeats: which are well, what was heard last, and what one copies into a job.

Their own pages are below `/beats/`: below `/heartbeats/` machines beat, by any name of the server.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import NotFound
from openalert.domain.heartbeat import KEPT_BEATS, Beat, BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.heartbeat_words import brief, length, rhythm
from openalert.domain.service import Service
from openalert.storage import alerts, integrations, services
from openalert.storage import heartbeats as stored
from openalert.storage.database import Database
from openalert.storage.heartbeats import HeartbeatFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import heartbeats
from openalert.usecases.access import found
from openalert.web.ui import choices
from openalert.web.ui.forms import attempt, forget_shown, show_once, shown_once
from openalert.web.ui.frame import Values, Web, act, address, answer, go, shell
from openalert.web.ui.heartbeat_snippets import snippets

PAGE = 100
_IN_LISTS = 24
_ORDER = ("failed", "late", "new", "healthy", "paused")
_BEATS = {
    BeatKind.SUCCESS: ("Well", "good"),
    BeatKind.START: ("Began", "accent"),
    BeatKind.FAIL: ("Failed", "bad"),
    BeatKind.LOG: ("Note", ""),
}


@get("/heartbeats", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every heartbeat in view, what is missing first."""
    async with db.read() as reader:
        rows = await heartbeats.page(reader, actor, HeartbeatFilter(), after=cursor[:64], limit=PAGE + 1)
        shown = rows[:PAGE]
        context = await shell(
            request,
            reader,
            actor,
            "/heartbeats",
            heartbeats=await listed(reader, actor, shown),
            missing=sum(each.is_firing for each in shown),
            can_create=bool(await choices.teams_to_configure(reader, actor)),
            older=address("/heartbeats", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest="/heartbeats" if cursor else None,
        )
    return answer(request, "heartbeats/list.html", context)


async def listed(reader: Reader, actor: Actor, some: Sequence[Heartbeat]) -> list[Values]:
    """Heartbeats as rows, the worst first, each with the strip of its last beats."""
    strips = await stored.strips(reader, [each.id for each in some])
    watched = await services.named(reader, actor, {each.service_id for each in some})
    rows = [
        {
            "id": each.id,
            "href": f"/beats/{each.id}",
            "name": each.name,
            "service": watched[each.service_id].name if each.service_id in watched else "",
            "rhythm": rhythm(each),
            "strip": strip(each, strips[each.id][: 2 * _IN_LISTS], most=_IN_LISTS),
            **_state(each, reader.now),
        }
        for each in some
    ]
    return sorted(rows, key=lambda row: (_ORDER.index(str(row["status"])), str(row["name"]).casefold()))


def _state(heartbeat: Heartbeat, now: int) -> Values:
    expected = heartbeat.expected_at
    return {
        "status": heartbeat.status.value,
        "severity": heartbeat.severity.value,
        "since": heartbeat.since,
        "last_at": heartbeat.last_beat_at,
        "expected_at": expected,
        "late_at": heartbeat.due_at,
        "in_grace": heartbeat.status is HeartbeatStatus.HEALTHY and expected is not None and expected < now,
        "is_running": heartbeat.started_at is not None,
    }


def strip(heartbeat: Heartbeat, newest_first: Sequence[Beat], most: int = KEPT_BEATS) -> Values:
    """Bars for beats, the newest at the right: as high as they took long, failures full, what is missing hollow.

    Of starts only one that has not ended is drawn.
    """
    drawn = [
        each for place, each in enumerate(newest_first) if place == 0 or each.kind is not BeatKind.START
    ][:most]
    longest = max((each.duration or 0 for each in drawn), default=0)
    bars = [{"kind": each.kind.value, "height": _height(each, longest)} for each in reversed(drawn)]
    failed = sum(each.kind is BeatKind.FAIL for each in drawn)
    words = f"The last {len(bars)} beats: {failed} failed" if bars else "No beat yet"
    if heartbeat.status is HeartbeatStatus.LATE:
        bars.append({"kind": "missing", "height": 20})
        words += "; one is missing"
    return {"bars": bars, "words": words}


def _height(beat: Beat, longest: int) -> int:
    if beat.kind is BeatKind.FAIL:
        return 20
    if beat.kind is BeatKind.LOG:
        return 4
    if beat.kind is BeatKind.START:
        return 7
    return 6 + round(12 * beat.duration / longest) if beat.duration is not None and longest else 14


@get("/beats/{heartbeat_id:str}", include_in_schema=False)
async def show(
    request: Web,
    heartbeat_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One heartbeat."""
    async with db.read() as reader:
        heartbeat = await heartbeats.get(reader, actor, heartbeat_id)
        service = found(await services.get(reader, actor, heartbeat.service_id), "heartbeat")
        kept = await stored.beats(reader, heartbeat.id)
        context = await shell(
            request,
            reader,
            actor,
            "/heartbeats",
            heartbeat=_facts(heartbeat, service, actor, reader.now),
            incident_href=await _incident(reader, heartbeat),
            heard_by=await _heard_by(reader, actor, heartbeat),
            strip=strip(heartbeat, kept),
            beats=[_beat(each) for each in kept],
            **_address(request, heartbeat, shown_once(request)),
        )
    return forget_shown(request, answer(request, "heartbeats/show.html", context))


def _facts(heartbeat: Heartbeat, service: Service, actor: Actor, now: int) -> Values:
    unheard = heartbeat.unheard_from
    return {
        "id": heartbeat.id,
        "name": heartbeat.name,
        "service": service.name,
        "service_href": f"/services/{service.id}",
        "rhythm": rhythm(heartbeat),
        "grace": length(heartbeat.grace),
        "duration": None if heartbeat.last_duration is None else brief(heartbeat.last_duration),
        "unheard": None if unheard is None else {"from": unheard, "until": heartbeat.unheard_until},
        "is_learned": heartbeat.is_learned,
        "is_firing": heartbeat.is_firing,
        "can_edit": can(actor, Permission.CONFIGURE, service.team_id),
        "can_respond": can(actor, Permission.RESPOND, service.team_id),
        **_state(heartbeat, now),
    }


async def _incident(reader: Reader, heartbeat: Heartbeat) -> str | None:
    """The page of the incident that its alert belongs to, while it fires."""
    if not heartbeat.is_firing:
        return None
    key = alerts.latest_key(heartbeat.id, heartbeat.id)
    known = (await alerts.latest(reader, [key])).get(key)
    return f"/incidents/{known.incident_id}" if known is not None and known.incident_id else None


async def _heard_by(reader: Reader, actor: Actor, heartbeat: Heartbeat) -> Values | None:
    """The integration by which a Watchdog is heard."""
    if heartbeat.integration_id is None:
        return None
    source = await integrations.get(reader, actor, heartbeat.integration_id)
    if source is None:
        return {"name": "an integration that is gone", "href": f"/services/{heartbeat.service_id}"}
    return {"name": source.name, "href": f"/services/{source.service_id}#integration-{source.id}"}


def _address(request: Web, heartbeat: Heartbeat, keys: Mapping[str, str]) -> Values:
    """Where beats go, whole while its key may be shown."""
    if heartbeat.integration_id is not None:
        return {"url": None, "hint": "", "snippets": []}
    key = keys.get(heartbeat.id)
    url = f"{request.app.state.config.base_url}/heartbeats/{key or '<KEY ENDING IN ' + heartbeat.key_hint + '>'}"
    return {
        "url": url if key else None,
        "hint": heartbeat.key_hint,
        "snippets": snippets(url, heartbeat.cron or "30 3 * * *"),
    }


def _beat(beat: Beat) -> Values:
    words, tone = _BEATS[beat.kind]
    return {
        "at": beat.at,
        "words": words,
        "tone": tone,
        "exit_code": beat.exit_code,
        "duration": None if beat.duration is None else brief(beat.duration),
        "body": beat.body,
    }


@post("/beats/{heartbeat_id:str}/rotate-key", include_in_schema=False)
async def rotate_key(
    request: Web,
    heartbeat_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """A new key instead of the old one, shown this once."""
    back = f"/beats/{heartbeat_id}"
    made, errors = await attempt(db, actor, lambda tx: heartbeats.rotate_key(tx, heartbeat_id))
    if made is None:
        return go(back, " ".join(errors.values()), "bad")
    return show_once(request, go(back, "It has a new address. Copy it now."), heartbeat_id, made[1])


@post("/beats/{heartbeat_id:str}/{verb:str}", include_in_schema=False)
async def do(
    heartbeat_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Pause, resume or delete it."""
    perform = _VERBS.get(verb)
    if perform is None:
        raise NotFound("page")
    back = "/heartbeats" if verb == "delete" else f"/beats/{heartbeat_id}"
    return await act(db, actor, back, lambda tx: perform(tx, heartbeat_id))


async def _pause(tx: Transaction, heartbeat_id: str) -> str:
    paused = await heartbeats.pause(tx, heartbeat_id)
    return f"{paused.name} is paused: nobody is paged for it until somebody resumes it."


async def _resume(tx: Transaction, heartbeat_id: str) -> str:
    resumed = await heartbeats.resume(tx, heartbeat_id)
    if resumed.last_beat_at is None:
        return f"{resumed.name} is on again, and waits for its first beat."
    return f"{resumed.name} is expected again, within a whole interval and grace."


async def _delete(tx: Transaction, heartbeat_id: str) -> str:
    await heartbeats.delete(tx, heartbeat_id)
    return "The heartbeat is deleted; what it caused stays in the history."


_VERBS = {"pause": _pause, "resume": _resume, "delete": _delete}

ROUTES: Sequence[HTTPRouteHandler] = [index, show, rotate_key, do]
