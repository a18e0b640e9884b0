"""Would an alert that arrives now page somebody? What the server knows of itself, and what of it says no."""

from enum import StrEnum

import msgspec

from openalert.domain.canary import BUDGET, CanaryRun
from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.timeline import span

AUDIT_AGE = 3 * MINUTE
TIMER_AGE = 30 * SECOND
PAGE_AGE = 60 * SECOND


class TroubleKind(StrEnum):
    """What keeps pages from arriving, or means that they might not."""

    DATABASE = "database"
    CANARY = "canary"
    INVARIANTS = "invariants"
    AUDITOR = "auditor"
    TIMERS = "timers"
    PAGES = "pages"
    UNDELIVERABLE = "undeliverable"
    DISK = "disk"
    MEMORY = "memory"
    TASKS = "tasks"


class Trouble(msgspec.Struct, frozen=True):
    """One reason why the answer is no."""

    kind: TroubleKind
    words: str
    """One sentence, for people anywhere: nothing in it comes from alerts."""


class Work(msgspec.Struct, kw_only=True):
    """What waits in the database, as it is read at one moment."""

    due_at: Instant | None = None
    """When the oldest step of an escalation that nobody took was due; may lie ahead."""
    failing: int = 0
    """Steps that failed three times in a row."""
    waiting_since: Instant | None = None
    """Since when the oldest page waits about whose incident nobody was told yet."""
    waiting_by: tuple[str, ...] = ()
    """The channels by which such pages wait for too long."""
    undeliverable: int = 0
    """Open incidents of the last day about which every page has failed, or had no answer from its provider."""


class Facts(msgspec.Struct, kw_only=True):
    """Everything that is judged."""

    now: Instant
    since: Instant
    """When this server began to watch itself."""
    every: Instant = MINUTE
    """How often canaries fly."""
    canary: CanaryRun | None = None
    """The last one."""
    green_at: Instant | None = None
    """When one last came through."""
    audited_at: Instant | None = None
    violations: int = 0
    """Found by the last audit."""
    work: Work | None = None
    """None: the database could not be asked."""
    database_words: str = ""
    standstill: str = ""
    """Why the database answers no commit, where that is known."""
    reserve_in_use: bool = False
    memory_short: bool = False
    """Whether new alerts are refused because too little memory is left."""
    dead_tasks: tuple[str, ...] = ()


def troubles(facts: Facts) -> list[Trouble]:
    """Every reason why an alert arriving now might page nobody; none: it would page."""
    found = [
        *_canary(facts),
        *_audit(facts),
        *_work(facts),
    ]
    if facts.reserve_in_use:
        found.append(
            Trouble(TroubleKind.DISK, "The disk is full; the reserve is in use and nothing new is stored.")
        )
    if facts.memory_short:
        found.append(
            Trouble(TroubleKind.MEMORY, "Memory is short; new alerts are refused until there is some.")
        )
    found += [
        Trouble(TroubleKind.TASKS, f"The task {name!r} of the server dies again and again.")
        for name in facts.dead_tasks
    ]
    return found


def _canary(facts: Facts) -> list[Trouble]:
    age = facts.now - (facts.since if facts.green_at is None else facts.green_at)
    if facts.canary is not None and not facts.canary.is_green:
        return [Trouble(TroubleKind.CANARY, f"The last canary did not come through. {facts.canary.reason}")]
    if age > 2 * facts.every + 3 * BUDGET:
        return [Trouble(TroubleKind.CANARY, f"No canary has come through for {span(age)}.")]
    return []


def _audit(facts: Facts) -> list[Trouble]:
    if facts.violations:
        return [
            Trouble(
                TroubleKind.INVARIANTS,
                f"{facts.violations} open incident(s) had lost their escalation; they were repaired.",
            )
        ]
    age = facts.now - (facts.since if facts.audited_at is None else facts.audited_at)
    if age > AUDIT_AGE:
        return [Trouble(TroubleKind.AUDITOR, f"Open incidents were not looked over for {span(age)}.")]
    return []


def _work(facts: Facts) -> list[Trouble]:
    work = facts.work
    if work is None:
        return [
            Trouble(TroubleKind.DATABASE, f"The database does not answer. {facts.database_words}".strip())
        ]
    found = []
    if facts.standstill:
        found.append(Trouble(TroubleKind.DATABASE, f"Nothing can be stored: {facts.standstill}."))
    if work.due_at is not None and facts.now - work.due_at > TIMER_AGE:
        late = span(facts.now - work.due_at)
        found.append(Trouble(TroubleKind.TIMERS, f"A step of an escalation is {late} late."))
    elif work.failing:
        found.append(
            Trouble(TroubleKind.TIMERS, f"{work.failing} step(s) of escalations fail again and again.")
        )
    if work.waiting_since is not None and facts.now - work.waiting_since > PAGE_AGE:
        waits = span(facts.now - work.waiting_since)
        by = f" ({', '.join(map(_channel, work.waiting_by))})" if work.waiting_by else ""
        found.append(
            Trouble(
                TroubleKind.PAGES, f"A page has waited for {waits}{by}, and nobody was told of its incident."
            )
        )
    if work.undeliverable:
        found.append(
            Trouble(
                TroubleKind.UNDELIVERABLE,
                f"Nobody could be told of {work.undeliverable} open incident(s): every page failed, or no provider "
                "said that it took it.",
            )
        )
    return found


def _channel(name: str) -> str:
    known = CONTACT_KINDS.get(name) or CHANNEL_KINDS.get(name)
    return known.words if known else name


class Standing(msgspec.Struct, frozen=True):
    """What the last look at ourselves found."""

    at: Instant
    troubles: tuple[Trouble, ...]

    @property
    def would_page(self) -> bool:
        """Whether an alert that arrives now would page."""
        return not self.troubles
