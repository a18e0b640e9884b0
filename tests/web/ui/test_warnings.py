"""The page of warnings, and the worst of them among the settings."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.domain.user import User
from openalert.usecases import schedules, warnings
from tests import make
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_nothing_wrong_is_said_with_how_many_people_that_is_about(
    world: World, sign_in: SignIn
) -> None:
    """To a member, who does not see how channels are; and to a stranger that nobody is to be paged."""
    await world.policy(level(1, world.alice, world.bob))
    page = await (await sign_in(world.bob)).get("/warnings")
    assert "Everything is in order" in page.text
    assert "2 people may be paged in the next 30 days, and all can be reached." in page.text
    assert "Nobody is to be paged yet" in (await (await sign_in(world.charlie)).get("/warnings")).text


async def test_each_warning_leads_to_the_page_that_mends_it(world: World, sign_in: SignIn) -> None:
    """With its times on the reader's clock, the worst first; names are shown as they are and do nothing."""
    made = await world.does(schedules.create, team_id=world.core.id, name="<i>Nights</i>", timezone="UTC")
    await world.without_policy()
    page = await (await sign_in(world.bob)).get("/warnings")
    assert page.links["Nobody is on call for <i>Nights</i>"] == f"/schedules/{made.id}"
    assert page.links["Alerts of Database page nobody"] == f"/services/{world.service.id}"
    assert page.text.index("Alerts of Database") < page.text.index("Nights")
    assert "from now on" in page.text


async def test_the_settings_show_the_worst_five_and_how_many_there_are(world: World, sign_in: SignIn) -> None:
    """And lead to the others."""
    for number in range(6):
        service = await make.service(world.db, world.core, name=f"Service {number}")
        await make.integration(world.db, service, f"key {number}")
    page = await (await sign_in(world.bob)).get("/settings")
    assert page.links["See all 6"] == "/warnings"
    assert "Alerts of Service 4 page nobody" in page.text
    assert "Alerts of Service 5 page nobody" not in page.text
    assert "Nothing" in (await (await sign_in(world.charlie)).get("/settings")).text


async def test_the_first_page_points_at_what_is_pressing_for_whoever_could_mend_it(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """As of the last look; not to members, not to another organization's owner, and not for a hint."""
    await world.does(schedules.create, team_id=world.core.id, name="Unused", timezone="UTC")
    await openalert.engine.measure_warnings()
    browser = await sign_in(world.alice)
    # Without a mail server the settings of this installation are worth a warning of their own.
    assert "page nobody" not in (await browser.get("/incidents")).text
    await world.without_policy()
    await openalert.engine.measure_warnings()
    page = await browser.get("/incidents")
    assert "Alerts of Database page nobody. See what would keep a page from arriving" in page.text
    assert "/warnings" in page.links.values()
    await world.fires("DiskFull")
    assert "would keep a page" not in (await browser.get("/incidents")).text, "first what is broken now"
    await world.resolves("DiskFull")
    other = await make.user(world.db, await make.organization(world.db, "Other"), "Olga", make.Role.OWNER)
    for somebody in (world.bob, world.charlie, other):
        assert "would keep a page" not in (await (await sign_in(somebody)).get("/incidents")).text


async def test_the_first_page_never_waits_for_a_look(
    world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the engine has looked, nothing is pointed at, and nothing is computed."""
    monkeypatch.setattr(warnings, "look", None)
    await world.without_policy()
    assert "would keep a page" not in (await (await sign_in(world.alice)).get("/incidents")).text
