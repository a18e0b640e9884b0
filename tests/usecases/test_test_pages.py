"""Test pages: they run real rules, prove what is answered, and cannot be used to call people all day."""

import pytest

from openalert.domain.errors import Forbidden, NotFound, RateLimited
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity
from openalert.usecases import notification_rules, test_pages
from tests import make
from tests.cast import LINKS_BACK, World

pytestmark = pytest.mark.anyio


async def test_a_test_page_runs_the_persons_real_rules(world: World) -> None:
    """At once by mail, two minutes later by the other way, and in quiet hours in the morning."""
    other = await make.contact_method(world.db, world.bob, "webhook", "hook of Bob")
    await make.notification_rule(world.db, world.bob, other.id, minutes=2)
    mail = await world.value(
        "SELECT id FROM contact_methods WHERE type = 'email' AND user_id = :u", u=world.bob.id
    )
    await make.notification_rule(world.db, world.bob, mail)
    sent = await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    assert [(row.step, row.channel) for row in sent.messages] == [(0, "email"), (1, "webhook")]
    world.mailbox(world.bob).got("Test page", NotificationKind.TEST)
    assert not world.webhook.received
    await world.advance(minutes=2)
    assert [message.to for message in world.webhook.received] == ["hook of Bob"]
    await world.does(
        notification_rules.set_quiet,
        world.bob.id,
        by=world.bob,
        windows=(QuietWindow(days=(1,), from_time="08:00", to_time="11:00"),),
        passes_from=Severity.CRITICAL,
        do_not_disturb_until=None,
    )
    held = await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    assert [row.held_until for row in held.messages] == [world.clock.start + 2 * HOUR] * 2
    await world.advance(minutes=2)
    loud = await world.does(test_pages.to_user, world.bob.id, Severity.CRITICAL, by=world.bob)
    assert [row.held_until for row in loud.messages] == [None, None]


async def test_i_got_it_proves_the_way_and_ends_the_test(world: World) -> None:
    """The address is proven now, no longer failing, and the call of minute five does not come; twice is harmless."""
    other = await make.contact_method(world.db, world.bob, "webhook", "hook of Bob")
    mail = await world.value(
        "SELECT id FROM contact_methods WHERE type = 'email' AND user_id = :u", u=world.bob.id
    )
    await make.notification_rule(world.db, world.bob, mail)
    await make.notification_rule(world.db, world.bob, other.id, minutes=5)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE contact_methods SET failing_since = 1, last_failure = 'no' WHERE id = :id", id=mail
        )
    await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    button = world.mailbox(world.bob).got("Test page", NotificationKind.TEST).actions[0]
    assert button.label == "I got it"
    token = button.url.removeprefix("https://oncall.example.org/proof/")
    world.clock.advance(MINUTE)
    for _ in range(2):
        async with world.db.transaction() as tx:
            await test_pages.prove(tx, LINKS_BACK.secret, token)
    state = "SELECT {} FROM contact_methods WHERE id = :id"
    assert await world.value(state.format("last_proven_at"), id=mail) == world.clock()
    assert await world.value(state.format("failing_since"), id=mail) is None
    entries = await world.value("SELECT count(*) FROM audit_log WHERE act = 'contact_method.proven'")
    assert entries == 1
    await world.advance(minutes=30)
    assert not world.webhook.received
    assert await world.value("SELECT last_proven_at FROM contact_methods WHERE id = :id", id=other.id) is None


async def test_the_link_is_for_that_message_and_three_days(world: World) -> None:
    """Forged, of another message or too old: there is no such test page."""
    await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    url = world.mailbox(world.bob).got("Test page", NotificationKind.TEST).actions[0].url
    token = url.rpartition("/")[2]
    row, _, tag = token.partition(".")
    for wrong in (f"{row}.{tag[:-2]}!!", f"{'0' * 36}.{tag}", row, "", "x" * 400):
        async with world.db.read() as reader:
            with pytest.raises(NotFound):
                await test_pages.opened(reader, LINKS_BACK.secret, wrong)
    world.clock.advance(3 * DAY)
    async with world.db.read() as reader:
        with pytest.raises(NotFound):
            await test_pages.opened(reader, LINKS_BACK.secret, token)


async def test_nobody_is_called_all_day(world: World) -> None:
    """One a minute and twenty a day to a person, whoever asks; colleagues of a team are tested all the same."""
    await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    with pytest.raises(RateLimited):
        await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    pages = await world.does(test_pages.to_team, world.core.id)
    assert {page.name: bool(page.messages) for page in pages} == {"Alice": True, "Bob": False}
    assert all(page.silent for page in pages if page.name == "Bob")
    for _ in range(19):
        world.clock.advance(2 * MINUTE)
        await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    world.clock.advance(2 * MINUTE)
    with pytest.raises(RateLimited):
        await world.does(test_pages.to_user, world.bob.id, by=world.bob)


async def test_colleagues_are_tested_by_team_and_not_one_by_one(world: World) -> None:
    """Bob may not pick Alice out; whoever has no address is named with the reason."""
    with pytest.raises(Forbidden):
        await world.does(test_pages.to_user, world.alice.id, by=world.bob)
    ghost = await make.user(world.db, world.cast.organization, "Ghost", reachable=False)
    await make.member(world.db, world.core, ghost)
    pages = await world.does(test_pages.to_team, world.core.id, by=world.bob)
    assert [(page.name, page.silent) for page in pages] == [
        ("Alice", ""),
        ("Bob", ""),
        ("Ghost", "Ghost has no verified address"),
    ]
