"""The last resort hears one word, not a storm: when it is due, how often, and what ends it."""

import pytest

from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.last_resort import Call, CallState, Hop, Matter, Pace

pytestmark = pytest.mark.proves("NO-6")
DATABASE, DISK = (Matter(key=each, words=each) for each in ("database", "disk"))
TAKEN, FAILED = [Hop("mail")], [Hop("mail", "refused")]


def _said(pace: Pace, at: int, *matters: Matter, hops: list[Hop] = TAKEN) -> str:
    """The state of what is said at this moment, and empty where nothing is."""
    call = pace.call(matters, at)
    if call is not None:
        pace.tried(call, hops, at)
    return "" if call is None else call.state.value


def test_what_lasts_is_said_once_and_again_after_a_quarter_of_an_hour() -> None:
    """At once, then every 15 minutes, and its end once."""
    pace, said = Pace(), {}
    for second in range(0, 3600, 10):
        matters = [DATABASE] if second < 2000 else []
        if state := _said(pace, second * SECOND, *matters):
            said[second] = state
    assert said == {0: "begun", 900: "goes_on", 1800: "goes_on", 2000: "over"}


def test_what_is_new_waits_five_minutes_and_goes_in_one_word() -> None:
    """A storm of reasons is one word, and one more with all that came meanwhile."""
    pace = Pace()
    assert _said(pace, 0, DATABASE) == "begun"
    assert _said(pace, MINUTE, DATABASE, DISK) == ""
    call = pace.call([DATABASE, DISK], 5 * MINUTE)
    assert call == Call(state=CallState.GOES_ON, matters=(DATABASE, DISK))


def test_what_comes_and_goes_is_no_storm() -> None:
    """Trouble that changes each ten seconds for an hour is said at most twice in five minutes."""
    pace, said = Pace(), 0
    for second in range(0, 3600, 10):
        said += bool(_said(pace, second * SECOND, *([DATABASE] if second % 20 else [])))
    assert 2 <= said <= 24


def test_a_word_that_no_way_took_is_tried_again_each_minute() -> None:
    """It counts as said only when one way has taken it."""
    pace = Pace()
    assert _said(pace, 0, DATABASE, hops=FAILED) == "begun"
    assert _said(pace, 50 * SECOND, DATABASE) == ""
    assert _said(pace, MINUTE, DATABASE, hops=FAILED) == "begun"
    assert _said(pace, 2 * MINUTE, DATABASE, hops=[*FAILED, *TAKEN]) == "begun"
    assert _said(pace, 16 * MINUTE, DATABASE) == ""
    assert _said(pace, 17 * MINUTE, DATABASE) == "goes_on"


def test_what_the_process_before_has_said_is_not_said_at_once() -> None:
    """A server that starts again and again does not write each time."""
    pace = Pace()
    pace.assume(["database"], 0)
    assert _said(pace, MINUTE, DATABASE) == ""
    assert _said(pace, 15 * MINUTE, DATABASE) == "goes_on"
