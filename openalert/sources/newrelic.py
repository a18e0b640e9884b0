"""New Relic: the issues of workflows, with the template it proposes, and the incidents of legacy alert channels.

https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook and
https://docs.newrelic.com/docs/alerts-applied-intelligence/new-relic-alerts/alert-notifications/customize-your-webhook-payload/
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, at, first, listed, texts_of
from openalert.sources.source import Inbound, source_of

NAME = "newrelic"

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "warning": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
_STATES = {
    "created": SignalStatus.FIRING,
    "activated": SignalStatus.FIRING,
    "active": SignalStatus.FIRING,
    "open": SignalStatus.FIRING,
    "acknowledged": SignalStatus.ACKNOWLEDGED,
    "closed": SignalStatus.RESOLVED,
    "deactivated": SignalStatus.RESOLVED,
    "cancelled": SignalStatus.RESOLVED,
    "incident_close": SignalStatus.RESOLVED,
    "incident_open": SignalStatus.FIRING,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "issueUrl" in body and any(
        name in body
        for name in ("alertPolicyNames", "impactedEntities", "issueId", "condition_name", "workflowName")
    ):
        return True
    return "condition_name" in body and ("current_state" in body or "incident_id" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields(body)
    state = first(
        fields.get("currentstate"), fields.get("state"), fields.get("issuestate"), fields.get("status")
    )
    status = words.look_up(_STATES, state) or words.look_up(_STATES, fields.get("eventtype"))
    status = status or words.status(state) or SignalStatus.FIRING
    conditions = texts_of(fields.get("alertconditionnames")) or texts_of(fields.get("conditionname"))
    policies = texts_of(fields.get("alertpolicynames")) or texts_of(fields.get("policyname"))
    entities = texts_of(fields.get("impactedentities")) or [
        name for each in listed(fields.get("targets")) if (name := text.line(at(each, "name")))
    ]
    severity = words.level(_SEVERITIES, first(fields.get("severity"), fields.get("priority")))
    moment = first(fields.get("createdat"), fields.get("activatedat"))
    over = status is SignalStatus.RESOLVED
    incident, condition = first(fields.get("incidentid")), first(fields.get("conditionid"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else severity,
        title=(
            fields.get("title"),
            fields.get("issuetitle"),
            f"{conditions[0]}: {', '.join(entities[:3])}" if conditions and entities else "",
            *conditions[:1],
            fields.get("details"),
            *policies[:1],
        ),
        key=identity.of(
            NAME,
            (first(fields.get("issueid"), fields.get("id")),),
            (incident, condition if text.scalar(incident) == "0" else ""),
            (first(*conditions, condition), ",".join(sorted(entities))),
        ),
        group=f"{NAME}/{policies[0]}" if policies and not fields.get("issueurl") else "",
        description=(fields.get("details"), fields.get("conditiondescription"), fields.get("description")),
        labels={
            "policy": ", ".join(policies[:5]),
            "condition": ", ".join(conditions[:5]),
            "entities": ", ".join(entities[:10]),
            "account": first(fields.get("accountname"), fields.get("accountid")),
        }
        | text.texts(at((listed(fields.get("targets")) or [None])[0], "labels")),
        annotations={
            "duration": fields.get("duration"),
            "owner": fields.get("owner"),
            "workflow": fields.get("workflowname"),
            "incidents": fields.get("totalincidents"),
        },
        links=(
            ("Source", first(fields.get("issueurl"), fields.get("incidenturl"))),
            ("Runbook", fields.get("runbookurl")),
            ("Chart", fields.get("violationcharturl")),
            ("Policy", fields.get("policyurl")),
        ),
        starts=moment if moment is not None else None if over else fields.get("timestamp"),
        ends=first(fields.get("closedat"), fields.get("timestamp"), fields.get("updatedat")),
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
