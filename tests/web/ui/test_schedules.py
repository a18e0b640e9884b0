"""Pages of schedules with their rotations and overrides."""

import html
import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from openalert.usecases import schedules
from tests.cast import World
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = "<script>alert(1)</script>"
ROTATION = {
    "rotation_type": "weekly", "shift_length": "1", "handoff_time": "09:00", "handoff_day": "1", "layer": "1",
}  # fmt: skip


async def _made(world: World, browser: Browser, **more: object) -> Page:
    """A weekly schedule of Alice and Bob, through the form."""
    typed = ROTATION | {"name": "Core", "team_id": world.core.id, "timezone": "UTC"}
    return await browser.post("/schedules", **(typed | {"member_id": [world.alice.id, world.bob.id]} | more))


async def test_an_empty_list_says_what_a_schedule_is(world: World, sign_in: SignIn) -> None:
    """The next step is there for who may take it, and missing for who may not."""
    page = await (await sign_in(world.alice)).get("/schedules")
    assert "Nobody is on call yet" in page.text
    assert page.links["New schedule"] == "/schedules/new"
    assert "New schedule" not in (await (await sign_in(world.bob)).get("/schedules")).links


async def test_one_form_makes_a_schedule_with_its_first_rotation(world: World, sign_in: SignIn) -> None:
    """The page then says who is on, until when, who follows, and draws two weeks."""
    page = await _made(world, await sign_in(world.alice), name=HOSTILE)
    assert f"{HOSTILE}: Alice" in page.text
    assert HOSTILE not in page.html
    assert "then Bob" in page.text
    assert "1 week each, handed over on Monday at 09:00" in page.text
    assert 'class="now"' in page.html
    assert 'aria-label="Alice, ' in page.html


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_half_made(
    world: World, sign_in: SignIn
) -> None:
    """An unknown zone and an empty order are refused, and no schedule without people is left behind."""
    browser = await sign_in(world.alice)
    page = await _made(world, browser, timezone="Europe/Berln")
    assert page.status == 422
    assert "timezone" not in page.text.partition("is not known")[0][-40:]
    assert page.form("/schedules")["fields"]["name"] == "Core"
    page = await _made(world, browser, member_id="")
    assert "Choose at least one person." in page.text
    async with world.db.read() as reader:
        assert await schedules.page(reader, world.as_(world.alice), limit=10) == []


async def test_more_places_keep_what_was_typed(world: World, sign_in: SignIn) -> None:
    """The button without script shows the form again with further places and saves nothing."""
    page = await _made(world, await sign_in(world.alice), act="more")
    assert page.form("/schedules")["fields"]["name"] == "Core"
    assert page.html.count('name="member_id"') >= 6


async def test_a_shift_is_taken_over_in_two_clicks(world: World, sign_in: SignIn) -> None:
    """The link of a shift fills in its times; the button puts a member on call, and may be taken back."""
    path = (await _made(world, await sign_in(world.alice))).path
    browser = await sign_in(world.bob)
    page = await browser.get(path)
    page = await browser.get(page.links["Override"].replace("&amp;", "&").partition("#")[0])
    page = await browser.press(page, f"{path}/overrides", user_id=world.bob.id, reason=f"Dentist {HOSTILE}")
    assert "Bob is on call now, whatever the rotation says." in page.text
    assert f"override: Dentist {HOSTILE}" in page.text
    assert HOSTILE not in page.html
    assert "Core: Bob" in page.text
    back = next(form["action"] for form in page.forms if "/overrides/" in form["action"])
    assert "Core: Alice" in (await browser.post(back)).text


async def test_an_override_that_cannot_be_is_refused_beside_its_field(world: World, sign_in: SignIn) -> None:
    """A time that is past and one that is no time: the sentence, and the form as it was."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    page = await browser.post(
        f"{path}/overrides",
        user_id=world.bob.id,
        start="2001-01-01T00:00",
        end="2001-01-02T00:00",
        reason="x",
    )
    assert page.status == 422
    assert "The end must lie in the future" in page.text
    assert page.form(f"{path}/overrides")["fields"]["reason"] == "x"
    page = await browser.post(f"{path}/overrides", user_id=world.bob.id, start="soon", end="", reason="x")
    assert "Give a date and a time" in page.text


async def _edit(world: World, browser: Browser) -> tuple[str, str]:
    """The paths of a fresh schedule and of the form of its rotation."""
    page = await _made(world, browser)
    return page.path, page.links["Weekly"]


async def test_an_edit_counts_from_the_next_handoff_unless_told_now(world: World, sign_in: SignIn) -> None:
    """Leaving Alice out does not take the running shift from her; with "now" it does."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {"name": "Weekly", "member_id": world.bob.id}
    page = await browser.post(rotation, **typed, apply="next_handoff")
    assert "It counts from the next handoff" in page.text
    assert "Core: Alice" in page.text
    assert "changes" in page.text
    page = await browser.post(rotation, **typed, apply="now")
    assert page.path == path
    page = await browser.post(rotation, **(typed | {"member_id": world.charlie.id}), apply="now")
    assert "Core: Charlie" in page.text


async def test_a_preview_shows_the_difference_and_stores_nothing(world: World, sign_in: SignIn) -> None:
    """For whom what changes, before and after as strips, and everything typed carried to Save and back to the form."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {"name": f"Weekly {HOSTILE}", "member_id": world.charlie.id, "apply": "now"}
    page = await browser.post(rotation, **typed, act="preview")
    assert "Nothing is saved yet" in page.text
    assert "3 people on call at other times in the next eight weeks" in page.text
    assert "As it would be" in page.text
    assert 'aria-label="As it would be: Charlie, ' in page.html
    assert 'class="changed"' in page.html
    assert HOSTILE not in page.html
    assert "Core: Alice" in (await browser.get(path)).text
    back = await browser.press(page, rotation, act="back")
    assert back.form(rotation)["fields"]["name"] == typed["name"]
    assert f'value="{world.charlie.id}" selected' in back.html
    saved = await browser.press(page, rotation, act="save", apply="now")
    assert "Core: Charlie" in saved.text


async def test_a_preview_says_from_when_and_refuses_what_saving_refuses(
    world: World, sign_in: SignIn
) -> None:
    """From a date the page shows that date's change; a date that is past and a wrong time come back to the form."""
    browser = await sign_in(world.alice)
    _, rotation = await _edit(world, browser)
    typed = ROTATION | {"name": "Weekly", "member_id": world.charlie.id, "act": "preview", "apply": "date"}
    page = await browser.post(rotation, **typed, apply_at="2026-01-20T12:00")
    assert "Tue 20 Jan 12:00" in page.text
    assert "Mon 12 Jan 09:00 to" not in page.text
    saved = await browser.press(page, rotation, act="save", apply="date")
    assert "It counts from the date that you chose" in saved.text
    typed["member_id"] = world.bob.id
    page = await browser.post(rotation, **typed, apply_at="2001-01-01T00:00")
    assert page.status == 422
    assert "must not lie in the past" in page.text
    page = await browser.post(rotation, **(typed | {"apply": "now", "handoff_time": "25:00"}))
    assert "The handoff must be a time of day" in page.text


async def test_a_new_rotation_a_removal_and_another_zone_are_shown_first_too(
    world: World, sign_in: SignIn
) -> None:
    """Each opens the same page; Back changes nothing, Save does it."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {"name": "Backup", "member_id": world.charlie.id, "layer": "2"}
    page = await browser.post(f"{path}/rotations", **typed, act="preview")
    assert "Charlie" in page.text
    assert "Backup" not in (await browser.get(path)).links
    assert "Backup" in (await browser.press(page, f"{path}/rotations", act="save")).links
    page = await browser.post(f"{rotation}/delete", act="preview")
    assert "Remove Weekly: what changes" in page.text
    assert (await browser.press(page, f"{rotation}/delete", act="back")).path == rotation
    assert "Weekly" not in (await browser.press(page, f"{rotation}/delete", act="save")).links
    page = await browser.post(path, name="Core", timezone="Asia/Tokyo", act="preview")
    assert "by the clock of Asia/Tokyo" in page.text
    assert "Asia/Tokyo" in (await browser.press(page, path, act="save")).text
    page = await browser.post(path, name="Core", timezone="Asia/Tokio", act="preview")
    assert "is not known" in page.text


async def test_a_gap_that_an_edit_opens_is_said_first(world: World, sign_in: SignIn) -> None:
    """A rotation cut to office hours: the preview warns where nobody would be."""
    browser = await sign_in(world.alice)
    _, rotation = await _edit(world, browser)
    typed = ROTATION | {
        "name": "Office", "member_id": world.bob.id, "apply": "now", "act": "preview",
        "window_from_day": "1", "window_from_time": "09:00", "window_to_day": "", "window_to_time": "17:00",
    }  # fmt: skip
    page = await browser.post(rotation, **typed)
    assert "Nobody would be on call" in page.text


async def test_a_rotation_at_set_times_leaves_gaps_that_are_shown(world: World, sign_in: SignIn) -> None:
    """Windows are stored as typed, come back in the form, and where nobody is on the page says so."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {
        "name": "Office", "member_id": world.bob.id, "apply": "now", "window_from_day": ["1", ""],
        "window_from_time": ["09:00", ""], "window_to_day": ["", ""], "window_to_time": ["17:00", ""],
    }  # fmt: skip
    page = await browser.post(rotation, **typed)
    assert "Nobody from" in page.text
    assert "only at set times" in page.text
    assert 'value="17:00"' in (await browser.get(rotation)).html
    page = await browser.post(rotation, **(typed | {"window_from_time": ["25:00", ""]}))
    assert "The beginning of each window must be a time of day" in page.text
    assert path in page.links.values()


async def test_rotations_come_and_go_and_the_schedule_with_them(world: World, sign_in: SignIn) -> None:
    """A second rotation joins, is deleted, the schedule is renamed and deleted."""
    browser = await sign_in(world.alice)
    path, _ = await _edit(world, browser)
    page = await browser.post(f"{path}/rotations", **ROTATION, name="Backup", member_id=world.bob.id)
    assert "Backup is part of the schedule now." in page.text
    page = await browser.post(page.links["Backup"] + "/delete", act="save")
    assert "Backup" not in page.links
    page = await browser.press(await browser.get(f"{path}/edit"), path, name="Renamed", timezone="Asia/Tokyo")
    assert "Asia/Tokyo" in page.text
    page = await browser.post(f"{path}/delete")
    assert page.path == "/schedules"
    assert "Renamed" not in page.text


async def test_members_override_and_do_not_configure(world: World, sign_in: SignIn) -> None:
    """Bob has the override form alone; strangers have nothing."""
    path, rotation = await _edit(world, await sign_in(world.alice))
    browser = await sign_in(world.bob)
    page = await browser.get(path)
    assert f"{path}/overrides" in [form["action"] for form in page.forms]
    assert "Edit" not in page.links
    assert (await browser.get(rotation)).status == 403
    assert (await browser.post(f"{path}/delete")).status == 403
    browser = await sign_in(world.charlie)
    assert (await browser.get(path)).status == 404
    assert (await browser.get(rotation)).status == 404


async def test_any_period_can_be_looked_at(world: World, sign_in: SignIn) -> None:
    """Week, two weeks and month are addresses, as earlier and later are; nonsense in them shows today."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    assert "5 Jan to 18 Jan 2026" in (await browser.get(f"{path}?from=2026-01-07")).text
    assert "21 Dec to 27 Dec 2026" in (await browser.get(f"{path}?from=2026-12-24&view=week")).text
    page = await browser.get(f"{path}?from=2026-12-24&view=month")
    assert "December 2026" in page.text
    [earlier] = re.findall(r'href="([^"]+)"[^>]*rel="prev"', page.html)
    assert "November 2026" in (await browser.get(html.unescape(earlier))).text
    for odd in ("tomorrow", "9999-12-31", "0001-01-01"):
        assert (await browser.get(f"{path}?from={odd}&at={odd}&view={odd}&zone={odd}")).status == 200


async def test_who_is_on_call_on_christmas_night_and_why(world: World, sign_in: SignIn) -> None:
    """The answer is a sentence with every rotation and override that has a say, and what decides is marked."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    page = await browser.get(f"{path}?at=2026-12-24T22:00")
    assert "Thu 24 Dec 22:00: Alice is on call until Mon 28 Dec 09:00." in page.text
    assert (
        "Layer 1 · Weekly : Alice’s turn until Mon 28 Dec 09:00, place 1 of 2 in the order decides"
        in page.text
    )
    assert 'class="at"' in page.html
    times = {"start": "2026-12-24T18:00", "end": "2026-12-25T09:00"}
    await browser.post(f"{path}/overrides", user_id=world.bob.id, reason=HOSTILE, **times)
    page = await browser.get(f"{path}?at=2026-12-24T22:00")
    assert "Bob is on call until Fri 25 Dec 09:00." in page.text
    assert (
        f"Override “{HOSTILE}” : Bob, Thu 24 Dec 18:00 to Fri 25 Dec 09:00, made by Alice decides"
        in page.text
    )
    assert "place 1 of 2 in the order; an override wins" in page.text
    assert f"Override: {HOSTILE}. Instead of Alice." in page.text
    assert HOSTILE not in page.html
    assert "nobody is on call" in (await browser.get(f"{path}?at=2001-12-24T22:00")).text


async def test_the_page_can_be_read_in_the_zone_of_the_schedule(world: World, sign_in: SignIn) -> None:
    """Every time follows the switch, and what is typed then means that zone."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser, timezone="Asia/Tokyo")).path
    page = await browser.get(f"{path}?at=2026-12-24T22:00&zone=schedule")
    assert "until Mon 28 Dec 09:00" in page.text
    assert "times in Asia/Tokyo" in page.text
    assert "until Mon 28 Dec 00:00" in (await browser.get(f"{path}?at=2026-12-24T22:00")).text
    times = {"start": "2026-12-24T22:00", "end": "2026-12-24T23:00"}
    await browser.post(f"{path}/overrides", user_id=world.bob.id, reason="", zone="schedule", **times)
    assert (
        "Bob is on call until Thu 24 Dec 23:00"
        in (await browser.get(f"{path}?at=2026-12-24T22:00&zone=schedule")).text
    )


async def test_days_on_which_the_clocks_change_are_marked(world: World, sign_in: SignIn) -> None:
    """In Berlin the last Sunday of March has 23 hours."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser, timezone="Europe/Berlin")).path
    page = await browser.get(f"{path}?from=2026-03-29&view=week&zone=schedule")
    assert "clocks go forward: 23 hours" in page.html
    assert "clocks go" not in (await browser.get(f"{path}?from=2026-03-29&view=week")).html


async def test_a_turn_that_something_above_beats_is_drawn_weak_and_says_who_wins(
    world: World, sign_in: SignIn
) -> None:
    """A second layer takes Alice's week: her bar is weak, and read out with who is on instead."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    typed = ROTATION | {"name": "Above", "member_id": world.charlie.id, "layer": "2"}
    await browser.post(f"{path}/rotations", **typed)
    page = await browser.get(path)
    assert 'class="beaten ' in page.html
    assert "Charlie (Above) is on call instead." in page.html
    assert "Layer 2" in page.text


async def test_what_lies_beyond_four_weeks_is_not_given_an_end(world: World, sign_in: SignIn) -> None:
    """A schedule of one person for ever has no end that was only that of the look ahead."""
    browser = await sign_in(world.alice)
    page = await _made(world, browser, member_id=world.alice.id)
    assert "Core: Alice Without end" in page.text
    assert "rotation Weekly" in page.text
    assert "later" in page.text
    page = await browser.get("/me")
    assert "You are on call for Core How pages reach me" in page.text


async def test_days_of_handoff_worked_days_and_holidays_come_back_as_they_were_typed(
    world: World, sign_in: SignIn
) -> None:
    """Two days, a calendar in small letters, windows that are off on holidays; unticked again they are gone."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {
        "name": "Office", "member_id": [world.bob.id, world.alice.id], "apply": "now", "handoff_day": ["5", "1"],
        "window_from_day": ["1", ""], "window_from_time": ["09:00", ""], "window_to_day": ["", ""],
        "window_to_time": ["17:00", ""], "window_holidays": ["except", "any"], "worked_days_only": "1",
    }  # fmt: skip
    page = await browser.post(rotation, **typed)
    assert "Say whose public holidays are meant" in page.text
    page = await browser.post(rotation, **typed, holiday_calendar="nowhere")
    assert "The calendar 'NOWHERE' is not known" in page.text
    page = await browser.post(rotation, **typed, holiday_calendar="de-by")
    assert "1 handoff each, handed over on Monday and Friday at 09:00, only at set times" in page.text
    form = (await browser.get(rotation)).html
    assert 'value="DE-BY"' in form
    for ticked in (
        '"handoff_day" value="1" checked',
        '"handoff_day" value="5" checked',
        '"1" checked><span><b>Count',
    ):
        assert ticked in form
    assert '"handoff_day" value="3" checked' not in form
    assert '<option value="except" selected>' in form
    async with world.db.read() as reader:
        [stored] = await schedules.rotations(reader, world.as_(world.alice), path.rpartition("/")[2])
    versions = len(stored.versions)
    page = await browser.press(await browser.get(rotation), rotation)
    async with world.db.read() as reader:
        [stored] = await schedules.rotations(reader, world.as_(world.alice), path.rpartition("/")[2])
    assert len(stored.versions) == versions
    assert (stored.current.days, stored.current.worked_days_only) == ((1, 5), True)
    page = await browser.post(rotation, **typed, holiday_calendar="DE-BY", is_shadow="1")
    assert "as shadows who are not paged" in page.text
    assert 'name="is_shadow" value="1" checked' in (await browser.get(rotation)).html
    page = await browser.post(rotation, **ROTATION, name="Plain", member_id=world.bob.id, apply="now")
    assert "as shadows" not in page.text
    assert "1 week each, handed over on Monday at 09:00" in page.text


async def test_a_server_without_the_library_of_holidays_says_so(
    world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the field, before anybody relies on it; with the library nothing is said."""
    browser = await sign_in(world.alice)
    _, rotation = await _edit(world, browser)
    assert "does not know public holidays" not in (await browser.get(rotation)).text
    monkeypatch.setattr("openalert.domain.holiday.find_spec", lambda _: None)
    assert "does not know public holidays" in (await browser.get(rotation)).text


async def test_office_hours_are_one_line(world: World, sign_in: SignIn) -> None:
    """Monday to Friday is five windows, Saturday and Sunday two; they come back day by day."""
    browser = await sign_in(world.alice)
    path, rotation = await _edit(world, browser)
    typed = ROTATION | {
        "name": "Office", "member_id": world.bob.id, "apply": "now", "window_from_day": ["workdays", "weekend"],
        "window_from_time": ["09:00", "22:00"], "window_to_day": ["", ""], "window_to_time": ["17:00", "06:00"],
    }  # fmt: skip
    await browser.post(rotation, **typed)
    async with world.db.read() as reader:
        [stored] = await schedules.rotations(reader, world.as_(world.alice), path.rpartition("/")[2])
    assert [(each.from_day, each.from_time, each.to_day) for each in stored.current.restrictions] == [
        *((day, "09:00", None) for day in range(1, 6)),
        (6, "22:00", None),
        (0, "22:00", None),
    ]
    page = await browser.post(rotation, **(typed | {"window_to_day": ["5", ""]}))
    assert "Windows of several days end on the same day" in page.text


async def test_an_override_may_cover_add_or_take_away(world: World, sign_in: SignIn) -> None:
    """Each kind of the form does what it says, and is drawn by what it does."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    times = {"start": "2026-12-24T18:00", "end": "2026-12-25T09:00", "reason": ""}
    await browser.post(f"{path}/overrides", user_id=world.bob.id, kind="add", **times)
    page = await browser.get(f"{path}?at=2026-12-24T22:00")
    assert "Alice and Bob are on call" in page.text
    assert "Bob as well" in page.text
    page = await browser.post(f"{path}/overrides", user_id=world.alice.id, kind="remove", **times)
    assert "Alice is off call then." in page.text
    assert "22:00: Bob is on call" in (await browser.get(f"{path}?at=2026-12-24T22:00")).text
    covers = {"user_id": world.charlie.id, "instead_of_id": world.bob.id, "kind": "cover"}
    page = await browser.post(f"{path}/overrides", **covers, **times)
    assert "Charlie will stand in for Bob." in page.text
    assert "22:00: Charlie is on call" in (await browser.get(f"{path}?at=2026-12-24T22:00")).text
    page = await browser.post(f"{path}/overrides", user_id=world.bob.id, kind="fixed", **times)
    assert "Choose one of the kinds." in page.text


async def test_an_override_is_changed_by_the_form_that_its_bar_opens(world: World, sign_in: SignIn) -> None:
    """A click on it fills in what is stored; it then lasts until the new time, and no second one is made."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    times = {"start": "2026-12-24T18:00", "end": "2026-12-25T09:00"}
    await browser.post(f"{path}/overrides", user_id=world.bob.id, reason="Dentist", **times)
    page = await browser.get(f"{path}?from=2026-12-24")
    [link] = set(re.findall(r'href="([^"]+override=[^"]+)"', page.html))
    page = await browser.get(html.unescape(link).partition("#")[0])
    form = page.form(f"{path}/overrides")["fields"]
    assert (form["start"], form["end"], form["reason"]) == (*times.values(), "Dentist")
    page = await browser.press(page, f"{path}/overrides", end="2026-12-25T12:00")
    assert (
        "22:00: Bob is on call until Fri 25 Dec 12:00"
        in (await browser.get(f"{path}?at=2026-12-24T22:00")).text
    )
    async with world.db.read() as reader:
        assert await reader.value("SELECT count(*) FROM overrides") == 1


async def test_public_holidays_are_marked_where_a_rotation_follows_a_calendar(
    world: World, sign_in: SignIn
) -> None:
    """Christmas Day by its name, and not where no calendar is followed."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser, holiday_calendar="DE")).path
    assert "Christmas Day" in (await browser.get(f"{path}?from=2026-12-25&view=week")).html
    path = (await _made(world, browser)).path
    assert "Christmas Day" not in (await browser.get(f"{path}?from=2026-12-25&view=week")).html


async def test_a_shadow_is_drawn_weak_and_named_as_one(world: World, sign_in: SignIn) -> None:
    """Its turns never decide, on the timeline and in the answer for a moment."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    await browser.post(
        f"{path}/rotations",
        **(ROTATION | {"layer": "3"}),
        name="Trainee",
        member_id=world.bob.id,
        is_shadow="1",
    )
    page = await browser.get(f"{path}?at=2026-12-24T22:00")
    assert "22:00: Alice is on call" in page.text
    assert "a shadow, who sees and is not paged" in page.text
    assert "A shadow sees what goes on and is not paged." in page.html
