"""Instants: exact there and back, and always with a zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.instant import from_datetime, rfc3339, to_datetime


@given(st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_there_and_back(instant: int) -> None:
    """Every millisecond from year 1 to year 9999 survives."""
    assert from_datetime(to_datetime(instant)) == instant


def test_the_text_is_utc_with_milliseconds() -> None:
    """Fixed width, so that it sorts as text too."""
    moment = datetime(2026, 3, 29, 3, 0, 0, 5_999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(from_datetime(moment)) == "2026-03-29T01:00:00.005Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999Z"


def test_a_time_without_zone_is_no_instant() -> None:
    """Guessing the zone is how pages come an hour late."""
    with pytest.raises(ValueError, match="zone"):
        from_datetime(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))
