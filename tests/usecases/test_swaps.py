"""Shift swaps: who may do what, who is on call afterwards, who is told, and who wins a race."""

import random
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.calendar_feed import Period
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound, OpenAlertError
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.override import OverrideKind
from openalert.domain.schedule import RotationChange
from openalert.domain.swap import Swap, SwapStatus
from openalert.domain.user import User
from openalert.engine import swaps as due
from openalert.storage import calendar_feeds
from openalert.usecases import cover_suggestions, overrides, schedules, swaps, teams
from openalert.usecases import users as people
from tests import make
from tests.cast import World

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF


class Rota:
    """A schedule in which Alice and Bob take turns by the day, Alice being on today, and Charlie who may respond."""

    def __init__(self, world: World, schedule_id: str, rotation_id: str, begin: Instant) -> None:
        self.world, self.id, self.rotation_id, self.begin = world, schedule_id, rotation_id, begin

    def day(self, number: int) -> dict[str, Instant]:
        """The times of one turn, counted from today's."""
        return {"start_at": self.begin + number * DAY, "end_at": self.begin + (number + 1) * DAY}

    async def does(self, act: Any, *args: Any, by: User, **options: Any) -> Swap:
        """An act on the schedule."""
        found: Swap = await self.world.does(act, self.id, *args, by=by, **options)
        return found

    async def on(self, at: Instant) -> list[str]:
        """The names of those on call."""
        async with self.world.db.read() as reader:
            answer = (await schedules.who_is_on_call(reader, [self.id], at))[self.id]
        names = {each.id: each.name for each in (self.world.alice, self.world.bob, self.world.charlie)}
        return [names[person.user_id] for person in answer.people]

    async def days(self, count: int) -> list[list[str]]:
        """Who is on in the middle of each day."""
        return [await self.on(self.begin + number * DAY + 12 * HOUR) for number in range(count)]


@pytest.fixture
async def rota(world: World) -> Rota:
    """The standing rota at the beginning of Alice's turn."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type="daily",  # type: ignore[arg-type]  # as it comes over the wire
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
        handoff_time="09:00",
    )
    rotation = await world.does(schedules.add_rotation, made.id, "Daily", change)
    return Rota(world, made.id, rotation.id, world.clock())


async def test_an_offer_leaves_the_shift_where_it_is_until_it_is_taken(world: World, rota: Rota) -> None:
    """Alice offers the day after tomorrow, Bob is asked and takes it, Alice is told; nobody hears of it twice."""
    offered = await rota.does(swaps.offer, by=world.alice, note="Dentist", **rota.day(2))
    assert (
        world.mailbox(world.bob).got("Alice offers a shift in Days", HANDOFF).body.splitlines()[1]
        == "Dentist"
    )
    assert await rota.days(4) == [["Alice"], ["Bob"], ["Alice"], ["Bob"]]
    taken = await rota.does(swaps.take, offered.id, by=world.bob)
    assert (taken.status, taken.taken_by_id) == (SwapStatus.TAKEN, world.bob.id)
    assert await rota.days(4) == [["Alice"], ["Bob"], ["Bob"], ["Bob"]]
    body = world.mailbox(world.alice).got("Bob takes your shift in Days", HANDOFF).body
    assert body.startswith("Wed 07 Jan, 09:00 to Thu 08 Jan, 09:00.")
    world.is_quiet()


async def test_the_cover_is_bound_to_the_rotation_whose_turn_it_is(world: World, rota: Rota) -> None:
    """It acts before layers are compared, and follows the person; where an override has the say, it acts on that."""
    await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))
    async with world.db.read() as reader:
        [cover] = await overrides.of_schedule(reader, world.as_(world.alice), rota.id)
    assert (cover.kind, cover.rotation_ids) == (OverrideKind.COVER, (rota.rotation_id,))
    await rota.does(overrides.add, by=world.alice, user_id=world.alice.id, **rota.day(5))
    await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(5))
    assert await rota.days(6) == [["Alice"], ["Bob"], ["Bob"], ["Bob"], ["Alice"], ["Bob"]]


async def test_of_two_who_take_at_once_the_first_has_it(world: World, rota: Rota) -> None:
    """The other is told who: with an offer, and without one."""
    offered = await rota.does(swaps.offer, by=world.bob, **rota.day(1))
    await rota.does(swaps.take, offered.id, by=world.alice)
    with pytest.raises(Conflict, match="Alice has taken this already"):
        await rota.does(swaps.take, offered.id, by=world.alice)
    with pytest.raises(Conflict, match="Alice has taken this shift of Bob already"):
        await rota.does(
            swaps.take_shift, by=world.alice, user_id=world.bob.id, taker_id=world.alice.id, **rota.day(1)
        )
    assert await rota.days(2) == [["Alice"], ["Alice"]]


async def test_an_exchange_changes_both_shifts_or_none(world: World, rota: Rota) -> None:
    """Only the one who was asked accepts; both covers come together and go together."""
    back = rota.day(3)
    asked = await rota.does(
        swaps.offer,
        by=world.alice,
        to_user_id=world.bob.id,
        return_start_at=back["start_at"],
        return_end_at=back["end_at"],
        **rota.day(2),
    )
    world.mailbox(world.bob).got("Alice asks you to exchange shifts in Days", HANDOFF)
    taken = await rota.does(swaps.take, asked.id, by=world.bob)
    assert await rota.days(4) == [["Alice"], ["Bob"], ["Bob"], ["Alice"]]
    with pytest.raises(Conflict, match="part of a swap"):
        await rota.does(overrides.remove, taken.return_cover_id, by=world.bob)
    await rota.does(swaps.withdraw, asked.id, by=world.alice)
    assert await rota.days(4) == [["Alice"], ["Bob"], ["Alice"], ["Bob"]]
    world.mailbox(world.bob).got("Alice has the shift in Days back", HANDOFF)


async def test_an_exchange_for_a_shift_that_is_gone_changes_nothing(world: World, rota: Rota) -> None:
    """Bob's shift has been taken meanwhile: the offer of it in return is over."""
    back = rota.day(3)
    asked = await rota.does(
        swaps.offer,
        by=world.alice,
        to_user_id=world.bob.id,
        return_start_at=back["start_at"],
        return_end_at=back["end_at"],
        **rota.day(2),
    )
    await rota.does(swaps.take_shift, by=world.alice, user_id=world.bob.id, **back)
    with pytest.raises(Conflict, match="withdrawn"):
        await rota.does(swaps.take, asked.id, by=world.bob)
    assert await rota.days(4) == [["Alice"], ["Bob"], ["Alice"], ["Alice"]]


async def test_a_part_is_taken_and_the_rest_stays_offered(world: World, rota: Rota) -> None:
    """Two hours in the middle of a day: what is before and after is offered as before, and can be taken too."""
    day = rota.day(2)
    offered = await rota.does(swaps.offer, by=world.alice, **day)
    part = {"start_at": day["start_at"] + 4 * HOUR, "end_at": day["start_at"] + 6 * HOUR}
    await rota.does(swaps.take, offered.id, by=world.bob, **part)
    starts = [day["start_at"] + hours * HOUR for hours in (3, 5, 7)]
    assert [await rota.on(at) for at in starts] == [["Alice"], ["Bob"], ["Alice"]]
    async with world.db.read() as reader:
        left = [
            each
            for each in await swaps.of_schedule(reader, world.as_(world.bob), rota.id)
            if each.status is SwapStatus.OPEN
        ]
    assert [(each.start_at, each.end_at) for each in left] == [
        (day["start_at"], part["start_at"]),
        (part["end_at"], day["end_at"]),
    ]
    await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **{**day, "end_at": starts[0]})
    async with world.db.read() as reader:
        every = await swaps.of_schedule(reader, world.as_(world.bob), rota.id)
    assert starts[0] in [each.start_at for each in every if each.status is SwapStatus.OPEN]


async def test_declining_leaves_the_shift_where_it_is(world: World, rota: Rota) -> None:
    """Who was asked says no, and whose shift it is hears it; an offer to all needs no answer."""
    asked = await rota.does(swaps.offer, by=world.alice, to_user_id=world.bob.id, **rota.day(2))
    declined = await rota.does(swaps.decline, asked.id, by=world.bob)
    assert declined.status is SwapStatus.DECLINED
    world.mailbox(world.alice).got("Bob does not take your shift in Days", HANDOFF)
    with pytest.raises(Conflict, match="declined"):
        await rota.does(swaps.take, asked.id, by=world.bob)
    everybody = await rota.does(swaps.offer, by=world.alice, **rota.day(2))
    with pytest.raises(Conflict, match="whole team"):
        await rota.does(swaps.decline, everybody.id, by=world.bob)
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Alice"]]


async def test_an_offer_expires_as_its_shift_begins_and_is_told_once(world: World, rota: Rota) -> None:
    """Not before; afterwards nobody can take it, the shift stays, and a second look finds nothing."""
    offered = await rota.does(swaps.offer, by=world.bob, to_user_id=world.alice.id, **rota.day(1))
    world.mailbox(world.alice).got("Bob offers you a shift", HANDOFF)
    assert await due.run_due(world.db) == 0
    world.clock.advance(DAY)
    with pytest.raises(Conflict, match="begun"):
        await rota.does(swaps.take, offered.id, by=world.alice)
    assert await due.run_due(world.db) == 1
    assert await due.run_due(world.db) == 0
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("Nobody took your shift in Days", HANDOFF)
    world.is_quiet()
    assert await rota.days(2) == [["Alice"], ["Bob"]]


async def test_taken_is_undone_until_it_begins_and_not_under_somebody_else(world: World, rota: Rota) -> None:
    """Not by strangers to it, not while its taker has given it on, and not once it has begun."""
    taken = await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))
    onward = await rota.does(swaps.take_shift, by=world.alice, user_id=world.bob.id, **rota.day(2))
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Alice"]]
    with pytest.raises(Conflict, match="given some of it on"):
        await rota.does(swaps.withdraw, taken.id, by=world.bob)
    await rota.does(swaps.withdraw, onward.id, by=world.alice)
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Bob"]]
    world.clock.advance(2 * DAY)
    with pytest.raises(Conflict, match="begun"):
        await rota.does(swaps.withdraw, taken.id, by=world.bob)
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Bob"]]


async def test_a_running_shift_is_taken_for_what_is_left_of_it(world: World, rota: Rota) -> None:
    """Who was on until now was on: history does not change."""
    world.clock.advance(5 * HOUR)
    now = world.clock()
    await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(0))
    assert [await rota.on(at) for at in (now - 1, now)] == [["Alice"], ["Bob"]]


@pytest.mark.parametrize(
    ("days", "change", "field"),
    [
        (1, {}, "startTime"),
        (-3, {}, "endTime"),
        (2, {"end_at": 0}, "endTime"),
        (2, {"to_user_id": "self"}, "toUserId"),
        (2, {"to_user_id": "stranger"}, "toUserId"),
        (2, {"note": "x" * 501}, "note"),
        (2, {"return_start_at": 4 * DAY}, "returnEndTime"),
        (2, {"return_start_at": 3 * DAY, "return_end_at": 4 * DAY}, "toUserId"),
        (2, {"return_start_at": 4 * DAY, "return_end_at": 5 * DAY, "to_user_id": "bob"}, "returnStartTime"),
        (2, {"return_start_at": 2 * DAY, "return_end_at": 4 * DAY, "to_user_id": "bob"}, "returnStartTime"),
    ],
)
async def test_what_cannot_be_swapped_is_refused_by_the_name_of_its_field(
    world: World, rota: Rota, days: int, change: dict[str, Any], field: str
) -> None:
    """Shifts that one does not have, the past, no time, oneself, who may not respond, half an exchange."""
    people = {"self": world.alice.id, "bob": world.bob.id, "stranger": world.charlie.id}
    given: dict[str, Any] = rota.day(days) | change
    for name in ("return_start_at", "return_end_at"):
        if name in given:
            given[name] += rota.begin
    if "to_user_id" in given:
        given["to_user_id"] = people[given["to_user_id"]]
    with pytest.raises(Invalid) as refused:
        await rota.does(swaps.offer, by=world.alice, **given)
    assert refused.value.details["field"] == field


async def test_only_admins_swap_for_others(world: World, rota: Rota) -> None:
    """Alice, who owns the team, gives Bob's shift away and to him; Bob does neither; Charlie sees nothing."""
    with pytest.raises(Forbidden):
        await rota.does(swaps.offer, by=world.bob, user_id=world.alice.id, **rota.day(2))
    with pytest.raises(Forbidden):
        await rota.does(
            swaps.take_shift, by=world.bob, user_id=world.bob.id, taker_id=world.alice.id, **rota.day(1)
        )
    with pytest.raises(NotFound):
        await rota.does(swaps.take_shift, by=world.charlie, user_id=world.alice.id, **rota.day(2))
    given = await rota.does(swaps.offer, by=world.alice, user_id=world.alice.id, **rota.day(2))
    await rota.does(swaps.take, given.id, by=world.alice, taker_id=world.bob.id)
    world.mailbox(world.bob).got("Alice offers a shift", HANDOFF)
    world.mailbox(world.bob).got("You take a shift of Alice in Days", HANDOFF)
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Bob"]]


async def test_whoever_is_on_already_takes_nothing(world: World, rota: Rota) -> None:
    """Two shifts at once for one person would leave one of them to nobody."""
    await rota.does(overrides.add, by=world.alice, kind=OverrideKind.ADD, user_id=world.bob.id, **rota.day(2))
    with pytest.raises(Conflict, match="Bob is on call then already"):
        await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))


@pytest.mark.parametrize("seed", range(6))
async def test_the_schedule_is_what_a_simple_model_says_after_any_acts(
    world: World, rota: Rota, seed: int
) -> None:
    """Days change hands by what succeeds and by nothing else, and days that are past never do."""
    rng = random.Random(seed)
    people = [world.alice, world.bob]
    other = {world.alice.id: world.bob, world.bob.id: world.alice}
    model = [people[number % 2] for number in range(8)]
    known: dict[str, int] = {}
    for _ in range(25):
        day, act = rng.randrange(8), rng.randrange(5)
        holder = model[day]
        try:
            if act == 0:
                known[(await rota.does(swaps.offer, by=holder, **rota.day(day))).id] = day
            elif act == 1:
                made = await rota.does(
                    swaps.take_shift, by=other[holder.id], user_id=holder.id, **rota.day(day)
                )
                known[made.id] = day
                model[day] = other[holder.id]
            elif act == 2 and known:
                swap_id = rng.choice(list(known))
                taken = await rota.does(swaps.take, swap_id, by=other[model[known[swap_id]].id])
                model[known[swap_id]] = other[taken.user_id]
            elif act == 3 and known:
                swap_id = rng.choice(list(known))
                async with world.db.read() as reader:
                    before = await swaps.get(reader, world.as_(world.alice), rota.id, swap_id)
                await rota.does(swaps.withdraw, swap_id, by=world.alice)
                if before.status is SwapStatus.TAKEN:
                    model[known[swap_id]] = next(each for each in people if each.id == before.user_id)
            elif act == 4 and rng.random() < 0.3:
                world.clock.advance(DAY)
                await due.run_due(world.db)
        except OpenAlertError:
            pass
        assert await rota.days(8) == [[each.name] for each in model]


async def test_who_could_take_a_shift_is_told_with_reasons(world: World, rota: Rota) -> None:
    """Bob is on next to the shift, Alice's own is left out; the new member is away, and a stranger is not asked."""
    dora = await make.user(world.db, world.cast.organization, "Dora")
    viewer = await make.user(world.db, world.cast.organization, "Vic")
    await make.member(world.db, world.core, dora)
    await make.member(world.db, world.core, viewer, Role.VIEWER)
    day = rota.day(2)
    feed = await make.calendar_feed(world.db, dora)
    absent = Period(user_id=dora.id, start_at=day["start_at"] + HOUR, end_at=day["end_at"], summary="")
    async with world.db.transaction() as tx:
        await calendar_feeds.put_absences(tx, feed.id, [absent])
    async with world.db.read() as reader:
        found = await cover_suggestions.suggest(
            reader,
            world.as_(world.bob),
            rota.id,
            day["start_at"],
            day["end_at"],
            instead_of_id=world.alice.id,
        )
    assert [(each.user_id, each.is_away) for each in found] == [(world.bob.id, False), (dora.id, True)]
    # Every other of the thirty days from today to four weeks after the shift.
    assert found[0].words == "360 h on call in eight weeks, reachable, free"
    assert found[1].words == "0 h on call in eight weeks, reachable, away then"


async def test_taking_an_offered_shift_beside_the_offer_takes_the_offer(world: World, rota: Rota) -> None:
    """There is one swap then, which says who took it, and not an offer that looks taken back."""
    offered = await rota.does(swaps.offer, by=world.alice, note="Dentist", **rota.day(2))
    taken = await rota.does(swaps.take_shift, by=world.bob, user_id=world.alice.id, **rota.day(2))
    assert (taken.id, taken.status, taken.note) == (offered.id, SwapStatus.TAKEN, "Dentist")


async def test_the_shifts_of_somebody_who_is_switched_off_are_taken(world: World, rota: Rota) -> None:
    """They would page nobody; an offer that such a person made is taken as well, and nobody writes to them."""
    offered = await rota.does(swaps.offer, by=world.bob, **rota.day(1))
    await world.does(people.update, world.bob.id, is_active=False, by=world.alice)
    await rota.does(swaps.take, offered.id, by=world.alice)
    await rota.does(swaps.take_shift, by=world.alice, user_id=world.bob.id, **rota.day(3))
    assert await rota.days(4) == [["Alice"]] * 4
    world.mailbox(world.alice).got("Bob offers a shift", HANDOFF)
    world.is_quiet()
    with pytest.raises(Invalid, match="userId: there is no user"):
        await rota.does(swaps.take_shift, by=world.alice, user_id="nobody", **rota.day(2))


async def test_whoever_loses_the_team_takes_nothing_and_gets_nothing(world: World, rota: Rota) -> None:
    """Bob was asked, and is put out of the team in the moment in which he answers; Alice cannot answer for him."""
    asked = await rota.does(swaps.offer, by=world.alice, to_user_id=world.bob.id, **rota.day(2))
    await world.does(teams.remove_member, world.core.id, world.bob.id, anyway=True, by=world.alice)
    for by in (world.bob, world.alice):
        with pytest.raises(Invalid) as refused:
            await rota.does(swaps.take, asked.id, by=by, taker_id=world.bob.id)
        assert refused.value.details["field"] == "takerId"
    assert await rota.days(3) == [["Alice"], ["Bob"], ["Alice"]]
