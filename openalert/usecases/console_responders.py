"""`openalert incident responders|ask|merge|unmerge`: who helps, and what goes on as one, from a shell."""

from collections.abc import Sequence

from openalert.domain.access import command
from openalert.domain.errors import Invalid
from openalert.domain.escalation import Target, TargetType
from openalert.domain.responder import Responder, ResponderRole, in_minutes
from openalert.domain.user import email_key
from openalert.notifiers.text import one_line
from openalert.storage import recipients, users
from openalert.storage import responders as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import merging, responders
from openalert.usecases.console_incidents import of_number, who


async def listed(database: Database, *, number: int, organization: str | None = None) -> list[str]:
    """Each responder: name, role, and what they answered."""
    async with database.read() as reader:
        incident = await of_number(reader, number, organization)
        found = await stored.of_incident(reader, incident.id)
        names = await recipients.names(reader, [each.user_id for each in found])
        return [_line(each, names.get(each.user_id, ""), reader.now) for each in found]


def _line(responder: Responder, name: str, now: int) -> str:
    role = "commander" if responder.role is ResponderRole.COMMANDER else "responder"
    minutes = in_minutes(responder.arrives_at, now) if responder.arrives_at is not None else 0
    state = responder.state.value + (f", there in {minutes} min" if minutes else "")
    # What people call themselves must not steer a terminal.
    return "\t".join((one_line(name, 80) or "a person who is gone", role, state))


async def asked(
    database: Database,
    *,
    number: int,
    emails: Sequence[str],
    message: str = "",
    person: str | None = None,
    organization: str | None = None,
) -> list[str]:
    """Ask the people with these addresses to help, as the person with that one, else as the command."""
    async with database.transaction(command("incident ask")) as tx:
        incident = await of_number(tx, number, organization)
        tx.actor = await who(tx, incident.organization_id, person)
        targets = [await _target(tx, each) for each in emails]
        done = await responders.ask(tx, incident.id, targets=targets, message=message)
        said = [f"{one_line(name, 80)} is paged." for name in done.asked]
        said += [f"{one_line(name, 80)} was asked already." for name in done.already]
        return said + [one_line(note, 200) for note in done.notes]


async def _target(tx: Transaction, email: str) -> Target:
    user = await users.by_email_key(tx, email_key(email))
    if user is None:
        raise Invalid(f"There is no person with the address {one_line(email, 80)}.", field="email")
    return Target(type=TargetType.USER, id=user.id)


async def merged(
    database: Database,
    *,
    number: int,
    sources: Sequence[int],
    person: str | None = None,
    organization: str | None = None,
) -> list[str]:
    """Put the incidents of these numbers into the first."""
    async with database.transaction(command("incident merge")) as tx:
        target = await of_number(tx, number, organization)
        tx.actor = await who(tx, target.organization_id, person)
        ids = [(await of_number(tx, each, organization)).id for each in sources]
        done = await merging.merge(tx, target.id, ids)
        numbers = ", ".join(f"#{each}" for each in dict.fromkeys(sources))
        return [f"{numbers} went into #{done.number}, which has {done.alert_count} alerts now."]


async def unmerged(
    database: Database, *, number: int, person: str | None = None, organization: str | None = None
) -> list[str]:
    """Take the incident of this number out of the one it went into."""
    async with database.transaction(command("incident unmerge")) as tx:
        source = await of_number(tx, number, organization)
        tx.actor = await who(tx, source.organization_id, person)
        done = await merging.undo(tx, source.id)
        return [f"#{done.number} is one of its own again, and {done.status}."]
