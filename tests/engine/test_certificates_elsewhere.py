"""Certificates of webhooks and of domains of status pages: looked at once a day, and told to those whose they are."""

import asyncio

import pytest

from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.certificate import Certificate
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.engine import certificates as engine
from openalert.engine.certificates import Certificates
from openalert.notifiers import certificates as looking
from openalert.notifiers.certificates import Place
from openalert.usecases import (
    certificates_elsewhere,
    channels,
    outgoing_webhooks,
    status_pages,
    warnings,
)
from openalert.usecases.outgoing_webhooks import Wish
from tests import make
from tests.cast import World

pytestmark = [pytest.mark.anyio, pytest.mark.proves("F-48")]
LEFT = 60 * DAY


class Eyes:
    """Sees what a test says, and counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ends: dict[str, Instant | None] = {}
        """By host; another one ends in sixty days, None cannot be looked at."""
        self.life = 90 * DAY
        self.looked: list[str] = []
        self.under_way = self.most_at_once = 0
        self.is_open = True
        self.node = Certificates(world.db, (), elsewhere=self)

    async def __call__(self, place: Place, now: Instant) -> Certificate:
        """The certificate of this host."""
        self.looked.append(place.host)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        end = self.ends.get(place.host, now + LEFT)
        return Certificate(
            use=place.use,
            words="",
            where=place.where,
            looked_at=now,
            starts_at=None if end is None else end - self.life,
            ends_at=end,
        )

    def close(self) -> None:
        """They are shut."""
        self.is_open = False

    async def steps(self) -> list[str]:
        """One step of the node: where it looked."""
        before = len(self.looked)
        await self.node.step()
        return self.looked[before:]


@pytest.fixture
def eyes(world: World) -> Eyes:
    """Of a node that looks for all."""
    return Eyes(world)


async def _found(world: World, actor: Actor = SYSTEM) -> list[Finding]:
    outlook = await warnings.look(world.db, actor)
    return [each for each in outlook.findings if each.kind is WarningKind.CERTIFICATE_ENDS]


async def _told(world: World, actor: Actor = SYSTEM) -> set[str]:
    return {each.words for each in await _found(world, actor)}


def _admin(world: World) -> Actor:
    return Actor(
        kind="user",
        id=world.alice.id,
        name="Alice",
        organization_id=world.cast.organization.id,
        role=Role.ADMIN,
        teams={},
    )


async def _estate(world: World) -> None:
    """A webhook and a status page of the core team, and an outgoing webhook of the organization."""
    await make.channel(world.db, world.core, "webhook", "Ops", url="https://hooks.example/a")
    async with world.db.transaction(_admin(world)) as tx:
        await outgoing_webhooks.create(tx, Wish(name="Tickets", url="https://tickets.example:8443/in"))
        await status_pages.create(tx, team_id=world.core.id, name="Shop", custom_domain="status.example")


async def test_each_hears_of_their_own(world: World, eyes: Eyes) -> None:
    """The team of its webhook and page, admins of all in their organization, strangers and others of nothing."""
    await _estate(world)
    for host in ("hooks.example", "tickets.example", "status.example"):
        eyes.ends[host] = world.clock() + 2 * DAY
    assert sorted(await eyes.steps()) == sorted(eyes.ends)
    webhook = "The certificate of the channel Ops is about to end"
    page = "The certificate of the status page Shop is about to end"
    outgoing = "The certificate of the outgoing webhook Tickets is about to end"
    assert await _told(world, world.as_(world.bob)) == {webhook, page}
    assert await _told(world, world.as_(world.charlie)) == set()
    assert await _told(world, _admin(world)) == await _told(world) == {webhook, page, outgoing}
    other = await make.organization(world.db, "Other")
    stranger = await make.user(world.db, other, "Olga", role=Role.OWNER)
    assert await _told(world, make.actor(stranger)) == set()
    found = {each.subject: each for each in await _found(world)}
    assert found["Ops"].link == f"/teams/{world.core.id}#channels"
    assert found["Tickets"].link == f"/settings/outgoing-webhooks/{found['Tickets'].subject_id}"
    assert found["Shop"].link == f"/status-pages/{found['Shop'].subject_id}"
    assert (found["Ops"].team_id, found["Tickets"].team_id) == (world.core.id, None)
    assert {each.organization_id for each in found.values()} == {world.cast.organization.id}
    assert "tickets.example:8443" in found["Tickets"].detail


async def test_what_pages_by_it_is_urgent(world: World, eyes: Eyes) -> None:
    """A channel that a policy pages is missed at once, as is what customers read; one that is only told less so."""
    await _estate(world)
    for host in ("hooks.example", "tickets.example", "status.example"):
        eyes.ends[host] = world.clock() - MINUTE
    await eyes.steps()
    assert {each.subject: each.severity for each in await _found(world)} == {
        "Ops": Severity.MEDIUM,
        "Tickets": Severity.MEDIUM,
        "Shop": Severity.HIGH,
    }
    async with world.db.read() as reader:
        (ops,) = await channels.page(reader, SYSTEM, limit=10)
    await make.policy(world.db, world.core, make.level(1, ops))
    (urgent,) = [each for each in await _found(world) if each.subject == "Ops"]
    assert (urgent.severity, urgent.words) == (
        Severity.HIGH,
        "The certificate of the channel Ops has ended",
    )
    assert "Tell whoever runs that server." in urgent.detail


async def test_it_costs_little(world: World, eyes: Eyes) -> None:
    """However many there are, a few at a time and each once a day; many on one host are one."""
    for number in range(45):
        await make.channel(world.db, world.core, "webhook", f"W{number}", url=f"https://h{number}.example/")
        await make.channel(
            world.db, world.core, "webhook", f"X{number}", url=f"https://H{number}.example.:443/x"
        )
    looked = [len(await eyes.steps()) for _ in range(4)]
    assert looked == [20, 20, 5, 0]
    assert eyes.most_at_once == engine.AT_ONCE
    assert len(set(eyes.looked)) == 45
    world.clock.advance(DAY - HOUR)
    assert await eyes.steps() == []
    world.clock.advance(HOUR)
    assert [len(await eyes.steps()) for _ in range(4)] == [20, 20, 5, 0]


async def test_whoever_waited_longest_is_first(
    world: World, eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody has looked at yet, then what was looked at longest ago, be its name what it may."""
    monkeypatch.setattr(certificates_elsewhere, "AT_ONCE", 1)
    for host in ("b", "a"):
        await make.channel(world.db, world.core, "webhook", host, url=f"https://{host}.example/")
        assert await eyes.steps() == [f"{host}.example"]
        world.clock.advance(MINUTE)
    world.clock.advance(DAY)
    await make.channel(world.db, world.core, "webhook", "c", url="https://c.example/")
    assert [await eyes.steps() for _ in range(4)] == [["c.example"], ["b.example"], ["a.example"], []]


@pytest.mark.parametrize(
    ("left", "hours"), [(10 * DAY, 24), (2 * DAY, 4), (-DAY, 4)], ids=["soon", "very soon", "ended"]
)
async def test_what_is_about_to_end_is_looked_at_more_often(
    world: World, eyes: Eyes, left: int, hours: int
) -> None:
    """And what has ended: whoever renews it is to see the warning go. A clock that was set back delays no look."""
    await make.channel(world.db, world.core, "webhook", "Ops", url="https://hooks.example/")
    eyes.ends["hooks.example"] = world.clock() + left
    await eyes.steps()
    world.clock.advance(hours * HOUR - MINUTE)
    assert await eyes.steps() == []
    world.clock.advance(MINUTE)
    assert await eyes.steps() == ["hooks.example"]
    world.clock.advance(-MINUTE)
    assert await eyes.steps() == ["hooks.example"]


async def test_one_of_a_short_life_is_no_trouble_while_it_is_usual(world: World, eyes: Eyes) -> None:
    """Four days of eight: it is renewed later than that; also while it cannot be looked at."""
    await make.channel(world.db, world.core, "webhook", "Ops", url="https://hooks.example/")
    eyes.life, eyes.ends["hooks.example"] = 8 * DAY, world.clock() + 5 * DAY
    await eyes.steps()
    assert await _found(world) == []
    eyes.ends["hooks.example"] = None
    world.clock.advance(DAY)
    assert await eyes.steps() == ["hooks.example"]
    assert await _found(world) == []
    world.clock.advance(2 * DAY)
    assert [each.severity for each in await _found(world)] == [Severity.MEDIUM]


async def test_one_node_looks_for_all_and_writes_what_it_saw_alone(
    world: World, eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one looks at nothing; where nothing is due nothing is written; what is closed at the end are its eyes."""
    await _estate(world)
    other = Eyes(world)
    other.node = Certificates(world.db, (), lambda: False, elsewhere=other)
    assert await other.steps() == []
    assert len(await eyes.steps()) == 3

    async def keep(*_: object) -> None:
        raise AssertionError("there is nothing to write")

    monkeypatch.setattr(certificates_elsewhere, "keep", keep)
    assert await eyes.steps() == []
    await eyes.node.stop()
    assert not eyes.is_open


def test_a_step_in_which_nobody_answers_is_no_standstill() -> None:
    """As long as that takes, and as many places as a configuration names."""
    turns = -(-certificates_elsewhere.AT_ONCE // engine.AT_ONCE) + 4
    assert 2 * turns * looking.LONGEST < engine.LONGEST_STEP


async def test_where_none_ends_soon_nothing_is_read(
    world: World, eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings are looked at often, and most installations have no such certificate."""
    await _estate(world)
    await eyes.steps()

    async def named(*_: object) -> list[certificates_elsewhere.Named]:
        raise AssertionError("nothing is to be read")

    monkeypatch.setattr(certificates_elsewhere, "named", named)
    assert await _found(world) == []


async def test_what_is_not_encrypted_or_not_on_is_left_alone(world: World, eyes: Eyes) -> None:
    """Nor what is no address of the web; a Teams workflow's host is seen beside the part that is secret."""
    await make.channel(world.db, world.core, "webhook", "Plain", url="http://plain.example/")
    await make.channel(world.db, world.core, "webhook", "Broken", url="https://[broken/")
    await make.channel(world.db, world.core, "email", "Mail", address="ops@mail.example")
    await make.channel(world.db, world.core, "apprise", "Apprise", url="ntfys://ntfy.example/… (1)")
    await make.channel(world.db, world.core, "teams", "Teams", url="https://flows.example/… (12345678)")
    off = await make.channel(world.db, world.core, "webhook", "Off", url="https://off.example/")
    await world.does(channels.update, off.id, is_enabled=False)
    async with world.db.transaction(_admin(world)) as tx:
        hook, _ = await outgoing_webhooks.create(tx, Wish(name="Off", url="https://off.example/in"))
        await outgoing_webhooks.update(tx, hook.id, Wish(is_enabled=False))
        await status_pages.create(
            tx, team_id=world.core.id, name="Inside", custom_domain="inside.example", is_public=False
        )
    assert await eyes.steps() == ["flows.example"]


async def test_renewed_it_is_quiet_and_gone_it_is_forgotten(world: World, eyes: Eyes) -> None:
    """What cannot be looked at has not renewed itself by that; one about to end is looked at every four hours."""
    channel = await make.channel(world.db, world.core, "webhook", "Ops", url="https://hooks.example/")
    eyes.ends["hooks.example"] = world.clock() + 2 * DAY
    await eyes.steps()
    eyes.ends["hooks.example"] = None
    world.clock.advance(4 * HOUR - MINUTE)
    assert await eyes.steps() == []
    world.clock.advance(MINUTE)
    assert await eyes.steps() == ["hooks.example"]
    assert len(await _found(world)) == 1
    eyes.ends["hooks.example"] = world.clock() + LEFT
    world.clock.advance(4 * HOUR)
    await eyes.steps()
    assert await _found(world) == []
    await world.does(channels.delete, channel.id)
    await eyes.steps()
    async with world.db.read() as reader:
        assert (await certificates_elsewhere.to_do(reader)).due == []
    assert await world.value("SELECT count(*) FROM certificates_elsewhere") == 0
