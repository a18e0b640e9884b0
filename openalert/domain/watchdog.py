"""Watchdog: an alert that always fires, so that its absence tells that nobody watches any more.

`Watchdog` of kube-prometheus and `DeadMansSwitch` of others come by Alertmanager again and again, every
`repeat_interval`. They are beats, not alerts; how often they come is learned from when they came.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.instant import MINUTE, SECOND, Instant

SOURCES = frozenset({"prometheus", "grafana"})
NAMES = frozenset({"watchdog", "deadmansswitch", "deadmanswitch", "deadmanssnitch"})
"""Of the rule, in lower case and without anything but letters."""
SHORTEST = 5 * MINUTE
"""No interval that is learned is shorter: Alertmanager restarts, and networks have their minutes."""
FEWEST_GAPS = 2
"""So many times between two beats must have been seen before the next one is expected."""
SURE_GAPS = 4
"""From so many on, the longest one is taken for an outage that was, unless it is not the only one of its kind."""
SAME_NOTIFICATION = 10 * SECOND
"""Beats so close together are one notification that came by two ways."""
MOST = 20
"""Watchdogs that one integration may have; further ones are let pass."""
LONGEST_NAME = 120
_TELLING = ("cluster", "env", "environment", "region", "datacenter", "site", "namespace", "prometheus")


def is_watchdog(signal: Signal) -> bool:
    """Whether the signal is a Watchdog's, whatever it says."""
    return signal.source in SOURCES and _is_name(signal.labels.get("alertname", ""))


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    return "".join(filter(str.isalpha, name)).lower() in NAMES


def is_beat(signal: Signal) -> bool:
    """Whether it says that all is well: its end is no beat, and no reason to page before its time."""
    return signal.status is SignalStatus.FIRING


def name_of(signal: Signal, integration: str) -> str:
    """`Watchdog of Prometheus (prod)`: by the first label that tells one from another."""
    where = next((value for label in _TELLING if (value := signal.labels.get(label, "").strip())), "")
    said = f"Watchdog of {integration}" + (f" ({where})" if where else "")
    said = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 1]}…"


def learned(times: Sequence[Instant]) -> Instant | None:
    """How often beats come that came at these times, in whole minutes; None: too few to know.

    The longest time between two of them, but one: a single outage that is over teaches nothing, and a change of
    `repeat_interval` is learned with the second beat that follows it.
    """
    inorder = sorted(times)
    gaps = sorted(
        (later - earlier for earlier, later in pairwise(inorder) if later - earlier > SAME_NOTIFICATION),
        reverse=True,
    )
    if len(gaps) < FEWEST_GAPS:
        return None
    longest = gaps[1] if len(gaps) >= SURE_GAPS else gaps[0]
    return max(SHORTEST, -(-longest // MINUTE) * MINUTE)
