"""The timeline of an incident: each entry with its mark, and what can be left out of it."""

from collections.abc import Sequence
from typing import Any

from openalert.domain.timeline import TimelineEntry, sentence

Values = dict[str, Any]

FILTERS = {
    "all": "All",
    "actions": "Actions",
    "deliveries": "Deliveries",
    "notes": "Notes",
    "alerts": "Alerts",
}

_SHOWN = {
    # kind of timeline entry -> (icon, colour, filter)
    "triggered": ("siren", "bad", "alerts"),
    "alerts_joined": ("bell", "", "alerts"),
    "alerts_resolved": ("circle-check", "good", "alerts"),
    "severity_raised": ("triangle-alert", "bad", "alerts"),
    "severity_set": ("triangle-alert", "", "actions"),
    "acknowledged": ("check", "accent", "actions"),
    "resolved": ("circle-check", "good", "actions"),
    "reopened": ("rotate-ccw", "bad", "actions"),
    "snoozed": ("alarm-clock", "", "actions"),
    "quieted": ("alarm-clock", "", "actions"),
    "unsnoozed": ("alarm-clock", "bad", "actions"),
    "note": ("sticky-note", "", "notes"),
    "moved": ("users", "", "actions"),
    "reassigned": ("user-round-plus", "", "actions"),
    "escalation_started": ("chevrons-up", "", "deliveries"),
    "server_was_away": ("triangle-alert", "bad", "deliveries"),
    "last_resort": ("triangle-alert", "bad", "deliveries"),
    "escalation_repaired": ("triangle-alert", "bad", "deliveries"),
    "escalated": ("chevrons-up", "", "deliveries"),
    "escalation_empty": ("triangle-alert", "bad", "deliveries"),
    "escalation_ended": ("triangle-alert", "bad", "deliveries"),
    "escalated_by_hand": ("chevrons-up", "accent", "actions"),
    "handed_on": ("chevrons-up", "accent", "actions"),
    "alerts_linked": ("link", "", "alerts"),
    "alerts_unlinked": ("link", "", "alerts"),
    "paging_again": ("chevrons-up", "bad", "deliveries"),
    "postmortem_begun": ("book-open", "", "actions"),
    "customers_told": ("send", "accent", "actions"),
    "split": ("link", "bad", "alerts"),
    "merged": ("layers", "accent", "actions"),
    "unmerged": ("layers", "", "actions"),
    "responder_asked": ("user-round-plus", "accent", "actions"),
    "responder_joined": ("user-round-plus", "good", "actions"),
    "responder_declined": ("x", "bad", "actions"),
    "responder_removed": ("x", "", "actions"),
    "commander_changed": ("users", "accent", "actions"),
    "notification": ("mail", "", "deliveries"),
    "pages_cancelled": ("ban", "", "deliveries"),
}


def drawn(entries: Sequence[TimelineEntry], shown: str) -> list[Values]:
    """The entries of one filter, as the page tells them."""
    return [_entry(entry) for entry in entries if shown == "all" or _kind(entry)[2] == shown]


def _kind(entry: TimelineEntry) -> tuple[str, str, str]:
    return _SHOWN.get(entry.kind, ("info", "", "actions"))


def _entry(entry: TimelineEntry) -> Values:
    """One entry of the timeline, its actor apart from what they did where they begin the sentence."""
    icon, tone, _ = _kind(entry)
    said, quote = sentence(entry), None
    if entry.kind == "note":
        said, quote = f"{entry.actor_name} wrote", str(entry.data["body"])
    if entry.kind == "notification":
        tone = "bad" if "fail" in said or "gave up" in said else "good"
    actor = entry.actor_name if said.startswith(f"{entry.actor_name} ") else None
    return {
        "seq": entry.seq,
        "at": entry.at,
        "icon": icon,
        "tone": tone,
        "actor": actor,
        "words": said[len(actor) + 1 :] if actor else said,
        "quote": quote,
    }
