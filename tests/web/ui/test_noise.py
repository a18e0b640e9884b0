"""The page of what a service does about noise."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.noise import AS_SENT, Flapping, GroupBy, Grouping, Noise
from openalert.domain.service import Service
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.usecases import services
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def _service(world: World) -> Service:
    async with world.db.read() as reader:
        return await services.get(reader, world.as_(world.alice), world.service.id)


async def test_everything_is_set_by_one_form_and_shown_again(world: World, sign_in: SignIn) -> None:
    """Fields, window, pause and flapping arrive as they were typed."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    path = f"/services/{world.service.id}/noise"
    page = await browser.post(
        path, by="fields", fields="label:host , title", window="30", pause="90", up_to="medium",
        flapping="yes", occurrences="3", within="15", steady="5",
    )  # fmt: skip
    assert "Saved." in page.text
    service = await _service(world)
    assert service.grouping == Grouping(by=GroupBy.FIELDS, fields=("label:host", "title"), window_minutes=30)
    assert service.noise == Noise(
        pause_seconds=90,
        pause_up_to=Severity.MEDIUM,
        flapping=Flapping(occurrences=3, within_minutes=15, steady_minutes=5),
    )
    typed = page.form(path)["fields"]
    assert (typed["fields"], typed["window"], typed["pause"]) == ("label:host, title", "30", "90")
    await browser.post(path, by="source", fields="label:host", window="", pause="")
    service = await _service(world)
    assert service.grouping == AS_SENT
    assert service.noise.pause_seconds == 0
    assert service.noise.flapping is None


async def test_what_is_wrong_is_said_and_the_rest_is_kept(world: World, sign_in: SignIn) -> None:
    """A field that does not exist and words for numbers are refused beside their fields."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    path = f"/services/{world.service.id}/noise"
    page = await browser.post(path, by="fields", fields="colour", pause="90")
    assert page.status == 422
    assert "There is no field 'colour'" in page.text
    assert page.form(path)["fields"]["pause"] == "90"
    for wrong in (
        {"pause": "soon"},
        {"window": "1e9"},
        {"by": "nonsense"},
        {"flapping": "yes", "occurrences": "x"},
    ):
        page = await browser.post(path, **({"by": "service"} | wrong))
        assert page.status == 422
    assert (await _service(world)).grouping == AS_SENT


async def test_the_page_counts_what_a_pause_would_have_kept_quiet(world: World, sign_in: SignIn) -> None:
    """Of three alerts one ended by itself within a minute, one was resolved by a person."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    path = f"/services/{world.service.id}/noise"
    assert "No alert came yet" in (await browser.get(path)).text
    await world.fires("Blip")
    await world.fires("Disk")
    await world.advance(seconds=30)
    await world.resolves("Blip")
    page = await browser.get(path)
    assert "2 alerts made 2 incidents" in page.text
    assert "1 minute 1 1 of 2" in page.text


async def test_flapping_is_counted(world: World, sign_in: SignIn) -> None:
    """The fourth beginning within half an hour is one that flaps."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    for round_ in range(4):
        await world.fires("Flap", since=round_ * 60)
        await world.resolves("Flap", since=round_ * 60)
        await world.advance(minutes=1)
    page = await browser.get(f"/services/{world.service.id}/noise")
    assert "1 alert came for the fourth time" in page.text
