"""How channels are driven."""

import pytest

from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.delivery import manner, room
from openalert.domain.notification import NotificationPriority as P


@pytest.mark.parametrize(
    ("channel", "tries"), [("email", 5), ("sms", 4), ("voice", 3), ("push", 4), ("slack", 5), ("teams", 5)]
)
def test_each_channel_has_its_tries(channel: str, tries: int) -> None:
    """As the documentation says."""
    assert manner(channel).tries == tries


@pytest.mark.parametrize("channel", sorted({*CONTACT_KINDS, *CHANNEL_KINDS, "a new one"}))
def test_every_channel_can_be_driven(channel: str) -> None:
    """Also one that nobody wrote a line for."""
    how = manner(channel)
    assert how.tries > 0
    assert how.slots > 0


def test_the_operator_may_set_slots_and_pace() -> None:
    """For the named channel alone."""
    assert manner("sms", {"sms": 2}, {"sms": 30}).slots == 2
    assert manner("sms", {"sms": 2}, {"sms": 30}).per_second == 30
    assert manner("email", {"sms": 2}, {"sms": 30}) == manner("email")


@pytest.mark.parametrize("slots", [2, 3, 4, 8, 16, 32])
def test_what_is_more_urgent_always_finds_a_slot_that_the_rest_left(slots: int) -> None:
    """However many mails and digests are on their way, a page has room; and nothing is shut out for ever."""
    assert room(slots, P.CRITICAL) == slots
    assert room(slots, P.HIGH) < room(slots, P.CRITICAL)
    assert room(slots, P.LOW) <= room(slots, P.MEDIUM) <= room(slots, P.HIGH)
    assert room(slots, P.LOW) >= 1


def test_news_leaves_room_for_every_page() -> None:
    """With the usual number of slots the steps are real ones."""
    assert [room(16, each) for each in P] == [16, 12, 8, 4]
