"""Where a calendar's address may lead."""

import pytest

from openalert.notifiers import calendar_feed
from openalert.notifiers.notifier import NotifierError


def test_calendar_programs_write_webcal() -> None:
    """It means https; blanks around an address that was copied do not matter."""
    assert calendar_feed.address(" webcal://calendar.example/a.ics\n") == "https://calendar.example/a.ics"
    assert calendar_feed.address("http://calendar.example/a.ics") == "http://calendar.example/a.ics"


@pytest.mark.parametrize(
    "given", ["", "calendar", "file:///etc/passwd", "https://ana:secret@calendar.example/a.ics"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    """In words for whoever typed it."""
    with pytest.raises(NotifierError):
        calendar_feed.address(given)


def test_nothing_leads_from_encryption_to_the_open() -> None:
    """A redirect may stay, or become safer, and never the other way."""
    assert calendar_feed.redirected("https://a.example/x", "/y") == "https://a.example/y"
    assert calendar_feed.redirected("http://a.example/x", "https://b.example/y") == "https://b.example/y"
    with pytest.raises(NotifierError) as refused:
        calendar_feed.redirected("https://a.example/x?token=secret", "http://a.example/x?token=secret")
    assert "without encryption" in refused.value.detail
    assert "secret" not in refused.value.detail
