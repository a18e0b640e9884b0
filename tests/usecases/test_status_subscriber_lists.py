"""Lists of subscribers that come in and go out: what they would do, what they do, and whom nobody writes to again."""

from typing import Any

import pytest

from openalert.domain.errors import Conflict, Forbidden, Invalid
from openalert.domain.status_page import Component, StatusPage
from openalert.domain.status_subscriber import DeliveryState, SubscriberKind, SubscriberState
from openalert.storage import status_subscriber_lists as stored
from openalert.storage import status_subscribers
from openalert.storage.status_subscriber_lists import Narrowed
from openalert.usecases import status_components, status_incidents
from openalert.usecases import status_pages as pages
from openalert.usecases import status_subscriber_lists as lists
from openalert.usecases import status_subscribers as acts
from openalert.usecases.status_subscriber_lists import Plan
from tests.cast import World

pytestmark = pytest.mark.anyio

SLACK = "https://hooks.slack.com/services/T0/B0/s3cret"


class Desk:
    """A page, and an admin who brings lists."""

    def __init__(self, world: World, page: StatusPage, api: Component) -> None:
        self.world, self.page, self.api = world, page, api

    async def plan(self, text: str) -> Plan:
        """What the list would do."""
        async with self.world.db.read() as reader:
            planned, _ = await lists.plan(
                reader, self.world.as_(self.world.alice), self.page.id, text.encode()
            )
        return planned

    async def takes(self, text: str, size: int = lists.BATCH) -> Plan:
        """The list is taken in; what was done in its last part."""
        async with self.world.db.read() as reader:
            _, checked = await lists.plan(
                reader, self.world.as_(self.world.alice), self.page.id, text.encode()
            )
        done = Plan()
        for start in range(0, len(checked), size):
            done = await self.world.does(lists.take_in, self.page.id, checked[start : start + size])
        return done

    async def states(self) -> dict[str, int]:
        """How many there are, by state."""
        async with self.world.db.read() as reader:
            counted = await status_subscribers.counts(reader, self.page.id)
        found: dict[str, int] = {}
        for (_, state), count in counted.items():
            found[state.value] = found.get(state.value, 0) + count
        return found

    async def listed(self, **narrowed: Any) -> list[str]:
        """The addresses that a list shows."""
        async with self.world.db.read() as reader:
            some = await lists.listed(
                reader,
                self.world.as_(self.world.alice),
                self.page.id,
                Narrowed(**narrowed),
                before="~",
                limit=50,
            )
        return [each.subscriber.address for each in some]


@pytest.fixture
async def desk(world: World) -> Desk:
    """The page, with one component."""
    page = await world.does(pages.create, team_id=world.core.id, name="Acme", slug="acme")
    return Desk(world, page, await world.does(status_components.add_component, page.id, name="API"))


LIST = (
    "kind,email,endpoint,state,components\n"
    "email,ana@x.example,,active,\n"
    "email,ben@x.example,,active,API\n"
    "email,cat@x.example,,unconfirmed,\n"
    "email,dan@x.example,,quarantined,\n"
    "email,eve@x.example,,unsubscribed,\n"
    "webhook,ops@x.example,https://hook.example/a,active,\n"
    f"slack,,{SLACK},active,\n"
    "email,nobody,,active,\n"
    "email,ana@x.example,,active,\n"
)


async def test_a_plan_says_everything_and_changes_nothing(desk: Desk) -> None:
    """New, waiting, resting, repeated and unreadable lines, the last with their numbers."""
    planned = await desk.plan(LIST)
    assert (planned.new, planned.waiting, planned.resting, planned.known) == (4, 1, 2, 0)
    assert planned.repeated == 1
    assert [(each.line, each.why) for each in planned.problems] == [(9, "“nobody” is not an e-mail address")]
    assert planned.kinds == {SubscriberKind.EMAIL: 2, SubscriberKind.WEBHOOK: 1, SubscriberKind.SLACK: 1}
    assert await desk.states() == {}


async def test_an_import_does_what_its_plan_said_and_again_nothing(desk: Desk) -> None:
    """In parts, and a part that is taken in twice changes nothing; no mail leaves by it."""
    await desk.takes(LIST, size=3)
    assert await desk.states() == {"active": 4, "pending": 1, "quarantined": 1, "unsubscribed": 1}
    async with desk.world.db.read() as reader:
        known = (
            await stored.by_keys(reader, desk.page.id, []),
            await stored.sendings(reader, desk.page.id, 5),
        )
        deliveries = await reader.value("SELECT count(*) FROM status_deliveries")
        ((slack_id,),) = await reader.rows("SELECT id FROM status_subscribers WHERE kind = 'slack'")
        assert await status_subscribers.url(reader, slack_id) == SLACK
    assert (known, deliveries) == (({}, []), 0)
    assert "eve@x.example" not in await desk.listed()
    again = await desk.plan(LIST)
    assert (again.new, again.waiting, again.resting, again.stopped, again.known) == (0, 0, 0, 0, 7)
    await desk.takes(LIST)
    assert await desk.states() == {"active": 4, "pending": 1, "quarantined": 1, "unsubscribed": 1}


async def test_two_spellings_of_one_address_are_one_subscriber(desk: Desk) -> None:
    """A list that writes a webhook in two ways is taken in, and the line that sends less counts."""
    text = (
        "kind,email,endpoint,state\n"
        "webhook,ops@x.example,https://hook.example/a,active\n"
        "webhook,ops@x.example,https://Hook.example:443/a/,unsubscribed\n"
        "webhook,ops@x.example,https://hook.example/a/,active\n"
    )
    planned = await desk.plan(text)
    assert (planned.new, planned.resting, planned.repeated) == (0, 1, 2)
    await desk.takes(text)
    assert await desk.states() == {"unsubscribed": 1}


async def test_whoever_left_is_not_brought_back_by_a_list(desk: Desk) -> None:
    """Neither by the list that says so, nor by another that does not know."""
    await desk.takes("email,state\neve@x.example,unsubscribed\n")
    planned = await desk.plan("email\nEVE@x.example\n")
    assert (planned.new, planned.known) == (0, 1)
    await desk.takes("email\nEVE@x.example\n")
    assert await desk.states() == {"unsubscribed": 1}
    with pytest.raises(Conflict):
        await desk.world.does(acts.add, desk.page.id, email="eve@x.example")


async def test_a_list_stops_whom_it_says_left_and_confirms_whom_it_says_did(desk: Desk) -> None:
    """Known ones too; their address is forgotten with it."""
    await desk.world.does(acts.add, desk.page.id, email="ana@x.example", is_confirmed=True)
    await desk.world.does(acts.add, desk.page.id, email="ben@x.example")
    planned = await desk.plan("email,state\nana@x.example,unsubscribed\nben@x.example,active\n")
    assert (planned.stopped, planned.new, planned.known) == (1, 1, 0)
    await desk.takes("email,state\nana@x.example,unsubscribed\nben@x.example,active\n")
    assert await desk.states() == {"unsubscribed": 1, "active": 1}
    assert sorted(await desk.listed()) == ["", "ben@x.example"]


async def test_the_list_is_searched_and_narrowed(desk: Desk) -> None:
    """By a part of the address or the contact, literally, by state, kind and component."""
    await desk.takes(LIST)
    assert await desk.listed(words="BEN@") == ["ben@x.example"]
    assert await desk.listed(words="ops@x") == await desk.listed(kind=SubscriberKind.WEBHOOK)
    assert await desk.listed(words="_en@") == []
    assert await desk.listed(words="%") == []
    assert await desk.listed(state=SubscriberState.QUARANTINED) == ["dan@x.example"]
    assert await desk.listed(component_id=desk.api.id) == ["ben@x.example"]


async def test_the_move_is_told_once_and_only_when_somebody_starts_it(desk: Desk) -> None:
    """To those who were imported and are told by mail; the letters are last in the queue."""
    await desk.world.does(acts.add, desk.page.id, email="own@x.example", is_confirmed=True)
    await desk.takes(LIST)
    async with desk.world.db.read() as reader:
        assert await stored.untold_of_move(reader, desk.page.id) == 2
    assert await desk.world.does(lists.tell_of_move, desk.page.id) == 2
    with pytest.raises(Conflict, match="knows already"):
        await desk.world.does(lists.tell_of_move, desk.page.id)
    async with desk.world.db.read() as reader:
        (sending,) = await stored.sendings(reader, desk.page.id, 5)
        rows = await reader.rows(
            "SELECT s.address, d.place FROM status_deliveries d JOIN status_subscribers s "
            "ON s.id = d.subscriber_id ORDER BY 1"
        )
    assert sending.states == {DeliveryState.PENDING: 2}
    assert [tuple(row) for row in rows] == [("ana@x.example", 2), ("ben@x.example", 2)]


async def test_sendings_say_what_became_of_them(desk: Desk) -> None:
    """With the title, and why some failed."""
    await desk.world.does(acts.add, desk.page.id, email="ana@x.example", is_confirmed=True)
    await desk.world.does(status_incidents.create, desk.page.id, title="API is slow", message="We look.")
    async with desk.world.db.read() as reader:
        (sending,) = await lists.sendings(reader, desk.world.as_(desk.world.alice), desk.page.id, 5)
    assert (sending.title, sending.kind) == ("API is slow", "update")


async def test_lists_are_for_admins(desk: Desk) -> None:
    """A member of the team sees numbers, and no address."""
    bob = desk.world.as_(desk.world.bob)
    async with desk.world.db.read() as reader:
        with pytest.raises(Forbidden):
            await lists.listed(reader, bob, desk.page.id, Narrowed(), before="~", limit=5)
        with pytest.raises(Forbidden):
            await lists.plan(reader, bob, desk.page.id, LIST.encode())
        assert await lists.sendings(reader, bob, desk.page.id, 5) == []


async def test_an_export_is_a_list_that_can_be_imported(desk: Desk) -> None:
    """With the public ids of components; without those who left, of whom there is no address."""
    await desk.takes(LIST)
    rows = [
        row
        async for batch in lists.export(desk.world.db, desk.world.as_(desk.world.alice), desk.page.id)
        for row in batch
    ]
    assert sorted(subscriber.address for subscriber, _ in rows if subscriber.kind == "email") == [
        "ana@x.example",
        "ben@x.example",
        "cat@x.example",
        "dan@x.example",
    ]
    assert [chosen for subscriber, chosen in rows if subscriber.address == "ben@x.example"] == [
        [desk.api.public_id]
    ]


async def test_a_list_that_is_too_long_for_the_page_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is taken in."""
    monkeypatch.setattr(lists, "MOST_SUBSCRIBERS", 2)
    with pytest.raises(Invalid, match="at most 2 subscribers"):
        await desk.plan(LIST)
