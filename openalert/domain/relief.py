"""Relief: who follows whoever is on call, and when each rotation is handed over next."""

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.domain.oncall import OnCall, next_handoff, on_call, shifts
from openalert.domain.plan import Plan, Shift
from openalert.domain.schedule import Rotation
from openalert.domain.turns import turns_at

LOOKS_BACK = 366 * DAY
"""How long ago somebody may have been on call to be the one before."""
MOST_ANSWERS = 400
"""So many answers are looked at for somebody else: more than a year of days."""


class RotationHandoff(msgspec.Struct, frozen=True, kw_only=True):
    """The next handoff of one rotation, whatever overrides and other layers make of it."""

    rotation_id: str
    rotation_name: str
    layer: int
    is_shadow: bool
    user_id: str
    """Whose turn it is; empty: nobody's."""
    at: Instant
    next_user_id: str
    """Whose turn then begins, who may be the same person; empty: nobody's."""


class Relief(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule's answer at one instant, and what comes after it."""

    now: OnCall
    following: OnCall | None
    """The answer from `now.until` on, where nobody may be on; None: no change is known."""
    handoffs: list[RotationHandoff]
    """Of each rotation that has one ahead, the highest layer first."""

    @property
    def user_ids(self) -> set[str]:
        """The ids of everybody who occurs."""
        answers = [self.now] if self.following is None else [self.now, self.following]
        ids = {person.user_id for answer in answers for person in (*answer.people, *answer.shadows)}
        ids |= {user_id for each in self.handoffs for user_id in (each.user_id, each.next_user_id)}
        return ids - {""}


def relief(plan: Plan, at: Instant) -> Relief:
    """Who is on call at `at`, and who follows; the plan must tell all of the time from then on."""
    now = on_call(plan, at)
    found = [_handoff(rotation, at) for rotation in plan.rotations]
    return Relief(
        now=now,
        following=None if now.until is None else on_call(plan, now.until),
        handoffs=sorted(
            (each for each in found if each is not None),
            key=lambda each: (-each.layer, each.at, each.rotation_id),
        ),
    )


def who_follows(plan: Plan, at: Instant) -> list[str]:
    """The people of the next answer that has somebody else than at `at`; empty when none is known."""
    answer = on_call(plan, at)
    present = {person.user_id for person in answer.people}
    for _ in range(MOST_ANSWERS):
        if answer.until is None:
            return []
        answer = on_call(plan, answer.until)
        then = [person.user_id for person in answer.people]
        if then and set(then) != present:
            return then
    return []


def who_preceded(plan: Plan, at: Instant) -> list[str]:
    """The people of the last answer before `at` that had somebody else; empty when there was none within a year.

    The plan must tell all of the time since `LOOKS_BACK` before.
    """
    present = {person.user_id for person in on_call(plan, at).people}
    end = at
    for start in (at - 7 * DAY, at - 56 * DAY, at - LOOKS_BACK):
        for shift in reversed(shifts(plan, start, end).items):
            then = [person.user_id for person in shift.people]
            if set(then) != present:
                return then
        end = start
    return []


def shifts_before(plan: Plan, at: Instant) -> list[Shift]:
    """The last shifts that began before `at`, the oldest first: so many that of whoever is on later, the one before is
    among them or comes after `at`. The plan must tell all of the time since `LOOKS_BACK` before.
    """
    found: list[Shift] = []
    end = at
    for start in (at - 7 * DAY, at - 56 * DAY, at - LOOKS_BACK):
        for shift in reversed(shifts(plan, start, end).items):
            people = {person.user_id for person in shift.people}
            if not found or people != {person.user_id for person in found[-1].people}:
                found.append(shift)
            if len(found) > 2:
                return found[::-1]
        end = start
    return found[::-1]


def _handoff(rotation: Rotation, at: Instant) -> RotationHandoff | None:
    handoff = next_handoff(rotation, at)
    if handoff is None:
        return None
    turns, then = turns_at(rotation, at)[0], turns_at(rotation, handoff)[0]
    known = turns or then
    version = rotation.current if known is None else known.version
    return RotationHandoff(
        rotation_id=rotation.id,
        rotation_name=rotation.name,
        layer=version.layer,
        is_shadow=version.is_shadow,
        user_id=(turns.holder(at) if turns else None) or "",
        at=handoff,
        next_user_id=(then.holder(handoff) if then else None) or "",
    )
