"""SQL for responders: who works on an incident, or was asked to."""

from collections.abc import Sequence

from openalert.domain.responder import Responder, ResponderRole
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def of_incident(reader: Reader, incident_id: str) -> list[Responder]:
    """Those of an incident, the commander first, then in the order in which they came."""
    return await reader.all(
        Responder,
        "SELECT * FROM incident_responders WHERE incident_id = :incident_id "
        "ORDER BY CASE WHEN role = :commander THEN 0 ELSE 1 END, id",
        incident_id=incident_id,
        commander=ResponderRole.COMMANDER.value,
    )


async def get(reader: Reader, incident_id: str, user_id: str) -> Responder | None:
    """A person as a responder of an incident."""
    return await reader.one(
        Responder,
        "SELECT * FROM incident_responders WHERE incident_id = :incident_id AND user_id = :user_id",
        incident_id=incident_id,
        user_id=user_id,
    )


async def by_ask(reader: Reader, ask_id: str) -> Responder | None:
    """Whoever was asked so; None once they were asked anew, or are a responder no more."""
    return await reader.one(
        Responder, "SELECT * FROM incident_responders WHERE ask_id = :ask_id", ask_id=ask_id
    )


async def put(tx: Transaction, responders: Sequence[Responder]) -> None:
    """New rows, or everything that can change of those that are there."""
    await tx.insert_with(
        "incident_responders",
        responders,
        {},
        " ON CONFLICT (incident_id, user_id) DO UPDATE SET role = excluded.role, state = excluded.state, "
        "ask_id = excluded.ask_id, asked_by_id = excluded.asked_by_id, asked_by_name = excluded.asked_by_name, "
        "message = excluded.message, asked_at = excluded.asked_at, answered_at = excluded.answered_at, "
        "arrives_at = excluded.arrives_at",
    )


async def update(tx: Transaction, responder: Responder) -> None:
    """Write what changes when they answer, or get another role."""
    await tx.execute(
        "UPDATE incident_responders SET role = :role, state = :state, answered_at = :answered_at, "
        "arrives_at = :arrives_at WHERE id = :id",
        **{
            name: value
            for name, value in to_parameters(responder).items()
            if name in ("id", "role", "state", "answered_at", "arrives_at")
        },
    )


async def acknowledged(tx: Transaction, incident_id: str, user_id: str) -> None:
    """Whoever takes the incident has answered those who asked them for help."""
    await tx.execute(
        "UPDATE incident_responders SET state = 'joined', answered_at = :now "
        "WHERE incident_id = :incident_id AND user_id = :user_id AND state <> 'joined'",
        incident_id=incident_id,
        user_id=user_id,
        now=tx.now,
    )


async def delete(tx: Transaction, responder: Responder) -> None:
    """They are a responder no more."""
    await tx.execute("DELETE FROM incident_responders WHERE id = :id", id=responder.id)
