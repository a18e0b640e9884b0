"""Pages of schedules: who is on call now, until when, who next, and where nobody is."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.calendar_feed import Clash
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.oncall import FinalSchedule, OnCall, on_call, shifts
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import Plan
from openalert.domain.schedule import Rotation, Schedule
from openalert.domain.walltime import zone_named
from openalert.domain.warning import LOOKS_AHEAD
from openalert.storage import escalation_policies, teams, users
from openalert.storage.database import Database
from openalert.storage.schedules import plans
from openalert.storage.transaction import Reader
from openalert.usecases import calendar_feeds, schedules
from openalert.web.ui import (
    agendas,
    choices,
    drawings,
    grids,
    handoffs,
    reasons,
    rotas,
    rotation_forms,
    schedule_warnings,
    shares,
    timelines,
)
from openalert.web.ui import shifts as duties
from openalert.web.ui.forms import Errors, local_instant, local_text, values_of
from openalert.web.ui.frame import Values, Web, address, answer, shell

PAGE = 50
DRAWN_DAYS = 14
LOOK_AHEAD = LOOKS_AHEAD
"""As far as warnings look: the page and they tell the same gaps."""
_SHIFTS_SHOWN = 10
_OVERRIDES_SHOWN = 20
_TIMES_AWAY = 2
_MOST_CHOSEN = 4
_FORM = ("override_id", "kind", "user_id", "instead_of_id", "start", "end", "span", "reason")


# --- the list -------------------------------------------------------------------------------------


@get("/schedules", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every schedule in view with the people of this moment."""
    async with db.read() as reader:
        rows = await schedules.page(reader, actor, after=cursor[:64], limit=PAGE + 1)
        context = await shell(request, reader, actor, "/schedules")
        shown = rows[:PAGE]
        context |= {
            "schedules": await _cards(reader, actor, shown, context["zone"]),
            "can_create": bool(await choices.teams_to_configure(reader, actor)),
            "older": address("/schedules", cursor=shown[-1].id) if len(rows) > PAGE else None,
            "newest": "/schedules" if cursor else None,
        }
    return answer(request, "schedules/list.html", context)


async def _cards(reader: Reader, actor: Actor, shown: Sequence[Schedule], zone: ZoneInfo) -> list[Values]:
    drawn = rotas.days_from(zone, reader.now, DRAWN_DAYS)
    found = await plans(reader, shown, reader.now)  # an answer may hold until long after
    answers = {each.id: _now(found[each.id], reader.now) for each in shown}
    finals = {each.id: _final(found[each.id], reader.now, drawn.end) for each in shown}
    names = await _names(reader, actor, answers.values(), finals.values(), found.values())
    team_names = await choices.names_of_teams(reader, actor)
    return [
        {
            "href": f"/schedules/{each.id}",
            "name": each.name,
            "team": team_names.get(each.team_id, ""),
            "timezone": each.timezone,
            "on": rotas.named(answers[each.id].people, names),
            "said": rotas.listed_some(rotas.named(answers[each.id].people, names)),
            "until": answers[each.id].until,
            "next": _next(answers[each.id], finals[each.id], names),
            "gap": _first_gap(finals[each.id], reader.now),
            "days": DRAWN_DAYS,
            "bars": rotas.bars_of(drawn, finals[each.id], names, rotas.PIXELS_OF_STRIP),
            "now": drawn.now_line,
        }
        for each in shown
    ]


def _now(plan: Plan, now: Instant) -> OnCall:
    return on_call(plan, now)


def _final(plan: Plan, start: Instant, end: Instant) -> FinalSchedule:
    return shifts(plan, start, end)


async def _names(reader: Reader, actor: Actor, answers: Any, finals: Any, found: Any) -> dict[str, str]:
    """The names of everybody who occurs, also in rotations and overrides that do not decide."""
    ids = set(schedules.people_of(answers))
    for final in finals:
        ids |= {person.user_id for shift in final.items for person in shift.people}
    for plan in found:
        ids |= {one for each in plan.overrides for one in (*each.user_ids, each.created_by_id or "")}
        ids |= {each.user_id for each in plan.imported}
        ids |= {one for each in plan.rotations for version in each.versions for one in version.member_ids}
    named = await users.named(reader, actor, ids - {""})
    return {user_id: user.name for user_id, user in named.items()}


def _next(now: OnCall, final: FinalSchedule, names: Mapping[str, str]) -> Values | None:
    """Who follows when the present answer ends; None when nobody does, or it does not end in view."""
    following = next((shift for shift in final.items if shift.start == now.until), None)
    if following is None:
        return None
    return {"said": rotas.listed_some(rotas.named(following.people, names)), "at": following.start}


def _first_gap(final: FinalSchedule, now: Instant) -> Instant | None:
    return next((start for start, _ in final.gaps if start > now), None)


# --- one schedule ---------------------------------------------------------------------------------


@get("/schedules/{schedule_id:str}", include_in_schema=False)
async def show(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One schedule; `start` and `end` fill in the form by which somebody takes over."""
    typed = {
        name: request.query_params[name][:40]
        for name in ("start", "end", "span", "override", "made")
        if name in request.query_params
    }
    return await schedule_page(request, db, actor, schedule_id, typed, {})


async def schedule_page(
    request: Web, db: Database, actor: Actor, schedule_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    """The page of a schedule, with what was typed into its form and what was wrong with it."""
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        context = await shell(request, reader, actor, "/schedules")
        readers_zone, now = context["zone"], reader.now
        path = f"/schedules/{schedule.id}"
        timeline = timelines.asked(request, path, readers_zone, schedule.timezone, now)
        zone = context["zone"] = timeline.zone
        ruler = rotas.Ruler(timeline.range)
        start, end = ruler.start - drawings.MARGIN, ruler.end + drawings.MARGIN
        moments = [now] if timeline.at is None else [now, timeline.at]
        # Without an end: an answer may hold until long after what is drawn.
        plan = (await plans(reader, [schedule], min(start, *moments)))[schedule.id]
        answers = [_now(plan, moment) for moment in moments]
        answered = answers[0]
        period, ahead = _final(plan, start, end), _final(plan, now, now + LOOK_AHEAD)
        to_come = [each for each in plan.overrides if each.end_at > now]
        names = await _names(reader, actor, answers, [period, ahead], [plan])
        absent = await calendar_feeds.clashes_of(reader, period, start, end)
        elsewhere = await duties.on_at(reader, actor, timeline.at, schedule.id) if timeline.at else {}
        team = await teams.get(reader, actor, schedule.team_id)
        facts = _facts(schedule, actor, team.name if team else "", answered, ahead, names, zone)
        drawing = drawings.Drawing(timeline, plan, period, names, facts["can_override"], absent)
        grid = grids.grid(drawing)
        changing = _to_change(to_come, typed) if facts["can_override"] else None
        context |= {
            "schedule": facts,
            "plan": grid,
            "who_is_drawn": grids.people_drawn(drawing, grid),
            "agenda": (days := agendas.agenda(drawing)),
            "notes": [day for day in days if day["note"]],
            "is_crowded": grids.has_bars(grid, "crowd"),
            "is_away": grids.has_bars(grid, "away"),
            "period": timeline.controls(schedule.timezone, str(readers_zone)),
            "asked": reasons.told(plan, answers[1], names, ruler, elsewhere)
            if timeline.at is not None
            else None,
            "away": _away(await calendar_feeds.clashes_of(reader, ahead, now, now + LOOK_AHEAD), names),
            "warnings": await schedule_warnings.told(reader, actor, schedule, zone),
            "gaps": [{"start": start, "end": _known(end, now + LOOK_AHEAD)} for start, end in ahead.gaps],
            "shifts": _shifts(drawing, ahead, actor),
            "overrides": [_override(each, names) for each in to_come[:_OVERRIDES_SHOWN]],
            "more_overrides": max(len(to_come) - _OVERRIDES_SHOWN, 0),
            "undo": _undo(to_come, typed, actor, schedule),
            "handoff": await handoffs.noted(reader, actor, schedule.id),
            "share": await shares.shared(request, reader, actor, schedule.id),
            "rotations": [
                _rotation(schedule, each, names, now) for each in schedules.shown(plan.rotations, now)
            ],
            "people": await choices.people(reader, actor),
            "used_by": await _used_by(reader, actor, schedule.id),
            "chosen": _chosen(drawing, typed),
            "changing": grids.of_override(changing, names) if changing else "",
            "values": values_of(typed, _FORM, **_usual(actor, answered, changing, zone)),
            "errors": errors,
        }
    return answer(request, "schedules/show.html", context, 422 if errors else 200)


def _to_change(to_come: Sequence[Override], typed: Mapping[str, str]) -> Override | None:
    """The override whose form is shown, while it is not over."""
    wanted = typed.get("override") or typed.get("override_id")
    return next((each for each in to_come if each.id == wanted), None)


def _undo(to_come: Sequence[Override], typed: Mapping[str, str], actor: Actor, schedule: Schedule) -> str:
    """Where the override is taken back that the reader has just made; empty: there is none."""
    made = next((each for each in to_come if each.id == typed.get("made")), None)
    if made is None or made.created_by_id != actor.user_id:
        return ""
    return f"/schedules/{schedule.id}/overrides/{made.id}/delete"


def _usual(actor: Actor, answered: OnCall, changing: Override | None, zone: ZoneInfo) -> dict[str, str]:
    """What the form of an override holds before anybody typed: me, from now to the next change; or the stored one."""
    if changing is not None:
        return {
            "override_id": changing.id,
            "user_id": changing.user_id,
            "start": local_text(changing.start_at, zone),
            "end": local_text(changing.end_at, zone),
            "reason": changing.reason,
        }
    now = answered.at
    return {
        "kind": OverrideKind.REPLACE.value,
        "user_id": actor.user_id or "",
        "instead_of_id": answered.people[0].user_id if answered.people else "",
        "start": local_text(now, zone),
        "end": local_text(min(answered.until or now + 8 * HOUR, now + 7 * DAY), zone),
    }


def _chosen(drawing: drawings.Drawing, typed: Mapping[str, str]) -> list[str]:
    """Who is on call, and why, during the time that the address puts into the form."""
    try:
        start, end = (
            local_instant(typed.get(name, ""), drawing.timeline.zone, name) for name in ("start", "end")
        )
    except Invalid:
        return []
    pieces = drawing.during(start, end)[:_MOST_CHOSEN]
    return [each["words"] for piece in pieces for each in grids.final_bars(drawing, piece, grids.MOST_LANES)]


def _facts(
    schedule: Schedule,
    actor: Actor,
    team: str,
    answered: OnCall,
    ahead: FinalSchedule,
    names: Mapping[str, str],
    zone: ZoneInfo,
) -> Values:
    return {
        "id": schedule.id,
        "name": schedule.name,
        "team": team,
        "team_href": f"/teams/{schedule.team_id}",
        "timezone": schedule.timezone,
        "zone_differs": zone_named(schedule.timezone) != zone,
        "on": rotas.named(answered.people, names),
        "said": rotas.listed_some(rotas.named(answered.people, names)),
        "because": rotas.because(answered.people),
        "until": answered.until,
        "next": _next(answered, ahead, names),
        "can_edit": can(actor, Permission.CONFIGURE, schedule.team_id),
        "can_override": can(actor, Permission.RESPOND, schedule.team_id),
    }


def _shifts(drawing: drawings.Drawing, ahead: FinalSchedule, actor: Actor) -> list[Values]:
    """What comes, the times of nobody among it."""
    return [
        {
            "start": piece.start,
            "end": _known(piece.end, drawing.timeline.now + LOOK_AHEAD),
            "names": rotas.named(piece.people, drawing.names),
            "source": rotas.because(piece.people),
            "mine": any(person.user_id == actor.user_id for person in piece.people),
            "take": drawing.href(piece.start, piece.end),
        }
        for piece in drawings.pieces_of(ahead)[:_SHIFTS_SHOWN]
    ]


def _known(end: Instant, horizon: Instant) -> Instant | None:
    """The end, unless it is only that of what was looked at."""
    return end if end < horizon else None


def _override(override: Override, names: Mapping[str, str]) -> Values:
    return {
        "id": override.id,
        "name": grids.of_override(override, names),
        "face": names.get(override.user_id, "") if override.user_id else "",
        "start": override.start_at,
        "end": override.end_at,
        "reason": override.reason,
    }


def _rotation(schedule: Schedule, rotation: Rotation, names: Mapping[str, str], now: Instant) -> Values:
    current = rotation.current
    members = [names.get(each, rotas.GONE) if each else "" for each in current.member_ids]
    return {
        "id": rotation.id,
        "name": rotation.name,
        "words": rotation_forms.in_words(current),
        "members": members,
        "said": rotas.listed_some(name or "nobody" for name in members),
        "everybody": ", ".join(name or "nobody" for name in members),
        "changes_at": current.valid_from if current.valid_from > now else None,
        "over": current.effective_until is not None and current.effective_until <= now,
        "href": f"/schedules/{schedule.id}/rotations/{rotation.id}",
    }


def _away(found: Sequence[Clash], names: Mapping[str, str]) -> list[Values]:
    """Who is on call in times that their own calendar says they are away, the next first: {name, times, more}."""
    times: dict[str, list[Clash]] = {}
    for clash in found:
        times.setdefault(clash.user_id, []).append(clash)
    return [
        {
            "name": names.get(user_id, rotas.GONE),
            "times": [{"start": each.start_at, "end": each.end_at} for each in clashes[:_TIMES_AWAY]],
            "more": max(len(clashes) - _TIMES_AWAY, 0),
        }
        for user_id, clashes in times.items()
    ]


async def _used_by(reader: Reader, actor: Actor, schedule_id: str) -> list[Values]:
    paging = await escalation_policies.that_page(reader, schedule_id)
    seen = await escalation_policies.named(reader, actor, [each.id for each in paging])
    return [{"words": each.name, "href": f"/escalation-policies/{each.id}"} for each in seen.values()]


ROUTES: Sequence[HTTPRouteHandler] = [index, show]
