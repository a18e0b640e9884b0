"""Zabbix's webhook media types, whose parameters people name after Zabbix's macros.

https://www.zabbix.com/documentation/current/en/manual/appendix/macros/supported_by_location; the severities are of
https://www.zabbix.com/documentation/current/en/manual/config/triggers/severity, where "Warning" is below "Average".
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, at, first, listed, plain
from openalert.sources.source import Inbound, source_of
from openalert.sources.words import Meaning

NAME = "zabbix"

_SEVERITIES = {
    "not_classified": Severity.INFO,
    "information": Severity.INFO,
    "warning": Severity.LOW,
    "average": Severity.MEDIUM,
    "high": Severity.HIGH,
    "disaster": Severity.CRITICAL,
    "0": Severity.INFO,
    "1": Severity.INFO,
    "2": Severity.LOW,
    "3": Severity.MEDIUM,
    "4": Severity.HIGH,
    "5": Severity.CRITICAL,
}
_STATUSES = {
    "problem": SignalStatus.FIRING,
    "update": SignalStatus.FIRING,
    "1": SignalStatus.FIRING,
    "resolved": SignalStatus.RESOLVED,
    "ok": SignalStatus.RESOLVED,
    "0": SignalStatus.RESOLVED,
}
_STATUS = plain("status triggerstatus eventstatus state value eventvalue triggervalue")
_SEVERITY = plain("severity triggerseverity eventseverity nseverity eventnseverity triggernseverity priority")
_TITLE = plain("trigger triggername eventname problem problemname name subject alertsubject title")
_HOST = plain("hostname host hostvisiblename hostid hostip hostconn")
_TEXT = plain("message alertmessage description triggerdescription item itemname opdata eventopdata text")
_LINK = plain("link url triggerurl eventurl problemurl zabbixurl")


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if (
        isinstance(body.get("trigger"), str)
        and ("severity" in body or "hostname" in body)
        and "status" in body
    ):
        return words.look_up(_STATUSES, body["status"]) is not None
    return any(name in body for name in ("event_nseverity", "trigger_nseverity", "event_update_status")) or (
        "triggerId" in body and ("hostName" in body or "host" in body)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields({name: value for name, value in body.items() if not _unfilled(value)})
    status = _first(_STATUSES, fields.values(_STATUS))
    title = normal.first_line(tuple(fields.values(_TITLE)))
    if status is None and fields.get("eventrecoverydatetime"):
        status = SignalStatus.RESOLVED
    if status is None:
        status = words.status(first(*fields.values(_STATUS), title.partition(":")[0])) or SignalStatus.FIRING
    action = text.line(fields.get("eventupdateaction")).lower()
    if status is SignalStatus.FIRING and "acknowledged" in action and "unacknowledged" not in action:
        status = SignalStatus.ACKNOWLEDGED
    host = first(*fields.values(_HOST))
    name, said = _bare(title), fields.values(_SEVERITY)
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=_severity(said),
        title=(name, *fields.values(_TEXT)),
        key=identity.of(
            NAME,
            (fields.get("eventid"), fields.get("triggerid") or ""),
            (fields.get("triggerid"), host or ""),
            (name, host or ""),
        ),
        group=f"{NAME}/{text.scalar(host)}" if host is not None else "",
        description=tuple(fields.values(_TEXT)),
        labels={"host": host, "host_group": first(fields.get("hostgroup"), fields.get("hostgroups"))}
        | _tags(fields.get("eventtags") or fields.get("eventtagsjson") or fields.get("tags")),
        annotations={
            "item": fields.get("item"),
            "value": first(fields.get("itemvalue"), fields.get("itemlastvalue")),
            "event_id": fields.get("eventid"),
            "update": fields.get("eventupdatemessage"),
        },
        links=tuple(("Source", value) for value in fields.values(_LINK)[:1]),
    )


def _severity(said: list[Any]) -> Severity | None:
    """What the first value means that means something."""
    known = (words.level(_SEVERITIES, value) for value in said)
    return next((found for found in known if found), None) or words.severity(first(*said))


def _first(table: Mapping[str, Meaning], values: list[Any]) -> Meaning | None:
    """What the first value that is in the table means."""
    return next((found for value in values if (found := words.look_up(table, value))), None)


def _tags(value: Any) -> dict[str, str]:
    """`{EVENT.TAGSJSON}`, as text or as the list in it, or what labels look like anywhere."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value[: text.DESCRIPTION])
    pairs = [
        {"key": at(each, "tag"), "value": at(each, "value")} for each in listed(value) if at(each, "tag")
    ]
    return text.texts(pairs) or text.texts(value)


def _bare(title: str) -> str:
    """The name of the problem without the word with which media types begin a subject."""
    mark, colon, rest = title.partition(": ")
    is_mark = colon and mark.lower() in {"problem", "resolved", "updated problem", "update", "ok"}
    return rest if is_mark and rest else title


def _unfilled(value: Any) -> bool:
    """A macro that has no value stays as it is, in braces."""
    return (
        isinstance(value, str)
        and value.startswith("{")
        and value.endswith("}")
        and value[1:-1].replace(".", "").isupper()
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
