"""Sensu Go's events (core/v2), as its webhook handlers and plugins pass them on.

https://docs.sensu.io/sensu-go/latest/observability-pipeline/observe-events/events/
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "sensu"

_STATUSES = {"0": None, "1": Severity.HIGH, "2": Severity.CRITICAL}
_UNKNOWN = Severity.MEDIUM


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    check = body.get("check")
    if type(check) is not dict:
        return False
    return ("metadata" in check and type(body.get("entity")) is dict) or (
        "status" in check and "client" in body
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """Sensu Go has `metadata` and `entity`, Sensu Core before it `name` and `client`."""
    check, entity = within(body, "check"), within(body, "entity") or within(body, "client")
    if check.get("is_silenced") is True:
        return Nothing("Sensu has silenced this check: nothing to do.")
    code = text.scalar(check.get("status"))
    severity = _STATUSES.get(code, _UNKNOWN) if code else None
    over = severity is None and (code == "0" or words.status(check.get("state")) is SignalStatus.RESOLVED)
    name = first(at(check, "metadata", "name"), check.get("name"))
    host = first(check.get("proxy_entity_name"), at(entity, "metadata", "name"), entity.get("name"))
    space = first(at(entity, "metadata", "namespace"), at(check, "metadata", "namespace"))
    output = text.paragraphs(check.get("output"))
    moment = first(check.get("executed"), check.get("issued"), body.get("timestamp"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=words.own_level(code) or severity,
        title=(
            f"{name} on {host}" if name is not None and host is not None else name,
            host,
            output.partition("\n")[0],
        ),
        key=identity.of(
            NAME, (at(entity, "metadata", "name") or host, name or "", space or ""), (name, space or "")
        ),
        group=f"{NAME}/{text.scalar(name)}" if name is not None else "",
        description=(output, at(check, "metadata", "annotations", "description")),
        labels={"host": host, "check": name, "namespace": space}
        | text.texts(at(entity, "metadata", "labels"))
        | text.texts(at(check, "metadata", "labels")),
        annotations=text.texts(at(check, "metadata", "annotations"))
        | {"occurrences": check.get("occurrences"), "state": check.get("state"), "output": output},
        links=(
            ("Runbook", at(check, "metadata", "annotations", "runbook_url")),
            ("Dashboard", at(check, "metadata", "annotations", "dashboard_url")),
        ),
        starts=None if over else moment,
        ends=moment,
    )


SOURCE = source_of(NAME, _looks_like, _read)
