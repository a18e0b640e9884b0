"""Severity and status words of other systems."""

from typing import Any

import pytest

from openalert.domain.alert import SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import words


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("critical", Severity.CRITICAL),
        (" Critical ", Severity.CRITICAL),
        ("DISASTER", Severity.CRITICAL),
        ("page", Severity.CRITICAL),
        ("P1", Severity.CRITICAL),
        ("p 1", Severity.CRITICAL),
        ("P1 - Critical", Severity.CRITICAL),
        ("SEV-1", Severity.CRITICAL),
        ("sev0", Severity.CRITICAL),
        ("error", Severity.HIGH),
        ("Warning", Severity.HIGH),
        ("P2", Severity.HIGH),
        ("Severity 2", Severity.HIGH),
        ("2 - High", Severity.HIGH),
        ("no data", Severity.HIGH),
        ("average", Severity.MEDIUM),
        ("Priority 3", Severity.MEDIUM),
        ("ticket", Severity.LOW),
        ("sev4", Severity.LOW),
        ("none", Severity.INFO),
        ("Informational", Severity.INFO),
        ("P5", Severity.INFO),
    ],
)
def test_severity_words(word: str, level: Severity) -> None:
    """Every spelling of a known word is its level."""
    assert words.severity(word) is level


@pytest.mark.parametrize(
    "word", ["", "banana", "2", "0", "p9", "sev", "x" * 10_000, 2, 2.0, True, None, [], {}]
)
def test_unknown_severities(word: Any) -> None:
    """Unknown words and bare numbers, whose order differs between systems, are not guessed."""
    assert words.severity(word) is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("firing", SignalStatus.FIRING),
        ("ALERTING", SignalStatus.FIRING),
        ("PROBLEM", SignalStatus.FIRING),
        ("Down", SignalStatus.FIRING),
        ("unresolved", SignalStatus.FIRING),
        ("resolved", SignalStatus.RESOLVED),
        ("OK", SignalStatus.RESOLVED),
        ("Recovered", SignalStatus.RESOLVED),
        ("Back to normal", SignalStatus.RESOLVED),
        ("auto-resolved", SignalStatus.RESOLVED),
        ("Acknowledge", SignalStatus.ACKNOWLEDGED),
        ("banana", None),
        ("", None),
        (0, None),
        (None, None),
        ([], None),
    ],
)
def test_status_words(word: Any, status: SignalStatus | None) -> None:
    """Every spelling of a known word is its status, and nothing else is guessed."""
    assert words.status(word) is status


def test_a_muted_alert_is_told_from_a_firing_one() -> None:
    """A paused rule or a silenced alert must page nobody."""
    assert all(map(words.muted, ["paused", "Suppressed", "INSUFFICIENT_DATA", "under maintenance"]))
    assert not any(map(words.muted, ["firing", "", 0, None]))


def test_levels_in_status_words() -> None:
    """`CRITICAL` as a status says how bad it is, `firing` and `pending` do not."""
    assert words.level_in_status("CRITICAL") is Severity.CRITICAL
    assert words.level_in_status("pending") is None
    assert words.level_in_status(None) is None
