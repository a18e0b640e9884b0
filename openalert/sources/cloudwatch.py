"""Amazon: CloudWatch alarms by way of SNS, in its envelope or raw, and EventBridge events.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html; what is inside the envelope is text, most
often JSON. A subscription has to be confirmed before anything comes: `Reading.confirm` asks for that.
"""

import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import generic, identity, normal, text, words
from openalert.sources.fields import at, first, listed, texts_of, within
from openalert.sources.source import Inbound, Nothing, Reading, Source, read_each

NAME = "cloudwatch"

_STATES = {"ALARM": SignalStatus.FIRING, "OK": SignalStatus.RESOLVED}
_REGION = re.compile(r"arn:[\w-]{1,20}:\w{1,40}:([\w-]{1,30}):")
_INNER_BYTES = 1024 * 1024


def is_envelope(body: Any) -> bool:
    """A message of SNS: its envelope has always these three."""
    return type(body) is dict and "Type" in body and "TopicArn" in body and "MessageId" in body


def looks_like(body: Any, inbound: Inbound) -> bool:
    """An envelope of SNS, an alarm without one, an event of EventBridge, or anything that says it comes from SNS."""
    if "x-amz-sns-message-type" in inbound.headers:
        return type(body) is dict
    some = next((item for item in body if type(item) is dict), None) if type(body) is list else body
    if type(some) is not dict:
        return False
    return is_envelope(some) or _is_alarm(some) or _is_event(some)


def parse(body: Any, inbound: Inbound) -> Reading:
    """One alarm, or the question whether to subscribe; text that is no alarm is an alert all the same."""
    if type(body) is list:
        return read_each(NAME, body, lambda item: _read(item, inbound))
    if is_envelope(body) and text.line(body.get("Type")) in {
        "SubscriptionConfirmation",
        "UnsubscribeConfirmation",
    }:
        return _handshake(body)
    said = _read(body, inbound)
    return Reading(NAME, note=said.reason) if isinstance(said, Nothing) else Reading(NAME, [said])


SOURCE = Source(name=NAME, looks_like=looks_like, parse=parse)


def _handshake(body: dict[str, Any]) -> Reading:
    topic = text.line(body["TopicArn"], 200)
    if body["Type"] == "UnsubscribeConfirmation":
        return Reading(
            NAME, note=f"The topic {topic} was unsubscribed at Amazon: nothing more will come from it."
        )
    note = f"Amazon SNS asks whether to send the topic {topic} here."
    return Reading(NAME, note=note, confirm=body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    if not is_envelope(body):
        return _content(body, {}, inbound)
    message = body.get("Message")
    if isinstance(message, str) and message.lstrip()[:1] == "{" and len(message) <= _INNER_BYTES:
        with suppress(ValueError, RecursionError):
            inner = json.loads(message)
            if type(inner) is dict and inner:
                return _content(inner, body, inbound)
    return _content(message if type(message) is dict else {}, body, inbound)


def _content(inner: dict[str, Any], envelope: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    if _is_alarm(inner):
        return _alarm(inner, envelope, inbound)
    if _is_event(inner):
        return _event(inner, inbound)
    return _other(inner, envelope, inbound)


def _is_alarm(body: dict[str, Any]) -> bool:
    return "AlarmName" in body and "NewStateValue" in body


def _is_event(body: dict[str, Any]) -> bool:
    return "detail-type" in body and "detail" in body


def _alarm(alarm: dict[str, Any], envelope: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"""
    state = text.scalar(alarm.get("NewStateValue")).strip().upper()
    status = _STATES.get(state) or (
        None if state == "INSUFFICIENT_DATA" else words.status(state) or SignalStatus.FIRING
    )
    if status is None:
        return Nothing("CloudWatch has not enough data to say whether this alarm is on: nothing changes.")
    arn, name = alarm.get("AlarmArn"), alarm.get("AlarmName")
    trigger, moment = within(alarm, "Trigger"), alarm.get("StateChangeTime")
    account, region = alarm.get("AWSAccountId"), alarm.get("Region")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=words.own_level(state) or Severity.CRITICAL if status is SignalStatus.FIRING else None,
        title=(name, envelope.get("Subject"), alarm.get("AlarmDescription")),
        key=identity.of(NAME, (arn,), (name, account, region)),
        description="\n\n".join(
            filter(None, map(text.paragraphs, (alarm.get("AlarmDescription"), alarm.get("NewStateReason"))))
        ),
        labels=text.texts(trigger.get("Dimensions"))
        | {
            "alarm": name,
            "account": account,
            "region": _code(arn) or _code(envelope.get("TopicArn")) or region,
            "namespace": trigger.get("Namespace"),
            "metric": trigger.get("MetricName"),
        },
        annotations={
            "reason": alarm.get("NewStateReason"),
            "previous_state": alarm.get("OldStateValue"),
            "threshold": trigger.get("Threshold"),
            "comparison": trigger.get("ComparisonOperator"),
            "topic": envelope.get("TopicArn"),
            "triggered_by": ", ".join(
                text.scalar(at(child, "Arn")) for child in listed(alarm.get("TriggeringChildren"))[:10]
            ),
        },
        links=(("Source", _console(arn, name)),),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


def _event(event: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """https://docs.aws.amazon.com/eventbridge/latest/ref/overview.html"""
    kind, detail = text.line(event.get("detail-type")), within(event, "detail")
    resources = texts_of(event.get("resources"))
    state = first(
        at(detail, "state", "value"), detail.get("state"), detail.get("status"), detail.get("statusCode")
    )
    if kind == "CloudWatch Alarm State Change" and state == "INSUFFICIENT_DATA":
        return Nothing("CloudWatch has not enough data to say whether this alarm is on: nothing changes.")
    status = words.status(state) or SignalStatus.FIRING
    moment = first(detail.get("startTime"), at(detail, "state", "timestamp"), event.get("time"))
    own = first(detail.get("eventArn"), detail.get("alarmName") and first(*resources), detail.get("id"))
    said = _health_text(detail)
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=_event_severity(detail, status, kind),
        title=(
            detail.get("alarmName"),
            detail.get("title"),
            detail.get("eventTypeCode") and f"{kind}: {text.scalar(detail['eventTypeCode'])}",
            f"{kind}: {resources[0].rpartition(':')[2]}" if resources else kind,
        ),
        key=identity.of(NAME, (own,))
        or identity.digest(
            NAME, text.scalar(event.get("source")), kind, sorted(resources) or _instance(detail)
        ),
        group=f"{NAME}/{kind}" if kind and not own else "",
        description=(detail.get("description"), said, at(detail, "state", "reason"), detail.get("cause")),
        labels={
            "account": event.get("account"),
            "region": event.get("region"),
            "event_source": event.get("source"),
            "resource": ", ".join(resources[:5]),
        },
        annotations={name: value for name, value in detail.items() if isinstance(value, str | int | float)},
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=first(detail.get("endTime"), event.get("time")),
    )


def _event_severity(detail: dict[str, Any], status: SignalStatus, kind: str) -> Severity | None:
    """GuardDuty and Security Hub grade from 0 to 10, AWS Health by category."""
    if status is SignalStatus.RESOLVED:
        return None
    grade = detail.get("severity")
    if isinstance(grade, int | float) and not isinstance(grade, bool):
        levels = ((9, Severity.CRITICAL), (7, Severity.HIGH), (4, Severity.MEDIUM))
        return next((level for least, level in levels if grade >= least), Severity.LOW)
    if kind == "CloudWatch Alarm State Change":
        return Severity.CRITICAL
    return words.severity(grade) or (Severity.HIGH if detail.get("eventTypeCategory") == "issue" else None)


def _health_text(detail: dict[str, Any]) -> Any:
    texts = [at(each, "latestDescription") for each in listed(detail.get("eventDescription"))]
    return first(*texts)


def _instance(detail: dict[str, Any]) -> str:
    return text.scalar(
        first(detail.get("instance-id"), detail.get("alarmName"), detail.get("resource-id"), "")
    )


def _other(inner: dict[str, Any], envelope: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """Whatever else a program publishes: JSON by the names of its members, and text."""
    message = envelope.get("Message")
    if not inner and not text.paragraphs(message) and not text.line(envelope.get("Subject")):
        return Nothing("The message of SNS is empty.")
    if inner:
        subject = {"subject": envelope["Subject"]} if envelope.get("Subject") else {}
        said = generic.parse(subject | inner, inbound)
        if not said.signals:
            return Nothing(said.note or "There is nothing to do.")
        signal = said.signals[0]
        signal.source = NAME
        return signal
    lines = text.paragraphs(message).partition("\n")
    mark = text.line(envelope.get("Subject")).partition(":")[0]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=words.status(mark) or SignalStatus.FIRING,
        severity=words.level_in_status(mark),
        title=(envelope.get("Subject"), lines[0]),
        key="",
        description=message,
        labels={"topic": envelope.get("TopicArn")},
        starts=envelope.get("Timestamp"),
    )


def _code(arn: Any) -> str:
    found = _REGION.match(arn) if isinstance(arn, str) else None
    return found[1] if found else ""


def _console(arn: Any, name: Any) -> str | None:
    region = _code(arn)
    if not region or not isinstance(name, str):
        return None
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    return f"{console}#alarmsV2:alarm/{quote(name, safe='')}"
