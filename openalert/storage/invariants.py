"""SQL for what must be true of any database at any moment between two transactions, whatever happened before.

Each rule finds the rows that break it, at most twenty, and says of each in words what is wrong. `openalert verify`
runs them beside a server, the tests after everything they do.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from openalert.storage.transaction import Reader

MOST = 20


class Rule(msgspec.Struct, frozen=True):
    """Something that always holds."""

    name: str
    holds: str
    """The rule in words."""
    sql: str
    """The rows that break it; `:most` of them."""
    words: Callable[..., str]
    """What is wrong with such a row, given its columns."""


def _counts(number: int, firing: int, alerts: int, really_firing: int, really: int) -> str:
    return f"#{number} counts {firing} of {alerts} alerts, there are {really_firing} of {really}"


def _story(number: int, last: int, count: int, first: int, end: int) -> str:
    return f"#{number} has {count} timeline entries {first}…{end}, its last is {last}"


def _reason(*columns: Any) -> str:
    number, status, state, snoozed, following, due, wakes, episode, timer_episode = columns
    return (
        f"#{number} {status}/{state} snoozed={snoozed} next={following} timer={due} wakes={wakes} "
        f"episode={episode}/{timer_episode}"
    )


def _key(number: int, status: str, key: str | None) -> str:
    return f"#{number} ({status}) has the open key {key}"


def _identity(integration: str, fingerprint: str, latest: int, open_: int) -> str:
    return f"{fingerprint} of {integration}: {latest} newest occurrences, {open_} others that are not over"


def _nobody(fingerprint: str, integration: str, status: str) -> str:
    return f"{fingerprint} of {integration} is {status}, has no incident, and nothing holds it"


def _numbers(organization: str, count: int, first: int, last: int) -> str:
    return f"organization {organization} has {count} incidents numbered {first}…{last}"


def _events(count: int, first: int, last: int, given: int) -> str:
    return f"{count} events {first}…{last} are kept, {given} were given"


def _turn(kind: str, channel: str, status: str, due: int | None, identity: str) -> str:
    return f"{kind} by {channel} ({identity}) is {status}, and is due at {due}"


RULES: tuple[Rule, ...] = (
    Rule(
        "incident counts",
        "every incident counts the alerts that it has",
        """
        SELECT number, firing_count, alert_count, really_firing, really FROM (
            SELECT i.number, i.firing_count, i.alert_count,
                (SELECT count(*) FROM alerts a WHERE a.incident_id = i.id AND a.status <> 'resolved') AS really_firing,
                (SELECT count(*) FROM alerts a WHERE a.incident_id = i.id) AS really
            FROM incidents i
        ) AS counted
        WHERE firing_count <> really_firing OR alert_count <> really LIMIT :most
        """,
        _counts,
    ),
    Rule(
        "timelines",
        "every timeline counts 1, 2, 3 … without a gap",
        """
        SELECT i.number, i.last_seq, count(t.seq), coalesce(min(t.seq), 0), coalesce(max(t.seq), 0)
        FROM incidents i LEFT JOIN timeline t ON t.incident_id = i.id GROUP BY i.id, i.number, i.last_seq
        HAVING count(t.seq) <> i.last_seq OR coalesce(max(t.seq), 0) <> i.last_seq
            OR coalesce(min(t.seq), 0) <> CASE WHEN i.last_seq > 0 THEN 1 ELSE 0 END
        LIMIT :most
        """,
        _story,
    ),
    Rule(
        "live reasons",
        "every open incident has exactly one reason why it pages or does not",
        """
        SELECT i.number, i.status, i.escalation_state, i.snoozed_until, i.escalation_next_at, e.due_at, u.due_at,
            i.episode, e.episode
        FROM incidents i
        LEFT JOIN timers e ON e.incident_id = i.id AND e.kind = 'escalate'
        LEFT JOIN timers u ON u.incident_id = i.id AND u.kind = 'unsnooze'
        WHERE coalesce(e.episode, i.episode) <> i.episode OR NOT CASE
            WHEN i.status = 'resolved' OR (i.status = 'acknowledged' AND i.snoozed_until IS NULL)
                THEN i.escalation_next_at IS NULL AND e.due_at IS NULL AND u.due_at IS NULL
            WHEN i.snoozed_until IS NOT NULL
                THEN i.escalation_next_at IS NULL AND e.due_at IS NULL
                    AND coalesce(u.failures > 0 OR u.due_at = i.snoozed_until, 1 = 0)
            WHEN i.escalation_state = 'running'
                THEN coalesce(e.failures > 0 OR e.due_at = i.escalation_next_at, 1 = 0) AND u.due_at IS NULL
            ELSE i.escalation_state IN ('exhausted', 'none')
                AND i.escalation_next_at IS NULL AND e.due_at IS NULL AND u.due_at IS NULL
        END
        LIMIT :most
        """,
        _reason,
    ),
    Rule(
        "open keys",
        "an incident holds the key of its group while it is open, and only then",
        """
        SELECT number, status, open_key FROM incidents
        WHERE CASE WHEN status = 'resolved' THEN open_key IS NOT NULL
            ELSE coalesce(open_key <> service_id || ':' || group_key, 1 = 1) END
        LIMIT :most
        """,
        _key,
    ),
    Rule(
        "identities",
        # Which one is the newest is not looked for by ids: they follow the clock, which somebody may have set back.
        "of every alert one occurrence is marked as the newest, and no other one is open",
        """
        SELECT integration_id, fingerprint, count(latest_key),
            count(CASE WHEN status <> 'resolved' AND latest_key IS NULL THEN 1 END)
        FROM alerts GROUP BY integration_id, fingerprint
        HAVING count(latest_key) <> 1 OR count(CASE WHEN status <> 'resolved' AND latest_key IS NULL THEN 1 END) > 0
        LIMIT :most
        """,
        _identity,
    ),
    Rule(
        "firing alerts",
        "an alert that fires has an incident, or something live that holds it",
        """
        SELECT fingerprint, integration_id, status FROM alerts a
        WHERE status <> 'resolved' AND (CASE WHEN status = 'suppressed' THEN NOT EXISTS (
                SELECT 1 FROM alert_holds h WHERE h.alert_id = a.id AND h.released_at IS NULL
            ) ELSE incident_id IS NULL END)
        LIMIT :most
        """,
        _nobody,
    ),
    Rule(
        "incident numbers",
        "the incidents of an organization are numbered 1, 2, 3 … without a gap (those of canaries go again)",
        """
        SELECT organization_id, count(*), min(number), max(number) FROM incidents
        WHERE organization_id <> 'canary' GROUP BY organization_id
        HAVING min(number) <> 1 OR max(number) <> count(*) LIMIT :most
        """,
        _numbers,
    ),
    Rule(
        "events",
        "the events that are kept are the last ones given, without a gap",
        """
        SELECT kept, first, last, given FROM (
            SELECT count(*) AS kept, coalesce(min(seq), 0) AS first, coalesce(max(seq), 0) AS last,
                (SELECT value FROM counters WHERE name = 'event') AS given
            FROM events
        ) AS counted
        WHERE last <> given OR (kept > 0 AND last - first + 1 <> kept) LIMIT :most
        """,
        _events,
    ),
    Rule(
        "messages",
        "a message that is to be sent has its turn, one that has its end has none",
        """
        SELECT kind, channel, status, due_at, id FROM notifications
        WHERE CASE WHEN status IN ('pending', 'sending') THEN due_at IS NULL
            ELSE status <> 'unknown' AND due_at IS NOT NULL END
        LIMIT :most
        """,
        _turn,
    ),
)


async def breaks(reader: Reader, rule: Rule) -> list[str]:
    """What breaks the rule, in words; at most twenty lines."""
    return [rule.words(*row) for row in await reader.rows(rule.sql, most=MOST)]


async def damage(reader: Reader) -> list[str]:
    """What is wrong with the file itself, as SQLite finds it; nothing on Postgres, which checks its own pages."""
    if reader.database.dialect != "sqlite":
        return []
    found = [str(row[0]) for row in await reader.rows(f"PRAGMA quick_check({MOST})")]
    orphans = await reader.rows("PRAGMA foreign_key_check")
    return [line for line in found if line != "ok"] + [
        f"a row of {row[0]} refers to a row of {row[2]} that is not there" for row in orphans[:MOST]
    ]
