"""SQL for open incidents without exactly one live reason why they page or do not; there must be none (promise ES-9).

They are looked through in slices, so that no look takes long however many are open.
"""

import msgspec

from openalert.storage.transaction import Reader

SLICE = 5_000


class Look(msgspec.Struct, frozen=True):
    """One thing that may be wrong, and how it is found."""

    kind: str
    """What the metric calls it."""
    end: str
    """The last id of the slice after `:after`."""
    strays: str
    """The incidents of the slice that have it."""


_ESCALATING = (
    "i.status = 'triggered' AND i.snoozed_until IS NULL AND i.escalation_state IN ('running', 'stopped')"
)
_ASLEEP = "i.status <> 'resolved' AND i.snoozed_until IS NOT NULL"


LOOKS = (
    Look(
        "escalation",
        f"SELECT max(id) FROM (SELECT i.id FROM incidents i WHERE {_ESCALATING} AND i.id > :after "
        "ORDER BY i.id LIMIT :slice) AS s",
        f"SELECT i.id FROM incidents i WHERE {_ESCALATING} AND i.id > :after AND i.id <= :until AND NOT EXISTS "
        "(SELECT 1 FROM timers t WHERE t.incident_id = i.id AND t.kind = 'escalate') LIMIT :limit",
    ),
    Look(
        "snooze",
        f"SELECT max(id) FROM (SELECT i.id FROM incidents i WHERE {_ASLEEP} AND i.id > :after "
        "ORDER BY i.id LIMIT :slice) AS s",
        f"SELECT i.id FROM incidents i WHERE {_ASLEEP} AND i.id > :after AND i.id <= :until AND NOT EXISTS "
        "(SELECT 1 FROM timers t WHERE t.incident_id = i.id AND t.kind = 'unsnooze') LIMIT :limit",
    ),
    Look(
        "timer",
        "SELECT max(incident_id) FROM (SELECT incident_id FROM timers WHERE incident_id > :after "
        "ORDER BY incident_id LIMIT :slice) AS s",
        """
        SELECT DISTINCT i.id FROM timers t JOIN incidents i ON i.id = t.incident_id
        WHERE t.incident_id > :after AND t.incident_id <= :until AND (t.episode <> i.episode OR NOT CASE t.kind
            WHEN 'escalate' THEN i.status = 'triggered' AND i.snoozed_until IS NULL
                AND i.escalation_state = 'running'
                AND (t.failures > 0 OR coalesce(t.due_at = i.escalation_next_at, 1 = 0))
            ELSE i.status <> 'resolved' AND (t.failures > 0 OR coalesce(t.due_at = i.snoozed_until, 1 = 0))
        END)
        LIMIT :limit
        """,
    ),
)
"""A timer that an escalation or a snooze lost, and one that nothing asked for."""


async def strays(reader: Reader, look: Look, after: str, limit: int) -> tuple[list[str], str | None]:
    """The ids of at most so many incidents of the slice after `after` that have it; where the slice ends, None: at
    the end of all.
    """
    until = await reader.value(look.end, after=after, slice=SLICE)
    if until is None:
        return [], None
    rows = await reader.rows(look.strays, after=after, until=until, limit=limit)
    return [row[0] for row in rows], until
