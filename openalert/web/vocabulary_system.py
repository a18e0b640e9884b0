"""What the members of the API mean that are about the server itself: its verdict, its objectives, its switch."""

from typing import Any

MEMBERS: dict[str, tuple[str, Any]] = {
    "System.wouldPage": ("Whether an alert arriving now would page; null: not looked at yet.", True),
    "System.checkedAt": ("When that was looked at last.", "2026-01-31T18:00:00Z"),
    "System.troubles": (
        "Every reason why it might not.",
        [{"kind": "timers", "message": "A step of an escalation is 2 min late."}],
    ),
    "System.switch": (
        "The dead-man's switch elsewhere.",
        {
            "isConfigured": True,
            "isProven": True,
            "provenAt": "2026-01-19T10:12:00Z",
            "silentUntil": None,
            "lastWellAt": "2026-01-31T17:59:30Z",
        },
    ),
    "System.runningRatio": ("The share of the time, at most 30 days, in which the server was there.", 0.9998),
    "System.runningSince": ("Since when that is known.", "2026-01-01T18:00:00Z"),
    "System.objectives": (
        "What is to be in time, and how much of the last 30 days was.",
        [
            {
                "objective": "steps",
                "boundSeconds": 5.0,
                "aim": 0.999,
                "kept": 1923,
                "missed": 1,
                "ratio": 0.99948,
                "days": [{"date": "2026-01-31", "kept": 63, "missed": 1}],
            }
        ],
    ),
    "SystemTrouble.kind": ("What it is about: `canary`, `timers`, `pages`, `disk`, …", "timers"),
    "SystemTrouble.message": ("The reason in one sentence.", "A step of an escalation is 2 min late."),
    "SystemSwitch.isConfigured": ("Whether one is told.", True),
    "SystemSwitch.isProven": ("Whether it complained of a silence on purpose within the last 90 days.", True),
    "SystemSwitch.provenAt": ("When somebody last said that it did.", "2026-01-19T10:12:00Z"),
    "SystemSwitch.silentUntil": ("Not null: it hears nothing on purpose until then.", None),
    "SystemSwitch.lastWellAt": ("When it last took the word that all is well.", "2026-01-31T17:59:30Z"),
    "SystemObjective.objective": (
        "`steps` of escalations that were done, or `pages` that a provider took.",
        "steps",
    ),
    "SystemObjective.boundSeconds": ("In time is what was done so long after it was due.", 5.0),
    "SystemObjective.aim": ("The share that is to be in time.", 0.999),
    "SystemObjective.kept": ("How much was in time.", 1923),
    "SystemObjective.missed": ("How much was not.", 1),
    "SystemObjective.ratio": ("The share that was; null: nothing was due.", 0.99948),
    "SystemObjective.days": (
        "Each of the 30 days, the oldest first.",
        [{"date": "2026-01-31", "kept": 63, "missed": 1}],
    ),
    "SystemObjectiveDay.date": ("The day in UTC.", "2026-01-31"),
    "SystemObjectiveDay.kept": ("How much was in time.", 63),
    "SystemObjectiveDay.missed": ("How much was not.", 1),
    "Miss.objective": ("What was not in time: a step of an escalation, or a page.", "steps"),
    "Miss.incidentNumber": ("Its incident's number; null: it is gone, or was about none.", 42),
    "Miss.what": ("What it was.", "Level 2"),
    "Miss.dueAt": ("When it was due.", "2026-01-31T18:00:00Z"),
    "Miss.doneAt": ("When it was done; null: never.", "2026-01-31T18:00:09Z"),
    "Miss.lateSeconds": ("How long after it was due it was done; null: never.", 9.0),
    "Miss.reason": (
        "Why, as far as the server knows.",
        "Canaries failed then too: The ingestion address answered 503.",
    ),
    "SwitchSilenceIn.minutes": ("For how long: longer than the switch's period and grace together.", 10),
    "SwitchSilenceEnd.outcome": (
        "`came`: somebody was paged from outside; `missed`: nobody was; `stopped`: end it before its time.",
        "came",
    ),
    "SwitchSilence.begunAt": ("When it began.", "2026-01-31T18:00:00Z"),
    "SwitchSilence.until": ("When it ends by itself.", "2026-01-31T18:10:00Z"),
    "SwitchSilence.outcome": (
        "What became of it: `open` as long as nobody has said, `came`, `missed`, `stopped`, or `trouble`.",
        "open",
    ),
    "SwitchSilence.endedAt": ("When that was said.", None),
}
"""By name, or by the name of what they are a member of and their own."""
