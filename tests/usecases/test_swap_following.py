"""Swaps under a schedule that is edited: they follow their shifts, end with them, and never touch the past."""

import random
from typing import Any

import msgspec
import pytest

from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.oncall import rotation_shifts
from openalert.domain.schedule import RotationChange
from openalert.domain.swap import Swap, SwapStatus
from openalert.domain.user import User
from openalert.engine import escalate
from openalert.storage import audit
from openalert.storage import schedules as stored
from openalert.storage.audit import AuditFilter
from openalert.usecases import overrides, schedules, swaps
from tests import make
from tests.cast import World
from tests.usecases.test_swaps import Rota, rota

__all__ = ["rota"]
pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF


async def edit(rota: Rota, **options: Any) -> None:
    """Alice, who owns the team, edits the rotation, from its next handoff on."""
    change = RotationChange(**options)
    await rota.world.does(schedules.amend_rotation, rota.id, rota.rotation_id, change, by=rota.world.alice)


async def known(rota: Rota, swap_id: str) -> Swap:
    """The swap as it is now."""
    async with rota.world.db.read() as reader:
        return await swaps.get(reader, rota.world.as_(rota.world.alice), rota.id, swap_id)


def later(rota: Rota, number: int) -> dict[str, Instant]:
    """The times of a turn that is handed over two hours later than before."""
    return {name: at + 2 * HOUR for name, at in rota.day(number).items()}


async def settle(world: World) -> None:
    """Let so much time pass that notices of edits are given."""
    world.clock.advance(6 * MINUTE)
    await escalate.tell_changed_shifts(world.db)
    await world.engine.run_until_idle()


async def test_a_swap_follows_the_handoff_of_its_shift(world: World, rota: Rota) -> None:
    """Handed over two hours later, Bob is on for Alice from then till then; both hear it once, and it is recorded."""
    taken = await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))
    world.mailbox(world.alice).got("Bob takes your shift", HANDOFF)
    await edit(rota, handoff_time="11:00")
    after = await known(rota, taken.id)
    assert (after.start_at, after.end_at) == tuple(at + 2 * HOUR for at in rota.day(2).values())
    edges = [at + minutes for at in rota.day(2).values() for minutes in (2 * HOUR - 1, 2 * HOUR)]
    assert [await rota.on(at) for at in edges] == [["Bob"], ["Bob"], ["Bob"], ["Bob"]]
    assert await rota.days(5) == [["Alice"], ["Bob"], ["Bob"], ["Bob"], ["Alice"]]
    body = world.mailbox(world.bob).got("The shift that you take for Alice in Days has moved", HANDOFF).body
    assert body.splitlines()[:2] == [
        "Wed 07 Jan, 11:00 to Thu 08 Jan, 11:00.",
        "Before: Wed 07 Jan, 09:00 to Thu 08 Jan, 09:00.",
    ]
    async with world.db.read() as reader:
        entries = await audit.page(reader, world.as_(world.alice), AuditFilter(act="swap"), limit=9)
    assert [each.act for each in entries] == ["swap.moved", "swap.taken"]


async def test_a_swap_ends_where_its_shift_is_no_more(world: World, rota: Rota) -> None:
    """The rotation is taken out: what was taken and what was offered is over, and both are told."""
    taken = await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))
    offered = await rota.does(swaps.offer, by=world.bob, to_user_id=world.alice.id, **rota.day(3))
    await world.does(schedules.remove_rotation, rota.id, rota.rotation_id, by=world.alice)
    assert [(await known(rota, each.id)).status for each in (taken, offered)] == [SwapStatus.ENDED] * 2
    async with world.db.read() as reader:
        assert await overrides.of_schedule(reader, world.as_(world.alice), rota.id) == []
    for _ in (taken, offered):
        world.mailbox(world.bob).got("A swap in Days is over: the shift is no more", HANDOFF)
    assert await rota.on(rota.begin + 2 * DAY + HOUR) == []


async def test_an_exchange_of_which_one_half_is_gone_ends_as_a_whole(world: World, rota: Rota) -> None:
    """Bob's shift in return becomes Alice's own by an edit: she keeps hers, and owes nothing."""
    back = rota.day(3)
    asked = await rota.does(
        swaps.offer,
        by=world.alice,
        to_user_id=world.bob.id,
        return_start_at=back["start_at"],
        return_end_at=back["end_at"],
        **rota.day(2),
    )
    await rota.does(swaps.take, asked.id, by=world.bob)
    await edit(rota, member_ids=(world.alice.id,))
    assert (await known(rota, asked.id)).status is SwapStatus.ENDED
    assert await rota.days(4) == [["Alice"]] * 4


async def test_who_was_taken_over_is_told_of_an_edit_once(world: World, rota: Rota) -> None:
    """The notice of the edit leaves out what the swap has told by itself, and tells the rest."""
    await settle(world)
    world.mailbox(world.bob).got("Your shifts in Days have changed", HANDOFF)
    await edit(rota, handoff_time="11:00")
    await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **later(rota, 2))
    world.mailbox(world.alice).got("Bob takes your shift", HANDOFF)
    await settle(world)
    body = world.mailbox(world.bob).got("Your shifts in Days have changed", HANDOFF).body
    assert body.splitlines()[:3] == [
        "You are on call too:",
        "  Wed 07 Jan 09:00 to Wed 07 Jan 11:00",
        "  Fri 09 Jan 09:00 to Fri 09 Jan 11:00",
    ]


async def test_what_the_swap_tells_the_notice_of_the_edit_does_not(world: World, rota: Rota) -> None:
    """Charlie has but the shift that he took: that it moved and that it is no more he hears once each."""
    await make.member(world.db, world.core, world.charlie)
    await settle(world)
    taken = await rota.does(
        swaps.take_shift, user_id=world.alice.id, by=world.alice, taker_id=world.charlie.id, **rota.day(2)
    )
    world.mailbox(world.charlie).got("You take a shift of Alice", HANDOFF)
    await edit(rota, handoff_time="11:00")
    await settle(world)
    world.mailbox(world.charlie).got("The shift that you take for Alice in Days has moved", HANDOFF)
    await edit(rota, member_ids=(world.bob.id,))
    await settle(world)
    world.mailbox(world.charlie).got("A swap in Days is over: the shift is no more", HANDOFF)
    world.mailbox(world.charlie).is_empty()
    assert (await known(rota, taken.id)).status is SwapStatus.ENDED


async def test_what_has_begun_stays_as_it_was(world: World, rota: Rota) -> None:
    """A running cover keeps its beginning and ends with the shift; without the shift it ends by itself."""
    taken = await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(0))
    world.clock.advance(5 * HOUR)
    now = world.clock()
    await world.does(schedules.remove_rotation, rota.id, rota.rotation_id, by=world.alice)
    after = await known(rota, taken.id)
    assert (after.status, after.start_at) == (SwapStatus.TAKEN, rota.begin)
    assert [await rota.on(at) for at in (rota.begin, now - 1, now)] == [["Bob"], ["Bob"], []]


async def test_what_is_offered_follows_and_ends_too(world: World, rota: Rota) -> None:
    """With the handoff the offer moves; where an override puts somebody else on call, the rest is offered."""
    offered = await rota.does(swaps.offer, by=world.alice, **rota.day(2))
    await edit(rota, handoff_time="11:00")
    day = later(rota, 2)
    moved = await known(rota, offered.id)
    assert (moved.start_at, moved.end_at, moved.due_at) == (day["start_at"], day["end_at"], day["start_at"])
    noon = {"start_at": day["start_at"] + HOUR, "end_at": day["start_at"] + 2 * HOUR}
    await world.does(overrides.add, rota.id, user_id=world.bob.id, by=world.alice, **noon)
    async with world.db.read() as reader:
        every = await swaps.of_schedule(reader, world.as_(world.alice), rota.id)
    assert [(each.start_at, each.end_at) for each in every if each.status is SwapStatus.OPEN] == [
        (day["start_at"], noon["start_at"]),
        (noon["end_at"], day["end_at"]),
    ]


class Agreed(msgspec.Struct):
    """A swap in the model: the turns that change hands, each with who takes it."""

    id: str
    turns: dict[int, str]


class Model:
    """What the final schedule should be: turns in a row, each with its owner and those who took it, one by one."""

    def __init__(self) -> None:
        self.turns: list[tuple[Instant, Instant, str]] = []
        self.swaps: list[Agreed] = []

    def holder(self, turn: int) -> str:
        """Who has a turn after all swaps."""
        taken = [each.turns[turn] for each in self.swaps if turn in each.turns]
        return taken[-1] if taken else self.turns[turn][2]

    def is_on_top(self, swap: Agreed) -> bool:
        """Whether nobody has given on what they got by this swap."""
        later = self.swaps[self.swaps.index(swap) + 1 :]
        return not any(set(each.turns) & set(swap.turns) for each in later)

    def edit(self, turns: list[tuple[Instant, Instant, str]], now: Instant) -> None:
        """The rotation has other turns: what was taken from somebody who has the turn no more is over."""
        givers = {each.id: self._givers(each) for each in self.swaps}
        self.turns = turns
        for swap in list(self.swaps):
            begun = any(turns[turn][0] <= now for turn in swap.turns)
            gone = {turn for turn, giver in givers[swap.id].items() if self._before(swap, turn) != giver}
            gone = {turn for turn in gone if turns[turn][0] > now}
            if gone and not begun:
                self.swaps.remove(swap)
            else:
                swap.turns = {turn: taker for turn, taker in swap.turns.items() if turn not in gone}

    def _givers(self, swap: Agreed) -> dict[int, str]:
        return {turn: self._before(swap, turn) for turn in swap.turns}

    def _before(self, swap: Agreed, turn: int) -> str:
        """Who had the turn when it was swapped."""
        earlier = self.swaps[: self.swaps.index(swap)]
        taken = [each.turns[turn] for each in earlier if turn in each.turns]
        return taken[-1] if taken else self.turns[turn][2]


TURNS = 9


async def turns_of(rota: Rota) -> list[tuple[Instant, Instant, str]]:
    """The turns of the rotation without any override."""
    async with rota.world.db.read() as reader:
        rotation = await stored.rotation(reader, rota.id, rota.rotation_id)
    assert rotation is not None
    found = rotation_shifts(rotation, rota.begin, rota.begin + (TURNS + 3) * DAY)
    return [(shift.start, shift.end, shift.people[0].user_id) for shift in found[:TURNS]]


class Players:
    """Acts at random on a schedule, all by Alice's hand, and on the model what they should do to it."""

    def __init__(self, rota: Rota, seed: int) -> None:
        self.rota, self.world, self.rng, self.model = rota, rota.world, random.Random(seed), Model()
        everybody = (self.world.alice, self.world.bob, self.world.charlie)
        self.people: dict[str, User] = {each.id: each for each in everybody}
        self.offers: dict[str, dict[int, str]] = {}
        """The turns of each offer, with who takes them; empty: whoever takes the offer."""
        self.seen: dict[Instant, list[str]] = {}
        self.done: set[str] = set()

    def turn(self) -> tuple[int, str, dict[str, Instant]]:
        """A turn, whose it is, and its time."""
        number = self.rng.randrange(TURNS)
        start, end, _ = self.model.turns[number]
        return number, self.model.holder(number), {"start_at": start, "end_at": end}

    async def offer(self) -> None:
        """Somebody offers a turn of theirs to all."""
        number, whose, span = self.turn()
        made = await self.rota.does(swaps.offer, by=self.world.alice, user_id=whose, **span)
        self.offers[made.id] = {number: ""}

    async def exchange(self) -> None:
        """Somebody asks another for a turn in return."""
        (number, whose, span), (back, asked, other) = self.turn(), self.turn()
        made = await self.rota.does(
            swaps.offer,
            by=self.world.alice,
            user_id=whose,
            to_user_id=asked,
            return_start_at=other["start_at"],
            return_end_at=other["end_at"],
            **span,
        )
        self.offers[made.id] = {number: "", back: whose}

    async def take_shift(self) -> None:
        """Somebody takes a turn, offered or not."""
        (number, whose, span), taker = self.turn(), self.rng.choice(list(self.people))
        made = await self.rota.does(
            swaps.take_shift, by=self.world.alice, user_id=whose, taker_id=taker, **span
        )
        self.offers.pop(made.id, None)
        self.model.swaps.append(Agreed(made.id, {number: taker}))

    async def take(self) -> None:
        """Somebody takes an offer."""
        swap_id, taker = self.rng.choice(list(self.offers) or ["none"]), self.rng.choice(list(self.people))
        await self.rota.does(swaps.take, swap_id, by=self.world.alice, taker_id=taker)
        turns = self.offers.pop(swap_id)
        self.model.swaps.append(Agreed(swap_id, {number: who or taker for number, who in turns.items()}))

    async def withdraw(self) -> None:
        """Alice undoes a swap."""
        swap = self.rng.choice(self.model.swaps or [Agreed("none", {})])
        await self.rota.does(swaps.withdraw, swap.id, by=self.world.alice)
        assert self.model.is_on_top(swap)
        self.model.swaps.remove(swap)

    async def reorder(self) -> None:
        """Alice edits who takes turns."""
        order = self.rng.sample(list(self.people), k=self.rng.choice([2, 3]))
        await edit(self.rota, member_ids=tuple(order))
        self.model.edit(await turns_of(self.rota), self.world.clock())

    async def hand_over(self) -> None:
        """Alice edits when turns are handed over."""
        await edit(self.rota, handoff_time=f"{self.rng.randrange(7, 13):02}:00")
        self.model.edit(await turns_of(self.rota), self.world.clock())

    async def sleep(self) -> None:
        """Time passes."""
        self.world.clock.advance(self.rng.choice([0, 0, 5 * HOUR, DAY]))

    async def play(self) -> None:
        """One act, which may be refused; then the schedule is that of the model, and its past as it was."""
        name = self.rng.choice(ACTS)
        try:
            await getattr(self, name)()
            self.done.add(name)
        except OpenAlertError:
            pass
        now = self.world.clock()
        coming: dict[Instant, list[str]] = {}
        for number, (start, end, _) in enumerate(self.model.turns):
            for at in (start, (start + end) // 2, end - 1):
                if at >= now:
                    coming[at] = await self.rota.on(at)
                    assert coming[at] == [self.people[self.model.holder(number)].name], (name, number)
        past = {at: on for at, on in self.seen.items() if at < now}
        for at, on in past.items():
            assert await self.rota.on(at) == on
        self.seen = past | coming


ACTS = ("offer", "exchange", "take_shift", "take", "take", "withdraw", "reorder", "hand_over", "sleep")


@pytest.mark.parametrize("seed", range(8))
async def test_the_schedule_is_what_a_simple_model_says_after_any_acts_and_edits(
    world: World, rota: Rota, seed: int
) -> None:
    """Turns change hands by what succeeds, edits move handoffs and people, days pass; the past is never rewritten."""
    await make.member(world.db, world.core, world.charlie)
    players = Players(rota, seed)
    await edit(rota, member_ids=tuple(players.people))
    players.model.turns = await turns_of(rota)
    for _ in range(40):
        await players.play()
    assert {"take_shift", "take", "reorder", "hand_over"} & players.done
