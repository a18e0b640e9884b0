"""Azure Monitor's action groups: the common schema, and the older ones of metric, log, activity and budget alerts.

https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema, …/alerts-payload-samples,
…/activity-log-alerts-webhook. Ids are compared without case, because Azure writes them in several.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, texts_of, within
from openalert.sources.source import Inbound, source_of

NAME = "azure"

_SEVERITIES = {
    "sev0": Severity.CRITICAL,
    "sev1": Severity.HIGH,
    "sev2": Severity.MEDIUM,
    "sev3": Severity.LOW,
    "sev4": Severity.INFO,
    "0": Severity.CRITICAL,
    "1": Severity.HIGH,
    "2": Severity.MEDIUM,
    "3": Severity.LOW,
    "4": Severity.INFO,
    "verbose": Severity.INFO,
}
"""Azure's Sev1 is "error", not the worst."""
_SCHEMAS = ("azuremonitor", "microsoft.insights/", "aip budget")
_STATES = {"activated", "resolved", "deactivated"}
_ENDED = {"resolved", "deactivated"}
_TARGETS_NAMED = 10


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    schema = body.get("schemaId")
    if isinstance(schema, str) and schema.lower().startswith(_SCHEMAS):
        return True
    data = body.get("data")
    if type(data) is dict:
        return "essentials" in data or at(data, "context", "activityLog") is not None
    status = body.get("status")
    if not isinstance(status, str) or status.strip().lower() not in _STATES:
        return False
    return at(body, "context", "resourceId") is not None or at(body, "context", "activityLog") is not None


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    data = within(body, "data") or body
    if type(data.get("essentials")) is dict:
        return _common(data, inbound)
    context = within(data, "context")
    if type(context.get("activityLog")) is dict:
        return _activity(context["activityLog"], data, inbound)
    if context:
        return _rule(context, data, inbound)
    return _flat(data, body, inbound)


SOURCE = source_of(NAME, _looks_like, _read)


def _common(data: dict[str, Any], inbound: Inbound) -> Signal:
    """One fire and its end share the `alertId`; activity log alerts have the rule's id there and never end."""
    said, context = data["essentials"], within(data, "alertContext")
    targets, items = texts_of(said.get("alertTargetIDs")), texts_of(said.get("configurationItems"))
    rule = first(said.get("alertRule"), _last(said.get("alertRuleId")), _last(said.get("originAlertId")))
    service = text.line(said.get("monitoringService"))
    name, description = normal.first_line(rule), said.get("description")
    properties = within(context, "properties")
    status = words.status(said.get("monitorCondition")) or SignalStatus.FIRING
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=words.level(_SEVERITIES, said.get("severity")) or words.severity(said.get("severity")),
        title=(
            f"{name} ({', '.join(items[:3])})" if name and items else name,
            properties.get("title"),
            description,
            service and f"Azure Monitor: {service}",
        ),
        key=identity.of(
            NAME,
            (_lower(_alert_id(said, properties)),),
            (_lower(said.get("originAlertId")),),
            (_lower(rule), *map(_lower, targets)),
        ),
        group=_group(said, rule, targets),
        description=(description, properties.get("communication"), _conditions(context.get("condition"))),
        labels={
            "rule": rule,
            "signal": said.get("signalType"),
            "service": said.get("monitoringService"),
            "resource": ", ".join(items[:_TARGETS_NAMED]),
            "resource_group": said.get("targetResourceGroup"),
            "resource_type": said.get("targetResourceType"),
        }
        | _dimensions(context.get("condition"))
        | text.texts(properties if "eventSource" not in context else None)
        | text.texts(data.get("customProperties")),
        annotations={
            "targets": "\n".join(targets[:_TARGETS_NAMED]),
            "condition": _conditions(context.get("condition")),
            "caller": context.get("caller"),
            "operation": context.get("operationName"),
            "query": at(context, "SearchQuery"),
        },
        links=(
            ("Source", _portal(said.get("alertId"))),
            ("Investigate", said.get("investigationLink")),
            ("Results", _results(context)),
        ),
        starts=said.get("firedDateTime"),
        ends=said.get("resolvedDateTime"),
    )


def _alert_id(said: dict[str, Any], properties: dict[str, Any]) -> Any:
    """Every update of one service health incident has an id of its own; the tracking id stays."""
    tracking = properties.get("trackingId")
    return first(tracking and f"servicehealth {tracking}", said.get("alertId"))


def _activity(log: dict[str, Any], data: dict[str, Any], inbound: Inbound) -> Signal:
    """An entry of the activity log; Azure says "Activated" always, so the entry itself says whether it is over."""
    properties, kind = within(log, "properties"), text.line(log.get("eventSource")).lower()
    stage = properties.get("stage") or properties.get("currentHealthStatus") or log.get("status")
    operation = text.line(_name(log.get("operationName")))
    over = (
        kind in {"servicehealth", "resourcehealth"}
        and isinstance(stage, str)
        and (stage.strip().lower() in {"resolved", "complete", "available", "completed"})
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=words.severity(properties.get("severity"))
        or words.level(_SEVERITIES, log.get("level"))
        or words.severity(_name(log.get("level"))),
        title=(
            properties.get("title"),
            log.get("description"),
            properties.get("recommendationName"),
            f"{operation}: {_last(log.get('resourceId'))}" if _last(log.get("resourceId")) else operation,
        ),
        key=_activity_key(log, properties, kind),
        group="",
        description=(properties.get("communication"), log.get("description"), properties.get("details")),
        labels={
            "event_source": log.get("eventSource"),
            "operation": operation,
            "resource": _last(log.get("resourceId")),
            "resource_group": log.get("resourceGroupName"),
            "resource_type": _name(log.get("resourceType")),
            "service": properties.get("service"),
            "region": properties.get("region"),
            "caller": log.get("caller"),
        },
        annotations=text.texts(properties) | text.texts(data.get("properties")),
        links=(("Recommendation", properties.get("recommendationResourceLink")),),
        starts=None if over else first(properties.get("impactStartTime"), log.get("eventTimestamp")),
    )


def _activity_key(log: dict[str, Any], properties: dict[str, Any], kind: str) -> str:
    resource = _lower(log.get("resourceId"))
    by_resource = (_lower(_name(log.get("operationName"))), resource)
    event = (_lower(log.get("eventDataId")),)
    if kind == "servicehealth":
        return identity.of(
            NAME, (_lower(properties.get("trackingId")),), (_lower(log.get("correlationId")),), event
        )
    if kind == "resourcehealth":
        return identity.of(NAME, (resource, "health"), event)
    if kind == "security":
        return identity.of(NAME, event, by_resource)
    if kind == "recommendation":
        return identity.of(NAME, (_lower(properties.get("recommendationType")), resource), event)
    return identity.of(NAME, (_lower(log.get("operationId")), resource), by_resource, event)


def _rule(context: dict[str, Any], data: dict[str, Any], inbound: Inbound) -> Signal:
    """A metric alert of version 2, or a classic one: a rule and the resource it watches."""
    state = data.get("status")
    over = isinstance(state, str) and state.strip().lower() in _ENDED
    properties, condition = text.texts(data.get("properties")), context.get("condition")
    name, resource = normal.first_line(context.get("name")), normal.first_line(context.get("resourceName"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else words.status(state) or SignalStatus.FIRING,
        severity=words.level(_SEVERITIES, context.get("severity"))
        or words.severity(properties.get("severity")),
        title=(f"{name} ({resource})" if name and resource else name, context.get("description")),
        key=identity.of(
            NAME,
            (_lower(context.get("id")), _lower(context.get("resourceId"))),
            (_lower(context.get("name")), _lower(context.get("resourceId"))),
        ),
        group=f"{NAME}/{_lower(first(context.get('id'), context.get('name'), ''))}",
        description=(context.get("description"), _conditions(condition)),
        labels={
            "rule": context.get("name"),
            "resource": context.get("resourceName"),
            "resource_group": context.get("resourceGroupName"),
            "resource_type": context.get("resourceType"),
            "region": context.get("resourceRegion"),
        }
        | _dimensions(condition)
        | properties,
        annotations={"condition": _conditions(condition)},
        links=(("Source", context.get("portalLink")),),
        starts=None if over else context.get("timestamp"),
        ends=context.get("timestamp"),
    )


def _flat(data: dict[str, Any], body: dict[str, Any], inbound: Inbound) -> Signal:
    """A log search alert or a budget: no context, no end."""
    budget = data.get("BudgetName")
    spent = f"{data.get('SpendingAmount')} of {data.get('Budget')} {data.get('Unit') or ''}".strip()
    return normal.signal(
        NAME,
        inbound.received_at,
        status=words.status(data.get("status")) or SignalStatus.FIRING,
        severity=words.level(_SEVERITIES, data.get("Severity")) or words.severity(data.get("Severity")),
        title=(
            budget and f"Budget {budget}: {spent}",
            data.get("AlertRuleName"),
            body.get("schemaId") and f"Azure Monitor: {body['schemaId']}",
        ),
        key=identity.of(
            NAME,
            (_lower(data.get("AlertRuleName")), _lower(data.get("SubscriptionId"))),
            (_lower(budget), _lower(data.get("SubscriptionId")), data.get("NotificationThresholdAmount")),
            (_lower(body.get("schemaId")),),
        ),
        description=data.get("Description"),
        labels={"rule": data.get("AlertRuleName"), "resource_group": data.get("ResourceGroup")},
        annotations={name: value for name, value in data.items() if type(value) in (str, int, float)},
        links=(("Results", data.get("LinkToSearchResults")),),
    )


def _group(said: dict[str, Any], rule: Any, targets: list[str]) -> str:
    """The rule and what it watches: an end and the next beginning of one problem."""
    name = _lower(first(said.get("alertRuleId"), rule, ""))
    return f"{NAME}/{name}/{','.join(map(_lower, targets[:_TARGETS_NAMED]))}" if name else ""


def _conditions(condition: Any) -> str:
    """What was measured against what, in a line for each criterion."""
    lines = []
    criteria = listed(at(condition, "allOf")) or listed(condition)
    for each in criteria[:_TARGETS_NAMED]:
        metric = first(at(each, "metricName"), at(each, "searchQuery"))
        if metric is not None:
            said = (at(each, "timeAggregation"), metric, at(each, "operator"), at(each, "threshold"))
            value = text.scalar(at(each, "metricValue"))
            words_ = " ".join(text.scalar(part) for part in said if part is not None)
            lines.append(f"{words_} (now {value})" if value else words_)
    return "\n".join(lines)


def _dimensions(condition: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in listed(at(condition, "allOf"))[:_TARGETS_NAMED]:
        found |= text.texts(at(each, "dimensions"))
    return found


def _results(context: dict[str, Any]) -> Any:
    if link := context.get("LinkToSearchResults"):
        return link
    criteria = listed(at(context, "condition", "allOf"))
    return first(
        *(
            at(each, name)
            for each in criteria[:1]
            for name in ("linkToSearchResultsUI", "linkToFilteredSearchResultsUI")
        )
    )


def _portal(alert_id: Any) -> str | None:
    if not isinstance(alert_id, str) or "Microsoft.AlertsManagement" not in alert_id:
        return None
    return f"https://portal.azure.com/#resource{alert_id}" if alert_id.startswith("/") else None


def _name(value: Any) -> Any:
    """Members that newer schemas spell as `{"value": …, "localizedValue": …}`."""
    return first(at(value, "localizedValue"), at(value, "value")) if type(value) is dict else value


def _last(value: Any) -> str:
    return value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else ""


def _lower(value: Any) -> str:
    return text.scalar(value).strip().lower()
