"""Trace: why an alert did or did not page, one step after the other, and the sentence for each step."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from openalert.domain.instant import Instant, rfc3339

MOST_STEPS = 40
"""Steps kept of one alert; of more, the first and the newest."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was decided about an alert."""

    at: Instant
    code: str
    """What happened: a key of `SENTENCES`."""
    data: dict[str, Any] = {}
    """What the sentence needs; `name` is whatever did it, in the words of whoever made it: hostile text."""


_BY = {
    "rule": "The routing rule “{name}”",
    "delay": "The routing rule “{name}”",
    "threshold": "The routing rule “{name}”",
    "maintenance": "The maintenance window “{name}”",
    "silence": "The silence “{name}”",
    "flapping": "Flapping detection",
    "transient": "The service's wait for alerts that end by themselves",
    "snooze": "{name}",
    "suppressed": "{name}",
}
_HELD = {
    "rule": "suppressed it",
    "delay": "let it wait",
    "threshold": "waits for more like it",
    "maintenance": "held it back",
    "silence": "held it back",
    "flapping": "held it back, because it comes and goes too often",
    "transient": "held it back",
    "snooze": "snoozed it",
    "suppressed": "suppressed it",
}


def _by(data: Mapping[str, Any]) -> str:
    return _BY.get(str(data.get("kind")), "“{name}”").format(name=data.get("name", ""))


def _held(data: Mapping[str, Any]) -> str:
    until = data.get("until")
    ending = f" until {rfc3339(until)}" if until is not None else ""
    return f"{_by(data)} {_HELD.get(str(data.get('kind')), 'held it back')}{ending}."


def held_words(kind: str, name: str) -> str:
    """Who or what holds an alert, and how: `Ana snoozed it`."""
    return f"{_by({'kind': kind, 'name': name})} {_HELD.get(kind, 'held it back')}"


def _released(data: Mapping[str, Any]) -> str:
    if data.get("name"):
        return f"{_by(data)} held it no more."
    return "Nothing held it any more."


def _rule(data: Mapping[str, Any]) -> str:
    acts = ", ".join(str(act) for act in data.get("acts", ())) or "nothing but count it"
    counted = data.get("counted")
    number = f" (number {counted} in its time)" if counted is not None else ""
    stopped = " No later rule was asked." if data.get("stopped") else ""
    return f"The routing rule “{data.get('name', '')}” applied{number}: {acts}.{stopped}"


SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "received": lambda data: (
        f"It came in by “{data.get('name', '')}” and was read as {data.get('source', '')}."
    ),
    "raised": lambda _: "Somebody raised it by hand.",
    "opened": lambda data: f"It opened incident #{data.get('incident')}.",
    "joined": lambda data: f"It joined incident #{data.get('incident')}.",
    "repeated": lambda data: f"Its source has reported it {data.get('count')} times, the last time here.",
    "acknowledged": lambda _: "Somebody acknowledged it.",
    "resolved": lambda _: "It was over.",
    "resolved_by_hand": lambda _: "Somebody resolved it.",
    "rule": _rule,
    "service_gone": lambda _: "The service that it was routed to is gone: it stayed where it came in.",
    "held": _held,
    "released": _released,
    "let_go": lambda _: "Nothing held it any more and it still fired: it was treated as if it had just come.",
    "failed": lambda data: f"{data.get('name', 'A stage')} could not be applied and was left out.",
    "ended_unseen": lambda _: "It ended without a page: a rule drops it, or its service is gone.",
}
"""The sentence of each code."""


def sentence(step: Step) -> str:
    """The step in words."""
    words = SENTENCES.get(step.code)
    return words(step.data) if words else step.code.replace("_", " ").capitalize() + "."


def shortened(steps: list[Step]) -> list[Step]:
    """At most `MOST_STEPS`: the first one and the newest."""
    return steps if len(steps) <= MOST_STEPS else [steps[0], *steps[-MOST_STEPS + 1 :]]
