"""Shifts as iCalendar, read back by a library that did not write them."""

from datetime import UTC, datetime

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain import calendar
from openalert.domain.calendar import CalendarEvent, Revision
from openalert.domain.instant import DAY, HOUR, from_datetime
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift

NOW = from_datetime(datetime(2026, 12, 24, 9, 30, tzinfo=UTC))
REVISION = Revision(number=3, changed_at=NOW)


def by_rotation(user: str, rotation: str = "primary") -> OnCallPerson:
    """Somebody who has a turn of a rotation."""
    return OnCallPerson(
        user_id=user, source=OnCallSource.ROTATION, rotation_id=rotation, rotation_name=rotation
    )


def by_override(user: str, override: str) -> OnCallPerson:
    """Somebody who stands in."""
    return OnCallPerson(user_id=user, source=OnCallSource.OVERRIDE, override_id=override)


def final(*shifts: tuple[int, int, list[OnCallPerson]]) -> FinalSchedule:
    """Shifts by hours from now."""
    items = [Shift(start=NOW + a * HOUR, end=NOW + b * HOUR, people=people) for a, b, people in shifts]
    return FinalSchedule(items=items, gaps=[])


def spans(made: FinalSchedule) -> list[tuple[str, int, int]]:
    """Turns by person and hours."""
    return [
        (turn.person.user_id, (turn.start - NOW) // HOUR, (turn.end - NOW) // HOUR)
        for turn in calendar.turns_of(made)
    ]


def event(summary: str, description: str = "") -> CalendarEvent:
    """An entry of an hour."""
    return CalendarEvent(
        uid="1@openalert",
        start=NOW,
        end=NOW + HOUR,
        summary=summary,
        description=description,
        url="https://oncall.example/schedules/1",
    )


def test_company_that_comes_and_goes_does_not_cut_a_turn() -> None:
    """Ana is on from 0 to 24 whoever is on beside her; after Bea has stood in for all, Ana's turn is another one."""
    ana, bea = by_rotation("ana"), by_rotation("bea", "second")
    assert spans(final((0, 8, [ana]), (8, 16, [ana, bea]), (16, 24, [ana]))) == [
        ("ana", 0, 24),
        ("bea", 8, 16),
    ]
    stands_in = by_override("bea", "o1")
    assert spans(final((0, 8, [ana]), (8, 16, [stands_in]), (16, 24, [ana]))) == [
        ("ana", 0, 8),
        ("bea", 8, 16),
        ("ana", 16, 24),
    ]


def test_a_handoff_and_a_gap_each_end_a_turn() -> None:
    """The same rotation goes on to another person; the same person after a time of nobody has a turn of their own."""
    assert spans(final((0, 8, [by_rotation("ana")]), (8, 16, [by_rotation("bea")]))) == [
        ("ana", 0, 8),
        ("bea", 8, 16),
    ]
    assert spans(final((0, 8, [by_rotation("ana")]), (9, 16, [by_rotation("ana")]))) == [
        ("ana", 0, 8),
        ("ana", 9, 16),
    ]


def test_a_turn_keeps_its_uid_when_its_end_or_person_changes() -> None:
    """What gives the turn and its beginning make the UID, and nothing else does."""

    def uid(start: int, end: int, person: OnCallPerson, schedule: str = "s") -> str:
        [turn] = calendar.turns_of(final((start, end, [person])))
        return calendar.uid_of(schedule, turn)

    usual = uid(0, 8, by_rotation("ana"))
    assert uid(0, 6, by_rotation("ana")) == usual
    assert uid(0, 8, by_rotation("bea")) == usual
    others = {
        uid(1, 8, by_rotation("ana")),
        uid(0, 8, by_rotation("ana", "second")),
        uid(0, 8, by_override("ana", "o1")),
        uid(0, 8, by_rotation("ana"), "another"),
    }
    assert len(others | {usual}) == 5
    assert usual.endswith("@openalert")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
def test_no_text_gets_out_of_its_property(summary: str, description: str, name: str) -> None:
    """Whatever the texts: one event, these properties, the words as they can be shown, lines of at most 75 octets."""
    written = calendar.write(name, [event(summary, description)], REVISION)
    assert all(len(line) <= 75 for line in written.split(b"\r\n"))
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert b"\r" not in written.replace(b"\r\n", b"")
    parsed = icalendar.Calendar.from_ical(written)
    [shown] = parsed.walk("VEVENT")
    assert not shown.errors
    assert not parsed.errors
    assert {str(key) for key in shown} == {
        "UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL",
        "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS",
    }  # fmt: skip
    visible = "".join(each for each in summary if each.isprintable())
    assert "".join(str(shown["SUMMARY"]).split("\n")) == visible


def test_hostile_names_stay_words() -> None:
    """Line breaks, separators, an emoji where a line folds, and words that look like another event."""
    hostile = "Ana; DROP, \\ \r\nEND:VEVENT\r\nBEGIN:VALARM " + "🧯" * 40
    written = calendar.write(hostile, [event(hostile)], REVISION)
    parsed = icalendar.Calendar.from_ical(written)
    [shown] = parsed.walk("VEVENT")
    assert str(shown["SUMMARY"]) == hostile.replace("\r\n", "\n")
    assert b"\r\nNAME:Ana\\; DROP\\, \\\\ \\nEND:VEVENT\\nBEGIN:VALARM" in written
    assert not parsed.walk("VALARM")


def test_times_are_utc_and_nobody_is_busy() -> None:
    """No time zone needs to be known to read it, the revision is told, and programs ask again each hour."""
    written = calendar.write("Core", [event("Ana: Core")], REVISION)
    assert b"TZID" not in written
    assert b"VTIMEZONE" not in written
    parsed = icalendar.Calendar.from_ical(written)
    [shown] = parsed.walk("VEVENT")
    assert shown["DTSTART"].dt == datetime(2026, 12, 24, 9, 30, tzinfo=UTC)
    assert shown["DTEND"].dt == datetime(2026, 12, 24, 10, 30, tzinfo=UTC)
    assert shown["DTSTAMP"].dt == shown["LAST-MODIFIED"].dt == datetime(2026, 12, 24, 9, 30, tzinfo=UTC)
    assert (shown["SEQUENCE"], shown["TRANSP"]) == (3, "TRANSPARENT")
    assert str(parsed["REFRESH-INTERVAL"].to_ical())
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in written


@pytest.mark.parametrize("month", range(1, 13))
def test_the_range_is_whole_months_and_stands_still_within_one(month: int) -> None:
    """At least 90 days back and 180 ahead, from the first of a month, the same all day long."""
    for day in (1, 28):
        now = from_datetime(datetime(2026, month, day, 12, tzinfo=UTC))
        start, end = calendar.months_around(now)
        assert start <= now - 90 * DAY
        assert end >= now + 180 * DAY
        assert end - start <= 340 * DAY
        for edge in (start, end):
            at = datetime.fromtimestamp(edge / 1000, UTC)
            assert (at.day, at.hour, at.minute) == (1, 0, 0)
        assert calendar.months_around(now + 11 * HOUR) == (start, end)


def test_a_digest_changes_with_every_word() -> None:
    """The name and each member of each entry count."""
    usual = calendar.digest_of("Core", [event("Ana")])
    assert calendar.digest_of("Core", [event("Ana")]) == usual
    changed = {
        calendar.digest_of("Other", [event("Ana")]),
        calendar.digest_of("Core", [event("Bea")]),
        calendar.digest_of("Core", [event("Ana", "x")]),
        calendar.digest_of("Core", []),
    }
    assert usual not in changed
    assert len(changed) == 4
