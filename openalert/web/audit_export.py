"""The audit log as a file: CSV for spreadsheets, NDJSON with the rows as they are hashed; streamed, and bounded."""

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum

import msgspec
from litestar.response import Stream

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry
from openalert.domain.audit_words import sentence
from openalert.domain.instant import rfc3339
from openalert.storage.audit import AuditFilter
from openalert.storage.database import Database
from openalert.usecases import audit
from openalert.web import csv

NDJSON_TYPE = "application/x-ndjson"
_HEAD = (
    "seq", "at", "what", "actor_kind", "actor_id", "actor_name", "address", "request_id", "act", "target_kind",
    "target_id", "target_name", "team_id", "before", "after", "previous_hash", "hash",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


class ExportFormat(StrEnum):
    """What kind of file."""

    CSV = "csv"
    NDJSON = "ndjson"


def download(db: Database, actor: Actor, wanted: AuditFilter, form: ExportFormat) -> Stream:
    """The entries that the filter lets through, the newest first, at most `audit.MOST_EXPORTED`."""
    audit.check(actor)
    if form is ExportFormat.CSV:
        content, media_type = _lines(db, actor, wanted, _as_csv, csv.row(_HEAD)), csv.CONTENT_TYPE
    else:
        content, media_type = _lines(db, actor, wanted, _as_json), NDJSON_TYPE
    name = f'attachment; filename="openalert-audit.{form.value}"'
    return Stream(content, media_type=media_type, headers={"content-disposition": name})


async def _lines(
    db: Database,
    actor: Actor,
    wanted: AuditFilter,
    write: Callable[[Sequence[AuditEntry]], bytes],
    head: str = "",
) -> AsyncIterator[bytes]:
    if head:
        yield head.encode()
    async for batch in audit.export(db, actor, wanted):
        yield write(batch)


def _as_csv(entries: Sequence[AuditEntry]) -> bytes:
    return "".join(
        csv.row(
            (
                entry.seq, rfc3339(entry.at), sentence(entry), entry.actor_kind, entry.actor_id, entry.actor_name,
                entry.address, entry.request_id, entry.act, entry.target_kind, entry.target_id, entry.target_name,
                entry.team_id, entry.before, entry.after, entry.previous_hash, entry.hash,
            )
        )
        for entry in entries
    ).encode()  # fmt: skip


def _as_json(entries: Sequence[AuditEntry]) -> bytes:
    return b"".join(_encode(entry) + b"\n" for entry in entries)
