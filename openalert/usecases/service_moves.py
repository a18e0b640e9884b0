"""A service goes to another team: what is open of it goes along."""

from openalert.domain.event import Event
from openalert.domain.team import Team
from openalert.storage import alerts, incidents
from openalert.storage.transaction import Transaction
from openalert.usecases import routing_rules
from openalert.usecases.work import Work


async def move_with_service(tx: Transaction, service_id: str, to: Team) -> None:
    """The service belongs to another team now: what is open goes with it, what is over stays where it was answered."""
    moving = await incidents.open_of_service(tx, service_id)
    work = Work(tx)
    for incident in moving:
        # The old team's listeners look again, and find it gone.
        tx.emit(
            Event(
                type="incident.updated",
                organization_id=incident.organization_id,
                team_id=incident.team_id,
                incident_id=incident.id,
                data={"id": incident.id, "number": incident.number},
            )
        )
        incident.team_id = to.id
        work.tell(incident, "moved", team=to.name)
        work.say(incident, "updated")
    await incidents.move(tx, [incident.id for incident in moving], to.id)
    await alerts.move_unresolved(tx, service_id, to.id)
    await routing_rules.move_with_service(tx, service_id, to.id)
    await work.flush()
