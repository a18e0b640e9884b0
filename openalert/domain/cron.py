"""Cron expressions: five fields, read and followed as Debian's cron does, also when clocks are set."""

from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from openalert.domain.errors import Invalid
from openalert.domain.instant import LATEST, Instant, from_datetime, to_datetime

LONGEST = 100
"""Characters of an expression."""
_FIELDS = 5


def check(expression: str) -> str:
    """The expression with single spaces; Invalid when it cannot be read, or never comes to pass."""
    tidy = " ".join(expression.split())
    if len(tidy) > LONGEST or len(tidy.split(" ")) != _FIELDS or not tidy.isascii():
        raise Invalid(
            "cron must have five fields: minute, hour, day of month, month, day of week; like 30 3 * * 1-5.",
            field="cron",
        )
    try:
        next_after(tidy, ZoneInfo("UTC"), 0)
    except (CronSimError, ValueError) as error:
        raise Invalid(
            f"cron cannot be read: {str(error).lower() or 'it is not valid'}.", field="cron"
        ) from None
    return tidy


def next_after(expression: str, zone: ZoneInfo, at: Instant) -> Instant:
    """The first time after `at` that the expression means on the clocks of the zone.

    A time that is skipped in spring means the first minute after the gap; one that occurs twice in autumn the first.
    ValueError or CronSimError when there is none, or it cannot be read.
    """
    local = to_datetime(min(max(at, 0), LATEST)).astimezone(zone)
    try:
        return from_datetime(next(CronSim(expression, local)))
    except StopIteration:
        raise ValueError("it never comes to pass") from None
