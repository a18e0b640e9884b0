"""What the members of maintenance windows and silences mean, by name, for the API's description."""

from typing import Any

_ID = "019b8d62-7a80-7003-a352-03ab0e4992a3"
_NIGHT = "2099-01-31T"
_DAY = "2026-01-31T"
_MATCHERS = 'What an alert must fit, all of it, as Prometheus writes it: `instance=~"db-.*"`.'
_EXAMPLES = ['alertname="DiskFull"', 'instance=~"db-.*"']
_SERVICES: tuple[str, Any] = ("The services whose alerts are meant; empty: every one of the team.", [])
_FIRST = ("When it begins, or begins first.", f"{_NIGHT}21:00:00Z")
_FIRST_END = ("When it ends; of one that comes again, when its first time does.", f"{_NIGHT}23:00:00Z")
_END = ("When it ends, which every silence does.", f"{_NIGHT}18:00:00Z")
_COMMENT = ("Why, for whoever wonders.", "The disks of db-3 are exchanged.")
_NAME = ("What people call it.", "Database upgrade")

MEMBERS: dict[str, tuple[str, Any]] = {
    "serviceIds": _SERVICES,
    "matchers": (_MATCHERS, _EXAMPLES),
    "MatcherBody.name": ("The label.", "instance"),
    "MatcherBody.value": ("What it is compared with.", "db-.*"),
    "MatcherBody.operator": ("`=`, `!=`, `=~` or `!~`; null: what the next two say.", "=~"),
    "MatcherBody.isRegex": ("Whether `value` is a regular expression for the whole of a value.", True),
    "MatcherBody.isEqual": ("False: what does not fit is meant.", True),
    "recurrence": ("When it comes again; null: it does not.", None),
    "rule": (
        "FREQ=DAILY, WEEKLY or MONTHLY of RFC 5545's RRULE; docs/maintenance.md has the rest.",
        "FREQ=WEEKLY;BYDAY=SU",
    ),
    "statusPageId": ("Reserved.", None),
    "nextTimes": ("The present time, if it runs, and those after it: ten at most.", None),
    "holdingCount": ("Alerts that it holds at this moment.", 3),
    "heldCount": ("Alerts that it has held since it was made.", 12),
    "comment": _COMMENT,
    "alsoFiring": ("Whether what fires already is hidden too.", False),
    "firingCount": ("Alerts that fire now and fit.", 12),
    "criticalCount": ("Those of them that are critical.", 1),
    "teamFiringCount": ("Alerts of the team that fire now.", 40),
    "matchesEverything": ("Whether it would hide whatever the team gets.", False),
    "warnings": ("What to think of before, as sentences.", []),
    "MaintenanceWindow.name": _NAME,
    "MaintenanceWindowIn.name": _NAME,
    "MaintenanceWindowPatch.name": _NAME,
    "MaintenanceWindow.status": ("`scheduled`, `running` or `over`.", "scheduled"),
    "MaintenanceWindow.startsAt": _FIRST,
    "MaintenanceWindowIn.startsAt": _FIRST,
    "MaintenanceWindowPatch.startsAt": _FIRST,
    "MaintenanceWindow.endsAt": _FIRST_END,
    "MaintenanceWindowIn.endsAt": _FIRST_END,
    "MaintenanceWindowPatch.endsAt": _FIRST_END,
    "Occurrence.startsAt": ("When it begins.", f"{_NIGHT}21:00:00Z"),
    "Occurrence.endsAt": ("When it ends.", f"{_NIGHT}23:00:00Z"),
    "ExtendIn.endsAt": ("Until when the present time is to last.", f"{_NIGHT}23:30:00Z"),
    "Silence.status": ("`scheduled`, `active` or `expired`.", "active"),
    "Silence.startsAt": ("When it begins.", f"{_DAY}09:00:00Z"),
    "SilenceIn.startsAt": ("When it begins; null: now.", None),
    "Silence.endsAt": _END,
    "SilenceIn.endsAt": _END,
    "SilencePatch.endsAt": _END,
    "Silence.alertId": ("The alert from which it was made; null: none.", None),
    "SilenceIn.alertId": ("The alert from which it is made.", None),
    "SilencePreview.alerts": ("The first five that fit.", None),
}
