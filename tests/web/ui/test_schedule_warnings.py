"""Warnings on the page of a schedule: those of `/warnings` that are about it, and no others."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.escalation import Level, Target, TargetType
from openalert.domain.instant import MINUTE
from openalert.domain.schedule import RotationChange, RotationType
from openalert.domain.user import User
from openalert.domain.warning import WarningKind
from openalert.storage.transaction import Reader
from openalert.usecases import schedules, warnings
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def rota(world: World, *members: str, name: str = "Days") -> str:
    """A schedule whose members take turns by the day, from now on."""
    made = await world.does(schedules.create, team_id=world.core.id, name=name, timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY, member_ids=members, effective_from=world.clock()
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    return str(made.id)


def pages(number: int, schedule_id: str) -> Level:
    """A level that pages whoever is on call."""
    return Level(level=number, delay=5 * MINUTE, targets=(Target(type=TargetType.SCHEDULE, id=schedule_id),))


async def test_the_page_says_what_the_list_of_warnings_says(world: World, sign_in: SignIn) -> None:
    """Zoe, next week's third, has no verified way: both say so in the same words, and lead to her."""
    zoe = await make.user(world.db, world.cast.organization, "Zoe", reachable=False)
    schedule = await rota(world, world.alice.id, world.bob.id, zoe.id)
    browser = await sign_in(world.alice)
    page, listed = await browser.get(f"/schedules/{schedule}"), await browser.get("/warnings")
    for text in (page.text, listed.text):
        assert "Zoe cannot be reached" in text
        assert "No way is verified. Paged by Days." in text
    assert f'href="/users/{zoe.id}"' in page.html


async def test_what_policies_make_of_a_schedule_is_told_and_other_schedules_are_not(
    world: World, sign_in: SignIn
) -> None:
    """Alice on both levels is told on both pages; what is wrong elsewhere is not told here."""
    first = await rota(world, world.alice.id, world.bob.id)
    second = await rota(world, world.alice.id, world.bob.id, name="Backup")
    zoe = await make.user(world.db, world.cast.organization, "Zoe", reachable=False)
    apart = await rota(world, zoe.id, name="Mail")
    named = Target(type=TargetType.USER, id=zoe.id)
    await world.policy(pages(1, first), pages(2, second), Level(level=3, delay=5 * MINUTE, targets=(named,)))
    browser = await sign_in(world.alice)
    for schedule in (first, second):
        page = (await browser.get(f"/schedules/{schedule}")).text
        assert "Two levels of Core policy page the same person then." in page
        assert "Zoe cannot be reached" not in page
    assert "Zoe cannot be reached" in (await browser.get(f"/schedules/{apart}")).text


async def test_a_gap_is_told_once_with_each_of_its_times(world: World, sign_in: SignIn) -> None:
    """The page tells gaps itself, of the same thirty days; the policy that then reaches nobody is a warning."""
    schedule = await rota(world, world.alice.id, "")
    await world.policy(pages(1, schedule))
    page = (await (await sign_in(world.alice)).get(f"/schedules/{schedule}")).text
    assert "more gaps in the next 30 days" in page
    assert "Core policy reaches nobody" in page
    assert "Nobody is on call for Days" not in page
    async with world.db.read() as reader:
        found = await warnings.about(
            reader, world.as_(world.alice), await schedules.get(reader, world.as_(world.alice), schedule)
        )
    everything = (await warnings.look(world.db, world.as_(world.alice))).findings
    assert [each.words for each in found] == [
        each.words for each in everything if each.kind is not WarningKind.SERVICE_NOBODY
    ]


async def test_one_schedule_asks_little_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty schedules more cost no further statement."""
    asked: list[str] = []
    fetch = Reader._fetch

    async def noted(self: Reader, sql: str, parameters: object) -> object:
        asked.append(sql)
        return await fetch(self, sql, parameters)  # type: ignore[arg-type]

    schedule = await rota(world, world.alice.id, world.bob.id)
    counts = []
    for _ in range(2):
        monkeypatch.setattr(Reader, "_fetch", noted)
        asked.clear()
        async with world.db.read() as reader:
            of = await schedules.get(reader, world.as_(world.alice), schedule)
            await warnings.about(reader, world.as_(world.alice), of)
        counts.append(len(asked))
        monkeypatch.setattr(Reader, "_fetch", fetch)
        for number in range(20):
            await rota(world, world.bob.id, name=f"Further {number}")
    assert counts[0] == counts[1]
