"""Fire drills come in working hours of the person's own wall clock, once a period, and take each way in turn."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from openalert.domain.drill import Rhythm, next_slot, next_way, working
from openalert.domain.instant import DAY, HOUR, Instant, to_datetime
from openalert.domain.notification_plan import Way
from openalert.domain.walltime import first_instant, midnight

ZONES = [
    ZoneInfo(name)
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
]


def at(zone: ZoneInfo, day: str, hour: int = 0) -> Instant:
    """The instant of an hour of a local day."""
    return first_instant(zone, midnight(date.fromisoformat(day)) + hour * HOUR)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("rhythm", [Rhythm.WEEKLY, Rhythm.MONTHLY])
def test_a_year_of_drills_is_on_workdays_between_ten_and_two(zone: ZoneInfo, rhythm: Rhythm) -> None:
    """By the local clock, also in the weeks in which it is set; each in a later period than the one before."""
    now, last, seen = at(zone, "2026-01-01"), None, []
    while now < at(zone, "2027-01-01"):
        last, now, end = next_slot(rhythm, zone, "team:user", now, last)
        local = to_datetime(now).astimezone(zone)
        assert local.weekday() < 5
        assert 10 <= local.hour < 14
        assert working(zone, now) == now
        assert now < end
        assert to_datetime(end).astimezone(zone).hour == 0
        seen.append(last)
    assert seen == sorted(set(seen))
    assert len(seen) in ((52, 53) if rhythm is Rhythm.WEEKLY else (12, 13))


def test_a_drill_after_the_clocks_were_set_forward_keeps_its_local_time() -> None:
    """Berlin, the week after 29 March 2026: working hours begin at 07:00 UTC instead of 08:00."""
    berlin = ZoneInfo("Europe/Berlin")
    assert (
        to_datetime(working(berlin, at(berlin, "2026-03-27", 18))).isoformat() == "2026-03-30T07:00:00+00:00"
    )
    assert (
        to_datetime(working(berlin, at(berlin, "2026-03-20", 18))).isoformat() == "2026-03-23T08:00:00+00:00"
    )


def test_working_hours_end_at_five_and_on_friday() -> None:
    """At 16:59 it may come, at 17:00 the next morning, on Friday evening on Monday, before nine at nine."""
    utc = ZoneInfo("UTC")
    monday = at(utc, "2026-01-05")
    assert working(utc, monday + 17 * HOUR - 1) == monday + 17 * HOUR - 1
    assert working(utc, monday + 17 * HOUR) == monday + DAY + 9 * HOUR
    assert working(utc, monday + 4 * DAY + 17 * HOUR) == monday + 7 * DAY + 9 * HOUR
    assert working(utc, monday + 8 * HOUR) == monday + 9 * HOUR
    assert working(utc, monday - HOUR) == monday + 9 * HOUR


def test_every_way_has_its_turn_and_nobody_is_called_for_a_drill() -> None:
    """The one that waited longest; a call only for somebody who has nothing else."""
    mail, chat, call = (Way(id=kind, type=kind, address=kind) for kind in ("email", "slack", "voice"))
    assert next_way([call, mail, chat], {"email": 5}) is chat
    assert next_way([call, mail, chat], {"email": 5, "slack": 6}) is mail
    assert next_way([call], {}) is call
