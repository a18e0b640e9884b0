"""What the noise settings of a service would have changed lately: counted from the alerts that came."""

import msgspec

from openalert.domain.instant import DAY, MINUTE
from openalert.storage import noise
from openalert.storage.noise import Lately
from openalert.storage.transaction import Reader

DAYS = 30
LOOKED_AT = 20_000
"""Alerts of all services that are looked through, the newest ones."""
PAUSES = (60, 120, 300, 600)


class Facts(msgspec.Struct, kw_only=True):
    """What came lately."""

    alerts: int
    incidents: int
    ended_within: dict[int, int]
    """By seconds: how many alerts their source ended within so many."""
    flapped: int
    """How many began for the fourth time or more within half an hour."""


async def lately(reader: Reader, service_id: str) -> Facts:
    """The last 30 days of the service, as far as they are among the newest alerts of all."""
    came = await noise.lately(reader, service_id, reader.now - DAYS * DAY, LOOKED_AT)
    return Facts(
        alerts=len(came),
        incidents=len({each.incident_id for each in came if each.incident_id}),
        ended_within={pause: sum(_ended_within(each, pause) for each in came) for pause in PAUSES},
        flapped=sum(_flapped(each) for each in came),
    )


def _ended_within(alert: Lately, seconds: int) -> bool:
    return (
        alert.resolved_at is not None
        and alert.resolved_by_id is None
        and alert.resolved_at - alert.fired_at <= seconds * 1000
    )


def _flapped(alert: Lately) -> bool:
    return sum(begun > alert.fired_at - 30 * MINUTE for begun in alert.began) >= 3
