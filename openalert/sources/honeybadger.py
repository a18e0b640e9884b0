"""Honeybadger's webhook: faults of a project, its sites and its check-ins.

https://docs.honeybadger.io/guides/integrations/webhook/ and …/guides/notifications/
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "honeybadger"

_FIRING = {
    "occurred": Severity.HIGH,
    "unresolved": Severity.HIGH,
    "rate_exceeded": Severity.HIGH,
    "down": Severity.CRITICAL,
    "check_in_missing": Severity.CRITICAL,
    "cert_will_expire": Severity.MEDIUM,
    "quota_will_exceed": Severity.MEDIUM,
    "quota_exceeded": Severity.HIGH,
    "check_in_failed": Severity.CRITICAL,
}
_NEWS = {"assigned", "commented", "deployed", "ignored", "unassigned", "check_in_paused"}
_SUBJECTS = ("check_in", "site", "fault", "alarm")
_RESOLVED = {"resolved", "up", "check_in_reporting"}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    event = body.get("event")
    if not isinstance(event, str) or type(body.get("project")) is not dict or "message" not in body:
        return False
    return event in _FIRING or event in _RESOLVED or event in _NEWS


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    event = text.line(body.get("event")).lower()
    if event not in _FIRING and event not in _RESOLVED:
        return Nothing(f'Honeybadger\'s event "{event}" is no alert: nothing to do.')
    status = SignalStatus.RESOLVED if event in _RESOLVED else SignalStatus.FIRING
    project = within(body, "project")
    about = next((name for name in _SUBJECTS if type(body.get(name)) is dict), "")
    kind, subject = about or event, within(body, about)
    moment = first(
        within(body, "outage").get("down_at"),
        within(body, "notice").get("created_at"),
        subject.get("reported_at"),
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=words.own_level(event) or _FIRING.get(event),
        title=(body.get("message"), subject.get("name"), subject.get("klass")),
        key=identity.of(
            NAME,
            (subject.get("id"), kind, "certificate" if event == "cert_will_expire" else ""),
            (project.get("id"), kind),
        ),
        description=(subject.get("message"), within(body, "outage").get("reason")),
        labels={
            "project": project.get("name"),
            "environment": subject.get("environment"),
            "component": subject.get("component"),
            kind: first(subject.get("name"), subject.get("klass")),
        }
        | text.texts(subject.get("tags")),
        annotations={"count": subject.get("notices_count"), "state": subject.get("state")},
        links=(("Source", first(within(body, "notice").get("url"), subject.get("url"))),),
        starts=None if status is SignalStatus.RESOLVED or kind == "check_in" else moment,
    )


SOURCE = source_of(NAME, _looks_like, _read)
