"""Somebody else takes over for a while."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import LATEST, Instant
from openalert.domain.override import Override, OverrideKind
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import overrides, schedules
from openalert.web.ui.forms import attempt, local_instant, local_text
from openalert.web.ui.frame import Web, act, address, go, sent
from openalert.web.ui.schedules import schedule_page

_FIELDS = {
    "userId": ("user_id", "Who"),
    "insteadOfId": ("instead_of_id", "Instead of whom"),
    "kind": ("kind", "The kind"),
    "startTime": ("start", "The beginning"),
    "endTime": ("end", "The end"),
    "reason": ("reason", "The reason"),
}


@post("/schedules/{schedule_id:str}/overrides", include_in_schema=False)
async def create(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Have other people on call for a while; with an `override_id`, let that one last otherwise."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Override:
        zone = await _zone(tx, schedule_id, typed)
        reason = typed.get("reason", "")
        if override_id := typed.get("override_id"):
            before = await overrides.get(tx, tx.actor, schedule_id, override_id)
            start, end = _meant(typed, zone, (before.start_at, before.end_at))
            return await overrides.change(
                tx,
                schedule_id,
                override_id,
                start_at=UNSET if start == before.start_at else start,
                end_at=end,
                reason=reason,
            )
        start, end = _meant(typed, zone, _span(typed.get("span", "")))
        kind = _kind(typed.get("kind", ""))
        return await overrides.add(
            tx,
            schedule_id,
            kind=kind,
            user_id=typed.get("user_id", ""),
            instead_of_id=typed.get("instead_of_id", "") if kind is OverrideKind.COVER else "",
            start_at=start,
            end_at=end,
            reason=reason,
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await schedule_page(request, db, actor, schedule_id, typed, errors)
    async with db.read() as reader:
        named = await users.named(reader, actor, made.user_ids)
    names = {user_id: user.name for user_id, user in named.items()}
    seen = {name: typed.get(name, "")[:40] for name in ("view", "from", "zone")}
    if not typed.get("override_id"):
        seen["made"] = made.id
    return go(address(f"/schedules/{schedule_id}", **seen), _said(made, names, db.clock()))


def _meant(typed: Mapping[str, str], zone: ZoneInfo, exact: Sequence[Instant]) -> tuple[Instant, Instant]:
    """The beginning and the end of what was typed; what was left as the form had it means the `exact` instant.

    The form holds minutes of a local clock, which shows some of them twice.
    """
    start, end = (
        next((each for each in exact if local_text(each, zone) == typed.get(name)), None)
        or local_instant(typed.get(name, ""), zone, name)
        for name, exact in (("start", exact[:1]), ("end", exact[1:]))
    )
    return start, end


def _span(text: str) -> tuple[Instant, ...]:
    """`START-END` in milliseconds, as the link of a shift has it; nothing for anything else."""
    found = re.fullmatch(r"(\d{1,15})-(\d{1,15})", text, re.ASCII)
    return tuple(min(int(each), LATEST) for each in found.groups()) if found else ()


def _kind(text: str) -> OverrideKind:
    """One of the kinds that the form offers; nothing said: instead of everybody."""
    try:
        kind = OverrideKind(text or OverrideKind.REPLACE)
    except ValueError:
        kind = OverrideKind.FIXED
    if kind is OverrideKind.FIXED:
        raise Invalid("Choose one of the kinds.", field="kind")
    return kind


def _said(made: Override, names: Mapping[str, str], now: Instant) -> str:
    """What the override does, as a sentence."""
    who = names.get(made.user_id, "Somebody")
    begun = made.start_at <= now
    match made.kind:
        case OverrideKind.REMOVE:
            return f"{who} is off call {'now' if begun else 'then'}."
        case OverrideKind.COVER:
            covered = names.get(made.instead_of_id, "somebody")
            return f"{who} {'stands' if begun else 'will stand'} in for {covered}."
        case OverrideKind.ADD:
            return f"{who} {'is on call now' if begun else 'will be on call then'}, beside the others."
        case OverrideKind.FIXED:
            return "The temporary schedule is changed."
        case OverrideKind.REPLACE:
            when = "is on call now" if begun else "will be on call then"
            return f"{who} {when}, whatever the rotation says."


async def _zone(tx: Transaction, schedule_id: str, typed: Mapping[str, str]) -> ZoneInfo:
    """The zone in which the form was filled in: the reader's, or the schedule's where its page was shown in it."""
    if typed.get("zone") == "schedule":
        return zone_named((await schedules.get(tx, tx.actor, schedule_id)).timezone)
    me = await users.get(tx, tx.actor, tx.actor.user_id or "")
    return zone_named(me.timezone if me else "UTC")


@post("/schedules/{schedule_id:str}/overrides/{override_id:str}/delete", include_in_schema=False)
async def delete(
    schedule_id: FromPath[str],
    override_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Take it back: the rotation decides again."""

    async def body(tx: Transaction) -> str:
        await overrides.remove(tx, schedule_id, override_id)
        return "The override is taken back; the rotation decides again."

    return await act(db, actor, f"/schedules/{schedule_id}", body)


ROUTES: Sequence[HTTPRouteHandler] = [create, delete]
