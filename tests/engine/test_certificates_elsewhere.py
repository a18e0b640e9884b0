"""Certificates of webhooks and of domains of status pages: looked at once a day, and told to those whose they are."""

import pytest

from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.certificate import Certificate
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.engine.certificates import Certificates
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
        self.looked: list[str] = []
        self.node = Certificates(world.db, (), elsewhere=self)

    async def __call__(self, place: Place, now: Instant) -> Certificate:
        """The certificate of this host."""
        self.looked.append(place.host)
        end = self.ends.get(place.host, now + LEFT)
        return Certificate(
            use=place.use,
            words="",
            where=place.where,
            looked_at=now,
            starts_at=None if end is None else end - 90 * DAY,
            ends_at=end,
        )

    def close(self) -> None:
        """Nothing is open."""

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
            world.db, world.core, "webhook", f"X{number}", url=f"https://H{number}.example:443/x"
        )
    looked = [len(await eyes.steps()) for _ in range(4)]
    assert looked == [20, 20, 5, 0]
    assert len(set(eyes.looked)) == 45
    world.clock.advance(DAY - HOUR)
    assert await eyes.steps() == []
    world.clock.advance(HOUR)
    assert len(await eyes.steps()) == 20


async def test_what_is_not_encrypted_or_not_on_is_left_alone(world: World, eyes: Eyes) -> None:
    """Nor what is no address of the web; a Teams workflow's host is seen beside the part that is secret."""
    await make.channel(world.db, world.core, "webhook", "Plain", url="http://plain.example/")
    await make.channel(world.db, world.core, "webhook", "Broken", url="https://[broken/")
    await make.channel(world.db, world.core, "email", "Mail", address="ops@mail.example")
    await make.channel(world.db, world.core, "apprise", "Apprise", url="ntfys://ntfy.example/… (1)")
    await make.channel(world.db, world.core, "teams", "Teams", url="https://flows.example/… (12345678)")
    off = await make.channel(world.db, world.core, "webhook", "Off", url="https://off.example/")
    await world.does(channels.update, off.id, is_enabled=False)
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
