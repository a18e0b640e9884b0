"""Pages of status pages: which there are, how they stand, and one of them with what customers see."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.status_page import ComponentStatus, StatusPage
from openalert.domain.user import User
from openalert.usecases import status_components, status_incidents, status_pages
from tests.web.ui.browser import Browser
from tests.world import World

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/status-pages"


async def made(world: World, *names: str, **settings: Any) -> tuple[StatusPage, list[str]]:
    """A status page of the team, and the ids of components with these names."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        page = await status_pages.create(
            tx, team_id=world.core.id, **{"name": "Acme Platform", "slug": "acme"} | settings
        )
        parts = [await status_components.add_component(tx, page.id, name=name) for name in names]
    return page, [each.id for each in parts]


async def tell(world: World, page: StatusPage, title: str, *component_ids: str, **options: Any) -> None:
    """An incident, these components being in a partial outage because of it."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_incidents.create(
            tx,
            page.id,
            title=title,
            message="We look.",
            components=dict.fromkeys(component_ids, ComponentStatus.PARTIAL_OUTAGE),
            **options,
        )


async def test_an_empty_list_says_what_a_status_page_is_for(world: World, sign_in: SignIn) -> None:
    """Nobody has to guess what it would be good for."""
    page = await (await sign_in(world.alice)).get(PATH)
    assert "No status page yet" in page.text
    assert "tells customers how your product is" in page.text


async def test_the_list_says_how_each_page_stands(world: World, sign_in: SignIn) -> None:
    """The word for the whole, what is open, what waits to be approved, the address, and what is private."""
    page, [api, _] = await made(world, "API", "Web")
    await made(world, name="Partners", slug="partners", is_public=False)
    await tell(world, page, "Payments fail", api)
    await tell(world, page, "Not said yet", is_draft=True)
    listed = await (await sign_in(world.bob)).get(PATH)
    assert "Acme Platform · Core 1 draft to approve Outage" in listed.text
    assert "1 of 2 components affected · 1 open incident http://127.0.0.1:8080/status/acme" in listed.text
    assert "Partners · Core Private Operational No component yet · nothing open" in listed.text
    assert listed.links["Acme Platform"] == f"{PATH}/{page.id}"
    assert "Payments fail" not in listed.text


async def test_strangers_see_neither_the_page_nor_that_there_is_one(world: World, sign_in: SignIn) -> None:
    """Out of the team's sight everything about it answers like what never was."""
    page, _ = await made(world, "API")
    browser = await sign_in(world.charlie)
    assert "No status page yet" in (await browser.get(PATH)).text
    for path in (f"{PATH}/{page.id}", f"{PATH}/{page.id}/preview"):
        assert (await browser.get(path)).status == 404


async def test_one_page_says_how_it_stands_and_shows_what_customers_see(
    world: World, sign_in: SignIn
) -> None:
    """The head with word, team and address; the public page inside of ours, and only there."""
    page, [api] = await made(world, "API", is_public=False)
    await tell(world, page, "Payments fail", api)
    await tell(world, page, "Not said yet", is_draft=True)
    browser = await sign_in(world.bob)
    shown = await browser.get(f"{PATH}/{page.id}")
    assert "Acme Platform Outage Private Team Core http://127.0.0.1:8080/status/acme" in shown.text
    assert f'src="{PATH}/{page.id}/preview"' in shown.html
    assert "; frame-src 'self'" in shown.headers["content-security-policy"]
    inside = await browser.get(f"{PATH}/{page.id}/preview")
    assert "Payments fail" in inside.text
    assert "Not said yet" not in inside.text
    assert "frame-ancestors 'self'" in inside.headers["content-security-policy"]
    assert "default-src 'none'" in inside.headers["content-security-policy"]
    assert inside.headers["x-frame-options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in inside.html
