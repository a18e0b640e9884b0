"""What the members of the API mean that are about calendars: those that are read, and links to ours."""

from typing import Any

_ID = "019b8d62-7a80-7003-a352-03ab0e4992a3"
_OTHER = "019b8d62-7a80-7005-9c1f-5b8d0a6f2e11"
_DAY = "2026-01-31T"

MEMBERS: dict[str, tuple[str, Any]] = {
    "CalendarFeed.name": ("What people call it.", "Outlook"),
    "CalendarFeed.userId": ("Whose absences it says; null for a schedule.", _OTHER),
    "CalendarFeed.scheduleId": ("The schedule that it gives turns to; null for a person.", None),
    "CalendarFeed.layer": ("The layer of turns whose summary names none.", 0),
    "CalendarPeriod.layer": ("The layer of the turn.", 2),
    "CalendarPeriod.summary": ("What the entry is called; of turns nothing.", "Out of office"),
    "CalendarPreview.name": ("As the calendar calls itself.", "ana@example.com"),
    "events": ("Events in the calendar, near or not.", 14),
    "entries": ("Absences or turns that it gives.", 3),
    "periods": ("The first 500 of them.", None),
    "missing": ("Names in it that are nobody's here.", ["Kim"]),
    "notes": ("What of it could not be read, and why.", ["“Lunch” was left out: it has no DTSTART."]),
    "origin": ("Scheme and host of its address; empty for a file.", "https://calendar.example.com"),
    "readAt": ("When it was last read well.", f"{_DAY}09:00:00Z"),
    "CalendarFeed.nextAt": ("When it is read again; null for a file.", f"{_DAY}10:04:00Z"),
    "CalendarFeed.failingSince": ("Since when it cannot be read; null: it can.", None),
    "awayFrom": ("When the absence begins.", f"{_DAY}00:00:00Z"),
    "awayUntil": ("When it ends.", "2026-02-02T00:00:00Z"),
    "CalendarLink.name": ("What its maker calls it.", "My phone"),
    "CalendarLinkMade.name": ("What its maker calls it.", "My phone"),
    "CalendarLinkIn.name": ("What to call it, to know it among others.", "My phone"),
    "CalendarLink.scheduleId": ("The schedule it tells of; null: its maker's own shifts.", None),
    "CalendarLinkMade.scheduleId": ("The schedule it tells of; null: its maker's own shifts.", None),
    "CalendarLinkIn.scheduleId": ("The schedule it tells of; null: my own shifts in all schedules.", _ID),
    "CalendarLink.userId": ("Who made it, and whose rights it has.", _OTHER),
    "CalendarLinkMade.userId": ("Who made it, and whose rights it has.", _OTHER),
    "CalendarLinkMade.url": (
        "The address to give to a calendar program.",
        "https://oncall.example.com/calendars/3b9f6b" + "0" * 58 + ".ics",
    ),
    "withGaps": ("Whether times of nobody are entries too.", False),
}  # fmt: skip
