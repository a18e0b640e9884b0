"""Feeds, badge and calendar of a status page: Atom (RFC 4287), RSS 2.0, SVG and iCalendar (RFC 5545)."""

from email.utils import format_datetime
from urllib.parse import urlsplit

import msgspec

from openalert.domain import calendar
from openalert.domain.calendar import CalendarEvent, Revision
from openalert.domain.instant import rfc3339, to_datetime
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_page import OverallStatus, PublicKind
from openalert.web import render
from openalert.web.status.answers import as_bytes
from openalert.web.status.view import View, badge_words

ENTRIES = 25
_CHARACTER = 6.6
"""Width of a character of the badge, in pixels, at 11 px of a usual sans-serif."""
_COLOURS = {
    OverallStatus.OPERATIONAL: "#0f7a45",
    OverallStatus.DEGRADED: "#8a6100",
    OverallStatus.OUTAGE: "#c0152a",
    OverallStatus.MAINTENANCE: "#0e62ad",
}


class Entry(msgspec.Struct, frozen=True):
    """One incident in a feed; it is the same entry after each update."""

    id: str
    link: str
    title: str
    published: str
    updated: str
    mailed: str
    """When it was published, as RFC 822 writes it."""
    html: str


def atom(page: PublicPage) -> bytes:
    """One entry for each incident, dated anew by each update."""
    return _feed(page, "status/feed.atom")


def rss(page: PublicPage) -> bytes:
    """The same for readers of RSS."""
    return _feed(page, "status/feed.rss")


def _feed(page: PublicPage, template: str) -> bytes:
    entries = [_entry(page, each) for each in page.incidents[:ENTRIES]]
    newest = max((each.updated_at for each in page.incidents[:ENTRIES]), default=page.updated_at)
    text = render.page(
        template,
        page=page,
        host=urlsplit(page.url).hostname or "",
        entries=entries,
        updated=rfc3339(newest),
        mailed=format_datetime(to_datetime(newest)),
    )
    return as_bytes(text)


def _entry(page: PublicPage, incident: PublicIncident) -> Entry:
    return Entry(
        id=incident.public_id,
        link=f"{page.url}/incidents/{incident.public_id}",
        title=incident.title,
        published=rfc3339(incident.started_at),
        updated=rfc3339(incident.updated_at),
        mailed=format_datetime(to_datetime(incident.started_at)),
        html=render.page("status/entry.html", view=View(page, page.as_of), updates=incident.updates),
    )


def badge(page: PublicPage) -> bytes:
    """A small picture of how the whole stands, for other people's pages; its words are in its title, too."""
    words = badge_words(page)
    left, right = round(len("status") * _CHARACTER) + 14, round(len(words) * _CHARACTER) + 14
    return render.page(
        "status/badge.svg", name=page.name, words=words, colour=_COLOURS[page.overall], left=left, right=right
    ).encode()


def maintenances(page: PublicPage) -> bytes:
    """The maintenances as a calendar to subscribe to."""
    events = [
        CalendarEvent(
            uid=f"{each.public_id}@openalert",
            start=each.scheduled_for,
            end=each.scheduled_until,
            summary=f"{page.name}: {each.title}",
            description=each.updates[0].message if each.updates else "",
            url=f"{page.url}/incidents/{each.public_id}",
        )
        for each in page.incidents
        if each.kind is PublicKind.MAINTENANCE
        and each.scheduled_for is not None
        and each.scheduled_until is not None
    ]
    return calendar.write(page.name, events, Revision(number=page.version, changed_at=page.updated_at))
