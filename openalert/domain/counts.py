"""Counts: when alerts of one kind came lately, for whatever waits for so many of them within a time."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from openalert.domain.instant import Instant

Key: TypeAlias = tuple[str, str]
"""The id of what counts, and what tells the kinds of alerts apart that it counts by themselves."""


class Counts:
    """Of each key as many times as its threshold needs, the oldest first."""

    def __init__(self, known: Mapping[Key, Sequence[Instant]]) -> None:
        """`known`: the times as they were stored."""
        self._times = {key: list(times) for key, times in known.items()}
        self.changed: dict[Key, list[Instant]] = {}
        """What is to be stored."""

    def unknown(self, keys: Sequence[Key]) -> list[Key]:
        """Those of the keys that nothing is known of."""
        return [key for key in keys if key not in self._times]

    def learn(self, keys: Sequence[Key], known: Mapping[Key, Sequence[Instant]]) -> None:
        """What is stored of these keys; of those without times: that there are none."""
        for key in keys:
            self._times.setdefault(key, list(known.get(key, ())))

    def add(self, key: Key, within: Instant, most: int, at: Instant) -> int:
        """Count one more: how many there are now in the milliseconds `within`, it among them; at most `most`."""
        times = [*self._recent(key, within, at), at][-most:]
        self._times[key] = self.changed[key] = times
        return len(times)

    def within(self, key: Key, within: Instant, at: Instant) -> int:
        """How many there are, without another."""
        return len(self._recent(key, within, at))

    def _recent(self, key: Key, within: Instant, at: Instant) -> list[Instant]:
        return [time for time in self._times.get(key, ()) if at - within < time <= at]
