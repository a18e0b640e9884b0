"""Reason: what each rotation of a schedule says at an instant, and which of them the layers let through.

`oncall` says who is on call; this says why the others are not.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import partial

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.plan import ImportedShift
from openalert.domain.schedule import Rotation
from openalert.domain.turns import turns_at


class Stand(StrEnum):
    """What becomes of a rotation at an instant, overrides apart."""

    DECIDES = "decides"
    """It has somebody on, and no higher layer has."""
    BEATEN = "beaten"
    """It has somebody on, and a higher layer too."""
    SHADOW = "shadow"
    """Somebody's turn who sees what goes on and is not paged."""
    NOBODY = "nobody"
    """Nobody's turn: an empty place in the order, or no order at all."""
    CLOSED = "closed"
    """Somebody's turn at a time at which the rotation is not on."""
    PENDING = "pending"
    """It has not begun."""
    OVER = "over"
    """It has ended."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One rotation at one instant."""

    rotation_id: str
    rotation_name: str
    layer: int
    stand: Stand
    user_id: str = ""
    """Whose turn it is; empty: nobody's."""
    until: Instant | None = None
    """When the turn ends, or the first begins; None: never."""
    place: int = 0
    """The place of the turn in the order, from 1; 0: no turn is running."""
    places: int = 0
    """How many places the order has."""


def reasons(
    rotations: Iterable[Rotation], at: Instant, imported: Iterable[ImportedShift] = ()
) -> list[Reason]:
    """Every rotation at the instant, the highest layer first, in one layer in the order of their ids.

    `imported` turns of calendars have a say in which layer decides.
    """
    found = sorted(
        (_reason(rotation, at) for rotation in rotations), key=lambda each: (-each.layer, each.rotation_id)
    )
    layers = [each.layer for each in found if each.stand is Stand.DECIDES]
    layers += [each.layer for each in imported if each.start_at <= at < each.end_at]
    deciding = max(layers, default=None)
    return [
        msgspec.structs.replace(each, stand=Stand.BEATEN)
        if each.stand is Stand.DECIDES and each.layer != deciding
        else each
        for each in found
    ]


def _reason(rotation: Rotation, at: Instant) -> Reason:
    """One rotation by itself, as if there were no layers."""
    turns, following = turns_at(rotation, at)
    told = partial(
        Reason,
        rotation_id=rotation.id,
        rotation_name=rotation.name,
        layer=turns.version.layer if turns else rotation.layer,
    )
    if rotation.removed_at is not None and at >= rotation.removed_at:
        return told(stand=Stand.OVER)
    if turns is None:
        return told(stand=Stand.PENDING, until=following)
    version = turns.version
    if at < version.effective_from:
        return told(stand=Stand.PENDING, until=version.effective_from)
    if not turns.covers(at):
        return told(stand=Stand.OVER)
    if not version.member_ids:
        return told(stand=Stand.NOBODY)
    holder = turns.holder(at) or ""
    on = Stand.SHADOW if version.is_shadow else Stand.DECIDES
    return told(
        stand=on if turns.on_duty(at)[0] else Stand.CLOSED if holder else Stand.NOBODY,
        user_id=holder,
        until=turns.handoff_after(at),
        place=turns.position(turns.turn_at(at)) + 1,
        places=len(version.member_ids),
    )
