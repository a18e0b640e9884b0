"""Codes by telephone cost money: few to one number, one person and a whole organization within a day."""

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import RateLimited
from openalert.domain.instant import DAY, MINUTE
from openalert.usecases import contact_methods
from tests import make
from tests.cast import World

pytestmark = pytest.mark.anyio


async def add(world: World, number: str, kind: str = "sms") -> str:
    """Bob adds a number; its method's id."""
    made = await world.does(contact_methods.create, world.bob.id, by=world.bob, kind=kind, address=number)
    return str(made.id)


async def test_one_number_gets_four_codes_a_day(world: World) -> None:
    """Asked again and again, and by another kind too; a day later it goes on."""
    method = await add(world, "+4915112345678")
    for _ in range(3):
        world.clock.advance(2 * MINUTE)
        await world.does(contact_methods.verify, world.bob.id, method, None, by=world.bob)
    world.clock.advance(2 * MINUTE)
    with pytest.raises(RateLimited, match="4 codes went to this number"):
        await world.does(contact_methods.verify, world.bob.id, method, None, by=world.bob)
    with pytest.raises(RateLimited):
        await add(world, "+4915112345678", "voice")
    world.clock.advance(DAY)
    await world.does(contact_methods.verify, world.bob.id, method, None, by=world.bob)


async def test_one_person_gets_eight_and_mail_goes_on(world: World) -> None:
    """Number after number, removed in between: the ninth is refused, while an address of mail is not."""
    for number in range(8):
        method = await add(world, f"+49151123456{number:02d}")
        await world.does(contact_methods.delete, world.bob.id, method, by=world.bob)
    with pytest.raises(RateLimited, match="8 codes went to numbers of Bob"):
        await add(world, "+4915199999999")
    await world.does(
        contact_methods.create, world.bob.id, by=world.bob, kind="email", address="other@example.org"
    )


async def test_an_organization_gets_a_hundred(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Person after person; another organization is not concerned."""
    monkeypatch.setattr(contact_methods, "MOST_CALLS_OF_ALL", 2)
    await add(world, "+4915112345601")
    await add(world, "+4915112345602")
    with pytest.raises(RateLimited, match="telephones of your organization"):
        await add(world, "+4915112345603")
    other = await make.organization(world.db, "Other")
    zoe = await make.user(world.db, other, "Zoe", Role.OWNER)
    await world.does(contact_methods.create, zoe.id, by=zoe, kind="sms", address="+4915112345604")
