"""The second step of a sign-in: as its owner takes it, and as somebody who has only the password tries to."""

import asyncio
from collections import Counter
from typing import Any

import pyotp
import pytest

from openalert.domain.access import Role
from openalert.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    OpenAlertError,
    RateLimited,
    Unauthenticated,
)
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.user import User
from openalert.storage import Database, keyring
from openalert.storage.keyring import KeyRing
from openalert.usecases import second_factors, signin, users
from openalert.usecases.signin import Browser, Opened, Step
from tests import make
from tests.make import Cast

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
BROWSER = Browser(address="192.0.2.1", user_agent="test")


@pytest.fixture
async def cast(db: Database) -> Cast:
    """Alice and Bob have the same password, and no second factor yet."""
    made = await make.cast(db)
    await make.password(db, PASSWORD, made.alice, made.bob)
    return made


class App:
    """Somebody's authenticator app, whose clock is the test's."""

    def __init__(self, secret: str, clock: Any, recovery: list[str]) -> None:
        self._machine = pyotp.TOTP(secret)
        self._clock = clock
        self.recovery = recovery

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many half minutes later."""
        return self._machine.generate_otp(self._clock() // SECOND // 30 + steps)


async def app_of(db: Database, user: User, clock: Any) -> App:
    """The app of somebody who has set it up."""
    async with db.transaction(make.actor(user)) as tx:
        begun = await second_factors.begin_totp(tx, user)
        code = pyotp.TOTP(begun.secret).generate_otp(clock() // SECOND // 30)
        recovery = await second_factors.confirm_totp(tx, user, code)
    assert recovery is not None
    clock.advance(30 * SECOND)
    return App(begun.secret, clock, recovery)


async def half_in(db: Database, email: str = "alice@example.org", browser: Browser = BROWSER) -> str:
    """The token of a sign-in whose password was right."""
    outcome = await signin.sign_in(db, email=email, password=PASSWORD, browser=browser)
    assert isinstance(outcome, Step)
    return outcome.token


async def test_a_code_finishes_the_sign_in(db: Database, cast: Cast, clock: Any) -> None:
    """However it is spaced; the step is used up, and what is kept of the app is sealed."""
    app = await app_of(db, cast.alice, clock)
    step = await half_in(db)
    assert await signed_in(db, step) is None
    opened = await second_factors.enter_code(db, step, f" {app.code()[:3]} {app.code()[3:]}", BROWSER)
    assert opened.actor.id == cast.alice.id
    async with db.read() as reader:
        [session] = await signin.sessions(reader, make.actor(cast.alice))
        stored = str([tuple(row) for row in await reader.rows("SELECT * FROM totp")])
    assert session.method == "password+totp"
    assert app._machine.secret not in stored
    with pytest.raises(Unauthenticated):
        await second_factors.enter_code(db, step, app.code(1), BROWSER)


async def signed_in(db: Database, token: str) -> Any:
    """Whom a token opens a session of."""
    async with db.read() as reader:
        return await signin.actor_for_session(reader, token)


async def test_a_code_is_taken_once(db: Database, cast: Cast, clock: Any) -> None:
    """Nor any before it; one of the next half minute still is, and of two at once one wins."""
    app = await app_of(db, cast.alice, clock)
    code = app.code()
    await second_factors.enter_code(db, await half_in(db), code, BROWSER)
    for old in (code, app.code(-1)):
        with pytest.raises(Invalid):
            await second_factors.enter_code(db, await half_in(db), old, BROWSER)
    steps = [await half_in(db), await half_in(db)]
    outcomes = await asyncio.gather(
        *(second_factors.enter_code(db, step, app.code(1), BROWSER) for step in steps),
        return_exceptions=True,
    )
    assert Counter(type(outcome) for outcome in outcomes) == {Opened: 1, Invalid: 1}


async def test_a_code_is_good_for_half_a_minute_around_its_own(db: Database, cast: Cast, clock: Any) -> None:
    """A clock that is half a minute off is forgiven, more is not."""
    app = await app_of(db, cast.alice, clock)
    for steps in (-2, 2):
        with pytest.raises(Invalid):
            await second_factors.enter_code(db, await half_in(db), app.code(steps), BROWSER)
    clock.advance(10 * MINUTE)
    await second_factors.enter_code(db, await half_in(db), app.code(-1), BROWSER)
    await second_factors.enter_code(db, await half_in(db), app.code(1), BROWSER)


async def test_five_wrong_codes_end_the_step_and_slow_the_next(db: Database, cast: Cast, clock: Any) -> None:
    """Also the right one is too late then; another password step gives no five more; the owner gets in later."""
    app = await app_of(db, cast.alice, clock)
    step = await half_in(db)
    for _ in range(5):
        with pytest.raises(Invalid):
            await second_factors.enter_code(db, step, "000000", BROWSER)
    clock.advance(2 * SECOND)
    with pytest.raises(Unauthenticated) as over:
        await second_factors.enter_code(db, step, app.code(), BROWSER)
    assert over.value.code == "SIGN_IN_OVER"
    guesses = 0
    for _ in range(20):
        try:
            await second_factors.enter_code(db, await half_in(db), "000000", BROWSER)
        except RateLimited:
            break
        except Invalid:
            guesses += 1
    assert guesses <= 1
    clock.advance(16 * MINUTE)
    await second_factors.enter_code(db, await half_in(db), app.code(), BROWSER)


async def test_guessing_does_not_slow_a_known_browser(db: Database, cast: Cast, clock: Any) -> None:
    """Whoever has the password and guesses codes cannot keep the owner's own browser out."""
    app = await app_of(db, cast.alice, clock)
    known = (await second_factors.enter_code(db, await half_in(db), app.code(), BROWSER)).browser
    step = await half_in(db)
    for _ in range(5):
        with pytest.raises(Invalid):
            await second_factors.enter_code(db, step, "000000", BROWSER)
    with pytest.raises(RateLimited):
        await second_factors.enter_code(db, await half_in(db), app.code(1), BROWSER)
    own = Browser(address="192.0.2.1", user_agent="test", token=known)
    await second_factors.enter_code(db, await half_in(db, browser=own), app.code(1), own)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "\0", "9" * 9_999]
)
async def test_what_is_no_code_is_wrong(db: Database, cast: Cast, clock: Any, code: str) -> None:
    """Refused like a wrong one, whatever it is."""
    await app_of(db, cast.alice, clock)
    with pytest.raises(Invalid):
        await second_factors.enter_code(db, await half_in(db), code, BROWSER)


async def test_a_recovery_code_lets_in_once(db: Database, cast: Cast, clock: Any) -> None:
    """Its owner alone, however it is written; new ones make those before void; only hashes are kept."""
    alice, bob = await app_of(db, cast.alice, clock), await app_of(db, cast.bob, clock)
    assert len(set(alice.recovery)) == 10
    first = alice.recovery[0]
    with pytest.raises(Invalid):
        await second_factors.enter_code(db, await half_in(db, "bob@example.org"), first, BROWSER)
    await second_factors.enter_code(db, await half_in(db), first.upper().replace("-", " "), BROWSER)
    with pytest.raises(Invalid):
        await second_factors.enter_code(db, await half_in(db), first, BROWSER)
    async with db.transaction(make.actor(cast.alice)) as tx:
        stored = str([tuple(row) for row in await tx.rows("SELECT * FROM recovery_codes")])
        assert alice.recovery[1].replace("-", "") not in stored
        await second_factors.new_recovery_codes(tx, cast.alice)
    with pytest.raises(Invalid):
        await second_factors.enter_code(db, await half_in(db), alice.recovery[1], BROWSER)
    await second_factors.enter_code(db, await half_in(db, "bob@example.org"), bob.recovery[0], BROWSER)


async def test_a_step_waits_ten_minutes(db: Database, cast: Cast, clock: Any) -> None:
    """Then the password has to be given again; a made-up step was never one."""
    app = await app_of(db, cast.alice, clock)
    step = await half_in(db)
    clock.advance(10 * MINUTE)
    for token in (step, "", "made up"):
        with pytest.raises(Unauthenticated):
            await second_factors.enter_code(db, token, app.code(), BROWSER)


async def test_a_step_ends_with_the_password_it_began_with(db: Database, cast: Cast, clock: Any) -> None:
    """Another password, another role, or being switched off: half in is out."""
    app = await app_of(db, cast.bob, clock)
    hashed = await users.new_password_hash(PASSWORD)
    alice = make.actor(cast.alice)
    for change in ("password", "role", "off"):
        step = await half_in(db, "bob@example.org")
        async with db.transaction(alice) as tx:
            if change == "password":
                await users.set_password(tx, cast.bob.id, hashed)
            elif change == "role":
                await users.update(tx, cast.bob.id, role=Role.ADMIN)
            else:
                await users.deactivate(tx, cast.bob.id)
        with pytest.raises(Unauthenticated):
            await second_factors.enter_code(db, step, app.code(), BROWSER)


async def test_an_unproven_app_opens_nothing(db: Database, cast: Cast, clock: Any) -> None:
    """Begun and not confirmed, it neither asks nor lets in; a wrong code does not confirm it."""
    async with db.transaction(make.actor(cast.alice)) as tx:
        await second_factors.begin_totp(tx, cast.alice)
        assert await second_factors.confirm_totp(tx, cast.alice, "000000") is None
    outcome = await signin.sign_in(db, email="alice@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Opened)


async def test_an_app_in_use_is_not_replaced(db: Database, cast: Cast, clock: Any) -> None:
    """Whoever sits at an open browser cannot put their own telephone in its place without the password."""
    await app_of(db, cast.alice, clock)
    async with db.transaction(make.actor(cast.alice)) as tx:
        with pytest.raises(Conflict):
            await second_factors.begin_totp(tx, cast.alice)
    with pytest.raises(Invalid):
        await second_factors.remove_totp(db, make.actor(cast.alice), "wrong")
    await second_factors.remove_totp(db, make.actor(cast.alice), PASSWORD)
    outcome = await signin.sign_in(db, email="alice@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Opened)


async def test_an_organization_can_ask_for_one(db: Database, cast: Cast, clock: Any) -> None:
    """Only owners say so, and only with one of their own; who has none is signed out and has to set one up."""
    alice = make.actor(cast.alice)
    for actor, error in ((make.actor(cast.bob), Forbidden), (alice, Conflict)):
        with pytest.raises(error):
            async with db.transaction(actor) as tx:
                await second_factors.set_rule(tx, "everyone")
    await app_of(db, cast.alice, clock)
    async with db.transaction() as tx:
        password = await signin.open_session(tx, cast.bob.id, address="", user_agent="")
        passkey = await signin.open_session(
            tx, cast.bob.id, address="", user_agent="", method=signin.SignInMethod.PASSKEY
        )
    async with db.transaction(alice) as tx:
        await second_factors.set_rule(tx, "admins")
    assert await signed_in(db, password) is not None
    async with db.transaction(alice) as tx:
        await second_factors.set_rule(tx, "everyone")
    assert await signed_in(db, password) is None
    assert await signed_in(db, passkey) is not None
    outcome = await signin.sign_in(db, email="bob@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Step)
    assert outcome.must_enrol
    with pytest.raises(Unauthenticated):
        await second_factors.enrolled(db, outcome.token, BROWSER)
    await app_of(db, cast.bob, clock)
    assert (await second_factors.enrolled(db, outcome.token, BROWSER)).actor.id == cast.bob.id
    with pytest.raises(Conflict):
        await second_factors.remove_totp(db, make.actor(cast.bob), PASSWORD)


async def test_whoever_has_one_cannot_be_made_to_enrol_another(db: Database, cast: Cast, clock: Any) -> None:
    """With the password alone nobody adds a factor of their own to somebody who has one."""
    await app_of(db, cast.alice, clock)
    step = await half_in(db)
    async with db.read() as reader:
        with pytest.raises(Unauthenticated):
            await second_factors.enrolling(reader, step)


async def test_an_admin_resets_a_colleagues_second_factor(db: Database, cast: Cast, clock: Any) -> None:
    """Signed out everywhere, audited, the password alone is enough; not one's own, not of somebody above."""
    await app_of(db, cast.bob, clock)
    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    async with db.transaction() as tx:
        token = await signin.open_session(tx, cast.bob.id, address="", user_agent="")
    refusals: list[tuple[User, str, type[OpenAlertError]]] = [
        (cast.charlie, cast.bob.id, Forbidden),
        (dora, cast.alice.id, Forbidden),
        (dora, dora.id, Conflict),
    ]
    for who, whom, error in refusals:
        with pytest.raises(error):
            async with db.transaction(make.actor(who)) as tx:
                await second_factors.reset(tx, whom)
    async with db.transaction(make.actor(dora)) as tx:
        await second_factors.reset(tx, cast.bob.id)
    assert await signed_in(db, token) is None
    outcome = await signin.sign_in(db, email="bob@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Opened)
    async with db.read() as reader:
        acts = [row[0] for row in await reader.rows("SELECT act FROM audit_log ORDER BY seq")]
    assert "second_factor.reset" in acts


async def test_a_picture_that_somebody_else_saw_is_void_after_ten_minutes(
    db: Database, cast: Cast, clock: Any
) -> None:
    """Whoever knows the password begins to set up an app and waits; its owner is not led to finish that one."""
    async with db.transaction(make.actor(cast.alice)) as tx:
        planted = await second_factors.begin_totp(tx, cast.alice)
        assert await second_factors.pending(tx, cast.alice) is not None
    clock.advance(10 * MINUTE)
    async with db.transaction(make.actor(cast.alice)) as tx:
        assert await second_factors.pending(tx, cast.alice) is None
        code = pyotp.TOTP(planted.secret).generate_otp(clock() // SECOND // 30)
        with pytest.raises(Conflict, match="begin again"):
            await second_factors.confirm_totp(tx, cast.alice, code)
        begun = await second_factors.begin_totp(tx, cast.alice)
        assert begun.secret != planted.secret


async def test_a_lost_key_leaves_recovery_codes_and_admins_as_ways_in(
    db: Database, cast: Cast, clock: Any
) -> None:
    """No code of the app is right any more, and it says why; the second factor is still asked for."""
    app = await app_of(db, cast.alice, clock)
    bobs = await app_of(db, cast.bob, clock)
    db.keys = KeyRing([keyring.new_key()])
    step = await half_in(db)
    with pytest.raises(Invalid, match="lost the key") as refused:
        await second_factors.enter_code(db, step, app.code(), BROWSER)
    assert refused.value.code == "SECRET_UNREADABLE"
    opened = await second_factors.enter_code(db, step, app.recovery[0], BROWSER)
    with pytest.raises(Conflict, match="already"):
        async with db.transaction(opened.actor) as tx:
            await second_factors.begin_totp(tx, cast.alice)
    await second_factors.remove_totp(db, opened.actor, PASSWORD)
    await app_of(db, cast.alice, clock)
    async with db.transaction(opened.actor) as tx:
        await second_factors.reset(tx, cast.bob.id)
    assert isinstance(
        await signin.sign_in(db, email=cast.bob.email, password=PASSWORD, browser=BROWSER), Opened
    )
    assert bobs.recovery
