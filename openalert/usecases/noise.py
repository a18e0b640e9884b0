"""What the services of a team have set about noise, as one stage of its rulebook."""

from collections.abc import Sequence

from openalert.domain.handling import Draft, Named, Stage
from openalert.domain.noise import (
    AS_SENT,
    AT_ONCE,
    Grouping,
    Noise,
    flapping_ref,
    flapping_stage,
    grouping_stage,
    pause_ref,
    pause_stage,
)
from openalert.domain.service import Service
from openalert.storage import holds, noise
from openalert.storage.transaction import Reader, Transaction


async def stage(reader: Reader, team_id: str) -> Named | None:
    """Grouping, flapping detection and pauses of the services of the team."""
    stages = {
        each.id: _stages(each.id, each.grouping, each.noise) for each in await noise.of_team(reader, team_id)
    }
    if not stages:
        return None

    def apply(draft: Draft) -> None:
        for each in stages.get(draft.service_id, ()):
            each(draft)

    return Named("The noise settings of the service", apply)


def _stages(service_id: str, grouping: Grouping, settings: Noise) -> Sequence[Stage]:
    found = [grouping_stage(grouping)] if grouping != AS_SENT else []
    if settings.flapping is not None:
        found.append(flapping_stage(service_id, settings.flapping))
    if settings.pause_seconds:
        found.append(pause_stage(service_id, settings))
    return found


async def changed(tx: Transaction, before: Service, after: Service) -> None:
    """The service has set something else, or went to another team: what waits because of the old one goes on."""
    quiet = after.grouping == before.grouping and after.noise == before.noise
    if quiet and (after.team_id == before.team_id or (after.grouping, after.noise) == (AS_SENT, AT_ONCE)):
        return
    for team_id in {before.team_id, after.team_id}:
        await holds.changed(tx, team_id)
    if not after.noise.pause_seconds:
        await holds.end(tx, pause_ref(after.id))
    if after.noise.flapping is None:
        await holds.end(tx, flapping_ref(after.id))
