"""The page on which an organization chooses its words."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.user import User
from openalert.usecases import words
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_words_are_looked_at_with_a_real_incident_and_then_kept(world: World, sign_in: SignIn) -> None:
    """Looking keeps nothing and shows each way; saving keeps; what cannot be read is told beside its field."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    browser = await sign_in(world.alice)
    assert "[#1] MEDIUM: DiskFull" in (await browser.get("/settings/words")).text
    looked = await browser.post("/settings/words", look="1", sms="{{ service.name | upper }} is down")
    assert "MEDIUM #1 DATABASE is down" in looked.text
    assert "1 segment" in looked.text
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}
    wrong = await browser.post("/settings/words", sms="{{ service.nme }}")
    assert wrong.status == 422
    assert "At character 4: service.nme is not known; there is incident.number" in wrong.text
    saved = await browser.post("/settings/words", sms="{{ service.name | upper }} is down")
    assert "messages say it from now on" in saved.text
    assert "your words" in saved.text


async def test_without_an_incident_a_made_up_one_is_shown(world: World, sign_in: SignIn) -> None:
    """The page is of use on the first day too; a member is refused."""
    page = await (await sign_in(world.alice)).get("/settings/words")
    assert "Disk almost full on db-1 (Checkout)" in page.text
    assert (await (await sign_in(world.bob)).get("/settings/words")).status == 403


async def test_the_preview_shows_a_number_that_people_get(world: World, sign_in: SignIn) -> None:
    """Numbers begin at 10: `Reply 1 1` would teach a reader an answer that never works."""
    page = await (await sign_in(world.alice)).get("/settings/words")
    assert "Reply 1 10 = acknowledge, 2 10 = resolve, 0 = help" in page.text


@pytest.mark.parametrize("kind", list(MessageKind))
async def test_every_kind_is_looked_at_and_kept_by_itself(
    world: World, sign_in: SignIn, kind: MessageKind
) -> None:
    """Each kind has a page of its own with what can be named in it; what is saved there changes no other kind."""
    browser = await sign_in(world.alice)
    page = await browser.get(f"/settings/words?kind={kind}")
    assert MESSAGE_KINDS[kind].meaning in page.text
    assert ('id="words-voice"' in page.html) is MESSAGE_KINDS[kind].is_called
    looked = await browser.post(
        "/settings/words", kind=kind, look="1", sms="For {{ recipient.name | upper }}"
    )
    assert "For ALICE" in looked.text
    saved = await browser.post("/settings/words", kind=kind, sms="For {{ recipient.name | upper }}")
    assert "messages say it from now on" in saved.text
    assert "your words" in saved.text
    async with world.db.read() as reader:
        assert set(await words.of_mine(reader, world.as_(world.alice))) == {(kind, "sms")}


async def test_without_own_words_each_way_reads_as_it_really_does(world: World, sign_in: SignIn) -> None:
    """The usual words are no template: a voice names the service by itself, and a reminder says what it is."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    browser = await sign_in(world.alice)
    page = (await browser.get("/settings/words?kind=page")).text
    assert "Disk Full. Service: Database." in page
    assert "reminder" not in page.partition("Mail: template")[2].partition("What can be filled in")[0]
    again = (await browser.get("/settings/words?kind=reminder")).text
    assert "[#1] MEDIUM, reminder: DiskFull (Database)" in again
    assert "Reminder. Medium incident number 1." in again


async def test_what_a_kind_lacks_is_refused_beside_its_field(world: World, sign_in: SignIn) -> None:
    """A handoff has no incident: the refusal names the way, the place, and what there is; what was typed stays."""
    browser = await sign_in(world.alice)
    wrong = await browser.post("/settings/words", kind="handoff", push="{{ incident.title }} of mine")
    assert wrong.status == 422
    assert "At character 4: incident.title is not known; there is headline, schedule.name" in wrong.text
    assert 'aria-describedby="push-error"' in wrong.html
    assert "of mine</textarea>" in wrong.html
    assert (await browser.get("/settings/words?kind=nothing")).status == 404


async def test_a_dear_text_message_says_why(world: World, sign_in: SignIn) -> None:
    """Segments are counted, the letters that make them short are named, and so is what is cut."""
    browser = await sign_in(world.alice)
    dear = await browser.post("/settings/words", look="1", sms="Tűz {{ incident.title }} és füst")
    assert "segments of at most 3" in dear.text
    assert "; with ű in it a segment holds 70 letters and not 160" in dear.text
    long = await browser.post("/settings/words", look="1", push="y" * 90 + " {{ incident.description }}")
    assert "characters, of which 100 are shown" in long.text
    over = await browser.post("/settings/words", push="y" * 101)
    assert "Push: at most 100 characters are shown, and these are 101" in over.text
