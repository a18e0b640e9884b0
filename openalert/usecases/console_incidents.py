"""`openalert incident …`: what is open, and the five answers, from a shell on the machine."""

from collections.abc import Mapping

from openalert.domain.access import SYSTEM, Actor, command, program_of
from openalert.domain.action import Verb
from openalert.domain.errors import Invalid
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import Instant, rfc3339
from openalert.domain.reply import duration
from openalert.domain.service import Service
from openalert.domain.timeline import span
from openalert.domain.user import email_key
from openalert.notifiers.text import one_line
from openalert.storage import incidents, services, users
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import console_oncall, organizations, replies
from openalert.usecases.access import found
from openalert.usecases.replies import SNOOZE_FOR

MOST = 200
VIA = "command line"


async def listed(
    database: Database, *, everything: bool = False, organization: str | None = None
) -> list[str]:
    """What is open, the newest first: number, severity, status, age, service, title. `everything`: what is over too."""
    async with database.read() as reader:
        chosen = await organizations.choose(reader, organization)
        if chosen is None:
            return []
        open_ = (IncidentStatus.TRIGGERED, IncidentStatus.ACKNOWLEDGED)
        wanted = IncidentFilter(statuses=None if everything else open_)
        rows = await incidents.search(reader, program_of(chosen.id), wanted, limit=MOST)
        named = await services.named(reader, SYSTEM, list({row.service_id for row in rows}))
        return [_line(row, named, reader.now) for row in rows]


def _line(incident: Incident, named: Mapping[str, Service], now: Instant) -> str:
    service = named.get(incident.service_id)
    status = "snoozed" if incident.is_snoozed(now) else incident.status.value
    # What a sender wrote must not steer a terminal.
    return "\t".join(
        (
            f"#{incident.number}",
            incident.severity.value,
            status,
            span(now - incident.triggered_at),
            one_line(service.name, 80) if service else "a deleted service",
            one_line(incident.title, 200),
        )
    )


async def answered(
    database: Database,
    *,
    verb: str,
    number: int,
    person: str | None = None,
    length: str | None = None,
    organization: str | None = None,
) -> list[str]:
    """One answer to the incident of that number, as the person with that address, else as the command."""
    snooze_for = duration(length) if length else SNOOZE_FOR
    if snooze_for is None:
        raise Invalid(f"{(length or '')[:20]!r} is no length of time; write 30m, 2h or 1d.", field="for")
    async with database.transaction(command(f"incident {verb}")) as tx:
        incident = await of_number(tx, number, organization)
        tx.actor = await who(tx, incident.organization_id, person)
        reply = await replies.answer(tx, incident.id, Verb(verb), via=VIA, snooze_for=snooze_for)
        if Verb(verb) is Verb.SNOOZE and reply.incident.snoozed_until is not None:
            return [f"#{number} is silent until {rfc3339(reply.incident.snoozed_until)}."]
        return [reply.said]


async def of_number(reader: Reader, number: int, organization: str | None) -> Incident:
    """The incident of that number in the organization that is meant."""
    chosen = await organizations.choose(reader, organization)
    incident = await incidents.get_by_number(reader, chosen.id, number) if chosen else None
    return found(
        incident, "incident", given=f"#{number}", look="`openalert incident list --all` shows the newest."
    )


async def who(tx: Transaction, organization_id: str, person: str | None) -> Actor:
    """The person of that address with their own rights, or the command, which may do everything there."""
    if person is None:
        return program_of(organization_id, tx.actor)
    user = found(
        await users.by_email_key(tx, email_key(person)), "user", given=person, look=console_oncall.PEOPLE
    )
    return await replies.person(tx, user.id)
