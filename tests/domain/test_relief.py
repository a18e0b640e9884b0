"""Relief: who follows whoever is on call, and the next handoff of each rotation."""

from openalert.domain.amend import amend
from openalert.domain.instant import DAY, HOUR
from openalert.domain.relief import RotationHandoff, relief, who_follows, who_preceded
from openalert.domain.schedule import RotationChange, RotationType
from tests.domain.rotas import OFFICE, override, plan_of, rotation, utc


def test_the_answer_that_follows_is_told_with_its_own_end() -> None:
    """After Ada's day comes Ben's; after an override, whoever the rotation says; nothing follows what never changes."""
    days = rotation("ada", "ben")
    known = relief(plan_of([days]), utc("2026-01-05T12:00"))
    assert known.following is not None
    assert [each.user_id for each in known.following.people] == ["ben"]
    assert (known.now.until, known.following.at) == (utc("2026-01-06T09:00"), utc("2026-01-06T09:00"))
    assert known.following.until == utc("2026-01-07T09:00")
    covered = plan_of([days], [override("eve", "2026-01-05T10:00", "2026-01-05T14:00")])
    then = relief(covered, utc("2026-01-05T12:00")).following
    assert then is not None
    assert [each.user_id for each in then.people] == ["ada"]
    assert relief(plan_of([rotation("ada")]), utc("2026-01-05T12:00")).following is None


def test_a_gap_follows_as_an_answer_of_nobody() -> None:
    """At the end of the office hours comes nobody, until they begin again."""
    then = relief(plan_of([rotation("ada", restrictions=(OFFICE,))]), utc("2026-01-05T12:00")).following
    assert then is not None
    assert (then.people, then.until) == ([], utc("2026-01-06T09:00"))


def test_each_rotation_has_its_handoff_whatever_the_layers_say() -> None:
    """The highest layer first, shadows marked, one that ended or is taken out left out, its end told before."""
    core = rotation("ada", "ben", name="core", layer=1)
    top = rotation("cleo", "", name="top", layer=2, rotation_type=RotationType.WEEKLY)
    learner = rotation("dan", name="learner", is_shadow=True)
    over = rotation("eve", name="over", effective_until=utc("2026-01-05T10:00"))
    found = relief(plan_of([core, top, learner, over]), utc("2026-01-05T12:00")).handoffs
    assert found[0] == RotationHandoff(
        rotation_id="top",
        rotation_name="TOP",
        layer=2,
        is_shadow=False,
        user_id="cleo",
        at=utc("2026-01-12T09:00"),
        next_user_id="",
    )
    assert [(each.rotation_id, each.user_id, each.next_user_id, each.is_shadow) for each in found[1:]] == [
        ("core", "ada", "ben", False),
        ("learner", "dan", "dan", True),
    ]


def test_a_handoff_knows_planned_edits_and_those_who_have_not_begun() -> None:
    """Ben is left out from Tuesday noon, when Ada takes over; a rotation ahead begins with its first member."""
    now = utc("2026-01-05T12:00")
    edited = amend(rotation("ada", "ben"), RotationChange(member_ids=("ada", "cleo")), now, now + DAY)
    [handoff] = relief(plan_of([edited]), now + DAY - HOUR).handoffs
    assert (handoff.at, handoff.next_user_id) == (now + DAY, "ada")
    [begins] = relief(plan_of([rotation("ada", "ben", since="2026-02-01T09:00")]), now).handoffs
    assert (begins.user_id, begins.at, begins.next_user_id) == ("", utc("2026-02-01T09:00"), "ada")


def test_who_is_next_and_who_was_before_are_other_people() -> None:
    """Whoever the rotation, an override or a gap lets come; the same person again is not somebody else."""
    days = plan_of([rotation("ada", "ben", "ben", "cleo")])
    noon = utc("2026-01-06T12:00")
    assert (who_preceded(days, noon), who_follows(days, noon)) == (["ada"], ["cleo"])
    assert (who_preceded(days, noon + DAY), who_follows(days, noon + DAY)) == (["ada"], ["cleo"])
    covered = plan_of([rotation("ada", "ben")], [override("eve", "2026-01-06T14:00", "2026-01-06T15:00")])
    assert who_follows(covered, noon) == ["eve"]
    assert who_preceded(covered, utc("2026-01-06T16:00")) == ["eve"]
    office = plan_of([rotation("ada", "ben", restrictions=(OFFICE,))])
    night = utc("2026-01-06T22:00")
    assert (who_preceded(office, night), who_follows(office, night)) == (["ben"], ["ada"])


def test_where_nobody_else_ever_is_nobody_is_next() -> None:
    """One person for ever, a schedule of nobody, and one that begins now."""
    noon = utc("2026-01-06T12:00")
    for alone in (
        plan_of([rotation("ada")]),
        plan_of([rotation("ada", restrictions=(OFFICE,))]),
        plan_of([]),
    ):
        assert (who_preceded(alone, noon), who_follows(alone, noon)) == ([], [])
    begins = plan_of([rotation("ada", "ben", since="2026-01-06T09:00")])
    assert who_preceded(begins, noon) == []


def test_a_long_shift_is_looked_past() -> None:
    """Monthly turns: who was on a month ago is found, and who will be in one."""
    months = plan_of([rotation("ada", "ben", "cleo", rotation_type=RotationType.MONTHLY)])
    at = utc("2026-03-20T12:00")
    assert (who_preceded(months, at), who_follows(months, at)) == (["ben"], ["ada"])


def test_whoever_was_on_call_within_a_year_was_before() -> None:
    """Ben until ten months ago, and Ada ever since; after more than a year nobody remembers."""
    then = rotation("ben", name="then", effective_until=utc("2026-01-10T09:00"))
    since = rotation("ada", name="since", since="2026-01-10T09:00")
    assert who_preceded(plan_of([then, since]), utc("2026-11-10T12:00")) == ["ben"]
    assert who_preceded(plan_of([then, since]), utc("2027-11-10T12:00")) == []
