"""What became of a message, in words for people."""

from openalert.domain.service import Payload

WORDS = {
    "accepted": ("Read", "good"),
    "partial": ("Read in part", "bad"),
    "ignored": ("Nothing to do", ""),
    "quarantined": ("Not understood", "bad"),
    "refused": ("Refused", "bad"),
    "replayed": ("Sent again", "good"),
    "closed": ("Closed by itself", ""),
}
"""By outcome: the words, and the tone."""
EXPLAINED = {
    "partial": "Some of what was in these messages could not be read; the rest counts.",
    "ignored": "Good messages that are no alerts: tests, comments, states that say nothing.",
    "quarantined": "These paged nobody. Mend the sender or the mapping, then send them through again.",
    "refused": "Their sender did not prove itself, so they paged nobody. If it was the right one after all, its secret "
    "is set wrong here or there; a message can be sent through all the same.",
    "closed": "Alerts that nobody repeated for the set time: no message came.",
}
"""By outcome, where the words do not say it all."""


def reason(payload: Payload) -> str:
    """Why it was read as it was, or what was in it."""
    count = f"{payload.alert_count} alert{'' if payload.alert_count == 1 else 's'}"
    return payload.reason or f"{count}, read as {payload.source}"
