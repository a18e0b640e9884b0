"""Elastic: Kibana's webhook and index connectors, and Elasticsearch Watcher.

https://www.elastic.co/docs/reference/kibana/connectors-kibana/webhook-action-type. People write the body
themselves from a rule's variables (…/explore-analyze/alerts-cases/alerts/rule-action-variables), nested as in
`{"rule": {"name"}, "alert": {"id"}}` or flat as `rule_name`.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, at, first, within
from openalert.sources.source import Inbound, source_of

NAME = "elastic"

_GROUPS = {
    "recovered": SignalStatus.RESOLVED,
    "recovery": SignalStatus.RESOLVED,
    "untracked": SignalStatus.RESOLVED,
    "acknowledged": SignalStatus.ACKNOWLEDGED,
}
_RISKS = ((74, Severity.CRITICAL), (48, Severity.HIGH), (22, Severity.MEDIUM))
"""Above 73 Elastic Security calls a risk critical, above 47 high, above 21 medium."""


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if any(
        name in body
        for name in ("kibana.alert.uuid", "kibana.alert.rule.name", "kibanaBaseUrl", "kibana_base_url")
    ):
        return True
    if type(body.get("rule")) is dict and type(body.get("alert")) is dict:
        return "name" in body["rule"] or "id" in body["rule"]
    if "watch_id" in body and (
        "ctx" in body or "trigger" in body or "execution_time" in body or "payload" in body
    ):
        return True
    return ("rule_id" in body or "rule_name" in body or "ruleId" in body) and any(
        name in body
        for name in ("alert_id", "alertId", "alert_action_group", "alertActionGroup", "action_group")
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields, alert, rule = Fields(body), within(body, "alert"), within(body, "rule")
    name = first(
        rule.get("name"), fields.get("rulename"), fields.get("kibanaalertrulename"), fields.get("watchid")
    )
    instance = first(
        alert.get("id"),
        fields.get("alertid"),
        fields.get("kibanaalertinstanceid"),
        fields.get("alertinstanceid"),
    )
    group = first(
        alert.get("actionGroup"),
        fields.get("alertactiongroup"),
        fields.get("actiongroup"),
        alert.get("actionGroupName"),
        fields.get("alertactiongroupname"),
    )
    state = first(
        fields.get("status"), fields.get("state"), fields.get("kibanaalertstatus"), alert.get("status")
    )
    status = (
        words.look_up(_GROUPS, group)
        or words.look_up(_GROUPS, state)
        or words.status(state)
        or SignalStatus.FIRING
    )
    over = status is SignalStatus.RESOLVED
    reason = first(
        at(body, "context", "reason"),
        at(body, "context", "message"),
        fields.get("reason"),
        fields.get("contextreason"),
        fields.get("kibanaalertreason"),
        fields.get("message"),
        fields.get("contextmessage"),
    )
    moment = first(
        fields.get("date"), fields.get("timestamp"), fields.get("@timestamp"), fields.get("executiontime")
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else _severity(body, fields),
        title=(
            fields.get("title"),
            name and (f"{name}: {instance}" if _is_named(instance, name) else name),
            reason,
        ),
        key=identity.of(
            NAME,
            (
                first(rule.get("id"), fields.get("ruleid"), fields.get("kibanaalertruleuuid"), name),
                instance or "",
            ),
            (instance,),
        ),
        group=identity.of(NAME, (first(rule.get("id"), fields.get("ruleid"), name),)),
        description=(reason, fields.get("description"), at(body, "context", "title")),
        labels=text.texts(
            first(rule.get("tags")) or rule.get("tags") or fields.get("ruletags") or fields.get("tags")
        )
        | {
            "rule": name,
            "alert": instance,
            "group": at(body, "context", "group"),
            "space": first(rule.get("spaceId"), fields.get("spaceid")),
            "type": first(rule.get("type"), fields.get("ruletype")),
        },
        annotations={
            "value": first(at(body, "context", "value"), fields.get("contextvalue"), fields.get("value")),
            "action_group": group,
        },
        links=(
            (
                "Source",
                first(
                    at(body, "context", "alertDetailsUrl"),
                    fields.get("alertdetailsurl"),
                    fields.get("ruleurl"),
                    rule.get("url"),
                ),
            ),
            (
                "Results",
                first(
                    at(body, "context", "viewInAppUrl"),
                    at(body, "context", "link"),
                    fields.get("viewinappurl"),
                ),
            ),
        ),
        starts=None if over else moment,
        ends=moment,
    )


def _is_named(instance: Any, name: Any) -> bool:
    """Rules without groups call their one alert `*`, `query matched`, or as themselves."""
    said = text.line(instance)
    return bool(said) and said not in {"*", "query matched", text.line(name)} and len(said) <= 80


def _severity(body: dict[str, Any], fields: Fields) -> Severity | None:
    for value in (
        fields.get("severity"),
        fields.get("kibanaalertseverity"),
        at(body, "context", "severity"),
        at(body, "rule", "params", "severity"),
        at(body, "context", "rule", "severity"),
        fields.get("priority"),
    ):
        if found := words.severity(value):
            return found
    risk = first(
        at(body, "context", "rule", "risk_score"), fields.get("riskscore"), fields.get("kibanaalertriskscore")
    )
    if isinstance(risk, int | float) and not isinstance(risk, bool):
        return next((level for least, level in _RISKS if risk >= least), Severity.LOW)
    return None


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
