"""Sending under bad luck: answers that get lost, people who answer meanwhile, stops in the middle."""

import asyncio

import pytest

from openalert.domain.delivery import AT_ONE_ADDRESS, room
from openalert.domain.errors import Unavailable
from openalert.domain.escalation import Target, TargetType
from openalert.domain.instant import HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind, NotificationPriority
from openalert.engine import deliver, escalate
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.storage import deliveries as sending
from openalert.storage import notifications, timers
from openalert.usecases import deliveries, incidents, news, responders
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.invariants import unsettled

pytestmark = pytest.mark.anyio


class Slow:
    """A channel that holds each message until it is told what came of it."""

    channel = "email"

    def __init__(self) -> None:
        self.held: list[tuple[Message, asyncio.Future[Receipt]]] = []
        self.arrived = asyncio.Event()
        self.accepted: list[Message] | None = None
        """What it took at once, from when a test makes this a list."""

    async def send(self, message: Message, now: int) -> Receipt:
        """Wait for the verdict, where it does not take everything."""
        if self.accepted is not None:
            self.accepted.append(message)
            return Receipt(provider_id="x")
        verdict: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.held.append((message, verdict))
        self.arrived.set()
        return await verdict

    async def next(self) -> tuple[Message, asyncio.Future[Receipt]]:
        """The oldest message that is held."""
        while not self.held:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 30)
        return self.held.pop(0)

    async def probe(self) -> str:
        """Well."""
        return "slow"

    async def close(self) -> None:
        """Nothing."""


@pytest.fixture
def slow(world: World) -> Slow:
    """The e-mail of this world is slow."""
    made = Slow()
    world.engine.deliver._notifiers = {"email": made, "webhook": made}
    return made


async def _page_in_flight(world: World, slow: Slow) -> asyncio.Future[Receipt]:
    """Alice's page is with the provider, which has not answered yet."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    assert await world.engine.deliver.run_due() == 1
    return (await slow.next())[1]


@pytest.mark.proves("NO-1", "F-37")
async def test_a_database_that_is_away_while_a_page_is_composed_costs_no_try(
    world: World, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was claimed, then the database fails over: it is given back, and leaves at once when that is done."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    with monkeypatch.context() as patch:

        async def away(*_: object) -> Message:
            raise Unavailable("The database is away.")

        patch.setattr(deliveries, "to_send", away)
        await world.engine.deliver.run_due()
        await world.engine.deliver.finish(120)
    assert not slow.held
    assert await world.engine.deliver.run_due() == 1
    message, verdict = await slow.next()
    assert not message.possible_repeat
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    sent = "SELECT count(*) FROM notifications WHERE kind = 'page' AND status = 'sent' AND attempts = 1"
    assert await world.value(sent) == 1


async def _bob(world: World, act: str) -> None:
    """Bob does this to the incident; the engine is left alone."""
    incident_id = (await world.incident()).id
    async with world.db.transaction(world.as_(world.bob)) as tx:
        await getattr(incidents, act)(tx, incident_id)


async def _news(world: World, slow: Slow, headline: str) -> None:
    """The next message that leaves is this update; it is accepted."""
    assert await world.engine.deliver.run_due() == 1
    message, verdict = await slow.next()
    assert (message.kind, message.headline) == (NotificationKind.UPDATE, headline)
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)


@pytest.mark.proves("ES-3", "NO-1")
async def test_a_lost_answer_of_a_page_that_nobody_wants_any_more_is_left_alone(
    world: World, slow: Slow
) -> None:
    """Acknowledged while the page was on its way and then its answer was lost: no repeat, and no endless work."""
    verdict = await _page_in_flight(world, slow)
    await _bob(world, "acknowledge")
    verdict.set_exception(LostAnswer("gone"))
    await world.engine.deliver.finish(120)
    await _news(world, slow, f"Acknowledged by Bob{news.IN_DOUBT}")
    world.clock.advance(MINUTE)
    await world.engine.deliver.run_due()
    assert not slow.held
    assert await world.engine.deliver.run_due() == 0
    assert not await unsettled(world.db)
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "unknown"


@pytest.mark.proves("ES-3", "NO-1")
@pytest.mark.parametrize("act", ["snooze", "reopen"])
async def test_a_refused_page_is_not_tried_again_once_it_is_of_no_use(
    world: World, slow: Slow, act: str
) -> None:
    """Snoozed, or begun anew, while the provider had the page, and then refused: it is never tried again."""
    verdict = await _page_in_flight(world, slow)
    incident_id = (await world.incident()).id
    async with world.db.transaction(world.as_(world.bob)) as tx:
        if act == "snooze":
            await incidents.snooze(tx, incident_id, until=tx.now + HOUR)
        else:
            await incidents.acknowledge(tx, incident_id)
            await incidents.reopen(tx, incident_id)
    verdict.set_exception(NotifierError(Reason.UNREACHABLE, "not now"))
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "pending"
    world.clock.advance(MINUTE)
    await world.engine.deliver.run_due()
    assert not slow.held
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "cancelled"
    assert await world.value("SELECT attempts FROM notifications WHERE kind = 'page'") == 1


@pytest.mark.parametrize("act", ["declines", "ends"])
async def test_a_refused_page_that_asks_for_help_is_not_tried_again_once_it_is_of_no_use(
    world: World, slow: Slow, act: str
) -> None:
    """Bob cannot come, or the incident is over, while the provider had the page that asks him; then it was refused."""
    (await _page_in_flight(world, slow)).set_result(Receipt(provider_id="x"))
    incident_id = (await world.incident()).id
    async with world.db.transaction(world.as_(world.alice)) as tx:
        bob = Target(type=TargetType.USER, id=world.bob.id)
        await responders.ask(tx, incident_id, targets=[bob])
    assert await world.engine.deliver.run_due() == 1
    verdict = (await slow.next())[1]
    if act == "declines":
        async with world.db.transaction(world.as_(world.bob)) as tx:
            await responders.decline(tx, incident_id)
    else:
        await _bob(world, "resolve")
    verdict.set_exception(NotifierError(Reason.UNREACHABLE, "not now"))
    await world.engine.deliver.finish(120)
    asked = "SELECT status FROM notifications WHERE ask_id IS NOT NULL"
    assert await world.value(asked) == "pending"
    world.clock.advance(MINUTE)
    slow.accepted = []
    await world.engine.deliver.run_due()
    await world.engine.deliver.finish(120)
    assert not slow.held
    assert {message.kind for message in slow.accepted} <= {NotificationKind.UPDATE}
    assert await world.value(asked) == "cancelled"


@pytest.mark.proves("NO-6")
@pytest.mark.parametrize(("acts", "told"), [((), 1), (("acknowledge",), 0), (("acknowledge", "reopen"), 0)])
async def test_the_last_page_of_all_that_fails_calls_the_owners_only_where_it_still_counts(
    world: World, slow: Slow, acts: tuple[str, ...], told: int
) -> None:
    """The team's owner cannot be reached; meanwhile somebody took it, or it began anew: Olga is left in peace."""
    olga = await make.user(world.db, world.cast.organization, "Olga", make.Role.OWNER)
    await world.without_policy()
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    assert await world.engine.deliver.run_due() == 1
    verdict = (await slow.next())[1]
    for act in acts:
        await _bob(world, act)
    verdict.set_exception(NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True))
    await world.engine.deliver.finish(120)
    pages = "SELECT count(*) FROM notifications WHERE kind = 'page' AND user_id = :user_id"
    assert await world.value(pages, user_id=olga.id) == told


@pytest.mark.proves("NO-7")
async def test_the_end_is_not_told_before_the_page_has_left(world: World, slow: Slow) -> None:
    """Resolved while the page is with the provider: "Resolved" waits for it, so that it cannot arrive first."""
    verdict = await _page_in_flight(world, slow)
    await _bob(world, "resolve")
    assert await world.engine.deliver.run_due() == 0
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    await _news(world, slow, "Resolved by Bob")
    assert not await unsettled(world.db)


@pytest.mark.proves("NO-7")
async def test_the_end_is_not_told_where_no_page_arrived(world: World, slow: Slow) -> None:
    """Resolved while the page is on its way, which then fails: nobody hears the end of what they never heard of."""
    verdict = await _page_in_flight(world, slow)
    await _bob(world, "resolve")
    verdict.set_exception(NotifierError(Reason.UNREACHABLE, "not now"))
    await world.engine.deliver.finish(120)
    world.clock.advance(MINUTE)
    await world.engine.deliver.run_due()
    await world.engine.deliver.finish(120)
    assert slow.held == []
    told = await world.value("SELECT failure_reason FROM notifications WHERE kind = 'update'")
    assert told == "No page reached this address."
    assert not await unsettled(world.db)


@pytest.mark.proves("NO-7")
async def test_the_end_is_told_to_those_whom_a_page_reached_and_to_nobody_else(
    world: World, slow: Slow
) -> None:
    """Two pages are on their way when it is resolved; one arrives and one does not: one person hears the end."""
    await world.policy(level(1, world.alice, world.bob))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    assert await world.engine.deliver.run_due() == 2
    for _ in range(2):
        message, verdict = await slow.next()
        if message.to == world.alice.email:
            verdict.set_result(Receipt(provider_id="x"))
        else:
            refused = verdict
    incident_id = (await world.incident()).id
    async with world.db.transaction(make.actor(world.charlie, world.core, team_role=make.Role.MEMBER)) as tx:
        await incidents.resolve(tx, incident_id)
    refused.set_exception(NotifierError(Reason.UNREACHABLE, "not now"))
    await world.engine.deliver.finish(120)
    world.clock.advance(MINUTE)
    await world.engine.deliver.run_due()
    message, verdict = await slow.next()
    assert (message.kind, message.to) == (NotificationKind.UPDATE, world.alice.email)
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    await world.engine.deliver.run_due()
    assert slow.held == []
    assert not await unsettled(world.db)


@pytest.mark.proves("NO-7")
async def test_news_of_an_incident_arrives_in_its_order(world: World, slow: Slow) -> None:
    """ "Acknowledged" has to be tried again: "Resolved", which came meanwhile, goes out after it."""
    (await _page_in_flight(world, slow)).set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    await _bob(world, "acknowledge")
    assert await world.engine.deliver.run_due() == 1
    (await slow.next())[1].set_exception(NotifierError(Reason.UNREACHABLE, "not now"))
    await world.engine.deliver.finish(120)
    await _bob(world, "resolve")
    assert await world.engine.deliver.run_due() == 0
    world.clock.advance(MINUTE)
    await _news(world, slow, "Acknowledged by Bob")
    await _news(world, slow, "Resolved by Bob")


@pytest.mark.proves("NO-2", "F-04")
@pytest.mark.parametrize("moment", range(0, 24, 2))
async def test_a_stop_in_any_moment_of_claiming_loses_no_page(world: World, moment: int) -> None:
    """The loop is cancelled while a page is read, claimed or set on its way: it is waiting as before, or sent."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    step = asyncio.create_task(world.engine.deliver.run_due())
    for _ in range(moment):
        await asyncio.sleep(0.0002)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications") in ("pending", "sent")
    await world.engine.run_until_idle()
    assert await world.value("SELECT status FROM notifications") == "sent"
    assert world.email.attempts == 1


@pytest.mark.proves("NO-2")
async def test_an_answer_is_kept_while_the_database_is_away(
    world: World, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider took the page, the database is away for minutes: it is not sent again once that is over."""
    settle, away = deliveries.settle_all, asyncio.Event()

    async def unavailable(*args: object) -> None:
        away.set()
        raise Unavailable("The database is away.")

    monkeypatch.setattr(deliveries, "settle_all", unavailable)
    monkeypatch.setattr(deliver, "LONGEST_PAUSE", 0.01)
    verdict = await _page_in_flight(world, slow)
    verdict.set_result(Receipt(provider_id="x"))
    await asyncio.wait_for(away.wait(), 30)
    await asyncio.sleep(0.2)
    world.clock.advance(5 * MINUTE)
    assert await world.engine.deliver.recover() == 0
    monkeypatch.setattr(deliveries, "settle_all", settle)
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications") == "sent"


@pytest.mark.proves("NO-4")
async def test_one_dead_webhook_leaves_room_for_the_others(world: World, slow: Slow) -> None:
    """Ten messages to an address that does not answer: one to another address is on its way all the same."""
    dead = await make.channel(world.db, world.core, "webhook", url="https://dead.example.org/")
    alive = await make.channel(world.db, world.core, "webhook", url="https://alive.example.org/")
    await world.policy(level(1, dead))
    await world.post_all([(world.group(world.alert(f"Alert {number}")), "A") for number in range(10)])
    await escalate.run_due(world.db)
    world.clock.advance(SECOND)
    policy = await make.policy(world.db, world.core, level(1, alive), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, policy, "Other"), "C")
    await world.post_all([(world.group(world.alert("Other")), "C")])
    await escalate.run_due(world.db)
    for _ in range(4):
        await world.engine.deliver.run_due()
    most = room(AT_ONE_ADDRESS, NotificationPriority.HIGH)
    to = [(await slow.next())[0].to for _ in range(most + 1)]
    assert sorted(to) == ["https://alive.example.org/"] + ["https://dead.example.org/"] * most
    assert not slow.held


@pytest.mark.proves("ES-5", "F-20")
@pytest.mark.parametrize("hours", [-3, 3])
async def test_waits_are_elapsed_time_when_the_clock_is_set(world: World, hours: int) -> None:
    """A page that is tried again in 2 s is tried again in 2 s, whatever the wall clock is set to meanwhile."""
    refusals = iter([NotifierError(Reason.UNREACHABLE, "not now")])

    def behave(message: Message) -> Receipt:
        for refusal in refusals:
            raise refusal
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.clock.advance(hours * HOUR)
    async with world.db.transaction() as tx:
        await timers.shift(tx, hours * HOUR)
        await notifications.shift(tx, hours * HOUR)
    await world.advance(seconds=1)
    assert world.email.attempts == 1
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("DiskFull")
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("DiskFull")


async def test_what_a_broken_server_may_have_taken_is_tried_again_as_a_possible_repeat(
    world: World, slow: Slow
) -> None:
    """It answers 502 three times: every further try is marked, and not given to anybody else."""
    verdict = await _page_in_flight(world, slow)
    for _ in range(3):
        verdict.set_exception(NotifierError(Reason.PROVIDER_FAILED, "502", is_in_doubt=True))
        await world.engine.deliver.finish(120)
        assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "unknown"
        world.clock.advance(MINUTE)
        assert await world.engine.deliver.run_due() == 1
        message, verdict = await slow.next()
        assert message.possible_repeat
    verdict.set_exception(NotifierError(Reason.PROVIDER_FAILED, "503"))
    await world.engine.deliver.finish(120)
    world.clock.advance(2 * MINUTE)
    assert await world.engine.deliver.run_due() == 0
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "failed"


async def test_who_may_have_had_the_page_of_a_broken_server_hears_the_end(world: World, slow: Slow) -> None:
    """Bob takes it before the next try: that one does not leave, and Alice hears who has it."""
    verdict = await _page_in_flight(world, slow)
    verdict.set_exception(NotifierError(Reason.PROVIDER_FAILED, "502", is_in_doubt=True))
    await world.engine.deliver.finish(120)
    await _bob(world, "acknowledge")
    await _news(world, slow, f"Acknowledged by Bob{news.IN_DOUBT}")
    world.clock.advance(MINUTE)
    assert await world.engine.deliver.run_due() == 0
    assert not await unsettled(world.db)


@pytest.mark.parametrize(("is_in_doubt", "provider"), [(True, 1), (False, 0)], ids=["in doubt", "refused"])
async def test_what_the_second_provider_may_have_stays_with_it(
    world: World, is_in_doubt: bool, provider: int
) -> None:
    """The first one would send it anew, and nobody could tell; what was only refused begins at the first again."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        (due,) = await sending.due(tx, tx.now, lambda *_: 1)
        claimed = await deliveries.claim_all(tx, {1: [due]}, "run")
        error = NotifierError(Reason.PROVIDER_FAILED, "502", is_in_doubt=is_in_doubt)
        await deliveries.settle_all(tx, claimed, error, deliveries.Terms(providers=2))
    assert await world.value("SELECT provider FROM notifications WHERE kind = 'page'") == provider


@pytest.mark.proves("NO-1")
async def test_what_is_still_on_its_way_at_the_end_is_broken_off(
    world: World, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing goes on beside a database that is closed, not what waits to write down its answer either; the next run
    sends it as a possible repeat.
    """
    verdict = await _page_in_flight(world, slow)
    refused = asyncio.Event()
    with monkeypatch.context() as patch:

        async def closed(*_: object) -> None:
            refused.set()
            raise Unavailable("The server is stopping.")

        patch.setattr(world.db, "act", closed)
        verdict.set_result(Receipt(provider_id="x"))
        await asyncio.wait_for(refused.wait(), 30)
        await world.engine.deliver.stop(0.0)
    assert not world.engine.deliver.is_sending
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "sending"
    await world.engine.stop(0.0)
    later = Engine(world.db, {"email": slow, "webhook": slow}, LINKS_BACK)
    await later.begin()
    world.clock.advance(MINUTE)
    assert await later.deliver.run_due() == 1
    message, verdict = await slow.next()
    assert message.possible_repeat
    verdict.set_result(Receipt(provider_id="y"))
    await later.deliver.finish(120)


@pytest.mark.proves("NO-1")
async def test_the_end_waits_for_answers_as_long_as_it_may(world: World, slow: Slow) -> None:
    """What is answered meanwhile is written down; what is not goes on no more."""
    verdict = await _page_in_flight(world, slow)
    ending = asyncio.create_task(world.engine.deliver.stop(120.0))
    await asyncio.sleep(0)
    assert not ending.done()
    verdict.set_result(Receipt(provider_id="x"))
    await ending
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "sent"
    await world.post_all([(world.group(world.alert("SlowQueries")), "A")])
    await escalate.run_due(world.db)
    assert await world.engine.deliver.run_due() == 1
    _, verdict = await slow.next()
    await world.engine.stop(0.0)
    assert not world.engine.deliver.is_sending
    assert verdict.cancelled()
