"""SQL for what is counted of routing rules: to how many alerts each applied, and what thresholds have to remember."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.storage.rows import to_json
from openalert.storage.transaction import Reader, Transaction

Key = tuple[str, str]
"""The id of a rule, and what tells its alerts apart."""


class Hits(msgspec.Struct, frozen=True):
    """To how many alerts a rule applied lately, and when to the last of them."""

    count: int = 0
    last_at: Instant | None = None


async def hit(tx: Transaction, times: Mapping[str, int]) -> None:
    """Rules, by id, applied to so many alerts more; a rule that was deleted meanwhile is left alone."""
    await tx.many(
        """
        INSERT INTO routing_hits (rule_id, day, hits, last_at)
        SELECT id, CAST(:day AS BIGINT), CAST(:hits AS BIGINT), CAST(:now AS BIGINT)
        FROM routing_rules WHERE id = :rule_id
        ON CONFLICT (rule_id, day) DO UPDATE SET hits = routing_hits.hits + excluded.hits, last_at = excluded.last_at
        """,
        [
            {"rule_id": rule_id, "day": tx.now // DAY, "hits": hits, "now": tx.now}
            for rule_id, hits in sorted(times.items())
        ],
    )


async def hits(reader: Reader, rule_ids: Collection[str], since: Instant) -> dict[str, Hits]:
    """The hits of these rules from the day of `since` on; those without any are missing."""
    if not rule_ids:
        return {}
    rows = await reader.rows(
        "SELECT rule_id, sum(hits), max(last_at) FROM routing_hits "
        f"WHERE {reader.any_of('rule_id', 'ids')} AND day >= :day GROUP BY rule_id",
        ids=sorted(set(rule_ids)),
        day=since // DAY,
    )
    return {row[0]: Hits(int(row[1]), row[2]) for row in rows}


async def times(reader: Reader, keys: Collection[Key]) -> dict[Key, list[Instant]]:
    """What thresholds remember of these keys."""
    if not keys:
        return {}
    by_hash = {(rule_id, _hash(key)): (rule_id, key) for rule_id, key in keys}
    rows = await reader.rows(
        f"SELECT rule_id, key_hash, times FROM routing_counts WHERE {reader.any_of('key_hash', 'hashes')}",
        hashes=sorted({digest for _, digest in by_hash}),
    )
    return {
        by_hash[rule_id, digest]: msgspec.json.decode(said, type=list[Instant])
        for rule_id, digest, said in rows
        if (rule_id, digest) in by_hash
    }


async def remember(tx: Transaction, changed: Mapping[Key, Sequence[Instant]]) -> None:
    """What thresholds remember from now on of these keys."""
    await tx.many(
        """
        INSERT INTO routing_counts (rule_id, key_hash, times, at)
        SELECT id, CAST(:key_hash AS TEXT), CAST(:times AS TEXT), CAST(:at AS BIGINT)
        FROM routing_rules WHERE id = :rule_id
        ON CONFLICT (rule_id, key_hash) DO UPDATE SET times = excluded.times, at = excluded.at
        """,
        [
            {"rule_id": rule_id, "key_hash": _hash(key), "times": to_json(list(at)), "at": at[-1]}
            for (rule_id, key), at in sorted(changed.items())
        ],
    )


async def forget(tx: Transaction, *, hits_before: Instant, counts_before: Instant) -> None:
    """Forget hits of days before the one, and what thresholds remember of keys that were last seen before the other."""
    await tx.execute("DELETE FROM routing_hits WHERE day < :day", day=hits_before // DAY)
    await tx.execute("DELETE FROM routing_counts WHERE at < :at", at=counts_before)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
