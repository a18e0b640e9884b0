"""Who carries how much of a schedule, drawn: bars for each person, the score, and what is not right in words."""

from collections.abc import Mapping

import msgspec

from openalert.domain.access import Actor
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.instant import rfc3339 as written
from openalert.domain.quality import Aspect, Quality, amount_of, remarks
from openalert.storage import users
from openalert.storage.pages_received import Pages
from openalert.storage.transaction import Reader
from openalert.usecases import quality
from openalert.web.ui.frame import Values, Web, address

MOST_DRAWN = 12
"""So many people have bars; the table for a spreadsheet has everybody."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A time that can be drawn, from now."""

    words: str
    days: int
    """Negative: back."""


PERIODS: Mapping[str, Period] = {
    "": Period(words="Next 90 days", days=90),
    "year": Period(words="52 weeks", days=364),
    "past": Period(words="Last 90 days", days=-90),
}
"""By what stands in the address."""
_HEADS: Mapping[Aspect, str] = {
    Aspect.HOURS: "Hours",
    Aspect.NIGHTS: "At night",
    Aspect.WEEKENDS: "Weekends",
    Aspect.HOLIDAYS: "Holidays",
    Aspect.PAGES: "Pages",
}


async def shared(request: Web, reader: Reader, actor: Actor, schedule_id: str) -> Values:
    """What `schedules/share.html` takes: the time that the address asks for, the next 90 days without."""
    asked = request.query_params.get("share", "")
    chosen = asked if asked in PERIODS else ""
    start, end = sorted((reader.now, reader.now + PERIODS[chosen].days * DAY))
    measured = await quality.of_schedule(reader, actor, schedule_id, start, end)
    found = measured.quality
    named = await users.named(reader, actor, set(found.loads))
    names = {user_id: user.name for user_id, user in named.items()}
    path = f"/schedules/{schedule_id}"
    rows = _rows(found, measured.pages, names)
    return {
        "periods": [
            {"words": each.words, "href": f"{address(path, share=key)}#schedule_share", "on": key == chosen}
            for key, each in PERIODS.items()
        ],
        "is_past": PERIODS[chosen].days < 0,
        "score": found.total if found.loads else None,
        "coverage": found.coverage,
        "balance": found.balance,
        "remarks": remarks(found, names),
        "columns": [_HEADS[each.aspect] for each in found.balances],
        "rows": rows[:MOST_DRAWN],
        "left_out": max(len(rows) - MOST_DRAWN, 0),
        "file": address(
            "/api/v1/oncall/load/export",
            scheduleId=schedule_id,
            **{"from": written(found.start), "to": written(found.end)},
        ),
    }


def _rows(found: Quality, pages: Mapping[str, Pages], names: Mapping[str, str]) -> list[Values]:
    """Everybody with a cell for each aspect, those first who carry most."""
    scales = {
        each.aspect: max([_amount(found, pages, each.aspect, user_id) for user_id in found.loads], default=0)
        for each in found.balances
    }
    in_order = sorted(found.loads, key=lambda each: (-found.loads[each].on_call, names.get(each, ""), each))
    return [
        {
            "name": names.get(user_id, "somebody who is gone"),
            "cells": [
                {
                    "head": _HEADS[each.aspect],
                    "words": _words(each.aspect, _amount(found, pages, each.aspect, user_id)),
                    "width": _percent(_amount(found, pages, each.aspect, user_id), scales[each.aspect]),
                    "mean": _percent(each.mean, scales[each.aspect]),
                    "more": next((one.more for one in each.overloaded if one.user_id == user_id), None),
                }
                for each in found.balances
            ],
        }
        for user_id in in_order
    ]


def _amount(found: Quality, pages: Mapping[str, Pages], aspect: Aspect, user_id: str) -> int:
    return amount_of(aspect, found.loads[user_id], pages.get(user_id, Pages()).received)


def _words(aspect: Aspect, amount: int) -> str:
    return f"{amount:,}" if aspect is Aspect.PAGES else hours(amount)


def hours(span: Instant) -> str:
    """`1,440 h`; below ten hours with a half: `7.5 h`."""
    exact = span / HOUR
    return f"{exact:,.0f} h" if exact >= 10 or exact == round(exact) else f"{exact:.1f} h"


def _percent(amount: float, scale: Instant) -> float:
    return round(100 * amount / scale, 2) if scale else 0.0
