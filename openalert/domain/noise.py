"""Noise: which alerts of a service are one incident, and which of them get a moment to end by themselves.

What is grouped is still one alert each; what is held (see `domain.handling`) is on the list all the while. Critical
alerts never wait unless a team says so.
"""

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.handling import Draft, Hold, HoldKind, Stage
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.severity import Severity

MOST_FIELDS = 5
LONGEST_WINDOW_MINUTES = 24 * 60
LONGEST_PAUSE_SECONDS = 30 * 60
LABEL = "label:"
REMEMBERED = 20
"""Beginnings of earlier occurrences that an alert remembers."""


class GroupBy(StrEnum):
    """What makes alerts of one service one incident."""

    SOURCE = "source"
    """The source's own group: one notification of Alertmanager, one monitor, one issue."""
    SERVICE = "service"
    """Everything of the service."""
    ALERT = "alert"
    """Nothing: each alert is an incident of its own."""
    FIELDS = "fields"
    """Equal values of some fields."""


class Grouping(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which alerts of a service are one incident."""

    by: GroupBy = GroupBy.SOURCE
    fields: tuple[str, ...] = ()
    """`title`, `severity`, `source`, `integration` or `label:NAME`; of alerts that lack one it counts as empty."""
    window_minutes: float | None = None
    """An alert joins the open incident of its group only this long after the one before it; None: as long as the
    incident is open."""


class Flapping(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """When an alert comes and goes too often to page each time."""

    occurrences: int = 4
    """From this beginning on within `within_minutes` it is flapping."""
    within_minutes: float = 30
    steady_minutes: float = 10
    """While it flaps it pages only once it has fired this long without a break."""


class Noise(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which alerts of a service get a moment to end by themselves."""

    pause_seconds: float = 0
    """How long a new alert may end by itself before it pages; 0: it pages at once."""
    pause_up_to: Severity = Severity.HIGH
    """The worst severity that is paused."""
    flapping: Flapping | None = None
    """None: alerts that come and go page each time."""


AS_SENT = Grouping()
"""By the source's own group."""
AT_ONCE = Noise()
"""Every alert pages at once."""


def check_grouping(grouping: Grouping) -> Grouping:
    """The grouping, or Invalid with what is wrong with it."""
    if (grouping.by is GroupBy.FIELDS) != bool(grouping.fields):
        raise Invalid(
            "Name the fields when alerts are grouped by fields, and only then.", field="grouping.fields"
        )
    if len(grouping.fields) > MOST_FIELDS:
        raise Invalid(f"At most {MOST_FIELDS} fields make a group.", field="grouping.fields")
    for name in grouping.fields:
        if name not in _FIELDS and not (name.startswith(LABEL) and len(LABEL) < len(name) <= 128):
            known = ", ".join(sorted(_FIELDS))
            raise Invalid(
                f"There is no field {name[:40]!r}; there are {known} and label:NAME.", field="grouping.fields"
            )
    window = grouping.window_minutes
    if window is not None and not 0 < window <= LONGEST_WINDOW_MINUTES:
        raise Invalid("A window has up to 1440 minutes.", field="grouping.windowMinutes")
    return grouping


def check_noise(noise: Noise) -> Noise:
    """The settings, or Invalid with what is wrong with them."""
    if not 0 <= noise.pause_seconds <= LONGEST_PAUSE_SECONDS:
        raise Invalid("A pause has 0 to 1800 seconds.", field="noise.pauseSeconds")
    flapping = noise.flapping
    if flapping is None:
        return noise
    if not 2 <= flapping.occurrences <= REMEMBERED:
        raise Invalid("Flapping begins with the 2nd to 20th occurrence.", field="noise.flapping.occurrences")
    if not 0 < flapping.within_minutes <= LONGEST_WINDOW_MINUTES:
        raise Invalid(
            "Occurrences are counted within up to 1440 minutes.", field="noise.flapping.withinMinutes"
        )
    if not 0 < flapping.steady_minutes <= LONGEST_WINDOW_MINUTES:
        raise Invalid("An alert is steady after up to 1440 minutes.", field="noise.flapping.steadyMinutes")
    return noise


def grouping_stage(grouping: Grouping) -> Stage:
    """What groups the alerts of a service, unless a rule has chosen the group."""
    key = _key(grouping)
    window = int((grouping.window_minutes or 0) * MINUTE)

    def stage(draft: Draft) -> None:
        if key is not None and not draft.regrouped:
            draft.group = key(draft)
        draft.window = window

    return stage


def pause_stage(service_id: str, noise: Noise) -> Stage:
    """What lets an alert wait a moment, in case it ends by itself."""
    pause, worst = int(noise.pause_seconds * SECOND), noise.pause_up_to.rank

    def stage(draft: Draft) -> None:
        if pause and draft.severity.rank <= worst:
            draft.hold(
                Hold(
                    kind=HoldKind.TRANSIENT,
                    ref_id=pause_ref(service_id),
                    name="",
                    until=draft.now + pause,
                )
            )

    return stage


def flapping_stage(service_id: str, flapping: Flapping) -> Stage:
    """What lets an alert that comes and goes wait until it stays."""
    within = int(flapping.within_minutes * MINUTE)
    steady = int(flapping.steady_minutes * MINUTE)

    def stage(draft: Draft) -> None:
        times = 1 + sum(begun > draft.now - within for begun in draft.began)
        if times >= flapping.occurrences:
            draft.hold(
                Hold(
                    kind=HoldKind.FLAPPING,
                    ref_id=flapping_ref(service_id),
                    name="",
                    until=draft.now + steady,
                )
            )

    return stage


def pause_ref(service_id: str) -> str:
    """What the pause of a service is called where holds are kept."""
    return f"pause:{service_id}"


def flapping_ref(service_id: str) -> str:
    """What the flapping detection of a service is called where holds are kept."""
    return f"flapping:{service_id}"


def remembered(began: Sequence[Instant], last: Instant) -> list[Instant]:
    """The beginnings that the next occurrence remembers: those that the last one did, and its own."""
    return [*began, last][-REMEMBERED:]


Read = Callable[[Draft], str]

_FIELDS: dict[str, Read] = {
    "source": lambda draft: draft.source,
    "integration": lambda draft: draft.integration_id,
    "severity": lambda draft: draft.severity.value,
    "title": lambda draft: draft.title,
}


def _key(grouping: Grouping) -> Read | None:
    if grouping.by is GroupBy.SERVICE:
        return lambda _: "service"
    if grouping.by is GroupBy.ALERT:
        return lambda draft: f"alert:{draft.integration_id}:{draft.fingerprint}"
    if grouping.by is GroupBy.FIELDS:
        reads = [_field(name) for name in grouping.fields]
        return lambda draft: "fields:" + _digest([read(draft) for read in reads])
    return None


def _field(name: str) -> Read:
    if name.startswith(LABEL):
        label = name.removeprefix(LABEL)
        return lambda draft: draft.labels.get(label, "")
    return _FIELDS[name]


def _digest(values: Sequence[str]) -> str:
    """Values have any length and hold anything; a group is a part of a key."""
    joined = "\x1f".join(values).encode(errors="replace")
    return hashlib.sha256(joined).hexdigest()[:40]
