"""The tab of components: added, named, grouped, put in order, set by hand and deleted, all without script."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.status_page import Automation, ComponentStatus
from openalert.domain.user import User
from openalert.usecases import status_arrangement, status_components, status_incidents
from tests.cast import World, level
from tests.web.ui.browser import Browser
from tests.web.ui.test_status_pages import PATH, made, tell

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = '<img src=x onerror="alert(1)">'


async def arranged(world: World, page_id: str) -> str:
    """`API Web | Europe: Shop`: the components in their order, group by group."""
    async with world.db.read() as reader:
        sections = await status_arrangement.of_page(reader, world.as_(world.alice), page_id)
    return " | ".join(
        (f"{section.group.name}: " if section.group else "")
        + " ".join(each.name for each in section.components)
        for section in sections
    )


async def test_components_and_groups_are_added_changed_and_deleted(world: World, sign_in: SignIn) -> None:
    """The whole life of a component by plain forms, hostile text shown as text."""
    await world.policy(level(1, world.alice))
    page, _ = await made(world)
    tab = f"{PATH}/{page.id}/components"
    browser = await sign_in(world.alice)
    assert "No component yet" in (await browser.get(tab)).text
    shown = await browser.post(f"{PATH}/{page.id}/groups", group_name="Europe")
    assert "The group Europe is there." in shown.text
    shown = await browser.post(tab, name=HOSTILE, service_id=world.service.id)
    assert HOSTILE in shown.text
    assert "<img src=x" not in shown.html
    assert "Drafts when there is an incident of Database" in shown.text
    edit = shown.links[HOSTILE]
    async with world.db.read() as reader:
        [group] = await status_components.groups(reader, world.as_(world.alice), page.id)
    form = await browser.get(edit)
    assert "without words and without anybody's approval" in form.text
    saved = await browser.press(
        form, edit, name="Shop", description="Selling", link_url="https://shop.example", group_id=group.id,
        automation="set", service_id=world.service.id,
    )  # fmt: skip
    assert "Shop is saved." in saved.text
    assert "Selling Follows by itself Database" in saved.text
    assert await arranged(world, page.id) == " | Europe: Shop"
    saved = await browser.post(f"{PATH}/groups/{group.id}", name="EU")
    assert "EU folded" in saved.text
    gone = await browser.post(f"{PATH}/groups/{group.id}/delete")
    assert "its components stay" in gone.text
    assert await arranged(world, page.id) == "Shop"
    gone = await browser.press(await browser.get(edit), f"{edit}/delete")
    assert "Shop is off the page. What was told of it stays told." in gone.text


async def test_a_mistake_stands_beside_its_field(world: World, sign_in: SignIn) -> None:
    """What is typed stays, and says what is wrong with it."""
    page, [api] = await made(world, "API")
    browser = await sign_in(world.alice)
    shown = await browser.post(f"{PATH}/{page.id}/components", name=" ")
    assert shown.status == 422
    assert "The name needs 1 to 120" in shown.text
    shown = await browser.post(f"{PATH}/{page.id}/groups", group_name="")
    assert "The name needs 1 to 120" in shown.text
    shown = await browser.post(f"{PATH}/components/{api}", name="API", link_url="javascript:alert(1)")
    assert "The link must be an address that begins with https://" in shown.text
    shown = await browser.post(f"{PATH}/components/{api}", name="API", automation="set")
    assert "needs a serviceId to go by" not in shown.text
    assert "Choose the service that it is to follow." in shown.text


async def test_buttons_move_a_component_and_lead_it_through_groups(world: World, sign_in: SignIn) -> None:
    """One place at a time; at the edge of a group into the one beside it, and no further than the page goes."""
    page, [api, web, shop] = await made(world, "API", "Web", "Shop")
    async with world.db.transaction(world.as_(world.alice)) as tx:
        europe = await status_components.add_group(tx, page.id, name="Europe")
        asia = await status_components.add_group(tx, page.id, name="Asia")
        await status_components.change_component(tx, shop, group_id=europe.id)
    browser = await sign_in(world.alice)
    shown = await browser.post(f"{PATH}/components/{web}/up")
    assert shown.path == f"{PATH}/{page.id}/components"
    assert await arranged(world, page.id) == "Web API | Europe: Shop | Asia: "
    await browser.post(f"{PATH}/components/{api}/down")
    assert await arranged(world, page.id) == "Web | Europe: API Shop | Asia: "
    for _ in range(3):
        await browser.post(f"{PATH}/components/{api}/down")
    assert await arranged(world, page.id) == "Web | Europe: Shop | Asia: API"
    await browser.post(f"{PATH}/components/{web}/up")
    await browser.post(f"{PATH}/groups/{asia.id}/up")
    assert await arranged(world, page.id) == "Web | Asia: API | Europe: Shop"
    await browser.post(f"{PATH}/groups/{europe.id}/down")
    assert await arranged(world, page.id) == "Web | Asia: API | Europe: Shop"
    assert "API" in (await browser.get(f"{PATH}/{page.id}/preview")).text.split("Asia")[1].split("Europe")[0]


async def test_the_whole_order_is_saved_at_once(world: World, sign_in: SignIn) -> None:
    """As it was dragged: groups and components in one list; what somebody added meanwhile stays where it was."""
    page, [api, web, shop] = await made(world, "API", "Web", "Shop")
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_components.add_group(tx, page.id, name="Europe")
        asia = await status_components.add_group(tx, page.id, name="Asia")
    browser = await sign_in(world.alice)
    places = [f"group:{asia.id}", f"component:{web}", f"component:{web}", "group:", f"component:{shop}"]
    await browser.post(f"{PATH}/{page.id}/components/order", place=places)
    assert await arranged(world, page.id) == "Shop API | Asia: Web | Europe: "
    other, [foreign] = await made(world, "Foreign", name="Other", slug="other")
    refused = await browser.post(f"{PATH}/{page.id}/components/order", place=[f"component:{foreign}"])
    assert "no component of this page" in refused.text.lower()
    assert await arranged(world, other.id) == "Foreign"
    assert api


async def test_who_sets_a_status_by_hand_has_the_last_word_and_is_told_so(
    world: World, sign_in: SignIn
) -> None:
    """A member may, what it means is said where it is done, and open incidents say nothing of it any more."""
    page, [api] = await made(world, "API")
    await tell(world, page, "Payments fail", api)
    browser = await sign_in(world.bob)
    tab = await browser.get(f"{PATH}/{page.id}/components")
    assert "It is the last word: open incidents say nothing of API any more." in tab.text
    assert "Add a component" not in tab.text
    assert "API Partial outage" in tab.text
    said = await browser.post(f"{PATH}/components/{api}/status", status="operational")
    assert "API: operational, from now on, whatever open incidents say of it." in said.text
    async with world.db.read() as reader:
        one = await status_components.component(reader, world.as_(world.bob), api)
        [told] = await status_incidents.of_page(reader, world.as_(world.bob), page.id, limit=5)
    assert one.status is ComponentStatus.OPERATIONAL
    assert told.affected[0].status is None
    refused = await browser.post(f"{PATH}/components/{api}/status", status="on fire")
    assert "Choose one of the statuses." in refused.text
    assert (await browser.post(f"{PATH}/components/{api}", name="Mine")).status == 403
    assert (await browser.get(f"{PATH}/components/{api}")).status == 403


async def test_every_automation_can_be_chosen(world: World, sign_in: SignIn) -> None:
    """What the form offers is what there is."""
    _, [api] = await made(world, "API")
    form = await (await sign_in(world.alice)).get(f"{PATH}/components/{api}")
    for each in Automation:
        assert f'name="automation" value="{each}"' in form.html
    assert "Critical Major outage High Partial outage Medium Degraded performance" in form.text
