"""One incident as its page tells it: what happens next, the ladder, the reasons, deliveries, timeline."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from openalert.domain.access import Actor, Permission, can
from openalert.domain.alert import Alert
from openalert.domain.escalation import TargetType
from openalert.domain.incident import Incident
from openalert.domain.instant import to_datetime
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.domain.postmortem import draft
from openalert.domain.service import Service
from openalert.domain.timeline import TimelineEntry, sentence
from openalert.notifiers.text import one_line
from openalert.storage import (
    alerts,
    channels,
    escalation_policies,
    notifications,
    services,
    teams,
    timeline,
    users,
)
from openalert.storage.transaction import Reader
from openalert.usecases import incidents, ladders, postmortems
from openalert.usecases.incident_facts import common_labels
from openalert.usecases.ladders import Ladder, Rung
from openalert.usecases.notify import HIDDEN
from openalert.web.ui import customers, incident_deliveries, incident_timeline, merging, responders
from openalert.web.ui.incident_rows import next_step, status_of
from openalert.web.ui.origins import origin

Values = dict[str, Any]

ALERTS_SHOWN = 25
TIMELINE_SHOWN = 200
SNOOZES = [
    (30, "30 min"),
    (60, "1 hour"),
    (120, "2 hours"),
    (480, "8 hours"),
    (1440, "1 day"),
    (10080, "1 week"),
]
_OUTCOMES = {
    NotificationStatus.PENDING: "waits to be sent",
    NotificationStatus.SENDING: "being sent",
    NotificationStatus.SENT: "sent, no answer yet",
    NotificationStatus.DELIVERED: "delivered, no answer yet",
    NotificationStatus.FAILED: "could not be reached",
    NotificationStatus.CANCELLED: "not sent any more",
    NotificationStatus.UNKNOWN: "perhaps sent: the answer was lost",
}


async def story(reader: Reader, actor: Actor, incident: Incident, shown: str, zone: tzinfo) -> Values:
    """The context of the incident's page, without the shell; `shown` filters the timeline, `zone` is the reader's."""
    ladder = await ladders.ladder(reader, incident, actor)
    reported = await alerts.of_incident(reader, incident.id, limit=ALERTS_SHOWN)
    rows = await notifications.of_incident(reader, incident.id, limit=100)
    entries = await timeline.of_incident(reader, incident.id, limit=TIMELINE_SHOWN)
    service = (await services.named(reader, actor, [incident.service_id])).get(incident.service_id)
    pages = [row for row in rows if row.kind is NotificationKind.PAGE and row.ask_id is None]
    names = await _names(reader, actor, incident, rows)
    status = status_of(incident, reader.now)
    not_called = _not_called(ladder, incident) if status == "acknowledged" else None
    common = common_labels(reported)
    return {
        "incident": await _head(reader, actor, incident, service, status, names, entries),
        "handing_on": any(row.user_id == actor.user_id for row in pages) and actor.user_id is not None,
        "next": next_step(incident, ladder.next_rung) or not_called,
        "told": list(
            dict.fromkeys(incident_deliveries.called(row, names) for row in reversed(pages) if _left(row))
        ),
        "steps": [_step(rung, incident, pages, entries, names) for rung in ladder.rungs],
        "policy": await _policy(reader, actor, incident),
        "why": await _why(reader, actor, incident, reported, service, ladder, pages, names),
        "facts": _facts(service, common, reported),
        "alerts": [_alert(each, common) for each in reported],
        "alerts_href": f"/alerts?status=all&incident={incident.id}"
        if incident.alert_count > len(reported)
        else None,
        "deliveries": await incident_deliveries.stories(reader, rows, names),
        "timeline": incident_timeline.drawn(entries, shown),
        "timeline_filter": shown,
        "timeline_filters": [
            (key, words, f"/incidents/{incident.id}" + (f"?show={key}" if key != "all" else ""))
            for key, words in incident_timeline.FILTERS.items()
        ],
        "people": await _people(reader, actor),
        "postmortem": await _postmortem(reader, actor, incident, entries, zone),
        "merged": await merging.shown(reader, actor, incident),
        "customers": await customers.shown(reader, actor, incident),
        "helpers": await responders.shown(reader, actor, incident, rows),
        "snoozes": SNOOZES,
    }


async def _names(
    reader: Reader, actor: Actor, incident: Incident, rows: Sequence[Notification]
) -> dict[str, str]:
    """What to call everybody and every channel that occurs, by id."""
    ids = {incident.acknowledged_by_id, incident.resolved_by_id, incident.assignee_id}
    ids |= {row.user_id for row in rows}
    people = await users.named(reader, actor, [each for each in ids if each])
    called = {user_id: user.name for user_id, user in people.items()}
    places = [row.channel_id for row in rows if row.channel_id is not None]
    if places:
        seen = await channels.named(reader, actor, places)
        for each in await channels.by_ids(reader, places):
            called[each.id] = each.name if each.id in seen else HIDDEN[TargetType.CHANNEL]
    return called


async def _head(
    reader: Reader,
    actor: Actor,
    incident: Incident,
    service: Service | None,
    status: str,
    names: Mapping[str, str],
    entries: Sequence[TimelineEntry],
) -> Values:
    team = (await teams.named(reader, actor, [incident.team_id])).get(incident.team_id)
    answered = next((entry for entry in entries if entry.kind == "acknowledged"), None)
    snoozed = next((entry for entry in entries if entry.kind == "snoozed"), None)
    resolved = next((entry for entry in entries if entry.kind == "resolved"), None)
    by_hand = resolved is not None and not resolved.data.get("automatic")
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "severity": incident.severity.value,
        "status": status,
        "service": service.name if service else "a deleted service",
        "service_href": f"/services/{incident.service_id}",
        "team": team.name if team else "",
        "triggered_at": incident.triggered_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": snoozed.actor_name
        if status == "snoozed" and snoozed
        else names.get(incident.acknowledged_by_id or "") or (answered.actor_name if answered else None),
        "acknowledged_via": f"by {answered.data['via']}" if answered and answered.data.get("via") else "",
        "resolved_at": incident.resolved_at,
        "resolved_by": resolved.actor_name if resolved is not None and by_hand else None,
        "resolution": incident.resolution,
        "snoozed_until": incident.snoozed_until,
        "is_quiet": incident.is_quiet(reader.now),
        "alert_count": incident.alert_count,
        "firing_count": incident.firing_count,
        "can_act": can(actor, Permission.RESPOND, incident.team_id),
        "can_answer": await incidents.may_answer(reader, actor, incident),
    }


def _not_called(ladder: Ladder, incident: Incident) -> Values | None:
    """Of an escalation that has stopped: whoever would have come next."""
    rung = next(
        (rung for rung in ladder.rungs if rung.level > incident.escalation_level and rung.people), None
    )
    return {"names": rung.people[:3], "how": "", "at": None, "level": rung.level} if rung else None


def _left(row: Notification) -> bool:
    return row.status in (
        NotificationStatus.SENDING, NotificationStatus.SENT, NotificationStatus.DELIVERED, NotificationStatus.UNKNOWN
    )  # fmt: skip


def _step(
    rung: Rung,
    incident: Incident,
    pages: Sequence[Notification],
    entries: Sequence[TimelineEntry],
    names: Mapping[str, str],
) -> Values:
    """A rung of the ladder as it is drawn: what was done from what was sent, the rest from whom it reaches now."""
    stopped = incident.escalation_next_at is None
    if rung.state == "done":
        place = (incident.episode, incident.escalation_cycle, rung.level)
        mine = [row for row in pages if (row.episode, row.cycle, row.level) == place]
        at = next(
            (
                each.at
                for each in entries
                if each.kind.startswith("escalat") and each.data.get("level") == rung.level
            ),
            None,
        )
        failed = bool(mine) and all(row.status is NotificationStatus.FAILED for row in mine)
        targets = _paged(mine, names, incident) or _misses(rung)
        return {
            "level": rung.level,
            "state": "failed" if failed or not mine else "done",
            "at": at,
            "after": 0,
            "targets": targets,
        }
    reached = [
        {"name": name, "of": "", "ways": rung.ways[name], "note": "", "tone": ""} for name in rung.people
    ]
    return {
        "level": rung.level,
        "state": "stopped" if stopped else rung.state,
        "at": None if stopped else rung.due_at,
        "after": 0,
        "targets": reached + _misses(rung),
    }


def _paged(mine: Sequence[Notification], names: Mapping[str, str], incident: Incident) -> list[Values]:
    """Each person of a level once, with the best that became of the messages to them."""
    people: dict[str, list[Notification]] = {}
    for row in reversed(mine):
        people.setdefault(incident_deliveries.called(row, names), []).append(row)
    answered = incident.acknowledged_by_id
    targets = []
    for name, sent in people.items():
        best = next((row for row in sent if _left(row)), sent[0])
        took = answered is not None and sent[0].user_id == answered
        targets.append(
            {
                "name": name,
                "of": "",
                "ways": sorted({row.channel for row in sent}),
                "note": "acknowledged" if took else _OUTCOMES[best.status],
                "tone": "good" if took else "bad" if best.status is NotificationStatus.FAILED else "",
            }
        )
    return targets


def _misses(rung: Rung) -> list[Values]:
    return [{"name": None, "of": "", "ways": [], "note": miss, "tone": "bad"} for miss in rung.misses]


async def _policy(reader: Reader, actor: Actor, incident: Incident) -> Values | None:
    if incident.policy_id is None:
        return None
    named = await escalation_policies.named(reader, actor, [incident.policy_id])
    policy = named.get(incident.policy_id)
    return {"name": policy.name, "href": f"/escalation-policies/{policy.id}"} if policy else None


async def _why(
    reader: Reader,
    actor: Actor,
    incident: Incident,
    reported: Sequence[Alert],
    service: Service | None,
    ladder: Ladder,
    pages: Sequence[Notification],
    names: Mapping[str, str],
) -> list[Values]:
    """The chain that led to the last page: source, service, policy and level, the person's part in it."""
    chain: list[Values] = []
    source = await origin(reader, actor, reported[-1].integration_id) if reported else None
    if source is not None:
        chain.append(source)
    if service is not None:
        chain.append({"words": f"service {service.name}", "href": f"/services/{service.id}"})
    if ladder.policy is None:
        return [*chain, {"words": "no escalation policy: the owners are told", "href": None}]
    level = f", level {incident.escalation_level}" if incident.escalation_level else ""
    policy = await _policy(reader, actor, incident)
    words = f"policy {policy['name']}" if policy else ladder.policy
    chain.append({"words": f"{words}{level}", "href": policy["href"] if policy else None})
    if pages:
        who = names.get(pages[0].user_id or "", "")
        reason = pages[0].reason.removeprefix("You are ").removeprefix("You ").split(" (")[0].rstrip(".")
        chain.append({"words": f"{who}: {reason}" if who else reason, "href": None})
    return chain


def _facts(service: Service | None, common: Mapping[str, str], reported: Sequence[Alert]) -> Values:
    links: dict[str, str] = {}
    for alert in reported:
        for link in alert.links:
            links.setdefault(link["href"], link["label"])
    return {
        "runbook": service.runbook_url if service else None,
        "labels": sorted(common.items()),
        "links": [{"label": label, "href": href} for href, label in list(links.items())[:6]],
    }


def _alert(alert: Alert, common: Mapping[str, str]) -> Values:
    differs = [pair for pair in sorted(alert.labels.items()) if pair[0] not in common]
    return {
        "id": alert.id,
        "href": f"/alerts/{alert.id}",
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "source": alert.source,
        "times": alert.count,
        "last_seen_at": alert.last_seen_at,
        "differs": differs[:4],
    }


_TOLD = (
    "triggered",
    "severity_raised",
    "acknowledged",
    "escalated",
    "merged",
    "reopened",
    "resolved",
    "note",
)


async def _postmortem(
    reader: Reader, actor: Actor, incident: Incident, entries: Sequence[TimelineEntry], zone: tzinfo
) -> Values:
    """What was written; where nothing was, an outline with the timeline in it for whoever begins."""
    found = await postmortems.of_incident(reader, actor, incident.id)
    told = [
        (to_datetime(entry.at).astimezone(zone), one_line(sentence(entry), 300))
        for entry in reversed(entries)
        if entry.kind in _TOLD
    ]
    return {
        "body": found.body,
        "draft": found.body or draft(told),
        "by": found.updated_by_name,
        "at": found.updated_at,
    }


async def _people(reader: Reader, actor: Actor) -> list[tuple[str, str]]:
    """Whom it can be given to."""
    everybody = await users.page(reader, actor, after="", limit=200)
    return sorted(((user.id, user.name) for user in everybody if user.is_active), key=lambda pair: pair[1])
