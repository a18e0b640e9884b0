"""When a message is tried again, and for how long."""

from openalert.domain.instant import HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind, give_up_at, page_key, retry_at


def test_tries_come_quickly_at_first_and_then_slow_down() -> None:
    """2, 8, 32, 128 seconds: five tries fit into a page's five minutes; never more than a quarter of an hour."""
    waits = [retry_at(attempt, 0, None) // SECOND for attempt in range(1, 14)]
    assert waits[:6] == [2, 8, 32, 128, 512, 900]
    assert waits[-1] == 15 * 60
    assert waits == sorted(waits)


def test_what_the_provider_asks_for_is_honoured_within_reason() -> None:
    """A time of its own, but neither at once nor tomorrow."""
    assert retry_at(1, 0, 7.5) == 7_500
    assert retry_at(1, 0, -3) == SECOND
    assert retry_at(1, 0, 86_400) == 15 * MINUTE


def test_pages_are_given_up_soon_so_that_the_ladder_goes_on() -> None:
    """Five minutes for a page, hours for everything that is only news."""
    assert give_up_at(NotificationKind.PAGE, 0) == 5 * MINUTE
    assert give_up_at(NotificationKind.UPDATE, 0) == 6 * HOUR


def test_each_part_of_an_effect_counts() -> None:
    """Another incident, episode, cycle, level or address is another page."""
    base = ("i", 1, 0, 1, "a")
    others = [
        ("j", 1, 0, 1, "a"),
        ("i", 2, 0, 1, "a"),
        ("i", 1, 1, 1, "a"),
        ("i", 1, 0, 2, "a"),
        ("i", 1, 0, 1, "b"),
    ]
    assert len({page_key(*parts) for parts in (base, *others)}) == 6
