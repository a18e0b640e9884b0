"""Outgoing webhooks: waits, filters, headers, and when one is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, SECOND
from openalert.domain.outgoing_webhook import (
    EVENTS,
    JITTER,
    LONGEST_WAIT,
    MOST_ATTEMPTS,
    USUAL_ATTEMPTS,
    WAITS,
    OutgoingWebhook,
    check_events,
    check_headers,
    check_url,
    failing_since,
    is_given_up,
    names_of,
    next_attempt,
)

NOW = 1_767_603_600_000


def webhook(**members: object) -> OutgoingWebhook:
    """A webhook that is told everything."""
    plain: dict[str, object] = {
        "id": "w",
        "organization_id": "o",
        "name": "Tickets",
        "url": "https://tickets.example/",
        "events": ["*"],
        "created_at": NOW,
        "updated_at": NOW,
    }
    return OutgoingWebhook(**(plain | members))  # type: ignore[arg-type]


@given(st.integers(1, MOST_ATTEMPTS), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_a_wait_is_the_documented_one_or_what_the_receiver_asks_for(
    attempts: int, chance: float, asked: float | None
) -> None:
    """Within its jitter, never shorter than was asked, never longer than a day and its jitter."""
    wait = next_attempt(attempts, NOW, asked, chance) - NOW
    documented = WAITS[min(attempts, len(WAITS)) - 1]
    assert wait >= documented * (1 - JITTER) - 1
    assert wait <= max(documented * (1 + JITTER), min((asked or 0) * SECOND, LONGEST_WAIT)) + 1
    assert asked is None or wait >= min(asked * SECOND, LONGEST_WAIT) - 1


def test_the_usual_attempts_reach_over_two_days() -> None:
    """A receiver may be away over a weekend's day and a half without losing anything."""
    assert 2 * DAY < sum(WAITS[: USUAL_ATTEMPTS - 1]) < 2.5 * DAY


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (["*"], set(EVENTS)),
        (["incident.*"], {name for name in EVENTS if name.startswith("incident.")}),
        (["alert.created"], {"alert.created"}),
        (
            ["alert.*", "incident.created"],
            {n for n in EVENTS if n.startswith("alert.")} | {"incident.created"},
        ),
    ],
)
def test_words_for_several_events_name_them(named: list[str], told: set[str]) -> None:
    """And never what is no event of an incident or an alert."""
    test = names_of(named)
    assert {name for name in (*EVENTS, "oncall.changed", "notification.updated") if test(name)} == told


def test_unknown_and_missing_events_are_refused_by_name() -> None:
    """A typo is found when it is made; repetitions are left out."""
    assert check_events(["alert.created", "*", "alert.created"]) == ["*", "alert.created"]
    with pytest.raises(Invalid, match=r"incident\.closed"):
        check_events(["incident.closed"])
    with pytest.raises(Invalid, match="at least one"):
        check_events([])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "https://",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "https://example.com/a b",
        "https://exämple.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://[::1",
        "javascript:alert(1)",
        "https://example.com/\n",
        "https://example.com/" + "x" * 2_000,
    ],
)
def test_addresses_that_nothing_can_go_to_are_refused(url: str) -> None:
    """With the field, before anything is stored."""
    with pytest.raises(Invalid) as refusal:
        check_url(url)
    assert refusal.value.details["field"] == "url"


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "Content-Type",
        "webhook-id",
        "Webhook-Signature",
        "X-OpenAlert-Hop",
        "a b",
        "a:b",
        "",
        "é",
    ],
)
def test_headers_that_are_ours_or_none_are_refused(name: str) -> None:
    """Nobody can take the signature's place, or split a request."""
    with pytest.raises(Invalid):
        check_headers({name: "x"}, [], {})


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "é", " a", "x" * 4_001])
def test_values_that_would_split_a_request_are_refused(value: str) -> None:
    """One line of ASCII, no more."""
    with pytest.raises(Invalid):
        check_headers({"X-Team": value}, [], {})


def test_headers_whose_names_speak_of_secrets_are_sealed() -> None:
    """And those that are named; the stars keep what is known, whatever the case of the name."""
    given = {
        "authorization": "a" * 8,
        "X-Api-Key": "b",
        "X-Auth": "********",
        "X-Team": "core",
        "X-Zone": "z",
    }
    shown, sealed = check_headers(given, ["x-zone"], {"x-AUTH": "kept"})
    assert shown == {"X-Team": "core"}
    assert sealed == {"authorization": "a" * 8, "X-Api-Key": "b", "X-Auth": "kept", "X-Zone": "z"}


def test_the_same_header_twice_is_refused() -> None:
    """Names are compared as HTTP does."""
    with pytest.raises(Invalid, match="twice"):
        check_headers({"X-Team": "a", "x-team": "b"}, [], {})


def test_failures_far_apart_are_not_one() -> None:
    """A blip today has nothing to do with one last week; attempts of one delivery, a day apart, do."""
    assert failing_since(webhook(), NOW) == NOW
    begun = webhook(failing_since=NOW - 4 * DAY, last_failure_at=NOW - 27 * HOUR)
    assert failing_since(begun, NOW) == NOW - 4 * DAY
    long_ago = webhook(failing_since=NOW - 9 * DAY, last_failure_at=NOW - 7 * DAY)
    assert failing_since(long_ago, NOW) == NOW


def test_it_is_given_up_after_five_days() -> None:
    """Not a millisecond before."""
    assert not is_given_up(webhook(failing_since=NOW - 5 * DAY + 1), NOW)
    assert is_given_up(webhook(failing_since=NOW - 5 * DAY), NOW)
    assert not is_given_up(webhook(), NOW)
