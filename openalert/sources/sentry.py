"""Sentry: webhooks of an integration for issues, events, metric and uptime alerts, and the legacy plugin's.

https://docs.sentry.io/organization/integrations/integration-platform/webhooks/. An issue is the alert; events of it
repeat it.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "sentry"

_SEVERITIES = {
    "fatal": Severity.CRITICAL,
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.INFO,
    "debug": Severity.INFO,
    "sample": Severity.INFO,
}
_ISSUE = {
    "created": SignalStatus.FIRING,
    "unresolved": SignalStatus.FIRING,
    "triggered": SignalStatus.FIRING,
    "regressed": SignalStatus.FIRING,
    "escalating": SignalStatus.FIRING,
    "resolved": SignalStatus.RESOLVED,
    "archived": SignalStatus.RESOLVED,
    "ignored": SignalStatus.RESOLVED,
}
_METRIC = {"critical": Severity.CRITICAL, "warning": Severity.HIGH}
_ABOUT = ("issue", "event", "error", "metric_alert", "uptime_issue")
_OWN = frozenset({"culprit", "shortId", "issue_url", "issue_id", "event_id", "alert_rule", "firstSeen"})
_SILENT = {"installation", "comment", "seer", "preprod_artifact"}


def _looks_like(body: dict[str, Any], inbound: Inbound) -> bool:
    if "sentry-hook-resource" in inbound.headers:
        return True
    data = body.get("data")
    if "action" in body and type(data) is dict:
        about = next((data[name] for name in _ABOUT if type(data.get(name)) is dict), None)
        return about is not None and ("installation" in body or not _OWN.isdisjoint(about))
    return (
        "project_slug" in body
        and ("culprit" in body or "triggering_rules" in body)
        and type(body.get("event")) is dict
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    resource = inbound.headers.get("sentry-hook-resource", "")
    data = within(body, "data")
    action = text.line(body.get("action")).lower()
    if resource in _SILENT or (not data and action in {"created", "deleted"} and "event" not in body):
        return Nothing(f'Sentry tells of a "{resource or action}", which is no alert: nothing to do.')
    if metric := within(data, "metric_alert"):
        return _metric(metric, data, action, inbound)
    if issue := within(data, "issue") or within(data, "uptime_issue"):
        status = words.look_up(_ISSUE, action)
        if status is None:
            return Nothing(f'Sentry\'s "{action}" of an issue changes nothing here.')
        return _issue(issue, status, inbound)
    if event := within(data, "event") or within(data, "error"):
        return _event(event, data, inbound)
    return _legacy(body, inbound)


def _issue(issue: dict[str, Any], status: SignalStatus, inbound: Inbound) -> Signal:
    project, over = within(issue, "project"), status is SignalStatus.RESOLVED
    facts = within(issue, "metadata")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else words.level(_SEVERITIES, issue.get("level")),
        title=(issue.get("title"), facts.get("title"), facts.get("value"), issue.get("culprit")),
        key=identity.of(NAME, (issue.get("id"),), (issue.get("shortId"),)),
        description=(facts.get("value"), issue.get("culprit")),
        labels={
            "project": first(project.get("slug"), project.get("name")),
            "platform": issue.get("platform"),
            "level": issue.get("level"),
            "issue": issue.get("shortId"),
        },
        annotations={
            "culprit": issue.get("culprit"),
            "count": issue.get("count"),
            "users": issue.get("userCount"),
        },
        links=(("Source", first(issue.get("permalink"), issue.get("web_url"), issue.get("url"))),),
        starts=None if over else first(issue.get("lastSeen"), issue.get("firstSeen")),
    )


def _event(event: dict[str, Any], data: dict[str, Any], inbound: Inbound) -> Signal:
    """An issue alert: one event of an issue; its own id is of no use later."""
    facts, tags = within(event, "metadata"), _tags(event.get("tags"))
    issue = first(event.get("issue_id"), _last(event.get("issue_url")), _last(event.get("issue")))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING,
        severity=words.level(_SEVERITIES, first(event.get("level"), tags.get("level"))),
        title=(
            event.get("title"),
            facts.get("title"),
            event.get("message"),
            facts.get("value"),
            event.get("culprit"),
        ),
        key=identity.of(NAME, (issue,), (event.get("title"), event.get("project"))),
        description=(facts.get("value"), event.get("message"), event.get("culprit")),
        labels={name: value for name, value in tags.items() if name in _KEPT_TAGS}
        | {
            "project": first(event.get("project_name"), event.get("project")),
            "platform": event.get("platform"),
        },
        annotations={
            "rule": data.get("triggered_rule"),
            "culprit": event.get("culprit"),
            "release": event.get("release"),
        },
        links=(("Source", first(event.get("web_url"), event.get("url"))), ("API", event.get("issue_url"))),
        starts=first(event.get("datetime"), event.get("timestamp"), event.get("received")),
    )


_KEPT_TAGS = {
    "environment",
    "level",
    "server_name",
    "release",
    "transaction",
    "logger",
    "runtime",
    "browser",
    "url",
}


def _metric(metric: dict[str, Any], data: dict[str, Any], action: str, inbound: Inbound) -> Signal:
    over = action in {"resolved", "ok"}
    rule = within(metric, "alert_rule")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=words.level(_METRIC, action),
        title=(data.get("description_title"), metric.get("title"), rule.get("name")),
        key=identity.of(NAME, (metric.get("id"), "metric"), (rule.get("id"), "rule")),
        group=identity.of(NAME, (rule.get("id"), "rule")),
        description=data.get("description_text"),
        labels={
            "project": ", ".join(map(text.scalar, metric.get("projects") or ()))
            if type(metric.get("projects")) is list
            else "",
            "rule": rule.get("name"),
        },
        links=(("Source", data.get("web_url")),),
        starts=metric.get("date_started"),
        ends=metric.get("date_closed"),
    )


def _legacy(body: dict[str, Any], inbound: Inbound) -> Signal:
    """The plugin "WebHooks": flat, about one event, without an end."""
    event = within(body, "event")
    tags = _tags(event.get("tags"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING,
        severity=words.level(_SEVERITIES, first(body.get("level"), event.get("level"))),
        title=(event.get("title"), body.get("message"), at(event, "metadata", "title"), body.get("culprit")),
        key=identity.of(
            NAME, (body.get("id"),), (_last(body.get("url")),), (body.get("message"), body.get("project"))
        ),
        description=(body.get("message"), body.get("culprit")),
        labels={name: value for name, value in tags.items() if name in _KEPT_TAGS}
        | {
            "project": first(body.get("project_slug"), body.get("project")),
            "platform": event.get("platform"),
            "environment": event.get("environment"),
        },
        annotations={"culprit": body.get("culprit"), "rules": body.get("triggering_rules") or None},
        links=(("Source", body.get("url")),),
        starts=first(event.get("received"), event.get("timestamp")),
    )


def _tags(value: Any) -> dict[str, str]:
    """Pairs as lists of two, or what labels look like anywhere."""
    pairs = value if type(value) is list else ()
    found = {
        pair[0]: text.scalar(pair[1])
        for pair in pairs
        if type(pair) is list and len(pair) == 2 and isinstance(pair[0], str)
    }
    return found or text.texts(value)


def _last(address: Any) -> str:
    if not isinstance(address, str):
        return text.scalar(address) if isinstance(address, int) else ""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]


SOURCE = source_of(NAME, _looks_like, _read)
