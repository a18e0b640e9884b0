"""The reference: what should have happened, computed from the ledger alone and by nothing of the product.

Pure, in whole milliseconds. A request that was answered took effect once, somewhere between its first try and its
answer, so everything that follows has a window: who is owed which page, at the earliest and at the latest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from tests.world.ledger import (
    BUSY,
    Answer,
    Asked,
    Away,
    Fact,
    Left,
    Moment,
    Policy,
    Rung,
    Stepped,
    Taken,
    Trouble,
)

NEVER: Moment = 1 << 60
STEP_LATE = 5_000
"""A step is at most so late while the server runs (promise ES-1), and so much after it is back."""
HANDED_OVER = 15_000
"""A page is with its provider so long after its step (promise NO-3)."""
TRIED_AFTER = (0, 2_000, 10_000, 42_000, 170_000, NEVER)
"""When a page is tried, counted from its first try."""
LEFT_ALONE = 15_000
"""For so long a provider that failed often is given nothing (promise NO-4)."""
MOST_FAILURES = 5
TAKEN_OVER = 30_000
"""So long after a node is lost what it had in its hands is done by another one, at the latest (promise HA-1)."""
CLOCK_ERROR = 2_100
"""How much a step of the clock may move a delay (promise ES-5)."""
ROUNDING = 60


class Window(msgspec.Struct, frozen=True):
    """When something happened, as far as it can be known."""

    earliest: Moment
    latest: Moment


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """A page that somebody is to get, or may get."""

    about: str
    occurrence: int
    cycle: int
    level: int
    way: str
    who: str
    earliest: Moment
    latest: Moment
    """It must be with the provider by then, if it must come at all."""
    ran_by: Moment
    """Its level has run by then."""
    is_sure: bool
    """It must come: nothing can have ended the escalation before."""
    is_calm: bool
    """No fault was near: it counts for lateness."""
    wait: int
    """Milliseconds that its level waits after the one before, or after the beginning."""


class Occurrence(msgspec.Struct, kw_only=True):
    """One incident: from the message that opened it to what ended its paging, or its being open."""

    about: str
    number: int
    opened: Window
    quiet: Window = Window(NEVER, NEVER)
    """When somebody had it, or it was over: nobody is paged any more."""
    status: str = "triggered"
    alert: str = "firing"
    starts: int | None = None
    resolved_by_person: bool = False
    tellings: int = 1
    """How many requests that were answered said that it fires."""
    doubtful: int = 0
    """How many tries of them ended without an answer, and may have counted as well."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """All tries of one request."""

    about: str
    what: str
    starts: int | None
    window: Window
    tries_in_doubt: int
    is_answered: bool


def requests(facts: Sequence[Fact]) -> list[Request]:
    """Every request with the window of its effect, by its first try; an act or message about one title waits for the
    one before, so windows of one title do not overlap.
    """
    tries: dict[int, list[Asked]] = defaultdict(list)
    answers = {fact.n: fact for fact in facts if isinstance(fact, Answer)}
    for fact in facts:
        if isinstance(fact, Asked):
            tries[fact.first].append(fact)
    found = []
    for asked in tries.values():
        ended = [answers[each.n] for each in asked if each.n in answers]
        good = [each for each in ended if each.code is not None and each.code < 300]
        # Also what was answered 503 after its five seconds may be stored in the end.
        maybe = (
            len(asked) - len(good) - sum(each.code is not None and 300 <= each.code < 500 for each in ended)
        )
        if not good and not maybe:
            continue  # refused each time: it had no effect
        latest = good[0].at if good else NEVER
        one = asked[0]
        found.append(
            Request(
                about=one.about,
                what=one.what,
                starts=one.starts,
                window=Window(one.at, latest),
                tries_in_doubt=maybe,
                is_answered=bool(good),
            )
        )
    return found


def occurrences(facts: Sequence[Fact]) -> dict[str, list[Occurrence]]:
    """By title, its incidents in order, and the ends of those that were never open."""
    found: dict[str, list[Occurrence]] = defaultdict(list)
    for request in requests(facts):
        _apply(found[request.about], request)
    return found


def _apply(known: list[Occurrence], request: Request) -> None:
    last = known[-1] if known else None
    if request.what == "firing":
        _fire(known, last, request)
    elif request.what == "resolved":
        _resolve(known, last, request)
    elif last is not None and last.status not in ("never", "resolved"):
        if request.what == "resolve":
            last.status, last.alert, last.resolved_by_person = "resolved", "resolved", True
        else:
            last.status = "acknowledged"
        _silence(last, request.window)


def _silence(occurrence: Occurrence, window: Window) -> None:
    before = occurrence.quiet
    occurrence.quiet = Window(min(before.earliest, window.earliest), min(before.latest, window.latest))


def _fire(known: list[Occurrence], last: Occurrence | None, request: Request) -> None:
    if last is not None and last.alert == "firing":
        last.tellings += request.is_answered
        last.doubtful += request.tries_in_doubt
        last.starts = max(last.starts or 0, request.starts or 0) or None
        return
    is_new = (
        last is None
        or last.resolved_by_person
        or request.starts is None
        or last.starts is None
        or request.starts > last.starts
    )
    if is_new:
        known.append(
            Occurrence(
                about=request.about,
                number=len(known),
                opened=request.window,
                starts=request.starts,
                tellings=int(request.is_answered),
                doubtful=request.tries_in_doubt,
            )
        )


def _resolve(known: list[Occurrence], last: Occurrence | None, request: Request) -> None:
    is_later = last is not None and bool(last.starts and request.starts and request.starts > last.starts)
    is_earlier = last is not None and bool(last.starts and request.starts and request.starts < last.starts)
    if last is None or (last.alert == "resolved" and is_later):
        known.append(
            Occurrence(
                about=request.about,
                number=len(known),
                opened=request.window,
                status="never",
                alert="resolved",
                starts=request.starts,
                tellings=0,
                quiet=Window(0, 0),
            )
        )
    elif last.alert == "firing" and not is_earlier:
        last.status, last.alert = "resolved", "resolved"
        last.starts = max(last.starts or 0, request.starts or 0) or None  # it is the end of both beginnings
        _silence(last, request.window)


def felt(away: Away) -> Away:
    """For how long it may be felt: a node that is lost for longer than others need to take over is not missed."""
    if not away.node:
        return away
    return msgspec.structs.replace(away, until=min(away.until, away.since + TAKEN_OVER))


class World(msgspec.Struct, kw_only=True):
    """The facts that move windows."""

    policies: list[Policy]
    left: list[Left]
    away: list[Away]
    troubles: list[Trouble]
    steps: list[Stepped]
    failures: dict[str, list[Moment]]
    """By who was to get something, when it was refused, or taken without an answer."""

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "World":
        """Sorted out of the ledger."""
        facts = list(facts)
        failures: dict[str, list[Moment]] = defaultdict(list)
        for fact in facts:
            if isinstance(fact, Taken) and fact.answer != "took":
                failures[fact.who].append(fact.at)
        return cls(
            policies=[fact for fact in facts if isinstance(fact, Policy)],
            left=[fact for fact in facts if isinstance(fact, Left)],
            away=sorted(
                (felt(fact) for fact in facts if isinstance(fact, Away)), key=lambda fact: fact.since
            ),
            troubles=[fact for fact in facts if isinstance(fact, Trouble)],
            steps=[fact for fact in facts if isinstance(fact, Stepped)],
            failures=failures,
        )

    def possible(self, window: Window) -> list[Policy]:
        """The policies that may have been in force when something began."""
        found = []
        for policy, following in pairwise([*self.policies, None]):
            assert policy is not None
            ended = following.until if following is not None else NEVER
            if policy.since <= window.latest and ended >= window.earliest:
                found.append(policy)
        return found

    def on(self, moment: Moment) -> Moment:
        """The first moment from then on at which the server can act."""
        for away in self.away:
            if away.since <= moment + STEP_LATE and moment <= away.until:
                moment = max(moment, away.until)
        return moment

    def is_calm(self, earliest: Moment, latest: Moment, way: str, who: str) -> bool:
        """Whether no fault was near, nor so many at this address that it may be left alone."""
        lately = [at for at in self.failures.get(who, ()) if earliest - 10 * LEFT_ALONE < at < latest]
        if len(lately) >= MOST_FAILURES:
            return False
        near = [(each.since, each.until + (0 if each.why == BUSY else STEP_LATE)) for each in self.away]
        near += [(each.since, each.until + STEP_LATE) for each in self.troubles if each.way == way]
        near += [(each.at, each.at + STEP_LATE) for each in self.steps]
        return not any(since <= latest and until >= earliest for since, until in near)

    def has_left(self, who: str, moment: Moment) -> bool:
        """Whether somebody was surely deleted before then."""
        return any(left.who == who and left.until < moment for left in self.left)

    def may_have_left(self, who: str, moment: Moment) -> bool:
        """Whether somebody may have been deleted by then."""
        return any(left.who == who and left.since <= moment for left in self.left)

    def slack(self, earliest: Moment, latest: Moment) -> int:
        """How much steps of the clock in this time may move what is due."""
        return CLOCK_ERROR * sum(earliest - CLOCK_ERROR <= each.at <= latest for each in self.steps)

    def handed_over(self, way: str, earliest: Moment, latest: Moment) -> Moment:
        """By when a page of a step that ran in this window is with its provider."""
        by = latest + HANDED_OVER
        for trouble in sorted(self.troubles, key=lambda each: each.since):
            if trouble.way == way and trouble.since <= by and trouble.until >= earliest:
                tried = next(after for after in TRIED_AFTER if after > trouble.until - earliest)
                by = max(by, latest + tried + LEFT_ALONE + STEP_LATE)
        for away in self.away:
            if away.since <= by and away.until >= earliest:
                by = max(by, away.until + HANDED_OVER + STEP_LATE)
        return by


def owed(facts: Sequence[Fact], until: Moment) -> Iterator[tuple[Occurrence, list[list[Owed]]]]:
    """Of each incident: for every policy that may have been in force, the pages that are owed by it until then."""
    world = World.of(facts)
    for some in occurrences(facts).values():
        for occurrence in some:
            if occurrence.status != "never":
                possible = world.possible(occurrence.opened)
                yield occurrence, [list(_climb(world, occurrence, policy, until)) for policy in possible]


def _climb(world: World, occurrence: Occurrence, policy: Policy, until: Moment) -> Iterator[Owed]:
    opened = occurrence.opened
    soonest = longest = policy.levels[0].delay
    first, last = opened.earliest, opened.latest
    for cycle in range(policy.repeats + 1):
        for level, rung in enumerate(policy.levels, start=1):
            first, last = first + soonest, world.on(last + longest) + STEP_LATE
            moved = world.slack(opened.earliest, last)
            earliest, latest = first - moved, last + moved
            if earliest > min(until, occurrence.quiet.latest):
                return
            targets = list(_targets(world, rung, earliest, latest))
            for way, who, by, is_here in targets:
                yield Owed(
                    about=occurrence.about,
                    occurrence=occurrence.number,
                    cycle=cycle,
                    level=level,
                    way=way,
                    who=who,
                    earliest=earliest - ROUNDING,
                    latest=by,
                    ran_by=latest,
                    is_sure=is_here and by < occurrence.quiet.earliest,
                    is_calm=world.is_calm(earliest, latest, way, who),
                    wait=soonest,
                )
            # A level that reaches nobody makes the next one go at once.
            longest = _following(policy, level) if targets else 0
            soonest = longest if any(is_here for *_, is_here in targets) else 0


def _following(policy: Policy, level: int) -> int:
    """How long the level after this one waits."""
    if level < len(policy.levels):
        return policy.levels[level].delay
    return policy.repeat_delay + policy.levels[0].delay


def _targets(
    world: World, rung: Rung, earliest: Moment, latest: Moment
) -> Iterator[tuple[str, str, Moment, bool]]:
    """Whom a level that runs in this window may page: the way, the name, by when, and whether they are surely there."""
    for way, who in [("mail", who) for who in rung.people] + [("hook", who) for who in rung.channels]:
        if not world.has_left(who, earliest):
            by = world.handed_over(way, earliest, latest)
            yield way, who, by, not world.may_have_left(who, by)
