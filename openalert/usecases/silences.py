"""Silences: what somebody on call does not want to hear of for a while, and what that would hide."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import matching
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.matching import Matcher
from openalert.domain.muting import services_of
from openalert.domain.silence import Silence, SilenceStatus, check_silence, status_of
from openalert.storage import alerts, holds
from openalert.storage import silences as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, muting, silencing
from openalert.usecases.access import found, given, require, sees, team_for, unknown

MOST_AHEAD = 200
"""Silences of one team that are not over."""


async def page(
    reader: Reader,
    actor: Actor,
    *,
    team_id: str | None = None,
    over: bool | None = None,
    before: str | None = None,
    limit: int,
) -> list[Silence]:
    """The next silences in view, the newest first; `over` narrows to those that are or are not."""
    return await stored.page(reader, actor, team_id=team_id, over=over, before=before, limit=limit)


async def get(reader: Reader, actor: Actor, silence_id: str) -> Silence:
    """One silence."""
    return found(await stored.get(reader, actor, silence_id), "silence")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    service_ids: Sequence[str] = (),
    matchers: Sequence[Matcher] = (),
    comment: str = "",
    starts_at: Instant | None = None,
    ends_at: Instant,
    alert_id: str | None = None,
    also_firing: bool = False,
) -> Silence:
    """Silence what comes from now on, or from later on; `also_firing`: and what fires already, too.

    Without that, alerts that fire already go on as they are, and so do their incidents.
    """
    team = await team_for(tx, team_id, Permission.RESPOND)
    if await stored.count_ahead(tx, team.id) >= MOST_AHEAD:
        raise Conflict(f"A team has at most {MOST_AHEAD} silences at once; delete some first.")
    await _check_alert(tx, alert_id)
    silence = Silence(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        service_ids=services_of(service_ids),
        matchers=matching.check(matchers),
        comment=comment.strip(),
        starts_at=tx.now if starts_at is None else max(starts_at, tx.now),
        ends_at=ends_at,
        alert_id=alert_id,
        created_at=tx.now,
        created_by_id=tx.actor.user_id,
        updated_at=tx.now,
    )
    check_silence(silence, tx.now)
    if also_firing and silence.starts_at > tx.now:
        raise Invalid("What fires already can only be silenced from now on.", field="alsoFiring")
    await muting.check_services(tx, team.id, silence.service_ids)
    await stored.insert(tx, silence)
    if also_firing:
        await silencing.hold_firing(tx, silence)
    audit.change(tx, "silence.created", None, silence)
    await _changed(tx, silence)
    return silence


async def update(
    tx: Transaction,
    silence_id: str,
    *,
    service_ids: Sequence[str] | UnsetType = UNSET,
    matchers: Sequence[Matcher] | UnsetType = UNSET,
    comment: str | UnsetType = UNSET,
    ends_at: Instant | UnsetType = UNSET,
) -> Silence:
    """Edit a silence that is not over; what it holds and does not mean any more is let go."""
    before = await _to_decide(tx, silence_id)
    after = msgspec.structs.replace(before, **given({"ends_at": ends_at}), updated_at=tx.now)
    if comment is not UNSET:
        after = msgspec.structs.replace(after, comment=comment.strip())
    if service_ids is not UNSET:
        after = msgspec.structs.replace(after, service_ids=services_of(service_ids))
    if matchers is not UNSET:
        after = msgspec.structs.replace(after, matchers=matching.check(matchers))
    check_silence(after, tx.now)
    await muting.check_services(tx, before.team_id, set(after.service_ids) - set(before.service_ids))
    await stored.update(tx, after)
    await muting.hold_on(tx, after, after.ends_at)
    audit.change(tx, "silence.updated", before, after)
    await _changed(tx, after)
    return after


async def expire(tx: Transaction, silence_id: str) -> Silence:
    """End a silence now: what still fires pages."""
    before = await _to_decide(tx, silence_id)
    # One that has not begun ends as it begins, so that it never was in force.
    after = msgspec.structs.replace(
        before, starts_at=min(before.starts_at, tx.now), ends_at=tx.now, updated_at=tx.now
    )
    await stored.update(tx, after)
    await holds.end(tx, after.id)
    audit.change(tx, "silence.expired", before, after)
    await _changed(tx, after)
    return after


async def delete(tx: Transaction, silence_id: str) -> None:
    """Delete a silence, over or not: what it holds and still fires pages."""
    silence = found(await stored.get(tx, tx.actor, silence_id), "silence")
    require(tx.actor, Permission.RESPOND, silence.team_id, "silence")
    await stored.delete(tx, silence.id)
    await holds.end(tx, silence.id)
    audit.change(tx, "silence.deleted", silence, None)
    await _changed(tx, silence)


async def turn(tx: Transaction, silence: Silence) -> None:
    """A silence begins or ends by itself: tell whoever looks; what it held is let go by its holds."""
    if await stored.put_off(tx, silence):
        _tell(tx, silence)


async def _to_decide(tx: Transaction, silence_id: str) -> Silence:
    """A silence that is not over, for somebody who may change it."""
    silence = found(await stored.get(tx, tx.actor, silence_id), "silence")
    require(tx.actor, Permission.RESPOND, silence.team_id, "silence")
    if status_of(silence, tx.now) is SilenceStatus.EXPIRED:
        raise Conflict("The silence is over; make a new one.", code="INVALID_STATUS_TRANSITION", allowed=[])
    return silence


async def _check_alert(tx: Transaction, alert_id: str | None) -> None:
    """Invalid for an alert that does not exist or that the actor may not see."""
    if alert_id is None:
        return
    alert = await alerts.get(tx, alert_id)
    if alert is None or not sees(tx.actor, alert.organization_id, alert.team_id):
        raise unknown("alertId", "alert", alert_id)


async def _changed(tx: Transaction, silence: Silence) -> None:
    await holds.changed(tx, silence.team_id)
    _tell(tx, silence)


def _tell(tx: Transaction, silence: Silence) -> None:
    tx.emit(
        Event(
            type="silence.changed",
            organization_id=silence.organization_id,
            team_id=silence.team_id,
            data={"id": silence.id, "name": silence.name, "status": status_of(silence, tx.now)},
        )
    )
