"""The audit log: every act says here, inside its transaction, who did what to what; and who may read that."""

from collections.abc import AsyncIterator
from typing import Protocol

from openalert.domain.access import Actor, Permission
from openalert.domain.audit import AuditEntry, Subject, differences, fit
from openalert.storage import audit, organizations
from openalert.storage.audit import NEWEST, AuditFilter
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.access import require

LONGEST_NAME = 200
MOST_EXPORTED = 100_000
_BATCH = 1_000


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


def check(actor: Actor) -> None:
    """Pass for whoever may read the log: the admins of the organization, and its keys with the scope `admin`."""
    require(actor, Permission.CONFIGURE, None)


async def page(
    reader: Reader, actor: Actor, wanted: AuditFilter, *, before: int = NEWEST, limit: int
) -> list[AuditEntry]:
    """The next entries of the actor's organization, the newest first."""
    check(actor)
    return await audit.page(reader, actor, wanted, before=before, limit=limit)


async def export(db: Database, actor: Actor, wanted: AuditFilter) -> AsyncIterator[list[AuditEntry]]:
    """The newest entries in batches, at most `MOST_EXPORTED`.

    Each batch is read by itself, so that a slow reader holds no snapshot; what is there never changes meanwhile.
    """
    before, left = NEWEST, MOST_EXPORTED
    while left > 0:
        async with db.read() as reader:
            batch = await page(reader, actor, wanted, before=before, limit=min(_BATCH, left))
        if batch:
            yield batch
            before, left = batch[-1].seq, left - len(batch)
        if len(batch) < _BATCH:
            return
