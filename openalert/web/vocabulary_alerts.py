"""What the members of the API mean that have to do with acts on alerts: a part of `vocabulary`."""

from typing import Any

_ID = "019b8d62-7a80-7001-8a3e-5b8d0a6f2e11"
_OTHER = "019b8d62-7a80-7005-9c1f-5b8d0a6f2e11"
_DAY = "2026-01-31T"

MEMBERS: dict[str, tuple[str, Any]] = {
    "AlertHold.until": ("Until when; without an end, until somebody releases it.", f"{_DAY}12:00:00Z"),
    "AlertBulk.until": ("Until when, for what lasts.", f"{_DAY}12:00:00Z"),
    "AlertBulk.ids": ("Alerts, at most 200.", [_ID]),
    "AlertBulk.action": ("What is done to each of them.", "snooze"),
    "AlertBulk.userId": ("To whom they are assigned; null: to nobody.", _OTHER),
    "AlertAssignment.userId": ("To whom; null: to nobody.", _OTHER),
    "AlertRefusal.reason": ("Why it could not be done.", "The alert is resolved already."),
    "Bulk.done": ("The alerts to which it was done.", [_ID]),
    "Bulk.refused": ("The others, each with the reason.", []),
    "NewAlert.labels": ("Labels of the alert.", {"host": "db1"}),
    "NewAlert.serviceId": ("The service that it is about.", _OTHER),
    "NewAlert.priority": ("The same as severity: P1 is critical, P5 info.", None),
    "NewAlert.severity": ("How bad it is; high when neither it nor priority is given.", "high"),
    "NewAlert.title": ("What is wrong, in one line.", "Checkout answers slowly"),
    "add": ("Tags to add.", ["storage"]),
    "remove": ("Tags to take off.", ["night"]),
}
