"""When backups are due, what they are called, and which of them go."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from openalert.domain import backup
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, from_datetime, rfc3339

pytestmark = pytest.mark.proves("DB-4")


def at(text: str) -> int:
    """`2026-01-02T03:00:00Z` as an instant."""
    return from_datetime(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("UTC", "2026-01-02T02:00:00Z", "2026-01-02T03:00:00Z"),
        ("UTC", "2026-01-02T02:50:00Z", "2026-01-03T03:00:00Z"),
        ("UTC", "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z"),
        ("America/New_York", "2026-01-02T12:00:00Z", "2026-01-03T08:00:00Z"),
        # Clocks that are set from 02:00 to 03:00, and from 03:00 back to 02:00.
        ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z"),
    ],
)
def test_the_next_night_is_by_the_clocks_of_the_zone(zone: str, now: str, due: str) -> None:
    """03:00 there, never twice in a night, and not a second time a few minutes after it was made by hand."""
    assert rfc3339(backup.next_night(ZoneInfo(zone), 3 * HOUR, at(now))) == rfc3339(at(due))


def test_a_file_says_when_it_is_of() -> None:
    """Its name and the instant are one; what others put into the folder is none of ours."""
    now = at("2026-01-02T03:00:05Z")
    assert backup.file_name(now) == "openalert-20260102T030005Z.db"
    assert backup.made_at(backup.file_name(now)) == now // SECOND * SECOND
    for other in ("openalert.db", "openalert-20260102T030005Z.db-wal", "openalert-20261302T030005Z.db", ".x"):
        assert backup.made_at(other) is None


def test_the_newest_stays_whatever_the_clock_said_before() -> None:
    """A file from a clock that was years ahead takes the place of an old one, never of the one just proven."""
    nights = [backup.file_name(at("2026-01-01T03:00:00Z") + number * DAY) for number in range(5)]
    ahead, others = "openalert-20360101T030000Z.db", ["notes.txt", "openalert.db"]
    assert backup.superfluous([*nights, *others], nights[-1], 3) == [nights[1], nights[0]]
    assert backup.superfluous([*nights, ahead], nights[-1], 2) == nights[3::-1]
    assert nights[-1] not in backup.superfluous([*nights, ahead], nights[-1], 1)
    assert backup.superfluous(nights[:1], nights[0], 1) == []


def test_a_job_tells_of_a_failure_once() -> None:
    """It is tried again each hour; that it fails is new only the first time, and again after it worked."""
    job = BackupJob(name=JobName.BACKUP, since=0, due_at=0)
    job.begin(5)
    assert job.due_at == 5 + HOUR
    assert job.failed("full", 10)
    job.begin(15)
    assert not job.failed("full", 20)
    assert (job.failing_since, job.attempts, job.due_at) == (10, 2, 20 + HOUR)
    assert job.age(3 * DAY) == 3 * DAY
    job.succeeded(30, 40, file="x")
    assert (job.failing_since, job.attempts, job.error, job.due_at) == (None, 0, "", 40)
    assert job.age(30 + MINUTE) == MINUTE
    assert job.failed("full", 50)


def test_tries_that_a_kill_ends_are_told_from_the_second_on_and_stops_in_order_are_none() -> None:
    """One is a night in which the power went; who restarts the server at three each night hears nothing either."""
    job = BackupJob(name=JobName.BACKUP, since=0, due_at=0)
    for _ in range(3):
        job.begin(0)
        job.broken_off()
    job.begin(1)
    assert not job.is_cut_off
    job.begin(2)
    assert job.is_cut_off
    assert job.failed("gone", 3)
    assert not job.is_cut_off, "it is told now"
    job.succeeded(4, 5)
    job.begin(6)
    assert not job.is_cut_off
