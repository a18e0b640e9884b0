"""updown.io's webhook: a list of events, each about a check.

https://updown.io/api#webhooks
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "updown"

_ENDS = {"up", "ssl_valid", "ssl_renewed"}
_ABOUT_CERTIFICATES = "ssl_"
_SEVERITIES = {"down": Severity.CRITICAL, "ssl_invalid": Severity.HIGH, "ssl_expiration": Severity.MEDIUM}
_FACTS = {"performance_drop": Severity.LOW}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    event = body.get("event")
    return isinstance(event, str) and event.startswith("check.") and at(body, "check", "token") is not None


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    kind = text.line(body.get("event")).removeprefix("check.").lower()
    check, downtime = within(body, "check"), within(body, "downtime")
    status = SignalStatus.RESOLVED if kind in _ENDS else SignalStatus.FIRING
    name = first(check.get("alias"), check.get("url"), check.get("token"))
    concern = (
        "" if kind in {"up", "down"} else "certificate" if kind.startswith(_ABOUT_CERTIFICATES) else kind
    )
    began = first(downtime.get("started_at"), check.get("down_since"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else words.level(_SEVERITIES | _FACTS, kind),
        title=(body.get("description"), name and f"{name} is {kind.replace('_', ' ')}"),
        key=identity.of(NAME, (first(check.get("token"), check.get("url")), concern)),
        description=(downtime.get("error"), check.get("error")),
        labels={"check": first(check.get("alias"), check.get("url")), "url": check.get("url")},
        annotations={
            "status": check.get("last_status"),
            "uptime": check.get("uptime"),
            "days_left": body.get("days_before_expiration"),
        },
        links=(
            ("Monitored", check.get("url")),
            (
                "Source",
                f"https://updown.io/{check['token']}" if isinstance(check.get("token"), str) else None,
            ),
        ),
        starts=first(began, None if status is SignalStatus.RESOLVED else body.get("time")),
        ends=first(downtime.get("ended_at"), body.get("time")),
    )


SOURCE = source_of(NAME, _looks_like, _read)
