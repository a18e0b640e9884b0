"""Reachability: what each way has proven, and what follows for the person."""

from typing import Any

import pytest

from openalert.domain.instant import DAY
from openalert.domain.reachability import MethodState, ReachState, of_method, of_person
from openalert.domain.user import ContactMethod

NOW = 1_767_603_600_000


def way(kind: str = "email", address: str = "bea@example.org", **changes: Any) -> ContactMethod:
    """A way that was verified a year ago and proven yesterday, changed as told."""
    facts: dict[str, Any] = {
        "id": f"{kind}-{address}",
        "user_id": "bea",
        "type": kind,
        "address": address,
        "verified_at": NOW - 365 * DAY,
        "last_proven_at": NOW - DAY,
        "created_at": NOW - 365 * DAY,
    }
    return ContactMethod(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, MethodState.PROVEN),
        ({"last_proven_at": NOW - 60 * DAY}, MethodState.PROVEN),
        ({"last_proven_at": NOW - 60 * DAY - 1}, MethodState.STALE),
        ({"last_proven_at": None}, MethodState.STALE),
        ({"last_proven_at": None, "verified_at": NOW - DAY}, MethodState.VERIFIED),
        ({"failing_since": NOW - DAY}, MethodState.FAILING),
        ({"verified_at": None}, MethodState.UNVERIFIED),
        ({"verified_at": None, "failing_since": NOW}, MethodState.UNVERIFIED),
    ],
)
def test_a_way_is_what_came_back_from_it(changes: dict[str, Any], state: MethodState) -> None:
    """A proof counts for 60 days to the millisecond; a failure outweighs it; without verification nothing counts."""
    assert of_method(way(**changes), NOW).state is state


@pytest.mark.parametrize(
    ("methods", "state", "ways", "weakest"),
    [
        ([], ReachState.UNREACHABLE, 0, "There is no way to reach them."),
        ([way(verified_at=None)], ReachState.UNREACHABLE, 0, "No way is verified."),
        ([way()], ReachState.REACHABLE, 1, "There is only one way: E-mail."),
        ([way(), way("apprise", "ntfy://… (1)")], ReachState.REACHABLE, 2, ""),
        (
            [way(), way("push", "x", label="Pixel", failing_since=NOW - 2 * DAY)],
            ReachState.REACHABLE,
            1,
            "Pixel fails since 3 January.",
        ),
        (
            [
                way(),
                *(way("push", name, label=name, failing_since=NOW - DAY) for name in ("Pixel", "Laptop")),
            ],
            ReachState.REACHABLE,
            1,
            "Pixel and Laptop fail since 4 January.",
        ),
        (
            [way(failing_since=NOW - 2 * DAY), way("push", "x", failing_since=NOW - DAY)],
            ReachState.UNREACHABLE,
            0,
            "Every way fails: E-mail and Push since 3 January.",
        ),
        (
            [way(last_proven_at=NOW - 90 * DAY)],
            ReachState.DOUBTFUL,
            1,
            "E-mail was not proven for 60 days; answering a test page does.",
        ),
        (
            [way(last_proven_at=NOW - 90 * DAY), way("push", "x")],
            ReachState.REACHABLE,
            2,
            "E-mail was not proven for 60 days; answering a test page does.",
        ),
    ],
)
def test_a_person_is_as_reachable_as_their_ways(
    methods: list[ContactMethod], state: ReachState, ways: int, weakest: str
) -> None:
    """The state, the number of ways and the sentence agree, from nothing at all to two that work."""
    reach = of_person(methods, NOW)
    assert (reach.state, reach.ways) == (state, ways)
    assert reach.weakest.replace("Push notification", "Push").replace("push", "Push") == weakest


def test_ways_that_fail_together_count_once() -> None:
    """SMS and calls to one number are one way, as are two addresses of one mail domain; another number is another."""
    one_number = [way("sms", "+491511"), way("voice", "+491511")]
    assert of_person(one_number, NOW).ways == 1
    assert of_person([*one_number, way("sms", "+491522")], NOW).ways == 2
    assert of_person([way(address="a@x.example"), way(address="b@X.example")], NOW).ways == 1


def test_whoever_is_switched_off_is_not_reached() -> None:
    """However well the ways of somebody work, nothing is sent to an account that is switched off."""
    reach = of_person([way()], NOW, is_active=False)
    assert (reach.state, reach.ways) == (ReachState.UNREACHABLE, 0)


def test_the_sentence_never_tells_an_address() -> None:
    """It is shown to colleagues who may not see addresses."""
    for methods in ([way()], [way(failing_since=NOW)], [way(last_proven_at=None)]):
        assert "bea@" not in of_person(methods, NOW).weakest
