"""What makes the answer to "would an alert arriving now page?" a no, and what does not."""

import msgspec
import pytest

from openalert.domain.canary import CanaryRun, Hop
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.self_watch import Facts, TroubleKind, Work, troubles

NOW = 1_767_603_600_000
GREEN = CanaryRun(
    id="a", run_id="r", started_at=NOW - MINUTE,
    accepted_ms=10, opened_ms=5, paged_ms=1_050, claimed_ms=1_080, sent_ms=1_090, resolved_ms=1_200,
)  # fmt: skip
WELL = Facts(
    now=NOW,
    since=NOW - 10 * MINUTE,
    canary=GREEN,
    green_at=NOW - MINUTE,
    audited_at=NOW - MINUTE,
    work=Work(),
)


def _kinds(**changed: object) -> list[TroubleKind]:
    return [each.kind for each in troubles(msgspec.structs.replace(WELL, **changed))]


def test_nothing_is_wrong_with_a_server_that_is_well() -> None:
    """A green canary, a clean audit and nothing late: it would page."""
    assert _kinds() == []


@pytest.mark.proves("SM-1")
@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"canary": msgspec.structs.replace(GREEN, failed_at="sent", reason="No.")}, TroubleKind.CANARY),
        ({"green_at": NOW - 3 * MINUTE}, TroubleKind.CANARY),
        ({"canary": None, "green_at": None}, TroubleKind.CANARY),
        ({"violations": 1}, TroubleKind.INVARIANTS),
        ({"audited_at": NOW - 4 * MINUTE}, TroubleKind.AUDITOR),
        ({"audited_at": None}, TroubleKind.AUDITOR),
        ({"work": None}, TroubleKind.DATABASE),
        ({"standstill": "Postgres waits for its standby"}, TroubleKind.DATABASE),
        ({"work": Work(due_at=NOW - 31 * SECOND)}, TroubleKind.TIMERS),
        ({"work": Work(failing=1)}, TroubleKind.TIMERS),
        ({"work": Work(waiting_since=NOW - 61 * SECOND)}, TroubleKind.PAGES),
        ({"work": Work(undeliverable=1)}, TroubleKind.UNDELIVERABLE),
        ({"reserve_in_use": True}, TroubleKind.DISK),
        ({"dead_tasks": ("deliver",)}, TroubleKind.TASKS),
    ],
)
def test_each_thing_that_keeps_pages_from_arriving_is_named(
    changed: dict[str, object], kind: TroubleKind
) -> None:
    """One thing wrong is one trouble, of its own kind."""
    assert _kinds(**changed) == [kind]


@pytest.mark.parametrize(
    "changed",
    [
        {"work": Work(due_at=NOW - 29 * SECOND)},
        {"work": Work(due_at=NOW + MINUTE)},
        {"work": Work(waiting_since=NOW - 59 * SECOND)},
        {"since": NOW - SECOND, "canary": None, "green_at": None, "audited_at": None},
    ],
)
def test_what_is_only_on_its_way_is_no_trouble(changed: dict[str, object]) -> None:
    """A step a moment late, a page that just left, a server that has just started."""
    assert _kinds(**changed) == []


def test_a_canary_that_stands_still_says_where() -> None:
    """It fails at the first hop that it has not made, in words for people."""
    run = CanaryRun(id="a", run_id="r", started_at=NOW)
    run.reached(Hop.ACCEPTED, NOW + 20)
    run.reached(Hop.OPENED, NOW + 10)
    run.reached(Hop.PAGED, NOW + 1_000)
    run.reached(Hop.PAGED, NOW + 2_000)
    run.failed()
    assert (run.failed_at, run.reason) == ("claimed", "Within 10 s no sender claimed its page.")
    assert run.paged_ms == 1_000
    assert not run.is_green
