"""Start, advance and stop an incident's escalation; every step is a timer row until it has been acted on."""

from collections.abc import Iterable, Sequence

from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.escalation import Level, PolicyVersion, next_step
from openalert.domain.incident import EscalationState, Incident
from openalert.domain.instant import Instant
from openalert.domain.notification import page_key
from openalert.domain.notification_plan import last_resort
from openalert.domain.outage import Outage
from openalert.domain.timeline import span
from openalert.storage import escalation_policies, incidents, notifications, recipients, timers
from openalert.storage.routes import Route
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import notify, slo
from openalert.usecases.notify import Reach, Recipient
from openalert.usecases.work import Work

LATE_AFTER = 5_000
"""A step later than this says so in the timeline."""


THE_END = 0
"""The level of a timer that stands for the end of the ladder, whatever its length: the owners are told."""


def start(work: Work, incident: Incident, route: Route) -> None:
    """Run the policy from its first level; a policy version, once begun with, stays."""
    incident.policy_id, incident.policy_version_id = route.policy_id, route.policy_version_id
    incident.escalation_state = EscalationState.RUNNING
    incident.escalation_level = incident.escalation_cycle = 0
    # Without a policy the only step is the end, and it is due now: the owners are told.
    level = 1 if route.policy_version_id else THE_END
    _schedule(work, incident, 0, level, work.now + (route.first_delay if level else 0))


def restart(work: Work, incident: Incident, route: Route) -> None:
    """Begin again, as for a new incident: what was planned before no longer pages, nor ends a snooze."""
    incident.episode += 1
    work.drop_timers(incident)
    start(work, incident, route)


def stop(work: Work, incident: Incident) -> None:
    """Nobody else is to be paged."""
    incident.escalation_state = EscalationState.STOPPED
    incident.escalation_next_at = None
    work.drop_timers(incident)


def hurry(work: Work, incident: Incident, cycle: int, level: int) -> None:
    """The next level at once."""
    _schedule(work, incident, cycle, level, work.now)


def resume(work: Work, incident: Incident, cycle: int, level: int, due_at: Instant) -> None:
    """Go on with this level then, after it was stopped by what turned out to be nothing."""
    incident.escalation_state = EscalationState.RUNNING
    _schedule(work, incident, cycle, level, due_at)


def _schedule(work: Work, incident: Incident, cycle: int, level: int, due_at: Instant) -> None:
    incident.escalation_next_at = due_at
    work.set_timer(
        Timer(
            incident_id=incident.id,
            kind="escalate",
            due_at=due_at,
            episode=incident.episode,
            cycle=cycle,
            level=level,
        )
    )
    work.touch(incident)


async def steps(tx: Transaction, due: Sequence[Timer], *, outage: Outage | None = None) -> None:
    """Act on due timers of different incidents: page the level, set the timer of the next. Running it again changes
    nothing. What the steps have in common is read once, and their rows are written together.

    `outage` is when nobody was there last: the timeline explains a late step by it.
    """
    work = Work(tx, only_steps=True)
    some = await incidents.get_many(tx, [timer.incident_id for timer in due])
    common = _Common(tx)
    await common.learn(some.values())
    done = []
    for timer in due:
        incident = some.get(timer.incident_id)
        if incident is None or incident.episode != timer.episode or not incident.wants_pages(tx.now):
            await timers.done(tx, timer)
            continue
        done.append(slo.step(incident, timer))
        version = common.versions.get(incident.policy_version_id or "")
        if version is None or timer.level == THE_END or timer.level > len(version.levels):
            await _end(work, incident, version, await common.owners(incident))
        else:
            late = _late(tx.now, timer.due_at, outage)
            await _page_level(work, incident, version, timer, late, common)
    await slo.steps_done(tx, done)
    await work.flush()


class _Common:
    """What the steps of one transaction have in common: in a storm thousands run the same level of the same policy."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.versions: dict[str, PolicyVersion] = {}
        self._reach: dict[tuple[object, ...], Reach] = {}
        self._names: dict[tuple[str, str, str], str] = {}
        self._owners: dict[tuple[object, ...], list[Recipient]] = {}

    async def learn(self, some: Iterable[Incident]) -> None:
        """Read the policies of these incidents."""
        wanted = {each.policy_version_id for each in some if each.policy_version_id is not None}
        self.versions = await escalation_policies.versions(self._reader, wanted) if wanted else {}

    async def reach(self, incident: Incident, version: PolicyVersion, level: Level) -> Reach:
        """Whom the level reaches at this moment, as the incident's team may know them."""
        key = (version.id, level.level, incident.severity, incident.organization_id, incident.team_id)
        if key not in self._reach:
            self._reach[key] = await notify.reach(
                self._reader, level.targets, as_its_team(incident), severity=incident.severity
            )
        return self._reach[key]

    async def policy_name(self, incident: Incident, version: PolicyVersion) -> str:
        """What the incident's team calls the policy."""
        key = (version.policy_id, incident.organization_id, incident.team_id)
        if key not in self._names:
            self._names[key] = await policy_name(self._reader, version, as_its_team(incident))
        return self._names[key]

    async def owners(self, incident: Incident) -> list[Recipient]:
        """Whom the end of its ladder is told."""
        key = (incident.organization_id, incident.team_id, incident.severity)
        if key not in self._owners:
            self._owners[key] = await _owners(self._reader, incident)
        return self._owners[key]


async def policy_name(reader: Reader, version: PolicyVersion, viewer: Actor) -> str:
    """What the viewer may know the policy as."""
    named = await escalation_policies.named(reader, viewer, [version.policy_id])
    return named[version.policy_id].name if version.policy_id in named else "a policy of another team"


def as_its_team(incident: Incident) -> Actor:
    """An actor with the rights of a mere viewer in the incident's team: what everybody who reads its story may know."""
    return Actor(
        kind="user",
        id=None,
        name="",
        organization_id=incident.organization_id,
        teams={incident.team_id: Role.VIEWER},
    )


async def _page_level(
    work: Work, incident: Incident, version: PolicyVersion, timer: Timer, late: str | None, common: _Common
) -> None:
    level = version.levels[timer.level - 1]
    found = await common.reach(incident, version, level)
    policy = await common.policy_name(incident, version)
    for recipient in found.recipients:
        notify.page(work, incident, recipient, timer.cycle, timer.level, policy)
    notify.promise_digests(work, incident.organization_id, found)
    incident.escalation_level, incident.escalation_cycle = timer.level, timer.cycle
    if timer.level == 1:
        incident.escalation_reached = False
    last = timer.level == len(version.levels)
    if found.recipients:
        incident.escalation_reached = True
        work.tell(
            incident,
            "escalated",
            SYSTEM,
            level=timer.level,
            cycle=timer.cycle,
            people=found.people,
            held=[{"who": each.callee.name, "words": each.words} for each in found.held],
            misses=found.misses,
            notes=found.notes,
            late=late,
        )
        work.say(incident, "escalated")
    else:
        work.tell(
            incident,
            "escalation_empty",
            SYSTEM,
            level=timer.level,
            cycle=timer.cycle,
            reasons=found.misses,
            waits=last and incident.escalation_reached,
        )
        work.say(incident, "updated")
    following = next_step(version, timer.cycle, timer.level, work.now)
    if following is None:
        return
    if last and not incident.escalation_reached:
        _schedule(work, incident, timer.cycle, len(version.levels) + 1, work.now)
    elif found.recipients or last:
        # After the last level, whoever was reached in this round has the time that the policy gives them.
        _schedule(work, incident, following.cycle, following.level, following.due_at)
    else:
        hurry(work, incident, following.cycle, following.level)


async def _end(
    work: Work, incident: Incident, version: PolicyVersion | None, owners: Sequence[Recipient]
) -> None:
    """Levels and repetitions are used up, or there never were any: the owners are told."""
    reached = await was_anybody_paged(work.tx, incident)
    if reached:
        why, headline = "Nobody acknowledged", "Nobody acknowledged"
    elif version is None:
        why, headline = "The service has no escalation policy", "No escalation policy"
    else:
        why, headline = "Nobody in the escalation policy could be reached", "Nobody could be reached"
    for owner in owners:
        if not reached:
            notify.page(work, incident, owner, incident.escalation_cycle, 0, "")
        elif owner.due_at is not None and owner.due_at <= work.now:
            body = "Somebody must look at this incident now."
            notify.notice(work, incident, owner, headline, body if why == headline else f"{why}. {body}")
    incident.escalation_state = EscalationState.NONE if version is None else EscalationState.EXHAUSTED
    incident.escalation_next_at = None
    work.drop_timers(incident)
    work.tell(
        incident, "escalation_ended", SYSTEM, why=why, told=list(dict.fromkeys(owner.who for owner in owners))
    )
    work.say(incident, "updated")


async def page_organization_owners(work: Work, incident: Incident, cycle: int) -> None:
    """No page to the owners of the team has arrived either: those of the organization are paged who were not yet."""
    owners = await recipients.organization_owners(work.tx, incident.organization_id)
    messages = await _last_messages(
        work.tx, incident, owners, "You own the organization and nobody else answers"
    )
    keys = {
        page_key(incident.id, incident.episode, cycle, THE_END, each.key, each.step): each
        for each in messages
    }
    known = await notifications.by_effect(work.tx, list(keys))
    fresh = [message for key, message in keys.items() if key not in known]
    if not fresh:
        return
    for message in fresh:
        notify.page(work, incident, message, cycle, THE_END, "")
    why = "No page to the owners of the team arrived"
    work.tell(
        incident, "escalation_ended", SYSTEM, why=why, told=list(dict.fromkeys(each.who for each in fresh))
    )
    work.say(incident, "updated")


async def was_anybody_paged(reader: Reader, incident: Incident) -> bool:
    """Whether a page of the running escalation has left, or may have."""
    paged = await notifications.paged(reader, [incident.id])
    return any(page.episode == incident.episode and page.ask_id is None for page in paged)


async def _owners(reader: Reader, incident: Incident) -> list[Recipient]:
    """The messages to the team's owners who can be reached, else to the organization's."""
    for owners, reason in (
        (await recipients.team_owners(reader, incident.team_id), "You own the team and nobody else answers"),
        (
            await recipients.organization_owners(reader, incident.organization_id),
            "You own the organization and nobody else answers",
        ),
    ):
        messages = await _last_messages(reader, incident, owners, reason)
        if messages:
            return messages
    return []


async def _last_messages(
    reader: Reader, incident: Incident, owners: Sequence[str], reason: str
) -> list[Recipient]:
    return [
        message
        for owner in await recipients.callees(reader, owners)
        for message in notify.steps_of(owner, last_resort(owner, incident.severity, reader.now), reason)
    ]


def _late(now: Instant, due_at: Instant, outage: Outage | None) -> str | None:
    if now - due_at <= LATE_AFTER:
        return None
    was_away = outage is not None and outage.since <= due_at <= outage.until
    why = f": the server was {outage.words}" if outage is not None and was_away else ""
    return f"{span(now - due_at)} late{why}"


async def tell_owners(work: Work, incident: Incident, headline: str, body: str) -> None:
    """A notice to the owners of the organization, by their first way."""
    owners = await recipients.organization_owners(work.tx, incident.organization_id)
    told = await _last_messages(work.tx, incident, owners, "You own the organization")
    for owner in told:
        if owner.due_at is None or owner.due_at <= work.now:
            notify.notice(work, incident, owner, headline, body)
