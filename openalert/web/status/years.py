"""The last twelve months of a component, day by day: what the pages of uptime are given."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

import msgspec

from openalert.domain.languages import percent_words
from openalert.domain.public_page import PublicComponent
from openalert.domain.status_page import ComponentStatus
from openalert.domain.uptime import Day, percent
from openalert.web.status.view import View

MONTHS = 12


class Cell(msgspec.Struct, frozen=True):
    """A day in a calendar."""

    number: int
    """Of the month, from 1 on; 0: a place before the first or after the last."""
    status: str = ""
    """Empty: nothing is known of the day."""
    words: str = ""
    """What was wrong; empty: nothing."""


class Leaf(msgspec.Struct, frozen=True):
    """A month of a component."""

    words: str
    short: str
    uptime: str
    tone: str
    """`operational` where it was up all the time, else how bad the worst day was; empty: nothing is known."""
    weeks: tuple[tuple[Cell, ...], ...]
    """From Monday to Sunday each."""


class Year(msgspec.Struct, frozen=True):
    """The months of a component, the newest first."""

    component: PublicComponent
    uptime: str
    leaves: tuple[Leaf, ...]


def year_of(view: View, component: PublicComponent, days: Sequence[Day]) -> Year:
    """The newest twelve months of these days; those before anything was known are left out."""
    every = [list(some) for _, some in groupby(days, key=lambda day: day.date[:7])][-MONTHS:]
    months = [each for each in every if any(day.known for day in each)] or every[-1:]
    whole = percent([day for month in months for day in month])
    return Year(
        component, percent_words(view.w, whole), tuple(_leaf(view, each) for each in reversed(months))
    )


def _leaf(view: View, days: Sequence[Day]) -> Leaf:
    first = date.fromisoformat(days[0].date)
    known = [day.worst for day in days if day.known]
    return Leaf(
        words=view.month_words(days[0].date[:7]),
        short=view.w.months_short[first.month - 1],
        uptime=percent_words(view.w, percent(days)),
        tone=max(known, key=lambda status: status.rank, default=""),
        weeks=tuple(_weeks(view, days)),
    )


def _weeks(view: View, days: Sequence[Day]) -> Iterator[tuple[Cell, ...]]:
    blank = date.fromisoformat(days[0].date).weekday()
    cells = [*[Cell(0)] * blank, *(_cell(view, day) for day in days)]
    cells += [Cell(0)] * (-len(cells) % 7)
    for at in range(0, len(cells), 7):
        yield tuple(cells[at : at + 7])


def _cell(view: View, day: Day) -> Cell:
    number = int(day.date[8:])
    if not day.known:
        return Cell(number)
    is_fine = day.worst is ComponentStatus.OPERATIONAL
    return Cell(number, day.worst, "" if is_fine else view.day_words(day))
