"""The audit log: every act says here, inside its transaction, who did what to what."""

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry, Subject, differences, fit
from openalert.storage.database import Transaction

LONGEST_NAME = 200


def record(
    tx: Transaction,
    act: str,
    *,
    kind: str,
    id: str | None,  # noqa: A002 - the member's name
    name: str,
    team_id: str | None = None,
    before: Subject = None,
    after: Subject = None,
    actor: Actor | None = None,
    organization_id: str | None = None,
) -> None:
    """Note an act (`service.updated`) on the thing of this kind, id and name, durable with the transaction.

    `before` and `after` are structs or members of the thing, of which the differences are kept, never secrets;
    when both are given and nothing differs, nothing was done and nothing is noted. The actor is the transaction's
    and the organization the actor's, unless told otherwise.
    """
    who = actor or tx.actor
    was, is_now = differences(before, after)
    if before is not None and after is not None and was == is_now == "{}":
        return
    tx.audit(
        AuditEntry(
            at=tx.now,
            organization_id=organization_id or who.organization_id or None,
            team_id=team_id,
            actor_kind=who.kind,
            actor_id=who.id,
            actor_name=fit(who.name, LONGEST_NAME),
            address=fit(who.address, 64),
            request_id=fit(who.request_id, 64),
            act=act,
            target_kind=kind,
            target_id=id,
            target_name=fit(name, LONGEST_NAME),
            before=was,
            after=is_now,
        )
    )
