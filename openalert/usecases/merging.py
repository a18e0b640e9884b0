"""Merge: several incidents go on as one, and can be taken apart again for a day. No page is lost by it.

What the sources had (alerts, responders, what comes of their groups from now on) belongs to the target; they are
resolved as parts of it. docs/decisions/0007 says what becomes of pages that nobody has answered.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain import incident as rules
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.merge import Merge, Standing
from openalert.domain.responder import Responder, ResponderRole, ResponderState
from openalert.storage import incidents, merges, recipients, responders, routes, timers
from openalert.storage.merges import Returned
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, escalation, linking, news, quieting, transitions
from openalert.usecases import incidents as acts
from openalert.usecases.work import Work

MOST_MERGED = 50


class Part(msgspec.Struct, frozen=True):
    """An incident that was merged into another, and the merge that did it."""

    incident: Incident
    merge: Merge


async def parts(reader: Reader, actor: Actor, target: Incident) -> list[Part]:
    """What was merged into the incident and the actor may see, the newest first."""
    found = await merges.into(reader, target.id)
    known = {
        key: each
        for key, each in (await incidents.get_many(reader, [each.source_id for each in found])).items()
        if access.sees(actor, each.organization_id, each.team_id)
    }
    return [Part(known[each.source_id], each) for each in found if each.source_id in known]


async def merge(tx: Transaction, incident_id: str, source_ids: Sequence[str]) -> Incident:
    """Put the sources into the incident; the incident afterwards. What is a part of it already stays so."""
    target = await linking.open_for(tx, tx.actor, incident_id)
    sources = await _sources(tx, target, source_ids)
    if not sources:
        return target
    work = Work(tx)
    unanswered = [each for each in sources if linking.is_unanswered(each, tx.now)]
    headline = f"Merged into #{target.number} by {tx.actor.name}"
    await transitions.cancel_pages(
        work, [(each, f"It was merged into #{target.number}.") for each in sources]
    )
    await news.tell_once(work, [(each, headline) for each in sources])
    for source in sources:
        await _put_into(work, target, source)
    worst = linking.worst_of(sources)
    numbers = ", ".join(f"#{each.number}" for each in sources)
    was = "was" if len(sources) == 1 else "were"
    await linking.receive(work, target, worst, f"{numbers} {was} merged into it", unanswered=bool(unanswered))
    await quieting.disturb(work, target)
    await work.flush()
    return target


async def undo(tx: Transaction, source_id: str) -> Incident:
    """Take an incident out of the one it was merged into; it goes on as it stood, with the alerts that are its own.

    Conflict a day after the merge, or when the other is over or was merged on.
    """
    source = await acts.see(tx, tx.actor, source_id)
    access.require(tx.actor, Permission.RESPOND, source.team_id)
    merge = await merges.of_source(tx, source.id)
    if merge is None or source.merged_into_id is None:
        raise Conflict(f"#{source.number} was not merged into another incident.", code="NOT_MERGED")
    target = access.found(await incidents.get(tx, merge.target_id), "incident")
    _may_part(tx, target)
    if not merge.can_be_undone(tx.now):
        raise Conflict(
            f"#{source.number} was merged into #{target.number} more than a day ago; move its alerts instead.",
            code="TOO_LATE",
        )
    await acts.refuse_merged(tx, target)
    if not target.is_open:
        raise Conflict(
            f"#{target.number} is resolved; reopen it, then take #{source.number} out of it.",
            code="INVALID_STATUS_TRANSITION",
            status=target.status,
            allowed=["triggered"],
        )
    await _must_be_free(tx, source)
    work = Work(tx)
    await _go_to_its_team(tx, source)
    returned = await merges.return_alerts(tx, merge, source)
    await merges.return_responders(tx, merge)
    await merges.undone(tx, merge)
    _count(work, source, target, returned)
    work.tell(target, "unmerged", number=source.number, title=source.title, incidentId=source.id)
    work.say(target, "alert_unlinked")
    transitions.record(tx, "unmerged", source, {"into": target.number}, {"into": None})
    await _stand_again(work, source, target, merge.standing, returned)
    await linking.settle(work, [target] if returned else [])
    if source.is_open:
        await quieting.stands(work, source)
    await work.flush()
    return source


async def _sources(tx: Transaction, target: Incident, source_ids: Sequence[str]) -> list[Incident]:
    """The incidents that a body names and that are not parts of the target yet, the oldest first."""
    ids = list(dict.fromkeys(source_ids))
    if not 1 <= len(ids) <= MOST_MERGED:
        raise Invalid(f"incidentIds names 1 to {MOST_MERGED} incidents.", field="incidentIds")
    if target.id in ids:
        raise Invalid(f"#{target.number} cannot be merged into itself.", field="incidentIds")
    known = await incidents.get_many(tx, ids)
    seen = {
        key: each for key, each in known.items() if access.sees(tx.actor, each.organization_id, each.team_id)
    }
    access.all_known(ids, seen, "incidentIds", "incident")
    sources = []
    for source in sorted(seen.values(), key=lambda each: each.number):
        access.require(tx.actor, Permission.RESPOND, source.team_id)
        if source.merged_into_id == target.id:
            continue
        await acts.refuse_merged(tx, source)
        if not source.is_open:
            raise Conflict(
                f"#{source.number} is resolved; only what is open can be merged.",
                code="INVALID_STATUS_TRANSITION",
                status=source.status,
                allowed=["triggered"],
            )
        sources.append(source)
    return sources


async def _put_into(work: Work, target: Incident, source: Incident) -> None:
    tx = work.tx
    merge = Merge(
        id=new_id(tx.now),
        source_id=source.id,
        target_id=target.id,
        source_key=rules.open_key(source.service_id, source.group_key),
        standing=await _standing(tx, source),
        merged_at=tx.now,
        merged_by_id=tx.actor.user_id,
    )
    await merges.insert(tx, merge)
    await merges.move_alerts(tx, merge, target)
    brought = source.alert_count
    target.alert_count += source.alert_count
    target.firing_count += source.firing_count
    source.alert_count = source.firing_count = 0
    await _bring_people(tx, merge, source)
    before = source.status
    rules.merge(source, target, tx.actor.user_id, tx.now)
    escalation.stop(work, source)
    work.tell(
        source,
        "resolved",
        resolution=f"Merged into #{target.number}",
        into=target.number,
        title=target.title,
        incidentId=target.id,
    )
    work.say(source, "resolved")
    transitions.record(
        tx, "merged", source, {"status": before}, {"status": source.status, "into": target.number}
    )
    work.tell(
        target, "merged", number=source.number, title=source.title, incidentId=source.id, alerts=brought
    )
    work.say(target, "alert_linked" if brought else "updated")


async def _standing(reader: Reader, source: Incident) -> Standing:
    timer = await timers.get(reader, source.id, "escalate")
    return Standing(
        status=source.status,
        acknowledged_at=source.acknowledged_at,
        acknowledged_by_id=source.acknowledged_by_id,
        snoozed_until=source.snoozed_until,
        escalation_state=source.escalation_state,
        cycle=timer.cycle if timer else 0,
        level=timer.level if timer else None,
        left=max(0, timer.due_at - reader.now) if timer else 0,
    )


async def _bring_people(tx: Transaction, merge: Merge, source: Incident) -> None:
    """Its responders, and whoever had acknowledged it, work on the target; who leads there goes on leading."""
    there = await responders.of_incident(tx, merge.target_id)
    led = any(each.role is ResponderRole.COMMANDER for each in there)
    await merges.move_responders(tx, merge, may_lead=not led)
    who = source.acknowledged_by_id
    if who is None or await responders.get(tx, merge.target_id, who) is not None:
        return
    names = await recipients.names(tx, [who])
    if who in names:
        helper = Responder(
            id=new_id(tx.now),
            incident_id=merge.target_id,
            user_id=who,
            state=ResponderState.JOINED,
            ask_id=new_id(tx.now),
            asked_by_id=who,
            asked_by_name=names[who],
            asked_at=tx.now,
            answered_at=tx.now,
            merge_id=merge.id,
        )
        await responders.put(tx, [helper])


def _may_part(tx: Transaction, target: Incident) -> None:
    try:
        access.require(tx.actor, Permission.RESPOND, target.team_id)
    except NotFound as hidden:
        raise Forbidden("It was merged into an incident of a team that you are not in.") from hidden


async def _must_be_free(tx: Transaction, source: Incident) -> None:
    """Its group has no open incident of its own since."""
    key = rules.open_key(source.service_id, source.group_key)
    other = (await incidents.open_by_key(tx, [key])).get(key)
    if other is not None:
        raise Conflict(
            f"Incident #{other.number} is already open for the same alerts; work there.",
            code="INCIDENT_ALREADY_OPEN",
            incidentId=other.id,
        )


async def _go_to_its_team(tx: Transaction, source: Incident) -> None:
    """The service may have gone to another team meanwhile; what goes on is theirs."""
    route = await routes.of_service(tx, source.service_id)
    if route is None or route.team_id == source.team_id:
        return
    if not access.sees(tx.actor, source.organization_id, route.team_id):
        raise Forbidden("The service went to another team; whoever is in it can undo the merge.")
    access.require(tx.actor, Permission.RESPOND, route.team_id)
    source.team_id = route.team_id
    await incidents.move(tx, [source.id], route.team_id)


def _count(work: Work, source: Incident, target: Incident, returned: Sequence[Returned]) -> None:
    firing = sum(each.status != "resolved" for each in returned)
    source.alert_count, source.firing_count = len(returned), firing
    target.alert_count -= len(returned)
    target.firing_count -= firing
    work.touch(target)


async def _stand_again(
    work: Work, source: Incident, target: Incident, standing: Standing, returned: Sequence[Returned]
) -> None:
    """As it stood before: with whoever had it, asleep, or its escalation where it was. What ended meanwhile is over."""
    source.merged_into_id = None
    if returned and source.firing_count == 0:
        source.resolution = f"Its alerts ended while it was merged into #{target.number}"
        work.tell(source, "unmerged_over", into=target.number)
        work.say(source, "updated")
        return
    now = work.now
    rules.reopen(source, now)
    source.episode += 1
    work.drop_timers(source)
    work.tell(source, "reopened", reason=f"the merge into #{target.number} was undone")
    work.say(source, "reopened")
    source.escalation_state, source.escalation_next_at = standing.escalation_state, None
    if standing.status is IncidentStatus.ACKNOWLEDGED:
        source.status = IncidentStatus.ACKNOWLEDGED
        source.acknowledged_at, source.acknowledged_by_id = (
            standing.acknowledged_at,
            standing.acknowledged_by_id,
        )
    if standing.snoozed_until is not None and standing.snoozed_until > now:
        source.snoozed_until = standing.snoozed_until
        work.set_timer(
            Timer(
                incident_id=source.id, kind="unsnooze", due_at=standing.snoozed_until, episode=source.episode
            )
        )
    elif standing.snoozed_until is not None:
        rules.reopen(source, now)
        await transitions.escalate_again(work, source)
    elif standing.level is not None:
        escalation.resume(work, source, standing.cycle, standing.level, now + standing.left)
    if returned:
        await transitions.rise(work, source, linking.worst_of(returned))
