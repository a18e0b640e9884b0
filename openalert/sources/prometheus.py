"""Prometheus alerts: Alertmanager's webhook (versions 3 and 4) and the alerts Prometheus posts to it.

Formats: Alertmanager's `template.Data` as `notify/webhook` sends it, one group per message; and the list of
alerts of its API v2 (`POST /api/v2/alerts`), which Prometheus, vmalert and ElastAlert send and which has no
status: such an alert is over when its `endsAt` has passed. A single alert outside a list is read alike.
"""

import re
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.errors import Invalid, TooLarge
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.sources import identity, text, times, words
from openalert.sources.source import MOST, Inbound, Reading, Skipped, Source

NAME = "prometheus"

_Name = Annotated[str, msgspec.Meta(max_length=text.LABEL)]
_Labels = Annotated[
    dict[_Name, Annotated[str, msgspec.Meta(max_length=text.LABEL)]], msgspec.Meta(max_length=text.LABELS)
]
_Annotations = Annotated[
    dict[_Name, Annotated[str, msgspec.Meta(max_length=text.ANNOTATION)]],
    msgspec.Meta(max_length=text.LABELS),
]
_LINKS = (
    ("Dashboard", "dashboardURL"),
    ("Panel", "panelURL"),
    ("Source", "generatorURL"),
    ("Silence", "silenceURL"),
    ("Image", "imageURL"),
)
_LABELS_OF_LINKS = tuple(label for label, _ in _LINKS)
_hrefs = attrgetter(*(name for _, name in _LINKS))
_ANNOTATED_LINKS = (
    ("Runbook", "runbook_url"),
    ("Runbook", "runbook"),
    ("Runbook", "runbookUrl"),
    ("Dashboard", "dashboard_url"),
    ("Dashboard", "dashboard"),
)
_ANNOTATED = frozenset(name for _, name in _ANNOTATED_LINKS)
_SEVERITY_MATCHER = re.compile(
    r'(?<=[{,\s])"?severity"?\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|[^,}\s]*)(?:,\s*)?', re.IGNORECASE
)
_LONGEST_GROUP = 255
_SILENCED = "Its sender has silenced or inhibited it."


class _Alert(msgspec.Struct, rename={"starts_at": "startsAt", "ends_at": "endsAt"}):
    """One alert as Alertmanager's own types have it; whatever deviates is brought into this shape first."""

    labels: _Labels | None = None
    annotations: _Annotations | None = None
    status: str | None = None
    fingerprint: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    description: str | None = None
    generatorURL: str | None = None  # noqa: N815 - the names of the format, so that links are read by table
    dashboardURL: str | None = None  # noqa: N815 - as above
    panelURL: str | None = None  # noqa: N815 - as above
    silenceURL: str | None = None  # noqa: N815 - as above
    imageURL: str | None = None  # noqa: N815 - as above
    ruleUID: str | None = None  # noqa: N815 - as above
    valueString: str | None = None  # noqa: N815 - as above


class Frame(msgspec.Struct):
    """What a message says about all of its alerts."""

    source: str = NAME
    """Grafana sends the same alerts, under its own name."""
    severity: Severity | None = None
    """Of an alert whose labels say nothing of it."""
    group: str | None = None
    """None: every alert names its own."""
    status: SignalStatus | None = None
    """What an alert without status inherits; None: its `endsAt` decides."""
    title: str = ""
    link: dict[str, str] | None = None
    now: Instant = 0


_MEMBERS = frozenset(_Alert.__struct_encode_fields__)


def looks_like(body: Any, _inbound: Inbound) -> bool:
    """An Alertmanager message, a list with an alert of the API v2 in it, or one such alert."""
    if isinstance(body, list):
        return any(map(_is_alert, body))
    return is_message(body) or _is_alert(body)


def parse(body: Any, inbound: Inbound) -> Reading:
    """Every alert of the message; raises `Invalid` when there are some and none can be read."""
    if isinstance(body, list):
        return read_group(body, Frame(now=inbound.received_at))
    if "alerts" not in body:
        return read_group([body], Frame(now=inbound.received_at))
    reading = read_group(body["alerts"], frame_of(body, inbound.received_at))
    truncated = body.get("truncatedAlerts")
    if type(truncated) is int and truncated > 0:
        reading.note = f"Alertmanager left out {truncated} alerts of this group (its `max_alerts`)."
    return reading


SOURCE = Source(name=NAME, looks_like=looks_like, parse=parse, batches=True)


def is_message(body: Any) -> bool:
    """Alertmanager's own message: an object with `alerts`, told from other systems' lists of that name."""
    if not isinstance(body, dict):
        return False
    alerts = body.get("alerts")
    if isinstance(alerts, list) and any(
        isinstance(item, dict) and _has_alert_member(item) for item in alerts
    ):
        return True
    return "alerts" in body and ("groupKey" in body or "receiver" in body)


def _has_alert_member(item: dict[str, Any]) -> bool:
    return any(name in item for name in ("labels", "annotations", "startsAt", "generatorURL", "fingerprint"))


def _is_alert(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    labels = item.get("labels")
    if not isinstance(labels, dict):
        return False
    return "startsAt" in item or "generatorURL" in item or ("alertname" in labels and item.keys() <= _MEMBERS)


def read_group(items: Any, frame: Frame) -> Reading:
    """The alerts of one message; raises `Invalid` when there are some and none can be read."""
    if not isinstance(items, list):
        raise Invalid("`alerts` is not a list. Send Alertmanager's webhook body, or a list of alerts.")
    if len(items) > MOST:
        raise TooLarge(f"The message holds more than {MOST} alerts. Send fewer per message.", limit=MOST)
    signals, skipped = [], []
    for index, item in enumerate(items):
        try:
            said: Signal | str = _signal(msgspec.convert(item, _Alert), frame)
        except msgspec.ValidationError:
            said = _adapted(item, frame)
        if isinstance(said, str):
            skipped.append(Skipped(index, said))
        else:
            signals.append(said)
    if not items:
        return Reading(frame.source, note="The message holds no alerts: nothing to do.")
    if not signals and all(item.reason != _SILENCED for item in skipped):
        raise Invalid(f"None of the alerts can be read: {skipped[0].reason}")
    return Reading(frame.source, signals, skipped)


def _signal(alert: _Alert, frame: Frame) -> Signal | str:
    """The alert as a signal, or why it cannot be one."""
    labels, annotations = alert.labels or {}, alert.annotations or {}
    fingerprint = identity.key(alert.fingerprint) if alert.fingerprint else ""
    if not labels and not annotations and not fingerprint:
        return "It has neither labels nor annotations nor a fingerprint."
    status = _status(alert, frame)
    if status is None:
        return _SILENCED
    title, description = _title(labels, annotations, alert, frame)
    starts_at = times.not_future(times.instant(alert.starts_at), frame.now)
    ends_at = None
    if status is SignalStatus.RESOLVED:
        ends_at = times.not_future(times.instant(alert.ends_at), frame.now)
        if ends_at is not None and starts_at is not None and ends_at < starts_at:
            ends_at = None
    if not fingerprint:
        rule = (alert.ruleUID,) if alert.ruleUID else ()
        fingerprint = identity.digest(frame.source, labels or title, *rule)
    if alert.valueString and "value" not in annotations:
        annotations = {**annotations, "value": text.cut(alert.valueString, text.ANNOTATION)}
    return Signal(
        source=frame.source,
        status=status,
        severity=_severity(labels, annotations) or frame.severity,
        title=title,
        fingerprint=fingerprint,
        group=frame.group or _own_group(labels) or fingerprint,
        description=description,
        labels=labels,
        annotations=annotations,
        links=_links(alert, annotations, frame),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _adapted(item: Any, frame: Frame) -> Signal | str:
    """An alert with members of other types or sizes than Alertmanager's; all of its labels identify it."""
    if not isinstance(item, dict):
        return "It is not an object."
    labels = text.texts(item.get("labels"))
    state = item.get("status")
    members = {name: item[name] for name in _MEMBERS if isinstance(item.get(name), str)}
    times_of = {name: str(int(item[name])) for name in ("startsAt", "endsAt") if _is_number(item.get(name))}
    fingerprint = item.get("fingerprint")
    alert = msgspec.convert(
        members
        | times_of
        | {
            "labels": text.kept(labels),
            "annotations": text.kept(text.texts(item.get("annotations")), text.ANNOTATION),
            # The list that Alertmanager's API v2 answers has {"state": "active", "silencedBy": […], …} here.
            "status": state.get("state") if isinstance(state, dict) else members.get("status"),
            "fingerprint": text.scalar(fingerprint) if isinstance(fingerprint, str | int) else None,
        },
        _Alert,
        strict=False,
    )
    if not alert.fingerprint and labels:
        alert.fingerprint = identity.digest(frame.source, labels)
    return _signal(alert, frame)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _status(alert: _Alert, frame: Frame) -> SignalStatus | None:
    """The alert's own status, else its message's, else what its end says; None: silenced by its sender."""
    if alert.status is not None:
        if own := words.status(alert.status):
            return own
        if words.muted(alert.status):
            return None
    if frame.status is not None:
        return frame.status
    ends_at = times.instant(alert.ends_at)
    return SignalStatus.RESOLVED if ends_at is not None and ends_at <= frame.now else SignalStatus.FIRING


def _severity(labels: dict[str, str], annotations: dict[str, str]) -> Severity | None:
    """The first word that we know: a label before an annotation."""
    if found := words.severity(labels.get("severity")):
        return found
    for name in ("severity", "priority", "level", "criticality"):
        if found := words.severity(labels.get(name)):
            return found
    return words.severity(annotations.get("severity"))


def _title(
    labels: dict[str, str], annotations: dict[str, str], alert: _Alert, frame: Frame
) -> tuple[str, str]:
    """Title and description; a text that became the title is not repeated as the description."""
    title = text.line(annotations.get("summary")) or text.line(annotations.get("title"))
    description = annotations.get("description") or annotations.get("details") or alert.description
    message = annotations.get("message")
    if not title:
        title = text.line(message)
    elif not description:
        description = message
    if not title:
        title = _name(labels)
    if not title:
        title = frame.title or text.line(description) or text.line(_pairs(labels) or _pairs(annotations))
    return title or "Alert without a name", text.paragraphs(description) if description else ""


def _name(labels: dict[str, str]) -> str:
    name, instance = text.line(labels.get("alertname")), text.line(labels.get("instance"))
    return text.cut(f"{name} ({instance})", text.TITLE) if name and instance else name


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _links(alert: _Alert, annotations: dict[str, str], frame: Frame) -> list[dict[str, str]]:
    # Most alerts have one link; a storm asks for all of them of each of its alerts.
    links = []
    if not _ANNOTATED.isdisjoint(annotations):
        for label, name in _ANNOTATED_LINKS:
            if name in annotations and (found := text.link(label, annotations[name])):
                links.append(found)
    for label, href in zip(_LABELS_OF_LINKS, _hrefs(alert), strict=True):
        if href and (found := text.link(label, href)):
            links.append(found)
    if frame.link:
        links.append(frame.link)
    return links


def _own_group(labels: dict[str, str]) -> str:
    """Alerts outside a notification belong together when rule and service do, whatever the severity."""
    name, service = labels.get("alertname", ""), labels.get("service", "")
    return _short(f"{name}/{service}" if name and service else name)


def frame_of(body: dict[str, Any], now: Instant) -> Frame:
    """What the message around the alerts says."""
    title = ""
    labels = body.get("groupLabels")
    if isinstance(labels, dict):
        title = text.line(labels.get("alertname"))
    return Frame(
        group=_group(body.get("groupKey"), labels),
        status=words.status(body.get("status")) or SignalStatus.FIRING,
        title=title or text.line(body.get("title")),
        link=text.link("Alertmanager", body.get("externalURL")),
        now=now,
    )


def _group(key: Any, labels: Any) -> str | None:
    """The notification's group without severity, so that two thresholds of one problem meet in one incident.

    Version 4 spells the group out in its `groupKey`, route and labels; version 3 has a number made from them.
    """
    if isinstance(key, str) and key.strip():
        if "severity" in key.lower():
            key = re.sub(r",\s*}", "}", _SEVERITY_MATCHER.sub("", key))
        return _short(key)
    own = {name: value for name, value in text.texts(labels).items() if name.lower() != "severity"}
    if own:
        return _short(_pairs(dict(sorted(own.items()))))
    return _short(str(key)) if isinstance(key, int) and not isinstance(key, bool) else None


def _short(group: str) -> str:
    return group if len(group) <= _LONGEST_GROUP and group.isprintable() else identity.digest(group)
