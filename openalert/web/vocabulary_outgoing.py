"""What the members of outgoing webhooks and their deliveries mean: a part of `vocabulary.MEMBERS`."""

from typing import Any

_OTHER = "019b8d62-7a80-7005-9c1f-5b8d0a6f2e11"
_DAY = "2026-01-31T"
_URL = "https://tickets.example.com/hooks/openalert"

_WEBHOOK: dict[str, tuple[str, Any]] = {
    "name": ("What people call it.", "Tickets"),
    "url": ("Where requests go, by https or http; redirects are not followed.", _URL),
    "events": (
        "Which events it is told, by name; `incident.*`, `alert.*` and `*` name several.",
        ["incident.created", "incident.resolved"],
    ),
    "teamIds": ("Only what these teams own; none: of every team.", []),
    "serviceIds": ("Only what happens to these services; none: to every service.", []),
    "severities": ("Only what is this severe now; none: whatever it is.", ["critical", "high"]),
    "matchers": (
        "Only alerts whose labels fit all of these, and incidents with such an alert.",
        ['env=~"prod|staging"'],
    ),
    "headers": (
        "Sent along with every request. Values that are secret are shown as `********`, which keeps them.",
        {"Authorization": "********", "X-Team": "core"},
    ),
    "secretHeaders": (
        "Headers whose values are sealed and never shown again; those whose names say so are always.",
        ["Authorization"],
    ),
    "timeoutSeconds": ("How long one attempt may take, 1 to 30.", 10),
    "maxAttempts": ("After so many attempts a delivery has failed, 1 to 20.", 10),
    "isEnabled": ("Whether it is told anything.", True),
}

MEMBERS: dict[str, tuple[str, Any]] = {
    f"OutgoingWebhook{form}.{name}": said for form in ("", "In", "Patch") for name, said in _WEBHOOK.items()
} | {
    "OutgoingWebhook.failingSince": ("Since when nothing was taken; null: the last attempt was.", None),
    "OutgoingWebhook.secret": (
        "What signs its requests; only in the answers that made it.",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    ),
    "disabledAt": ("When the program switched it off; null: it did not.", None),
    "disabledReason": ("Why it did.", None),
    "lastSuccessAt": ("When a request was last answered with 2xx.", f"{_DAY}09:00:00Z"),
    "lastFailureAt": ("When one last was not, since then.", None),
    "previousSecretUntil": ("Until when the secret before this one signs too.", None),
    "OutgoingDelivery.type": ("The event; `test` for a test.", "incident.created"),
    "OutgoingDeliveryWithBody.type": ("The event; `test` for a test.", "incident.created"),
    "OutgoingDelivery.status": ("How far it is.", "delivered"),
    "OutgoingDeliveryWithBody.status": ("How far it is.", "delivered"),
    "OutgoingDelivery.deliveredAt": ("When it was answered with 2xx.", f"{_DAY}09:00:01Z"),
    "OutgoingDeliveryWithBody.deliveredAt": ("When it was answered with 2xx.", f"{_DAY}09:00:01Z"),
    "webhookId": ("The webhook that is told.", _OTHER),
    "sequence": ("The number of the event, which rises with each; 0 for a test.", 4712),
    "objectId": ("The incident or alert that the event is about.", _OTHER),
    "nextAttemptAt": ("When it is tried next; null: it is not.", None),
    "attemptLog": ("Each try, the oldest first.", None),
    "durationMs": ("How long it took, in milliseconds.", 84),
    "OutgoingAttempt.at": ("When it began.", f"{_DAY}09:00:00Z"),
    "OutgoingAttempt.outcome": ("`delivered`, or why not.", "delivered"),
    "OutgoingAttempt.response": ("The beginning of what came back, or why nothing did.", "ok"),
    "requestBody": ("What is sent, equal at every attempt.", {"version": 1, "type": "incident.created"}),
    "requestHeaders": ("What is sent along, without secret values.", {"Content-Type": "application/json"}),
    "statusCode": ("The HTTP status that came back last; null: none did.", 200),
    "ReplayIn.since": ("Only what was made at or after this; null: all that failed.", f"{_DAY}00:00:00Z"),
    "replayed": ("How many deliveries are sent again, at most 2,000.", 12),
    "remaining": ("How many more have failed: ask again for them.", 0),
}
