"""SQL for the audit log: read in pages and walked along its chain; written by the transaction that acted."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry, Head
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader
from openalert.storage.visible import in_organization

Reading = Callable[[], AbstractAsyncContextManager[Reader]]
BATCH = 1_000
NEWEST = 2**62
"""Larger than any `seq`: where a list of the newest begins."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; what is None does not narrow."""

    actor_id: str | None = None
    act: str | None = None
    """`service.updated`, or `service` for everything that is done to services."""
    target_id: str | None = None
    team_id: str | None = None
    start: Instant | None = None
    """At or after this."""
    end: Instant | None = None
    """Before this."""


async def page(
    reader: Reader, actor: Actor, wanted: AuditFilter, *, before: int = NEWEST, limit: int
) -> list[AuditEntry]:
    """Entries of the actor's organization with a smaller `seq` than `before`, the newest first."""
    within, parameters = in_organization(actor)
    conditions = [within, "seq < :before"]
    for condition, name in _CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(condition)
            parameters[name] = value
    if wanted.act is not None:
        conditions.append("(act = :act OR substr(act, 1, length(CAST(:act AS TEXT)) + 1) = :act_noun)")
        parameters |= {"act": wanted.act, "act_noun": f"{wanted.act}."}
    return await reader.all(
        AuditEntry,
        f"SELECT * FROM audit_log WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT :limit",
        before=before,
        limit=limit,
        **parameters,
    )


_CONDITIONS = {
    "actor_id = :actor_id": "actor_id",
    "target_id = :target_id": "target_id",
    "team_id = :team_id": "team_id",
    "at >= :start": "start",
    "at < :end": "end",
}


async def head(reader: Reader) -> Head:
    """Where the chain says that it ends."""
    return await reader.one(Head, "SELECT seq, hash FROM audit_head") or Head()


async def count(reader: Reader) -> int:
    """How many entries there are, whatever their numbers."""
    number: int = await reader.value("SELECT count(*) FROM audit_log")
    return number


async def seq_of(reader: Reader, digest: str) -> int | None:
    """The number of the entry with this hash."""
    seq: int | None = await reader.value("SELECT seq FROM audit_log WHERE hash = :hash", hash=digest)
    return seq


async def missing_triggers(reader: Reader) -> list[str]:
    """Which of the triggers that refuse changes are not there or switched off."""
    names, listed = _TRIGGERS[reader.database.dialect]
    present = {row[0] for row in await reader.rows(listed)}
    return [name for name in names if name not in present]


_TRIGGERS = {
    "sqlite": (
        (
            "audit_log_continues",
            "audit_log_moves_head",
            "audit_log_keeps",
            "audit_log_stays",
            "audit_head_advances",
            "audit_head_stays",
        ),
        "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    ),
    "postgres": (
        (
            "audit_log_continues",
            "audit_log_keeps",
            "audit_log_stays",
            "audit_head_advances",
            "audit_head_stays",
            "audit_head_exists",
        ),
        """
        SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
            AND tgrelid IN ('audit_log'::regclass, 'audit_head'::regclass)
        """,
    ),
}
"""By dialect: the names, and how to list those that are there."""


async def walk(reading: Reading, until: int) -> AsyncIterator[AuditEntry]:
    """Every entry up to `until` in order, each batch from a snapshot of its own: what is there never changes."""
    after = -NEWEST
    while after < until:
        async with reading() as reader:
            batch = await reader.all(
                AuditEntry,
                "SELECT * FROM audit_log WHERE seq > :after AND seq <= :until ORDER BY seq LIMIT :limit",
                after=after,
                until=until,
                limit=BATCH,
            )
        for entry in batch:
            yield entry
        if len(batch) < BATCH:
            return
        after = batch[-1].seq
