"""What a heartbeat finds out, as an alert of its service."""

import msgspec

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.event import Event
from openalert.domain.heartbeat import BeatKind, Heartbeat
from openalert.domain.heartbeat_words import description, title
from openalert.domain.instant import Instant
from openalert.storage import routes
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction

NAME = "heartbeat"
"""The source of alerts that heartbeats raise."""
SHOWN_BODY = 2_000
"""Characters of what a failure brought along that its alert shows."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a beat says."""

    kind: BeatKind = BeatKind.SUCCESS
    exit_code: int | None = None
    body: str = ""


def firing(heartbeat: Heartbeat, at: Instant, told: Told | None) -> Signal:
    """The alert that the heartbeat raises: late since `at`, or failed by what it was told."""
    signal = _signal(heartbeat, SignalStatus.FIRING)
    signal.description = description(heartbeat, at)
    if told is not None:
        if told.exit_code is not None:
            signal.annotations["exitCode"] = str(told.exit_code)
        if told.body:
            signal.annotations["body"] = told.body[:SHOWN_BODY]
    return signal


def ended(heartbeat: Heartbeat) -> Signal:
    """The end of that alert."""
    return _signal(heartbeat, SignalStatus.RESOLVED)


def _signal(heartbeat: Heartbeat, status: SignalStatus) -> Signal:
    return Signal(
        source=NAME,
        status=status,
        severity=heartbeat.severity,
        title=title(heartbeat),
        fingerprint=heartbeat.id,
        group=f"heartbeat:{heartbeat.id}",
        labels={"alertname": "Heartbeat", "heartbeat": heartbeat.name},
        annotations={},
    )


async def way(tx: Transaction, heartbeat: Heartbeat) -> Route | None:
    """Where alerts of the heartbeat go, as if it were an integration; None when its service is gone."""
    route = await routes.of_service(tx, heartbeat.service_id)
    if route is None:
        return None
    return msgspec.structs.replace(
        route,
        integration_id=heartbeat.id,
        integration_name=heartbeat.name,
        default_severity=heartbeat.severity,
    )


def say(tx: Transaction, heartbeat: Heartbeat, organization_id: str, team_id: str) -> None:
    """Let pages that show the heartbeat look again."""
    tx.emit(
        Event(
            type="heartbeat.updated",
            organization_id=organization_id,
            team_id=team_id,
            data={"id": heartbeat.id, "status": heartbeat.status, "name": heartbeat.name},
        )
    )
