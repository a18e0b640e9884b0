"""When a beat is due, when it is late, and what a server that was away may conclude."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from openalert.domain import cron
from openalert.domain import heartbeat as rules
from openalert.domain.errors import Invalid
from openalert.domain.heartbeat import BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.heartbeat_words import brief, length
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime, rfc3339, to_datetime

T = 1_767_600_000_000
"""2026-01-05T08:00:00Z, a Monday."""


def at(text: str) -> Instant:
    """The instant of `2026-03-29T01:30:00+00:00`."""
    return from_datetime(datetime.fromisoformat(text))


def of(**members: object) -> Heartbeat:
    """A heartbeat of five minutes with a grace of one, never heard of unless told otherwise."""
    usual: dict[str, object] = {"period": 5 * MINUTE, "grace": MINUTE}
    if members.get("cron"):
        usual["period"] = None
    return Heartbeat(
        id="h",
        service_id="s",
        name="Backup",
        key_hash="",
        key_hint="",
        since=T,
        created_at=T,
        updated_at=T,
        **{**usual, **members},  # type: ignore[arg-type]
    )


class TestHearing:
    """What beats do."""

    def test_the_first_beat_arms_it(self) -> None:
        """A heartbeat that was never heard of is late for nothing."""
        new = of()
        assert not new.is_overdue(T + 365 * DAY)
        rules.hear(new, BeatKind.SUCCESS, T)
        assert (new.status, new.expected_at, new.due_at) == (
            HeartbeatStatus.HEALTHY,
            T + 5 * MINUTE,
            T + 6 * MINUTE,
        )
        assert not new.is_overdue(T + 6 * MINUTE - 1)
        assert new.is_overdue(T + 6 * MINUTE)

    def test_a_start_must_end_within_the_grace_and_gives_the_duration(self) -> None:
        """Also one that was never heard of: what begins and does not end is late."""
        new = of()
        rules.hear(new, BeatKind.START, T)
        assert (new.status, new.due_at, new.last_beat_at) == (HeartbeatStatus.NEW, T + MINUTE, None)
        assert rules.hear(new, BeatKind.SUCCESS, T + 30 * SECOND) == 30 * SECOND
        assert (new.started_at, new.last_duration, new.due_at) == (None, 30 * SECOND, T + 390 * SECOND)
        assert rules.hear(new, BeatKind.SUCCESS, T + 60 * SECOND) is None

    def test_a_start_late_in_the_period_puts_nothing_off(self) -> None:
        """What was due before one grace from now stays due then."""
        known = of(grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, T)
        rules.hear(known, BeatKind.START, T + 14 * MINUTE)
        assert known.due_at == T + 15 * MINUTE

    def test_a_failure_fires_and_goes_on_expecting(self) -> None:
        """The next success ends it, a start or a note does not."""
        known = of()
        rules.hear(known, BeatKind.FAIL, T)
        assert known.is_firing
        assert known.due_at == T + 6 * MINUTE
        for kind in (BeatKind.START, BeatKind.LOG):
            rules.hear(known, kind, T + 1)
            assert known.status is HeartbeatStatus.FAILED
        rules.hear(known, BeatKind.SUCCESS, T + 2)
        assert known.status is HeartbeatStatus.HEALTHY

    def test_a_note_puts_nothing_off(self) -> None:
        """`log` is for people alone."""
        known = of()
        rules.hear(known, BeatKind.SUCCESS, T)
        rules.hear(known, BeatKind.LOG, T + 4 * MINUTE)
        assert (known.due_at, known.last_beat_at) == (T + 6 * MINUTE, T)

    def test_while_it_is_paused_nothing_is_concluded(self) -> None:
        """Not from failures either; resumed it gets a whole period and grace."""
        known = of()
        rules.hear(known, BeatKind.SUCCESS, T)
        rules.pause(known, T + 1)
        for kind in BeatKind:
            rules.hear(known, kind, T + MINUTE)
        assert (known.status, known.due_at) == (HeartbeatStatus.PAUSED, None)
        rules.resume(known, T + DAY)
        assert (known.status, known.due_at) == (HeartbeatStatus.HEALTHY, T + DAY + 6 * MINUTE)

    def test_resumed_without_ever_a_beat_it_waits_for_the_first(self) -> None:
        """As it did before."""
        new = of()
        rules.pause(new, T)
        rules.resume(new, T + 1)
        assert (new.status, new.due_at) == (HeartbeatStatus.NEW, None)

    def test_a_shorter_period_makes_nothing_late_at_once(self) -> None:
        """Nobody knew; a longer one counts from the last beat."""
        known = of(period=DAY)
        rules.hear(known, BeatKind.SUCCESS, T)
        known.period = HOUR
        rules.reschedule(known, T + 2 * HOUR)
        assert known.due_at == T + 3 * HOUR + MINUTE
        known.period = 2 * DAY
        rules.reschedule(known, T + 2 * HOUR)
        assert known.due_at == T + 2 * DAY + MINUTE


class TestBeingAway:
    """What OpenAlert could not hear itself is nobody's fault."""

    def test_what_came_due_while_away_gets_a_whole_period(self) -> None:
        """As if a beat had come just before the server was back."""
        known = of()
        rules.hear(known, BeatKind.SUCCESS, T)
        assert rules.excuse(known, T + 2 * MINUTE, T + HOUR)
        assert known.due_at == T + HOUR + 6 * MINUTE

    def test_what_was_due_before_it_was_away_stays_due(self) -> None:
        """It was listening, and heard nothing."""
        known = of()
        rules.hear(known, BeatKind.SUCCESS, T)
        assert not rules.excuse(known, T + 6 * MINUTE + 1, T + HOUR)
        assert known.is_overdue(T + HOUR)

    def test_a_short_absence_far_from_the_beat_changes_nothing(self) -> None:
        """A restart at noon must not hide until noon that the backup of the night is missing."""
        known = of(period=DAY, grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, T)
        assert not rules.excuse(known, T + 9 * HOUR, T + 9 * HOUR + 5 * SECOND)
        assert known.due_at == T + DAY + 10 * MINUTE

    def test_a_beat_a_little_early_may_be_the_one_that_was_lost(self) -> None:
        """As much early as it may be late, and at least a tenth of the period."""
        known = of(period=DAY, grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, T)
        assert rules.excuse(known, T + 22 * HOUR, T + 22 * HOUR + SECOND)
        assert known.due_at == T + 46 * HOUR + SECOND + 10 * MINUTE

    def test_restarts_every_night_do_not_hide_what_is_missing_every_night(self) -> None:
        """Without a beat since, only the time away itself is added."""
        known = of(period=DAY, grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, T)
        night = T + DAY
        assert rules.excuse(known, night, night + MINUTE)
        first = known.due_at
        assert first is not None
        assert rules.excuse(known, night + DAY, night + DAY + MINUTE)
        assert known.due_at == first + MINUTE
        assert rules.excuse(known, night + DAY, night + DAY + MINUTE)
        assert known.due_at == first + MINUTE, "the same absence counts once"
        rules.hear(known, BeatKind.SUCCESS, night + DAY + 2 * MINUTE)
        assert known.unheard_from is None

    def test_work_that_had_begun_may_have_ended_unheard(self) -> None:
        """Its end could have come while the server was away."""
        known = of(period=DAY, grace=HOUR)
        rules.hear(known, BeatKind.SUCCESS, T)
        rules.hear(known, BeatKind.START, T + 12 * HOUR)
        assert rules.excuse(known, T + 12 * HOUR + MINUTE, T + 14 * HOUR)
        assert known.due_at == T + 14 * HOUR + DAY + HOUR

    def test_a_cron_expression_waits_for_its_next_time(self) -> None:
        """Not for a day from when the server was back."""
        known = of(cron="0 3 * * *", grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-05T03:01:00+00:00"))
        assert rules.excuse(known, at("2026-01-06T02:59:00+00:00"), at("2026-01-06T05:00:00+00:00"))
        assert known.due_at == at("2026-01-07T03:10:00+00:00")

    def test_nothing_is_expected_of_what_is_late_or_paused(self) -> None:
        """There is nothing to put off."""
        known = of()
        rules.hear(known, BeatKind.SUCCESS, T)
        rules.fall_late(known, T + 6 * MINUTE)
        assert not rules.excuse(known, T, T + HOUR)


class TestCron:
    """Cron expressions on the clocks of a zone."""

    @pytest.mark.parametrize(
        ("expression", "zone", "after", "expected"),
        [
            ("30 3 * * *", "Europe/Berlin", "2026-01-05T00:00:00+00:00", "2026-01-05T02:30:00.000Z"),
            # 02:30 is skipped: the first minute after the gap.
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-29T01:00:00.000Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00.000Z"),
            # 02:30 occurs twice: the first one alone.
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+00:00", "2026-10-25T00:30:00.000Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00.000Z"),
            # Half an hour, at midnight, and a zone that is far ahead.
            ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+00:00", "2026-10-03T15:30:00.000Z"),
            ("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00+00:00", "2026-09-06T04:00:00.000Z"),
            ("0 9 * * 1-5", "Pacific/Kiritimati", "2026-01-02T00:00:00+00:00", "2026-01-04T19:00:00.000Z"),
            # What runs every hour runs in each of them.
            ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25T01:00:00.000Z"),
            ("0 0 29 2 *", "UTC", "2026-01-05T00:00:00+00:00", "2028-02-29T00:00:00.000Z"),
        ],
    )
    def test_the_next_time(self, expression: str, zone: str, after: str, expected: str) -> None:
        """Also when clocks are set forward or back."""
        assert rfc3339(cron.next_after(expression, ZoneInfo(zone), at(after))) == expected

    def test_a_year_of_nights_has_a_beat_for_each_day_that_the_zone_knows(self) -> None:
        """In every zone with an odd change of clocks, at every half hour around it."""
        for zone in (
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "America/Santiago",
            "Africa/Casablanca",
        ):
            for expression in ("0 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *", "0 3 * * *"):
                now, days = at("2026-01-01T12:00:00+00:00"), []
                while now < at("2027-01-01T12:00:00+00:00"):
                    now = cron.next_after(expression, ZoneInfo(zone), now)
                    days.append(to_datetime(now).astimezone(ZoneInfo(zone)).date())
                assert len(days) == len(set(days)) == (days[-1] - days[0]).days + 1 >= 365, (zone, expression)

    def test_a_beat_a_little_before_its_time_counts_for_it(self) -> None:
        """Clocks differ: the next one is expected a day later, not in some seconds."""
        known = of(cron="0 3 * * *", grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-05T02:59:58+00:00"))
        assert known.due_at == at("2026-01-06T03:10:00+00:00")
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-06T02:30:00+00:00"))
        assert known.due_at == at("2026-01-06T03:10:00+00:00")

    def test_beats_between_two_times_wait_for_the_same_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever comes in between; the expression is read once, a start's shorter end is over with the beat."""
        known = of(cron="0 3 * * *", grace=10 * MINUTE)
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-05T03:01:00+00:00"))
        with monkeypatch.context() as patch:
            patch.setattr(rules, "next_after", lambda *_: pytest.fail("it was looked for again"))
            for hour in range(4, 24):
                rules.hear(known, BeatKind.START, at(f"2026-01-05T{hour:02}:00:00+00:00"))
                rules.hear(known, BeatKind.SUCCESS, at(f"2026-01-05T{hour:02}:05:00+00:00"))
                assert known.due_at == at("2026-01-06T03:10:00+00:00")
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-06T03:00:00+00:00"))
        assert known.due_at == at("2026-01-07T03:10:00+00:00")

    def test_every_minute_is_not_swallowed_by_that(self) -> None:
        """A third of what lies between two times is the most."""
        known = of(cron="* * * * *", grace=0)
        rules.hear(known, BeatKind.SUCCESS, at("2026-01-05T03:00:30+00:00"))
        assert known.due_at == at("2026-01-05T03:01:00+00:00")

    @pytest.mark.parametrize(
        "expression",
        ["", "* * * *", "* * * * * *", "60 * * * *", "0 0 31 2 *", "@daily", "a b c d e", "*/0 * * * *", "² * * * *",
         "9" * 4400 + " * * * *", "0 " * 60, "5-1 * * * *", "* * * * 1#9", "* * * * L"],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, expression: str) -> None:
        """With the field, never with a fault of ours."""
        with pytest.raises(Invalid) as refused:
            cron.check(expression)
        assert refused.value.details == {"field": "cron"}

    def test_spaces_are_tidied(self) -> None:
        """As people paste it from a crontab."""
        assert cron.check("  30  3\t* * MON-FRI ") == "30 3 * * MON-FRI"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"period": None}, "intervalSeconds"),
        ({"cron": "0 3 * * *", "period": DAY}, "intervalSeconds"),
        ({"period": 100}, "intervalSeconds"),
        ({"period": 400 * DAY}, "intervalSeconds"),
        ({"grace": -1}, "graceSeconds"),
        ({"grace": 400 * DAY}, "graceSeconds"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"cron": "nonsense"}, "cron"),
    ],
)
def test_bounds_are_held(members: dict[str, object], field: str) -> None:
    """Each refusal names its member."""
    with pytest.raises(Invalid) as refused:
        rules.check(of(**members))
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("elapsed", "long", "short"),
    [
        (500, "0.5 seconds", "500 ms"),
        (0, "0 seconds", "0 ms"),
        (12_400, "12 seconds", "12.4 s"),
        (5 * MINUTE, "5 minutes", "5 min"),
        (90 * MINUTE, "1 hour 30 minutes", "1 h 30 min"),
        (DAY + MINUTE, "1 day 1 minute", "1 d"),
        (71_200, "1 minute 11 seconds", "1 min 11 s"),
    ],
)
def test_lengths_in_words(elapsed: Instant, long: str, short: str) -> None:
    """For sentences and for tables."""
    assert (length(elapsed), brief(elapsed)) == (long, short)
