"""Timeline entries as sentences."""

import pytest

from openalert.domain.timeline import TimelineEntry, sentence, span


def entry(kind: str, **data: object) -> TimelineEntry:
    """An entry by Ana."""
    return TimelineEntry(
        incident_id="i",
        seq=1,
        at=0,
        kind=kind,
        actor_kind="user",
        actor_id="u",
        actor_name="Ana",
        data=dict(data),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (entry("acknowledged", via="e-mail link"), "Ana acknowledged by e-mail link"),
        (entry("acknowledged", via=None), "Ana acknowledged"),
        (entry("resolved", resolution="restarted"), "Ana resolved: restarted"),
        (entry("resolved", automatic=True), "Resolved: its last alert is over"),
        (entry("snoozed", length=5_400_000), "Ana snoozed it for 1 h 30 min"),
        (entry("alerts_joined", count=1, titles=["Disk"]), "Alert joined: Disk"),
        (entry("alerts_joined", count=5, titles=["a", "b", "c"]), "5 alerts joined: a; b; c and 2 more"),
        (
            entry("alerts_resolved", count=1, titles=["Disk"], firing=0),
            "Alert resolved: Disk; none is firing any more",
        ),
        (entry("severity_raised", before="high", after="critical"), "Severity rose from high to critical"),
        (
            entry("escalated", level=2, cycle=1, people=["Bob", "Cleo", "Dan"], late="3 min late"),
            "Level 2, repetition 1: Bob, Cleo and Dan to be paged (3 min late)",
        ),
        (entry("something_new"), "Something new"),
    ],
)
def test_it_reads_in_plain_words(given: TimelineEntry, expected: str) -> None:
    """Names, counts and durations as people say them; an unknown kind still reads."""
    assert sentence(given) == expected


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (3_600_000, "1 h"),
        (90_000_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_spans(milliseconds: int, words: str) -> None:
    """At most two units."""
    assert span(milliseconds) == words
