"""Feeds and calendar of a status page: Atom (RFC 4287), RSS 2.0 and iCalendar (RFC 5545)."""

from email.utils import format_datetime
from urllib.parse import urlsplit

import msgspec

from openalert.domain import calendar
from openalert.domain.calendar import CalendarEvent, Revision
from openalert.domain.instant import rfc3339, to_datetime
from openalert.domain.public_page import PublicPage
from openalert.domain.status_page import PublicKind
from openalert.web import render
from openalert.web.status.answers import as_bytes
from openalert.web.status.view import View

ENTRIES = 25
UPDATES = 50
"""Entries of a feed with one for each update."""
ATOM = "application/atom+xml; charset=utf-8"
RSS = "application/rss+xml; charset=utf-8"
BY_UPDATE = "?granularity=update"
"""Asks a feed for an entry for each update."""


class Entry(msgspec.Struct, frozen=True):
    """One incident in a feed, the same entry after each update; or one update."""

    id: str
    """What it is, and its public id: the same for ever."""
    link: str
    title: str
    published: str
    updated: str
    mailed: str
    """When it was published, as RFC 822 writes it."""
    html: str


def atom(page: PublicPage) -> bytes:
    """One entry for each incident, dated anew by each update."""
    return _feed(page, "status/feed.atom", _incidents(page))


def rss(page: PublicPage) -> bytes:
    """The same for readers of RSS."""
    return _feed(page, "status/feed.rss", _incidents(page))


def atom_of_updates(page: PublicPage) -> bytes:
    """One entry for each update, for readers that show no change of an entry that they know."""
    return _feed(page, "status/feed.atom", _updates(page), BY_UPDATE)


def rss_of_updates(page: PublicPage) -> bytes:
    """The same for readers of RSS."""
    return _feed(page, "status/feed.rss", _updates(page), BY_UPDATE)


def _feed(page: PublicPage, template: str, entries: list[Entry], query: str = "") -> bytes:
    newest = max((each.updated_at for each in page.incidents[:ENTRIES]), default=page.updated_at)
    words = View(page, page.as_of).w
    text = render.page(
        template,
        page=page,
        title=words.feed_title.format(name=page.name),
        host=urlsplit(page.url).hostname or "",
        entries=entries,
        query=query,
        updated=rfc3339(newest),
        mailed=format_datetime(to_datetime(newest)),
    )
    return as_bytes(text)


def _incidents(page: PublicPage) -> list[Entry]:
    view = View(page, page.as_of)
    return [
        Entry(
            id=f"Incident/{each.public_id}",
            link=f"{page.url}/incidents/{each.public_id}",
            title=each.title,
            published=rfc3339(each.started_at),
            updated=rfc3339(each.updated_at),
            mailed=format_datetime(to_datetime(each.started_at)),
            html=render.page("status/entry.html", view=view, updates=each.updates),
        )
        for each in page.incidents[:ENTRIES]
    ]


def _updates(page: PublicPage) -> list[Entry]:
    """The newest first, whichever incident they are of."""
    view = View(page, page.as_of)
    said = [(update, each) for each in page.incidents[: 2 * ENTRIES] for update in each.updates]
    said.sort(key=lambda pair: (pair[0].shown_at, pair[0].public_id), reverse=True)
    return [
        Entry(
            id=f"Update/{update.public_id}",
            link=f"{page.url}/incidents/{each.public_id}#u-{update.public_id}",
            title=f"{view.w.incident_status[update.status]}: {each.title}",
            published=rfc3339(update.shown_at),
            updated=rfc3339(update.edited_at or update.shown_at),
            mailed=format_datetime(to_datetime(update.shown_at)),
            html=render.page("status/entry.html", view=view, updates=[update]),
        )
        for update, each in said[:UPDATES]
    ]


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
