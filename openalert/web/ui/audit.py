"""`/settings/audit`: who did what, in sentences that fold out to what was before and after; for admins."""

from collections.abc import Collection, Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry
from openalert.domain.audit_words import Names, act_words, deed, ids_in, label, lines, noun, summary
from openalert.domain.instant import DAY, Instant, rfc3339, to_datetime
from openalert.storage import channels, escalation_policies, schedules, services, teams, users
from openalert.storage.audit import NEWEST, AuditFilter
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import audit
from openalert.web.ui import choices
from openalert.web.ui.frame import Values, Web, address, answer, chips, shell

PATH = "/settings/audit"
_EXPORT = "/api/v1/audit-log/export"
PAGE = 50
_SPANS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}
_KINDS = (
    "incident", "service", "integration", "schedule", "rotation", "override", "escalation_policy", "channel", "team",
    "team_member", "user", "session", "contact_method", "notification_rule", "api_key", "organization",
    "configuration", "database",
)  # fmt: skip
_SIGN_IN = ("user.signed_in", "user.sign_in_failed")
_PLACES = {
    "incident": "/incidents/",
    "alert": "/alerts/",
    "service": "/services/",
    "schedule": "/schedules/",
    "escalation_policy": "/escalation-policies/",
    "team": "/teams/",
    "user": "/users/",
}
"""Where things of these kinds have a page."""


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    who: FromQuery[str | None] = None,
    act: FromQuery[str | None] = None,
    target: FromQuery[str | None] = None,
    team: FromQuery[str | None] = None,
    days: FromQuery[str | None] = None,
    before: FromQuery[int | None] = None,
) -> Response[str]:
    """The newest acts, filtered by the address."""
    audit.check(actor)
    days = days if days in _SPANS else None
    chosen = {"who": who, "act": act, "target": target, "team": team, "days": days}
    async with db.read() as reader:
        start = reader.now - int(days) * DAY if days else None
        wanted = AuditFilter(actor_id=who, act=act, target_id=target, team_id=team, start=start)
        found = await audit.page(
            reader, actor, wanted, before=NEWEST if before is None else before, limit=PAGE + 1
        )
        shown = found[:PAGE]
        occurring = {each for entry in shown for each in ids_in(entry)}
        names = await _names(reader, actor, occurring | {each for each in (who, team) if each})
        context = await shell(request, reader, actor, "/settings")
        context |= {
            "days": _by_day(shown, names, context["zone"], chosen),
            "chips": chips(PATH, _chosen(chosen, shown, names)),
            "filters": await _filters(reader, actor, chosen),
            "exports": [
                (words, _export(form, chosen, start))
                for form, words in (("csv", "CSV, for spreadsheets"), ("ndjson", "NDJSON, with the hashes"))
            ],
            "older": address(PATH, **chosen, before=str(shown[-1].seq)) if len(found) > PAGE else None,
            "newest": address(PATH, **chosen) if before is not None else None,
        }
    return answer(request, "settings/audit.html", context)


def _export(form: str, chosen: dict[str, str | None], start: Instant | None) -> str:
    return address(
        _EXPORT,
        format=form,
        actorId=chosen["who"],
        act=chosen["act"],
        targetId=chosen["target"],
        teamId=chosen["team"],
        **{"from": rfc3339(start) if start is not None else None},
    )


async def _names(reader: Reader, actor: Actor, ids: Collection[str]) -> Names:
    """What the things are called whose ids occur."""
    listed = sorted(ids)
    found: dict[str, Any] = {}
    for kind in (channels, schedules, services, escalation_policies, teams, users):
        found |= await kind.named(reader, actor, listed)
    return {key: thing.name for key, thing in found.items()}


def _chosen(
    chosen: dict[str, str | None], shown: Sequence[AuditEntry], names: Names
) -> dict[str, tuple[str, str] | None]:
    """The filters in force, in words."""
    who, target, act, team, days = (chosen[name] for name in ("who", "target", "act", "team", "days"))
    actors = {entry.actor_id: entry.actor_name for entry in shown}
    targets = {entry.target_id: entry.target_name for entry in shown}
    return {
        "who": (who, f"By {names.get(who) or actors.get(who) or 'one actor'}") if who else None,
        "act": (act, _act(act)) if act else None,
        "target": (target, f"On {targets.get(target) or 'one thing'}") if target else None,
        "team": (team, f"Team {names.get(team, '')}".strip()) if team else None,
        "days": (days, _SPANS[days]) if days else None,
    }


def _act(act: str) -> str:
    words = act_words(act) if "." in act else noun(act)
    return words[0].upper() + words[1:]


async def _filters(reader: Reader, actor: Actor, chosen: dict[str, str | None]) -> list[Values]:
    """What can be narrowed further."""
    people = await users.page(reader, actor, after="", limit=choices.MOST)
    owned = await teams.page(reader, actor, after="", limit=choices.MOST)
    menus = {
        "who": ("Who", [(person.id, person.name) for person in people]),
        "act": ("What", [(each, _act(each)) for each in (*_SIGN_IN, *_KINDS)]),
        "team": ("Team", [(team.id, team.name) for team in owned]),
        "days": ("When", list(_SPANS.items())),
    }
    return [
        {
            "name": name,
            "words": words,
            "options": [(address(PATH, **(chosen | {name: value})), text) for value, text in options],
        }
        for name, (words, options) in menus.items()
        if not chosen[name] and options
    ]


def _by_day(
    entries: Sequence[AuditEntry], names: Names, zone: Any, chosen: dict[str, str | None]
) -> list[Values]:
    """Entries under the day on which they were made, in the reader's zone."""
    days: list[Values] = []
    for entry in entries:
        moment = to_datetime(entry.at).astimezone(zone)
        day = f"{moment:%A}, {moment.day} {moment:%B %Y}"
        if not days or days[-1]["day"] != day:
            days.append({"day": day, "entries": []})
        days[-1]["entries"].append(_row(entry, names, chosen))
    return days


def _row(entry: AuditEntry, names: Names, chosen: dict[str, str | None]) -> Values:
    before, after = entry.changes
    place = _PLACES.get(entry.target_kind)
    return {
        "seq": entry.seq,
        "at": entry.at,
        "who": entry.actor_name,
        "is_person": entry.actor_kind == "user",
        "kind": {"api_key": "API key", "system": "Program", "anonymous": "Stranger"}.get(
            entry.actor_kind, ""
        ),
        "deed": deed(entry),
        "summary": summary(entry, names),
        "is_bad": entry.act in ("user.sign_in_failed", "contact_method.wrong_code"),
        "address": entry.address,
        "request_id": entry.request_id,
        "hash": entry.hash,
        "act": entry.act,
        "target": entry.target_name,
        "target_href": f"{place}{entry.target_id}" if place and entry.target_id else None,
        "by_actor": address(PATH, **(chosen | {"who": entry.actor_id})) if entry.actor_id else None,
        "by_target": address(PATH, **(chosen | {"target": entry.target_id})) if entry.target_id else None,
        "changed": bool(before) and bool(after),
        "members": [
            {
                "name": label(name),
                "before": lines(name, before.get(name), names),
                "after": lines(name, after.get(name), names),
            }
            for name in {**before, **after}
        ],
    }


ROUTES: Sequence[HTTPRouteHandler] = [index]
