"""Heartbeat: something that must be heard of regularly, and what it means when it is, or is not.

Pure rules. A beat is a request to the heartbeat's address; its dialect is that of healthchecks.io. `expected_at` is
when the next one should come, `due_at` when somebody is told that it did not: `grace` later.
"""

from enum import StrEnum

import msgspec

from openalert.domain import cron
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, MINUTE, SECOND, Instant
from openalert.domain.severity import Severity
from openalert.domain.walltime import zone_named

SHORTEST_PERIOD = SECOND // 2
LONGEST = 366 * DAY
KEPT_BEATS = 50
"""The last beats of a heartbeat that are kept; older ones make room."""
KEPT_BODY = 10 * 1024
"""Bytes that are kept of what a beat brought along."""
SAME_BEAT = SECOND
"""A beat of the same kind so soon after the one before is counted, and takes no place among those that are kept."""
EARLY = MINUTE
"""So long before its time a beat counts for it: clocks differ."""
EXIT_CODES = range(256)


class HeartbeatStatus(StrEnum):
    """The state of a heartbeat."""

    NEW = "new"
    """It was never heard of: nothing is expected yet."""
    HEALTHY = "healthy"
    LATE = "late"
    """A beat did not come, not even within the grace: an alert fires."""
    FAILED = "failed"
    """The last beat said that it failed: an alert fires."""
    PAUSED = "paused"
    """Beats are noted, and nobody is told of any that do not come."""


FIRING = (HeartbeatStatus.LATE, HeartbeatStatus.FAILED)
"""The states in which the heartbeat's alert fires."""


class BeatKind(StrEnum):
    """What a beat says."""

    SUCCESS = "success"
    START = "start"
    """The work has begun: its end is expected within the grace, and the time between is its duration."""
    FAIL = "fail"
    LOG = "log"
    """A note for people; nothing is concluded from it."""


class Beat(msgspec.Struct, kw_only=True):
    """One beat as it is kept; a row of `heartbeat_beats`."""

    heartbeat_id: str
    slot: int
    """Its place among those that are kept, 0 to `KEPT_BEATS` - 1."""
    at: Instant
    kind: BeatKind
    exit_code: int | None = None
    duration: Instant | None = None
    """Milliseconds since the start that it ended, if one was told."""
    body: str = ""
    """The first 10 KiB of what it brought along, as text."""


class Heartbeat(msgspec.Struct, kw_only=True):
    """A row of `heartbeats`. Its key is not kept, only its SHA-256."""

    id: str
    service_id: str
    name: str
    key_hash: str
    key_hint: str
    """The last four characters of the key, so that people can tell keys apart."""
    period: Instant | None = None
    """Milliseconds between two beats; None: `cron` says when."""
    cron: str | None = None
    """Five fields, as in a crontab; None: `period` says how often."""
    timezone: str = "UTC"
    """The IANA zone whose clocks `cron` goes by."""
    grace: Instant
    """Milliseconds that a beat may come late."""
    severity: Severity = Severity.HIGH
    """Of the alert when it is late or failed."""
    status: HeartbeatStatus = HeartbeatStatus.NEW
    since: Instant
    """Since when it is in this state."""
    last_beat_at: Instant | None = None
    last_duration: Instant | None = None
    started_at: Instant | None = None
    """When the work began that has not ended yet."""
    expected_at: Instant | None = None
    due_at: Instant | None = None
    """When somebody is told unless a beat comes; None: nothing is expected, or somebody was."""
    unheard_from: Instant | None = None
    """From when to `unheard_until` OpenAlert itself could not hear, after the last beat; None: it always could."""
    unheard_until: Instant | None = None
    beat_count: int = 0
    """How many beats were kept, ever; counts the slots."""
    integration_id: str | None = None
    """The integration by which a Watchdog alert is heard; None: it has an address of its own."""
    watch_key: str | None = None
    """Integration and fingerprint of that alert."""
    is_learned: bool = False
    """Whether `period` and `grace` follow what is observed; ends when somebody sets them."""
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None

    @property
    def is_firing(self) -> bool:
        """Whether its alert fires."""
        return self.status in FIRING

    def is_overdue(self, now: Instant) -> bool:
        """Whether the time for the next beat, and the grace, are over."""
        return self.due_at is not None and self.due_at <= now


def check(heartbeat: Heartbeat) -> None:
    """Pass, or raise Invalid: either a period or a cron expression that comes to pass, and a grace in bounds."""
    if (heartbeat.period is None) == (heartbeat.cron is None):
        raise Invalid("Give either intervalSeconds or cron.", field="intervalSeconds")
    if heartbeat.period is not None and not SHORTEST_PERIOD <= heartbeat.period <= LONGEST:
        raise Invalid("intervalSeconds must be from 0.5 seconds to 366 days.", field="intervalSeconds")
    if not 0 <= heartbeat.grace <= LONGEST:
        raise Invalid("graceSeconds must be from 0 to 366 days.", field="graceSeconds")
    zone_named(heartbeat.timezone)
    if heartbeat.cron is not None:
        heartbeat.cron = cron.check(heartbeat.cron)


def next_after(heartbeat: Heartbeat, at: Instant) -> Instant:
    """When the beat after one at `at` is expected.

    A beat that comes a little before the time it was meant for, because clocks differ, counts for that time.
    """
    if heartbeat.period is not None:
        return at + heartbeat.period
    expression, zone = heartbeat.cron or "", zone_named(heartbeat.timezone)
    first = cron.next_after(expression, zone, at)
    second = cron.next_after(expression, zone, first)
    return second if first - at <= min(EARLY, (second - first) // 3) else first


def hear(heartbeat: Heartbeat, kind: BeatKind, now: Instant) -> Instant | None:
    """Take a beat in; how long the work took that it ended, if its start was told.

    While the heartbeat is paused nothing is concluded. A start brings the end of the grace forward, to one grace
    from now, because the work must end by then; it ends no trouble. Without any grace there is no such bound.
    """
    duration = None
    if kind is BeatKind.START:
        heartbeat.started_at = now
        if heartbeat.grace and heartbeat.status in (HeartbeatStatus.NEW, HeartbeatStatus.HEALTHY):
            ends = now + heartbeat.grace
            heartbeat.due_at = ends if heartbeat.due_at is None else min(heartbeat.due_at, ends)
    elif kind is not BeatKind.LOG:
        if heartbeat.started_at is not None:
            duration = max(now - heartbeat.started_at, 0)
        heartbeat.started_at, heartbeat.last_beat_at, heartbeat.last_duration = None, now, duration
        heartbeat.unheard_from = heartbeat.unheard_until = None
        if heartbeat.status is not HeartbeatStatus.PAUSED:
            failed = kind is BeatKind.FAIL
            _become(heartbeat, HeartbeatStatus.FAILED if failed else HeartbeatStatus.HEALTHY, now)
            if not _is_expected_already(heartbeat, now):
                expect(heartbeat, now)
            elif heartbeat.expected_at is not None:
                heartbeat.due_at = heartbeat.expected_at + heartbeat.grace
    heartbeat.updated_at = now
    return duration


def _is_expected_already(heartbeat: Heartbeat, now: Instant) -> bool:
    """Whether the next time of the cron expression is known from the beat before, and need not be looked for again."""
    expected = heartbeat.expected_at
    return heartbeat.cron is not None and expected is not None and now + EARLY < expected


def expect(heartbeat: Heartbeat, at: Instant) -> None:
    """Wait for the beat that comes after one at `at`."""
    heartbeat.expected_at = next_after(heartbeat, at)
    heartbeat.due_at = heartbeat.expected_at + heartbeat.grace


def fall_late(heartbeat: Heartbeat, now: Instant) -> None:
    """The beat did not come, and somebody is told; nothing is expected until the next one comes."""
    _become(heartbeat, HeartbeatStatus.LATE, now)
    heartbeat.due_at = None
    heartbeat.updated_at = now


def pause(heartbeat: Heartbeat, now: Instant) -> None:
    """Expect nothing until somebody resumes it."""
    _become(heartbeat, HeartbeatStatus.PAUSED, now)
    heartbeat.expected_at = heartbeat.due_at = heartbeat.started_at = None
    heartbeat.unheard_from = heartbeat.unheard_until = None


def resume(heartbeat: Heartbeat, now: Instant) -> None:
    """Expect beats again: the next one within a whole period and grace, if there ever was one."""
    if heartbeat.last_beat_at is None:
        _become(heartbeat, HeartbeatStatus.NEW, now)
        return
    _become(heartbeat, HeartbeatStatus.HEALTHY, now)
    expect(heartbeat, now)


def reschedule(heartbeat: Heartbeat, now: Instant) -> None:
    """Another period, cron expression or grace was set: what is expected follows from the last beat.

    Where that would make it late at once, it gets a whole period and grace from now, as nobody knew.
    """
    if heartbeat.due_at is None or heartbeat.last_beat_at is None:
        return
    expect(heartbeat, heartbeat.last_beat_at)
    if heartbeat.is_overdue(now):
        expect(heartbeat, now)


def excuse(heartbeat: Heartbeat, deaf_from: Instant, deaf_until: Instant) -> bool:
    """OpenAlert itself could not hear in that time: put off what a beat then would have put off; whether it did.

    A beat may be lost that came between a grace (at least a tenth of the period) before its time and the end of its
    grace. Then the heartbeat gets a whole period and grace, as if one had come just before we heard again. That
    happens once: without a beat since, being deaf again adds only as long as it lasted, so that a server which
    restarts every night cannot hide for ever what is missing every night.
    """
    due, expected = heartbeat.due_at, heartbeat.expected_at
    if due is None or deaf_until <= deaf_from:
        return False
    around = max(heartbeat.grace, (heartbeat.period or 0) // 10)
    begins = min((each for each in (expected, heartbeat.started_at) if each is not None), default=due)
    if due < deaf_from or deaf_until < begins - around:
        return False
    if heartbeat.unheard_until is None:
        later = next_after(heartbeat, deaf_until)
        heartbeat.expected_at, heartbeat.due_at = later, max(due, later + heartbeat.grace)
        heartbeat.unheard_from = deaf_from
    else:
        heartbeat.due_at = max(due, due + deaf_until - max(deaf_from, heartbeat.unheard_until))
    heartbeat.unheard_until = deaf_until
    heartbeat.updated_at = deaf_until
    return True


def _become(heartbeat: Heartbeat, status: HeartbeatStatus, now: Instant) -> None:
    if heartbeat.status is not status:
        heartbeat.status, heartbeat.since = status, now
