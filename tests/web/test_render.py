"""Templates, filters and blocks."""

from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.web import render

NOW: Instant = 1_795_226_832_000
"""2026-11-21T02:07:12Z, 03:07:12 in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")


def _filtered(expression: str, **context: object) -> str:
    template = render._environment().from_string("{{ " + expression + " }}")
    return template.render(now=NOW, zone=BERLIN, **context)


def _words(expression: str, **context: object) -> str:
    """What the reader sees of a time element."""
    return _filtered(expression, **context).partition(">")[2].removesuffix("</time>")


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (0, "just now"),
        (-5 * SECOND, "just now"),
        (44 * SECOND, "just now"),
        (45 * SECOND, "1 min ago"),
        (59 * MINUTE, "59 min ago"),
        (3 * HOUR, "3 h ago"),
        (DAY, "1 day ago"),
        (6 * DAY, "6 days ago"),
        (40 * DAY, "12 Oct"),
        (400 * DAY, "17 Oct 2025"),
    ],
)
def test_ago_is_said_in_one_unit(past: int, words: str) -> None:
    """A past moment is told in the largest unit that says enough, and as a date after a week."""
    assert _words("at | ago", at=NOW - past) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-1, "now"),
        (0, "now"),
        (9 * SECOND, "in 0:09"),
        (192 * SECOND, "in 3:12"),
        (2 * HOUR + 5 * MINUTE, "in 2 h 05 min"),
        (2 * DAY, "on Mon 03:07"),
    ],
)
def test_countdown_says_when_something_happens(left: int, words: str) -> None:
    """What comes next is counted down to the second within the hour, and named by weekday later."""
    assert _words("at | countdown", at=NOW + left) == words


def test_times_carry_the_instant_and_the_absolute_time_in_the_readers_zone() -> None:
    """The element holds UTC for the machine and the full local time, zone named, for the reader."""
    made = _filtered("at | clock", at=NOW)
    assert 'datetime="2026-11-21T02:07:12.000Z"' in made
    assert 'title="Sat 21 Nov 2026, 03:07:12 Europe/Berlin"' in made
    assert made.endswith(">03:07</time>")


def test_clock_names_the_day_when_it_is_not_today() -> None:
    """Midnight in the reader's zone decides what today is."""
    assert _words("at | clock", at=NOW - 4 * HOUR) == "Fri 23:07"
    assert _words("at | clock", at=NOW - 40 * DAY) == "12 Oct 04:07"


@pytest.mark.parametrize(
    ("length", "words"),
    [(42 * SECOND, "42 s"), (24 * MINUTE, "24 min"), (3 * HOUR + 5 * MINUTE, "3 h 05 min"), (DAY, "1 day"),
     (2 * DAY + 4 * HOUR, "2 days 4 h")],
)  # fmt: skip
def test_lengths_of_time_use_at_most_two_units(length: int, words: str) -> None:
    """A duration is short to read."""
    assert render.lasted(length) == words


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ana Souza", "AS"), ("jun", "J"), ("ana.souza@acme.example", "AS"), ("#core-alerts", "CA"), ("…", "?"),
     ("Łukasz Żak", "ŁŻ")],
)  # fmt: skip
def test_initials_stand_in_for_faces(name: str, letters: str) -> None:
    """Any name gives one or two letters."""
    assert render.initials(name) == letters


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://wiki.example/x", True),
        ("mailto:ops@example.com", True),
        ("javascript:alert(1)", False),
        (" JaVaScRiPt:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example/x", False),
        ("/relative", False),
        ("http://[broken", False),
    ],
)
def test_only_safe_addresses_become_links(text: str, kept: bool) -> None:
    """A stored address with another scheme than http, https, mailto or tel never reaches an href."""
    assert bool(render.web_address(text)) is kept


def test_amounts_and_lists_read_like_a_sentence() -> None:
    """One alert, two alerts; Ana, Bea and Jun."""
    assert render.amount(1, "alert") == "1 alert"
    assert render.amount(0, "alert") == "0 alerts"
    assert render.amount(2, "person", "people") == "2 people"
    assert render.amount(12345, "alert") == "12\N{THIN SPACE}345 alerts"
    assert [render.listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
        "",
        "A",
        "A and B",
        "A, B and C",
    ]


def test_text_is_escaped_and_a_missing_value_is_an_error() -> None:
    """Nothing stored can become markup, and a forgotten value is found by the first test that renders."""
    assert _filtered("text", text="<script>") == "&lt;script&gt;"
    with pytest.raises(UndefinedError):
        _filtered("forgotten")


def test_a_block_is_exactly_its_part_of_the_page() -> None:
    """A live update sends the very markup that the page has at that place."""
    context = {
        "now": NOW, "zone": BERLIN, "step": 4, "done": 3, "errors": {}, "values": {}, "presets": [], "url": "",
        "snippet": "route: x", "curl": "curl x", "first": None, "test": None, "reach": None,
    }  # fmt: skip
    page = render.page("setup/wizard.html", **context)
    part = render.block("setup/wizard.html", "first_alert", **context)
    assert 'id="first_alert"' in part
    assert part.strip() in page
    assert "first_alert" in render.blocks("setup/wizard.html")
