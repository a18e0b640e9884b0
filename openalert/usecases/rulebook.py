"""Rulebook: everything that a team has set about its alerts, compiled once and kept until it changes.

Whoever changes a rule, a window or the like calls `storage.holds.changed` in the same transaction. The version is
read with the route of each message, so a rulebook that is kept is never older than the message, on any node. A team
that has set nothing has no version, and its alerts cost nothing.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from openalert.domain.counts import Key
from openalert.domain.handling import Draft, Named
from openalert.storage.transaction import Reader
from openalert.usecases import muting, noise, routing_stage

log = structlog.get_logger(__name__)

MOST_KEPT = 256


class Rulebook(msgspec.Struct, frozen=True):
    """The stages of a team, in the order in which they look at a draft."""

    routing: tuple[Named, ...] = ()
    """Where it goes and how bad it is: of the team whose integration took it in."""
    holding: tuple[Named, ...] = ()
    """Whether it waits: of the team that it goes to."""

    def keys(self, draft: Draft) -> list[Key]:
        """What the routing stages may ask the draft's counts for; a stage that cannot say so asks for nothing."""
        found: list[Key] = []
        for stage in self.routing:
            try:
                found += stage.keys(draft)
            except Exception:
                log.exception("stage failed", stage=stage.name, team_id=draft.team_id)
        return found

    def route(self, draft: Draft) -> None:
        """Let the routing stages change the draft."""
        _apply(self.routing, draft)

    def hold(self, draft: Draft) -> None:
        """Let the holding stages change the draft."""
        _apply(self.holding, draft)


def _apply(stages: Sequence[Named], draft: Draft) -> None:
    """Each in turn. One that breaks is left out: in doubt somebody is paged."""
    for stage in stages:
        if draft.dropped:
            return
        try:
            stage.apply(draft)
        except Exception:
            log.exception("stage failed", stage=stage.name, team_id=draft.team_id)
            draft.note("failed", name=stage.name)


Loader = Callable[[Reader, str], Awaitable[Named | None]]
"""Reads what a team has set and compiles it; None: it has set nothing of the kind."""

ROUTING: tuple[Loader, ...] = (routing_stage.load,)
HOLDING: tuple[Loader, ...] = (muting.maintenance, muting.silence, noise.stage)
"""What there is to set, in the order in which it applies."""

_kept: OrderedDict[str, tuple[str, Rulebook]] = OrderedDict()


async def of_team(reader: Reader, team_id: str, version: str) -> Rulebook:
    """What the team has set, as of `version`."""
    if not version:
        return Rulebook()
    kept = _kept.get(team_id)
    if kept is not None and kept[0] == version:
        _kept.move_to_end(team_id)
        return kept[1]
    book = Rulebook(
        tuple([stage for load in ROUTING if (stage := await load(reader, team_id))]),
        tuple([stage for load in HOLDING if (stage := await load(reader, team_id))]),
    )
    _kept[team_id] = version, book
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return book
