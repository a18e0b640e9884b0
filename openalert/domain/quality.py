"""Quality: for how much of a time a schedule has somebody on call, and how evenly that is shared.

The total is the mean of coverage and balance in per cent, as Grafana OnCall counts it. The balance is the mean, over
all pairs of people, of the smaller amount divided by the larger; from 95 per cent on nobody could do better.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import median_low

import msgspec

from openalert.domain.difference import Span, length
from openalert.domain.instant import HOUR, Instant
from openalert.domain.load import Load, shift_loads, summed
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan

EVEN = 95
"""Per cent of balance that count as all: shifts are not divided further."""
ALMOST_EVEN = 80
OVERLOAD = 1.2
"""Whoever carries more than this times the mean, and more than one shift above it, carries too much."""
PAGES_ABOVE = 2
"""So many pages above the mean are chance."""


class Aspect(StrEnum):
    """What is shared."""

    HOURS = "hours"
    NIGHTS = "nights"
    WEEKENDS = "weekends"
    HOLIDAYS = "holidays"
    PAGES = "pages"
    """Only of a past time."""


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who carries more than their share."""

    user_id: str
    more: int
    """Per cent above the mean."""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """How evenly one aspect is shared among those who are on call."""

    aspect: Aspect
    percent: int
    mean: float
    """Of a person: milliseconds, or pages."""
    overloaded: list[Overload]
    """Those first who carry most."""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule is worth from `start` until before `end`."""

    start: Instant
    end: Instant
    coverage: float
    """Per cent of the time in which somebody is on call, rounded down to a tenth."""
    balances: list[Balance]
    """Of hours, nights and weekends always; of holidays and pages where there are any."""
    total: int
    """From 0 to 100, which takes a schedule without any gap."""
    gaps: Sequence[Span]
    loads: Mapping[str, Load]
    """Of everybody who is on call, by the person's id."""

    @property
    def balance(self) -> int:
        """How evenly the hours are shared, in per cent; 0: there is nobody."""
        return self.balances[0].percent if self.loads else 0


def quality(plan: Plan, start: Instant, end: Instant) -> Quality:
    """The quality of a range, which must not be empty, pages left out."""
    final = shifts(plan, start, end)
    parts = shift_loads(plan, final, start, end)
    loads = {user_id: summed(mine) for user_id, mine in parts.items()}
    balances = [
        _balance(aspect, {one: get(load) for one, load in loads.items()}, _heaviest(parts, get))
        for aspect, get in _TIMES.items()
    ]
    covered = (end - start) - length(final.gaps)
    shared = balances[0].percent if loads else 0
    total = round((100 * covered / (end - start) + shared) / 2)
    return Quality(
        start=start,
        end=end,
        coverage=1000 * covered // (end - start) / 10,
        balances=[each for each in balances if each.mean or each.aspect in _ALWAYS],
        total=min(total, 99) if final.gaps else total,
        gaps=final.gaps,
        loads=loads,
    )


def with_pages(found: Quality, pages: Mapping[str, int]) -> Quality:
    """The quality of a past time, knowing how many pages each person got in it."""
    received = {user_id: pages.get(user_id, 0) for user_id in found.loads}
    balance = _balance(Aspect.PAGES, received, dict.fromkeys(received, PAGES_ABOVE))
    return msgspec.structs.replace(found, balances=[*found.balances, balance]) if balance.mean else found


_TIMES: Mapping[Aspect, Callable[[Load], int]] = {
    Aspect.HOURS: lambda load: load.on_call,
    Aspect.NIGHTS: lambda load: load.nights,
    Aspect.WEEKENDS: lambda load: load.weekends,
    Aspect.HOLIDAYS: lambda load: load.holidays,
}
_ALWAYS = (Aspect.HOURS, Aspect.NIGHTS, Aspect.WEEKENDS)


def amount_of(aspect: Aspect, load: Load, pages: int = 0) -> int:
    """What somebody carries of an aspect: milliseconds, or pages."""
    return pages if aspect is Aspect.PAGES else _TIMES[aspect](load)


def _heaviest(parts: Mapping[str, Iterable[Load]], get: Callable[[Load], int]) -> dict[str, int]:
    """The heaviest single shift of each person, but no more than is usual: some are on without a break for weeks."""
    heaviest = {user_id: max(get(load) for load in mine) for user_id, mine in parts.items()}
    usual = median_low([each for each in heaviest.values() if each] or [0])
    return {user_id: min(each, usual) for user_id, each in heaviest.items()}


def _balance(aspect: Aspect, amounts: Mapping[str, int], step: Mapping[str, int]) -> Balance:
    """`step`: how much above the mean is due to no finer division being possible."""
    mean = sum(amounts.values()) / len(amounts) if amounts else 0.0
    overloaded = [
        Overload(user_id=user_id, more=round(100 * amount / mean) - 100)
        for user_id, amount in sorted(amounts.items(), key=lambda each: (-each[1], each[0]))
        if amount > OVERLOAD * mean and amount > mean + step[user_id]
    ]
    return Balance(aspect=aspect, percent=evenness(amounts.values()), mean=mean, overloaded=overloaded)


def evenness(amounts: Iterable[int]) -> int:
    """How evenly amounts are shared, in per cent: the mean of smaller by larger over all pairs; 100 from 95 on."""
    ascending = sorted(amounts)
    pairs = len(ascending) * (len(ascending) - 1) / 2
    if not pairs:
        return 100
    shares, below = 0.0, 0
    for place, amount in enumerate(ascending):
        shares += below / amount if amount else place
        below += amount
    percent = round(100 * shares / pairs)
    return 100 if percent >= EVEN else percent


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence about a quality."""

    tone: str
    """`good`, `warn` or `bad`."""
    words: str


def remarks(found: Quality, names: Mapping[str, str]) -> list[Remark]:
    """What the numbers mean: coverage first, then how it is shared, then who carries too much, by name."""
    if not found.loads:
        return [Remark(tone="bad", words="Nobody is on call in this time.")]
    return [_coverage(found), _sharing(found, names), *_overloads(found, names)]


def _coverage(found: Quality) -> Remark:
    if not found.gaps:
        return Remark(tone="good", words="Somebody is on call all the time.")
    hours = max(round(length(found.gaps) / HOUR), 1)
    times = "in one gap" if len(found.gaps) == 1 else f"in {len(found.gaps):,} gaps"
    return Remark(tone="bad", words=f"Nobody is on call for {hours:,} h, {times}.")


def _sharing(found: Quality, names: Mapping[str, str]) -> Remark:
    if len(found.loads) == 1:
        (only,) = found.loads
        return Remark(
            tone="warn", words=f"Only {_name(only, names)} is on call: there is nobody to share with."
        )
    if found.balance == 100:
        return Remark(tone="good", words="The hours are shared evenly.")
    if found.balance >= ALMOST_EVEN:
        return Remark(tone="good", words="The hours are shared almost evenly.")
    return Remark(tone="warn", words="The hours are shared unevenly.")


_OF: Mapping[Aspect, str] = {
    Aspect.HOURS: "hours",
    Aspect.NIGHTS: "nights",
    Aspect.WEEKENDS: "weekends",
    Aspect.HOLIDAYS: "holidays",
    Aspect.PAGES: "pages",
}


def _overloads(found: Quality, names: Mapping[str, str]) -> list[Remark]:
    """One sentence for each person, with all that is too much."""
    much: dict[str, list[str]] = {}
    for balance in found.balances:
        for each in balance.overloaded:
            much.setdefault(each.user_id, []).append(f"{each.more:,}% more {_OF[balance.aspect]}")
    return [
        Remark(tone="warn", words=f"{_name(user_id, names)} has {_listed(parts)} than the mean.")
        for user_id, parts in much.items()
    ]


def _name(user_id: str, names: Mapping[str, str]) -> str:
    return names.get(user_id, "Somebody who is gone")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
