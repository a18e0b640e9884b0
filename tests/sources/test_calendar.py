"""Calendars of other programs: files in the shape of Outlook and Google, odd ones, and those made to do harm."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from openalert.domain.calendar_feed import Counts, Entry, absences_in
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, from_datetime, to_datetime
from openalert.sources.calendar import CalendarReading, Occurrence, read_calendar
from openalert.sources.calendar_text import LARGEST, thin

HERE = Path(__file__).parent / "calendars"
NOW = from_datetime(datetime(2026, 11, 21, 12, tzinfo=UTC))
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


FIRST = ("DTSTART:20200101T000000Z",)
SIXTY = ",".join(map(str, range(60)))
TEN_THOUSAND = ",".join(
    f"2027{1 + number % 12:02}{1 + number % 28:02}T{number % 24:02}0000Z" for number in range(10_000)
)


def event(*lines: str) -> str:
    """A component of an event."""
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def calendar(*events: str, head: str = "") -> bytes:
    """A file with these events."""
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{head}{''.join(events)}END:VCALENDAR\r\n".encode()


def read(content: bytes, zone: str = "Europe/Berlin") -> CalendarReading:
    """The next half year of it."""
    return read_calendar(content, zone, NOW, NOW + 180 * DAY)


def only(*lines: str, zone: str = "Europe/Berlin") -> Occurrence:
    """The one thing that happens by an event of these lines."""
    [found] = read(calendar(event("UID:1", "SUMMARY:x", *lines)), zone).occurrences
    return found


def spoken(found: Occurrence, zone: ZoneInfo) -> str:
    """`24 Dec 00:00 - 28 Dec 00:00` by the clocks of the zone."""
    start, end = (to_datetime(each).astimezone(zone) for each in (found.start, found.end))
    return f"{start:%d %b %H:%M} - {end:%d %b %H:%M}"


def absences(name: str, counts: Counts = Counts.AWAY) -> list[tuple[str, int, int]]:
    """What of a file counts as absences."""
    found = read((HERE / name).read_bytes().replace(b"\n", b"\r\n")).occurrences
    entries = [Entry(**{field: getattr(each, field) for field in each.__struct_fields__}) for each in found]
    return [(each.summary, each.start_at, each.end_at) for each in absences_in(entries, "ana", counts)]


def test_outlook() -> None:
    """Whole days by its status, a series with Windows zones, without the day that is off, one moved, none cancelled."""
    found = absences("outlook.ics")
    told = [
        f"{title} {spoken(Occurrence(start=start, end=end, summary=''), BERLIN)}"
        for title, start, end in found
    ]
    assert told[:5] == [
        "Child care 02 Dec 14:00 - 02 Dec 18:00",
        "Child care 10 Dec 10:00 - 10 Dec 12:00",
        "Child care 16 Dec 14:00 - 16 Dec 18:00",
        "Child care 23 Dec 14:00 - 23 Dec 18:00",
        "Out of office 24 Dec 00:00 - 28 Dec 00:00",
    ]
    assert "Child care 30 Dec 14:00 - 30 Dec 18:00" not in told
    assert told[-3:] == [
        "Child care 31 Mar 14:00 - 31 Mar 18:00",
        "Child care 07 Apr 14:00 - 07 Apr 18:00",
        "Child care 14 Apr 14:00 - 14 Apr 18:00",
    ], "the clocks change in the middle of the series, and it stays at two o'clock"
    assert {title for title, _, _ in absences("outlook.ics", Counts.ALL)} == {
        "Child care",
        "Out of office",
        "Weekly planning",
    }


def test_a_zone_that_a_file_defines_itself() -> None:
    """ "Customized Time Zone" is five and a half hours ahead, as its VTIMEZONE says."""
    found = read((HERE / "outlook.ics").read_bytes()).occurrences
    [planning] = [each for each in found if each.summary == "Weekly planning"]
    assert to_datetime(planning.start) == datetime(2026, 12, 3, 4, 30, tzinfo=UTC)


def test_google() -> None:
    """An out-of-office by its title, whole days in the zone of the calendar, a series across the change of clocks."""
    told = [
        f"{title} {spoken(Occurrence(start=start, end=end, summary=''), NEW_YORK)}"
        for title, start, end in absences("google.ics")
    ]
    assert told == [
        "Out of office 11 Dec 09:00 - 11 Dec 17:00",
        "PTO: Friday mornings 05 Mar 09:00 - 05 Mar 10:00",
        "PTO: Friday mornings 12 Mar 09:00 - 12 Mar 10:00",
        "Lisbon 🏖 13 Mar 00:00 - 16 Mar 00:00",
        "PTO: Friday mornings 19 Mar 09:00 - 19 Mar 10:00",
    ]
    found = read((HERE / "google.ics").read_bytes()).occurrences
    [lisbon] = [each for each in found if each.summary.startswith("Lisbon")]
    assert lisbon.end - lisbon.start == 3 * DAY - DAY // 24, "the clocks go forward in it"
    assert any("very line in two" in each.summary for each in found)


def test_times_without_a_zone_are_where_the_reader_says() -> None:
    """Floating times and whole days are those of the person, unless the calendar has a zone of its own."""
    assert (
        spoken(only("DTSTART:20261224T100000", "DTEND:20261224T110000"), BERLIN)
        == "24 Dec 10:00 - 24 Dec 11:00"
    )
    tokyo = only("DTSTART;VALUE=DATE:20261224", zone="Asia/Tokyo")
    assert to_datetime(tokyo.start) == datetime(2026, 12, 23, 15, tzinfo=UTC)
    head = "X-WR-TIMEZONE:Asia/Tokyo\r\n"
    [own] = read(calendar(event("UID:1", "DTSTART;VALUE=DATE:20261224"), head=head)).occurrences
    assert own.start == tokyo.start


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("DTSTART;VALUE=DATE:20261224",), "24 Dec 00:00 - 25 Dec 00:00"),
        (("DTSTART;VALUE=DATE:20261224", "DURATION:P3D"), "24 Dec 00:00 - 27 Dec 00:00"),
        (("DTSTART:20261224T090000Z", "DURATION:PT90M"), "24 Dec 10:00 - 24 Dec 11:30"),
        (("DTSTART:20261224T090000Z",), "24 Dec 10:00 - 24 Dec 10:00"),
        (("DTSTART;TZID=Europe/Berlin:20261224T100000",), "24 Dec 10:00 - 24 Dec 10:00"),
        (("DTSTART;TZID=tzone://Microsoft/Utc:20261224T090000",), "24 Dec 10:00 - 24 Dec 10:00"),
        (("DTSTART:20261120T090000Z", "DTEND:20261122T090000Z"), "20 Nov 10:00 - 22 Nov 10:00"),
    ],
)  # fmt: skip
def test_every_way_to_say_how_long(lines: tuple[str, ...], told: str) -> None:
    """An end, a duration, or neither: a day for a date, no time at all for a moment. What runs already counts."""
    assert spoken(only(*lines), BERLIN) == told


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("SUMMARY:Nothing",), "it has no DTSTART"),
        (("SUMMARY:Back", "DTSTART:20261224T100000Z", "DTEND:20261224T090000Z"), "it ends before it begins"),
        (("SUMMARY:Back", "DTSTART:20261224T100000Z", "DURATION:-PT1H"), "it ends before it begins"),
        (("SUMMARY:Odd", "DTSTART:tomorrow"), "its DTSTART cannot be read."),
        (("SUMMARY:Odd", "DTSTART:20261224T100000Z", "RRULE:FREQ=OFTEN"), "its RRULE cannot be read."),
        (("SUMMARY:Odd", "DTSTART:20261224T100000Z", "RRULE:INTERVAL=2"), "its RRULE has no FREQ."),
        (("SUMMARY:Odd", "DTSTART:20261224T100000Z", "RRULE:FREQ=DAILY;INTERVAL=0"), "its RRULE has INTERVAL=0."),
    ],
)  # fmt: skip
def test_one_broken_event_does_not_spoil_the_others(lines: tuple[str, ...], why: str) -> None:
    """It is left out and named; what else there is, is read."""
    reading = read(
        calendar(event("UID:1", *lines), event("UID:2", "SUMMARY:good", "DTSTART:20261224T100000Z"))
    )
    assert [each.summary for each in reading.occurrences] == ["good"]
    assert reading.left_out == 1
    assert why in reading.notes[0]


def test_an_unknown_zone_is_told() -> None:
    """Its times are taken for the person's, and a note says so."""
    reading = read(calendar(event("UID:1", "SUMMARY:x", "DTSTART;TZID=Mars/Base:20261224T100000")))
    assert spoken(reading.occurrences[0], BERLIN).startswith("24 Dec 10:00")
    assert "Mars/Base" in reading.notes[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (calendar(event("UID:1", "SUMMARY:Boom", *FIRST, "RRULE:FREQ=SECONDLY")), "RRULE of “Boom”"),
        (calendar(event("UID:1", *FIRST, "RRULE:FREQ=MINUTELY;COUNT=1000000000")), "minutely"),
        (calendar(event("UID:1", "DTSTART:00010101T000000Z", "RRULE:FREQ=DAILY")), "began in 1"),
        (calendar(event("UID:1", *FIRST, f"RRULE:FREQ=DAILY;BYMINUTE={SIXTY}")), "60 times a day"),
        (calendar(event("UID:1", *FIRST, f"RDATE:{TEN_THOUSAND}")), "RDATE"),
        (calendar(*(event(f"UID:{i}", "DTSTART:20000101T000000Z") for i in range(50_001))), "50,000 events"),
        (calendar(*(event(f"UID:{i}", "DTSTART:20270101T000000Z") for i in range(5_001))), "5,000 events"),
        (calendar(event("UID:1", "DTSTART:2026" + "1" * 30_000)), "DTSTART has more than"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 100_000, "8 deep"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "breaks off"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "does not close"),
        (b"<!DOCTYPE html><html><body>Sign in", "web page"),
        (b"\x00\xff\xfe garbage", "no calendar"),
        (b"", "no calendar"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * LARGEST, "more than 5 MB"),
    ],
)  # fmt: skip
def test_what_asks_for_too_much_is_refused_by_name(content: bytes, words: str) -> None:
    """Before anything is counted out, in a sentence that says which property it is."""
    with pytest.raises(Invalid) as refused:
        read(content)
    assert words in refused.value.message


def test_a_billion_repetitions_are_counted_as_far_as_is_asked() -> None:
    """COUNT may be any number: half a year of a daily event is 180 days of it."""
    reading = read(calendar(event("UID:1", "DTSTART:20200101T090000Z", "RRULE:FREQ=DAILY;COUNT=1000000000")))
    assert len(reading.occurrences) == 180


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r"])
def test_encodings_and_line_breaks_as_they_come(encoding: str, break_: str) -> None:
    """With and without a mark of their order, from Windows and from old Macs."""
    text = calendar(event("UID:1", "SUMMARY:Café", "DTSTART:20261224T090000Z")).decode()
    [found] = read(text.replace("\r\n", break_).encode(encoding)).occurrences
    assert found.summary == "Café"


def test_what_is_of_no_use_is_not_even_parsed() -> None:
    """Alarms, attachments and past events go; what repeats stays, however old; long words are cut."""
    content = calendar(
        event("UID:past", "DTSTART:20200101T090000Z", "DTEND:20200101T100000Z"),
        event("UID:repeats", "DTSTART:20200101T090000Z", "RRULE:FREQ=WEEKLY"),
        event("UID:next", "DTSTART:20261224T090000Z", "ATTACH:" + "x" * 100_000, "SUMMARY:" + "y" * 100_000),
        event("UID:alarm", "DTSTART:20261224T090000Z", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"),
    )
    thinned = thin(content, "20261119")
    assert thinned.events == 4
    assert "UID:past" not in thinned.text
    assert "UID:repeats" in thinned.text
    assert "ATTACH" not in thinned.text
    assert "TRIGGER" not in thinned.text
    assert len(thinned.text) < 3_000
    assert [each.summary[:3] for each in read(content).occurrences if each.summary] == ["yyy"]


def test_thinned_twice_is_thinned_once() -> None:
    """What was looked at in the browser comes back thinned, and gives the same."""
    content = (HERE / "outlook.ics").read_bytes()
    once = thin(content, "20261119").text
    assert thin(once.encode(), "20261119").text == once
    assert read(once.encode()).occurrences == read(content).occurrences
