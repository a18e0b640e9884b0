"""The oracle: what must be true of a world once its faults are over, each check by the name that promises have for it.

A check gets the ledger, which was written outside the server, and what the server holds, and returns what it finds
broken, in words. `judge` runs them all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from tests.world import model
from tests.world.ledger import BUSY, Answer, Asked, Away, Fact, Moment, Spoilt, Taken
from tests.world.observed import Observed, summed

ON_ITS_WAY = 3_000
"""Milliseconds: what a provider had so long before the server was killed may have been forgotten by it."""
STANDING_STILL, GIVEN_UP_AFTER = 60_000, 10_000
"""Milliseconds: where so many of so many went to others on the machine, a try may have taken longer than it may."""
MEMORY = 80 << 20
FILES = 40


class Broken(msgspec.Struct, frozen=True):
    """Something that is not as it should be."""

    check: str
    about: str
    """The title that it is about; empty: the whole."""
    words: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.check} {self.about}: {self.words}"


class Case(msgspec.Struct):
    """A world that came to rest."""

    facts: Sequence[Fact]
    seen: Observed
    until: Moment
    """When it was looked at."""

    @property
    def taken(self) -> list[Taken]:
        """Everything that providers were handed."""
        return [fact for fact in self.facts if isinstance(fact, Taken)]

    @property
    def away(self) -> list[Away]:
        """When the server was not there; a busy machine makes it late and nothing else."""
        away = (fact for fact in self.facts if isinstance(fact, Away) and fact.why != BUSY)
        return [model.felt(fact) for fact in away]


Found: TypeAlias = Iterator[tuple[str, str]]
"""What it is about, and what is wrong with it."""


def no_loss(case: Case) -> Found:
    """L1: what was answered with 2xx is there, as it must be; what was refused as unreadable is kept."""
    stored: dict[str, list[str]] = defaultdict(list)
    newest: dict[str, str] = {}
    for alert in case.seen.alerts:
        stored[alert.title].append(alert.status)
        if alert.is_newest:
            newest[alert.title] = alert.status
    for about, some in model.occurrences(case.facts).items():
        sure = [each for each in some if each.opened.latest < model.NEVER]
        if len(stored[about]) < len(sure):
            yield about, f"{len(sure)} times it was told of, {len(stored[about])} times it is stored"
        elif len(some) == len(sure) and stored[about]:
            found = newest.get(about, "resolved")
            if (found != "resolved") != (some[-1].alert == "firing"):
                yield about, f"it should be {some[-1].alert}, and is {found}"
    for fact in case.facts:
        is_refused = isinstance(fact, Spoilt) and fact.code is not None and 400 <= fact.code < 500
        if is_refused and not any(fact.about in body for body in case.seen.kept):
            yield fact.about, "what could not be read was not kept"


def no_phantom(case: Case) -> Found:
    """L2: every stored alert was told of, as often at most."""
    some = model.occurrences(case.facts)
    stored = Counter(alert.title for alert in case.seen.alerts)
    for about, count in stored.items():
        if count > len(some.get(about, ())):
            yield about, f"{len(some.get(about, ()))} times it was told of, {count} times it is stored"


def no_double(case: Case) -> Found:
    """L3: one open incident for each alert, and each telling counted once."""
    open_ones = Counter(each.title for each in case.seen.incidents if each.status != "resolved")
    for about, count in open_ones.items():
        if count > 1:
            yield about, f"{count} incidents of it are open"
    counts: dict[str, int] = defaultdict(int)
    for alert in case.seen.alerts:
        counts[alert.title] += alert.count
    for about, some in model.occurrences(case.facts).items():
        least = sum(max(each.tellings, each.status == "never") for each in some)
        most = sum(max(each.tellings + each.doubtful, each.status == "never") for each in some)
        if about in counts and not least <= counts[about] <= most:
            yield about, f"it was told {least} to {most} times, and {counts[about]} are counted"


def pages_of(case: Case) -> dict[tuple[str, str, str], list[Taken]]:
    """By title, way and person, the first copy of each page that was taken, in order."""
    found: dict[tuple[str, str, str], list[Taken]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for taken in case.taken:
        if taken.kind != "page" or taken.answer == "refused":
            continue
        for about in taken.about:
            if (about, taken.id) not in seen:
                seen.add((about, taken.id))
                found[about, taken.way, taken.who].append(taken)
    return found


def complete(case: Case) -> Found:
    """N1: everybody who is owed a page got it, in its time; nobody got one before its time or that nobody owes."""
    pages = pages_of(case)
    explained: set[str] = set()
    wrong: dict[str, list[str]] = {}
    stored = {alert.title for alert in case.seen.alerts}
    waiting = {message.title for message in case.seen.messages if message.due_at is not None}
    by_title: dict[str, list[list[list[model.Owed]]]] = defaultdict(list)
    for occurrence, candidates in model.owed(case.facts, case.until):
        by_title[occurrence.about].append(candidates)
    for about, some in by_title.items():
        explained.add(about)
        if about in stored:  # what was lost before is found by L1
            attempts = [_unpaid(case, about, each, pages, about in waiting) for each in _choices(some)]
            wrong[about] = min(attempts, key=len)
    for about, words in wrong.items():
        for each in words:
            yield about, each
    for (about, way, who), found in pages.items():
        if about not in explained:
            yield about, f"{who} got {len(found)} pages by {way}, and nothing is known of it"


def _choices(some: Sequence[Sequence[Sequence[model.Owed]]]) -> list[list[model.Owed]]:
    """What one title owes by every combination of the policies that may have been in force."""
    chosen: list[list[model.Owed]] = [[]]
    for candidates in some:
        chosen = [[*before, *each] for before in chosen for each in candidates]
    return chosen


def _unpaid(
    case: Case,
    about: str,
    owed: Sequence[model.Owed],
    pages: dict[tuple[str, str, str], list[Taken]],
    waits: bool,
) -> list[str]:
    """What is wrong if exactly this is owed; `waits`: the server may still send something about it."""
    wrong = []
    targets = {(each.way, each.who) for each in owed} | {
        (way, who) for title, way, who in pages if title == about
    }
    for way, who in sorted(targets):
        left, used = list(pages.get((about, way, who), ())), set()
        theirs = [each for each in owed if (each.way, each.who) == (way, who)]
        # What must have come first: what only may have come must not take its place.
        for page in sorted(theirs, key=lambda each: (not each.is_sure, each.latest)):
            fits = [each for each in left if page.earliest <= each.at <= page.latest]
            if fits:
                if way == "hook":  # a mail may tell of several levels that came together
                    left.remove(fits[0])
                else:
                    used.add(next((each.id for each in fits if each.id not in used), fits[0].id))
            elif page.is_sure and (page.latest if waits else page.ran_by) < case.until:
                got = [each.at for each in left]
                wrong.append(
                    f"{who} is owed level {page.level} of round {page.cycle} by {way} "
                    f"between {page.earliest} and {page.latest} ms, and got {got}"
                )
        wrong += [
            f"{who} got a page by {way} at {each.at} ms that nobody owes"
            for each in left
            if each.id not in used
        ]
    return wrong


def no_surplus(case: Case) -> Found:
    """N2: nothing is handed over twice but after a lost answer, and then it says so."""
    copies: dict[str, list[Taken]] = defaultdict(list)
    for taken in case.taken:
        copies[taken.id].append(taken)
    for some in copies.values():
        doubt = False
        for before, after in zip([None, *some], some, strict=False):
            about = after.about[0] if after.about else ""
            if before is not None:
                doubt = doubt or before.answer != "refused"  # what was refused comes again as what it is
                is_forgotten = _was_away(case, before.at, after.at) or _stood_still(case, after.at)
                if before.answer == "took" and not is_forgotten:
                    yield about, f"{after.who} got {after.id} at {before.at} and again at {after.at} ms"
                elif doubt and not after.is_repeat:
                    yield about, f"{after.who} got {after.id} again at {after.at} ms, and it does not say so"
            elif (
                after.is_repeat
                and after.way != "mail"
                and not _was_away(case, 0, after.at)
                and not _stood_still(case, after.at)
            ):
                yield about, f"{after.who} got {after.id} once, and it says that it may be a repeat"


def _was_away(case: Case, since: Moment, until: Moment) -> bool:
    """Whether the server may have forgotten, in this time, what it was answered."""
    return any(each.since - ON_ITS_WAY <= until and each.until >= since - ON_ITS_WAY for each in case.away)


def _stood_still(case: Case, until: Moment) -> bool:
    """Whether the server may have given a try up before it left, in the minute before: it had no turn for so long."""
    lost = [
        min(fact.until, until) - max(fact.since, until - STANDING_STILL)
        for fact in case.facts
        if isinstance(fact, Away) and fact.why == BUSY
    ]
    return sum(each for each in lost if each > 0) >= GIVEN_UP_AFTER


def answered_wins(case: Case) -> Found:
    """N3: after an acknowledge or resolve was answered no page starts that the answer does not name."""
    answers = {fact.n: fact for fact in case.facts if isinstance(fact, Answer)}
    opened: dict[str, list[Moment]] = defaultdict(list)
    for occurrence, _ in model.owed(case.facts, case.until):
        opened[occurrence.about].append(occurrence.opened.earliest)
    for asked in (fact for fact in case.facts if isinstance(fact, Asked)):
        answer = answers.get(asked.n)
        if asked.what not in ("acknowledge", "resolve") or answer is None or answer.code != 200:
            continue
        again = min((at for at in opened[asked.about] if at > asked.at), default=model.NEVER)
        for taken in case.taken:
            is_after = answer.at < taken.at < again
            if (
                taken.kind == "page"
                and asked.about in taken.about[:1]
                and is_after
                and taken.id not in answer.in_flight
            ):
                yield asked.about, f"{taken.who} was paged at {taken.at} ms, answered was at {answer.at} ms"


def in_order(case: Case) -> Found:
    """N4: of one incident nobody hears the end before the beginning, or is paged after the end.

    Whose page may have left as the server died, and nobody wanted it again, is told how it went on all the same, and
    that the page may not have come; nobody is told that without a reason.
    """
    in_doubt = {
        (message.title, message.who)
        for message in case.seen.messages
        if message.kind == "page" and message.status == "unknown"
    }
    order = {"triggered": 0, "acknowledged": 1, "resolved": 2}
    heard: dict[tuple[int, str, str], list[Taken]] = defaultdict(list)
    known: set[str] = set()
    for taken in case.taken:
        if taken.kind in ("page", "update") and taken.answer != "refused" and taken.id not in known:
            known.add(taken.id)
            for number in taken.numbers:
                heard[number, taken.way, taken.who].append(taken)
    for some in heard.values():
        first = some[0]
        about, who, is_lost = first.about[0], first.who, (first.about[0], first.who) in in_doubt
        if first.kind != "page" and not is_lost:
            yield about, f"{who} heard that it is {first.status} before being paged"
        elif first.kind != "page" and not first.is_in_doubt:
            yield about, f"{who} heard that it is {first.status}, and not that the page may be lost"
        doubts = [each.at for each in some if each.is_in_doubt]
        if doubts and not is_lost and not _was_away(case, 0, doubts[0]):
            yield about, f"{who} heard that the page may be lost, and it was not"
        statuses = [order.get(each.status, 0) for each in some]
        if statuses != sorted(statuses):
            yield (
                some[0].about[0],
                f"{some[0].who} heard of it in this order: {[each.status for each in some]}",
            )


class Late(msgspec.Struct, frozen=True):
    """How late a page was with its provider that no fault held up, in milliseconds from when its level was due."""

    about: str
    way: str
    who: str
    by: Moment


def lateness(case: Case) -> list[Late]:
    """Of each such page; a level is due so long after the one before as that reached its channel."""
    pages = pages_of(case)
    found: list[Late] = []
    for occurrence, candidates in model.owed(case.facts, case.until):
        if len(candidates) != 1 or occurrence.number:
            continue
        ran: dict[tuple[int, int], Moment] = {}
        for page in candidates[0]:
            got = [
                each.at
                for each in pages.get((page.about, page.way, page.who), ())
                if each.at >= page.earliest
            ]
            if page.way == "hook" and got:
                ran.setdefault((page.cycle, page.level), got[0])
            is_first = (page.cycle, page.level) == (0, 1)
            before = occurrence.opened.latest if is_first else ran.get((page.cycle, page.level - 1))
            if page.is_calm and got and before is not None and page.cycle == 0:
                found.append(Late(page.about, page.way, page.who, max(0, got[0] - before - page.wait)))
    return found


def p99(late: Sequence[Moment]) -> Moment | str:
    """What 99 of 100 do not exceed; on a machine that is busy all the while nothing can be timed."""
    return sorted(late)[int(len(late) * 0.99)] if late else "the machine was too busy to say"


def in_time(case: Case) -> Found:
    """N5: pages that no fault held up are with the provider within the time that is promised."""
    for late in lateness(case):
        if late.by > (model.STEP_LATE if late.way == "hook" else model.HANDED_OVER):
            yield late.about, f"{late.who} got it by {late.way} {late.by} ms after its level was due"


def live_reasons(case: Case) -> Found:
    """T1: every open incident has exactly one reason why it waits."""
    for each in case.seen.incidents:
        is_asleep = each.snoozed_until is not None
        wants = {
            "resolved": (False, False),
            "acknowledged": (False, is_asleep),
            "triggered": (each.escalation_state == "running" and not is_asleep, is_asleep),
        }[each.status]
        has = (each.escalates_at is not None, each.wakes_at is not None)
        is_over = each.escalation_state in ("exhausted", "none", "stopped", "running")
        if has != wants or not is_over:
            yield each.title, f"#{each.number} is {each.status}/{each.escalation_state}, with timers {has}"


def whole_stories(case: Case) -> Found:
    """T2: timelines count 1, 2, 3 …, every entry has somebody who did it, and the chain of the audit log holds."""
    for each in case.seen.incidents:
        if (each.entries, each.first_entry, each.last_entry) != (
            each.last_seq,
            min(1, each.last_seq),
            each.last_seq,
        ):
            yield (
                each.title,
                f"#{each.number} has {each.entries} entries {each.first_entry}…{each.last_entry} of {each.last_seq}",
            )
        if each.nameless:
            yield each.title, f"#{each.number} has {each.nameless} entries that nobody did"
    if case.seen.chain:
        yield "", case.seen.chain


def sound_database(case: Case) -> Found:
    """D1: the file is whole, and nothing in it is on its way."""
    for line in case.seen.damage:
        yield "", line
    for message in case.seen.messages:
        if message.status == "sending":
            yield message.title, f"{message.kind} {message.id} is still being sent"


def same_everywhere(case: Case) -> Found:
    """R1: who only listens knows the same as the database."""
    if case.seen.told is None:
        return
    for each in case.seen.incidents:
        known = case.seen.told.get(each.id, "nothing")
        if known != each.status:
            yield each.title, f"#{each.number} is {each.status}, who listens knows {known}"


def true_counters(case: Case) -> Found:
    """M1: metrics count what the ledgers have."""
    if case.seen.metrics is None:
        return
    for way, channel in (("mail", "email"), ("hook", "webhook")):
        took = len({fact.id for fact in case.taken if fact.way == way and fact.answer == "took"})
        counted = summed(case.seen.metrics, "openalert_notifications_total", channel=channel, outcome="sent")
        if took != counted:
            yield "", f"{took} messages were taken by {way}, {counted:.0f} are counted"


def clean(case: Case) -> Found:
    """X1: no traceback, no answer of 500, nothing that grows."""
    codes = Counter(fact.code for fact in case.facts if isinstance(fact, Answer | Spoilt))
    for code, count in codes.items():
        if code is not None and code >= 500 and code != 503:
            yield "", f"{count} requests were answered {code}"
    for line in case.seen.log.splitlines():
        if "Traceback" in line or '"exception"' in line:
            yield _named_in(case, line), f"the log has: {line[:300]}"
    for what, (before, after), most in (
        ("open files", case.seen.files, FILES),
        ("bytes of memory", case.seen.memory, MEMORY),
    ):
        if after - before > most:
            yield "", f"{what} grew from {before} to {after}"


def _named_in(case: Case, line: str) -> str:
    titles = {fact.about for fact in case.facts if isinstance(fact, Asked)}
    return max((title for title in titles if title in line), key=len, default="")


CHECKS: dict[str, Callable[[Case], Found]] = {
    "L1": no_loss,
    "L2": no_phantom,
    "L3": no_double,
    "N1": complete,
    "N2": no_surplus,
    "N3": answered_wins,
    "N4": in_order,
    "N5": in_time,
    "T1": live_reasons,
    "T2": whole_stories,
    "D1": sound_database,
    "R1": same_everywhere,
    "M1": true_counters,
    "X1": clean,
}
"""By the names of docs/reliability.md."""


def judge(case: Case) -> list[Broken]:
    """Everything that is broken."""
    return [Broken(name, about, words) for name, check in CHECKS.items() for about, words in check(case)]
