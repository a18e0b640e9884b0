"""A leap second in the body of any sender is read as the end of its minute: the alert is taken in, with its time."""

import re

import pytest

from openalert.sources import read
from tests.sources import payloads

CLOCK = re.compile(rb"(\d{4}-\d\d-\d\d[T ]\d\d:)(\d\d):\d\d(?:\.\d+)?")
"""A moment as nearly all senders write it, to the second."""
TIMED = [name for name in payloads.names() if CLOCK.search(payloads.content(name))]


def _at_the_second(name: str, second: bytes) -> bytes:
    """The body with each of its moments at that second of 23:59 UTC, or of what its sender calls so."""
    return re.sub(
        rb"(\d{4}-\d\d-\d\d[T ])\d\d:\d\d:\d\d(?:\.\d+)?", rb"\g<1>23:59:" + second, payloads.content(name)
    )


def test_most_senders_write_such_moments() -> None:
    """Else this would prove little."""
    assert len({name.partition("/")[0] for name in TIMED}) > 20


@pytest.mark.proves("F-23", "IN-3")
@pytest.mark.parametrize("name", TIMED)
def test_a_leap_second_loses_neither_the_alert_nor_its_time(name: str) -> None:
    """What is read is what the second before would have made of it, less than a second later."""
    source, inbound = payloads.source_of(name), payloads.inbound(name)
    usual = read(source, _at_the_second(name, b"59"), inbound)
    leap = read(source, _at_the_second(name, b"60"), inbound)
    assert not leap.skipped
    assert [(each.fingerprint, each.status, each.severity) for each in leap.signals] == [
        (each.fingerprint, each.status, each.severity) for each in usual.signals
    ]
    for before, after in zip(usual.signals, leap.signals, strict=True):
        assert (before.starts_at is None) is (after.starts_at is None)
        if before.starts_at is not None and after.starts_at is not None:
            assert 0 <= after.starts_at - before.starts_at <= 1_000
