"""From how a person wants to be reached to the messages they get: nobody is lost, nothing comes that was not wanted."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalert.domain import contact
from openalert.domain.contact import CALL_AFTER, ContactKind, check_phone
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import (
    Callee,
    NotificationRule,
    Plan,
    Preferences,
    Way,
    awake,
    held_words,
    last_resort,
    plan,
)
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity

EVENING: Instant = 1_767_648_600_000
"""2026-01-05T21:30:00Z: a Monday, half past ten in the evening in Berlin."""
SEVEN = EVENING + 8 * HOUR + 30 * MINUTE
NIGHT = QuietWindow(days=tuple(range(7)), from_time="22:00", to_time="07:00")
KINDS = {
    "email": (Severity.INFO, 0),
    "web_push": (Severity.INFO, 0),
    "sms": (Severity.CRITICAL, 0),
    "voice": (Severity.CRITICAL, CALL_AFTER),
}


@pytest.fixture(autouse=True, scope="module")
def _kinds() -> Iterator[None]:
    """The kinds of contact methods of these tests, whatever the product has."""
    before = dict(contact.CONTACT_KINDS)
    contact.CONTACT_KINDS.clear()
    for name, (severity, after) in KINDS.items():
        contact.CONTACT_KINDS[name] = ContactKind(
            type=name, words=name, address_words=name, check=check_phone, from_severity=severity, after=after
        )
    yield
    contact.CONTACT_KINDS.clear()
    contact.CONTACT_KINDS.update(before)


def way(kind: str, number: int = 0) -> Way:
    """A verified way of this kind."""
    return Way(id=f"{kind}-{number}", type=kind, address=f"{kind} address {number}")


def rule(
    to: str,
    minutes: float = 0,
    severity: Severity = Severity.INFO,
    kind: NotificationKind = NotificationKind.PAGE,
) -> NotificationRule:
    """A rule by the method with this id."""
    return NotificationRule(
        id=f"{to}:{minutes}",
        user_id="bea",
        kind=kind,
        min_severity=severity,
        delay=round(minutes * MINUTE),
        contact_method_id=to,
        created_at=0,
    )


def bea(*rules: NotificationRule, ways: tuple[str, ...] = tuple(KINDS), **preferences: object) -> Callee:
    """Bea of Berlin, with a way of each of these kinds."""
    return Callee(
        user_id="bea",
        name="Bea",
        timezone="Europe/Berlin",
        ways=tuple(way(kind) for kind in ways),
        rules=rules,
        preferences=Preferences(user_id="bea", **preferences),  # type: ignore[arg-type]
    )


def shape(planned: Plan, now: Instant = EVENING) -> list[tuple[float, str]]:
    """The steps as minutes from now and kinds of ways."""
    return [((step.due_at - now) / MINUTE, step.way.type) for step in planned.steps]


def test_whoever_configures_nothing_gets_the_defaults() -> None:
    """Mail and push at once; for critical a text message at once and a call two minutes later."""
    assert shape(plan(bea(), Severity.HIGH, EVENING)) == [(0, "email"), (0, "web_push")]
    critical = [(0, "email"), (0, "web_push"), (0, "sms"), (2, "voice")]
    assert shape(plan(bea(), Severity.CRITICAL, EVENING)) == critical


def test_a_telephone_alone_is_called_for_little_things_too() -> None:
    """Somebody with nothing but a number is reached by it, rather than not at all."""
    assert shape(plan(bea(ways=("sms", "voice")), Severity.LOW, EVENING)) == [(0, "sms")]


def test_without_mail_the_gentlest_way_brings_what_is_no_page() -> None:
    """A handoff comes by push, and not as a text message, whichever of both was given first."""
    for ways in (("sms", "web_push"), ("web_push", "sms")):
        planned = plan(bea(ways=ways), None, EVENING, kind=NotificationKind.HANDOFF)
        assert shape(planned) == [(0, "web_push")]


def test_rules_say_what_comes_when() -> None:
    """0 min push, 2 min SMS, 5.5 min call, whatever the order in which they were made."""
    wishes = bea(rule("voice-0", 5.5), rule("web_push-0"), rule("sms-0", 2))
    assert shape(plan(wishes, Severity.HIGH, EVENING)) == [(0, "web_push"), (2, "sms"), (5.5, "voice")]


def test_rules_are_for_severities_and_kinds_of_message() -> None:
    """A call for critical only; a rule about handoffs makes no page."""
    wishes = bea(
        rule("email-0"),
        rule("voice-0", 1, Severity.CRITICAL),
        rule("sms-0", kind=NotificationKind.HANDOFF),
    )
    assert shape(plan(wishes, Severity.HIGH, EVENING)) == [(0, "email")]
    assert shape(plan(wishes, Severity.CRITICAL, EVENING)) == [(0, "email"), (1, "voice")]
    assert shape(plan(wishes, None, EVENING, kind=NotificationKind.HANDOFF)) == [(0, "sms")]
    assert shape(plan(wishes, None, EVENING, kind=NotificationKind.DIGEST)) == [(0, "email")]


def test_nobody_is_reached_for_a_reason_that_can_be_said() -> None:
    """No address, switched off, below what they want, without a rule for it: each has its words."""
    off = msgspec.structs.replace(bea(), is_active=False)
    assert plan(off, Severity.CRITICAL, EVENING).silent == "Bea is deactivated"
    assert plan(bea(ways=()), Severity.CRITICAL, EVENING).silent == "Bea has no verified address"
    modest = bea(min_severity=Severity.HIGH)
    assert plan(modest, Severity.MEDIUM, EVENING).silent == "Bea wants no pages below high"
    assert plan(modest, Severity.HIGH, EVENING).steps
    only = bea(rule("email-0", severity=Severity.HIGH))
    assert plan(only, Severity.MEDIUM, EVENING).silent == "Bea has no rule for medium"


def test_a_rule_whose_address_is_gone_is_kept_by_the_surest_way_and_says_so() -> None:
    """The text message is gone: at its minute comes a mail, once, and the plan says why."""
    planned = plan(bea(rule("sms-7", 1), rule("voice-0", 3)), Severity.HIGH, EVENING)
    assert shape(planned) == [(1, "email"), (3, "voice")]
    assert planned.notes == (
        "a rule of Bea names an address that is gone or not verified, email takes its place",
    )
    every_one = plan(bea(rule("sms-7"), rule("voice-7")), Severity.HIGH, EVENING)
    assert shape(every_one) == [(0, "email")]


def test_quiet_hours_hold_a_page_and_keep_its_steps_apart() -> None:
    """Half past ten, quiet until seven: push at seven, text message two minutes later."""
    wishes = bea(rule("web_push-0"), rule("sms-0", 2), quiet=(NIGHT,))
    planned = plan(wishes, Severity.HIGH, EVENING)
    assert [step.due_at for step in planned.steps] == [SEVEN, SEVEN + 2 * MINUTE]
    assert [step.held_until for step in planned.steps] == [SEVEN, SEVEN]
    assert planned.held_until == SEVEN
    words = held_words(wishes, SEVEN, EVENING, planned.held_by)
    assert words == "held until 07:00 by Bea's quiet hours"


def test_what_passes_is_what_the_person_chose() -> None:
    """Critical by what is offered; nothing if they say so; less if they say so."""
    assert not plan(bea(quiet=(NIGHT,)), Severity.CRITICAL, EVENING).held_until
    assert plan(bea(quiet=(NIGHT,), passes_from=None), Severity.CRITICAL, EVENING).held_until == SEVEN
    assert not plan(bea(quiet=(NIGHT,), passes_from=Severity.MEDIUM), Severity.HIGH, EVENING).held_until


def test_do_not_disturb_holds_until_its_end() -> None:
    """Two hours of do-not-disturb, by that name; far away the words have a day."""
    until = EVENING + 2 * HOUR
    planned = plan(bea(do_not_disturb_until=until), Severity.HIGH, EVENING)
    assert (planned.held_until, planned.held_by) == (until, "do-not-disturb")
    assert not plan(bea(do_not_disturb_until=EVENING), Severity.HIGH, EVENING).held_until
    words = held_words(bea(), EVENING + 3 * DAY, EVENING, "do-not-disturb")
    assert words == "held until Thu 08 Jan 22:30 by Bea's do-not-disturb"


def test_a_step_that_would_come_in_quiet_time_waits_alone() -> None:
    """Two minutes before the quiet hours: the push comes, the call of minute five waits for the morning."""
    almost = EVENING - 32 * MINUTE
    planned = plan(bea(rule("web_push-0"), rule("voice-0", 5), quiet=(NIGHT,)), Severity.HIGH, almost)
    assert [(step.due_at, step.held_until) for step in planned.steps] == [(almost, None), (SEVEN, SEVEN)]
    assert planned.held_until is None


def test_the_last_step_is_repeated_until_somebody_answers() -> None:
    """Every three minutes, twice, what came last; other kinds of message are never repeated."""
    wishes = bea(rule("email-0"), rule("sms-0", 1), repeat_every=3 * MINUTE, repeat_most=2)
    planned = plan(wishes, Severity.HIGH, EVENING)
    assert shape(planned) == [(0, "email"), (1, "sms"), (4, "sms"), (7, "sms")]
    assert [step.is_repeat for step in planned.steps] == [False, False, True, True]
    assert len(plan(wishes, None, EVENING, kind=NotificationKind.DIGEST).steps) == 1


def test_whoever_answers_last_is_told_at_once_whatever_they_have_set() -> None:
    """The owner sleeps and wants no pages: a mail at once, and what they set comes too."""
    asleep = bea(rule("voice-0"), quiet=(NIGHT,))
    planned = last_resort(asleep, Severity.HIGH, EVENING)
    assert [(step.due_at, step.way.type) for step in planned.steps] == [(EVENING, "email"), (SEVEN, "voice")]
    modest = last_resort(bea(min_severity=Severity.CRITICAL), Severity.LOW, EVENING)
    assert shape(modest) == [(0, "email")]
    assert last_resort(bea(ways=()), Severity.LOW, EVENING).silent
    gone = msgspec.structs.replace(bea(), is_active=False)
    assert (last_resort(gone, Severity.HIGH, EVENING).steps, gone.is_active) == ((), False)
    assert shape(last_resort(bea(rule("sms-0")), Severity.LOW, EVENING)) == [(0, "sms")]


severities = st.sampled_from(Severity)
times = st.builds(lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}", st.integers(0, 24 * 60 - 1))
callees = st.builds(
    Callee,
    user_id=st.just("bea"),
    name=st.just("Bea"),
    is_active=st.booleans(),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Nowhere/Gone"]),
    ways=st.lists(
        st.builds(way, st.sampled_from([*KINDS, "gone"]), st.integers(0, 2)), max_size=4, unique=True
    ).map(tuple),
    rules=st.lists(
        st.builds(
            rule,
            st.builds("{}-{}".format, st.sampled_from(list(KINDS)), st.integers(0, 3)),
            st.integers(0, 30),
            severities,
            st.sampled_from([NotificationKind.PAGE, NotificationKind.HANDOFF]),
        ),
        max_size=5,
    ).map(tuple),
    preferences=st.builds(
        Preferences,
        user_id=st.just("bea"),
        min_severity=severities,
        repeat_every=st.integers(MINUTE, 60 * MINUTE),
        repeat_most=st.integers(0, 10),
        quiet=st.lists(
            st.builds(
                QuietWindow,
                days=st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple),
                from_time=times,
                to_time=times,
            ),
            max_size=2,
        ).map(tuple),
        passes_from=st.none() | severities,
        do_not_disturb_until=st.none() | st.integers(EVENING - DAY, EVENING + DAY),
    ),
)


@settings(max_examples=500)
@given(callee=callees, severity=severities)
def test_a_plan_has_steps_or_says_why_not(callee: Callee, severity: Severity) -> None:
    """Either somebody is reached, by their own verified ways, in order, never twice at once; or there are words."""
    planned = plan(callee, severity, EVENING)
    assert bool(planned.steps) != bool(planned.silent)
    assert {step.way for step in planned.steps} <= set(callee.ways)
    assert [step.number for step in planned.steps] == list(range(len(planned.steps)))
    assert [step.due_at for step in planned.steps] == sorted(step.due_at for step in planned.steps)
    assert len({(step.due_at, step.way.id) for step in planned.steps}) == len(planned.steps)
    pages = [rule for rule in callee.rules if rule.kind is NotificationKind.PAGE]
    most = (len(pages) or len(callee.ways)) * (1 + callee.preferences.repeat_most)
    assert len(planned.steps) <= most


@settings(max_examples=500)
@given(callee=callees, severity=severities)
def test_nothing_comes_in_quiet_time_but_what_passes(callee: Callee, severity: Severity) -> None:
    """No step is due while its severity does not pass, none before now; and what is held was not to come earlier."""
    for step in plan(callee, severity, EVENING).steps:
        assert step.due_at >= EVENING
        assert awake(callee, severity, step.due_at) == step.due_at
        assert step.held_until is None or EVENING < step.held_until <= step.due_at


@settings(max_examples=300)
@given(callee=callees, severity=severities)
def test_rules_never_make_somebody_unreachable_by_accident(callee: Callee, severity: Severity) -> None:
    """An active person with an address is silent only below a severity that they chose themselves."""
    planned = plan(callee, severity, EVENING)
    if callee.is_active and callee.ways and not planned.steps:
        pages = [each for each in callee.rules if each.kind is NotificationKind.PAGE]
        below = severity.rank < callee.preferences.min_severity.rank
        assert below or all(severity.rank < each.min_severity.rank for each in pages)
    if callee.is_active and callee.ways:
        assert last_resort(callee, severity, EVENING).steps[0].due_at == EVENING
