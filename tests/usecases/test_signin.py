"""Ways in, and how each ends; the clock moves only when told."""

import asyncio
from collections import Counter
from typing import Any

import argon2
import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Invalid, NotFound, RateLimited, Unauthenticated, Unavailable
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.user import SignInMethod
from openalert.storage import Database
from openalert.usecases import passwords, signin, users
from openalert.usecases.signin import Opened
from tests import make
from tests.make import Cast

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


@pytest.fixture
async def cast(db: Database) -> Cast:
    """The standing cast; Alice has a password."""
    made = await make.cast(db)
    await make.password(db, PASSWORD, made.alice)
    return made


async def enter(
    db: Database,
    email: str = "alice@example.org",
    password: str = PASSWORD,
    address: str = "192.0.2.1",
    browser: str = "",
) -> str:
    """The token of a new session."""
    return (await opened(db, email, password, address, browser)).token


async def opened(
    db: Database, email: str, password: str, address: str = "192.0.2.1", browser: str = ""
) -> Opened:
    """What a sign-in opens, when no second factor is asked for."""
    asking = signin.Browser(address=address, user_agent="test", token=browser)
    outcome = await signin.sign_in(db, email=email, password=password, browser=asking)
    assert isinstance(outcome, Opened)
    return outcome


async def who(db: Database, token: str) -> Any:
    """The session's actor."""
    async with db.read() as reader:
        return await signin.actor_for_session(reader, token)


async def test_a_password_opens_a_session_with_the_roles_of_now(db: Database, cast: Cast) -> None:
    """However the address is written; the actor knows every team; only a hash of the token is stored."""
    token = await enter(db, " ALICE@example.org ")
    actor = await who(db, token)
    assert (actor.id, actor.role, actor.teams) == (cast.alice.id, Role.OWNER, {cast.team.id: Role.OWNER})
    async with db.read() as reader:
        rows = await reader.rows("SELECT * FROM sessions")
    assert len(rows) == 1
    assert token not in str([tuple(row) for row in rows])
    assert await who(db, token + "x") is None


async def test_a_session_ends_by_idleness_by_age_and_by_signing_out(
    db: Database, cast: Cast, clock: Any
) -> None:
    """12 hours without use or 7 days with it; use is noted at most once a minute."""
    idle, used = await enter(db), await enter(db)
    for _ in range(14):
        clock.advance(12 * HOUR - 1)
        async with db.transaction() as tx:
            found = await signin.find_session(tx, used)
            assert found is not None
            assert found.is_stale
            await signin.touch_session(tx, used)
    assert await who(db, idle) is None
    clock.advance(7 * DAY - 14 * (12 * HOUR - 1))
    assert await who(db, used) is None
    fresh = await enter(db)
    async with db.read() as reader:
        found = await signin.find_session(reader, fresh)
        assert found is not None
        assert not found.is_stale
    async with db.transaction() as tx:
        await signin.sign_out(tx, fresh)
    assert await who(db, fresh) is None


async def test_a_new_password_ends_every_other_session(db: Database, cast: Cast) -> None:
    """The one that set it goes on, the others are out, and the old password opens nothing."""
    kept, lost = await enter(db), await enter(db)
    actor = await who(db, kept)
    await users.change_password(
        db,
        actor,
        actor.id,
        password="staple horse battery",
        current=PASSWORD,
        keep_session=signin.token_hash(kept),
    )
    assert await who(db, kept) is not None
    assert await who(db, lost) is None
    with pytest.raises(Unauthenticated):
        await enter(db)
    await enter(db, password="staple horse battery")


async def test_refusals_do_not_tell_people_apart(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong, unknown, without a password and deactivated: the same words after the same work, one hash of one cost."""
    work: list[object] = []
    verify = argon2.PasswordHasher.verify

    def noted(hasher: argon2.PasswordHasher, known: str, password: str) -> bool:
        work.append(argon2.extract_parameters(known))
        return verify(hasher, known, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, cast.charlie.id, is_active=False)
    words, costs = set(), []
    for email in ("alice@example.org", "nobody@example.org", "bob@example.org", "charlie@example.org"):
        work.clear()
        with pytest.raises(Unauthenticated) as refused:
            await enter(db, email, "not the password")
        words.add(refused.value.message)
        costs.append(list(work))
    assert len(words) == 1
    assert len(costs[0]) == 1
    assert all(cost == costs[0] for cost in costs)


async def test_guessing_is_slowed_by_account_and_never_locks(db: Database, cast: Cast, clock: Any) -> None:
    """Five free tries, then a doubling wait up to 15 minutes, from whatever address; the owner gets in after it."""
    for number in range(5):
        with pytest.raises(Unauthenticated):
            await enter(db, password="wrong", address=f"198.51.{number}.1")
    with pytest.raises(RateLimited) as refused:
        await enter(db, address="203.0.113.1")
    assert refused.value.details["retry_after"] == 1
    waits = []
    for _ in range(12):
        clock.advance(15 * MINUTE)
        with pytest.raises(Unauthenticated):
            await enter(db, password="wrong", address="203.0.113.1")
        with pytest.raises(RateLimited) as refused:
            await enter(db, address="203.0.113.1")
        waits.append(refused.value.details["retry_after"])
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == 900
    clock.advance(15 * MINUTE)
    await enter(db, address="203.0.113.1")


async def test_guessing_is_slowed_by_network(db: Database, cast: Cast) -> None:
    """Thirty accounts tried from one /24 make the next wait; another network does not."""
    for number in range(30):
        with pytest.raises(Unauthenticated):
            await enter(db, f"user{number}@example.org", "wrong", address=f"192.0.2.{number}")
    with pytest.raises(RateLimited):
        await enter(db, address="192.0.2.200")
    await enter(db, address="198.51.100.1")


async def test_a_browser_that_signed_in_before_is_not_slowed_down_by_others(db: Database, cast: Cast) -> None:
    """While the account waits for everybody else, its owner's browser gets in; a made-up token does not."""
    known = (await opened(db, "alice@example.org", PASSWORD)).browser
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await enter(db, password="wrong", address="203.0.113.1")
    for browser in ("", "made up", (await bobs_browser(db, cast))):
        with pytest.raises(RateLimited):
            await enter(db, browser=browser)
    again = await opened(db, "alice@example.org", PASSWORD, browser=known)
    assert again.browser == known
    assert (await opened(db, "bob@example.org", PASSWORD, browser="planted")).browser != "planted"


async def bobs_browser(db: Database, cast: Cast) -> str:
    """The token of a browser that Bob signed in with."""
    hashed = await users.new_password_hash(PASSWORD)
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.set_password(tx, cast.bob.id, hashed)
    return (await opened(db, "bob@example.org", PASSWORD)).browser


async def test_a_known_browser_may_not_guess_either(db: Database, cast: Cast) -> None:
    """It has five tries of its own, and a wait that nobody else's tries make longer."""
    known = (await opened(db, "alice@example.org", PASSWORD)).browser
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await enter(db, password="wrong", browser=known)
    with pytest.raises(RateLimited):
        await enter(db, browser=known)
    await enter(db, address="203.0.113.1")


async def test_a_thousand_tries_at_once_are_counted_each(db: Database, cast: Cast) -> None:
    """A try is counted before it is judged, so that nobody is faster than the counting."""
    tries = (
        enter(db, password="wrong", address=f"198.51.{number}.1") for number in range(passwords.MOST_WAITING)
    )
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {Unauthenticated: 5, RateLimited: passwords.MOST_WAITING - 5}


async def test_nothing_that_was_tried_is_kept(db: Database, cast: Cast) -> None:
    """People type passwords into the field for the address; rows of old tries go."""
    with pytest.raises(Unauthenticated):
        await enter(db, email="my secret password", password="wrong")
    async with db.read() as reader:
        rows = await reader.rows("SELECT * FROM throttles")
    assert len(rows) == 2
    assert "secret" not in str([tuple(row) for row in rows])


async def test_however_it_is_typed_it_is_the_same_password(db: Database, cast: Cast) -> None:
    """Composed and decomposed letters, wide letters: what NFKC makes one opens the same door."""
    hashed = await users.new_password_hash("caf\u00e9 \uff4d\uff4f\uff4f\uff4e rocket")
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.set_password(tx, cast.alice.id, hashed)
    await enter(db, password="cafe\u0301 moon rocket")
    for password in ("", "\0", "x" * 1_000_000, "\ud800"):
        with pytest.raises(Unauthenticated):
            await enter(db, password=password)


async def test_another_role_ends_every_session(db: Database, cast: Cast) -> None:
    """Up or down, of whoever: no session outlives the rights with which it began; another name changes nothing."""
    token = await enter(db)
    async with db.transaction(make.actor(cast.alice)) as tx:
        other = await signin.open_session(tx, cast.bob.id, address="", user_agent="")
        await users.update(tx, cast.bob.id, name="Robert", role=Role.MEMBER)
    assert await who(db, other) is not None
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, cast.bob.id, role=Role.ADMIN)
    assert await who(db, other) is None
    assert await who(db, token) is not None


async def test_single_sign_on_lasts_twelve_hours(db: Database, cast: Cast, clock: Any) -> None:
    """However busy it is: only the provider knows whether somebody has left."""
    async with db.transaction() as tx:
        token = await signin.open_session(
            tx, cast.alice.id, address="", user_agent="", method=SignInMethod.SSO
        )
    clock.advance(11 * HOUR)
    async with db.transaction() as tx:
        await signin.touch_session(tx, token)
    clock.advance(HOUR - 1)
    assert await who(db, token) is not None
    clock.advance(1)
    assert await who(db, token) is None


async def test_a_session_can_get_another_token(db: Database, cast: Cast) -> None:
    """The new one opens it, the one before opens nothing, and it cannot be had for one that is over."""
    token = await enter(db)
    async with db.transaction() as tx:
        renewed = await signin.rotate_session(tx, token)
    assert await who(db, token) is None
    assert (await who(db, renewed)).id == cast.alice.id
    with pytest.raises(NotFound):
        async with db.transaction() as tx:
            await signin.rotate_session(tx, token)


async def test_a_weaker_hash_is_renewed_at_sign_in(db: Database, cast: Cast) -> None:
    """A hash of older parameters works once more and is replaced."""
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with db.transaction() as tx:
        await tx.execute("UPDATE users SET password_hash = :old WHERE id = :id", old=old, id=cast.alice.id)
    await enter(db)
    async with db.read() as reader:
        renewed = await reader.value("SELECT password_hash FROM users WHERE id = :id", id=cast.alice.id)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_only_so_many_wait_for_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line full, the next is told to come back."""
    monkeypatch.setattr(passwords, "_pending", passwords.MOST_WAITING + 2)
    with pytest.raises(Unavailable):
        await passwords.verify(None, "x")


async def test_people_end_their_own_sessions_only(db: Database, cast: Cast) -> None:
    """Another's session is not found; all others of one's own can be ended at once."""
    first, second = await enter(db), await enter(db)
    bob = make.actor(cast.bob)
    async with db.transaction(bob) as tx:
        with pytest.raises(NotFound):
            await signin.end_session(tx, (await signin.sessions(tx, make.actor(cast.alice)))[0].id)
    async with db.transaction(await who(db, first)) as tx:
        assert len(await signin.sessions(tx, tx.actor)) == 2
        await signin.end_other_sessions(tx, first)
    assert await who(db, first) is not None
    assert await who(db, second) is None


async def test_the_old_password_does_not_undo_a_new_one(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stole it changes it in the moment in which its owner does; the owner's change stays."""
    hash_of = users.new_password_hash

    async def owner_is_faster(password: str, *, about: tuple[str, ...] = ()) -> str:
        hashed = await hash_of("what the owner has chosen")
        async with db.transaction(make.actor(cast.alice)) as tx:
            await users.set_password(tx, cast.alice.id, hashed)
        return await hash_of(password, about=about)

    monkeypatch.setattr(users, "new_password_hash", owner_is_faster)
    with pytest.raises(Invalid, match="current password"):
        await users.change_password(
            db, make.actor(cast.alice), cast.alice.id, password="what the thief has chosen", current=PASSWORD
        )
    assert (await enter(db, "alice@example.org", "what the owner has chosen")) is not None
