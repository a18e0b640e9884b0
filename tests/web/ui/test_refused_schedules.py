"""What cannot be, typed into the forms of schedules: a sentence beside its field, the rest kept, nothing stored."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.user import User
from tests.cast import World
from tests.web.ui.browser import Browser, Page
from tests.web.ui.test_schedules import ROTATION, _made

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
Typed = dict[str, Any]


def said_beside(page: Page, field: str) -> str:
    """The sentence of a field, to which its input points."""
    found = re.findall(rf'id="{field}-error">(?:<svg.*?</svg>)?(.*?)</p>', page.html, re.S)
    assert len(found) == 1, page.text
    assert f'aria-describedby="{field}-error"' in page.html
    return str(found[0])


async def _stored(world: World) -> list[Any]:
    """Everything that a form of schedules could change."""
    async with world.db.read() as reader:
        return [
            [tuple(row) for row in await reader.rows(f"SELECT * FROM {table} ORDER BY id")]
            for table in ("schedules", "rotations", "overrides")
        ]


def window(start: str, end: str, **more: str) -> Typed:
    """One line of the windows."""
    parts = {"from_day": "", "to_day": "", "holidays": "any"} | more | {"from_time": start, "to_time": end}
    return {f"window_{name}": value for name, value in parts.items()}


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"rotation_type": "yearly"}, "rotation_type", "Choose one of the kinds."),
        ({"shift_length": "0"}, "shift_length", "The number must be between 1 and 10000, not 0."),
        ({"shift_length": "-1"}, "shift_length", "Give a whole number."),
        ({"handoff_time": "25:00"}, "handoff_time", "The handoff must be a time of day as HH:MM"),
        ({"handoff_day": ["8"]}, "handoff_day", "The day must be a day from 0 (Sunday) to 6 (Saturday)"),
        ({"handoff_day": ["1", "1"]}, "handoff_day", "The choice of days names each day once"),
        ({"layer": "1001"}, "layer", "The layer must be between 0 and 1000, not 1001."),
        ({"until": "2001-01-01T00:00"}, "until", "The end must be later than"),
        ({"until": "soon"}, "until", "Give a date and a time"),
        ({"member_id": "nobody-known"}, "members", "The order: there is no active user"),
        ({"member_id": ""}, "members", "Choose at least one person."),
        ({"worked_days_only": "1", "rotation_type": "hourly"}, "worked_days_only", "This counts days"),
        ({"holiday_calendar": "Utopia"}, "holiday_calendar", "is not known."),
        (window("25:00", "26:00"), "windows", "The beginning of each window must be a time of day"),
        (window("09:00", "26:00"), "windows", "The end of each window must be a time of day"),
        (window("09:00", "17:00", to_day="1"), "windows", "A window of every day ends the same day"),
        (
            window("09:00", "17:00", holidays="only"),
            "holiday_calendar",
            "Say whose public holidays are meant",
        ),
        ({"name": "x" * 201}, "name", "The name must have 1 to 200 characters."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_rotation_that_cannot_be(
    world: World, sign_in: SignIn, wrong: Typed, field: str, sentence: str
) -> None:
    """By each form that takes one, looked at first or saved at once: said above and beside, and nothing half made."""
    browser = await sign_in(world.alice)
    page = await _made(world, browser)
    path, rotation = page.path, page.links["Weekly"]
    before = await _stored(world)
    typed = ROTATION | {"member_id": world.bob.id, "name": "Typed name", "timezone": "UTC"} | wrong
    forms = [
        (f"{path}/rotations", "preview"),
        (f"{path}/rotations", "save"),
        (rotation, "preview"),
        (rotation, "save"),
        ("/schedules", "save"),
    ]
    for action, act in forms:
        page = await browser.post(action, **typed, team_id=world.core.id, act=act)
        assert page.status == 422, (action, act)
        assert page.text.count(sentence) == 2
        assert "Nothing is saved yet." in page.text
        assert sentence in said_beside(page, field)
        assert page.form(action)["fields"]["name"] == typed["name"]
    assert await _stored(world) == before


@pytest.mark.parametrize("zone", ["Europe/Berln", "localtime", "", "../etc/passwd"])
async def test_a_zone_that_is_none(world: World, sign_in: SignIn, zone: str) -> None:
    """For a new schedule and for one that is there; the page keeps what was typed."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    before = await _stored(world)
    typed = ROTATION | {
        "name": "Typed",
        "team_id": world.core.id,
        "member_id": world.bob.id,
        "timezone": zone,
    }
    for action in ("/schedules", path):
        page = await browser.post(action, **typed, act="preview" if action == path else "save")
        assert page.status == 422
        assert "is not known. Give an IANA name" in said_beside(page, "timezone")
        assert page.form(action)["fields"]["timezone"] == zone
    assert await _stored(world) == before


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"end": "2026-12-24T17:00"}, "end", "The end must be later than"),
        ({"start": "2026-01-01T00:00", "end": "2026-01-02T00:00"}, "end", "The end must lie in the future"),
        ({"start": "25:00"}, "start", "Give a date and a time"),
        ({"user_id": "nobody-known"}, "user_id", "Who: there is no active user"),
        ({"user_id": ""}, "user_id", "Who must name the person."),
        (
            {"kind": "cover", "instead_of_id": ""},
            "instead_of_id",
            "Instead of whom must name who is covered.",
        ),
        ({"kind": "sometimes"}, "kind", "Choose one of the kinds."),
        ({"reason": "x" * 1_001}, "reason", "The reason holds at most 1000 characters."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_override_that_cannot_be(
    world: World, sign_in: SignIn, wrong: Typed, field: str, sentence: str
) -> None:
    """It is said at the top of the page too, for the form stands far below."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    typed = {
        "user_id": world.bob.id, "kind": "replace", "start": "2026-12-24T18:00", "end": "2026-12-25T09:00",
        "reason": "Dentist",
    } | wrong  # fmt: skip
    page = await browser.post(f"{path}/overrides", **typed)
    assert page.status == 422
    assert sentence in said_beside(page, field)
    assert f"The override is not saved. {sentence}" in page.text
    fields = page.form(f"{path}/overrides")["fields"]
    assert all(fields[name] == typed[name] for name in ("start", "end", "reason"))
    assert (await _stored(world))[2] == []
