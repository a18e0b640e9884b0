"""What happens to an incident inside a larger act, whoever causes it: it begins, is acknowledged, rises, ends.

People do it (`incidents`), and so do alerts that come in (`opening`, `ingest`), held alerts (`quieting`), merges. Each
function changes the incident in memory, writes its timeline, stops or starts paging and tells whoever was paged; the
caller has checked who may, and flushes the work.
"""

from openalert.domain import incident as rules
from openalert.domain.access import SYSTEM, Actor
from openalert.domain.audit import Subject
from openalert.domain.incident import Incident
from openalert.domain.severity import Severity
from openalert.storage import incidents, notifications, responders, routes
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, escalation, news
from openalert.usecases.work import Work


def begin(
    work: Work, route: Route, incident_id: str, number: int, title: str, severity: Severity, group: str
) -> Incident:
    """A new incident of the route's service with its escalation started; the timeline is the caller's."""
    incident = Incident(
        id=incident_id,
        organization_id=route.organization_id,
        team_id=route.team_id,
        service_id=route.service_id,
        number=number,
        title=title,
        severity=severity,
        group_key=group,
        open_key=rules.open_key(route.service_id, group),
        triggered_at=work.now,
        updated_at=work.now,
    )
    work.create(incident)
    work.say(incident, "created")
    escalation.start(work, incident, route)
    return incident


async def acknowledge(
    work: Work, incident: Incident, *, actor: Actor | None = None, via: str | None = None
) -> bool:
    """The actor has it, or `actor` if given: nobody else is paged. False if somebody had it already."""
    who = actor or work.tx.actor
    before = incident.status
    if not rules.acknowledge(incident, who.user_id, work.now):
        return False
    record(
        work.tx, "acknowledged", incident, {"status": before}, {"status": incident.status, "via": via}, who
    )
    incident.assignee_id = incident.assignee_id or who.user_id
    if who.user_id is not None:
        await responders.acknowledged(work.tx, incident.id, who.user_id)
    work.tell(incident, "acknowledged", who, via=via)
    work.say(incident, "acknowledged")
    escalation.stop(work, incident)
    await cancel_pages(work, [(incident, f"{who.name} acknowledged.")])
    await news.tell_the_paged(work, [(incident, f"Acknowledged by {who.name}")])
    return True


async def resolve_with_its_alerts(work: Work, over: list[Incident], *, moved: bool = False) -> None:
    """The last alert of each of these has been resolved by its source, or was `moved` to another incident."""
    ended = [incident for incident in over if rules.resolve(incident, None, None, work.now)]
    for incident in ended:
        work.tell(incident, "resolved", SYSTEM, automatic=True, moved=moved)
    await close(work, ended)


async def close(work: Work, ended: list[Incident], headline: str = "Resolved") -> None:
    """Stop what a resolved incident still had planned, and tell whoever was paged, in these words."""
    if not ended:
        return
    for incident in ended:
        escalation.stop(work, incident)
        work.say(incident, "resolved")
    await cancel_pages(work, [(incident, "The incident was resolved.") for incident in ended], asked_too=True)
    await news.tell_the_paged(work, [(incident, headline) for incident in ended])


async def cancel_pages(work: Work, answered: list[tuple[Incident, str]], *, asked_too: bool = False) -> None:
    """Pages that nobody has claimed yet will not be sent; the timeline says so.

    `asked_too`: also those that ask somebody for help.
    """
    by_reason: dict[str, list[Incident]] = {}
    for incident, reason in answered:
        by_reason.setdefault(reason, []).append(incident)
    for reason, group in by_reason.items():
        ids = [incident.id for incident in group]
        cancelled = await notifications.cancel_pages(work.tx, ids, reason, asked_too=asked_too)
        for incident in group:
            if count := cancelled.get(incident.id):
                work.tell(incident, "pages_cancelled", SYSTEM, count=count, reason=reason)


async def escalate_again(work: Work, incident: Incident) -> None:
    """Begin its escalation anew, by the policy that its service has now."""
    route = await routes.of_service(work.tx, incident.service_id)
    if route is None:
        route = _without_service(incident)
    if route.team_id != incident.team_id:
        # The service went to another team while this was over: theirs is what happens from now on.
        incident.team_id = route.team_id
        await incidents.move(work.tx, [incident.id], route.team_id)
    await cancel_pages(work, [(incident, "The escalation started again.")])
    escalation.restart(work, incident, route)


def _without_service(incident: Incident) -> Route:
    """The way of an incident whose service is gone: the owners are told."""
    return Route(
        integration_id="",
        integration_name="",
        is_active=False,
        default_severity=incident.severity,
        service_id=incident.service_id,
        organization_id=incident.organization_id,
        team_id=incident.team_id,
        policy_id=None,
        policy_name=None,
        policy_version_id=None,
        first_delay=0,
    )


async def rise(
    work: Work,
    incident: Incident,
    severity: Severity,
    route: Route | None = None,
    *,
    by: Actor | None = None,
) -> None:
    """It is worse than it was: it rises, and whoever is to be paged is paged again.

    `by` is who says so; None: an alert.
    """
    before = incident.severity
    if not rules.raise_severity(incident, severity, work.now):
        return
    work.tell(
        incident, "severity_set" if by else "severity_raised", by or SYSTEM, before=before, after=severity
    )
    work.say(incident, "updated")
    if incident.is_snoozed(work.now):
        return
    # A snooze that is over by now, and whose timer has not run yet, is over with this.
    incident.snoozed_until = None
    if rules.reopen(incident, work.now):
        work.tell(incident, "reopened", SYSTEM, reason="it is worse than when it was acknowledged")
        work.say(incident, "reopened")
    await cancel_pages(work, [(incident, "The severity rose; paging started again.")])
    escalation.restart(
        work,
        incident,
        route or await routes.of_service(work.tx, incident.service_id) or _without_service(incident),
    )


def record(
    tx: Transaction,
    act: str,
    incident: Incident,
    before: Subject = None,
    after: Subject = None,
    actor: Actor | None = None,
) -> None:
    """Note in the audit log what was done to the incident."""
    audit.record(
        tx,
        f"incident.{act}",
        kind="incident",
        id=incident.id,
        name=f"#{incident.number} {incident.title}",
        team_id=incident.team_id,
        before=before,
        after=after,
        actor=actor,
        organization_id=incident.organization_id,
    )
