"""An organization's own words in messages."""

import pytest

from openalert.domain.errors import Forbidden, Invalid
from openalert.notifiers import letter
from openalert.usecases import words
from tests.world import World, level

pytestmark = pytest.mark.anyio


async def test_messages_say_it_in_the_words_of_the_organization(world: World) -> None:
    """From the moment of saving a mail calls the incident as its owner wrote; the number and how bad it is stay."""
    await world.does(words.save, {"email": "{{ labels.alertname | upper }} in {{ service.name }}"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert letter.subject(page) == "[#1] MEDIUM: DISKFULL in Database"


async def test_other_ways_keep_their_words(world: World) -> None:
    """Words for text messages change no mail; an empty template gives back the usual ones."""
    await world.does(words.save, {"sms": "{{ service.name }} is down"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.incident is not None
    assert page.incident.words == ""
    assert await world.does(words.save, {"sms": ""}) == 1
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}


async def test_a_template_that_fills_in_nothing_leaves_the_title(world: World) -> None:
    """A label that an alert lacks makes no nameless page."""
    await world.does(words.save, {"email": "{{ labels.nothing }}"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    assert "DiskFull" in letter.subject(world.mailbox(world.alice).got("DiskFull"))


async def test_only_admins_choose_words_and_mistakes_are_named(world: World) -> None:
    """A member may not; what cannot be read is refused for its way, and nothing of the same form is kept."""
    with pytest.raises(Forbidden):
        await world.does(words.save, {"email": "x"}, by=world.bob)
    with pytest.raises(Invalid) as refusal:
        await world.does(words.save, {"sms": "fine", "email": "{{ incident.password }}"})
    assert refusal.value.details["field"] == "email"
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}
