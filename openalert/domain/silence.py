"""Silence: what somebody on call does not want to hear of for a while: matchers, a reason, and always an end."""

from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant
from openalert.domain.matching import Matcher
from openalert.domain.muting import LONGEST

LONGEST_COMMENT = 500
_LONGEST_SHOWN = 120


class SilenceStatus(StrEnum):
    """Where a silence is in its life."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    EXPIRED = "expired"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Mutes alerts of a team from one instant to another; see `domain.muting` for which."""

    id: str
    organization_id: str
    team_id: str
    service_ids: tuple[str, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    comment: str = ""
    starts_at: Instant
    ends_at: Instant
    alert_id: str | None = None
    """The alert from which it was made."""
    created_at: Instant
    created_by_id: str | None = None
    updated_at: Instant

    @property
    def name(self) -> str:
        """What it is about, as people tell it from others: its matchers."""
        said = ", ".join(map(str, self.matchers)) or "every alert"
        return said if len(said) <= _LONGEST_SHOWN else said[: _LONGEST_SHOWN - 1] + "…"


def status_of(silence: Silence, now: Instant) -> SilenceStatus:
    """Where it is in its life."""
    if silence.ends_at <= now:
        return SilenceStatus.EXPIRED
    return SilenceStatus.ACTIVE if silence.starts_at <= now else SilenceStatus.SCHEDULED


def check_silence(silence: Silence, now: Instant) -> None:
    """Refuse, as Invalid naming the field, a silence that is over, too long, or has no reason."""
    if silence.ends_at <= now:
        raise Invalid("endsAt must lie in the future.", field="endsAt")
    if silence.ends_at <= silence.starts_at:
        raise Invalid("endsAt must be later than startsAt.", field="endsAt")
    if silence.ends_at > max(now, silence.starts_at) + LONGEST or silence.starts_at > now + LONGEST:
        raise Invalid(f"endsAt must lie within the next {LONGEST // DAY} days.", field="endsAt")
    if len(silence.comment) > LONGEST_COMMENT:
        raise Invalid(f"comment must have at most {LONGEST_COMMENT} characters.", field="comment")
