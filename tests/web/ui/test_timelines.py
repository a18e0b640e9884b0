"""What the timeline of a schedule draws when there is much of it, and what it says of each part."""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import DAY, HOUR
from openalert.domain.override import FixedShift, OverrideKind
from openalert.domain.schedule import Restriction, RotationChange, RotationType
from openalert.domain.user import User
from openalert.usecases import overrides, schedules, users
from openalert.web.ui.forms import local_text
from openalert.web.ui.rotas import label_of_several
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
CHRISTMAS = 1_798_135_200_000
"""Thu 24 Dec 2026 18:00 UTC."""


async def _schedule(world: World, timezone: str = "UTC", **rotations: RotationChange) -> str:
    """The path of a schedule with these rotations, by their names."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        schedule = await schedules.create(tx, team_id=world.core.id, name="Core", timezone=timezone)
        for name, change in rotations.items():
            begun = msgspec.structs.replace(change, effective_from=0)
            await schedules.add_rotation(tx, schedule.id, name, begun)
    return f"/schedules/{schedule.id}"


async def _overridden(world: World, path: str, start: int, hours: int, **what: Any) -> None:
    """An override of Alice's making, from `start` on for some hours."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await overrides.add(
            tx, path.removeprefix("/schedules/"), start_at=start, end_at=start + hours * HOUR, **what
        )


def _bars(html: str, row: str) -> list[tuple[str, str]]:
    """The bars of a row: their kinds, and what is read out."""
    [line] = re.findall(rf'<svg class="rota-line"[^>]*aria-label="{row}">(.*?)</svg>\s*</div>', html, re.S)
    return re.findall(r'aria-label="([^"]*)".*?<svg [^>]*class="([^"]*)"', line, re.S)


async def test_a_day_with_more_shifts_than_room_is_one_bar_that_opens_it(
    world: World, sign_in: SignIn
) -> None:
    """A month of hourly shifts has as many bars as days; the day that one leads to has each hour."""
    path = await _schedule(
        world,
        Hourly=RotationChange(rotation_type=RotationType.HOURLY, member_ids=(world.alice.id, world.bob.id)),
    )
    browser = await sign_in(world.alice)
    page = await browser.get(f"{path}?view=month&from=2026-12-01")
    bars = _bars(page.html, "On call")
    assert len(bars) == 31
    assert all("crowd" in kind for _, kind in bars)
    assert bars[23][0].startswith("24 shifts, Thu 24 Dec 00:00 to Fri 25 Dec 00:00.")
    assert "many shifts: open the day" in page.text
    page = await browser.get(f"{path}?view=day&from=2026-12-24")
    assert "Thu 24 Dec 2026" in page.text
    bars = _bars(page.html, "On call")
    assert len(bars) == 24
    assert not any("crowd" in kind for _, kind in bars)


async def test_a_crowded_day_tells_its_gaps(world: World, sign_in: SignIn) -> None:
    """Times of nobody are never folded away with the shifts around them."""
    people = (world.alice.id, world.bob.id, world.charlie.id, "")
    path = await _schedule(
        world,
        Hourly=RotationChange(rotation_type=RotationType.HOURLY, member_ids=people, handoff_time="00:00"),
    )
    page = await (await sign_in(world.alice)).get(f"{path}?view=month&from=2026-12-01")
    words, kind = _bars(page.html, "On call")[9]
    assert "gap" in kind.split()
    assert "Nobody Thu 10 Dec 03:00 to Thu 10 Dec 04:00, " in words


@pytest.mark.parametrize(
    ("zone", "day", "shown"),
    [
        ("Europe/Berlin", "2026-06-01", ["00", "01", "02", "03", "04"]),
        ("Europe/Berlin", "2026-03-29", ["00", "01", "03", "04", "05"]),
        ("Europe/Berlin", "2026-10-25", ["00", "01", "02", "02", "03"]),
        ("Australia/Lord_Howe", "2026-04-05", ["00", "01", "", "02", "03"]),
        ("Asia/Kolkata", "2026-06-01", ["00", "01", "02", "03", "04"]),
    ],
)
async def test_a_day_has_the_hours_that_its_clocks_show(
    world: World, sign_in: SignIn, zone: str, day: str, shown: list[str]
) -> None:
    """On the day of a clock change one is missing or there twice, or a half without a number is."""
    path = await _schedule(world, zone)
    page = await (await sign_in(world.alice)).get(f"{path}?view=day&from={day}&zone=schedule")
    hours = re.findall(r'<text class="number"[^>]*>(.*?)</text>', page.html)
    assert hours[:5] == shown
    assert hours[-1] == "23"


async def test_a_day_that_a_zone_left_out_has_a_page(world: World, sign_in: SignIn) -> None:
    """Samoa went from Thursday to Saturday: the Friday between has no time, and nothing is divided by it."""
    path = await _schedule(world, "Pacific/Apia", Weekly=RotationChange(member_ids=(world.alice.id,)))
    page = await (await sign_in(world.alice)).get(f"{path}?view=day&from=2011-12-30&zone=schedule")
    assert page.status == 200


async def test_what_an_override_takes_away_is_weak_below_it(world: World, sign_in: SignIn) -> None:
    """Between the turns of a temporary schedule nobody is on, and the rotation does not look as if it were."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    turn = FixedShift(user_id=world.bob.id, start_at=CHRISTMAS, end_at=CHRISTMAS + HOUR)
    await _overridden(world, path, CHRISTMAS, 2, kind=OverrideKind.FIXED, shifts=(turn,))
    page = await (await sign_in(world.alice)).get(f"{path}?from=2026-12-24")
    bars = [(kind.split()[0], words) for words, kind in _bars(page.html, "Weekly")]
    assert [kind for kind, _ in bars] == ["rotation", "beaten", "rotation"]
    assert "Bob (override) is on call instead." in bars[1][1]


async def test_who_joins_by_an_override_stands_in_for_nobody(world: World, sign_in: SignIn) -> None:
    """Added is said as added, and who covers names whom."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    bob, alice = world.bob.id, world.alice.id
    await _overridden(world, path, CHRISTMAS, 1, kind=OverrideKind.ADD, user_id=bob)
    cover = {"kind": OverrideKind.COVER, "user_id": bob, "instead_of_id": alice}
    await _overridden(world, path, CHRISTMAS + DAY, 1, **cover)
    page = await (await sign_in(world.alice)).get(f"{path}?from=2026-12-24")
    said = [words.partition(". ")[2] for words, kind in _bars(page.html, "On call") if "override" in kind]
    assert said == ["Override. Beside the others.", "Override. Instead of Alice."]


async def test_a_shadow_is_one_bar_however_often_the_others_change(world: World, sign_in: SignIn) -> None:
    """Its turn decides nothing, so it is not cut where something else begins to."""
    office = (Restriction(from_time="09:00", to_time="17:00"),)
    path = await _schedule(
        world,
        Office=RotationChange(member_ids=(world.alice.id,), restrictions=office),
        Trainee=RotationChange(member_ids=(world.bob.id,), is_shadow=True),
    )
    page = await (await sign_in(world.alice)).get(path)
    assert len(_bars(page.html, "Trainee")) == 1
    assert len(_bars(page.html, "Office")) == 14


@pytest.mark.parametrize(
    ("kind", "who", "instead", "said"),
    [
        (OverrideKind.REMOVE, "alice", "", "Thu 24 Dec 18:00 to Fri 25 Dec 06:00, made by Alice decides"),
        (OverrideKind.REMOVE, "bob", "", "made by Alice; not on then anyway"),
        (OverrideKind.COVER, "charlie", "bob", "made by Alice; who is covered is not on then"),
        (OverrideKind.ADD, "alice", "", "made by Alice; on call anyway"),
        (OverrideKind.FIXED, "", "", "made by Alice; nobody is on between its shifts decides"),
    ],
)  # fmt: skip
async def test_why_an_override_does_or_does_not_decide(
    world: World, sign_in: SignIn, kind: OverrideKind, who: str, instead: str, said: str
) -> None:
    """Each kind of override is told by its effect at the moment, not as beaten by one that is not there."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    ids = {"alice": world.alice.id, "bob": world.bob.id, "charlie": world.charlie.id, "": ""}
    turn = FixedShift(user_id=world.bob.id, start_at=CHRISTMAS, end_at=CHRISTMAS + HOUR)
    shifts = (turn,) if kind is OverrideKind.FIXED else ()
    what = {"kind": kind, "user_id": ids[who], "instead_of_id": ids[instead], "shifts": shifts}
    await _overridden(world, path, CHRISTMAS, 12, **what)
    page = await (await sign_in(world.alice)).get(f"{path}?at=2026-12-24T22:00")
    assert said in page.text


async def test_a_rotation_that_was_taken_out_has_no_say_after_it(world: World, sign_in: SignIn) -> None:
    """It is among the reasons for a moment before, and not among those for one after."""
    path = await _schedule(
        world,
        Kept=RotationChange(member_ids=(world.alice.id,)),
        Dropped=RotationChange(member_ids=(world.bob.id,), layer=2),
    )
    before = world.clock()
    world.clock.advance(DAY)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        dropped = await tx.value("SELECT id FROM rotations WHERE name = 'Dropped'")
        await schedules.remove_rotation(tx, path.removeprefix("/schedules/"), dropped)
    browser = await sign_in(world.alice)
    assert "Layer 2 · Dropped" not in (await browser.get(f"{path}?at=2026-12-24T22:00")).text
    then = local_text(before + HOUR, UTC)
    assert "Layer 2 · Dropped" in (await browser.get(f"{path}?at={then}")).text


async def test_the_rotation_that_an_override_lets_through_decides(world: World, sign_in: SignIn) -> None:
    """When an override empties the upper layer, the lower one is what decides, and is said to."""
    path = await _schedule(
        world,
        Lower=RotationChange(member_ids=(world.alice.id,)),
        Upper=RotationChange(member_ids=(world.bob.id,), layer=2),
    )
    async with world.db.read() as reader:
        upper = await reader.value("SELECT id FROM rotations WHERE name = 'Upper'")
    what = {"kind": OverrideKind.REMOVE, "user_id": world.bob.id, "rotation_ids": (upper,)}
    await _overridden(world, path, CHRISTMAS, 12, **what)
    page = await (await sign_in(world.alice)).get(f"{path}?at=2026-12-24T22:00")
    assert "22:00: Alice is on call" in page.text
    chain = page.text.partition("of some rotations alone")[2].partition("Who is on call")[0]
    lower = chain.partition("Layer 1 · Lower")[2]
    assert "decides" in lower.partition("Layer")[0]
    assert "a higher layer wins" not in chain


async def test_until_when_somebody_is_on_call_is_known_beyond_what_is_drawn(
    world: World, sign_in: SignIn
) -> None:
    """An override at Christmas ends the endless turn of January's page and card, and of an answer asked for."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    await _overridden(world, path, CHRISTMAS, 1, user_id=world.bob.id)
    browser = await sign_in(world.alice)
    assert "Until 24 Dec 18:00" in (await browser.get(f"{path}?view=week")).text
    assert "Alice until 24 Dec 18:00" in (await browser.get("/schedules")).text
    assert "is on call until Thu 24 Dec 18:00." in (await browser.get(f"{path}?at=2026-02-01T12:00")).text


async def test_whoever_is_on_call_for_two_schedules_at_once_is_named(world: World, sign_in: SignIn) -> None:
    """Asked about a moment, the page says what else that person answers for then, in what the reader may see."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    other = await _schedule(world, Weekly=RotationChange(member_ids=(world.bob.id,)))
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await schedules.update(tx, other.removeprefix("/schedules/"), name="Billing")
    browser = await sign_in(world.alice)
    asked = f"{path}?at=2026-12-24T22:00"
    assert "is on call for" not in (await browser.get(asked)).text
    await _overridden(world, other, CHRISTMAS, 12, user_id=world.alice.id)
    assert "Alice is on call for Billing too." in (await browser.get(asked)).text
    assert "Alice is on call for Core too." in (await browser.get(f"{other}?at=2026-12-24T22:00")).text


async def test_what_was_just_made_is_undone_by_one_button(world: World, sign_in: SignIn) -> None:
    """Beside what was said stands Undo, for whoever did it, and it takes the override back."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id, world.bob.id)))
    browser = await sign_in(world.alice)
    typed = {"start": "2026-12-24T18:00", "end": "2026-12-25T09:00", "reason": ""}
    page = await browser.post(f"{path}/overrides", user_id=world.charlie.id, **typed)
    assert page.text.count("Undo") == 1
    made = page.path.partition("made=")[2]
    assert "Undo" not in (await browser.get(page.path)).text
    assert "Undo" not in (await (await sign_in(world.bob)).get(page.path)).text
    await browser.post(f"{path}/overrides/{made}/delete")
    async with world.db.read() as reader:
        assert await reader.value("SELECT count(*) FROM overrides") == 0


async def test_paper_has_every_day_with_whole_names(world: World, sign_in: SignIn) -> None:
    """Days on which nothing begins are there too, with whoever is still on, and when and where it was printed."""
    path = await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id, world.bob.id)))
    page = await (await sign_in(world.alice)).get(f"{path}?view=month&from=2026-12-01")
    assert page.html.count('<section class="on-') == 31
    assert "Saturday 5 December all day" in page.text
    assert "times in UTC · printed " in page.text


async def test_the_list_tells_many_people_by_the_first_few_and_no_gap_that_is_past(
    world: World, sign_in: SignIn
) -> None:
    """Its strips begin now: that nobody was on call this morning, before there was a schedule, is no warning."""
    await _schedule(world, **{f"R{each}": RotationChange(member_ids=(world.alice.id,)) for each in range(2)})
    page = await (await sign_in(world.alice)).get("/schedules")
    [line] = re.findall(r'<svg class="rota-line".*?</svg>\s*</div>', page.html, re.S)
    assert "Nobody" not in line
    assert 'id="hatch"' in page.html


@pytest.mark.parametrize("number", [0, 1])
async def test_a_shift_in_an_hour_that_clocks_show_twice_is_taken_over_exactly(
    world: World, sign_in: SignIn, number: int
) -> None:
    """In Berlin both hours are from 02:00 to 03:00 of a night; what is typed anew means the first showing."""
    path = await _schedule(
        world,
        Hourly=RotationChange(rotation_type=RotationType.HOURLY, member_ids=(world.alice.id, world.bob.id)),
    )
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await users.update(tx, world.alice.id, timezone="Europe/Berlin")
    browser = await sign_in(world.alice)
    midnight = 1_792_879_200_000  # Sun 25 Oct 2026 00:00 in Berlin
    start = midnight + (2 + number) * HOUR
    page = await browser.get(f"{path}?view=day&from=2026-10-25")
    [link] = {one for one in re.findall(r'href="([^"]+)"', page.html) if f"span={start}-" in one}
    page = await browser.get(html.unescape(link).partition("#")[0])
    await browser.press(page, f"{path}/overrides", user_id=world.bob.id)
    async with world.db.read() as reader:
        [times] = await reader.rows("SELECT start_at, end_at FROM overrides")
    assert tuple(times) == (start, start + HOUR)


async def test_the_first_page_knows_of_all_schedules_that_one_is_on_call_for(
    world: World, sign_in: SignIn
) -> None:
    """Also of the last of many; it stands first, then where nobody is, and how many more there are."""
    for _ in range(7):
        await _schedule(world, Weekly=RotationChange(member_ids=(world.bob.id,)))
    await _schedule(world)
    browser = await sign_in(world.alice)
    assert "You are on call" not in (await browser.get("/incidents")).text
    await _schedule(world, Weekly=RotationChange(member_ids=(world.alice.id,)))
    page = await browser.get("/incidents")
    assert "You are on call for Core A Core Alice ? Core nobody B Core Bob" in page.text
    assert "and 3 more schedules" in page.text


async def test_a_bar_of_two_people_never_names_one_alone(world: World, sign_in: SignIn) -> None:
    """Where both names have no room the first words stand, or how many there are besides."""
    first = RotationChange(rotation_type=RotationType.DAILY, shift_length=3, member_ids=(world.alice.id, ""))
    second = msgspec.structs.replace(first, member_ids=(world.bob.id, ""))
    await _schedule(world, One=first, Two=second)
    page = await (await sign_in(world.alice)).get("/schedules")
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", page.html)
    assert "A +1" in labels
    assert "Alice" not in labels
    names = ["Alice Adams", "Bob Brown"]
    fitting = [label_of_several(names, room) for room in (200, 90, 70, 48, 20)]
    assert fitting == ["Alice Adams and Bob Brown", "Alice, Bob", "Alice +1", "AA +1", ""]
