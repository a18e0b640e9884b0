"""Words for customers in which something of ours is left."""

import pytest

from openalert.domain.insides import found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Disk of db-3 full on 10.0.4.12:5432", ["db-3", "10.0.4.12:5432"]),
        ("payments.svc.cluster.local does not answer", ["payments.svc.cluster.local"]),
        ('HighLatency {job="api", region=eu}', ['job="api"', "region=eu"]),
        ("fd00:1:2:3::1 or 2001:db8:0:1:2:3:4:5", ["2001:db8:0:1:2:3:4:5"]),
        ("web-01.eu.example.com is slow", ["web-01.eu.example.com"]),
        ("Checkout is slow since 14:05; see https://acme.example/status-2", []),
        ("We restored 99.9 % of orders. COVID-free, follow-up tomorrow.", []),
    ],
)
def test_what_looks_like_ours_is_pointed_out(text: str, expected: list[str]) -> None:
    """Addresses, internal names, machines with numbers, labels; not times, per cents, links and plain words."""
    assert found(text) == expected


def test_values_of_labels_are_known_whatever_their_shape() -> None:
    """What is the value of a label of the incident is ours; very short ones are words."""
    assert found("Trouble with Thor and api", ["thor", "api"]) == ["Thor"]


def test_a_text_full_of_it_is_answered_quickly_and_in_short() -> None:
    """A long list of machines names the first few."""
    assert len(found(" ".join(f"db-{number}" for number in range(3_000)))) == 8
    assert found("a-" * 12_000) == []
