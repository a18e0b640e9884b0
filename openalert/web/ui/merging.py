"""Merging on the pages of incidents: what went where, the forms that do and undo it, and alerts that move."""

from typing import Any

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.incident import Incident
from openalert.domain.instant import MINUTE
from openalert.domain.merge import Merge
from openalert.storage import incidents, merges
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import incidents as acts
from openalert.usecases import linking, merging

Values = dict[str, Any]
Fields = dict[str, str]

NEW = "new"
"""In place of a number: an incident of its own."""
_CHOICES = 50
_JUST_NOW = MINUTE


async def shown(reader: Reader, actor: Actor, incident: Incident) -> Values:
    """Where the incident went, what came to it, and which others it could go to."""
    parts = await merging.parts(reader, actor, incident)
    fresh = [each.incident.id for each in parts if _is_fresh(each.merge, actor, reader.now)]
    own = await merges.of_source(reader, incident.id) if incident.merged_into_id else None
    if own is not None and _is_fresh(own, actor, reader.now):
        fresh = [incident.id]
    return {
        "into": await _into(reader, actor, own),
        "parts": [
            {
                "id": each.incident.id,
                "href": f"/incidents/{each.incident.id}",
                "number": each.incident.number,
                "title": each.incident.title,
                "at": each.merge.merged_at,
                "undo": each.merge.can_be_undone(reader.now) and incident.is_open,
            }
            for each in parts
        ],
        "fresh": fresh,
        "others": await _others(reader, actor, incident) if incident.is_open else [],
    }


def _is_fresh(merge: Merge, actor: Actor, now: int) -> bool:
    """Whether the reader has just done it, so that its notice offers to undo it."""
    return merge.merged_by_id == actor.user_id and now - merge.merged_at < _JUST_NOW


async def _into(reader: Reader, actor: Actor, merge: Merge | None) -> Values | None:
    if merge is None:
        return None
    try:
        target = await acts.see(reader, actor, merge.target_id)
    except NotFound:
        return {"number": None, "title": "an incident of another team", "href": None, "undo": False}
    return {
        "number": target.number,
        "title": target.title,
        "href": f"/incidents/{target.id}",
        "undo": merge.can_be_undone(reader.now)
        and target.is_open
        and can(actor, Permission.RESPOND, target.team_id),
    }


async def _others(reader: Reader, actor: Actor, incident: Incident) -> list[tuple[str, str]]:
    wanted = IncidentFilter(statuses=("triggered", "acknowledged"))
    found = await incidents.search(reader, actor, wanted, limit=_CHOICES + 1)
    return [(f"#{each.number}", each.title) for each in found if each.id != incident.id]


async def by_number(tx: Transaction, typed: str) -> Incident:
    """The incident that somebody names by its number, or id; Invalid, as for one that is hidden, if there is none."""
    digits = typed.strip().removeprefix("#")
    found = None
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        found = await incidents.get_by_number(tx, tx.actor.organization_id or "", int(digits))
    elif typed:
        found = await incidents.get(tx, typed)
    try:
        return await acts.see(tx, tx.actor, found.id if found else "")
    except NotFound:
        raise Invalid("There is no such incident; name an open one by its number.", field="into") from None


async def put_together(tx: Transaction, chosen: list[str]) -> Incident:
    """Those selected go on as the oldest of them."""
    if len(set(chosen)) < 2:
        raise Invalid("Select two incidents or more to merge them.", field="id")
    oldest, *others = sorted(set(chosen))
    return await merging.merge(tx, oldest, others)


async def _merge(tx: Transaction, incident_id: str, fields: Fields) -> str:
    source = await acts.see(tx, tx.actor, incident_id)
    target = await merging.merge(tx, (await by_number(tx, fields.get("into", ""))).id, [source.id])
    return f"#{source.number} was merged into #{target.number}. What comes of it goes there."


async def _unmerge(tx: Transaction, incident_id: str, _: Fields) -> str:
    done = await merging.undo(tx, incident_id)
    if not done.is_open:
        return f"#{done.number} is one of its own again; its alerts had ended meanwhile."
    return f"#{done.number} is one of its own again, and goes on as it stood."


async def _move(tx: Transaction, incident_id: str, fields: Fields) -> str:
    """The alerts selected go to the incident of that number, or each becomes one of its own."""
    chosen = [each for each in fields.get("alerts", "").split(",") if each]
    if not chosen:
        raise Invalid("Select the alerts that are to move.", field="alert")
    if fields.get("to", "").strip().casefold() == NEW:
        own = [await _taken_out(tx, incident_id, each) for each in dict.fromkeys(chosen)]
        numbers = ", ".join(f"#{each.number}" for each in own if each is not None)
        return f"Now incidents of their own: {numbers}." if numbers else "They belong to no incident now."
    await acts.see(tx, tx.actor, incident_id)
    target = await linking.link(tx, (await by_number(tx, fields.get("to", ""))).id, chosen)
    return f"{len(set(chosen))} alert{'' if len(set(chosen)) == 1 else 's'} moved to #{target.number}."


async def _taken_out(tx: Transaction, incident_id: str, alert_id: str) -> Incident | None:
    try:
        return (await linking.unlink(tx, incident_id, alert_id)).own
    except NotFound as gone:
        if gone.code != "ALERT_NOT_FOUND":
            raise
        raise Invalid("An alert has moved on since the page was made; look again.", field="alert") from gone


VERBS = {"merge": _merge, "unmerge": _unmerge, "alerts": _move}
"""What the forms post to `/incidents/{id}/{verb}`."""
