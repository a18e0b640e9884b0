"""Who is on call at a moment, and why, in words: every override and rotation that has a say, the strongest first."""

from collections.abc import Collection, Mapping, Sequence

from openalert.domain.oncall import OnCall
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import ImportedShift, OnCallSource, Plan
from openalert.domain.reason import Reason, Stand, reasons
from openalert.web.ui.frame import Values
from openalert.web.ui.grids import of_override
from openalert.web.ui.rotas import GONE, Ruler, listed_some, named

Names = Mapping[str, str]


def told(
    plan: Plan, answered: OnCall, names: Names, ruler: Ruler, elsewhere: Mapping[str, Sequence[str]]
) -> Values:
    """The answer at a moment: {at, names, until, also, chain: [{name, words, decides}]}; what decides is marked.

    `elsewhere`: the other schedules for which each person is on call then.
    """
    acting = [each for each in plan.overrides if each.start_at <= answered.at < each.end_at]
    acting.sort(key=lambda each: (each.created_at, each.id), reverse=True)
    there = [each for each in plan.rotations if each.removed_at is None or each.removed_at > answered.at]
    found = reasons(there, answered.at, plan.imported)
    planned = {each.user_id for each in found if each.stand is Stand.DECIDES}
    chain = [
        _override(each, names, ruler, _effect(each, answered, acting[:place], planned))
        for place, each in enumerate(acting)
    ]
    chain += [_rotation(each, names, ruler, decides=_decides(each, answered)) for each in found]
    on = {person.user_id for person in answered.people if person.source is OnCallSource.CALENDAR}
    chain += [
        _calendar(each, each.user_id in on, names, ruler)
        for each in plan.imported
        if each.start_at <= answered.at < each.end_at
    ]
    return {
        "at": ruler.clock(answered.at),
        "names": named(answered.people, names),
        "until": ruler.clock(answered.until) if answered.until else "",
        "also": [
            f"{names.get(person.user_id, GONE)} is on call for {listed_some(elsewhere[person.user_id])} too."
            for person in answered.people
            if person.user_id in elsewhere
        ],
        "chain": chain,
    }


def _decides(reason: Reason, answered: OnCall) -> bool:
    """Whether somebody is on call by this rotation; in one layer, also who is named with another's."""
    return any(
        person.source is OnCallSource.ROTATION
        and (
            person.rotation_id == reason.rotation_id
            or (reason.stand is Stand.DECIDES and person.user_id == reason.user_id)
        )
        for person in answered.people
    )


def _override(override: Override, names: Names, ruler: Ruler, effect: tuple[bool, str]) -> Values:
    why = f" “{override.reason}”" if override.reason else ""
    maker = f", made by {names.get(override.created_by_id or '', GONE)}" if override.created_by_id else ""
    scope = ", of some rotations alone" if override.rotation_ids else ""
    return {
        "kind": f"Override{why}",
        "name": of_override(override, names),
        "words": f"{ruler.said(override.start_at, override.end_at)}{scope}{maker}{effect[1]}",
        "decides": effect[0],
    }


def _effect(
    override: Override, answered: OnCall, newer: Sequence[Override], planned: Collection[str]
) -> tuple[bool, str]:
    """Whether an override is among what decides, and the end of its line where it is not plain why."""
    on = {person.user_id for person in answered.people}
    if any(person.override_id == override.id for person in answered.people):
        return True, ""
    whole = [each for each in newer if not each.rotation_ids or override.rotation_ids]
    if any(each.kind in {OverrideKind.REPLACE, OverrideKind.FIXED} for each in whole):
        return False, "; a newer one wins"
    match override.kind:
        case OverrideKind.REMOVE if override.user_id not in on:
            return override.user_id in planned, "" if override.user_id in planned else "; not on then anyway"
        case OverrideKind.FIXED if not on:
            return True, "; nobody is on between its shifts"
        case OverrideKind.COVER if override.instead_of_id not in on:
            return False, "; who is covered is not on then"
        case OverrideKind.ADD if override.user_id in on:
            return False, "; on call anyway"
    return False, "; something else wins"


def _rotation(reason: Reason, names: Names, ruler: Ruler, *, decides: bool) -> Values:
    return {
        "kind": f"Layer {reason.layer} · {reason.rotation_name}",
        "name": names.get(reason.user_id, GONE) if reason.user_id else "",
        "words": _stand(reason, ruler, decides),
        "decides": decides,
    }


def _calendar(turn: ImportedShift, decides: bool, names: Names, ruler: Ruler) -> Values:
    return {
        "kind": f"Layer {turn.layer} · calendar",
        "name": names.get(turn.user_id, GONE),
        "words": f"turn until {ruler.clock(turn.end_at)}" + ("" if decides else "; something else wins"),
        "decides": decides,
    }


def _stand(reason: Reason, ruler: Ruler, decides: bool) -> str:
    """What a rotation says, as the end of a line."""
    until = f" until {ruler.clock(reason.until)}" if reason.until else ""
    place = f", place {reason.place} of {reason.places} in the order" if reason.places > 1 else ""
    match reason.stand:
        case Stand.PENDING:
            return f"begins {ruler.clock(reason.until)}" if reason.until else "has not begun"
        case Stand.OVER:
            return "has ended"
        case Stand.NOBODY:
            return f"nobody's turn{until}"
        case Stand.CLOSED:
            return f"turn{until}{place}; not on at this hour"
        case Stand.BEATEN:
            return f"turn{until}{place}" + ("" if decides else "; a higher layer wins")
        case Stand.SHADOW:
            return f"turn{until}{place}; a shadow, who sees and is not paged"
        case Stand.DECIDES:
            return f"turn{until}{place}" + ("" if decides else "; an override wins")
