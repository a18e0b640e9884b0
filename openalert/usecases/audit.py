"""The audit log: every act says here, inside its transaction, who did what to what."""

from typing import Protocol

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry, Subject, differences, fit
from openalert.storage import organizations
from openalert.storage.database import Transaction

LONGEST_NAME = 200


class Thing(Protocol):
    """What most acts are about: a row with an id and a name."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...


def change(tx: Transaction, act: str, before: Thing | None, after: Thing | None) -> None:
    """Note that a thing was made (`before` None), changed or deleted (`after` None); as `record`.

    The noun of the act is its kind; `team_id` is the thing's, if it has one.
    """
    about = after if after is not None else before
    if about is None:
        raise ValueError("nothing was there before or after")
    record(
        tx,
        act,
        kind=act.partition(".")[0],
        id=about.id,
        name=about.name,
        team_id=getattr(about, "team_id", None),
        before=before,  # type: ignore[arg-type]  # things are structs
        after=after,  # type: ignore[arg-type]  # things are structs
    )


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


async def record_installation(
    tx: Transaction, act: str, *, kind: str, name: str, before: Subject = None, after: Subject = None
) -> None:
    """Note an act on the installation itself; the organization that set-up made is shown it."""
    home = await organizations.first(tx)
    record(
        tx,
        act,
        kind=kind,
        id=None,
        name=name,
        before=before,
        after=after,
        organization_id=home.id if home else None,
    )
