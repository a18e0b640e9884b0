"""Responder: somebody who works on an incident, or was asked to, and what they answered."""

from enum import StrEnum

import msgspec

from openalert.domain.instant import HOUR, MINUTE, Instant

LONGEST_MESSAGE = 200
LONGEST_WAY = 24 * HOUR
"""Whoever comes is there within this time, or does not come."""


class ResponderRole(StrEnum):
    """What somebody does in an incident."""

    COMMANDER = "incident_commander"
    """Decides and keeps the overview; an incident has at most one."""
    RESPONDER = "responder"


class ResponderState(StrEnum):
    """What they answered."""

    PENDING = "pending"
    """They were asked and have not answered."""
    JOINED = "joined"
    DECLINED = "declined"


class Responder(msgspec.Struct, kw_only=True):
    """A row of `incident_responders`: a person is there once for each incident."""

    id: str
    incident_id: str
    user_id: str
    role: ResponderRole = ResponderRole.RESPONDER
    state: ResponderState = ResponderState.PENDING
    ask_id: str
    """Which asking it is: fresh each time they are asked."""
    asked_by_id: str | None = None
    asked_by_name: str
    message: str = ""
    """What they were asked to help with."""
    asked_at: Instant
    answered_at: Instant | None = None
    arrives_at: Instant | None = None
    """When they said that they would be there; None: they did not say."""
    merge_id: str | None = None
    """Not None: they came by that merge, and leave if it is undone."""


def request(responder: Responder, number: int) -> str:
    """What a page says that asks somebody: `Ana asks you to help with #12: the database is slow.`"""
    about = f": {responder.message.rstrip('.')}" if responder.message else ""
    return f"{responder.asked_by_name} asks you to help with #{number}{about}."


def in_minutes(arrives_at: Instant, now: Instant) -> int:
    """How many minutes they still need, 0 when they should be there."""
    return max(0, -(-(arrives_at - now) // MINUTE))
