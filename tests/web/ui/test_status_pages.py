"""Pages of status pages: which there are, how they stand, and one of them with what customers see."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.status_page import Automation, ComponentStatus, StatusPage
from openalert.domain.user import User
from openalert.usecases import status_components, status_incidents, status_pages
from tests.cast import World, level
from tests.web.ui.browser import Browser

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
    browser = await sign_in(world.alice)
    page = await browser.get(PATH)
    assert "No status page yet" in page.text
    assert "tells customers how your product is" in page.text
    assert page.links["Make the first one"] == f"{PATH}/new"
    page = await (await sign_in(world.bob)).get(PATH)
    assert "An admin of a team can make one." in page.text


async def test_one_form_makes_a_page_that_is_of_use(world: World, sign_in: SignIn) -> None:
    """Name, team and ticked services make a page with components of customers' names; only the team sees it so far."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    form = await browser.get(f"{PATH}/new")
    service = world.service.id
    assert form.form(PATH)["fields"]["is_public"] == "no"
    assert form.form(PATH)["fields"][f"name-{service}"] == "Database"
    made = await browser.press(
        form,
        PATH,
        name="Acme Status",
        team_id=world.core.id,
        service=service,
        **{f"name-{service}": "Search"},
    )
    assert "Acme Status is there. Only your team sees it so far." in made.text
    assert "http://127.0.0.1:8080/status/acme-status" in made.text
    assert "Search Operational" in made.text
    assert "Database" not in (await browser.get(f"{made.path}/preview")).text
    async with world.db.read() as reader:
        [part] = await status_pages.components(reader, world.as_(world.alice), made.path.split("/")[-1])
    assert (part.service_id, part.automation) == (service, Automation.PROPOSE)
    public = await browser.press(made, f"{made.path}/public")
    assert "Acme Status is public now." in public.text
    assert "Make it public" not in public.text


async def test_a_page_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    world: World, sign_in: SignIn
) -> None:
    """A taken address stands beside its field; of a half-made page nothing is left."""
    await made(world)
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    service = world.service.id
    typed = {"team_id": world.core.id, "service": service, f"name-{service}": "Search"}
    page = await browser.post(PATH, name="Shop", slug="acme", **typed)
    assert page.status == 422
    assert "The slug 'acme' is taken; choose another." in page.text
    assert page.form(PATH)["fields"][f"name-{service}"] == "Search"
    assert page.form(PATH)["fields"]["service"] == service
    page = await browser.post(PATH, name="Shop", **(typed | {f"name-{service}": ""}))
    assert "The name needs 1 to 120 printable characters." in page.text
    assert "Shop" not in (await browser.get(PATH)).text


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
    assert "Only your team sees this page." in shown.text
    assert "Waiting for approval 1 Not said yet" in shown.text
    assert "Told, and not over All that was told Payments fail investigating · since" in shown.text
    assert "API Partial outage" in shown.text
    assert "Make it public" not in shown.text
    assert f"{PATH}/{page.id}/settings" not in shown.html
