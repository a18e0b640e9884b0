"""Maintenance windows: planned times in which alerts of a team are kept and page nobody until they are over."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import maintenance_window as domain
from openalert.domain import matching
from openalert.domain import recurrence as recurring
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.maintenance_window import MaintenanceWindow, Occurrence, check_window
from openalert.domain.matching import Matcher
from openalert.domain.muting import services_of
from openalert.domain.recurrence import Recurrence
from openalert.storage import holds
from openalert.storage import maintenance_windows as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, maintenance_news, muting
from openalert.usecases.access import found, given, require, team_for

MOST_AHEAD = 200
"""Windows of one team that are not over."""


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, before: str | None = None, limit: int
) -> list[MaintenanceWindow]:
    """The next windows in view, the newest first."""
    return await stored.page(reader, actor, team_id=team_id, before=before, limit=limit)


async def get(reader: Reader, actor: Actor, window_id: str) -> MaintenanceWindow:
    """One window."""
    return found(await stored.get(reader, actor, window_id), "maintenance window")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    service_ids: Sequence[str] = (),
    matchers: Sequence[Matcher] = (),
    starts_at: Instant,
    ends_at: Instant,
    recurrence: Recurrence | None = None,
) -> MaintenanceWindow:
    """Plan a window; one that has begun already mutes what comes from now on."""
    team = await team_for(tx, team_id, Permission.RESPOND)
    if await stored.count_ahead(tx, team.id) >= MOST_AHEAD:
        raise Conflict(f"A team has at most {MOST_AHEAD} maintenance windows ahead; delete some first.")
    window = MaintenanceWindow(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        name=" ".join(name.split()),
        service_ids=services_of(service_ids),
        matchers=matching.check(matchers),
        starts_at=starts_at,
        ends_at=ends_at,
        recurrence=recurrence and recurring.check(recurrence),
        created_at=tx.now,
        created_by_id=tx.actor.user_id,
        updated_at=tx.now,
    )
    check_window(window, tx.now)
    await muting.check_services(tx, team.id, window.service_ids)
    await stored.insert(tx, window)
    if domain.running(window, tx.now) is not None:
        await maintenance_news.tell(tx, window)
    audit.change(tx, "maintenance_window.created", None, window)
    await _changed(tx, window)
    return window


async def update(
    tx: Transaction,
    window_id: str,
    *,
    name: str | UnsetType = UNSET,
    service_ids: Sequence[str] | UnsetType = UNSET,
    matchers: Sequence[Matcher] | UnsetType = UNSET,
    starts_at: Instant | UnsetType = UNSET,
    ends_at: Instant | UnsetType = UNSET,
    recurrence: Recurrence | UnsetType | None = UNSET,
) -> MaintenanceWindow:
    """Edit a window; what it holds and is not meant by it any more is let go.

    Another time or rule takes back what people did to single times of it.
    """
    before = await _to_decide(tx, window_id)
    after = msgspec.structs.replace(
        before,
        **given({"starts_at": starts_at, "ends_at": ends_at, "recurrence": recurrence}),
        updated_at=tx.now,
    )
    if name is not UNSET:
        after = msgspec.structs.replace(after, name=" ".join(name.split()))
    if service_ids is not UNSET:
        after = msgspec.structs.replace(after, service_ids=services_of(service_ids))
    if matchers is not UNSET:
        after = msgspec.structs.replace(after, matchers=matching.check(matchers))
    if after.recurrence is not None:
        after = msgspec.structs.replace(after, recurrence=recurring.check(after.recurrence))
    if _times(after) != _times(before):
        after = msgspec.structs.replace(after, changes=())
    check_window(after, tx.now)
    await muting.check_services(tx, before.team_id, set(after.service_ids) - set(before.service_ids))
    await _store(tx, "updated", before, after)
    return after


async def begin(tx: Transaction, window_id: str) -> MaintenanceWindow:
    """Begin the next time of a window now; it ends as planned."""
    before = await _to_decide(tx, window_id)
    after = msgspec.structs.replace(domain.begun_now(before, tx.now), updated_at=tx.now)
    await _store(tx, "begun", before, after)
    return after


async def extend(tx: Transaction, window_id: str, ends_at: Instant) -> MaintenanceWindow:
    """Let the time that runs now end at another instant."""
    before = await _to_decide(tx, window_id)
    after = msgspec.structs.replace(domain.ending(before, ends_at, tx.now), updated_at=tx.now)
    await _store(tx, "extended", before, after)
    return after


async def end(tx: Transaction, window_id: str) -> MaintenanceWindow:
    """End the time that runs now: what still fires pages."""
    before = await _to_decide(tx, window_id)
    after = msgspec.structs.replace(domain.ending(before, tx.now, tx.now), updated_at=tx.now)
    await _store(tx, "ended", before, after)
    return after


async def skip_next(tx: Transaction, window_id: str) -> MaintenanceWindow:
    """Leave out the next time of a window that comes again."""
    before = await _to_decide(tx, window_id)
    after = msgspec.structs.replace(domain.without_next(before, tx.now), updated_at=tx.now)
    await _store(tx, "skipped", before, after)
    return after


async def delete(tx: Transaction, window_id: str) -> None:
    """Delete a window: what it holds and still fires pages."""
    window = await _to_decide(tx, window_id)
    await stored.delete(tx, window.id)
    await holds.end(tx, window.id)
    audit.change(tx, "maintenance_window.deleted", window, None)
    await _changed(tx, window)


async def turn(tx: Transaction, window: MaintenanceWindow) -> None:
    """A window begins or ends by itself: tell whoever looks; what it held is let go by its holds."""
    if await stored.put_off(tx, window):
        _tell(tx, window)
        await maintenance_news.tell(tx, window)


def times_ahead(window: MaintenanceWindow, now: Instant, most: int = 10) -> list[Occurrence]:
    """The present time of a window, if it runs, and the next ones."""
    present = domain.running(window, now)
    ahead = domain.coming(window, now, most)
    return [present, *ahead][:most] if present else ahead


async def _to_decide(tx: Transaction, window_id: str) -> MaintenanceWindow:
    window = found(await stored.get(tx, tx.actor, window_id), "maintenance window")
    require(tx.actor, Permission.RESPOND, window.team_id, "maintenance window")
    return window


async def _store(tx: Transaction, act: str, before: MaintenanceWindow, after: MaintenanceWindow) -> None:
    await stored.update(tx, after)
    present = domain.running(after, tx.now)
    if present is None:
        await holds.end(tx, after.id)
    else:
        await muting.hold_on(tx, after, present.ends_at)
    if (domain.running(before, tx.now) is None) != (present is None):
        await maintenance_news.tell(tx, after)
    audit.change(tx, f"maintenance_window.{act}", before, after)
    await _changed(tx, after)


def _times(window: MaintenanceWindow) -> tuple[object, ...]:
    return window.starts_at, window.ends_at, window.recurrence


async def _changed(tx: Transaction, window: MaintenanceWindow) -> None:
    await holds.changed(tx, window.team_id)
    _tell(tx, window)


def _tell(tx: Transaction, window: MaintenanceWindow) -> None:
    tx.emit(
        Event(
            type="maintenance.changed",
            organization_id=window.organization_id,
            team_id=window.team_id,
            data={"id": window.id, "name": window.name, "status": domain.status_of(window, tx.now)},
        )
    )
