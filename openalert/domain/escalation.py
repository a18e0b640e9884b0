"""EscalationPolicy, Level, Target; and the next step, given where an incident is and the time."""

from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, MINUTE, Instant

MOST_LEVELS = 20
MOST_TARGETS = 50
MOST_REPEATS = 100
END_DELAY = 5 * MINUTE
"""How long the last people paged have before it counts as "nobody answered"."""


class TargetType(StrEnum):
    """What a level can page."""

    USER = "user"
    SCHEDULE = "schedule"
    TEAM = "team"
    CHANNEL = "channel"


class TargetTurn(StrEnum):
    """Whose turn on a schedule is meant."""

    NOW = "now"
    NEXT = "next"
    """Whoever is on call after those who are on call now."""
    PREVIOUS = "previous"
    """Whoever was on call before them."""


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody or something that a level pages; resolved to people when the level is due, not before."""

    type: TargetType
    id: str
    turn: TargetTurn = TargetTurn.NOW
    """Of a schedule alone."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One rung: everybody in `targets`, `delay` after the level before (level 1: after the trigger)."""

    level: int
    delay: Instant
    """Milliseconds of elapsed time, docs/decisions/0004-escalation-delay.md."""
    targets: tuple[Target, ...]


class PolicyVersion(msgspec.Struct, kw_only=True):
    """What an incident escalates by, never changed once written; a row of `escalation_policy_versions`."""

    id: str
    policy_id: str
    repeat_count: int = 0
    """How many times the levels run again after the first time."""
    repeat_delay: Instant = 0
    """Milliseconds between the last level and the start of a repetition."""
    levels: tuple[Level, ...]
    created_at: Instant


class EscalationPolicy(msgspec.Struct, kw_only=True):
    """A named policy and its version in force; a row of `escalation_policies`."""

    id: str
    organization_id: str
    team_id: str
    name: str
    version_id: str
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class Step(msgspec.Struct, frozen=True):
    """A level that is to be paged."""

    cycle: int
    level: int
    due_at: Instant


def next_step(version: PolicyVersion, cycle: int, level: int, now: Instant) -> Step | None:
    """What follows `level`, counted from `now`: the next level, level 1 of a repetition, or the end.

    The end is a step beyond the last level: there the owners are told that nobody answered. None after it.
    Counting from the moment the level ran, not from when it was due, keeps levels apart after an outage.
    A round that takes no time at all is repeated as late as the end would come, or everybody would be paged for
    all repetitions in one second.
    """
    if level < len(version.levels):
        return Step(cycle, level + 1, now + version.levels[level].delay)
    if level == len(version.levels) and cycle < version.repeat_count:
        takes_time = version.repeat_delay or any(level.delay for level in version.levels)
        wait = version.repeat_delay + version.levels[0].delay if takes_time else END_DELAY
        return Step(cycle + 1, 1, now + wait)
    if level == len(version.levels):
        return Step(cycle, level + 1, now + END_DELAY)
    return None


def check_version(version: PolicyVersion) -> None:
    """Refuse, as Invalid, a policy that cannot be run."""
    if not 1 <= len(version.levels) <= MOST_LEVELS:
        raise Invalid(f"An escalation policy needs 1 to {MOST_LEVELS} levels.", field="levels")
    if not 0 <= version.repeat_count <= MOST_REPEATS:
        raise Invalid(f"repeatCount must be 0 to {MOST_REPEATS}.", field="repeatCount")
    if not 0 <= version.repeat_delay <= DAY:
        raise Invalid("repeatDelayMinutes must be 0 to 1440.", field="repeatDelayMinutes")
    for position, level in enumerate(version.levels, start=1):
        _check_level(level, position)


def _check_level(level: Level, position: int) -> None:
    where = f"levels[{position - 1}]"
    if level.level != position:
        raise Invalid(f"{where}.level must be {position}: levels count 1, 2, 3 …", field=f"{where}.level")
    if not 0 <= level.delay <= 7 * DAY:
        raise Invalid(
            f"{where}.delayMinutes must be 0 to {7 * DAY // MINUTE}.", field=f"{where}.delayMinutes"
        )
    if not 1 <= len(level.targets) <= MOST_TARGETS:
        raise Invalid(f"{where}.targets needs 1 to {MOST_TARGETS} targets.", field=f"{where}.targets")
    for place, target in enumerate(level.targets):
        if target.turn is not TargetTurn.NOW and target.type is not TargetType.SCHEDULE:
            field = f"{where}.targets[{place}].turn"
            raise Invalid(f"{field} can be {target.turn} of a schedule alone.", field=field)
