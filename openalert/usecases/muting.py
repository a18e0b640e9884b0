"""Muting: windows and silences as stages that hold drafts back, what one would hide, and what is muted now."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from openalert.domain import maintenance_window as windows
from openalert.domain import silence as silenced
from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.handling import Draft, Hold, HoldKind, Named
from openalert.domain.instant import Instant
from openalert.domain.maintenance_window import MaintenanceWindow, Occurrence
from openalert.domain.matching import Matcher, facts
from openalert.domain.muting import Covers, covers, matches_everything
from openalert.domain.severity import Severity
from openalert.domain.silence import Silence
from openalert.storage import alerts, holds, maintenance_windows, services, silences
from openalert.storage.alerts import FiringAlert
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.access import all_known, see_team

MOST_COUNTED = 10_000
"""Firing alerts of a team that are looked at before a silence is made."""
SHOWN = 5
_IN_VIEW = 200

Until = Callable[[Instant], Instant | None]
"""Until when it mutes, if it does at an instant."""


class Preview(msgspec.Struct, kw_only=True):
    """What a silence or window would mean for the alerts that fire now."""

    firing: int
    """Alerts that fire and page now, and fit."""
    critical: int
    """Those of them that are critical."""
    of: int
    """Alerts of the team that fire and page now."""
    everything: bool
    """Whether whatever the team may ever get would fit."""
    alerts: list[FiringAlert]
    """The first few that fit."""


class Muted(msgspec.Struct, kw_only=True):
    """A window or silence that mutes now, for whoever wonders why nothing came."""

    kind: HoldKind
    id: str
    name: str
    team_id: str
    service_ids: tuple[str, ...]
    matchers: tuple[Matcher, ...]
    ends_at: Instant
    holding: int = 0
    """How many alerts it holds at this moment."""


async def maintenance(reader: Reader, team_id: str) -> Named | None:
    """The stage of a team's maintenance windows."""
    found = await maintenance_windows.in_force(reader, team_id)
    return _stage("Maintenance windows", HoldKind.MAINTENANCE, [(each, _running(each)) for each in found])


async def silence(reader: Reader, team_id: str) -> Named | None:
    """The stage of a team's silences."""
    found = await silences.in_force(reader, team_id)
    return _stage("Silences", HoldKind.SILENCE, [(each, _active(each)) for each in found])


def _stage(
    name: str, kind: HoldKind, mutings: Sequence[tuple[MaintenanceWindow | Silence, Until]]
) -> Named | None:
    compiled = [(each, until, covers(each)) for each, until in mutings]

    def stage(draft: Draft) -> None:
        _hold(draft, kind, compiled)

    return Named(name, stage) if compiled else None


def _hold(
    draft: Draft, kind: HoldKind, mutings: Sequence[tuple[MaintenanceWindow | Silence, Until, Covers]]
) -> None:
    labels: dict[str, str] | None = None
    for muting, until, fit in mutings:
        ends_at = until(draft.now)
        if ends_at is None:
            continue
        if labels is None:
            labels = draft.labels | facts(
                title=draft.title,
                severity=draft.severity.value,
                source=draft.source,
                fingerprint=draft.fingerprint,
            )
        if fit(draft.service_id, labels):
            draft.hold(Hold(kind=kind, ref_id=muting.id, name=muting.name, until=ends_at))


def _running(window: MaintenanceWindow) -> Until:
    """When a window ends that runs; a calendar is counted out once for each of its times, not for each alert."""
    known: tuple[Instant, Instant | None, Occurrence | None] = (0, 0, None)

    def until(now: Instant) -> Instant | None:
        nonlocal known
        since, change, present = known
        if now < since or (change is not None and now >= change):
            present, change = windows.running(window, now), windows.next_change(window, now)
            known = now, change, present
        return present.ends_at if present else None

    return until


def _active(silence: Silence) -> Until:
    return lambda now: silence.ends_at if silence.starts_at <= now < silence.ends_at else None


async def preview(
    reader: Reader, actor: Actor, team_id: str, service_ids: Sequence[str], matchers: Sequence[Matcher]
) -> Preview:
    """What would be hidden of what fires now, were it to come then."""
    team = await see_team(reader, actor, team_id)
    draft = Silence(
        id="",
        organization_id=team.organization_id,
        team_id=team.id,
        service_ids=tuple(service_ids),
        matchers=tuple(matchers),
        starts_at=0,
        ends_at=0,
        created_at=0,
        updated_at=0,
    )
    fit = covers(draft)
    firing = await alerts.firing_of_team(reader, team.organization_id, team.id, MOST_COUNTED)
    fitting = [each for each in firing if fit(each.service_id, matched_by(each))]
    return Preview(
        firing=len(fitting),
        critical=sum(each.severity is Severity.CRITICAL for each in fitting),
        of=len(firing),
        everything=matches_everything(draft),
        alerts=fitting[:SHOWN],
    )


def warnings_of(found: Preview) -> list[str]:
    """What somebody should think of before saving, as sentences."""
    said = []
    if found.everything:
        said.append("It hides every alert that the team will get, whatever it is about.")
    if found.critical:
        are = "is" if found.critical == 1 else "are"
        said.append(f"{found.critical} of the alerts that fire now {are} critical.")
    if not found.everything and found.of > 1 and found.firing == found.of:
        said.append("It fits everything that fires now in this team.")
    return said


def matched_by(alert: FiringAlert) -> dict[str, str]:
    """What matchers see of an alert."""
    return alert.labels | facts(
        title=alert.title,
        severity=alert.severity.value,
        source=alert.source,
        fingerprint=alert.fingerprint,
    )


async def now_muted(reader: Reader, actor: Actor) -> list[Muted]:
    """The windows and silences in view that mute at this moment, those that end first in front."""
    found = [
        Muted(
            kind=HoldKind.MAINTENANCE,
            id=each.id,
            name=each.name,
            team_id=each.team_id,
            service_ids=each.service_ids,
            matchers=each.matchers,
            ends_at=present.ends_at,
        )
        for each in await maintenance_windows.in_view(reader, actor, _IN_VIEW)
        if (present := windows.running(each, reader.now))
    ]
    found += [
        Muted(
            kind=HoldKind.SILENCE,
            id=each.id,
            name=each.comment or each.name,
            team_id=each.team_id,
            service_ids=each.service_ids,
            matchers=each.matchers,
            ends_at=each.ends_at,
        )
        for each in await silences.page(reader, actor, over=False, limit=_IN_VIEW)
        if silenced.status_of(each, reader.now) is silenced.SilenceStatus.ACTIVE
    ]
    holding = await holds.held_by(reader, [each.id for each in found]) if found else {}
    for each in found:
        each.holding = holding.get(each.id, 0)
    return sorted(found, key=lambda each: each.ends_at)


async def hold_on(tx: Transaction, muting: MaintenanceWindow | Silence, ends_at: Instant) -> None:
    """After an edit: hold until then what it still means, and let go of the rest."""
    await holds.move_end(tx, muting.id, ends_at)
    fit = covers(muting)
    others = [
        each.id for each in await alerts.held_by(tx, muting.id) if not fit(each.service_id, matched_by(each))
    ]
    await holds.end_of(tx, muting.id, others)


async def check_services(tx: Transaction, team_id: str, service_ids: Collection[str]) -> None:
    """Invalid unless each is a service of the team that the actor may see."""
    seen = await services.named(tx, tx.actor, service_ids)
    there = {each.id: each for each in seen.values() if each.deleted_at is None}
    all_known(sorted(service_ids), there, "serviceIds", "service")
    for each in there.values():
        if each.team_id != team_id:
            raise Invalid(f"serviceIds: {each.name!r} belongs to another team.", field="serviceIds")
