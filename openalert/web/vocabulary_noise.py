"""What the members of the API mean that are about noise: grouping, pauses, flapping, traces."""

from typing import Any

_DAY = "2026-01-31T"

MEMBERS: dict[str, tuple[str, Any]] = {
    "grouping": ("Which of its alerts are one incident.", {"by": "fields", "fields": ["label:host"]}),
    "Grouping.by": (
        "`source` (as the sender puts them together), `service`, `alert` (each by itself) or `fields`.",
        "fields",
    ),
    "Grouping.fields": (
        "What is equal in the alerts of one incident: `title`, `severity`, `source`, `integration`, `label:NAME`.",
        ["label:host"],
    ),
    "Grouping.windowMinutes": (
        "How long after the alert before it an alert joins; null: as long as the incident is open.",
        30,
    ),
    "noise": ("Which of its alerts get a moment to end by themselves.", {"pauseSeconds": 120}),
    "Noise.pauseSeconds": (
        "How long a new alert may end by itself before it pages; 0: it pages at once.",
        120,
    ),
    "Noise.pauseUpTo": ("The worst severity that waits.", "high"),
    "Noise.flapping": ("What counts as coming and going; null: each time pages.", None),
    "occurrences": ("From this beginning on within `withinMinutes` it is held back.", 4),
    "withinMinutes": ("The minutes in which beginnings are counted.", 30),
    "steadyMinutes": ("It pages once it has fired this long without a break.", 10),
    "TraceStep.code": ("What happened, for a program.", "held"),
    "TraceStep.data": ("What the sentence is made of.", {"kind": "silence", "name": "Moving day"}),
    "TraceStep.text": ("The same in a sentence.", "The silence “Moving day” held it back."),
    "TraceStep.at": ("When it happened.", f"{_DAY}09:00:00Z"),
}
