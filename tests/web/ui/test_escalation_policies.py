"""Pages of escalation policies."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.schedule import RotationChange
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.usecases import escalation_policies, notification_rules, schedules
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser, Page

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
    """Levels, minutes since the beginning, whom they reach and by what, and what happens at the end."""
    page = await _create(world, await sign_in(world.alice))
    assert "at once Level 1 A Alice at once E-mail" in page.text
    assert "5 min Level 2 B Bob team Core 5 min E-mail A Alice team Core 5 min E-mail" in page.text
    assert "Begins again 2 times more after 10 min" in page.text
    listed = await (await sign_in(world.bob)).get("/escalation-policies")
    assert "Level 1 · at once A Alice" in listed.text
    assert "used by no service" in listed.text


async def test_the_picture_follows_the_rules_of_each_person(world: World, sign_in: SignIn) -> None:
    """Push at once, SMS after two minutes, counted from the beginning of the incident; never an address."""
    push = await make.contact_method(world.db, world.bob, "push", "https://push.example.org/secret")
    sms = await make.contact_method(world.db, world.bob, "sms", "+4915112345678")
    await make.notification_rule(world.db, world.bob, push.id, severity=Severity.HIGH)
    await make.notification_rule(world.db, world.bob, sms.id, minutes=2, severity=Severity.HIGH)
    policy = await make.policy(world.db, world.core, level(1, world.alice), level(2, world.bob, minutes=5))
    browser = await sign_in(world.alice)
    page = await browser.get(f"/escalation-policies/{policy.id}")
    assert "5 min Level 2 B Bob 5 min Push 7 min SMS" in page.text
    assert "+49151" not in page.html
    assert "push.example.org" not in page.html
    page = await browser.get(f"/escalation-policies/{policy.id}?severity=low")
    assert "Gets nothing: Bob has no rule for low" in page.text
    assert "Level 2 reaches nobody: after level 1 nobody else is called." in page.text


async def test_a_level_without_anybody_takes_no_time_in_the_picture(world: World, sign_in: SignIn) -> None:
    """As the escalation itself does: the level after one that reaches nobody is called at once."""
    dora = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    levels = (level(1, world.alice), level(2, dora, minutes=5), level(3, world.bob, minutes=30))
    policy = await make.policy(world.db, world.core, *levels)
    page = await (await sign_in(world.alice)).get(f"/escalation-policies/{policy.id}")
    assert "5 min Level 2 skipped D Dora Gets nothing: no verified address" in page.text
    assert "5 min Level 3 B Bob 5 min E-mail" in page.text
    assert "Level 2 reaches nobody: level 3 is called at once in its place." in page.text


async def test_what_quiet_holds_is_drawn_at_its_hour(world: World, sign_in: SignIn) -> None:
    """Somebody asleep is not shown as paged at once: the end of their quiet hours and the reason stand there."""
    async with world.db.transaction(world.as_(world.bob)) as tx:
        until = tx.now + 3 * HOUR
        await notification_rules.set_quiet(
            tx, world.bob.id, windows=(), passes_from=Severity.CRITICAL, do_not_disturb_until=until
        )
    policy = await make.policy(world.db, world.core, level(1, world.bob))
    browser = await sign_in(world.alice)
    page = await browser.get(f"/escalation-policies/{policy.id}?severity=high")
    assert "by Bob's do-not-disturb" in page.text
    assert "at once E-mail" not in page.text
    assert "at once E-mail" in (await browser.get(f"/escalation-policies/{policy.id}")).text


async def test_a_level_that_reaches_nobody_warns(world: World, sign_in: SignIn) -> None:
    """Somebody without a proven address is no comfort."""
    dora = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    policy = await make.policy(world.db, world.core, level(1, dora))
    page = await (await sign_in(world.alice)).get(f"/escalation-policies/{policy.id}")
    assert "This policy reaches nobody: the owners of the team are paged at once." in page.text
    assert "no verified address" in page.text


async def test_whoever_is_next_on_a_schedule_can_be_called(world: World, sign_in: SignIn) -> None:
    """The form offers the three turns of each schedule; the drawing says whose is meant; what was chosen stays."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    members = RotationChange(member_ids=(world.alice.id, world.bob.id))
    await world.does(schedules.add_rotation, made.id, "Daily", members)
    browser = await sign_in(world.alice)
    page = await browser.get("/escalation-policies/new")
    assert "Days Days: who is next Days: who was before" in page.text
    typed = {"target-1": f"schedule:{made.id}", "target-2": f"schedule:{made.id}:next"}
    page = await _create(world, browser, **typed)
    assert "A Alice schedule Days at once" in page.text
    assert "B Bob schedule Days, who is next 5 min" in page.text
    (policy,) = [path for path in page.links.values() if path.endswith("/edit")]
    assert f'value="schedule:{made.id}:next" selected' in (await browser.get(policy)).html
    page = await _create(world, browser, **{"target-1": f"user:{world.alice.id}:next"})
    assert page.status == 422
    assert "of a schedule alone" in page.text
    page = await _create(world, browser, **{"target-1": f"schedule:{made.id}:last"})
    assert page.status == 422


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
    bob = await make.organization(world.db, "Other")
    foreign = await make.user(world.db, bob, "Zora")
    targets = [f"team:{secret.id}", f"user:{foreign.id}", f"user:{dan.id}"]
    page = await _create(world, await sign_in(dan), **{"target-1": targets, "act": "look"})
    assert 'class="climb"' in page.html
    assert "Dan" in page.text
    assert "Secret" not in page.text
    assert "Zora" not in page.text


async def test_what_is_typed_is_drawn_before_it_is_saved(world: World, sign_in: SignIn) -> None:
    """Who would get what and when, with the repetition; levels that are not finished are named; nothing is stored."""
    browser = await sign_in(world.alice)
    empty = await browser.get("/escalation-policies/new")
    assert "Choose whom a level calls and draw it" in empty.text
    page = await _create(world, browser, act="look")
    assert page.status == 200
    assert "at once Level 1 A Alice at once E-mail" in page.text
    assert "Begins again 2 times more after 10 min" in page.text
    half = await _create(world, browser, **{"act": "look", "target-2": "", "repeat_delay": "soon"})
    assert "Not drawn, because not finished: level 2." in half.text
    assert "Alice at once E-mail" in half.text
    async with world.db.read() as reader:
        assert await escalation_policies.page(reader, world.as_(world.alice), limit=10) == []
    nobody = await make.team(world.db, world.cast.organization, "Nobody")
    page = await _create(world, browser, **{"act": "look", "target-1": f"team:{nobody.id}"})
    assert "Level 1 reaches nobody: level 2 is called at once in its place." in page.text


async def test_members_look_and_do_not_change(world: World, sign_in: SignIn) -> None:
    """Bob may ask who would be called at another time, and finds no way to edit."""
    path = (await _create(world, await sign_in(world.alice))).path
    browser = await sign_in(world.bob)
    page = await browser.get(f"{path}?at=2026-12-24T03:00")
    assert "what begins 24 Dec" in page.text
    for odd in ("0001-01-01T00:00", "9999-12-31T23:59", "1969-12-31T23:59"):
        assert (await browser.get(f"{path}?at={odd}")).status == 200
    assert "Edit" not in page.links
    assert (await browser.get(f"{path}?at=nonsense&severity=nonsense")).status == 200
    assert "This needs an admin or owner" in (await browser.post(path, **_typed(world))).text
    assert (await (await sign_in(world.charlie)).get(path)).status == 404
