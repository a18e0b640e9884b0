"""Every open incident has exactly one live reason why it pages or does not; one that lost it gets it back."""

from openalert.domain.access import SYSTEM
from openalert.domain.incident import EscalationState, Incident, IncidentStatus
from openalert.storage import incidents, timers
from openalert.storage.timers import Timer
from openalert.storage.transaction import Transaction
from openalert.usecases import escalation
from openalert.usecases.work import Work

HEADLINE = "OpenAlert repaired an escalation"


async def mend(tx: Transaction, incident_id: str) -> None:
    """Let the incident's timers say what its state says; in doubt it pages. Owners hear when a page was at stake."""
    incident = await incidents.get(tx, incident_id)
    if incident is None:
        return
    escalate = await timers.get(tx, incident_id, "escalate")
    work = Work(tx)
    if incident.snoozed_until is not None and incident.is_open:
        _let_sleep(work, incident, incident.snoozed_until)
    elif incident.status is not IncidentStatus.TRIGGERED or incident.escalation_state in (
        EscalationState.NONE,
        EscalationState.EXHAUSTED,
    ):
        work.drop_timers(incident)
        incident.escalation_next_at = None
        work.touch(incident)
    elif escalate is not None and escalate.episode == incident.episode:
        work.drop_timers(incident)
        escalation.resume(work, incident, escalate.cycle, escalate.level, escalate.due_at)
    else:
        await _go_on(work, incident)
    await work.flush()


def _let_sleep(work: Work, incident: Incident, until: int) -> None:
    incident.escalation_next_at = None
    work.drop_timers(incident)
    work.set_timer(
        Timer(
            incident_id=incident.id,
            kind="unsnooze",
            due_at=until,
            episode=incident.episode,
            cycle=incident.escalation_cycle,
            level=incident.escalation_level,
        )
    )
    work.touch(incident)


async def _go_on(work: Work, incident: Incident) -> None:
    """Whoever was to be paged next is, now."""
    work.drop_timers(incident)
    work.tell(incident, "escalation_repaired", SYSTEM)
    level = incident.escalation_level + 1 if incident.policy_version_id else escalation.THE_END
    escalation.resume(work, incident, incident.escalation_cycle, level, work.now)
    await escalation.tell_owners(
        work,
        incident,
        HEADLINE,
        "The escalation of this incident had lost its timer and would have paged nobody. It goes on now. "
        "Please report this: it is a fault of OpenAlert.",
    )
