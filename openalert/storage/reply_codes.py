"""SQL for the short numbers by which people name incidents in their answers: each person has their own."""

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.domain.reply import FIRST_CODE
from openalert.storage.transaction import Reader, Transaction

RESTS_FOR = 7 * DAY
"""So long after its incident was resolved a number means nothing else: answers come late."""
_COMMON = 99
"""Numbers go round up to this one before a longer one is given."""

# The incident is not over, or has not been for long.
_IN_USE = "(i.status <> 'resolved' OR i.resolved_at > :rested)"
_TAKES_OVER = (
    " ON CONFLICT (user_id, code) DO UPDATE "
    "SET incident_id = excluded.incident_id, given_at = excluded.given_at"
)


class ReplyCode(msgspec.Struct, frozen=True, kw_only=True):
    """A person's number for an incident; a row of `reply_codes`."""

    user_id: str
    code: int
    incident_id: str
    given_at: Instant


class _Held(msgspec.Struct, frozen=True):
    user_id: str
    code: int
    incident_id: str
    in_use: bool


async def give(tx: Transaction, wanted: Iterable[tuple[str, str]]) -> None:
    """See to it that each of these (person, incident) has a number; whoever has one keeps it."""
    pairs = list(dict.fromkeys(wanted))
    if not pairs:
        return
    held: dict[str, list[_Held]] = {user_id: [] for user_id, _ in pairs}
    for each in await _held(tx, list(held)):
        held[each.user_id].append(each)
    given = []
    for user_id, incident_id in pairs:
        theirs = held[user_id]
        if all(each.incident_id != incident_id for each in theirs):
            code = _next(theirs[-1].code if theirs else 0, {each.code for each in theirs if each.in_use})
            theirs.append(_Held(user_id, code, incident_id, in_use=True))
            given.append(ReplyCode(user_id=user_id, code=code, incident_id=incident_id, given_at=tx.now))
    # Writers take turns, so that nobody else gave a number meanwhile; what it meant before is long over.
    await tx.insert_with("reply_codes", given, {}, _TAKES_OVER)


async def _held(tx: Transaction, user_ids: Sequence[str]) -> list[_Held]:
    """Their numbers, in the order in which they were given."""
    return await tx.all(
        _Held,
        f"SELECT c.user_id, c.code, c.incident_id, {_IN_USE} AS in_use "
        f"FROM reply_codes c JOIN incidents i ON i.id = c.incident_id WHERE {tx.any_of('c.user_id', 'users')} "
        "ORDER BY c.given_at, i.id",
        users=user_ids,
        rested=tx.now - RESTS_FOR,
    )


def _next(last: int, in_use: set[int]) -> int:
    """The number after the last one given that means nothing; round again before one with three digits."""
    later = range(max(FIRST_CODE, last + 1), _COMMON + 1)
    free = (code for code in (*later, *range(FIRST_CODE, _COMMON + 1)) if code not in in_use)
    longer = (code for code in itertools.count(_COMMON + 1) if code not in in_use)
    return next(free, None) or next(longer)


async def of(reader: Reader, user_id: str, incident_id: str) -> int:
    """The person's number for the incident; 0 when there is none."""
    code = await reader.value(
        "SELECT code FROM reply_codes WHERE user_id = :user_id AND incident_id = :incident_id",
        user_id=user_id,
        incident_id=incident_id,
    )
    return int(code or 0)


async def named(reader: Reader, user_id: str, code: int) -> str | None:
    """The id of the incident that the person calls by this number."""
    incident_id: str | None = await reader.value(
        "SELECT incident_id FROM reply_codes WHERE user_id = :user_id AND code = :code",
        user_id=user_id,
        code=code,
    )
    return incident_id


async def recent(reader: Reader, user_id: str, since: Instant) -> list[ReplyCode]:
    """The person's numbers whose incidents are open, or were resolved after `since`; the newest first."""
    return await reader.all(
        ReplyCode,
        "SELECT c.user_id, c.code, c.incident_id, c.given_at FROM reply_codes c "
        "JOIN incidents i ON i.id = c.incident_id "
        "WHERE c.user_id = :user_id AND (i.status <> 'resolved' OR i.resolved_at > :since) "
        "ORDER BY c.given_at DESC, c.code DESC",
        user_id=user_id,
        since=since,
    )
