"""Handling: what is decided about an alert before anybody is paged: where it goes, how bad it is, whether it waits.

An alert that begins is drafted from what its source said. What a team has set (rules, silences, maintenance windows …)
looks at the draft one stage after the other and changes it; each change leaves a step, and the steps are the alert's
trace. What keeps the alert from paging is a hold. An alert may be held by several things at once: it is let go when
the last of them is over, goes through the same stages again, and pages as if it had come then.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from openalert.domain.alert import Alert, Signal
from openalert.domain.counts import Counts, Key
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.domain.trace import Step


class HoldKind(StrEnum):
    """What keeps an alert from paging."""

    RULE = "rule"
    """A routing rule suppresses it."""
    DELAY = "delay"
    """A routing rule lets it wait, in case it ends by itself."""
    THRESHOLD = "threshold"
    """A routing rule waits for more of its kind."""
    MAINTENANCE = "maintenance"
    SILENCE = "silence"
    FLAPPING = "flapping"
    """It comes and goes too often."""
    TRANSIENT = "transient"
    """Its service gives alerts a moment to end by themselves."""
    SNOOZE = "snooze"
    """A person wants to see it later."""
    SUPPRESSED = "suppressed"
    """A person does not want to be paged for it."""


ONCE = {
    HoldKind.RULE,
    HoldKind.DELAY,
    HoldKind.THRESHOLD,
    HoldKind.FLAPPING,
    HoldKind.TRANSIENT,
    HoldKind.SNOOZE,
    HoldKind.SUPPRESSED,
}
"""What holds an alert once: when its time is over, the same thing must not hold the alert again. A window or a
silence is looked at anew each time."""

ELAPSED = (HoldKind.RULE, HoldKind.DELAY, HoldKind.THRESHOLD, HoldKind.FLAPPING, HoldKind.TRANSIENT)
"""What holds an alert for some minutes, and not until an instant that somebody chose."""

BY_SEVERITY = (HoldKind.RULE, HoldKind.DELAY, HoldKind.THRESHOLD, HoldKind.TRANSIENT)
"""What may hold an alert because it is not bad enough: an alert that becomes worse is looked at again."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps an alert from paging."""

    kind: HoldKind
    ref_id: str
    """The rule, window, silence or person."""
    name: str
    """That thing in the words of whoever made it; hostile text."""
    until: Instant | None = None
    """When it is over by itself; None: an act ends it, or the end of the alert."""


class Draft(msgspec.Struct, kw_only=True):
    """An alert before it is decided what becomes of it; the stages change it in place."""

    now: Instant
    source: str
    """The name of the source that read it."""
    integration_id: str
    """The integration that it came in by; one of `team_id`."""
    fingerprint: str
    title: str
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    severity: Severity
    team_id: str
    """The team of the service that it came in by; a rule that routes it changes `service_id` alone."""
    service_id: str
    group: str
    """Alerts of one service with equal groups are one incident."""
    regrouped: bool = False
    """Whether a rule chose the group, so that the grouping of its service does not apply."""
    window: Instant = 0
    """How long after the one before it an alert joins the open incident of its group; 0: as long as it is open."""
    began: list[Instant] = []
    """When earlier occurrences of its identity began, the newest last."""
    tags: list[str] = msgspec.field(default_factory=list)
    holds: list[Hold] = msgspec.field(default_factory=list)
    dropped: str = ""
    """Why no alert comes of it; empty: one does."""
    waited: frozenset[str] = frozenset()
    """What held it before and must not hold it again: the ids of delays and thresholds that have had their time."""
    steps: list[Step] = msgspec.field(default_factory=list)
    begins: bool = True
    """Whether it would begin an occurrence; else it is only looked at again, and is counted no second time."""
    counts: Counts = msgspec.field(default_factory=lambda: Counts({}))
    """What thresholds remember of alerts before it."""
    rules: list[str] = msgspec.field(default_factory=list)
    """The ids of the routing rules that applied."""

    def note(self, code: str, **data: Any) -> None:
        """A line of its trace."""
        self.steps.append(Step(at=self.now, code=code, data=data))

    def regroup(self, group: str) -> None:
        """A rule says which alerts are one incident."""
        self.group, self.regrouped = group, True

    def hold(self, hold: Hold) -> None:
        """Keep it from paging, unless this very thing has had its time with it."""
        if hold.ref_id in self.waited:
            return
        self.holds.append(hold)
        self.note("held", kind=hold.kind, name=hold.name, ref=hold.ref_id, until=hold.until)


Stage = Callable[[Draft], None]
"""Looks at a draft and changes it; pure, quick, and free of exceptions that it can foresee."""


def _nothing(_: Draft) -> list[Key]:
    return []


class Named(msgspec.Struct, frozen=True):
    """A stage, and what a trace calls it when it breaks."""

    name: str
    apply: Stage
    keys: Callable[[Draft], list[Key]] = _nothing
    """Of a draft that comes in: what the stage may ask its `counts` for, so that it is read beforehand."""


def draft_of(
    signal: Signal,
    *,
    integration_id: str,
    team_id: str,
    service_id: str,
    severity: Severity,
    began: list[Instant],
    now: Instant,
) -> Draft:
    """What a signal would begin, `severity` being the integration's default."""
    return Draft(
        now=now,
        source=signal.source,
        integration_id=integration_id,
        fingerprint=signal.fingerprint,
        title=signal.title,
        description=signal.description,
        labels=signal.labels,
        annotations=signal.annotations,
        severity=signal.severity or severity,
        team_id=team_id,
        service_id=service_id,
        group=signal.group,
        began=began,
    )


def draft_again(
    alert: Alert, *, team_id: str, service_id: str, waited: frozenset[str], now: Instant
) -> Draft:
    """An alert that was held and is held no more: it goes through what is set now, from where it came in."""
    return Draft(
        now=now,
        source=alert.source,
        integration_id=alert.integration_id,
        fingerprint=alert.fingerprint,
        title=alert.title,
        description=alert.description,
        labels=alert.labels,
        annotations=alert.annotations,
        severity=alert.severity,
        team_id=team_id,
        service_id=service_id,
        group=alert.group_key or "",
        began=alert.began,
        tags=list(alert.tags),
        waited=waited,
        begins=False,
    )
