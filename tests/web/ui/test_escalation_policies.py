"""Pages of escalation policies."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.instant import MINUTE
from openalert.domain.user import User
from openalert.usecases import escalation_policies
from tests import make
from tests.make import level
from tests.web.ui.browser import Browser, Page
from tests.world import World

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


def _typed(world: World) -> dict[str, Any]:
    """Alice at once, Bob and the team after five minutes."""
    return {
        "name": "Core", "team_id": world.core.id, "delay": ["0", "5"], "repeat_count": "2", "repeat_delay": "10",
        "target-1": f"user:{world.alice.id}", "target-2": [f"user:{world.bob.id}", f"team:{world.core.id}", ""],
    }  # fmt: skip


async def _create(world: World, browser: Browser, **more: Any) -> Page:
    return await browser.post("/escalation-policies", **(_typed(world) | more))


async def test_a_policy_is_drawn_with_the_people_of_now(world: World, sign_in: SignIn) -> None:
    """Levels, delays, whom they reach and by what, and what happens at the end."""
    page = await _create(world, await sign_in(world.alice))
    assert "Level 1 · at once A Alice" in page.text
    assert "Level 2 · 5 min after level 1 B Bob" in page.text
    assert "· team Core" in page.text
    assert "Begins again 2 times more after 10 min" in page.text
    listed = await (await sign_in(world.bob)).get("/escalation-policies")
    assert "Level 1 · at once A Alice" in listed.text
    assert "used by no service" in listed.text


async def test_a_level_that_reaches_nobody_warns(world: World, sign_in: SignIn) -> None:
    """Somebody without a proven address is no comfort."""
    dora = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    policy = await make.policy(world.db, world.core, level(1, dora))
    page = await (await sign_in(world.alice)).get(f"/escalation-policies/{policy.id}")
    assert "Level 1 reaches nobody now" in page.text
    assert "no verified address" in page.text


async def test_levels_are_added_and_removed_without_script(world: World, sign_in: SignIn) -> None:
    """The form comes back longer or shorter with what was typed; nothing is stored before Save."""
    browser = await sign_in(world.alice)
    page = await _create(world, browser, act="add")
    assert 'name="target-3"' in page.html
    assert page.form("/escalation-policies")["fields"]["name"] == "Core"
    page = await _create(world, browser, act="remove-1")
    assert 'name="target-2"' not in page.html
    assert f'value="user:{world.bob.id}" selected' in page.html
    async with world.db.read() as reader:
        assert await escalation_policies.page(reader, world.as_(world.alice), limit=10) == []


async def test_a_level_without_target_is_refused_at_the_level(world: World, sign_in: SignIn) -> None:
    """The sentence stands at the level, the rest of the form is kept."""
    page = await _create(world, await sign_in(world.alice), **{"target-2": ""})
    assert page.status == 422
    assert "Choose whom this level calls, or remove it." in page.text
    assert f'value="user:{world.alice.id}" selected' in page.html
    page = await _create(world, await sign_in(world.alice), delay=["0", "99999"])
    assert "The minutes must be 0 to" in page.text


async def test_a_policy_is_changed_and_deleted(world: World, sign_in: SignIn) -> None:
    """The stored policy fills the form; saved numbers are those typed; one in use stays."""
    browser = await sign_in(world.alice)
    path = (await _create(world, browser)).path
    page = await browser.get(f"{path}/edit")
    assert page.form(path)["fields"]["repeat_delay"] == "10"
    await browser.post(path, **(_typed(world) | {"delay": ["0", "2.5"], "act": "save"}))
    async with world.db.read() as reader:
        kept = await escalation_policies.get(reader, world.as_(world.alice), path.rpartition("/")[2])
    assert kept.version.levels[1].delay == 2.5 * MINUTE
    await make.service(world.db, world.core, kept.policy)
    assert "escalates by this policy" in (await browser.post(path, act="delete")).text


async def test_foreign_targets_are_refused_and_never_named(world: World, sign_in: SignIn) -> None:
    """Whoever types the id of a schedule out of sight into the form does not learn what it is called."""
    secret = await make.team(world.db, world.cast.organization, "Secret")
    dan = await make.user(world.db, world.cast.organization, "Dan")
    await make.member(world.db, world.core, dan, make.Role.ADMIN)
    page = await _create(world, await sign_in(dan), **{"target-1": f"team:{secret.id}"})
    assert page.status == 422
    assert "Secret" not in page.text
    page = await _create(world, await sign_in(dan), **{"target-1": f"team:{secret.id}", "act": "add"})
    assert "Secret" not in page.text


async def test_members_look_and_do_not_change(world: World, sign_in: SignIn) -> None:
    """Bob may ask who would be called at another time, and finds no way to edit."""
    path = (await _create(world, await sign_in(world.alice))).path
    browser = await sign_in(world.bob)
    page = await browser.get(f"{path}?at=2026-12-24T03:00")
    assert "Called 24 Dec" in page.text
    assert "Edit" not in page.links
    assert (await browser.get(f"{path}?at=nonsense")).status == 200
    assert "This needs an admin or owner" in (await browser.post(path, **_typed(world))).text
    assert (await (await sign_in(world.charlie)).get(path)).status == 404
