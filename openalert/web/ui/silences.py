"""Pages of silences: what each hides, and the form, which says before it is saved what it would hide."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain import matching
from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.silence import Silence, SilenceStatus, status_of
from openalert.domain.walltime import zone_named
from openalert.storage import holds, services, users
from openalert.storage.database import Database
from openalert.storage.holds import HoldCount
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import alerts, silences
from openalert.usecases.access import require
from openalert.web.ui import choices, muted, muting
from openalert.web.ui.forms import Errors, attempt, local_instant, local_text
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, sent_all, shell

PATH = "/silences"
SECTION = "/maintenance"
PAGE = 50
LENGTHS = (
    ("30", "30 minutes"),
    ("60", "1 hour"),
    ("240", "4 hours"),
    ("720", "12 hours"),
    ("1440", "1 day"),
    ("10080", "1 week"),
    ("", "Until…"),
)
FIELDS = muting.SCOPE | {
    "endsAt": ("until", "The end"),
    "comment": ("comment", "The reason"),
    "alertId": ("", "The alert"),
    "alsoFiring": ("also_firing", "What fires already"),
}


class Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    team_id: str = ""
    alert_id: str = ""
    service_ids: list[str] = []
    matchers: str = ""
    comment: str = ""
    length: str = "240"
    until: str = ""
    also_firing: str = ""
    """Ticked: what fires already is hidden too."""
    everything: str = ""
    """Ticked: it is meant to hide everything."""

    def ends_at(self, now: Instant, zone: Any) -> Instant:
        """When it ends: after the length, or at the local time typed."""
        if not self.length:
            return local_instant(self.until, zone, "until")
        if self.length not in dict(LENGTHS):
            raise Invalid("Choose how long.", field="until")
        return now + int(self.length) * MINUTE


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    tab: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """The silences that are not over, or those that are."""
    over = tab == "expired"
    async with db.read() as reader:
        context = await shell(request, reader, actor, SECTION)
        rows = await silences.page(reader, actor, over=over, before=cursor[:64] or None, limit=PAGE + 1)
        context |= {
            "tab": "expired" if over else "active",
            "rows": await _rows(reader, actor, rows[:PAGE]),
            "can_create": bool(await muting.teams_to_mute(reader, actor)),
            "older": address(PATH, tab=tab, cursor=rows[PAGE - 1].id) if len(rows) > PAGE else None,
            "newest": address(PATH, tab=tab) if cursor else None,
        }
    return answer(request, "silences/list.html", context)


async def _rows(reader: Reader, actor: Actor, found: Sequence[Silence]) -> list[Values]:
    counts = await holds.counts(reader, [each.id for each in found])
    ids = {each for silence in found for each in silence.service_ids}
    known = {each.id: each.name for each in (await services.named(reader, actor, ids)).values()}
    makers = await users.named(reader, actor, {each.created_by_id or "" for each in found})
    teams = await choices.names_of_teams(reader, actor)
    return [
        {
            "id": each.id,
            "href": f"{PATH}/{each.id}",
            "comment": each.comment,
            "name": each.name,
            "team": teams.get(each.team_id, ""),
            "status": status_of(each, reader.now).value,
            "starts_at": each.starts_at,
            "ends_at": each.ends_at,
            "maker": makers[each.created_by_id].name if each.created_by_id in makers else "",
            "about": muted.about(each.service_ids, each.matchers, known),
            "holding": counts.get(each.id, HoldCount()).now,
            "held": counts.get(each.id, HoldCount()).ever,
            "can_edit": can(actor, Permission.RESPOND, each.team_id),
            "is_over": status_of(each, reader.now) is SilenceStatus.EXPIRED,
        }
        for each in found
    ]


@get(PATH + "/new", include_in_schema=False)
async def new(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], alert: FromQuery[str] = ""
) -> Response[Any]:
    """The form of a new silence; with an alert, for what is like it."""
    return await _form(request, db, actor, None, None, {}, alert=alert[:64])


@post(PATH, include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Silence, or show what that would hide first."""
    typed, verb = await _read(request)
    if verb != "save":
        return await _form(request, db, actor, None, typed, {})
    asks = await _asks(db, actor, typed)
    if asks:
        return await _form(request, db, actor, None, typed, {"everything": asks})

    async def body(tx: Transaction) -> Silence:
        return await silences.create(
            tx,
            team_id=typed.team_id,
            service_ids=typed.service_ids,
            matchers=muting.matchers_of(typed.matchers),
            comment=typed.comment,
            ends_at=typed.ends_at(tx.now, await _zone(tx)),
            alert_id=typed.alert_id or None,
            also_firing=bool(typed.also_firing),
        )

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    before = "what fires now and fits is hidden too." if typed.also_firing else "what fired before goes on."
    return go(f"{PATH}/{made.id}", f"Silenced: what comes and fits pages nobody; {before}")


async def _asks(db: Database, actor: Actor, typed: Typed) -> str:
    """Why somebody has to tick first that they mean it; empty: they need not."""
    if typed.everything:
        return ""
    async with db.read() as reader:
        found = await muting.preview(reader, actor, typed.team_id, typed.service_ids, typed.matchers)
    return (
        "Tick that you mean every alert of the team, or say which." if found and found["everything"] else ""
    )


@get(PATH + "/{silence_id:str}", include_in_schema=False)
async def show(
    request: Web, silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """One silence: what it hides and has hidden."""
    async with db.read() as reader:
        silence = await silences.get(reader, actor, silence_id)
        context = await shell(request, reader, actor, SECTION)
        [row] = await _rows(reader, actor, [silence])
        context |= {
            "silence": row | {"created_at": silence.created_at, "alert_id": silence.alert_id},
            "held": await muting.held(reader, silence.id),
        }
    return answer(request, "silences/show.html", context)


@get(PATH + "/{silence_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web, silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form of a silence that is there."""
    return await _form(request, db, actor, silence_id, None, {})


@post(PATH + "/{silence_id:str}", include_in_schema=False)
async def update(
    request: Web, silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Change the silence, or show what it would hide first."""
    typed, verb = await _read(request)
    if verb != "save":
        return await _form(request, db, actor, silence_id, typed, {})

    async def body(tx: Transaction) -> Silence:
        zone = await _zone(tx)
        before = await silences.get(tx, tx.actor, silence_id)
        same = typed.until == local_text(before.ends_at, zone)
        return await silences.update(
            tx,
            silence_id,
            service_ids=typed.service_ids,
            matchers=muting.matchers_of(typed.matchers),
            comment=typed.comment,
            ends_at=before.ends_at if same else local_instant(typed.until, zone, "until"),
        )

    changed, errors = await attempt(db, actor, body, FIELDS)
    if changed is None:
        return await _form(request, db, actor, silence_id, typed, errors)
    return go(f"{PATH}/{silence_id}", "Saved. What it held and does not mean any more is let go.")


@post(PATH + "/{silence_id:str}/extend", include_in_schema=False)
async def extend(
    request: Web, silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Let it last longer."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        silence = await silences.get(tx, tx.actor, silence_id)
        longer = muting.whole_minutes(typed.get("minutes", "")) * MINUTE
        await silences.update(tx, silence_id, ends_at=silence.ends_at + longer)
        return "It lasts longer now."

    return await act(db, actor, f"{PATH}/{silence_id}", body)


@post(PATH + "/{silence_id:str}/expire", include_in_schema=False)
async def expire(
    silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """End it now."""

    async def body(tx: Transaction) -> str:
        await silences.expire(tx, silence_id)
        return "The silence is over. What still fires pages now."

    return await act(db, actor, f"{PATH}/{silence_id}", body)


@post(PATH + "/{silence_id:str}/delete", include_in_schema=False)
async def delete(
    silence_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete it."""
    _, errors = await attempt(db, actor, lambda tx: silences.delete(tx, silence_id))
    if errors:
        return go(f"{PATH}/{silence_id}", " ".join(errors.values()), "bad")
    return go(PATH, "The silence is deleted. What it held and still fires pages now.")


async def _zone(reader: Reader, actor: Actor | None = None) -> Any:
    """The reader's own zone."""
    who = actor or getattr(reader, "actor")  # noqa: B009 - a transaction knows who acts
    me = await users.get(reader, who, who.user_id or "")
    return zone_named(me.timezone if me else "UTC")


async def _read(request: Web) -> tuple[Typed, str]:
    fields = await sent(request)
    names = [name for name in Typed.__struct_fields__ if name != "service_ids"]
    typed = Typed(
        service_ids=await sent_all(request, "service_ids"),
        **{name: fields[name] for name in names if name in fields},
    )
    return typed, fields.get("act", "save")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    silence_id: str | None,
    typed: Typed | None,
    errors: Errors,
    alert: str = "",
) -> Response[Any]:
    async with db.read() as reader:
        silence = await silences.get(reader, actor, silence_id) if silence_id else None
        if silence:
            require(actor, Permission.RESPOND, silence.team_id, "silence")
        context = await shell(request, reader, actor, SECTION)
        teams = await muting.teams_to_mute(reader, actor)
        held = typed or await _begun(reader, actor, silence, teams, alert, context["zone"])
        if silence is not None:
            held.team_id = silence.team_id
        href = f"{PATH}/{silence.id}" if silence else PATH
        context |= {
            "title": "Edit the silence" if silence else "Silence alerts",
            "action": href,
            "back": {"words": "Silence" if silence else "Silences", "href": href},
            "is_new": silence is None,
            "values": msgspec.structs.asdict(held),
            "errors": errors,
            "teams": teams,
            "services": await muting.services_of(
                reader, actor, [held.team_id] if silence else [key for key, _ in teams]
            ),
            "lengths": LENGTHS,
            "preview": await muting.preview(reader, actor, held.team_id, held.service_ids, held.matchers),
        }
    return answer(request, "silences/edit.html", context, 422 if errors else 200)


async def _begun(
    reader: Reader,
    actor: Actor,
    silence: Silence | None,
    teams: Sequence[tuple[str, str]],
    alert_id: str,
    zone: Any,
) -> Typed:
    """What the form holds at first: the silence, what is like an alert, or nothing."""
    if silence is not None:
        return Typed(
            team_id=silence.team_id,
            service_ids=list(silence.service_ids),
            matchers="\n".join(map(str, silence.matchers)),
            comment=silence.comment,
            length="",
            until=local_text(silence.ends_at, zone),
        )
    until = local_text(reader.now + 4 * HOUR, zone)
    if not alert_id:
        return Typed(team_id=muting.chosen(list(teams), ""), until=until)
    alert = await alerts.see(reader, actor, alert_id)
    require(actor, Permission.RESPOND, alert.team_id, "alert")
    return Typed(
        team_id=alert.team_id,
        alert_id=alert.id,
        service_ids=[alert.service_id],
        matchers="\n".join(map(str, matching.about(alert.labels, title=alert.title))),
        until=until,
    )


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, show, edit, update, extend, expire, delete]
