"""What a server says and holds at one moment: its database read with our own SQL, its metrics, its log, its process."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import msgspec


class Alert(msgspec.Struct, frozen=True):
    """One occurrence of an alert as it is stored."""

    title: str
    status: str
    count: int
    incident_id: str | None
    is_newest: bool = True
    """Of its identity; ids do not say so where the clock was set back."""


class Incident(msgspec.Struct, frozen=True):
    """An incident as it is stored, with what is due for it."""

    id: str
    number: int
    title: str
    status: str
    open_key: str | None
    escalation_state: str
    escalation_next_at: int | None
    snoozed_until: int | None
    last_seq: int
    escalates_at: int | None
    wakes_at: int | None
    entries: int
    first_entry: int
    last_entry: int
    nameless: int
    """Entries without anybody who did it."""
    level: int | None
    """Which level is due next; one after the last of all is the end, where nobody but the owners is told."""
    levels: str | None
    """The levels of its policy, as JSON; None: it has none."""

    @property
    def climbs(self) -> bool:
        """Whether a level is due that pages somebody, in this round or in the next."""
        if self.escalates_at is None:
            return False
        return (
            self.levels is None or self.level is None or self.level <= len(msgspec.json.decode(self.levels))
        )


class Message(msgspec.Struct, frozen=True):
    """A notification as it is stored."""

    id: str
    title: str
    kind: str
    status: str
    due_at: int | None
    who: str = ""
    """The person, or the channel."""


class Observed(msgspec.Struct, kw_only=True):
    """All of it."""

    alerts: list[Alert]
    incidents: list[Incident]
    messages: list[Message]
    kept: list[str]
    """Bodies that could not be read."""
    damage: list[str]
    """What SQLite finds wrong with the file."""
    told: dict[str, str] | None = None
    """Title to status, as somebody knows it who only listens; None: nobody listens."""
    metrics: dict[str, float] | None = None
    """Name and labels to value; None: the process is not the one that did it all."""
    chain: str = ""
    """What `openalert verify` says that is wrong."""
    log: str = ""
    files: tuple[int, int] = (0, 0)
    """Open files at the beginning and at the end."""
    memory: tuple[int, int] = (0, 0)
    """Bytes in memory at the beginning and at the end."""


_ALERTS = "SELECT title, status, count, incident_id, latest_key IS NOT NULL FROM alerts ORDER BY id"
_INCIDENTS = (
    "SELECT i.id, i.number, i.title, i.status, i.open_key, i.escalation_state, i.escalation_next_at, "
    "i.snoozed_until, i.last_seq, min(e.due_at), min(u.due_at), count(t.seq), coalesce(min(t.seq), 0), "
    "coalesce(max(t.seq), 0), count(CASE WHEN t.actor_kind = '' OR t.actor_name = '' THEN 1 END), "
    "min(e.level), min(v.levels) "
    "FROM incidents i LEFT JOIN timers e ON e.incident_id = i.id AND e.kind = 'escalate' "
    "LEFT JOIN timers u ON u.incident_id = i.id AND u.kind = 'unsnooze' "
    "LEFT JOIN escalation_policy_versions v ON v.id = i.policy_version_id "
    "LEFT JOIN timeline t ON t.incident_id = i.id GROUP BY i.id"
)
_MESSAGES = (
    "SELECT n.id, coalesce(i.title, ''), n.kind, n.status, n.due_at, n.address FROM notifications n "
    "LEFT JOIN incidents i ON i.id = n.incident_id"
)
_KEPT = "SELECT body FROM payloads WHERE outcome = 'quarantined'"
_WHAT = (_ALERTS, _INCIDENTS, _MESSAGES, _KEPT)


async def of_database(where: Path | str) -> Observed:
    """What is stored at one moment, in a file of SQLite or in the Postgres at this address."""
    (alerts, incidents, messages, kept), damage = (
        _of_file(where) if isinstance(where, Path) else await _of_postgres(where)
    )
    return Observed(
        alerts=[Alert(*row) for row in alerts],
        incidents=[Incident(*row) for row in incidents],
        messages=[Message(*row[:-1], who=_who(row[-1])) for row in messages],
        kept=[row[0] for row in kept],
        damage=damage,
    )


def _who(address: str) -> str:
    """As the ledger names whoever is reached there."""
    return address.rpartition("/")[2] if "://" in address else address.partition("@")[0]


def _of_file(path: Path) -> tuple[list[list[Any]], list[str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        db.execute("BEGIN")
        found = [db.execute(statement).fetchall() for statement in _WHAT]
        damage = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        lost = db.execute("PRAGMA foreign_key_check")
        return found, [*damage, *(f"a row of {row[0]} has lost its {row[2]}" for row in lost)]


async def _of_postgres(url: str) -> tuple[list[list[Any]], list[str]]:
    """What is damaged in its files is looked for by `amcheck` (see `Shelf.damage`), not at every look."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [await connection.fetch(statement) for statement in _WHAT], []
    finally:
        await connection.close()


_SAMPLE = re.compile(r"^(openalert_\w+(?:\{[^}]*\})?) ([0-9.e+-]+)$", re.MULTILINE)


def of_metrics(text: str) -> dict[str, float]:
    """The samples of `/metrics`."""
    return {name: float(value) for name, value in _SAMPLE.findall(text)}


def of_process(pid: int) -> tuple[int, int]:
    """How many files it has open, and how many bytes in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()), int(found.group(1)) * 1024


def summed(metrics: Mapping[str, float], name: str, **labels: str) -> float:
    """The sum over all samples of this name that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(
        value
        for sample, value in metrics.items()
        if sample.partition("{")[0] == name and all(label in sample for label in wanted)
    )
