"""Alibaba Cloud Monitor: the events of CloudMonitor 2.0, and the callback of CloudMonitor 1.0.

https://www.alibabacloud.com/help/en/cms/ (alert callbacks)
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first
from openalert.sources.source import Inbound, source_of

NAME = "alibaba_cms"

_STATUSES = {
    "occurred": SignalStatus.FIRING,
    "alert": SignalStatus.FIRING,
    "insufficient_data": SignalStatus.FIRING,
}
_LEVELS = {
    "critical": Severity.CRITICAL,
    "warn": Severity.HIGH,
    "warning": Severity.HIGH,
    "info": Severity.INFO,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "specversion" in body and "alertEntityId" in body and "ruleId" in body:
        return True
    return "alertState" in body and "ruleId" in body and ("metricName" in body or "alertName" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    state = first(body.get("status"), body.get("alertState"))
    status = words.look_up(_STATUSES, state) or words.status(state) or SignalStatus.FIRING
    over = status is SignalStatus.RESOLVED
    level = first(body.get("severity"), body.get("triggerLevel"), body.get("preTriggerLevel"))
    moment = first(body.get("timestamp"), body.get("time"))
    name = first(body.get("subject"), body.get("alertName"))
    entity = first(body.get("alertEntityId"), body.get("dimensions"), body.get("instanceName"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else words.level(_LEVELS, level) or words.severity(level),
        title=(name, body.get("alertMessage"), body.get("metricName")),
        key=identity.of(NAME, (body.get("ruleId"), entity or ""), (name, entity or "")),
        group=identity.of(NAME, (body.get("ruleId"),)),
        description=(body.get("alertMessage"), body.get("expression")),
        labels=text.texts(at(body, "resource", "tags"))
        | text.texts(body.get("labels"))
        | {
            "entity": entity,
            "instance": first(
                at(body, "resource", "entity", "prop", "instanceName"), body.get("instanceName")
            ),
            "metric": body.get("metricName"),
            "namespace": body.get("namespace"),
        },
        annotations=text.texts(body.get("annotations"))
        | {
            "value": first(at(body, "data", "value"), body.get("curValue")),
            "threshold": at(body, "data", "threshold"),
        },
        links=(("Source", body.get("alertHistoryUrl")),),
        starts=None if over else moment,
        ends=moment,
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
