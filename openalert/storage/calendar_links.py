"""SQL for calendar links, which are found by the hash of their token, and for how often calendars have changed."""

from openalert.domain.calendar import Revision
from openalert.domain.calendar_link import CalendarLink
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, link: CalendarLink) -> None:
    """A new link."""
    await tx.insert("calendar_links", link)


async def delete(tx: Transaction, link_id: str) -> None:
    """It opens nothing any more."""
    await tx.execute("DELETE FROM calendar_links WHERE id = :id", id=link_id)


async def touch(tx: Transaction, link_id: str) -> None:
    """It was used now."""
    await tx.execute("UPDATE calendar_links SET last_used_at = :now WHERE id = :id", now=tx.now, id=link_id)


async def by_token(reader: Reader, token_hash: str) -> CalendarLink | None:
    """The link with this token, whoever's it is."""
    return await reader.one(
        CalendarLink, "SELECT * FROM calendar_links WHERE token_hash = :hash", hash=token_hash
    )


async def get(reader: Reader, link_id: str) -> CalendarLink | None:
    """One link, whoever's it is."""
    return await reader.one(CalendarLink, "SELECT * FROM calendar_links WHERE id = :id", id=link_id)


async def of_user(reader: Reader, user_id: str) -> list[CalendarLink]:
    """All links of a person, in the order of their making."""
    return await reader.all(
        CalendarLink, "SELECT * FROM calendar_links WHERE user_id = :user ORDER BY id", user=user_id
    )


async def of_schedule(reader: Reader, schedule_id: str) -> list[CalendarLink]:
    """All links to a schedule, whoever's they are, in the order of their making."""
    return await reader.all(
        CalendarLink,
        "SELECT * FROM calendar_links WHERE schedule_id = :schedule ORDER BY id",
        schedule=schedule_id,
    )


async def revision(reader: Reader, calendar_id: str, digest: str) -> Revision | None:
    """The revision of a calendar; None: this is not what it was when it was last read."""
    return await reader.one(
        Revision,
        "SELECT number, changed_at FROM calendar_revisions WHERE id = :id AND digest = :digest",
        id=calendar_id,
        digest=digest,
    )


async def revise(
    tx: Transaction, calendar_id: str, digest: str, *, schedule_id: str | None, user_id: str | None
) -> None:
    """The calendar has become this one now, unless it has been that already."""
    await tx.execute(
        """
        INSERT INTO calendar_revisions (id, schedule_id, user_id, digest, number, changed_at)
        VALUES (:id, :schedule, :user, :digest, 0, :now)
        ON CONFLICT (id) DO UPDATE
        SET digest = excluded.digest, number = calendar_revisions.number + 1, changed_at = excluded.changed_at
        WHERE calendar_revisions.digest <> excluded.digest
        """,
        id=calendar_id,
        schedule=schedule_id,
        user=user_id,
        digest=digest,
        now=tx.now,
    )
