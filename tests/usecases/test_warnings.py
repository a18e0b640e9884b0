"""Warnings: what would keep a page from arriving is found before it does, and nothing else is."""

from typing import Any

import pytest

from openalert import telemetry
from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.calendar_feed import Period
from openalert.domain.escalation import Level, Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.domain.override import FixedShift, OverrideKind
from openalert.domain.schedule import HolidayRule, Restriction, RotationChange
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.engine import cadences
from openalert.storage import calendar_feeds as stored_feeds
from openalert.storage import channel_troubles, runs
from openalert.storage.channel_troubles import ChannelTrouble
from openalert.usecases import overrides, schedules, users, warning_facts, warnings
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def found(world: World, actor: Actor = SYSTEM, **unset: str) -> list[Finding]:
    """Every warning, the worst first."""
    return list((await warnings.look(world.db, actor, unset)).findings)


async def kinds(world: World, actor: Actor = SYSTEM) -> list[tuple[WarningKind, Severity]]:
    """The same by kind and severity."""
    return [(each.kind, each.severity) for each in await found(world, actor)]


async def rota(world: World, *members: str, name: str = "Days", **definition: Any) -> str:
    """A schedule in UTC with one daily rotation of these, from now on."""
    made = await world.does(schedules.create, team_id=world.core.id, name=name, timezone="UTC")
    change = RotationChange(
        rotation_type="daily",  # type: ignore[arg-type]  # as it comes over the wire
        member_ids=members,
        effective_from=world.clock(),
        handoff_time="09:00",
        **definition,
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    return str(made.id)


def pages(number: int, schedule_id: str) -> Level:
    """A level that pages whoever is on call."""
    return Level(level=number, delay=5 * MINUTE, targets=(Target(type=TargetType.SCHEDULE, id=schedule_id),))


async def fill(world: World, *levels: Level) -> None:
    """A service that escalates by these, whose integrations have nothing to warn of."""
    await world.policy(*levels)


async def test_nothing_is_wrong_where_everybody_is_reached(world: World) -> None:
    """A schedule without gaps, a policy with two people: no warning, two people."""
    await fill(world, pages(1, await rota(world, world.alice.id, world.bob.id)))
    outlook = await warnings.look(world.db, SYSTEM)
    assert (list(outlook.findings), outlook.people) == ([], 2)


async def test_a_gap_that_nobody_fills_is_told_with_its_times(world: World) -> None:
    """An empty turn every third day: the policy reaches nobody then, and the schedule says since when."""
    schedule = await rota(world, world.alice.id, world.bob.id, "")
    await fill(world, pages(1, schedule))
    policy, gap = await found(world)
    first = world.clock.start + 2 * DAY
    assert (policy.kind, policy.severity) == (WarningKind.POLICY_NOBODY, Severity.CRITICAL)
    assert (policy.words, policy.at, policy.until) == ("Core policy reaches nobody", first, first + DAY)
    assert policy.detail == "10 times in the next 30 days, 240 h in all. Alerts of Database go by it."
    assert (gap.kind, gap.severity) == (WarningKind.GAP, Severity.HIGH)
    assert (gap.words, gap.at, gap.until) == ("Nobody is on call for Days", first, first + DAY)
    assert gap.link == f"/schedules/{schedule}"


async def test_a_gap_that_another_level_fills_is_a_hint(world: World) -> None:
    """Business hours first, everybody next: nothing is lost at night, so nobody is written to because of it."""
    schedule = await rota(world, world.alice.id, "")
    await fill(world, pages(1, schedule), level(2, world.core, minutes=5))
    (gap,) = await found(world)
    assert (gap.kind, gap.severity) == (WarningKind.GAP, Severity.LOW)
    assert gap.detail.endswith("Core policy pages others then.")


async def test_a_gap_of_a_schedule_that_nobody_pages_is_a_hint(world: World) -> None:
    """It hurts nobody yet; without an end in view it has none."""
    await rota(world)
    (gap,) = await found(world)
    assert (gap.severity, gap.at, gap.until) == (Severity.LOW, world.clock(), None)
    assert gap.detail == "No escalation policy in view pages this schedule."


async def test_a_gap_beyond_a_week_is_less_severe_and_one_beyond_thirty_days_is_none(world: World) -> None:
    """What hurts soon comes first."""
    schedule = await rota(world, world.alice.id, world.bob.id, effective_until=world.clock() + 20 * DAY)
    await fill(world, pages(1, schedule))
    assert await kinds(world) == [
        (WarningKind.POLICY_NOBODY, Severity.HIGH),
        (WarningKind.GAP, Severity.MEDIUM),
    ]
    other = await rota(world, world.alice.id, name="Far", effective_until=world.clock() + 31 * DAY)
    assert all(each.subject_id != other for each in await found(world))


async def test_somebody_on_call_who_cannot_be_reached_is_named_with_the_reason(world: World) -> None:
    """Zoe's address was never verified: she is named, and while she is on the policy reaches nobody."""
    zoe = await make.user(world.db, world.cast.organization, "Zoe", reachable=False)
    await make.member(world.db, world.core, zoe)
    await fill(world, pages(1, await rota(world, world.alice.id, world.bob.id, zoe.id)))
    nobody, unreachable = await found(world)
    assert nobody.kind is WarningKind.POLICY_NOBODY
    assert (unreachable.kind, unreachable.severity) == (WarningKind.UNREACHABLE, Severity.CRITICAL)
    assert unreachable.words == "Zoe cannot be reached"
    assert unreachable.detail == "No way is verified. Paged by Days."
    assert unreachable.at == world.clock.start + 2 * DAY
    assert unreachable.link == f"/users/{zoe.id}"


async def test_whoever_is_named_in_a_policy_counts_too(world: World) -> None:
    """Not only those in schedules; somebody in a policy that no service uses does not."""
    zoe = await make.user(world.db, world.cast.organization, "Zoe", reachable=False)
    await make.policy(world.db, world.core, level(1, zoe), name="Unused")
    assert (WarningKind.UNREACHABLE, Severity.CRITICAL) not in await kinds(world)
    await fill(world, level(1, world.alice, world.bob, zoe))
    assert await kinds(world) == [
        (WarningKind.UNREACHABLE, Severity.CRITICAL),
        (WarningKind.POLICY_NOBODY, Severity.LOW),
        (WarningKind.ONE_PERSON, Severity.LOW),
    ]


async def test_a_way_that_fails_or_is_not_proven_is_told_of_people_who_are_paged(world: World) -> None:
    """After 60 days nobody knows; a failing way beside one that works is named; strangers are left out."""
    await make.contact_method(world.db, world.bob, "sms", "+4915112345678")
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE contact_methods SET failing_since = :now, last_failure = 'gone' WHERE type = 'sms'",
            now=tx.now,
        )
    await fill(world, level(1, world.alice, world.bob))
    (bob,) = await found(world)
    assert (bob.kind, bob.severity, bob.subject) == (WarningKind.DOUBTFUL, Severity.MEDIUM, "Bob")
    assert bob.detail == "SMS fails since 5 January. Paged by Core policy."
    world.clock.advance(61 * DAY)
    assert [each.subject for each in await found(world) if each.kind is WarningKind.DOUBTFUL] == [
        "Alice",
        "Bob",
    ]


async def test_turns_of_somebody_who_is_deactivated_are_told(world: World) -> None:
    """Bob has left and is still in the rotation: his turns are named, not his telephone."""
    await fill(
        world, pages(1, await rota(world, world.alice.id, world.bob.id)), level(2, world.core, minutes=5)
    )
    await world.does(users.update, world.bob.id, is_active=False)
    empty = next(each for each in await found(world) if each.kind is WarningKind.EMPTY_SHIFT)
    assert empty.words == "Bob is on call for Days and is deactivated"
    assert (empty.severity, empty.at) == (Severity.HIGH, world.clock.start + DAY)
    assert WarningKind.UNREACHABLE not in [each.kind for each in await found(world)]


async def test_whoever_is_on_by_a_temporary_schedule_or_a_calendar_alone_is_known(world: World) -> None:
    """People with no turn in any rotation are neither gone nor unreachable; who is deactivated still is."""
    schedule = await rota(world, world.alice.id)
    await fill(world, pages(1, schedule), level(2, world.bob, minutes=5))
    now = world.clock()
    turn = FixedShift(user_id=world.charlie.id, start_at=now, end_at=now + DAY)
    kind = OverrideKind.FIXED
    await world.does(overrides.add, schedule, kind=kind, shifts=(turn,), start_at=now, end_at=now + DAY)
    assert await kinds(world) == []
    await world.does(users.deactivate, world.charlie.id)
    assert WarningKind.EMPTY_SHIFT in [kind for kind, _ in await kinds(world)]


async def test_a_calendar_whose_holidays_nobody_knows_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing while the library is there; once it is gone, the schedule is named and what helps."""
    office = (Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.EXCEPT),)
    await rota(world, world.alice.id, world.bob.id, restrictions=office, holiday_calendar="DE")
    assert WarningKind.NO_HOLIDAYS not in [each.kind for each in await found(world)]
    monkeypatch.setattr("openalert.usecases.warning_rules.in_year", lambda calendar, year: {})
    warning = next(each for each in await found(world) if each.kind is WarningKind.NO_HOLIDAYS)
    assert warning.words == "Days goes by public holidays of DE, and none are known"
    assert "openalert[holidays]" in warning.detail


async def test_one_person_on_every_level_is_told_unless_there_is_only_one(world: World) -> None:
    """Alice on level 1 and 2 while Bob is there; a channel beside her is somebody else."""
    schedule = await rota(world, world.alice.id)
    await fill(world, level(1, world.alice), pages(2, schedule))
    assert await kinds(world) == [(WarningKind.ONE_PERSON, Severity.LOW)], "nobody else is anywhere"
    await rota(world, world.bob.id, name="Other")
    one = next(each for each in await found(world) if each.kind is WarningKind.ONE_PERSON)
    assert one.severity is Severity.MEDIUM
    assert one.words == "Core policy pages only Alice"
    ops = await make.channel(world.db, world.core, "webhook", url="https://chat.example.org/hook")
    await make.policy(world.db, world.core, level(1, world.alice, ops), name="With a channel")
    assert [each.subject for each in await found(world) if each.kind is WarningKind.ONE_PERSON] == [
        "Core policy"
    ]


async def test_a_service_that_gets_alerts_and_has_no_policy_is_told(world: World) -> None:
    """Only once something is connected."""
    await make.service(world.db, world.core, name="Nothing connected")
    assert await found(world) == []
    await world.without_policy()
    (service,) = await found(world)
    assert (service.kind, service.words) == (WarningKind.SERVICE_NOBODY, "Alerts of Database page nobody")


async def test_an_integration_that_went_silent_is_told_by_its_own_measure(world: World) -> None:
    """An alert that was repeated every hour and still fires: after more than three hours without a word."""
    await fill(world, level(1, world.alice, world.bob))
    for _ in range(24):
        await world.fires("DiskFull")
        await cadences.run_due(world.db)
        world.clock.advance(HOUR)
    world.mailbox(world.alice).got(), world.mailbox(world.bob).got()
    world.clock.advance(2 * HOUR)
    assert await found(world) == []
    world.clock.advance(1)
    (silent,) = await found(world)
    assert (silent.kind, silent.severity) == (WarningKind.SILENT, Severity.MEDIUM)
    assert silent.words == "Alertmanager of Database has gone silent"
    assert silent.detail == "It used to send about every 60 min."
    assert silent.at == world.clock.start + 23 * HOUR


async def test_a_source_whose_alerts_are_over_is_rightly_silent(world: World) -> None:
    """It repeats what fires, and fires no more; nor is the time told in which the server was not running."""
    await fill(world, level(1, world.alice, world.bob))
    for _ in range(24):
        await world.fires("DiskFull")
        await cadences.run_due(world.db)
        world.clock.advance(HOUR)
    await world.resolves("DiskFull")
    await cadences.run_due(world.db)
    world.clock.advance(5 * DAY)
    assert await found(world) == []
    await world.fires("DiskFull", since=6 * DAY // SECOND)
    await cadences.run_due(world.db)
    world.clock.advance(5 * HOUR)
    async with world.db.transaction() as tx:
        await runs.begin(tx, "the next run")
    world.clock.advance(HOUR)
    assert await found(world) == []
    world.clock.advance(2 * HOUR + 1)
    assert [each.kind for each in await found(world)] == [WarningKind.SILENT]


async def test_an_integration_that_never_got_anything_is_a_hint_after_a_week(world: World) -> None:
    """Before, somebody may still be setting it up."""
    await fill(world, level(1, world.alice, world.bob))
    world.clock.advance(7 * DAY)
    assert await found(world) == []
    world.clock.advance(1)
    assert await kinds(world) == [(WarningKind.SILENT, Severity.LOW)] * 2


async def test_messages_that_were_not_understood_are_counted_for_a_week(world: World) -> None:
    """The same one again is one more message."""
    await fill(world, level(1, world.alice, world.bob))
    for _ in range(3):
        await world.posts(b"\x00 no json", source="prometheus")
    await world.posts(b"neither", source="prometheus")
    (waiting,) = await found(world)
    assert (waiting.kind, waiting.severity) == (WarningKind.NOT_UNDERSTOOD, Severity.HIGH)
    assert waiting.words == "4 messages to Alertmanager of Database not understood"
    world.clock.advance(7 * DAY)
    assert WarningKind.NOT_UNDERSTOOD in [each.kind for each in await found(world)]
    world.clock.advance(1)
    assert WarningKind.NOT_UNDERSTOOD not in [each.kind for each in await found(world)]


async def dead_letter(
    world: World,
    kind: NotificationKind,
    status: NotificationStatus = NotificationStatus.FAILED,
    channel: str = "sms",
) -> None:
    """A message of Core that has its end."""
    async with world.db.transaction() as tx:
        row = Notification(
            id=new_id(tx.now),
            effect_key=new_id(tx.now),
            organization_id=world.cast.organization.id,
            team_id=world.core.id,
            incident_id=None,
            kind=kind,
            channel=channel,
            address="+4915112345678",
            reason="",
            status=status,
            due_at=None,
            give_up_at=tx.now,
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("notifications", row)


async def test_dead_letters_of_the_week_are_counted(world: World) -> None:
    """By team; with a page among them they are severe. Codes that failed were seen by whoever waited."""
    await dead_letter(world, NotificationKind.UPDATE)
    await dead_letter(world, NotificationKind.CODE)
    (failed,) = await found(world)
    assert (failed.kind, failed.severity) == (WarningKind.FAILED, Severity.LOW)
    assert failed.words == "1 message of Core failed in the last 7 days"
    await dead_letter(world, NotificationKind.PAGE)
    (failed,) = await found(world)
    assert (failed.severity, failed.detail) == (Severity.HIGH, "1 page among them.")
    world.clock.advance(7 * DAY + 1)
    assert await found(world) == []


async def test_a_channel_by_which_nothing_gets_through_is_told(world: World) -> None:
    """Three failures and no success; one success and it is only dead letters."""
    for _ in range(3):
        await dead_letter(world, NotificationKind.PAGE)
    channel, failed = await found(world)
    assert (channel.kind, channel.words) == (WarningKind.CHANNEL_FAILS, "SMS: nothing gets through")
    assert failed.kind is WarningKind.FAILED
    await dead_letter(world, NotificationKind.PAGE, NotificationStatus.DELIVERED)
    assert [each.kind for each in await found(world)] == [WarningKind.FAILED]


async def test_a_provider_that_refuses_us_is_told_before_all_else(world: World) -> None:
    """The first provider is worse than the second; an address that is its own provider is nobody else's business."""
    async with world.db.transaction() as tx:
        for provider, address in ((1, ""), (0, ""), (0, "slack://somebody")):
            trouble = ChannelTrouble(
                channel="sms", provider=provider, address=address, since=tx.now, detail="authenticate"
            )
            await channel_troubles.begin(tx, trouble)
    assert [(each.words, each.severity) for each in await found(world)] == [
        ("SMS: the provider refuses our credentials", Severity.CRITICAL),
        ("SMS: the second provider refuses our credentials", Severity.HIGH),
    ]


async def test_a_channel_that_is_not_set_up_is_told_where_somebody_counts_on_it(world: World) -> None:
    """Bob has a telephone; that Charlie has one, who is never paged, does not matter."""
    await make.contact_method(world.db, world.charlie, "voice", "+4915112345678")
    await make.contact_method(world.db, world.bob, "sms", "+4915112345678")
    await fill(world, level(1, world.alice, world.bob))
    assert await found(world, world.as_(world.bob), sms="twilio.account_sid") == [], "for admins alone"
    (unset,) = await found(
        world, sms="twilio.account_sid", voice="twilio.account_sid", slack="slack.bot_token"
    )
    assert (unset.words, unset.severity) == ("SMS: not set up", Severity.HIGH)
    assert unset.detail == "1 way to people who are on call cannot be used. Set twilio.account_sid."


async def test_everybody_sees_the_warnings_of_their_own_teams(world: World) -> None:
    """A stranger to Core sees none of it; how channels are is for admins of the organization."""
    await rota(world)
    for _ in range(3):
        await dead_letter(world, NotificationKind.PAGE)
    assert [each.kind for each in await found(world, world.as_(world.bob))] == [
        WarningKind.FAILED,
        WarningKind.GAP,
    ]
    assert await found(world, world.as_(world.charlie)) == []
    assert len(await found(world, world.as_(world.alice))) == 3


async def test_a_schedule_out_of_sight_counts_and_is_not_named(world: World) -> None:
    """Core's policy counts on a schedule of another team: whether it reaches anybody is told, not whose it is."""
    hidden = await make.team(world.db, world.cast.organization, "Hidden")
    made = await world.does(schedules.create, team_id=hidden.id, name="Secret", timezone="UTC")
    await fill(world, pages(1, made.id))
    (nobody,) = await found(world, world.as_(world.bob))
    assert nobody.kind is WarningKind.POLICY_NOBODY
    assert "Secret" not in str(nobody)


async def test_another_organization_is_never_told(world: World) -> None:
    """Its owner sees nothing of all that is wrong here."""
    await rota(world)
    await world.without_policy()
    await world.posts(b"nonsense", source="prometheus")
    for _ in range(3):
        await dead_letter(world, NotificationKind.PAGE)
    other = await make.organization(world.db, "Other")
    owner = await make.user(world.db, other, "Olga", Role.OWNER)
    assert await found(world, make.actor(owner)) == []
    everywhere = await found(world)
    assert len(warnings.to_mend(everywhere, world.as_(world.alice))) == 4
    assert warnings.to_mend(everywhere, make.actor(owner)) == []
    assert warnings.to_mend(everywhere, world.as_(world.bob)) == [], "a member mends nothing"


async def test_the_metric_counts_by_kind_and_forgets_what_was_mended(world: World) -> None:
    """Kinds without a warning stand at 0, so that an alert on them ends."""

    def measured(kind: WarningKind) -> float | None:
        return telemetry.registry.get_sample_value("openalert_warnings", {"kind": kind.value})

    await world.without_policy()
    await world.engine.measure_warnings()
    assert (measured(WarningKind.SERVICE_NOBODY), measured(WarningKind.GAP)) == (1, 0)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = :off", off=False)
    await world.engine.measure_warnings()
    assert measured(WarningKind.SERVICE_NOBODY) == 0


async def test_what_is_read_in_portions_is_read_to_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five of each where two are a portion: none is left out, none is there twice."""
    monkeypatch.setattr(warning_facts, "PORTION", 2)
    for number in range(5):
        schedule = await rota(world, name=f"Schedule {number}")
        policy = await make.policy(world.db, world.core, pages(1, schedule), name=f"Policy {number}")
        await make.service(world.db, world.core, policy, name=f"Service {number}")
    warned = await found(world)
    assert sorted(each.subject for each in warned) == sorted(
        f"{what} {number}" for what in ("Policy", "Schedule") for number in range(5)
    )
    assert {each.severity for each in warned} == {Severity.CRITICAL, Severity.HIGH}


async def test_somebody_who_is_away_by_their_own_calendar_is_told(world: World) -> None:
    """Bob is away on Tuesday afternoon, when he is on call: from when until when; not why, and not while he is off."""
    schedule = await rota(world, world.alice.id, world.bob.id)
    await fill(world, pages(1, schedule))
    start = world.clock.start + DAY
    feed = await make.calendar_feed(world.db, world.bob)
    async with world.db.transaction() as tx:
        await stored_feeds.put_absences(
            tx,
            feed.id,
            [
                Period(
                    user_id=world.bob.id, start_at=start - 4 * HOUR, end_at=start - HOUR, summary="secret"
                ),
                Period(
                    user_id=world.bob.id, start_at=start + HOUR, end_at=start + 3 * HOUR, summary="secret"
                ),
            ],
        )
    (away,) = await found(world)
    assert (away.kind, away.severity) == (WarningKind.AWAY, Severity.MEDIUM)
    assert (away.words, away.at, away.until) == (
        "Bob is on call for Days while away",
        start + HOUR,
        start + 3 * HOUR,
    )
    assert "secret" not in str(away)


async def test_one_person_on_two_levels_at_once_is_told(world: World) -> None:
    """Alice has both schedules of one policy each other day: the policy says so; apart from a policy it is a hint."""
    first = await rota(world, world.alice.id, world.bob.id)
    second = await rota(world, world.alice.id, world.charlie.id, name="Backup")
    await fill(world, pages(1, first), pages(2, second))
    (twice,) = await found(world)
    assert (twice.kind, twice.severity, twice.subject) == (WarningKind.ON_TWICE, Severity.MEDIUM, "Alice")
    assert twice.words == "Alice is on call for Days and Backup at once"
    assert twice.detail == "Two levels of Core policy page the same person then."
    assert (twice.at, twice.until) == (world.clock.start, world.clock.start + DAY)
    third = await rota(world, world.bob.id, world.charlie.id, name="Mail")
    hints = [each for each in await found(world) if each.kind is WarningKind.ON_TWICE]
    assert [(each.subject, each.severity) for each in hints] == [
        ("Alice", Severity.MEDIUM),
        ("Charlie", Severity.LOW),
    ], third


async def test_who_takes_over_at_the_same_moment_is_not_on_twice(world: World) -> None:
    """Turns that touch do not meet: Alice hands one over when she begins the other."""
    first = await rota(world, world.alice.id, world.bob.id)
    second = await rota(world, world.bob.id, world.alice.id, name="Backup")
    await fill(world, pages(1, first), pages(2, second))
    assert await found(world) == []
