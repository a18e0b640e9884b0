"""Push subscriptions: who gets pages in which browser, from the first moment to the last."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.instant import DAY, SECOND
from openalert.domain.notification import NotificationKind
from openalert.domain.user import ContactMethod, SignInMethod, User
from openalert.engine.engine import Engine
from openalert.notifiers import web_push
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.push import PushNotifier
from openalert.storage import Database, contact_methods
from openalert.usecases import push_subscriptions, signin
from openalert.usecases.push_subscriptions import Seat, Subscription
from openalert.usecases.signin import Browser, Opened, token_hash
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.push_service import FakeBrowser, FakePushService

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service() -> AsyncIterator[FakePushService]:
    """A push service with a browser behind it."""
    async with FakePushService(FakeBrowser()) as fake:
        yield fake


@pytest.fixture
async def pushing(world: World, service: FakePushService) -> AsyncIterator[World]:
    """The world with the real channel, whose pushes go to that service."""
    settings = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30.0)
    notifier = PushNotifier(
        None, settings, base_url="https://oncall.example.org", tls=service.certificate.client
    )
    world.engine = Engine(world.db, {"email": world.email, "push": notifier}, LINKS_BACK)
    await world.engine.begin()
    await push_subscriptions.application_key(world.db, "")
    yield world
    await notifier.close()


def of(service: FakePushService) -> Subscription:
    """The subscription of the browser behind that service."""
    return Subscription(endpoint=service.endpoint, **service.browser.keys)


async def subscribes(
    db: Database, user: User, given: Subscription, seat: Seat | None = None, label: str = "Chrome on Android"
) -> ContactMethod:
    """The person presses the button."""
    async with db.transaction(make.actor(user)) as tx:
        return await push_subscriptions.subscribe(tx, given, label=label, seat=seat or Seat(None, ""))


async def methods(db: Database, user: User) -> list[str]:
    """The kinds of ways to reach the person."""
    async with db.read() as reader:
        return [each.type for each in await contact_methods.of_user(reader, user.id)]


async def acts(db: Database) -> list[str]:
    """What the audit log says, oldest first."""
    async with db.read() as reader:
        return [row[0] for row in await reader.rows("SELECT act FROM audit_log ORDER BY seq")]


async def enters(db: Database, user: User, browser: str = "") -> Opened:
    """The person signs in, in the browser that has this token."""
    async with db.transaction() as tx:
        asking = Browser(address="192.0.2.1", user_agent="test", token=browser)
        return await signin.enter(tx, user, asking, SignInMethod.PASSWORD)


def seat_of(opened: Opened) -> Seat:
    """Where they sit then."""
    return Seat(token_hash(opened.browser), token_hash(opened.token))


async def test_a_page_reaches_the_browser_and_is_counted_as_sent(
    pushing: World, service: FakePushService
) -> None:
    """From the alert to the encrypted push, which names the incident and proves itself for an answer."""
    await subscribes(pushing.db, pushing.alice, of(service))
    await pushing.policy(level(1, pushing.alice))
    await pushing.fires("DiskFull")
    await service.received()
    await pushing.engine.run_until_idle()
    (push,) = service.pushes(pushing.clock() // SECOND)
    assert push.payload["title"].endswith("#1 DiskFull (Database)")
    assert push.payload["url"] == f"/incidents/{(await pushing.incident()).id}"
    assert push.payload["proof"]
    assert push.claims["sub"] == "https://oncall.example.org"
    async with pushing.db.read() as reader:
        kept = await reader.rows("SELECT status FROM notifications WHERE channel = 'push'")
    assert [row[0] for row in kept] == ["sent"]


async def test_a_subscription_that_is_gone_is_forgotten_and_its_person_told(
    pushing: World, service: FakePushService
) -> None:
    """410: the browser was uninstalled. It is not tried again; Alice hears of it by mail."""
    await subscribes(pushing.db, pushing.alice, of(service))
    service.answer(410, body=b"gone")
    await pushing.policy(level(1, pushing.alice))
    await pushing.fires("DiskFull")
    await service.received()
    await pushing.engine.run_until_idle()
    assert await methods(pushing.db, pushing.alice) == ["email"]
    mailbox = pushing.mailbox(pushing.alice)
    mailbox.got("DiskFull")
    told = mailbox.got("Chrome on Android gets no pages any more", NotificationKind.NOTICE)
    assert "My page" in told.body
    assert (await acts(pushing.db))[-1] == "contact_method.lost"
    assert len(service.requests) == 1


async def test_nothing_of_it_lies_open_in_the_database(db: Database, service: FakePushService) -> None:
    """Neither endpoint nor keys, nor our own private key; the key for browsers stays the same."""
    cast = await make.cast(db)
    public = await push_subscriptions.application_key(db, "")
    method = await subscribes(db, cast.alice, of(service))
    async with db.read() as reader:
        stored = str(await reader.rows("SELECT * FROM contact_methods"))
        stored += str(await reader.rows("SELECT * FROM settings"))
        stored += str(await reader.rows("SELECT * FROM audit_log"))
        row: Any = msgspec.defstruct("Row", [("id", str)])(id="n1")
        private = (await push_subscriptions.keys(reader, row, b"secret"))["vapid_key"]
        assert await contact_methods.secrets(reader, method.id) == of(service).sealed
    for secret in ("s3cret-endpoint", of(service).p256dh, of(service).auth, private):
        assert secret not in stored
    assert web_push.public_key(private) == public == await push_subscriptions.application_key(db, "")
    own = web_push.new_private_key()
    assert await push_subscriptions.application_key(db, own) == web_push.public_key(own)


async def test_subscribing_again_changes_nothing(db: Database, service: FakePushService) -> None:
    """One browser is one way to reach somebody, however often the button is pressed."""
    cast = await make.cast(db)
    first = await subscribes(db, cast.alice, of(service))
    again = await subscribes(db, cast.alice, of(service))
    assert first.id == again.id
    assert await methods(db, cast.alice) == ["email", "push"]


async def test_another_person_takes_the_browser_over(db: Database, service: FakePushService) -> None:
    """Bob connects the browser that was Alice's: her pages go there no more."""
    cast = await make.cast(db)
    await subscribes(db, cast.alice, of(service))
    await subscribes(db, cast.bob, of(service))
    assert await methods(db, cast.alice) == ["email"]
    assert await methods(db, cast.bob) == ["email", "push"]
    assert (await acts(db))[-2:] == ["contact_method.signed_out", "contact_method.linked"]


async def test_an_endpoint_alone_takes_nothing_over(db: Database, service: FakePushService) -> None:
    """Whoever merely learnt where Alice's pages go does not know her browser's keys."""
    cast = await make.cast(db)
    await subscribes(db, cast.alice, of(service))
    stolen = Subscription(endpoint=service.endpoint, **FakeBrowser().keys)
    with pytest.raises(Conflict):
        await subscribes(db, cast.bob, stolen)
    assert await methods(db, cast.alice) == ["email", "push"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint": "http://push.example/x"}, "endpoint"),
        ({"endpoint": "file:///etc/passwd"}, "endpoint"),
        ({"endpoint": "https://push.example/" + "x" * 2_100}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"auth": "x"}, "keys"),
        ({"p256dh": "x"}, "keys"),
    ],
)
async def test_what_is_no_subscription_is_refused(
    db: Database, service: FakePushService, changes: dict[str, str], field: str
) -> None:
    """With the name of what is wrong."""
    cast = await make.cast(db)
    with pytest.raises(Invalid) as refused:
        await subscribes(db, cast.alice, msgspec.structs.replace(of(service), **changes))
    assert refused.value.details["field"] == field


async def test_signing_out_ends_the_pages_there(db: Database, service: FakePushService) -> None:
    """And only there: another browser of the same person goes on."""
    cast = await make.cast(db)
    phone, laptop = await enters(db, cast.alice), await enters(db, cast.alice)
    await subscribes(db, cast.alice, of(service), seat_of(phone))
    other = Subscription(endpoint="https://push.example/laptop", **FakeBrowser().keys)
    kept = await subscribes(db, cast.alice, other, seat_of(laptop))
    async with db.transaction() as tx:
        await signin.sign_out(tx, phone.token)
    async with db.read() as reader:
        left = [
            each.id for each in await contact_methods.of_user(reader, cast.alice.id) if each.type == "push"
        ]
    assert left == [kept.id]


async def test_ending_a_session_from_elsewhere_ends_its_pages(db: Database, service: FakePushService) -> None:
    """A phone that was left in a taxi; then everything but this browser."""
    cast = await make.cast(db)
    lost, here, third = [await enters(db, cast.alice) for _ in range(3)]
    for number, opened in enumerate((lost, here, third)):
        given = Subscription(endpoint=f"https://push.example/{number}", **FakeBrowser().keys)
        await subscribes(db, cast.alice, given, seat_of(opened))
    async with db.transaction(make.actor(cast.alice)) as tx:
        (session,) = [
            each for each in await signin.sessions(tx, tx.actor) if each.token_hash == token_hash(lost.token)
        ]
        await signin.end_session(tx, session.id)
    assert (await methods(db, cast.alice)).count("push") == 2
    async with db.transaction(make.actor(cast.alice)) as tx:
        await signin.end_other_sessions(tx, here.token)
    assert (await methods(db, cast.alice)).count("push") == 1
    async with db.transaction(make.actor(cast.alice)) as tx:
        await signin.end_sessions_of(tx, cast.alice.id)
    assert (await methods(db, cast.alice)).count("push") == 0


async def test_a_session_that_runs_out_ends_nothing(
    db: Database, service: FakePushService, clock: Any
) -> None:
    """Pages must come at night too; and whoever signs in again afterwards keeps them."""
    cast = await make.cast(db)
    first = await enters(db, cast.alice)
    await subscribes(db, cast.alice, of(service), seat_of(first))
    clock.advance(2 * DAY)
    assert await methods(db, cast.alice) == ["email", "push"]
    again = await enters(db, cast.alice, first.browser)
    async with db.transaction() as tx:
        await signin.sign_out(tx, first.token)  # what signing in does to the session before
    assert await methods(db, cast.alice) == ["email", "push"]
    async with db.transaction() as tx:
        await signin.sign_out(tx, again.token)
    assert await methods(db, cast.alice) == ["email"]


async def test_somebody_else_signing_in_there_ends_them(db: Database, service: FakePushService) -> None:
    """Even where nobody signed out."""
    cast = await make.cast(db)
    alice = await enters(db, cast.alice)
    await subscribes(db, cast.alice, of(service), seat_of(alice))
    await enters(db, cast.bob)
    assert await methods(db, cast.alice) == ["email", "push"]
    await enters(db, cast.bob, alice.browser)
    assert await methods(db, cast.alice) == ["email"]


async def test_a_browser_changes_its_subscription(pushing: World, service: FakePushService) -> None:
    """Whoever knows the old endpoint and its secret may put another in its place; pages go there."""
    old = Subscription(endpoint="https://push.example/old", **FakeBrowser().keys)
    method = await subscribes(pushing.db, pushing.alice, old)
    async with pushing.db.transaction() as tx:
        with pytest.raises(NotFound):
            await push_subscriptions.renew(
                tx, endpoint=old.endpoint, auth=web_push.encode(b"x" * 16), given=of(service)
            )
        renewed = await push_subscriptions.renew(tx, endpoint=old.endpoint, auth=old.auth, given=of(service))
    assert renewed.id == method.id
    await pushing.policy(level(1, pushing.alice))
    await pushing.fires("DiskFull")
    await service.received()
    assert len(service.pushes(pushing.clock() // SECOND)) == 1
    async with pushing.db.transaction() as tx:
        with pytest.raises(NotFound):
            await push_subscriptions.renew(tx, endpoint=old.endpoint, auth=old.auth, given=old)


async def test_a_renewal_takes_no_other_browsers_place(db: Database, service: FakePushService) -> None:
    """A subscription that is somebody's already is not given to another."""
    cast = await make.cast(db)
    old = Subscription(endpoint="https://push.example/old", **FakeBrowser().keys)
    await subscribes(db, cast.alice, old)
    await subscribes(db, cast.bob, of(service))
    async with db.transaction() as tx:
        with pytest.raises(Conflict):
            await push_subscriptions.renew(tx, endpoint=old.endpoint, auth=old.auth, given=of(service))
