"""What is too old for the picture: months and permalinks of all time, and a year of uptime, read when asked for.

One question is asked of the database at a time, whatever the rush, so that nobody who reads old pages is in the way of
anything else; an answer is kept until something changes on its page.
"""

import asyncio
import re
from collections import OrderedDict
from datetime import date, timedelta

from openalert.domain.errors import Unavailable
from openalert.domain.instant import HOUR
from openalert.domain.public_page import PublicPage
from openalert.domain.walltime import first_instant, midnight, zone_named
from openalert.storage.database import Database
from openalert.usecases import status_view
from openalert.web.status import html, shapes
from openalert.web.status.answers import Answer
from openalert.web.status.renderings import API, as_json
from openalert.web.status.view import View
from openalert.web.status.years import year_of

KEPT = 256
"""Answers in memory."""
MOST_WAITING = 64
_MONTH = re.compile(r"history/(20[0-9]{2}-(?:0[1-9]|1[0-2]))")
_TOLD = re.compile(rf"({API})?(?:incidents|i)/([a-z0-9-]{{12,36}})")
_UPTIME = re.compile(r"uptime(?:/([a-z0-9]{12}))?")

_Key = tuple[str, int, int, str, str]


class Archive:
    """Old pages, made when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._answers: OrderedDict[_Key, Answer] = OrderedDict()
        self._one = asyncio.Lock()
        self._waiting = 0

    async def answer(self, page: PublicPage, name: str, base: str) -> Answer | None:
        """What is answered at an address that the picture knows nothing of; None: there is nothing."""
        if not any(shape.fullmatch(name) for shape in (_MONTH, _TOLD, _UPTIME)):
            return None
        key = (page.id, page.version, page.as_of // HOUR, name, base)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Many ask for old pages just now. Try again in a few seconds.", retry_after=5)
        self._waiting += 1
        try:
            async with self._one:
                found = self._answers.get(key) or await self._make(page, name, base)
        finally:
            self._waiting -= 1
        if found is not None:
            self._answers[key] = found
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        return found

    async def _make(self, page: PublicPage, name: str, base: str) -> Answer | None:
        if found := _MONTH.fullmatch(name):
            return await self._month(page, found[1], base)
        if found := _TOLD.fullmatch(name):
            return await self._told(page, found[2], base, is_api=bool(found[1]))
        found = _UPTIME.fullmatch(name)
        return await self._uptime(page, found[1], base) if found else None

    async def _month(self, page: PublicPage, key: str, base: str) -> Answer | None:
        zone = zone_named(page.timezone)
        first = date.fromisoformat(f"{key}-01")
        since = first_instant(zone, midnight(first))
        until = first_instant(zone, midnight((first + timedelta(days=31)).replace(day=1)))
        if not page.began_at or until <= page.began_at or since > page.as_of:
            return None
        async with self._database.read() as reader:
            told = await status_view.told_between(reader, page.id, since, until)
        shown = View(page, page.as_of).month(key, told)
        return await asyncio.to_thread(html.month, page, base, page.as_of, shown)

    async def _told(self, page: PublicPage, wanted: str, base: str, *, is_api: bool) -> Answer | None:
        async with self._database.read() as reader:
            told = await status_view.told_under(reader, page.id, wanted)
        if told is None:
            return None
        if is_api:
            return as_json(page, shapes.show_incident(page, told))
        return await asyncio.to_thread(html.incident, page, base, page.as_of, told)

    async def _uptime(self, page: PublicPage, wanted: str | None, base: str) -> Answer | None:
        shown = [each for each in page.components if each.shows_uptime and wanted in (None, each.public_id)]
        if wanted and not shown:
            return None
        async with self._database.read() as reader:
            days = await status_view.year(reader, page, [each.id for each in shown])

        def make() -> Answer | None:
            view = View(page, page.as_of)
            years = [year_of(view, each, days[each.id]) for each in shown if each.id in days]
            if wanted is None:
                return html.uptime(page, base, page.as_of, years)
            return html.calendar(page, base, page.as_of, years[0]) if years else None

        return await asyncio.to_thread(make)
