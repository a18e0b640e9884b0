"""Warnings on the page of a schedule: the same as at `/warnings`, of this schedule alone."""

from zoneinfo import ZoneInfo

from openalert.domain.access import Actor
from openalert.domain.schedule import Schedule
from openalert.domain.severity import Severity
from openalert.domain.warning import LEAST_TOLD, WarningKind, when
from openalert.storage.transaction import Reader
from openalert.usecases import warnings
from openalert.web.ui.frame import Values

MOST_SHOWN = 4
_ON_THE_TIMELINE = (WarningKind.GAP, WarningKind.AWAY)
"""The page tells each of their times."""


async def told(reader: Reader, actor: Actor, schedule: Schedule, zone: ZoneInfo) -> Values:
    """What `schedules/warnings.html` takes: no hints, on the clock of the page."""
    found = [
        each
        for each in await warnings.about(reader, actor, schedule)
        if each.kind not in _ON_THE_TIMELINE and each.severity.rank >= LEAST_TOLD.rank
    ]
    return {
        "rows": [
            {
                "tone": "bad" if each.severity.rank >= Severity.HIGH.rank else "warn",
                "words": each.words,
                "when": when(each, zone, reader.now),
                "detail": each.detail,
                "href": each.link if each.link != f"/schedules/{schedule.id}" else "",
            }
            for each in found[:MOST_SHOWN]
        ],
        "more": max(len(found) - MOST_SHOWN, 0),
    }
