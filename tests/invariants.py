"""What must be true of any database at any moment between two transactions, whatever happened before.

`await broken(world.db)` lists what is not, in words; an empty list is what every test wants.
"""

from typing import Any

from openalert.storage import Database

_COUNTS = """
SELECT i.number, i.status, i.firing_count, i.alert_count,
    (SELECT count(*) FROM alerts a WHERE a.incident_id = i.id AND a.status <> 'resolved'),
    (SELECT count(*) FROM alerts a WHERE a.incident_id = i.id)
FROM incidents i
"""
_STORY = """
SELECT i.number, i.last_seq, count(t.seq), coalesce(min(t.seq), 0), coalesce(max(t.seq), 0)
FROM incidents i LEFT JOIN timeline t ON t.incident_id = i.id GROUP BY i.id, i.number, i.last_seq
"""
_REASON = """
SELECT i.number, i.status, i.escalation_state, i.escalation_next_at, i.snoozed_until, i.episode, i.open_key,
    i.service_id, i.group_key, e.due_at, e.episode, u.due_at
FROM incidents i
LEFT JOIN timers e ON e.incident_id = i.id AND e.kind = 'escalate'
LEFT JOIN timers u ON u.incident_id = i.id AND u.kind = 'unsnooze'
"""
_IDENTITY = """
SELECT integration_id, fingerprint, count(latest_key),
    max(CASE WHEN latest_key IS NOT NULL THEN id END), max(id),
    count(CASE WHEN status <> 'resolved' THEN 1 END)
FROM alerts GROUP BY integration_id, fingerprint
"""


async def broken(db: Database) -> list[str]:
    """Every rule that does not hold."""
    async with db.read() as reader:
        found = [line for row in await reader.rows(_COUNTS) if (line := _counts(*row))]
        found += [line for row in await reader.rows(_STORY) if (line := _story(*row))]
        found += [line for row in await reader.rows(_REASON) if (line := _reason(*row))]
        found += [line for row in await reader.rows(_IDENTITY) if (line := _identity(*row))]
        seqs = [row[0] for row in await reader.rows("SELECT seq FROM events ORDER BY seq")]
        given = await reader.value("SELECT value FROM counters WHERE name = 'event'")
        numbers = await reader.rows(
            "SELECT organization_id, number FROM incidents ORDER BY organization_id, number"
        )
    if seqs != list(range(1, given + 1)):
        found.append(f"event numbers have gaps: {given} were given, {len(seqs)} are there")
    for organization in {row[0] for row in numbers}:
        own = [row[1] for row in numbers if row[0] == organization]
        if own != list(range(1, len(own) + 1)):
            found.append(f"incident numbers have gaps: {own}")
    return found


async def unsettled(db: Database) -> list[str]:
    """What is due or on its way although the engine has nothing left to do."""
    async with db.read() as reader:
        rows = await reader.rows(
            "SELECT kind, status, address FROM notifications WHERE status = 'sending' OR due_at <= :now",
            now=reader.now,
        )
        timers = await reader.rows("SELECT kind FROM timers WHERE due_at <= :now", now=reader.now)
    return [f"{row[0]} to {row[2]} is {row[1]}" for row in rows] + [
        f"timer {row[0]} is due" for row in timers
    ]


def _counts(
    number: int, status: str, firing: int, alerts: int, really_firing: int, really: int
) -> str | None:
    if (firing, alerts) != (really_firing, really):
        return (
            f"#{number} ({status}) counts {firing} of {alerts} alerts, there are {really_firing} of {really}"
        )
    return None


def _story(number: int, last: int, count: int, first: int, end: int) -> str | None:
    if (count, first, end) != (last, min(last, 1), last):
        return f"#{number} has {count} timeline entries {first}…{end}, its last is {last}"
    return None


def _reason(
    number: int,
    status: str,
    state: str,
    next_at: int | None,
    snoozed: int | None,
    episode: int,
    key: str | None,
    service: str,
    group: str,
    due: int | None,
    timer_episode: int | None,
    wakes: int | None,
) -> str | None:
    """Every open incident has exactly one live reason (promise ES-9), and what is shown of it is true."""
    about = f"#{number} {status}/{state} snoozed={snoozed} next={next_at} timer={due} wakes={wakes}"
    wanted: tuple[Any, ...]
    if status == "resolved" or (status == "acknowledged" and snoozed is None):
        wanted = (None, None, None)
    elif snoozed is not None:
        wanted = (None, None, snoozed)
    elif state == "running":
        wanted = (next_at or "an instant", next_at or "an instant", None)
    else:
        wanted = (None, None, None)
        if state not in ("exhausted", "none"):
            return f"no live reason: {about}"
    if (next_at, due, wakes) != wanted:
        return f"not exactly one live reason: {about}"
    if timer_episode not in (None, episode):
        return f"a timer of episode {timer_episode} in episode {episode}: {about}"
    if key != (None if status == "resolved" else f"{service}:{group}"):
        return f"open key {key}: {about}"
    return None


def _identity(
    integration: str, fingerprint: str, latest: int, marked: str, newest: str, open_: int
) -> str | None:
    if (latest, marked) != (1, newest) or open_ > 1:
        return f"{fingerprint}: {latest} newest occurrences, {open_} of them not over"
    return None
