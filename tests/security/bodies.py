"""Bodies that routes accept: for the API made from the structs that they decode, for forms written down here."""

import typing
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from openalert.domain.instant import HOUR, Instant, to_datetime
from tests.fakes.push_service import FakeBrowser

Ids = dict[str, str]

PLAIN: dict[str, Any] = {
    "address": "new@example.org",
    "code": "00000000",
    "email": "new@example.org",
    "handoff_time": "09:00",
    "name": "Example",
    "owner_name": "Example",
    "password": "correct horse battery staple",
    "timezone": "UTC",
    "title": "Example",
    "until": None,
    "url": "https://hooks.example/x",
}
"""What a text is by the name of its member."""

IDS = {
    "alert_ids": "part_alert_id",
    "component_ids": "component_id",
    "incident_ids": "part_id",
    "internal_incident_id": "incident_id",
    "assignee_id": "user_id",
    "contact_method_id": "method_id",
    "escalation_policy_id": "policy_id",
    "instead_of_id": "user_id",
    "member_ids": "user_id",
    "owner_id": "user_id",
    "taker_id": "user_id",
    "to_user_id": "user_id",
}
"""Members that are named otherwise than the path parameter for the same kind of thing."""

WHOLE: dict[str, Any] = {
    "AlertBulk": lambda ids: {"ids": [ids["alert_id"]], "action": "suppress"},
    "AlertHold": lambda ids: {"durationMinutes": 30},
    "SwitchSilenceEnd": lambda ids: {"outcome": "came"},
    "AlertTags": lambda ids: {"add": ["storage"]},
    "NewAlert": lambda ids: {"serviceId": ids["service_id"], "title": "Example"},
    "AbsenceCalendarIn": lambda ids: {"url": "http://127.0.0.1:9/calendar.ics"},
    "ShiftCalendarIn": lambda ids: {"url": "http://127.0.0.1:9/calendar.ics"},
    "ChannelIn": lambda ids: {
        "name": "Example",
        "type": "email",
        "teamId": ids["team_id"],
        "config": {"address": "new@example.org"},
    },
    "ApiKeyIn": lambda ids: {
        "name": "Example",
        "role": "viewer",
        "scopes": ["read"],
        "teamId": ids["team_id"],
    },
    "PushSubscriptionIn": lambda ids: {
        "endpoint": "https://push.example/endpoint",
        "keys": FakeBrowser().keys,
    },
    "ContactMethodIn": lambda ids: {"type": "email", "address": "new@example.org"},
    "RoutingRuleIn": lambda ids: {"name": "Example", "teamId": ids["team_id"], "actions": {"tags": ["x"]}},
    "RuleTestIn": lambda ids: {"teamId": ids["team_id"], "alert": {"title": "Example"}},
    "ReorderIn": lambda ids: {
        "teamId": ids["team_id"],
        "ids": [ids["other_rule_id"], ids["routing_rule_id"]],
    },
    "PolicyIn": lambda ids: {
        "name": "Example",
        "teamId": ids["team_id"],
        "levels": [{"targets": [{"type": "user", "id": ids["user_id"]}]}],
    },
    "OverrideIn": lambda ids: {
        "userId": ids["user_id"],
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2099-01-01T00:00:00Z",
    },
    "NotificationRuleIn": lambda ids: {"contactMethodId": ids["method_id"], "delayMinutes": 7},
    "QuietHoursIn": lambda ids: {
        "windows": [{"days": [0, 6], "fromTime": "22:00", "toTime": "07:00"}],
        "passesFrom": "critical",
    },
    "NotificationPreferencesBody": lambda ids: {"minSeverity": "medium"},
    "ImportedKeyIn": lambda ids: {"key": str(uuid.uuid4())},
    "AdoptIn": lambda ids: {"integrationId": ids["integration_id"]},
    "HelpIn": lambda ids: {"targets": [{"type": "user", "id": ids["user_id"]}]},
    "StatusUpdateIn": lambda ids: {"message": "Example", "status": "monitoring"},
    "SubscriberIn": lambda ids: {"email": f"{uuid.uuid4().hex}@example.org"},
    "Snooze": lambda ids: {"durationMinutes": 30},
    "Change": lambda ids: {"title": "Another title"},
}
"""Structs whose members depend on each other."""


def plain(annotation: Any) -> Any:
    """The annotation without Annotated, None and UNSET."""
    while get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        kept = [each for each in get_args(annotation) if each not in (NoneType, msgspec.UnsetType)]
        return plain(kept[0]) if kept else NoneType
    return annotation


def example(kind: Any, ids: Ids, now: Instant, name: str = "") -> Any:
    """A value that such a member takes; a struct with the members that it needs."""
    kind = plain(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__name__ in WHOLE:
            return WHOLE[kind.__name__](ids)
        return {
            field.encode_name: example(field.type, ids, now, field.name)
            for field in msgspec.structs.fields(kind)
            if field.required
        }
    if get_origin(kind) in (list, tuple):
        return [example(get_args(kind)[0], ids, now, name)]
    if (known := IDS.get(name, name)) in ids:
        return ids[known]
    if kind is datetime:
        return _moment(name, now)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1].value
    if kind is str:
        return PLAIN.get(name, "example")
    return {int: 1, float: 1.0, bool: True}.get(kind, {})


def _moment(name: str, now: Instant) -> str:
    hours = 2 if name.startswith(("end", "until")) else 1
    return (to_datetime(now).astimezone(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def body_type(handler: Any) -> Any:
    """What the handler decodes its body to; None when it takes none."""
    field = handler.parsed_fn_signature.parameters.get("data")
    return field.annotation if field is not None else None


DEEPEST = 8
"""Members of members: a condition may hold conditions."""


def id_members(kind: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Where ids are in a body: the way to each (wire names, `0` into lists) and the kind of thing it names."""
    kind = plain(kind)
    if get_origin(kind) in (list, tuple):
        return id_members(get_args(kind)[0], (*path, "0"))
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return []
    found: list[tuple[tuple[str, ...], str]] = []
    if len(path) > DEEPEST:
        return found
    for field in msgspec.structs.fields(kind):
        here = (*path, field.encode_name)
        named = IDS.get(field.name, field.name)
        if field.name.endswith("_id"):
            found.append((here, named))
        elif field.name.endswith("_ids"):
            found.append(((*here, "0"), IDS.get(field.name, field.name.removesuffix("s"))))
        elif kind.__name__ == "TargetBody" and field.name == "id":
            found += [((*here, each), f"{each}_id") for each in ("user", "schedule", "team", "channel")]
        else:
            found += id_members(field.type, here)
    return found


def form(path: str, values: dict[str, str], ids: Ids, now: Instant) -> dict[str, str]:
    """What one types into the form that posts to this route."""
    verb = values.get("verb", "")
    made = FORMS.get(f"{path}:{verb}") or FORMS.get(path)
    return made(ids, now) if made else {}


def _local(now: Instant, hours: int) -> str:
    return f"{to_datetime(now + hours * HOUR):%Y-%m-%dT%H:%M}"


FORMS: dict[str, Callable[[Ids, Instant], dict[str, str]]] = {
    "/status-pages/{page_id}/subscribers": lambda ids, now: {
        "kind": "email",
        "address": f"{uuid.uuid4().hex}@example.org",
        "agreed": "yes",
    },
    "/status-pages/{page_id}/subscribers/kinds": lambda ids, now: {"kind": "email"},
    "/status-pages/{page_id}/subscribers/import": lambda ids, now: {
        "content": f"email\n{uuid.uuid4().hex}@example.org\n",
        "do": "import",
    },
    "/status-pages/{page_id}/subscribers/{subscriber_id}": lambda ids, now: {"choice": "all"},
    "/incidents/bulk": lambda ids, now: {"id": ids["incident_id"], "act": "acknowledge"},
    "/alerts/bulk": lambda ids, now: {"id": ids["alert_id"], "act": "acknowledge"},
    "/alerts": lambda ids, now: {"service_id": ids["service_id"], "title": "Example"},
    "/alerts/{alert_id}/{verb}:snooze": lambda ids, now: {"minutes": "30"},
    "/alerts/{alert_id}/{verb}:assign": lambda ids, now: {"user_id": ids["user_id"]},
    "/alerts/{alert_id}/{verb}:tag": lambda ids, now: {"tag": "storage"},
    "/alerts/{alert_id}/{verb}:untag": lambda ids, now: {"tag": "storage"},
    "/alerts/views": lambda ids, now: {"name": "Example", "query": "status=open&q=disk"},
    "/alerts/views/{view_id}/{verb}:edit": lambda ids, now: {"name": "Example"},
    "/alerts/views/{view_id}/{verb}:keep": lambda ids, now: {"query": "status=firing"},
    "/incidents/{incident_id}/{verb}:snooze": lambda ids, now: {"minutes": "30"},
    "/incidents/{incident_id}/{verb}:reassign": lambda ids, now: {"user_id": ids["user_id"]},
    "/incidents/{incident_id}/{verb}:ask": lambda ids, now: {"who": f"user:{ids['user_id']}"},
    "/incidents/{incident_id}/{verb}:lead": lambda ids, now: {"user_id": ids["responder_id"]},
    "/incidents/{incident_id}/{verb}:release": lambda ids, now: {"user_id": ids["responder_id"]},
    "/incidents/{incident_id}/merge": lambda ids, now: {"into": ids["part_id"]},
    "/incidents/{incident_id}/{verb}:merge": lambda ids, now: {"into": ids["part_id"]},
    "/incidents/{incident_id}/{verb}:alerts": lambda ids, now: {
        "alert": ids["part_alert_id"],
        "to": "new",
    },
    "/incidents/{incident_id}/{verb}:postmortem": lambda ids, now: {"body": "What happened"},
    "/incidents/{incident_id}/customers": lambda ids, now: {"page_id": ids["page_id"]},
    "/status-pages/{page_id}/told": lambda ids, now: {
        "title": "Example",
        "message": "We look.",
        "status": "investigating",
    },
    "/status-pages/told/{status_incident_id}/updates": lambda ids, now: {
        "message": "Found.",
        "status": "identified",
    },
    "/status-pages/told/{status_incident_id}/{verb}:resolve": lambda ids, now: {"message": "Over."},
    "/status-pages/updates/{update_id}": lambda ids, now: {"message": "In other words."},
    "/status-pages/told/{status_incident_id}/{verb}:change": lambda ids, now: {"title": "Example"},
    "/status-pages/told/{status_incident_id}/{verb}:postmortem": lambda ids, now: {
        "postmortem": "It was the disk."
    },
    "/status-pages/drafts/{update_id}": lambda ids, now: {"message": "Found.", "status": "identified"},
    "/status-pages/{page_id}/templates": lambda ids, now: {"name": "Example", "message": "We look."},
    "/status-pages/templates/{status_template_id}": lambda ids, now: {
        "name": "Example",
        "message": "We look.",
    },
    "/incidents/{incident_id}/{verb}:notes": lambda ids, now: {"body": "A note"},
    "/schedules": lambda ids, now: {
        "name": "Example",
        "team_id": ids["team_id"],
        "timezone": "UTC",
        "member_id": ids["user_id"],
    },
    "/schedules/{schedule_id}": lambda ids, now: {"name": "Example", "timezone": "UTC"},
    "/schedules/{schedule_id}/rotations": lambda ids, now: {"name": "Example", "member_id": ids["user_id"]},
    "/schedules/{schedule_id}/rotations/{rotation_id}": lambda ids, now: {
        "name": "Example",
        "member_id": ids["user_id"],
    },
    "/schedules/{schedule_id}/handoff-note": lambda ids, now: {"words": "Watch the disk"},
    "/schedules/{schedule_id}/overrides": lambda ids, now: {
        "user_id": ids["user_id"],
        "start": _local(now, 1),
        "end": _local(now, 2),
    },
    "/schedules/{schedule_id}/swaps": lambda ids, now: {"start": _local(now, 1), "end": _local(now, 2)},
    "/schedules/{schedule_id}/swaps/take": lambda ids, now: {
        "user_id": ids["user_id"],
        "start": _local(now, 1),
        "end": _local(now, 2),
    },
    "/maintenance": lambda ids, now: {
        "name": "Example",
        "team_id": ids["team_id"],
        "start": _local(now, 1),
        "end": _local(now, 2),
    },
    "/maintenance/{window_id}": lambda ids, now: {
        "name": "Example",
        "start": _local(now, 1),
        "end": _local(now, 2),
    },
    "/maintenance/{window_id}/extend": lambda ids, now: {"minutes": "30"},
    "/silences": lambda ids, now: {"team_id": ids["team_id"], "matchers": "host=nothing", "length": "60"},
    "/silences/{silence_id}": lambda ids, now: {"matchers": "host=nothing", "until": _local(now, 2)},
    "/silences/{silence_id}/extend": lambda ids, now: {"minutes": "30"},
    "/services": lambda ids, now: {"name": "Example", "team_id": ids["team_id"]},
    "/services/{service_id}": lambda ids, now: {"name": "Example"},
    "/settings/outgoing-webhooks": lambda ids, now: {
        "name": "Example",
        "url": "https://hooks.example/x",
        "events": "incident.created",
    },
    "/settings/outgoing-webhooks/{webhook_id}": lambda ids, now: {
        "name": "Example",
        "url": "https://hooks.example/x",
        "events": "incident.created",
    },
    "/services/{service_id}/noise": lambda ids, now: {"by": "service", "pause": "60"},
    "/services/{service_id}/followers": lambda ids, now: {
        "channel_id": ids["channel_id"],
        "event": "resolved",
    },
    "/settings/system/silence": lambda ids, now: {"minutes": "10"},
    "/settings/system/silence/end": lambda ids, now: {"outcome": "came"},
    "/settings/adoption/window": lambda ids, now: {"hours": "1"},
    "/settings/adoption/keys/{strange_key_id}/adopt": lambda ids, now: {
        "place": f"integration:{ids['integration_id']}"
    },
    "/integrations/{integration_id}/imported-keys": lambda ids, now: {"key": str(uuid.uuid4())},
    "/beats": lambda ids, now: {
        "name": "Example",
        "service_id": ids["service_id"],
        "every": "5",
        "grace": "1",
    },
    "/beats/{heartbeat_id}": lambda ids, now: {
        "name": "Other",
        "kind": "cron",
        "cron": "0 3 * * *",
        "grace": "1",
    },
    "/integrations/{integration_id}/settings": lambda ids, now: {
        "name": "Example",
        "default_severity": "high",
        "severities": "sev-a = critical",
    },
    "/integrations/{integration_id}/payloads/{payload_id}/mapping": lambda ids, now: {
        "title": "check.name",
        "act": "save",
    },
    "/services/{service_id}/integrations": lambda ids, now: {"type": "prometheus", "name": "Example"},
    "/escalation-policies": lambda ids, now: {
        "name": "Example",
        "team_id": ids["team_id"],
        "repeat_count": "0",
        "repeat_delay": "0",
        "delay": "0",
        "target-1": f"user:{ids['user_id']}",
    },
    "/escalation-policies/{policy_id}": lambda ids, now: {
        "name": "Example",
        "repeat_count": "0",
        "repeat_delay": "0",
        "delay": "0",
        "target-1": f"user:{ids['user_id']}",
    },
    "/routing-rules": lambda ids, now: {
        "name": "Example",
        "place": f"team:{ids['team_id']}",
        "paging": "suppress",
    },
    "/routing-rules/{routing_rule_id}": lambda ids, now: {"name": "Example", "paging": "suppress"},
    "/status-pages": lambda ids, now: {"name": "Example", "team_id": ids["team_id"], "is_public": "yes"},
    "/status-pages/{page_id}/settings": lambda ids, now: {
        "name": "Example",
        "slug": f"example-{ids['page_id'][-6:]}",
        "language": "en",
        "timezone": "UTC",
    },
    "/status-pages/{page_id}/components": lambda ids, now: {"name": "Example"},
    "/status-pages/{page_id}/components/order": lambda ids, now: {
        "place": [f"group:{ids['group_id']}", "group:", f"component:{ids['component_id']}"]
    },
    "/status-pages/{page_id}/groups": lambda ids, now: {"group_name": "Example"},
    "/status-pages/components/{component_id}": lambda ids, now: {"name": "Example"},
    "/status-pages/components/{component_id}/status": lambda ids, now: {"status": "major_outage"},
    "/status-pages/groups/{group_id}": lambda ids, now: {"name": "Example"},
    "/routing-rules/order": lambda ids, now: {
        "team_id": ids["team_id"],
        "ids": [ids["other_rule_id"], ids["routing_rule_id"]],
    },
    "/services/{service_id}/move": lambda ids, now: {"team_id": ids["team_id"]},
    "/schedules/{schedule_id}/move": lambda ids, now: {"team_id": ids["team_id"]},
    "/escalation-policies/{policy_id}/move": lambda ids, now: {"team_id": ids["team_id"]},
    "/channels/{channel_id}/move": lambda ids, now: {"team_id": ids["team_id"]},
    "/teams": lambda ids, now: {"name": "Example"},
    "/teams/{team_id}/drills": lambda ids, now: {"drills": "weekly"},
    "/teams/{team_id}": lambda ids, now: {"name": "Example"},
    "/teams/{team_id}/members": lambda ids, now: {"user_id": ids["user_id"], "role": "member"},
    "/teams/{team_id}/members/{user_id}": lambda ids, now: {"role": "viewer"},
    "/teams/{team_id}/channels": lambda ids, now: {
        "type": "email",
        "channel_name": "Example",
        "address": "new@example.org",
    },
    "/users": lambda ids, now: {"email": "new@example.org", "role": "viewer"},
    "/users/second-factor": lambda ids, now: {"rule": "optional"},
    "/forgotten": lambda ids, now: {"email": "new@example.org"},
    "/users/{user_id}": lambda ids, now: {
        "name": "Example",
        "email": "new@example.org",
        "role": "viewer",
        "timezone": "UTC",
    },
    "/me": lambda ids, now: {"name": "Example", "timezone": "UTC"},
    "/me/contact-methods": lambda ids, now: {"type": "email", "address": "new@example.org"},
    "/me/notification-rules": lambda ids, now: {
        "method": ids["method_id"],
        "delay": "7",
        "min_severity": "high",
        "kind": "page",
    },
    "/me/notification-preferences": lambda ids, now: {
        "pages_from": "low",
        "repeat_every": "5",
        "repeat_most": "2",
    },
    "/me/quiet-hours": lambda ids, now: {"day": "1", "from": "22:00", "to": "07:00"},
    "/me/quiet-hours/delete": lambda ids, now: {"days": "Monday", "from": "22:00", "to": "07:00"},
    "/me/quiet-hours/passes": lambda ids, now: {"passes": "high"},
    "/me/do-not-disturb": lambda ids, now: {"hours": "1"},
    "/me/calendar-feeds": lambda ids, now: {"url": "http://127.0.0.1:9/calendar.ics"},
    "/schedules/{schedule_id}/calendar-feeds": lambda ids, now: {"url": "http://127.0.0.1:9/calendar.ics"},
    "/me/calendar-links": lambda ids, now: {"name": "Example"},
    "/settings/words": lambda ids, now: {"email": "{{ incident.title }}"},
    "/settings/channels/probe": lambda ids, now: {"channel": "email"},
    "/settings/channels/test": lambda ids, now: {"channel": "email"},
    "/settings/organization": lambda ids, now: {"organization": "Example"},
    "/settings/watchers": lambda ids, now: {"watcher_name": "Example", "watcher_team": ids["team_id"]},
    "/settings/api-keys": lambda ids, now: {
        "key_name": "Example",
        "key_role": "viewer",
        "key_team": ids["team_id"],
    },
}
"""Forms by path, or by path and verb."""
FORMS |= {
    path.replace("/me/", "/users/{user_id}/", 1): made
    for path, made in FORMS.items()
    if path.startswith("/me/") and path != "/me/calendar-links"
}
"""What one sets for oneself an admin sets for others, by the same form."""
FORMS["/users/{user_id}/contact-methods/{method_id}/verify"] = lambda ids, now: {"again": "1"}
