"""Datadog's webhooks, whose body people write themselves from Datadog's variables.

https://docs.datadoghq.com/integrations/webhooks/ names the variables; their usual names are understood here. The title
carries the state and the scope, and both are taken from it when nothing else says them.
"""

import re
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, at, first, plain
from openalert.sources.source import Inbound, source_of

NAME = "datadog"

_TYPES = {
    "error": Severity.CRITICAL,
    "warning": Severity.HIGH,
    "info": Severity.INFO,
    "user_update": Severity.INFO,
}
_TRANSITIONS = {
    "triggered": (SignalStatus.FIRING, Severity.CRITICAL),
    "re_triggered": (SignalStatus.FIRING, Severity.CRITICAL),
    "alert": (SignalStatus.FIRING, Severity.CRITICAL),
    "warn": (SignalStatus.FIRING, Severity.HIGH),
    "re_warn": (SignalStatus.FIRING, Severity.HIGH),
    "no_data": (SignalStatus.FIRING, Severity.HIGH),
    "re_no_data": (SignalStatus.FIRING, Severity.HIGH),
    "renotify": (SignalStatus.FIRING, Severity.CRITICAL),
    "recovered": (SignalStatus.RESOLVED, None),
    "resolved": (SignalStatus.RESOLVED, None),
    "ok": (SignalStatus.RESOLVED, None),
}
_PRIORITY = re.compile(r"p[1-5]", re.IGNORECASE)
_MARK = re.compile(r"\s*\[\s*(P[1-5]|[A-Za-z -]{2,20}?)(?:\s+on\s+\{([^}]*)\})?\s*\]\s*")
_UNFILLED = re.compile(r"\$[A-Z_]{2,40}$")
_SITE = re.compile(r"https?://[\w.-]*(?:datadoghq\.|ddog-gov\.)", re.IGNORECASE)
_EVENT_TYPE = re.compile(r"\w*_(?:alert|monitor)(?:_\w+)?$|event_v2_alert$", re.IGNORECASE)
_MONITOR = plain("monitorid alertid")
_SCOPES = plain("scopes scope alertscope alertscopes")
_CYCLE = plain("aggregkey alertcyclekey aggregationkey")
_LINK = plain("link url eventurl alerturl")


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    """Two signs of Datadog: each alone is also in messages of others."""
    kind, org, said = body.get("event_type"), body.get("org"), body.get("body")
    link = first(body.get("link"), body.get("url"))
    signs = (
        "alert_transition" in body,
        body.get("alert_type") in ("error", "warning", "info", "success", "user_update"),
        isinstance(kind, str) and len(kind) <= 40 and _EVENT_TYPE.match(kind) is not None,
        type(org) is dict and "id" in org and "name" in org,
        "last_updated" in body,
        isinstance(link, str) and _SITE.match(link) is not None,
        isinstance(said, str) and said.startswith("%%%"),
    )
    return sum(signs) >= 2


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields({name: value for name, value in body.items() if not _unfilled(value)})
    mark, scope, name = _title(normal.first_line((fields.get("title"), fields.get("eventtitle"))))
    transition = first(fields.get("alerttransition"), fields.get("transition"), mark, fields.get("eventtype"))
    status, level = words.look_up(_TRANSITIONS, transition) or (None, None)
    alert_type = text.line(fields.get("alerttype")).lower()
    if status is None:
        status = SignalStatus.RESOLVED if alert_type == "success" else SignalStatus.FIRING
    scope = _scope(first(*fields.values(_SCOPES)), scope)
    link = first(*fields.values(_LINK))
    tags = text.texts(fields.get("tags"))
    host = first(fields.get("hostname"), fields.get("host"))
    moment = first(fields.get("date"), fields.get("lastupdated"), fields.get("timestamp"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_TYPES, alert_type)
        or _priority(fields)
        or level
        or words.severity(fields.get("severity")),
        title=(
            name,
            fields.get("alerttitle"),
            fields.get("alertname"),
            fields.get("monitorname"),
            fields.get("message"),
        ),
        key=_key(fields, scope, host, name),
        group=identity.of(NAME, (first(*fields.values(_MONITOR)),)),
        description=tuple(map(_plain, fields.values(("body", "textonlymsg", "message", "text", "eventmsg")))),
        labels=_pairs(scope) | tags | {"host": host, "priority": fields.get("priority")},
        annotations={
            "query": fields.get("alertquery"),
            "metric": fields.get("alertmetric"),
            "status": fields.get("alertstatus"),
            "organization": first(at(body, "org", "name"), fields.get("orgname")),
        },
        links=(("Source", link), ("Snapshot", fields.get("snapshot"))),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)


def _key(fields: Fields, scope: str, host: Any, name: str) -> str:
    """A monitor and the group in it; without a monitor's id what Datadog links events by, else the bare title."""
    monitor, cycle = first(*fields.values(_MONITOR)), first(*fields.values(_CYCLE))
    return identity.of(
        NAME, (monitor, scope or cycle or host or ""), (cycle,), (name, scope), (first(fields.get("id")),)
    )


def _title(title: str) -> tuple[str, str, str]:
    """Transition, scope and bare name in `[P2] [Triggered on {host:a}] Name`."""
    transition = scope = ""
    while mark := _MARK.match(title):
        word = mark[1]
        if not _PRIORITY.fullmatch(word):
            if transition or words.look_up(_TRANSITIONS, word) is None:
                break
            transition, scope = word, mark[2] or ""
        title = title[mark.end() :]
    return transition, scope, title


def _scope(said: Any, in_title: str) -> str:
    """The tags of a group in one order, from whichever of the two says them."""
    scope = ",".join(map(text.scalar, said)) if isinstance(said, list) else text.scalar(said)
    return ",".join(sorted(part.strip() for part in (scope or in_title).split(",") if part.strip()))


def _pairs(scope: str) -> dict[str, Any]:
    return {name: value for name, value in text.texts(scope).items() if name != "*"}


def _priority(fields: Fields) -> Severity | None:
    for value in fields.values(("severity", "priority", "alertpriority")):
        if isinstance(value, str) and _PRIORITY.fullmatch(value.strip()):
            return words.severity(value)
    return None


def _plain(said: Any) -> str:
    """The text between the %%% that say "this is Markdown", without the webhooks it mentions."""
    if not isinstance(said, str):
        return ""
    lines = said[: text.DESCRIPTION * 2].replace("%%%", "").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("@webhook-")).strip()


def _unfilled(value: Any) -> bool:
    """A variable that Datadog did not know stays as `$NAME`."""
    return isinstance(value, str) and value.startswith("$") and _UNFILLED.match(value) is not None
