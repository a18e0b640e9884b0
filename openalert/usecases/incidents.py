"""Acknowledge, resolve, snooze, reopen, reassign, note: what people do to an incident.

Each act checks access and does everything in the transaction it is given; what it shares with what alerts do to an
incident is in `transitions`. Acts that change nothing succeed: pressing a button twice is harmless.
"""

import msgspec

from openalert.domain import incident as rules
from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.incident import LONGEST_SNOOZE, Incident, IncidentStatus, Phase
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.notification import Notification
from openalert.domain.severity import Severity
from openalert.domain.team import check_name
from openalert.storage import alerts, holds, incidents, notifications, routes, timers, users
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, escalation, news, transitions
from openalert.usecases.work import Work

LONGEST_NOTE = 10_000


class Answered(msgspec.Struct):
    """What became of an acknowledge, resolve or snooze."""

    incident: Incident
    changed: bool
    """False: it was so already, by whomever the incident names."""
    in_flight: list[Notification]
    """Pages that were with a provider at this moment and may still arrive (promise ES-3)."""


async def see(reader: Reader, actor: Actor, incident_id: str) -> Incident:
    """The incident, or NotFound for what does not exist or belongs to a team the actor is not in."""
    incident = await incidents.get(reader, incident_id)
    if incident is None or not access.sees(actor, incident.organization_id, incident.team_id):
        raise NotFound("incident")
    return incident


async def _answerable(tx: Transaction, incident_id: str) -> Incident:
    incident = await see(tx, tx.actor, incident_id)
    access.require(tx.actor, Permission.RESPOND, incident.team_id)
    return incident


async def may_answer(reader: Reader, actor: Actor, incident: Incident) -> bool:
    """Whether the actor may acknowledge and resolve it: who responds in the team, and whoever it pages."""
    if can(actor, Permission.RESPOND, incident.team_id):
        return True
    if actor.user_id is None:
        return False
    return await notifications.was_paged(reader, incident.id, incident.episode, actor.user_id)


async def _to_answer(tx: Transaction, incident_id: str) -> Incident:
    incident = await see(tx, tx.actor, incident_id)
    if not await may_answer(tx, tx.actor, incident):
        access.require(tx.actor, Permission.RESPOND, incident.team_id)
    return incident


async def open_by_hand(
    tx: Transaction, *, service_id: str, title: str, severity: Severity, description: str = ""
) -> Incident:
    """An incident that a person saw before the monitoring did; it escalates like any other."""
    route = await routes.of_service(tx, service_id)
    if route is None or not access.sees(tx.actor, route.organization_id, route.team_id):
        raise Invalid("There is no such service.", field="serviceId")
    access.require(tx.actor, Permission.RESPOND, route.team_id)
    work = Work(tx)
    incident_id = new_id(tx.now)
    number = await incidents.take_numbers(tx, route.organization_id, 1)
    incident = transitions.begin(
        work, route, incident_id, number, check_name(title, "title"), severity, f"manual:{incident_id}"
    )
    work.tell(incident, "triggered", title=incident.title, source=tx.actor.name)
    if description.strip():
        work.tell(incident, "note", body=_text(description, "description"))
    transitions.record(tx, "opened", incident, after={"severity": incident.severity})
    await work.flush()
    return incident


async def acknowledge(tx: Transaction, incident_id: str, *, via: str | None = None) -> Answered:
    """The actor has it: nobody else is paged, whoever was paged is told. `via` names the way: "e-mail link"."""
    incident = await _to_answer(tx, incident_id)
    work = Work(tx)
    changed = await transitions.acknowledge(work, incident, via=via)
    await work.flush()
    return Answered(incident, changed, await notifications.in_flight(tx, incident_id))


async def resolve(
    tx: Transaction, incident_id: str, *, resolution: str | None = None, via: str | None = None
) -> Answered:
    """It is over: its alerts are resolved with it, and open again if their source goes on reporting them."""
    incident = await _to_answer(tx, incident_id)
    work = Work(tx)
    text = _text(resolution, "resolution") if resolution else None
    before = incident.status
    changed = rules.resolve(incident, tx.actor.user_id, text, tx.now)
    if changed:
        over = await alerts.resolve_of_incident(tx, incident_id, tx.actor.id)
        await holds.close(tx, [ended.id for ended in over])
        for ended in over:
            work.say_alert_ended(incident, incident_id, ended)
        incident.firing_count = 0
        work.tell(incident, "resolved", via=via, resolution=text)
        told = {"status": incident.status, "via": via, "resolution": text}
        transitions.record(tx, "resolved", incident, {"status": before}, told)
        await transitions.close(work, [incident], f"Resolved by {tx.actor.name}")
    await work.flush()
    return Answered(incident, changed, await notifications.in_flight(tx, incident_id))


async def reopen(tx: Transaction, incident_id: str, *, reason: str = "") -> Incident:
    """Back to triggered: the escalation starts again. Conflict if its group has another open incident.

    Where the service went to another team, what begins again is theirs: Forbidden unless the actor responds there.
    """
    incident = await _answerable(tx, incident_id)
    await refuse_merged(tx, incident)
    work = Work(tx)
    key = rules.open_key(incident.service_id, incident.group_key)
    other = (await incidents.open_by_key(tx, [key])).get(key)
    route = await routes.of_service(tx, incident.service_id)
    for team_id in {theirs.team_id for theirs in (route, other) if theirs is not None} - {incident.team_id}:
        if not access.sees(tx.actor, incident.organization_id, team_id):
            raise Forbidden("The service went to another team; whoever is in it can open this again.")
        access.require(tx.actor, Permission.RESPOND, team_id)
    if other is not None and other.id != incident.id:
        raise Conflict(
            f"Incident #{other.number} is already open for the same alerts; work there.",
            code="INCIDENT_ALREADY_OPEN",
            incidentId=other.id,
        )
    before = incident.status
    if rules.reopen(incident, tx.now):
        transitions.record(
            tx, "reopened", incident, {"status": before}, {"status": incident.status, "reason": reason}
        )
        work.tell(incident, "reopened", reason=_text(reason, "reason") if reason else "")
        work.say(incident, "reopened")
        await transitions.escalate_again(work, incident)
        await news.change_messages(work, [(incident, f"Reopened by {tx.actor.name}")])
    await work.flush()
    return incident


async def refuse_merged(reader: Reader, incident: Incident) -> None:
    """Pass for what is an incident of its own; Conflict for what goes on as a part of another."""
    if incident.merged_into_id is None:
        return
    into = (await incidents.get_many(reader, [incident.merged_into_id])).get(incident.merged_into_id)
    raise Conflict(
        f"#{incident.number} was merged into #{into.number if into else '?'}; work there, or undo the merge.",
        code="INCIDENT_MERGED",
        incidentId=incident.merged_into_id,
    )


async def snooze(tx: Transaction, incident_id: str, *, until: Instant, via: str | None = None) -> Answered:
    """Silent until `until` (1 minute to 30 days from now), then triggered again if it is still open."""
    incident = await _to_answer(tx, incident_id)
    if not MINUTE // 60 <= until - tx.now <= LONGEST_SNOOZE:
        raise Invalid("Snooze for at most 30 days, into the future.", field="until")
    work = Work(tx)
    before = incident.snoozed_until
    rules.snooze(incident, until, tx.now)
    transitions.record(tx, "snoozed", incident, {"until": before}, {"until": until})
    work.tell(incident, "snoozed", via=via, until=until, length=until - tx.now)
    work.say(incident, "updated")
    escalation.stop(work, incident)
    work.set_timer(Timer(incident_id=incident.id, kind="unsnooze", due_at=until, episode=incident.episode))
    await transitions.cancel_pages(work, [(incident, f"{tx.actor.name} snoozed it.")], asked_too=True)
    await news.change_messages(work, [(incident, f"Snoozed by {tx.actor.name}")])
    await work.flush()
    return Answered(incident, True, await notifications.in_flight(tx, incident_id))


async def escalate(tx: Transaction, incident_id: str, *, via: str | None = None) -> Incident:
    """Page the next level now. Conflict when nothing is left to escalate to."""
    incident = await _to_answer(tx, incident_id)
    work = Work(tx)
    await _next_level(work, incident)
    work.tell(incident, "escalated_by_hand", via=via)
    await news.change_messages(work, [(incident, f"Escalated by {tx.actor.name}")])
    transitions.record(tx, "escalated", incident)
    await work.flush()
    return incident


async def hand_on(tx: Transaction, incident_id: str, *, via: str | None = None) -> Incident:
    """The actor cannot take it: the next level now, and nothing more of what was planned for the actor.

    Conflict when nothing is left to escalate to.
    """
    incident = await _to_answer(tx, incident_id)
    work = Work(tx)
    await _next_level(work, incident)
    work.tell(incident, "handed_on", via=via)
    await news.change_messages(work, [(incident, f"Handed on by {tx.actor.name}")])
    transitions.record(tx, "handed_on", incident)
    if tx.actor.user_id is not None:
        await notifications.cancel_pages_of(tx, incident.id, tx.actor.user_id, "They handed it on.")
    await work.flush()
    return incident


async def _next_level(work: Work, incident: Incident) -> None:
    if incident.status is IncidentStatus.RESOLVED or incident.escalation_next_at is None:
        raise Conflict(
            f"Incident #{incident.number} is {incident.status} and has no next level.",
            code="INVALID_STATUS_TRANSITION",
            status=incident.status,
            allowed=[],
        )
    timer = await _timer(work.tx, incident)
    escalation.hurry(work, incident, timer.cycle, timer.level)


async def _timer(tx: Transaction, incident: Incident) -> Timer:
    timer = await timers.get(tx, incident.id, "escalate")
    if timer is None:
        raise Conflict(
            f"Incident #{incident.number} has no next level.", code="INVALID_STATUS_TRANSITION", allowed=[]
        )
    return timer


async def become(
    tx: Transaction, incident_id: str, status: IncidentStatus, *, resolution: str | None = None
) -> None:
    """The status that PATCH asks for, by the same rules as its verb."""
    if status is IncidentStatus.ACKNOWLEDGED:
        await acknowledge(tx, incident_id)
    elif status is IncidentStatus.RESOLVED:
        await resolve(tx, incident_id, resolution=resolution)
    else:
        await reopen(tx, incident_id)


async def edit(
    tx: Transaction,
    incident_id: str,
    *,
    title: str | None = None,
    phase: Phase | None = None,
    severity: Severity | None = None,
) -> Incident:
    """Another title, how far the work is, or how bad it is; a rise pages again, a fall holds until an alert rises.

    `resolved` is a status first: Invalid as a phase of an open one.
    """
    incident = await _answerable(tx, incident_id)
    work = Work(tx)
    before = {"title": incident.title, "phase": incident.phase, "severity": incident.severity}
    if title is not None and (name := check_name(title, "title")) != incident.title:
        work.tell(incident, "retitled", before=incident.title, after=name)
        incident.title = name
    if phase is not None and phase is not incident.phase:
        if (phase is Phase.RESOLVED) is incident.is_open:
            raise Invalid("Resolve or reopen the incident; its phase follows.", field="phase")
        work.tell(incident, "phase_changed", before=incident.phase, after=phase)
        incident.phase = phase
    if severity is not None:
        await _judge(work, incident, severity)
    after = {"title": incident.title, "phase": incident.phase, "severity": incident.severity}
    transitions.record(tx, "updated", incident, before, after)
    work.say(incident, "updated")
    await work.flush()
    return incident


async def _judge(work: Work, incident: Incident, severity: Severity) -> None:
    """How bad people find it."""
    if incident.is_open and severity.rank > incident.severity.rank:
        await transitions.rise(work, incident, severity, by=work.tx.actor)
    elif severity is not incident.severity:
        work.tell(incident, "severity_set", before=incident.severity, after=severity)
        incident.severity = severity


async def reassign(tx: Transaction, incident_id: str, *, user_id: str) -> Incident:
    """Somebody else is to work on it; they see it under "mine"."""
    incident = await _answerable(tx, incident_id)
    user = await users.get(tx, tx.actor, user_id)
    if user is None or user.organization_id != incident.organization_id or not user.is_active:
        raise Invalid("There is no such person.", field="userId")
    work = Work(tx)
    if incident.assignee_id != user_id:
        transitions.record(
            tx, "reassigned", incident, {"assignee_id": incident.assignee_id}, {"assignee_id": user_id}
        )
        incident.assignee_id = user_id
        work.tell(incident, "reassigned", to=user.name, userId=user.id)
        work.say(incident, "updated")
        await news.change_messages(work, [(incident, f"Assigned to {user.name}")])
    await work.flush()
    return incident


async def note(tx: Transaction, incident_id: str, *, body: str) -> Incident:
    """Something the next reader should know."""
    incident = await _answerable(tx, incident_id)
    work = Work(tx)
    work.tell(incident, "note", body=_text(body, "body"))
    transitions.record(tx, "note_added", incident)
    work.say(incident, "note_added")
    await work.flush()
    return incident


def _text(text: str, field: str) -> str:
    kept = "".join(sign for sign in text if sign.isprintable() or sign in "\n\t").strip()
    if not 1 <= len(kept) <= LONGEST_NOTE:
        raise Invalid(f"{field} needs 1 to {LONGEST_NOTE} characters.", field=field)
    return kept
