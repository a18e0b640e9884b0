"""SQL for calendars of other programs, and for what they gave: absences of people, turns of schedules."""

from collections.abc import Collection, Sequence

from openalert.domain.calendar_feed import CalendarFeed, Period
from openalert.domain.instant import Instant
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.sealed import FEED_SECRETS
from openalert.storage.transaction import Reader, Transaction

_COLUMNS = ", ".join(columns_of(CalendarFeed))


async def insert(tx: Transaction, feed: CalendarFeed, url: str) -> None:
    """A new feed; its address, empty for a file, is sealed."""
    await tx.insert("calendar_feeds", feed)
    if url:
        sealed = tx.database.vault.seal(url.encode(), FEED_SECRETS.place(feed.id))
        await tx.execute(
            "UPDATE calendar_feeds SET sealed = :sealed WHERE id = :id", sealed=sealed, id=feed.id
        )


async def url_of(reader: Reader, feed_id: str) -> str:
    """The address of a feed; empty for a file. `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM calendar_feeds WHERE id = :id", id=feed_id)
    return reader.database.vault.open(sealed, FEED_SECRETS.place(feed_id)).decode() if sealed else ""


async def update(tx: Transaction, feed: CalendarFeed) -> None:
    """Write how its last reading went."""
    await tx.execute(
        "UPDATE calendar_feeds SET next_at = :next_at, etag = :etag, read_at = :read_at, "
        "expanded_at = :expanded_at, failures = :failures, "
        "failing_since = :failing_since, failure = :failure, warned_at = :warned_at, entries = :entries, "
        "missing = :missing, notes = :notes WHERE id = :id",
        **to_parameters(feed),
    )


async def delete(tx: Transaction, feed_id: str, now: Instant) -> None:
    """Forget the feed, the absences that it gave and turns to come; turns that were stay, and one that runs ends."""
    await tx.execute(
        "DELETE FROM imported_shifts WHERE feed_id = :id AND start_at >= :now", id=feed_id, now=now
    )
    await tx.execute(
        "UPDATE imported_shifts SET end_at = :now WHERE feed_id = :id AND end_at > :now", id=feed_id, now=now
    )
    await tx.execute("DELETE FROM calendar_feeds WHERE id = :id", id=feed_id)


async def get(reader: Reader, feed_id: str) -> CalendarFeed | None:
    """One feed, whoever's it is."""
    return await reader.one(CalendarFeed, f"SELECT {_COLUMNS} FROM calendar_feeds WHERE id = :id", id=feed_id)


async def of_user(reader: Reader, user_id: str) -> list[CalendarFeed]:
    """The feeds of a person's absences, in the order of their making."""
    return await reader.all(
        CalendarFeed, f"SELECT {_COLUMNS} FROM calendar_feeds WHERE user_id = :user ORDER BY id", user=user_id
    )


async def of_schedule(reader: Reader, schedule_id: str) -> list[CalendarFeed]:
    """The feeds of a schedule's turns, in the order of their making."""
    return await reader.all(
        CalendarFeed,
        f"SELECT {_COLUMNS} FROM calendar_feeds WHERE schedule_id = :schedule ORDER BY id",
        schedule=schedule_id,
    )


async def due(reader: Reader, limit: int) -> list[str]:
    """The ids of feeds that are to be read now, the longest overdue first."""
    rows = await reader.rows(
        "SELECT id FROM calendar_feeds WHERE next_at <= :now ORDER BY next_at LIMIT :limit",
        now=reader.now,
        limit=limit,
    )
    return [row[0] for row in rows]


async def put_absences(tx: Transaction, feed_id: str, periods: Sequence[Period]) -> None:
    """These are the feed's absences, and those before are none."""
    await tx.execute("DELETE FROM absences WHERE feed_id = :id", id=feed_id)
    await tx.many(
        "INSERT INTO absences (feed_id, user_id, start_at, end_at, summary) "
        "VALUES (:feed, :user, :start, :end, :summary)",
        [
            {
                "feed": feed_id,
                "user": each.user_id,
                "start": each.start_at,
                "end": each.end_at,
                "summary": each.summary,
            }
            for each in periods
        ],
    )


async def absences(reader: Reader, user_ids: Collection[str], start: Instant, end: Instant) -> list[Period]:
    """When these people are away between the instants, the earliest first."""
    if not user_ids:
        return []
    return await reader.all(
        Period,
        f"SELECT user_id, start_at, end_at, summary FROM absences WHERE {reader.any_of('user_id', 'users')} "
        "AND end_at > :from_at AND start_at < :to_at ORDER BY start_at, end_at, user_id",
        users=sorted(user_ids),
        from_at=start,
        to_at=end,
    )


async def turns_from(reader: Reader, feed_id: str, now: Instant) -> list[Period]:
    """The turns of the feed that are not over."""
    return await reader.all(
        Period,
        "SELECT user_id, start_at, end_at, layer FROM imported_shifts WHERE feed_id = :id AND end_at > :now "
        "ORDER BY start_at, user_id",
        id=feed_id,
        now=now,
    )


async def change_turns(
    tx: Transaction, feed: CalendarFeed, ending: Sequence[Period], beginning: Sequence[Period]
) -> None:
    """Turns that are not there any more end now or never begin; others are there from now on."""
    listed = [
        {
            "feed": feed.id,
            "user": each.user_id,
            "layer": each.layer,
            "start": each.start_at,
            "end": each.end_at,
        }
        for each in ending
    ]
    await tx.many(
        "DELETE FROM imported_shifts WHERE feed_id = :feed AND user_id = :user AND layer = :layer "
        "AND start_at = :start AND end_at = :end AND start_at >= :now",
        [each | {"now": tx.now} for each in listed],
    )
    await tx.many(
        "UPDATE imported_shifts SET end_at = :now WHERE feed_id = :feed AND user_id = :user AND layer = :layer "
        "AND start_at = :start AND end_at = :end",
        [each | {"now": tx.now} for each in listed],
    )
    await tx.many(
        "INSERT INTO imported_shifts (schedule_id, feed_id, layer, user_id, start_at, end_at) "
        "VALUES (:schedule, :feed, :layer, :user, :start, :end)",
        [
            {
                "schedule": feed.schedule_id,
                "feed": feed.id,
                "layer": each.layer,
                "user": each.user_id,
                "start": each.start_at,
                "end": each.end_at,
            }
            for each in beginning
        ],
    )


async def people(reader: Reader, organization_id: str) -> dict[str, str]:
    """Ids of the active people of an organization by their names and by their addresses in small letters.

    A name that several have is nobody's: guessing would page the wrong one.
    """
    rows = await reader.rows(
        "SELECT id, name, email_key FROM users WHERE organization_id = :organization AND is_active ORDER BY id",
        organization=organization_id,
    )
    names: dict[str, set[str]] = {}
    for user_id, name, _ in rows:
        names.setdefault(name, set()).add(user_id)
    known = {name: next(iter(ids)) for name, ids in names.items() if len(ids) == 1}
    return known | {key: user_id for user_id, _, key in rows}


async def forget(tx: Transaction, now: Instant, before: Instant) -> None:
    """Drop absences that are over by `now`, and turns that were over before."""
    await tx.execute("DELETE FROM absences WHERE end_at <= :now", now=now)
    await tx.execute("DELETE FROM imported_shifts WHERE end_at <= :before", before=before)
