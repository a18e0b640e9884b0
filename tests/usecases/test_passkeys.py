"""Passkeys, as their owners use them and as somebody else would like to."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Invalid, NotFound, OpenAlertError, Unauthenticated
from openalert.domain.instant import MINUTE
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import passkeys, second_factors, signin, users
from openalert.usecases.passkeys import Site
from openalert.usecases.signin import Browser, Opened, Step
from tests import make
from tests.fakes.passkey import PRESENT, Device
from tests.make import Cast

pytestmark = pytest.mark.anyio
SITE = Site("alert.example.org", "https://alert.example.org")
PASSWORD = "correct horse battery"
BROWSER = Browser(address="192.0.2.1", user_agent="test")


@pytest.fixture
async def cast(db: Database) -> Cast:
    """Alice and Bob have the same password, and no second factor yet."""
    made = await make.cast(db)
    await make.password(db, PASSWORD, made.alice, made.bob)
    return made


async def passkey_of(db: Database, user: User) -> Device:
    """A device with a passkey of the person."""
    device = Device(SITE.origin, SITE.host)
    options = await passkeys.registration_options(db, SITE, user)
    await passkeys.register(
        db, make.actor(user), SITE, user, name=" My laptop ", credential=device.register(options)
    )
    return device


async def enter(db: Database, credential: dict[str, Any], step: str = "") -> Opened:
    """What the passkey's signature opens."""
    return await passkeys.sign_in(db, SITE, BROWSER, credential=credential, step_token=step)


async def ask(db: Database, step: str = "") -> dict[str, Any]:
    """What is to be signed."""
    return await passkeys.sign_in_options(db, SITE, BROWSER, step)


async def half_in(db: Database, email: str) -> Step:
    """A sign-in whose password was right."""
    outcome = await signin.sign_in(db, email=email, password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Step)
    return outcome


async def test_a_passkey_opens_the_door_without_a_password(db: Database, cast: Cast) -> None:
    """It is its owner's, and the session says how they got in."""
    device = await passkey_of(db, cast.bob)
    opened = await enter(db, device.sign(await ask(db)))
    assert opened.actor.id == cast.bob.id
    async with db.read() as reader:
        [session] = await signin.sessions(reader, make.actor(cast.bob))
        [kept] = await passkeys.of(reader, cast.bob.id)
    assert session.method == "passkey"
    assert (kept.name, kept.sign_count, kept.last_used_at) == ("My laptop", 1, session.created_at)


async def test_a_passkey_is_a_second_factor(db: Database, cast: Cast) -> None:
    """The password alone is half the way; only one's own passkey goes the other half, and only once."""
    mine, others = await passkey_of(db, cast.alice), await passkey_of(db, cast.bob)
    step = await half_in(db, "alice@example.org")
    assert not step.must_enrol
    with pytest.raises(Unauthenticated):
        await enter(db, others.sign(await ask(db, step.token)), step.token)
    opened = await enter(db, mine.sign(await ask(db, step.token)), step.token)
    assert opened.actor.id == cast.alice.id
    with pytest.raises(Unauthenticated):
        await ask(db, step.token)


async def test_nothing_is_signed_but_what_we_asked_for(db: Database, cast: Cast, clock: Any) -> None:
    """A challenge of one's own, one used up, one too old, one for another purpose, one of another sign-in."""
    device = await passkey_of(db, cast.bob)
    answer = device.sign(await ask(db))
    await enter(db, answer)
    old = await ask(db)
    clock.advance(5 * MINUTE)
    registration = await passkeys.registration_options(db, SITE, cast.bob)
    await passkey_of(db, cast.alice)
    step = await half_in(db, "alice@example.org")
    for credential in (
        answer,
        device.sign({"challenge": "Y2hvc2VuIGJ5IHRoZSBjbGllbnQ"}),
        device.sign(old),
        device.sign(registration),
        device.sign(await ask(db, step.token)),
    ):
        with pytest.raises(Unauthenticated):
            await enter(db, credential)
    failed = await ask(db)
    with pytest.raises(Unauthenticated):
        await enter(db, device.sign(failed, origin="https://evil.example"))
    with pytest.raises(Unauthenticated):
        await enter(db, device.sign(failed))


async def test_only_our_own_page_and_a_verified_person_count(db: Database, cast: Cast) -> None:
    """Another origin, another host, nobody verified, a counter that goes back, a foreign or broken signature."""
    device = await passkey_of(db, cast.bob)

    async def refused(credential: dict[str, Any]) -> None:
        with pytest.raises(Unauthenticated):
            await enter(db, credential)

    await refused(device.sign(await ask(db), origin="https://alert.example.org.evil.example"))
    await refused(device.sign(await ask(db), type="webauthn.create"))
    device.host = "evil.example"
    await refused(device.sign(await ask(db)))
    device.host, device.flags = SITE.host, PRESENT
    await refused(device.sign(await ask(db)))
    device.flags |= 0x04
    await enter(db, device.sign(await ask(db)))
    device.count = 0
    await refused(device.sign(await ask(db)))
    device.count = 50
    stranger = Device(SITE.origin, SITE.host)
    stranger.id, stranger.count = device.id, 90
    await refused(stranger.sign(await ask(db)))
    await refused(Device(SITE.origin, SITE.host).sign(await ask(db)))


@pytest.mark.parametrize(
    "credential",
    [{}, {"response": 5}, {"response": {"clientDataJSON": "%%"}}, {"response": {"clientDataJSON": "e30"}},
     {"id": 5, "response": {"clientDataJSON": ""}}],
)  # fmt: skip
async def test_what_is_no_answer_of_a_device_is_refused(
    db: Database, cast: Cast, credential: dict[str, Any]
) -> None:
    """Whatever a program sends: never a fault of ours."""
    with pytest.raises(Invalid):
        await enter(db, credential)
    with pytest.raises(OpenAlertError):
        await passkeys.register(db, make.actor(cast.bob), SITE, cast.bob, name="", credential=credential)


async def test_a_bent_answer_is_refused_and_not_a_fault(db: Database, cast: Cast) -> None:
    """Members missing or of the wrong kind, with a challenge that is ours."""
    device = await passkey_of(db, cast.bob)
    for member in ("authenticatorData", "signature"):
        for value in (None, 5, "", "AAAA"):
            credential = device.sign(await ask(db))
            credential["response"][member] = value
            with pytest.raises(OpenAlertError):
                await enter(db, credential)


async def test_a_passkey_belongs_to_one_person(db: Database, cast: Cast) -> None:
    """Nobody registers a device for somebody else's question, and none twice."""
    device = await passkey_of(db, cast.bob)
    options = await passkeys.registration_options(db, SITE, cast.bob)
    with pytest.raises(Unauthenticated):
        await passkeys.register(
            db, make.actor(cast.alice), SITE, cast.alice, name="", credential=device.register(options)
        )
    options = await passkeys.registration_options(db, SITE, cast.alice)
    with pytest.raises(Conflict):
        await passkeys.register(
            db, make.actor(cast.alice), SITE, cast.alice, name="", credential=device.register(options)
        )


async def test_removing_a_passkey_asks_for_the_password(db: Database, cast: Cast) -> None:
    """Of one's own only; afterwards it opens nothing, and the password alone is enough again."""
    device = await passkey_of(db, cast.bob)
    async with db.read() as reader:
        [kept] = await passkeys.of(reader, cast.bob.id)
    with pytest.raises(Invalid):
        await passkeys.remove(db, make.actor(cast.bob), kept.id, "wrong")
    with pytest.raises(NotFound):
        await passkeys.remove(db, make.actor(cast.alice), kept.id, PASSWORD)
    stolen, own = [await enter(db, device.sign(await ask(db))) for _ in range(2)]
    await passkeys.remove(
        db, make.actor(cast.bob), kept.id, PASSWORD, keep_session=signin.token_hash(own.token)
    )
    with pytest.raises(Unauthenticated):
        await enter(db, device.sign(await ask(db)))
    async with db.read() as reader:
        assert await signin.find_session(reader, stolen.token) is None
        assert await signin.find_session(reader, own.token) is not None
    outcome = await signin.sign_in(db, email="bob@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(outcome, Opened)


async def test_whoever_is_switched_off_is_not_let_in(db: Database, cast: Cast) -> None:
    """The passkey is right and its owner may not enter; an admin's reset ends it as well."""
    device = await passkey_of(db, cast.bob)
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, cast.bob.id, is_active=False)
    with pytest.raises(Unauthenticated):
        await enter(db, device.sign(await ask(db)))
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, cast.bob.id, is_active=True, role=Role.MEMBER)
    await enter(db, device.sign(await ask(db)))
    async with db.transaction(make.actor(cast.alice)) as tx:
        await second_factors.reset(tx, cast.bob.id)
    with pytest.raises(Unauthenticated):
        await enter(db, device.sign(await ask(db)))


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://alert.example.org", SITE),
        ("https://alert.example.org:8443", Site("alert.example.org", "https://alert.example.org:8443")),
        ("http://localhost:8080", Site("localhost", "http://localhost:8080")),
        ("http://alert.example.org", None),
        ("http://127.0.0.1:8080", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("", None),
    ],
)
def test_passkeys_want_a_name_and_encryption(address: str, site: Site | None) -> None:
    """What browsers accept: https, or localhost, and no bare address."""
    assert passkeys.site_of(address) == site
