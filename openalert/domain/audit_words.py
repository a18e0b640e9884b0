"""Audit entries as sentences for people: "Ana changed the escalation policy Checkout: delay 5 → 10 min"."""

import re
from collections.abc import Mapping
from typing import Any

from openalert.domain.audit import CHANGED, AuditEntry

Names = Mapping[str, str]
"""What people call the things whose ids occur, by id."""

MOST_CHANGES = 4
_LONGEST = 60

_ACTS = {
    "adoption.adopted": "gave the unknown key {target} a place",
    "adoption.closed": "closed the adoption of unknown keys",
    "adoption.dismissed": "dismissed the unknown key {target}",
    "adoption.opened": "opened the adoption of unknown keys",
    "alert.acknowledged": "acknowledged the alert {target}",
    "alert.resolved": "resolved the alert {target}",
    "alert.snoozed": "snoozed the alert {target}",
    "alert.suppressed": "suppressed the alert {target}",
    "alert.released": "let the alert {target} page again",
    "alert.assigned": "assigned the alert {target}",
    "alert.responder_named": "named a responder of the alert {target}",
    "alert.tagged": "changed the tags of the alert {target}",
    "alert.unacknowledged": "took back the acknowledgement of the alert {target}",
    "notification.resent": "sent the message {target} once more",
    "api_key.created": "made the API key {target}",
    "api_key.revoked": "revoked the API key {target}",
    "api_key.watched": "read who is on call and how they are reached, as the watcher {target}",
    "calendar_feed.added": "had the calendar {target} read",
    "calendar_feed.removed": "had the calendar {target} read no more",
    "calendar_link.created": "made the calendar link {target}",
    "calendar_link.revoked": "revoked the calendar link {target}",
    "channel.tested": "sent a test by the channel {target}",
    "configuration.changed": "started with changed settings",
    "contact_method.code_sent": "had a code sent to {target}",
    "contact_method.asked": "asked to connect {target}",
    "contact_method.created": "added the address {target}",
    "contact_method.deleted": "removed the address {target}",
    "contact_method.linked": "connected {target}",
    "contact_method.lost": "sends no more to {target}, which is gone",
    "contact_method.signed_out": "ended the pages to {target} by signing out",
    "contact_method.tested": "sent a test to {target}",
    "contact_method.verified": "proved the address {target}",
    "contact_method.wrong_code": "entered a wrong code for {target}",
    "contact_method.proven": "answered a test page at {target}",
    "status_incident.drafted": "drafted an update about {target} for a status page",
    "status_incident.draft_changed": "changed a draft about {target} for a status page",
    "status_incident.postmortem_published": "published the postmortem of {target} on a status page",
    "status_incident.postmortem_withdrawn": "took the postmortem of {target} off a status page",
    "status_incident.postmortem_taken_over": "took over the postmortem of an incident as a draft for {target}",
    "status_incident.draft_dropped": "threw away a draft about {target} for a status page",
    "status_incident.edited": "edited what was told about {target} on a status page",
    "status_incident.told": "told customers about {target}",
    "status_page.link_made": "made a secret link to the status page {target}",
    "status_page.link_revoked": "revoked the secret link to the status page {target}",
    "status_page.reordered": "changed the order of the components of {target}",
    "status_page.subscriber_added": "added a subscriber to the status page {target}",
    "status_page.subscriber_asked_again": "asked a subscriber of the status page {target} again to confirm",
    "status_page.subscriber_confirmed": "noted that a subscriber of the status page {target} confirmed",
    "status_page.subscriber_deleted": "deleted a subscriber of the status page {target}",
    "status_page.subscriber_kinds_switched": "changed how one can subscribe to the status page {target}",
    "status_page.subscriber_left": "noted that a subscriber of the status page {target} left",
    "status_page.subscriber_updated": "changed what a subscriber of the status page {target} is told",
    "status_page.subscribers_imported": "imported subscribers of the status page {target}",
    "status_page.subscribers_told_of_move": "told the imported subscribers of the status page {target} that it moved",
    "swap.offered": "offered a shift of {target} to others",
    "swap.taken": "took a shift of {target} from somebody",
    "swap.declined": "declined a shift of {target}",
    "swap.withdrawn": "took back a swap in {target}",
    "swap.moved": "moved a swap with its shift, by an edit of {target}",
    "swap.ended": "ended a swap whose shift is no more, by an edit of {target}",
    "routing_rule.reordered": "changed the order of the routing rules of {target}",
    "schedule.tested": "sent a test page to whoever is on call in {target}",
    "team.tested": "sent a test page to the members of {target}",
    "user.tested": "sent a test page to {target}",
    "delivery_channel.probed": "asked the provider of {target} whether it knows us",
    "database.backed_up": "made a backup of the database",
    "database.moved": "moved all data to another database",
    "database.restored": "put a backup in the place of the database",
    "encryption_key.rotated": "sealed the stored secrets with a fresh key",
    "follower.added": "lets the channel {target} follow it",
    "follower.removed": "lets the channel {target} follow it no more",
    "follower.updated": "changed what the channel {target} hears",
    "heartbeat.key_rotated": "gave the heartbeat {target} a new key",
    "heartbeat.paused": "paused the heartbeat {target}",
    "heartbeat.resumed": "resumed the heartbeat {target}",
    "identity.connected": "connected {target} to an account of the identity provider",
    "incident.acknowledged": "acknowledged the incident {target}",
    "incident.escalated": "escalated the incident {target} to the next level",
    "incident.handed_on": "handed the incident {target} on to the next level",
    "incident.note_added": "wrote a note on the incident {target}",
    "incident.opened": "opened the incident {target}",
    "incident.reassigned": "gave the incident {target} to somebody",
    "incident.reopened": "reopened the incident {target}",
    "incident.resolved": "resolved the incident {target}",
    "incident.snoozed": "snoozed the incident {target}",
    "incident.postmortem_written": "wrote the postmortem of the incident {target}",
    "incident.alerts_linked": "moved alerts to the incident {target}",
    "incident.alert_unlinked": "took an alert out of the incident {target}",
    "incident.merged": "merged the incident {target} into another",
    "incident.unmerged": "undid the merge of the incident {target}",
    "incident.responder_asked": "asked people to help with the incident {target}",
    "incident.responder_joined": "came to help with the incident {target}",
    "incident.responder_declined": "said that they cannot help with the incident {target}",
    "incident.responder_removed": "took somebody off the responders of the incident {target}",
    "incident.commander_changed": "changed who leads the incident {target}",
    "integration.imported_key_removed": "took a key of an old pager from the integration {target}",
    "integration.key_imported": "gave the integration {target} a key of an old pager",
    "integration.key_rotated": "gave the integration {target} a new key",
    "integration.replayed": "sent what could not be read of the integration {target} through again",
    "integration.tested": "raised a test alert by the integration {target}",
    "maintenance_window.begun": "began the maintenance window {target} early",
    "maintenance_window.ended": "ended the maintenance window {target} early",
    "maintenance_window.extended": "extended the maintenance window {target}",
    "maintenance_window.skipped": "left out the next time of the maintenance window {target}",
    "message_template.changed": "changed the words of messages: {target}",
    "outgoing_webhook.secret_rotated": "gave the outgoing webhook {target} a new secret",
    "outgoing_webhook.tested": "sent a test to the outgoing webhook {target}",
    "outgoing_webhook.replayed": "sent again what the outgoing webhook {target} is told",
    "outgoing_webhook.switched_off": "switched off the outgoing webhook {target}, which took nothing",
    "organization.renamed": "renamed the organization to {target}",
    "handoff_note.written": "wrote a handoff note for {target}",
    "override.added": "put somebody on call in {target} by an override",
    "override.changed": "changed an override in {target}",
    "override.removed": "took back an override in {target}",
    "payload.replayed": "sent again: {target}",
    "silence.expired": "ended the silence of {target}",
    "saved_view.begun_with": "lets the own list of alerts begin with the view {target}",
    "saved_view.begun_without": "lets the own list of alerts begin with {target}",
    "self_monitor.not_proven": "said that {target} did not complain of a silence on purpose",
    "self_monitor.proven": "said that {target} complained of a silence on purpose, as it should",
    "self_monitor.resumed": "ended the silence on purpose towards {target}",
    "self_monitor.silenced": "began to tell {target} nothing on purpose",
    "session.all_ended": "ended every session of {target}",
    "session.ended": "ended a session of {target}",
    "session.others_ended": "ended all other sessions of {target}",
    "setup.completed": "set up {target}",
    "team_member.added": "added {target}",
    "team_member.removed": "removed {target}",
    "team_member.updated": "changed the role of {target}",
    "user.preferences_changed": "changed how {target} is paged",
    "user.quiet_hours_changed": "changed the quiet hours of {target}",
    "user.password_changed": "changed the password of {target}",
    "user.sign_in_failed": "failed to sign in as {target}",
    "user.signed_in": "signed in",
    "user.signed_out": "signed out",
}
"""What somebody did, for acts that the general words do not fit."""

_SAID_ALREADY: dict[str, tuple[str, ...]] = {
    "incident.acknowledged": ("status ", "via none"),
    "incident.reopened": ("status ",),
    "incident.resolved": ("status ", "via none", "resolution none"),
    "user.signed_in": ("user agent ",),
    "heartbeat.paused": ("is paused ",),
    "heartbeat.resumed": ("is paused ",),
}
"""Beginnings of changes that the words of the act say already, or that are too long for a line."""

_VERBS = {
    "created": "made",
    "updated": "changed",
    "deleted": "deleted",
    "added": "added",
    "removed": "removed",
}
_NOUNS = {"user": "person", "api_key": "API key", "contact_method": "address"}
_MEMBERS = {
    "delayMinutes": ("delay", "min"),
    "repeatDelayMinutes": ("repeat delay", "min"),
    "isActive": ("active", ""),
    "isEnabled": ("enabled", ""),
    "escalationPolicyId": ("escalation policy", ""),
    "runbookUrl": ("runbook", ""),
    "memberIds": ("turns", ""),
    "assigneeId": ("assignee", ""),
    "userId": ("person", ""),
    "teamId": ("team", ""),
}


def noun(kind: str) -> str:
    """`escalation policy` for `escalation_policy`."""
    return _NOUNS.get(kind, kind.replace("_", " "))


def act_words(act: str) -> str:
    """An act without who and what: `Escalation policy: changed`, for a list to choose from."""
    kind, _, verb = act.partition(".")
    words = f"{noun(kind)}: {_VERBS.get(verb, verb.replace('_', ' '))}"
    return words[0].upper() + words[1:]


def deed(entry: AuditEntry) -> str:
    """What was done to what: `changed the escalation policy Checkout`."""
    known = _ACTS.get(entry.act)
    if known is not None:
        return known.format(target=entry.target_name)
    kind, _, verb = entry.act.partition(".")
    return f"{_VERBS.get(verb, verb.replace('_', ' '))} the {noun(kind)} {entry.target_name}"


def changes(entry: AuditEntry, names: Names | None = None) -> list[str]:
    """The members that changed, each as `delay 5 → 10 min`; facts about an act as `tries 3`."""
    before, after = entry.changes
    said: list[str] = []
    if "levels" in before and "levels" in after:
        said += _levels(before.pop("levels"), after.pop("levels"), names or {})
    updated = bool(before) and bool(after)
    for name in {**before, **after}:
        label, unit = _MEMBERS.get(name, (_spaced(name), ""))
        old, new = (_value(side.get(name), names or {}) for side in (before, after))
        suffix = f" {unit}" if unit else ""
        if after.get(name) == CHANGED:
            said.append(f"{label} changed")
        elif updated and name in before:
            said.append(f"{label} {old} → {new}{suffix}")
        else:
            said.append(f"{label} {new if name in after else old}{suffix}")
    return said


def label(member: str) -> str:
    """A member's name for people: `repeat delay` for `repeatDelayMinutes`."""
    words, unit = _MEMBERS.get(member, (_spaced(member), ""))
    return f"{words} ({unit})" if unit else words


def summary(entry: AuditEntry, names: Names | None = None) -> str:
    """The first few changes in one line; empty where the deed says it all."""
    _, _, verb = entry.act.partition(".")
    if verb in ("created", "deleted", "added", "removed") and entry.target_kind not in (
        "team_member",
        "override",
    ):
        return ""
    said = changes(entry, names)
    said = [each for each in said if not each.startswith(_SAID_ALREADY.get(entry.act, ()))]
    more = f" and {len(said) - MOST_CHANGES} more" if len(said) > MOST_CHANGES else ""
    return ", ".join(said[:MOST_CHANGES]) + more


def sentence(entry: AuditEntry, names: Names | None = None) -> str:
    """Who did what, as one sentence."""
    rest = summary(entry, names)
    return f"{entry.actor_name} {deed(entry)}" + (f": {rest}" if rest else "")


def ids_in(entry: AuditEntry) -> set[str]:
    """Every id in what changed, so that its name can be looked up."""
    return set(_UUID.findall(entry.before)) | set(_UUID.findall(entry.after))


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _levels(before: list[Any], after: list[Any], names: Names) -> list[str]:
    """How the levels of an escalation policy differ, level by level."""
    old, new = (
        {level["level"]: level for level in side if isinstance(level, dict)} for side in (before, after)
    )
    said = []
    for number in sorted({*old, *new}):
        was, now = old.get(number), new.get(number)
        if was == now:
            continue
        place = f"level {number}" if len({*old, *new}) > 1 else ""
        if was is None or now is None:
            said.append(f"level {number} {'added' if was is None else 'removed'}")
            continue
        if was["delayMinutes"] != now["delayMinutes"]:
            said.append(
                f"{place} delay {_number(was['delayMinutes'])} → {_number(now['delayMinutes'])} min".strip()
            )
        if was["targets"] != now["targets"]:
            said.append(f"{place} pages {_targets(was, names)} → {_targets(now, names)}".strip())
    return said


_TURNS = {"next": " (who is next)", "previous": " (who was before)"}
"""Of a schedule, where not whoever is on call now is meant; entries of older versions do not say it."""


def _targets(level: Mapping[str, Any], names: Names) -> str:
    found = [
        names.get(target["id"], target["type"]) + _TURNS.get(target.get("turn"), "")
        for target in level["targets"]
    ]
    return ", ".join(found) or "nobody"


def lines(member: str, value: Any, names: Names) -> list[str]:
    """One member's whole value, a line for each of its parts, with names instead of ids."""
    if member == "levels" and isinstance(value, list):
        return [
            f"Level {each['level']} after {_number(each['delayMinutes'])} min: {_targets(each, names)}"
            for each in value
            if isinstance(each, dict)
        ]
    if isinstance(value, list):
        return [_value(each, names, cut=False) for each in value]
    if isinstance(value, dict):
        return [f"{_spaced(key)}: {_value(each, names, cut=False)}" for key, each in value.items()]
    return [] if value is None else [_value(value, names, cut=False)]


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f" {match.group(1).lower()}", name)


def _value(value: Any, names: Names, *, cut: bool = True) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, list):
        said = ", ".join(_value(each, names, cut=cut) for each in value)
    elif isinstance(value, dict):
        said = ", ".join(f"{_spaced(key)} {_value(each, names, cut=cut)}" for key, each in value.items())
    else:
        said = names.get(str(value), str(value))
        if _INSTANT.fullmatch(said):
            said = f"{said[:10]} {said[11:16]} UTC"
    said = " ".join(said.split())
    return said if not cut or len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def _number(value: float) -> str:
    return f"{value:g}"
