"""Sign-ins on their way and identities, on both databases."""

import asyncio

import pytest

from openalert.domain.access import SYSTEM
from openalert.domain.instant import DAY, MINUTE
from openalert.domain.single_sign_on import Attempt, Person
from openalert.storage import Database, single_sign_on
from tests import make
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio


def attempt(clock: StoppedClock, state: str = "state", browser: str = "browser") -> Attempt:
    """A sign-in that began now."""
    return Attempt(
        state_hash=state,
        browser_hash=browser,
        purpose="sign_in",
        user_id=None,
        target="/",
        expires_at=clock() + 10 * MINUTE,
    )


def person(subject: str, tenant: str = "") -> Person:
    """Somebody at the provider."""
    return Person(
        issuer="https://id.example", tenant=tenant, subject=subject, email="", email_is_verified=None, name=""
    )


async def take(db: Database, state: str = "state", browser: str = "browser") -> Attempt | None:
    """Use the sign-in up."""
    async with db.transaction() as tx:
        return await single_sign_on.take_attempt(tx, state, browser)


async def test_of_many_who_take_a_sign_in_one_gets_it(db: Database, clock: StoppedClock) -> None:
    """At the same moment, with the same state."""
    async with db.transaction() as tx:
        await single_sign_on.insert_attempt(tx, attempt(clock))
    taken = await asyncio.gather(*(take(db) for _ in range(8)))
    assert [each.target for each in taken if each is not None] == ["/"]


async def test_another_browser_neither_takes_it_nor_spoils_it(db: Database, clock: StoppedClock) -> None:
    """The one that began still can."""
    async with db.transaction() as tx:
        await single_sign_on.insert_attempt(tx, attempt(clock))
    assert await take(db, browser="another") is None
    assert await take(db) is not None


async def test_what_nobody_finished_is_cleared_away(db: Database, clock: StoppedClock) -> None:
    """When the next one begins; late ones are not given out in between either."""
    async with db.transaction() as tx:
        await single_sign_on.insert_attempt(tx, attempt(clock))
        await single_sign_on.insert_attempt(tx, attempt(clock, "other"))
    clock.advance(10 * MINUTE)
    assert await take(db) is None
    async with db.transaction() as tx:
        await single_sign_on.insert_attempt(tx, attempt(clock, "new"))
    async with db.read() as reader:
        rows = await reader.rows("SELECT state_hash FROM single_sign_on_attempts")
    assert [row[0] for row in rows] == ["new"]


async def test_an_identity_is_found_by_all_three_and_ends_with_its_person(db: Database) -> None:
    """Another tenant with the same subject is somebody else."""
    cast = await make.cast(db)
    made = await make.identity(db, cast.bob, "s")
    async with db.transaction() as tx:
        found = await single_sign_on.identity(tx, person("s"))
        assert found is not None
        assert found.user_id == cast.bob.id
        assert await single_sign_on.identity(tx, person("s", "tenant")) is None
        assert await single_sign_on.identity(tx, person("S")) is None
        assert not await single_sign_on.delete_identity(tx, cast.alice.id, made.id)
        await tx.execute("DELETE FROM users WHERE id = :id", id=cast.bob.id)
        assert await single_sign_on.identity(tx, person("s")) is None


async def test_who_asks_to_be_connected_is_seen_in_the_own_organization(
    db: Database, clock: StoppedClock
) -> None:
    """Asking twice is one request, of now; those of another organization and old ones are not shown."""
    cast = await make.cast(db)
    other = await make.user(db, await make.organization(db, "Globex"), "Eve")
    for user, subject in ((cast.bob, "bob"), (other, "eve")):
        await make.link_request(db, user, subject)
    since = clock()
    async with db.transaction() as tx:
        seen = await single_sign_on.requests(tx, make.actor(cast.alice), since=since, limit=10)
        assert [each.subject for each in seen] == ["bob"]
        assert len(await single_sign_on.requests(tx, SYSTEM, since=since, limit=10)) == 2
        assert await single_sign_on.request(tx, make.actor(other), seen[0].id, since=since) is None
    clock.advance(DAY)
    async with db.transaction() as tx:
        seen[0].created_at = tx.now
        await single_sign_on.put_request(tx, seen[0])
        again = await single_sign_on.requests(tx, make.actor(cast.alice), since=tx.now, limit=10)
        assert [each.id for each in again] == [seen[0].id]
        await single_sign_on.clear_requests(tx, tx.now)
        assert len(await single_sign_on.requests(tx, SYSTEM, since=0, limit=10)) == 1
