"""Postmortems: read by whoever sees the incident, written by whoever responds in its team, also long after its end."""

from openalert.domain.access import Actor, Permission
from openalert.domain.postmortem import Postmortem, check_body
from openalert.storage import postmortems
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, incidents, transitions
from openalert.usecases.work import Work


async def of_incident(reader: Reader, actor: Actor, incident_id: str) -> Postmortem:
    """That of an incident that the actor may see; an empty one while nobody wrote any."""
    incident = await incidents.see(reader, actor, incident_id)
    found = await postmortems.get(reader, incident.id)
    return found or Postmortem(
        incident_id=incident.id, body="", updated_at=incident.triggered_at, updated_by_name=""
    )


async def write(tx: Transaction, incident_id: str, *, body: str) -> Postmortem:
    """Save it in place of what was there; the timeline says who began it."""
    incident = await incidents.see(tx, tx.actor, incident_id)
    access.require(tx.actor, Permission.RESPOND, incident.team_id)
    before = await postmortems.get(tx, incident.id)
    after = Postmortem(
        incident_id=incident.id,
        body=check_body(body),
        updated_at=tx.now,
        updated_by_id=tx.actor.user_id,
        updated_by_name=tx.actor.name,
    )
    await postmortems.put(tx, after)
    work = Work(tx)
    if before is None:
        work.tell(incident, "postmortem_begun")
    work.say(incident, "updated")
    transitions.record(
        tx, "postmortem_written", incident, {"body": before.body if before else ""}, {"body": after.body}
    )
    await work.flush()
    return after
