"""Public holidays: which days they are, that calendars are checked, and what is so without the library."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from openalert.domain import holiday
from openalert.domain.errors import Invalid
from openalert.domain.holiday import Day, check_calendar, is_holiday, name_of, next_holiday

_EPOCH = date(1970, 1, 1).toordinal()


def day(text: str) -> Day:
    """A date as a number of days since 1970."""
    return date.fromisoformat(text).toordinal() - _EPOCH


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation without the optional library."""
    known: Any = holiday.find_spec
    monkeypatch.setattr(holiday, "find_spec", lambda name: None if name == "holidays" else known(name))
    holiday._in_year.cache_clear()
    yield
    holiday._in_year.cache_clear()


@pytest.mark.parametrize(
    ("calendar", "text", "name"),
    [
        ("DE", "2026-12-25", "Christmas Day"),
        ("DE", "2026-01-06", None),
        ("DE-BY", "2026-01-06", "Epiphany"),
        ("US", "2026-11-26", "Thanksgiving Day"),
        ("US", "2026-07-03", "Independence Day (observed)"),
        ("DE", "2026-12-24", None),
        ("US", "1970-12-25", "Christmas Day"),
        ("US", "1969-12-25", None),
        ("US", "2100-12-25", "Christmas Day"),
        ("US", "2101-12-25", None),
        ("US", "9999-12-25", None),
        ("DE", "0001-01-01", None),
    ],
)
def test_a_day_is_a_holiday_in_its_country_or_region(calendar: str, text: str, name: str | None) -> None:
    """Regions have more than their country; outside of 1970 to 2100 there are none."""
    assert name_of(calendar, day(text)) == name
    assert is_holiday(calendar, day(text)) is (name is not None)


def test_the_next_holiday_is_later_than_the_day() -> None:
    """From Christmas to the day after, over the end of the year, from before all, and none after the last."""
    assert next_holiday("DE", day("2026-12-24")) == day("2026-12-25")
    assert next_holiday("DE", day("2026-12-25")) == day("2026-12-26")
    assert next_holiday("DE", day("2026-12-26")) == day("2027-01-01")
    assert next_holiday("US", day("1800-01-01")) == day("1970-01-01")
    assert next_holiday("DE", day("2100-12-26")) is None
    assert next_holiday("DE", day("9000-01-01")) is None


@pytest.mark.parametrize("calendar", ["DE", "DE-BY", "US-CA", "GB-SCT", "BR-SP"])
def test_calendars_of_countries_and_regions_are_accepted(calendar: str) -> None:
    """By the codes that people know from their computers."""
    check_calendar(calendar)


@pytest.mark.parametrize(
    "calendar",
    [
        "",
        "XX",
        "de",
        "DE-XX",
        "DE-",
        "Germany",
        "DE-BY-M",
        "-BY",
        "DE\n",
        "HolidayBase",
        "__class__",
        "DE" * 500,
    ],
)
def test_unknown_calendars_are_refused_with_an_example(calendar: str) -> None:
    """The sentence names the field and says how a calendar is written."""
    with pytest.raises(Invalid, match=r"^holidayCalendar .* is not known\. Give .*DE-BY") as refusal:
        check_calendar(calendar)
    assert refusal.value.details == {"field": "holidayCalendar"}
    assert len(refusal.value.message) < 250


@pytest.mark.usefixtures("no_library")
def test_without_the_library_no_calendar_is_taken_and_no_day_is_a_holiday() -> None:
    """A save is refused with what to install; what is stored is computed as if every day were ordinary."""
    with pytest.raises(Invalid, match=r"^holidayCalendar needs .*openalert\[holidays\]"):
        check_calendar("DE")
    assert not is_holiday("DE", day("2026-12-25"))
    assert next_holiday("DE", day("2026-12-24")) is None
    assert holiday.countries() == {}


def test_a_country_that_the_library_forgot_has_no_holidays() -> None:
    """A stored calendar that is no longer known does not fail."""
    assert not is_holiday("DE-GONE", day("2026-12-25"))


def test_countries_have_names() -> None:
    """The form offers them in words."""
    named = holiday.countries()
    assert named["DE"] == "Germany"
    assert named["US"] == "United States"
    assert len(named) > 200
