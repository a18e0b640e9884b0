"""Subscribers are told what a page tells: once each, in their language, behind the pages, whatever breaks off."""

import asyncio
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest

from openalert.domain.access import stranger
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.status_page import Component, ComponentStatus, StatusPage
from openalert.domain.status_subscriber import DeliveryState, Subscriber, SubscriberState
from openalert.engine import housekeeping
from openalert.engine.engine import Engine
from openalert.engine.status_mail import Budget
from openalert.notifiers.email import EmailSettings
from openalert.notifiers.status_mail import StatusMailCourier
from openalert.storage import status_deliveries, status_subscribers
from openalert.usecases import (
    status_components,
    status_incidents,
    status_mailings,
    status_updates,
)
from openalert.usecases import status_pages as pages
from openalert.usecases import (
    status_subscribers as acts,
)
from openalert.usecases.status_subscribers import Choice
from openalert.web import markdown
from tests.cast import LINKS_BACK, World, level
from tests.fakes.smtp import FakeSmtp, SmtpMode

pytestmark = pytest.mark.anyio

SOMEBODY = "Reader@customer.example"


class Town:
    """A page, its subscribers, and the mail server that carries what they are told."""

    def __init__(
        self, world: World, server: FakeSmtp, page: StatusPage, api: Component, web: Component
    ) -> None:
        self.world, self.server, self.page, self.api, self.web = world, server, page, api, web
        world.engine = self.engine()

    def engine(self, **budget: Any) -> Engine:
        """A run of the program, with a courier of its own."""
        courier = StatusMailCourier(
            EmailSettings(
                host=self.server.host,
                port=self.server.port,
                security="none",
                sender="OpenAlert <status@acme.example>",
            ),
            reply_to="help@acme.example",
            markdown=markdown.html,
        )
        budgets = {"email": Budget(**({"per_second": 0, "at_once": 4} | budget))}
        return Engine(
            self.world.db,
            {"email": self.world.email, "webhook": self.world.webhook},
            LINKS_BACK,
            couriers=({"email": courier}, budgets),
        )

    async def signs_up(self, email: str = SOMEBODY, address: str = "198.51.100.7", **options: Any) -> None:
        """A stranger types an address; then the engine runs."""
        async with self.world.db.transaction(stranger(address, "")) as tx:
            await acts.sign_up(tx, self.page.id, email=email, **options)
        await self.world.engine.run_until_idle()

    async def reader(self, email: str = SOMEBODY, *component_ids: str, **choice: Any) -> Subscriber:
        """A subscriber who has confirmed."""
        known = await self.world.does(
            acts.add,
            self.page.id,
            email=email,
            choice=Choice(component_ids=component_ids or None, **choice),
            is_confirmed=True,
        )
        found: Subscriber = known.subscriber
        return found

    async def tells(self, title: str = "API is slow", message: str = "We look.", **options: Any) -> Any:
        """Something is told on the page; then the engine runs."""
        return await self.world.does(
            status_incidents.create, self.page.id, title=title, message=message, **options
        )

    async def state(self, subscriber: Subscriber) -> SubscriberState | None:
        """Where the subscriber stands."""
        async with self.world.db.read() as reader:
            found = await status_subscribers.get(reader, subscriber.id)
        return found.state if found else None

    async def tally(self, told: Any) -> dict[str, int]:
        """How far the newest update of an incident is."""
        async with self.world.db.read() as reader:
            tally = await status_deliveries.tally(reader, told.updates[0].id)
        return {state: count for state, count in tally.states.items() if count}

    def got(self) -> list[EmailMessage]:
        """The mails that came, which are then forgotten."""
        mails, self.server.mails = self.server.mails, []
        return [mail.message for mail in mails]


@pytest.fixture
async def server() -> AsyncIterator[FakeSmtp]:
    """A mail server of this machine."""
    async with FakeSmtp() as running:
        yield running


@pytest.fixture
async def town(world: World, server: FakeSmtp) -> Town:
    """A page with two components and nobody who reads it."""
    page = await world.does(pages.create, team_id=world.core.id, name="Acme Status", slug="acme")
    api = await world.does(status_components.add_component, page.id, name="API")
    web = await world.does(status_components.add_component, page.id, name="Web <b>shop</b>")
    return Town(world, server, page, api, web)


def link(mail: EmailMessage, what: str) -> str:
    """The token of a link in a mail: `confirm`, `unsubscribe` or `subscription`."""
    found = re.search(rf"https://oncall\.example\.org/status/acme/{what}/(\S+)", text(mail))
    assert found, text(mail)
    return found[1]


def text(mail: EmailMessage) -> str:
    """Its plain part."""
    part = mail.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def html(mail: EmailMessage) -> str:
    """Its HTML part."""
    part = mail.get_body(("html",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


async def test_somebody_asks_confirms_is_told_and_leaves(town: Town) -> None:
    """The whole way: nothing before the confirmation, one mail for each update, nothing after leaving."""
    await town.signs_up()
    (asked,) = town.got()
    assert (asked["To"], asked["Subject"]) == (
        "Reader@customer.example",
        "Confirm your subscription to Acme Status",
    )
    assert asked["List-Unsubscribe"] is None
    await town.tells("Too early")
    assert town.got() == []
    async with town.world.db.transaction(stranger("198.51.100.7", "")) as tx:
        _, subscriber = await acts.confirm(tx, LINKS_BACK.secret, link(asked, "confirm"))
    assert subscriber.state is SubscriberState.ACTIVE

    await town.world.advance(minutes=1)
    told = await town.tells(
        message="We *look*. <script>alert(1)</script>",
        components={town.api.id: ComponentStatus.PARTIAL_OUTAGE},
    )
    (mail,) = town.got()
    assert mail["Subject"] == "[Acme Status] Investigating: API is slow"
    assert mail["From"] == "Acme Status <status@acme.example>"
    assert mail["Reply-To"] == "help@acme.example"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "API: Partial outage" in text(mail)
    assert "<em>look</em>" in html(mail)
    assert "<script>" not in html(mail)
    assert told.incident.public_id in text(mail)
    assert await town.tally(told) == {DeliveryState.SENT: 1}

    await town.world.advance(minutes=1)
    await town.world.does(status_incidents.resolve, told.incident.id, message="It is over.")
    (end,) = town.got()
    assert end["Subject"] == "[Acme Status] Resolved: API is slow"
    assert end["References"] == mail["References"]
    assert end["Message-ID"] != mail["Message-ID"]

    token = link(end, "unsubscribe")
    assert end["List-Unsubscribe"] == f"<https://oncall.example.org/status/acme/unsubscribe/{token}>"
    async with town.world.db.transaction(stranger("198.51.100.7", "")) as tx:
        await acts.leave(tx, LINKS_BACK.secret, token)
    await town.tells("Another one")
    assert town.got() == []
    assert await town.world.value("SELECT count(*) FROM status_subscribers WHERE address <> ''") == 0


async def test_only_those_whom_it_concerns_are_told(town: Town) -> None:
    """A choice of components, of one incident, and those who heard of it before and so hear its end."""
    await town.reader("all@a.example")
    await town.reader("api@a.example", town.api.id)
    await town.reader("web@a.example", town.web.id)
    told = await town.tells(components={town.api.id: ComponentStatus.PARTIAL_OUTAGE})
    assert sorted(str(mail["To"]) for mail in town.got()) == ["all@a.example", "api@a.example"]
    await town.reader("one@a.example", incident_id=told.incident.id)
    await town.world.advance(minutes=1)
    await town.world.does(
        status_incidents.change, told.incident.id, components={town.web.id: None}, component_ids=[]
    )
    await town.world.does(status_incidents.resolve, told.incident.id, message="Over.")
    everybody = ["all@a.example", "api@a.example", "one@a.example", "web@a.example"]
    assert sorted(str(mail["To"]) for mail in town.got()) == everybody
    await town.world.advance(minutes=1)
    await town.tells("About nothing in particular")
    assert sorted(str(mail["To"]) for mail in town.got()) == [
        "all@a.example",
        "api@a.example",
        "web@a.example",
    ]


async def test_drafts_and_silent_updates_reach_nobody(town: Town) -> None:
    """Only what is published with `notify` is sent; a draft is when it is approved."""
    await town.reader()
    await town.tells("Quietly", tells=False)
    draft = await town.tells("A draft", is_draft=True)
    assert town.got() == []
    await town.world.does(status_updates.publish, draft.updates[0].id)
    assert [mail["Subject"] for mail in town.got()] == ["[Acme Status] Investigating: A draft"]


async def test_a_maintenance_that_begins_by_itself_is_told(town: Town) -> None:
    """What time does is sent as well."""
    now = town.world.clock()
    await town.reader()
    await town.tells("Upgrade", scheduled_for=now + HOUR, scheduled_until=now + 2 * HOUR)
    (ahead,) = town.got()
    assert "Planned for: 2026-01-05 10:00 UTC" in text(ahead)
    town.world.clock.advance(HOUR)
    await town.world.engine.run_until_idle()
    assert [mail["Subject"] for mail in town.got()] == ["[Acme Status] In progress: Upgrade"]


async def test_a_run_that_dies_between_claim_and_answer_is_taken_over(town: Town) -> None:
    """What was claimed by a run that is gone leaves once more, as a possible repeat with the same Message-ID."""
    await town.reader()
    dead = town.engine()
    async with town.world.db.transaction(town.world.as_(town.world.alice)) as tx:
        told = await status_incidents.create(tx, town.page.id, title="API is slow", message="We look.")
    while await town.world.db.act(_spread_one):
        pass
    claimed = await town.world.db.act(lambda tx: status_deliveries.claim(tx, "email", 10, dead.node.run_id))
    assert len(claimed) == 1
    await town.world.engine.run_until_idle()
    assert town.got() == []
    town.world.engine = town.engine()
    await town.world.engine.begin()
    await town.world.engine.run_until_idle()
    (mail,) = town.got()
    assert mail["Subject"].endswith("(possible repeat)")
    assert await town.tally(told) == {DeliveryState.SENT: 1}
    # The dead run's answer comes too late to change anything.
    await town.world.db.act(
        lambda tx: status_mailings.settle(tx, claimed[0], status_mailings.Unwanted("late"))
    )
    assert await town.tally(told) == {DeliveryState.SENT: 1}


async def test_an_answer_that_cannot_be_written_down_for_long_is_no_reason_to_send_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail left, then the database was away for minutes: what is still to be settled here is not taken back."""
    await town.reader()
    letters, settle, pause = town.world.engine.letters, status_mailings.settle, asyncio.sleep
    assert letters is not None
    refused: list[int] = []

    async def refuses_once(*given: Any) -> Any:
        if refused:
            return await settle(*given)
        refused.append(1)
        raise Unavailable("The disk is full.", retry_after=5)

    async def minutes(seconds: float) -> None:
        if seconds < 1:
            await pause(seconds)
            return
        town.world.clock.advance(5 * MINUTE)
        assert await letters.recover() == 0

    monkeypatch.setattr(status_mailings, "settle", refuses_once)
    monkeypatch.setattr(asyncio, "sleep", minutes)
    told = await town.tells()
    assert refused
    assert len(town.got()) == 1
    assert await town.tally(told) == {DeliveryState.SENT: 1}


async def _spread_one(tx: Any) -> bool:
    mailings = await status_deliveries.to_spread(tx, 1)
    return bool(mailings) and await status_deliveries.spread(tx, mailings[0].id)


async def test_spreading_goes_on_where_it_broke_off(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, across runs, everybody has exactly one delivery, and whoever confirmed later has none."""
    monkeypatch.setattr(status_deliveries, "MOST_AT_ONCE", 3)
    for number in range(8):
        await town.reader(f"r{number}@a.example")
    async with town.world.db.transaction(town.world.as_(town.world.alice)) as tx:
        told = await status_incidents.create(tx, town.page.id, title="API is slow", message="We look.")
    assert await town.world.db.act(_spread_one)
    assert await town.tally(told) == {DeliveryState.PENDING: 3}
    town.world.clock.advance(SECOND)
    await town.reader("late@a.example")
    town.world.engine = town.engine()
    await town.world.engine.begin()
    await town.world.engine.run_until_idle()
    assert sorted(str(mail["To"]) for mail in town.got()) == [f"r{number}@a.example" for number in range(8)]
    assert await town.tally(told) == {DeliveryState.SENT: 8}


async def test_pages_go_first(town: Town) -> None:
    """While a page is due no letter leaves; after five seconds of that the letters get their turn."""
    world = town.world
    await town.reader()
    await world.policy(level(1, world.alice))
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_incidents.create(tx, town.page.id, title="API is slow", message="We look.")
    await world.post_all([({"title": "Disk", "severity": "critical"}, "A")])
    from openalert.engine import escalate

    await escalate.run_due(world.db)
    letters = world.engine.letters
    assert letters is not None
    assert await letters.run_due() == 0
    world.clock.advance(5 * SECOND)
    assert await letters.run_due() > 0
    await letters.finish(60)


async def test_the_pace_holds(town: Town) -> None:
    """At two a second and two at once, ten letters take four more seconds of the clock."""
    for number in range(10):
        await town.reader(f"r{number}@a.example")
    town.world.engine = town.engine(per_second=2, at_once=2)
    async with town.world.db.transaction(town.world.as_(town.world.alice)) as tx:
        await status_incidents.create(tx, town.page.id, title="API is slow", message="We look.")
    counts = []
    for _ in range(5):
        await town.world.engine.run_until_idle()
        counts.append(len(town.server.mails))
        town.world.clock.advance(SECOND)
    assert counts == [2, 4, 6, 8, 10]


async def test_a_refused_address_rests(town: Town) -> None:
    """550 for a recipient fails at once and quarantines them; nothing more is tried at that address."""
    gone, well = await town.reader("gone@a.example"), await town.reader("well@a.example")
    town.server.refused["gone@a.example"] = "550 5.1.1 No such user"
    told = await town.tells()
    assert await town.tally(told) == {DeliveryState.SENT: 1, DeliveryState.FAILED: 1}
    assert (await town.state(gone), await town.state(well)) == (
        SubscriberState.QUARANTINED,
        SubscriberState.ACTIVE,
    )
    town.got()
    await town.world.advance(minutes=1)
    await town.tells("Again")
    assert [str(mail["To"]) for mail in town.got()] == ["well@a.example"]


async def test_a_refusal_that_may_pass_is_tried_three_times(town: Town) -> None:
    """Greylisted after a minute and after ten; then it has failed, and the address is left as it is."""
    subscriber = await town.reader()
    town.server.mode = SmtpMode.GREYLIST
    told = await town.tells()
    assert await town.tally(told) == {DeliveryState.PENDING: 1}
    for wait in (MINUTE, 10 * MINUTE):
        town.world.clock.advance(wait)
        await town.world.engine.run_until_idle()
    assert await town.tally(told) == {DeliveryState.FAILED: 1}
    assert await town.state(subscriber) is SubscriberState.ACTIVE


async def test_a_mail_server_that_is_away_costs_no_tries(town: Town) -> None:
    """However long it is away within the day, everything leaves once it is back; after a day it has failed."""
    await town.reader()
    await town.server.down()
    told = await town.tells()
    for _ in range(30):
        town.world.clock.advance(10 * MINUTE)
        await town.world.engine.run_until_idle()
    assert await town.tally(told) == {DeliveryState.PENDING: 1}
    await town.server.up()
    town.world.clock.advance(MINUTE)
    await town.world.engine.run_until_idle()
    assert await town.tally(told) == {DeliveryState.SENT: 1}
    await town.server.down()
    town.world.clock.advance(MINUTE)
    late = await town.tells("Never")
    town.world.clock.advance(DAY)
    await town.world.engine.run_until_idle()
    assert town.world.engine.letters is not None
    await town.world.engine.letters.recover()
    assert await town.tally(late) == {DeliveryState.FAILED: 1}


async def test_a_lost_answer_is_repeated_once(town: Town) -> None:
    """The mail was handed over and no answer came: once more with the same Message-ID, then nobody knows."""
    await town.reader()
    town.server.mode = SmtpMode.LOST_ANSWER
    told = await town.tells()
    town.world.clock.advance(MINUTE)
    await town.world.engine.run_until_idle()
    first, second = town.got()
    assert first["Message-ID"] == second["Message-ID"]
    assert second["Subject"].endswith("(possible repeat)")
    assert await town.tally(told) == {DeliveryState.UNKNOWN: 1}
    town.world.clock.advance(HOUR)
    await town.world.engine.run_until_idle()
    assert town.got() == []


async def test_what_is_overtaken_is_not_sent(town: Town) -> None:
    """When the end of an incident was told, an older update that waited for its retry is left out."""
    await town.reader()
    town.server.mode = SmtpMode.GREYLIST
    told = await town.tells()
    town.server.mode = SmtpMode.OK
    town.world.clock.advance(SECOND)
    await town.world.does(status_incidents.resolve, told.incident.id, message="Over.")
    town.world.clock.advance(MINUTE)
    await town.world.engine.run_until_idle()
    assert [mail["Subject"] for mail in town.got()] == ["[Acme Status] Resolved: API is slow"]
    assert await town.tally(told) == {DeliveryState.SKIPPED: 1}


async def test_strangers_cause_few_mails(town: Town) -> None:
    """One an hour to an address and five in all, whoever asks; five asks in ten minutes from one network."""
    await town.signs_up()
    await town.signs_up("READER@customer.example", address="203.0.113.9")
    assert len(town.got()) == 1
    for number in range(10):
        town.world.clock.advance(HOUR)
        await town.signs_up(address=f"203.0.{number}.1")
    assert len(town.got()) == 4
    for number in range(5):
        await town.signs_up(f"r{number}@a.example", address="192.0.2.1")
    with pytest.raises(RateLimited):
        await town.signs_up("r6@a.example", address="192.0.2.250")
    town.world.clock.advance(2 * MINUTE)
    await town.signs_up("r6@a.example", address="192.0.2.1")
    assert len(town.got()) == 6


async def test_who_is_subscribed_is_reminded_and_nothing_changes(town: Town) -> None:
    """A stranger who types a known address changes nothing of it; its mailbox gets the link to do so."""
    subscriber = await town.reader("reader@customer.example", town.api.id)
    await town.signs_up(choice=Choice(component_ids=(town.web.id,)))
    (mail,) = town.got()
    assert mail["Subject"] == "Your subscription to Acme Status"
    async with town.world.db.read() as reader:
        page, known = await acts.by_link(reader, LINKS_BACK.secret, link(mail, "subscription"))
    assert (page.id, known.subscriber.id, known.component_ids) == (town.page.id, subscriber.id, [town.api.id])


async def test_links_of_others_do_nothing(town: Town) -> None:
    """Guessed, cut, of another purpose, of an earlier mail or over: NotFound, and nothing happens."""
    await town.signs_up()
    (first,) = town.got()
    town.world.clock.advance(HOUR)
    await town.signs_up()
    (second,) = town.got()
    old, good = link(first, "confirm"), link(second, "confirm")
    other = await town.reader("other@a.example")
    row = good.partition(".")[0]
    forged = [old, "", row, f"{row}.", f"{row}.{'A' * 43}", good[:-1], f"{other.id}.{good.partition('.')[2]}"]
    for token in forged:
        async with town.world.db.transaction() as tx:
            with pytest.raises(NotFound):
                await acts.confirm(tx, LINKS_BACK.secret, token)
        async with town.world.db.transaction() as tx:
            with pytest.raises(NotFound):
                await acts.leave(tx, LINKS_BACK.secret, token)
    async with town.world.db.transaction() as tx:
        with pytest.raises(NotFound):
            await acts.leave(tx, LINKS_BACK.secret, good)
    assert await town.state(other) is SubscriberState.ACTIVE
    town.world.clock.advance(DAY)
    async with town.world.db.transaction() as tx:
        with pytest.raises(NotFound):
            await acts.confirm(tx, LINKS_BACK.secret, good)


async def test_what_nobody_confirms_is_forgotten(town: Town) -> None:
    """After seven days the address is gone; of one who had left before it is still known that they did."""
    await town.signs_up("never@a.example")
    left = await town.reader("left@a.example")
    told = await town.tells()
    (mail,) = [each for each in town.got() if each["To"] == "left@a.example"]
    async with town.world.db.transaction() as tx:
        await acts.leave(tx, LINKS_BACK.secret, link(mail, "unsubscribe"))
    await town.signs_up("left@a.example")
    assert await town.state(left) is SubscriberState.PENDING
    town.world.clock.advance(7 * DAY)
    await housekeeping.forget(town.world.db, 30)
    assert await town.state(left) is SubscriberState.UNSUBSCRIBED
    assert await town.world.value("SELECT count(*) FROM status_subscribers") == 1
    with pytest.raises(Conflict, match="left"):
        await town.reader("LEFT@a.example")
    assert await town.tally(told) == {DeliveryState.SENT: 1}
    town.world.clock.advance(30 * DAY)
    await housekeeping.forget(town.world.db, 30)
    assert await town.world.value("SELECT count(*) FROM status_mailings") == 0
    await town.world.does(pages.delete, town.page.id)
    await housekeeping.forget(town.world.db, 30)
    assert await town.world.value("SELECT count(*) FROM status_subscribers") == 0


async def test_who_may_see_addresses(town: Town) -> None:
    """Admins of the team; members and viewers get numbers, strangers nothing."""
    world = town.world
    subscriber = await town.reader()
    async with world.db.read() as reader:
        assert [
            each.subscriber.address
            for each in await acts.listed(reader, world.as_(world.alice), town.page.id, limit=9)
        ]
        with pytest.raises(Forbidden):
            await acts.listed(reader, world.as_(world.bob), town.page.id, limit=9)
        with pytest.raises(Forbidden):
            await acts.get(reader, world.as_(world.bob), subscriber.id)
        assert sum((await acts.counts(reader, world.as_(world.bob), town.page.id)).values()) == 1
        with pytest.raises(NotFound):
            await acts.counts(reader, world.as_(world.charlie), town.page.id)
        with pytest.raises(NotFound):
            await acts.get(reader, world.as_(world.charlie), subscriber.id)


async def test_what_cannot_be_subscribed_is_refused(town: Town) -> None:
    """No address, components and incidents of others, an address that is there."""
    other = await town.world.does(pages.create, team_id=town.world.core.id, name="Other")
    foreign = await town.world.does(status_components.add_component, other.id, name="API")
    for email in ("", "nobody", "a@b@c", "x@y.example\r\nBcc: z@y.example", '"x y"@a.example'):
        with pytest.raises(Invalid):
            await town.signs_up(email)
    for choice in (Choice(component_ids=(foreign.id,)), Choice(incident_id=town.api.id)):
        with pytest.raises(Invalid):
            await town.signs_up(choice=choice)
    await town.reader()
    with pytest.raises(Conflict):
        await town.reader()
    assert town.got() == []


async def test_the_audit_log_has_no_addresses(town: Town) -> None:
    """What admins and subscribers did is noted, by ids alone."""
    subscriber = await town.reader()
    await town.world.does(acts.delete, subscriber.id)
    noted = str(await _audit(town))
    assert "status_page.subscriber_added" in noted
    assert "status_page.subscriber_deleted" in noted
    assert "customer.example" not in noted.lower()


async def _audit(town: Town) -> Any:
    async with town.world.db.read() as reader:
        return await reader.rows("SELECT act, before, after, target_name, actor_name FROM audit_log")


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de", "[Acme Status] In Untersuchung: API is slow"),
        ("fr", "[Acme Status] En cours d’analyse: API is slow"),
        ("pt", "[Acme Status] Em investigação: API is slow"),
        ("pl", "[Acme Status] Badanie przyczyny: API is slow"),
        ("ja", "[Acme Status] 調査中: API is slow"),
    ],
)
async def test_mails_speak_the_language_of_the_page(town: Town, language: str, subject: str) -> None:
    """Its words and the language that screen readers are told."""
    await town.world.does(pages.update, town.page.id, language=language)
    await town.reader()
    await town.tells()
    (mail,) = town.got()
    assert mail["Subject"] == subject
    assert f'<html lang="{language}">' in html(mail)
    assert mail["Content-Language"] == language


async def test_links_lead_to_the_domain_of_the_page(town: Town) -> None:
    """A page with its own domain is spoken of by that alone: our own name is nobody's business."""
    await town.world.does(pages.update, town.page.id, custom_domain="status.acme.example")
    await town.reader()
    await town.tells()
    (mail,) = town.got()
    assert "oncall.example.org" not in mail.as_string()
    assert "https://status.acme.example/unsubscribe/" in str(mail["List-Unsubscribe"])


async def test_hostile_names_stay_words(town: Town) -> None:
    """A page, a title and a component with markup and line breaks cannot break a header or a mail."""
    await town.world.does(pages.update, town.page.id, name="Acme <b>Bcc: x@y.example")
    await town.reader()
    await town.tells(
        "Slow <img src=x onerror=alert(1)>", components={town.web.id: ComponentStatus.MAJOR_OUTAGE}
    )
    (mail,) = town.got()
    assert mail["Bcc"] is None
    assert "<img src=x" not in html(mail)
    assert "<b>shop" not in html(mail)
    assert "&lt;b&gt;shop" in html(mail)
