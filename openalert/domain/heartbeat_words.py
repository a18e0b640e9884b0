"""What a heartbeat says in words: its rhythm, the title of its alert, and why that fires."""

from openalert.domain.heartbeat import Heartbeat, HeartbeatStatus
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime
from openalert.domain.walltime import zone_named

_UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


def length(elapsed: Instant) -> str:
    """`5 minutes`, `1 hour 30 minutes`, `0 seconds`: at most two units."""
    said: list[str] = []
    for unit, word in _UNITS:
        count, elapsed = divmod(elapsed, unit)
        if count:
            said.append(f"{count} {word}{'' if count == 1 else 's'}")
    if elapsed and not said:
        return f"{elapsed / SECOND:g} seconds"
    return " ".join(said[:2]) or "0 seconds"


def brief(elapsed: Instant) -> str:
    """`5 min`, `2 h 10 min`, `3 d`, `12.4 s`, `80 ms`: for tables."""
    if elapsed < SECOND:
        return f"{elapsed} ms"
    if elapsed < MINUTE:
        return f"{round(elapsed / SECOND, 1):g} s"
    if elapsed < HOUR:
        minutes, rest = divmod(elapsed // SECOND, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if elapsed < DAY:
        hours, rest = divmod(elapsed // MINUTE, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(elapsed // HOUR, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def rhythm(heartbeat: Heartbeat) -> str:
    """`every 5 minutes`, `at 30 3 * * * (Europe/Berlin)`."""
    if heartbeat.period is not None:
        return f"every {length(heartbeat.period)}"
    return f"at {heartbeat.cron} ({heartbeat.timezone})"


def title(heartbeat: Heartbeat) -> str:
    """The title of its alert."""
    if heartbeat.status is HeartbeatStatus.FAILED:
        return f"{heartbeat.name} failed"
    return f"{heartbeat.name} has not been heard of"


def description(heartbeat: Heartbeat, at: Instant) -> str:
    """Why its alert fires: it failed, or no beat had come by `at`."""
    if heartbeat.status is HeartbeatStatus.FAILED:
        return "Its last beat said that it failed."
    said = [f"A beat is expected {rhythm(heartbeat)}, at most {length(heartbeat.grace)} late."]
    if heartbeat.started_at is not None:
        said.append(f"It began at {_clock(heartbeat, heartbeat.started_at)} and has not ended.")
    if heartbeat.last_beat_at is None:
        said.append("None ever came.")
    else:
        said.append(f"The last one came at {_clock(heartbeat, heartbeat.last_beat_at)}.")
    said.append(f"Time was up at {_clock(heartbeat, at)}.")
    return " ".join(said)


def _clock(heartbeat: Heartbeat, at: Instant) -> str:
    """`2026-01-31 03:30:00 CET`."""
    return f"{to_datetime(at).astimezone(zone_named(heartbeat.timezone)):%Y-%m-%d %H:%M:%S %Z}"
