"""What the page of swaps shows: offers, coming shifts with what can be done about them, and the form asked for."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from litestar import Response

from openalert.domain.access import Actor, Permission, can
from openalert.domain.cover_suggestion import CoverSuggestion
from openalert.domain.difference import shifts_of_people
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, LATEST, Instant, to_datetime
from openalert.domain.oncall import shifts
from openalert.domain.schedule import Schedule
from openalert.domain.swap import FURTHEST, Swap, SwapStatus
from openalert.storage import schedules as stored
from openalert.storage import swaps as stored_swaps
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import cover_suggestions, schedules, swaps
from openalert.web.ui.forms import Errors, local_instant, local_text, values_of
from openalert.web.ui.frame import Values, Web, address, answer, shell

LOOK_AHEAD = 28 * DAY
MOST_ON_MY_PAGE = 10
MOST_SHIFTS = 40
SUGGESTED = 6
"""So many people are shown at once; the others unfold."""
SHOWN = 10
"""And so many shifts."""
_FORM = (
    "user_id",
    "to_user_id",
    "start",
    "end",
    "start_exact",
    "end_exact",
    "in_return",
    "note",
    "take",
    "at_once",
)
_BECAME = {
    SwapStatus.TAKEN: "taken",
    SwapStatus.DECLINED: "declined",
    SwapStatus.WITHDRAWN: "taken back",
    SwapStatus.EXPIRED: "nobody took it",
    SwapStatus.ENDED: "the shift is no more",
}


def exact(text: str) -> Instant | None:
    """Milliseconds as they stand in an address or a hidden field; None for anything else."""
    instant = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
    return instant if instant is not None and instant <= LATEST else None


def moment(typed: Mapping[str, str], name: str, zone: tzinfo) -> Instant:
    """The instant that a field says: the one it was filled in with, as long as its minute was not touched."""
    text = typed.get(name, "")
    known = exact(typed.get(f"{name}_exact", ""))
    if known is not None and local_text(known, zone) == text:
        return known
    instant = exact(text)
    return local_instant(text, zone, name) if instant is None else instant


class Scene:
    """Who looks, at which schedule, and how everybody is called."""

    def __init__(self, schedule: Schedule, actor: Actor, names: Mapping[str, str]) -> None:
        self.schedule, self.me, self._names = schedule, actor.user_id, names
        self.path = f"/schedules/{schedule.id}/swaps"
        self.leads = can(actor, Permission.CONFIGURE, schedule.team_id)
        self.can_swap = can(actor, Permission.RESPOND, schedule.team_id) and actor.user_id is not None

    def name(self, user_id: str | None) -> str:
        """What somebody is called."""
        return self._names.get(user_id or "", "Somebody")

    def offer(self, swap: Swap) -> Values:
        """A swap, and what the reader may do about it."""
        is_open = swap.status is SwapStatus.OPEN
        undoable = is_open or (swap.status is SwapStatus.TAKEN)
        concerned = self.me in (swap.user_id, swap.created_by_id, swap.taken_by_id) or self.leads
        can_take = (
            self.can_swap and is_open and self.me != swap.user_id and swap.to_user_id in (None, self.me)
        )
        return {
            "id": swap.id,
            "path": self.path,
            "name": self.name(swap.user_id),
            "mine": swap.user_id == self.me,
            "start": swap.start_at,
            "end": swap.end_at,
            "to": self.name(swap.to_user_id) if swap.to_user_id else None,
            "is_for_me": swap.to_user_id is not None and swap.to_user_id == self.me,
            "taker": self.name(swap.taken_by_id) if swap.taken_by_id else None,
            "in_return": swap.in_return,
            "note": swap.note,
            "became": _BECAME.get(swap.status, ""),
            "seen": seen(swap),
            "can_take": can_take,
            "part": f"{address(self.path, take=swap.id)}#give"
            if can_take and swap.in_return is None
            else None,
            "can_decline": self.can_swap and is_open and swap.to_user_id == self.me,
            "can_withdraw": self.can_swap and undoable and concerned,
        }

    def shift(self, turn: Values, offers: Sequence[Swap]) -> Values:
        """A coming shift, and where it is given away, taken, or taken in part."""
        span = {"start": str(turn["start"]), "end": str(turn["end"]), "user_id": turn["user_id"]}
        mine = turn["user_id"] == self.me
        gives = self.can_swap and (mine or self.leads)
        offered = any(
            each.user_id == turn["user_id"] and each.start_at <= turn["start"] and each.end_at >= turn["end"]
            for each in offers
        )
        return turn | {
            "offered": offered,
            "name": self.name(turn["user_id"]),
            "mine": mine,
            "give": f"{address(self.path, **span)}#give" if gives and not offered else None,
            "part": f"{address(self.path, take='shift', **span)}#give"
            if self.can_swap and not mine
            else None,
            "fields": span,
        }


async def open_for(reader: Reader, actor: Actor) -> list[Values]:
    """What the reader has offered or could take, each with the name of its `schedule`."""
    found = await swaps.open_for(reader, actor, MOST_ON_MY_PAGE)
    ids = {one for _, each in found for one in (each.user_id, each.to_user_id or "")} - {""}
    names = {user_id: user.name for user_id, user in (await users.named(reader, actor, ids)).items()}
    return [
        {"schedule": schedule.name} | Scene(schedule, actor, names).offer(swap) for schedule, swap in found
    ]


def seen(swap: Swap) -> str:
    """The times that a reader agrees to by pressing the button."""
    return " ".join(str(each) for each in (swap.start_at, swap.end_at, *(swap.in_return or ())))


async def page(
    request: Web, db: Database, actor: Actor, schedule_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    """The page, with the form as it was filled in and what was wrong with it."""
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        context = await shell(request, reader, actor, "/schedules")
        every = await swaps.of_schedule(reader, actor, schedule.id)
        turns = await _turns(reader, schedule)
        able = await stored_swaps.who_may_take(reader, schedule, [turn["user_id"] for turn in turns])
        ids = {one for each in every for one in (each.user_id, each.to_user_id or "", each.taken_by_id or "")}
        ids |= {turn["user_id"] for turn in turns} | {*able, typed.get("user_id", "")}
        named = await users.named(reader, actor, ids - {""})
        scene = Scene(schedule, actor, {user_id: user.name for user_id, user in named.items()})
        typed = _filled(typed, every, context["zone"])
        whose = typed.get("user_id") or actor.user_id or ""
        suggestions = await _suggestions(reader, actor, schedule, typed, whose, context["zone"])
        offers = [each for each in every if each.status is SwapStatus.OPEN]
        context |= {
            "schedule": {"id": schedule.id, "name": schedule.name, "can_swap": scene.can_swap},
            "offers": [scene.offer(each) for each in offers],
            "past": [scene.offer(each) for each in every if _came_to_something(each)],
            "shown": SHOWN,
            "shifts": [scene.shift(turn, offers) for turn in turns],
            "people": [(each, scene.name(each)) for each in able if each != whose],
            "suggestions": [
                {
                    "id": each.user_id,
                    "name": scene.name(each.user_id),
                    "words": each.words,
                    "good": each.is_good,
                }
                for each in suggestions
            ],
            "suggested": SUGGESTED,
            "returns": [
                ("", "Nothing"),
                *_returns(
                    [turn for turn in turns if turn["user_id"] in able and turn["start"] > reader.now],
                    whose,
                    scene,
                    context["zone"],
                ),
            ],
            "whose": scene.name(whose) if whose != actor.user_id else None,
            "leads": scene.leads,
            "chosen": bool(typed.get("start")),
            "values": values_of(typed, _FORM),
            "errors": errors,
        }
    return answer(request, "schedules/swaps.html", context, 422 if errors else 200)


def _came_to_something(swap: Swap) -> bool:
    """Whether it is worth a line that it is over: an offer that was only taken back is not."""
    if swap.status is SwapStatus.WITHDRAWN:
        return swap.taken_by_id is not None
    return swap.status is not SwapStatus.OPEN


async def _turns(reader: Reader, schedule: Schedule) -> list[Values]:
    """Who is on call when in the next four weeks, the earliest first."""
    start, end = reader.now, reader.now + LOOK_AHEAD
    plan = (await stored.plans(reader, [schedule], start, end + LOOK_AHEAD))[schedule.id]
    # A shift that begins within the four weeks is shown to its end.
    found = [
        {"user_id": user_id, "start": first, "end": last}
        for user_id, spans in shifts_of_people(
            shifts(plan, start, end + LOOK_AHEAD), start, end + LOOK_AHEAD
        ).items()
        for first, last in spans
        if first < end
    ]
    return sorted(found, key=lambda turn: (turn["start"], turn["user_id"]))[:MOST_SHIFTS]


def _filled(typed: Mapping[str, str], every: Sequence[Swap], zone: tzinfo) -> dict[str, str]:
    """The fields of the form: instants of the address as local times, and the times of an offer to be taken in part."""
    filled = dict(typed)
    offered = next((each for each in every if each.id == filled.get("take")), None)
    if offered is not None:
        filled["user_id"] = offered.user_id
        filled.setdefault("start", str(offered.start_at))
        filled.setdefault("end", str(offered.end_at))
    elif filled.get("take", "shift") != "shift":
        return {}
    for name in ("start", "end"):
        instant = exact(filled.get(name, ""))
        if instant is not None:
            filled |= {name: local_text(instant, zone), f"{name}_exact": str(instant)}
    return filled


async def _suggestions(
    reader: Reader, actor: Actor, schedule: Schedule, typed: Mapping[str, str], whose: str, zone: tzinfo
) -> list[CoverSuggestion]:
    """Who could take the time in the form; nobody while there is none."""
    if typed.get("take"):
        return []
    try:
        start, end = (moment(typed, name, zone) for name in ("start", "end"))
    except Invalid:
        return []
    if not reader.now < end <= reader.now + FURTHEST or start >= end:
        return []
    start = max(start, reader.now)
    return await cover_suggestions.suggest(reader, actor, schedule.id, start, end, instead_of_id=whose)


def _returns(turns: Sequence[Values], whose: str, scene: Scene, zone: tzinfo) -> list[tuple[str, str]]:
    """The coming shifts of others, to choose one of them in return."""
    return [
        (
            f"{turn['user_id']} {turn['start']} {turn['end']}",
            f"{scene.name(turn['user_id'])}: {_when(turn['start'], zone)} to {_when(turn['end'], zone)}",
        )
        for turn in turns
        if turn["user_id"] != whose
    ]


def _when(instant: Instant, zone: tzinfo) -> str:
    return f"{to_datetime(instant).astimezone(zone):%a %d %b, %H:%M}"
