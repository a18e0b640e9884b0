"""Providers under bad luck: the breaker, the pace, the second provider, and whose way begins next."""

from collections.abc import Callable

import pytest

from openalert.domain.instant import HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.domain.team import Channel
from openalert.engine import escalate
from openalert.engine.engine import Engine
from openalert.engine.lines import Lines
from openalert.notifiers.failover import Failover
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError, Reason, Receipt
from tests import make
from tests.cast import LINKS_BACK, Post, World, level

pytestmark = pytest.mark.anyio

DOWN = NotifierError(Reason.UNREACHABLE, "nobody there")


def _fails(error: Exception) -> Callable[[Message], Receipt]:
    def behave(message: Message) -> Receipt:
        raise error

    return behave


def _drive(world: World, notifiers: dict[str, Notifier], **options: dict[str, float]) -> None:
    world.engine.deliver._notifiers = notifiers
    world.engine.deliver.lines = Lines(notifiers, per_second=options.get("per_second"))


async def _storm(world: World, count: int) -> None:
    await world.post_all([(world.group(world.alert(f"Alert {each}")), "A") for each in range(count)])
    await escalate.run_due(world.db)


async def _to_everybody(world: World) -> Channel:
    """A team's mailing list: its pages are not bundled, so that each is a message."""
    return await make.channel(world.db, world.core, "email", address="core@example.org")


async def _attempts(world: World) -> list[int]:
    async with world.db.read() as reader:
        rows = await reader.rows("SELECT attempts FROM notifications WHERE kind = 'page' ORDER BY id")
    return [row[0] for row in rows]


async def test_an_open_breaker_burns_no_attempts(world: World) -> None:
    """Ten pages for a mail server that is down: some are tried, then all wait, and one probes every 15 seconds."""
    world.email.behave = _fails(DOWN)
    await world.policy(level(1, await _to_everybody(world)))
    await _storm(world, 10)
    await world.engine.run_until_idle()
    first = world.email.attempts
    assert first < 10
    await world.advance(seconds=14)
    assert world.email.attempts == first
    await world.advance(seconds=2)
    assert world.email.attempts == first + 1
    world.email.behave = None
    world.clock.advance(20 * SECOND)
    await world.engine.run_until_idle()
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'sent'") >= 9


async def test_what_nobody_could_take_fails_when_its_time_is_over(world: World) -> None:
    """The provider is away for longer than a page waits: it fails with the reason, and the ladder goes on."""
    world.email.behave = _fails(DOWN)
    await world.policy(level(1, await _to_everybody(world)), level(2, world.bob, minutes=30))
    await _storm(world, 10)
    for _ in range(40):
        await world.advance(seconds=10)
    pages = "SELECT count(*) FROM notifications WHERE level = 1 AND status "
    assert await world.value(pages + "<> 'failed'") == 0
    reason = "SELECT count(*) FROM notifications WHERE failure_reason LIKE 'Given up: %nobody there'"
    assert await world.value(reason) > 0
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 2") == 10


async def test_a_dead_webhook_opens_no_breaker_for_another(world: World) -> None:
    """Every address of a webhook is a provider of its own."""
    dead = await make.channel(world.db, world.core, "webhook", url="https://dead.example.org/")
    alive = await make.channel(world.db, world.core, "webhook", url="https://alive.example.org/")

    def behave(message: Message) -> Receipt:
        if "dead" in message.to:
            raise DOWN
        return Receipt(provider_id="x")

    world.webhook.behave = behave
    await world.policy(level(1, dead, alive))
    await _storm(world, 8)
    for _ in range(10):
        await world.advance(seconds=1)
    world.webhook.received.clear()
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'sent'") == 8


@pytest.mark.proves("NO-4", "F-17", "F-48")
async def test_the_second_provider_takes_over_at_once(world: World) -> None:
    """The first is unreachable, refuses our credentials or is in trouble: the page leaves by the second, now."""
    for error in (
        DOWN,
        NotifierError(Reason.AUTH_FAILED, "535", permanent=True),
        NotifierError(Reason.PROVIDER_FAILED, "503"),
    ):
        first, second = Post("email"), Post("email")
        first.behave = _fails(error)
        _drive(world, {"email": Failover([first, second])})
        if world.service is None:
            await world.policy(level(1, world.alice))
        await world.fires(f"Alert {error.reason}")
        pages = [message.provider for message in second.received if message.kind is NotificationKind.PAGE]
        assert pages == [1]
    assert await world.value("SELECT count(*) FROM notifications WHERE kind = 'page' AND provider = 1") == 3
    tried = "SELECT count(*) FROM notification_attempts WHERE provider = 0 AND attempt = 1"
    assert await world.value(tried) >= 3


async def test_what_the_first_provider_may_have_sent_is_never_given_to_the_second(world: World) -> None:
    """A lost answer is repeated where it was lost, once and marked."""
    first, second = Post("email"), Post("email")
    first.behave = _fails(LostAnswer("gone"))
    _drive(world, {"email": Failover([first, second])})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.advance(minutes=1)
    assert (first.attempts, second.attempts) == (2, 0)


async def test_an_address_that_does_not_exist_is_no_reason_to_change_the_provider(world: World) -> None:
    """The recipient is refused: the second provider is not bothered."""
    first, second = Post("email"), Post("email")
    first.behave = _fails(NotifierError(Reason.REJECTED_RECIPIENT, "550", permanent=True))
    _drive(world, {"email": Failover([first, second])})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    assert second.attempts == 0
    assert await world.value("SELECT status FROM notifications") == "failed"


async def test_with_the_first_breaker_open_the_second_provider_is_asked_directly(world: World) -> None:
    """Nobody waits for a try at the one that is known to be dead."""
    first, second = Post("email"), Post("email")
    first.behave = _fails(DOWN)
    _drive(world, {"email": Failover([first, second])})
    await world.policy(level(1, await _to_everybody(world)))
    for number in range(8):
        await world.fires(f"Alert {number}")
    assert first.attempts == 5
    assert second.attempts == 8


async def test_a_page_is_tried_as_often_as_its_channel_says(world: World) -> None:
    """Five times by mail, spread over its five minutes; news goes on for hours."""
    world.email.behave = _fails(NotifierError(Reason.REFUSED, "not now"))
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.fires("DiskFull")
    await world.advance(seconds=169)
    assert await _attempts(world) == [4]
    await world.advance(seconds=1)
    assert (await _attempts(world))[0] == 5
    assert await world.value("SELECT status FROM notifications WHERE level = 1") == "failed"


async def test_a_provider_that_is_asked_too_often_is_given_its_time(world: World) -> None:
    """429 with Retry-After: nothing goes to it meanwhile, and the page does not fail of it."""
    answers = iter([NotifierError(Reason.RATE_LIMITED, "429", retry_after=30.0)])

    def behave(message: Message) -> Receipt:
        for answer in answers:
            raise answer
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.policy(level(1, await _to_everybody(world)))
    await world.fires("First")
    await world.fires("Second")
    assert world.email.attempts == 1
    await world.advance(seconds=31)
    assert world.email.attempts == 3
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'sent'") == 2


async def test_a_paced_provider_gets_the_urgent_ones_first(world: World) -> None:
    """One a second: the critical page that came last leaves while four others still wait."""
    _drive(world, {"email": world.email}, per_second={"email": 1.0})
    await world.policy(level(1, await _to_everybody(world)))
    await _storm(world, 12)
    await world.engine.run_until_idle()
    world.email.received.clear()
    await world.post_all([(world.group(world.alert("Burning", severity="critical")), "A")])
    await escalate.run_due(world.db)
    world.clock.advance(2 * SECOND)
    await world.engine.run_until_idle()
    sent = [message.incident.title for message in world.email.received if message.incident]
    assert "Burning" in sent
    assert len(sent) < 5


async def _second_way(world: World, after: int, who: str = "alice", step: int = 1) -> None:
    """Alice's page by mail gets a later step by webhook, as her own rules would plan it."""
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO notifications (id, effect_key, organization_id, team_id, incident_id, episode, cycle, level, "
            "step, kind, priority, user_id, channel, address, reason, content, status, possible_repeat, attempts, "
            "due_at, give_up_at, created_at, updated_at) SELECT id || :who, effect_key || :who, organization_id, "
            "team_id, incident_id, episode, cycle, level, CAST(:step AS BIGINT), kind, priority, user_id, 'webhook', "
            "'https://' || :who || '.example.org/', reason, content, 'pending', possible_repeat, 0, "
            "created_at + :after, created_at + :after + 300000, created_at, updated_at "
            "FROM notifications WHERE kind = 'page' AND step = 0",
            after=after,
            who=who,
            step=step,
        )


async def test_a_page_that_is_not_accepted_in_45_seconds_starts_the_next_way(world: World) -> None:
    """Alice's mail is tried again and again; her next step begins long before its own time, the mail goes on."""
    world.email.behave = _fails(NotifierError(Reason.REFUSED, "not now"))
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.fires("DiskFull")
    await _second_way(world, after=4 * MINUTE)
    await world.advance(seconds=44)
    assert not world.webhook.received
    await world.advance(seconds=1)
    assert [message.kind for message in world.webhook.received] == [NotificationKind.PAGE]
    assert await world.value("SELECT status FROM notifications WHERE channel = 'email'") == "pending"
    assert "email did not accept it within 45 s: Alice is reached by webhook now" in await world.story()


async def test_two_late_ways_of_a_person_start_one_next_way(world: World) -> None:
    """Mail and one webhook take nothing, both are late in the same moment: the third way begins, not the fourth too."""
    world.email.behave = _fails(NotifierError(Reason.REFUSED, "not now"))

    def behave(message: Message) -> Receipt:
        if "dead" in message.to:
            raise NotifierError(Reason.REFUSED, "not now")
        return Receipt(provider_id="x")

    world.webhook.behave = behave
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    await _second_way(world, after=0, who="dead", step=1)
    await _second_way(world, after=4 * MINUTE, who="third", step=2)
    await _second_way(world, after=8 * MINUTE, who="fourth", step=3)
    await world.advance(seconds=60)
    assert [message.to for message in world.webhook.received] == ["https://third.example.org/"]


async def test_a_way_that_fails_beside_one_that_works_starts_no_further_way(world: World) -> None:
    """Mail is refused for good, the webhook of the same moment has the page: the third way waits for its time."""
    world.email.behave = _fails(NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True))
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    await _second_way(world, after=0, who="second", step=1)
    await _second_way(world, after=4 * MINUTE, who="third", step=2)
    await world.advance(seconds=60)
    assert [message.to for message in world.webhook.received] == ["https://second.example.org/"]


async def test_a_page_that_failed_starts_the_next_way_at_once_and_not_the_next_level(world: World) -> None:
    """Only when the last of her ways has failed does Bob hear of it."""
    world.email.behave = _fails(NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True))
    await world.policy(level(1, world.alice), level(2, world.charlie, minutes=30))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    await _second_way(world, after=4 * MINUTE)
    world.webhook.behave = _fails(NotifierError(Reason.GONE, "gone", permanent=True))
    await world.engine.run_until_idle()
    assert world.webhook.attempts == 1
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 2") == 1


async def test_a_page_that_was_accepted_leaves_the_next_way_its_time(world: World) -> None:
    """The mail has left: the webhook waits for its own delay."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await _second_way(world, after=4 * MINUTE)
    await world.advance(seconds=200)
    assert not world.webhook.received
    await world.advance(seconds=40)
    assert world.webhook.received


async def test_a_clock_that_is_set_back_stops_no_sender(world: World) -> None:
    """The breaker is open, then the clock is set back an hour: the next message is a probe, not an hour's wait."""
    world.email.behave = _fails(DOWN)
    await world.policy(level(1, await _to_everybody(world)))
    await _storm(world, 8)
    await world.engine.run_until_idle()
    tried = world.email.attempts
    world.clock.advance(-HOUR)
    await world.fires("After the change")
    assert world.email.attempts > tried


@pytest.mark.proves("NO-6", "F-48")
@pytest.mark.parametrize(
    ("refused", "headline"),
    [
        (
            NotifierError(Reason.AUTH_FAILED, "535 wrong password", permanent=True),
            "Webhook: the provider refuses our credentials",
        ),
        (
            NotifierError(
                Reason.TLS_FAILED, "core.example.org: certificate has expired", is_certificate=True
            ),
            "Webhook: the certificate of the provider is not valid",
        ),
    ],
    ids=["credentials", "certificate"],
)
async def test_owners_hear_once_that_a_provider_takes_nothing(
    world: World, refused: NotifierError, headline: str
) -> None:
    """Not with every page, also not after a restart; once it worked in between they hear of the next time."""
    owner = await make.user(world.db, world.cast.organization, "Olga", make.Role.OWNER)
    notices = "SELECT count(*) FROM notifications WHERE kind = 'notice' AND user_id = :owner"
    world.webhook.behave = _fails(refused)
    channel = await make.channel(world.db, world.core, "webhook", url="https://core.example.org/")
    await world.policy(level(1, channel))
    await world.fires("First")
    assert await world.value(notices, owner=owner.id) == 1
    body = await world.value("SELECT content FROM notifications WHERE kind = 'notice'")
    assert refused.detail in str(body)
    assert headline in str(body)
    await world.fires("Second")
    world.engine = Engine(world.db, {"email": world.email, "webhook": world.webhook}, LINKS_BACK)
    await world.engine.begin()
    await world.fires("Third")
    assert await world.value(notices, owner=owner.id) == 1
    world.webhook.behave = None
    await world.fires("Fourth")
    assert await world.value("SELECT count(*) FROM channel_troubles") == 0
    world.webhook.behave = _fails(refused)
    await world.fires("Fifth")
    assert await world.value(notices, owner=owner.id) == 2


async def test_a_connection_that_broke_while_it_was_encrypted_is_no_reason_to_call_the_owners(
    world: World,
) -> None:
    """TLS that failed for another reason may work the next time."""
    owner = await make.user(world.db, world.cast.organization, "Olga", make.Role.OWNER)
    world.webhook.behave = _fails(
        NotifierError(Reason.TLS_FAILED, "core.example.org has no valid certificate.")
    )
    channel = await make.channel(world.db, world.core, "webhook", url="https://core.example.org/")
    await world.policy(level(1, channel))
    await world.fires("First")
    notices = "SELECT count(*) FROM notifications WHERE kind = 'notice' AND user_id = :owner"
    assert await world.value(notices, owner=owner.id) == 0
    assert await world.value("SELECT count(*) FROM channel_troubles") == 0
