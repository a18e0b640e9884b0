"""Pages of routing rules: a rule is written, read, tried, ordered and deleted without any script."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from openalert.domain.routing import RoutingRule, RuleBody
from openalert.domain.user import User
from openalert.usecases import routing_rules
from openalert.web.ui import rule_forms
from tests.cast import World, level
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]

PATH = "/routing-rules"


async def rules(world: World) -> list[RoutingRule]:
    """Those of the team, in order."""
    async with world.db.read() as reader:
        return await routing_rules.page(reader, world.as_(world.alice), limit=50)


async def saves(browser: Browser, world: World, name: str, **fields: Any) -> Page:
    """A rule that is typed and saved."""
    typed = {"name": name, "place": f"team:{world.core.id}", "is_enabled": "yes", "act": "save"}
    return await browser.post(PATH, **(typed | fields))


async def test_a_rule_is_written_as_a_sentence_and_read_as_one(world: World, sign_in: SignIn) -> None:
    """The lines of the form become conditions, and the list says the rule in words."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    page = await browser.get(f"{PATH}/new")
    assert page.status == 200
    page = await browser.post(PATH, act="add-label", kind=["severity"], **{"values-1": ["low"]})
    assert page.status == 200
    await saves(
        browser,
        world,
        "Quiet lows",
        kind=["severity", "label", "time"],
        **{
            "values-1": ["low", "info"],
            "name-2": "env",
            "operator-2": "=~",
            "value-2": "prod|staging",
            "not-3": "not",
            "days-3": ["1", "2"],
            "from-3": "09:00",
            "to-3": "17:00",
            "name-3": "Europe/Berlin",
        },
        paging="suppress",
        tags="noise, night",
        side="below",
        count="3",
        minutes="10",
        by="label:host",
        stop="yes",
    )
    page = await browser.get(PATH)
    assert (
        "When severity is low or info, and label env matches “prod|staging”, and not (it comes Mon and Tue 09:00 to "
        "17:00 (Europe/Berlin)), and there are fewer than 3 of them within 10 min with the same label host: tag noise "
        "and night, suppress until it is resolved, ask no later rule."
    ) in page.text
    [made] = await rules(world)
    page = await browser.get(f"{PATH}/{made.id}")
    assert 'value="prod|staging"' in page.html
    held = rule_forms.shown(made.name, made.body, place="", is_enabled=True)
    assert held is not None
    assert rule_forms.body_of(held) == made.body


async def test_a_mistake_is_said_beside_its_line(world: World, sign_in: SignIn) -> None:
    """What RE2 says of an expression stands at the line in which it was typed, and nothing is saved."""
    browser = await sign_in(world.alice)
    page = await saves(
        browser,
        world,
        "R",
        kind=["tag", "label"],
        **{"value-1": "a", "name-2": "x", "operator-2": "=~", "value-2": "("},
    )
    assert page.status == 422
    assert "missing )" in page.text
    page = await saves(
        browser,
        world,
        "R",
        kind=["time"],
        **{"name-1": "Mars/Base", "from-1": "09:00", "to-1": "10:00", "days-1": ["1"]},
    )
    assert "IANA" in page.text
    page = await saves(browser, world, "", kind=[])
    assert "The name needs 1 to 120" in page.text
    assert await rules(world) == []


async def test_rules_are_moved_by_buttons_and_by_dragging(world: World, sign_in: SignIn) -> None:
    """One place up or down, or the whole order at once."""
    browser = await sign_in(world.alice)
    for name in "ABC":
        await saves(browser, world, name, paging="suppress")
    a, b, c = await rules(world)
    await browser.post(f"{PATH}/{c.id}/up")
    await browser.post(f"{PATH}/{a.id}/down")
    assert "".join(rule.name for rule in await rules(world)) == "CAB"
    await browser.post(f"{PATH}/order", team_id=world.core.id, integration_id="", ids=[b.id, c.id, a.id])
    assert "".join(rule.name for rule in await rules(world)) == "BCA"
    await browser.post(f"{PATH}/{b.id}", act="delete")
    assert "".join(rule.name for rule in await rules(world)) == "CA"


async def test_a_rule_is_tried_before_it_is_saved(world: World, sign_in: SignIn) -> None:
    """On one alert with the reasons, and on those of 30 days with what it would have cost; nothing is saved."""
    await world.policy(level(1, world.alice))
    await world.fires("Certificate", severity="low")
    browser = await sign_in(world.alice)
    alert = await world.value("SELECT id FROM alerts")
    assert alert in (await browser.get(f"{PATH}/new")).html
    draft = {
        "place": f"team:{world.core.id}",
        "kind": ["severity"],
        "values-1": ["low"],
        "paging": "suppress",
    }
    page = await browser.post(PATH, act="try", alert=alert, **draft)
    assert "It applies" in page.text
    assert "It would page nobody." in page.text
    page = await browser.post(PATH, act="try", alert=alert, **(draft | {"values-1": ["high"]}))
    assert "It does not apply" in page.text
    assert "it has: low" in page.text
    page = await browser.post(PATH, act="try", alert="unknown", **draft)
    assert "No such alert came in for this team" in page.text
    page = await browser.post(PATH, act="dry-run", **draft)
    assert "It would have cut 1 page to 0, and would have hidden nothing that people acted on." in page.text
    assert await rules(world) == []


async def test_what_the_form_has_no_room_for_is_kept(world: World, sign_in: SignIn) -> None:
    """A rule of nested conditions keeps them when its name is changed here."""
    deep = {
        "type": "all",
        "conditions": [{"type": "any", "conditions": [{"type": "tag", "values": ["a"]}] * 2}],
    }
    body = msgspec.convert({"condition": deep, "actions": {"tags": ["x"]}}, RuleBody)
    made = await world.does(routing_rules.create, team_id=world.core.id, name="Deep", body=body)
    browser = await sign_in(world.alice)
    page = await browser.get(f"{PATH}/{made.id}")
    assert "more than this form has room for" in page.text
    await browser.post(f"{PATH}/{made.id}", name="Deeper", act="save")
    [kept] = await rules(world)
    assert (kept.name, kept.is_enabled, kept.body) == ("Deeper", False, made.body)


async def test_members_read_and_change_nothing(world: World, sign_in: SignIn) -> None:
    """A member sees the rules without buttons to change them, and is refused when posting all the same."""
    await saves(await sign_in(world.alice), world, "R", paging="suppress")
    [rule] = await rules(world)
    browser = await sign_in(world.bob)
    assert "New rule" not in (await browser.get(PATH)).text
    page = await browser.get(f"{PATH}/{rule.id}")
    assert page.status == 200
    assert 'value="delete"' not in page.text
    assert (await browser.post(f"{PATH}/{rule.id}", act="delete")).status == 403
    assert (await (await sign_in(world.charlie)).get(f"{PATH}/{rule.id}")).status == 404
