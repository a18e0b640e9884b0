"""The state machine of incidents: what is allowed, what is harmless to repeat, what is refused with the way out."""

import pytest

from openalert.domain import incident as rules
from openalert.domain.errors import Conflict
from openalert.domain.incident import Incident, IncidentStatus, Phase
from openalert.domain.severity import Severity, worst


def fresh() -> Incident:
    """An incident that has just been triggered at 1000."""
    return Incident(
        id="i",
        organization_id="o",
        team_id="t",
        service_id="s",
        number=7,
        title="Disk",
        severity=Severity.HIGH,
        group_key="g",
        open_key="s:g",
        triggered_at=1_000,
        updated_at=1_000,
    )


def test_it_is_acknowledged_once_and_keeps_the_first_name() -> None:
    """The second acknowledgement changes nothing and says so."""
    incident = fresh()
    assert rules.acknowledge(incident, "alice", 2_000)
    assert not rules.acknowledge(incident, "bob", 3_000)
    assert (incident.acknowledged_by_id, incident.acknowledged_at) == ("alice", 2_000)
    assert not incident.wants_pages(3_000)


def test_resolving_frees_its_group_and_reopening_takes_it_again() -> None:
    """`open_key` is what the unique index sees: only open incidents hold one."""
    incident = fresh()
    assert rules.resolve(incident, "alice", "restarted", 2_000)
    assert not rules.resolve(incident, "bob", None, 3_000)
    assert (incident.open_key, incident.phase, incident.resolution) == (None, Phase.RESOLVED, "restarted")
    assert rules.reopen(incident, 4_000)
    assert (incident.open_key, incident.status, incident.resolved_at) == (
        "s:g",
        IncidentStatus.TRIGGERED,
        None,
    )
    assert not rules.reopen(incident, 5_000)


def test_what_is_over_is_neither_acknowledged_nor_snoozed() -> None:
    """The refusal names the number, the state and what would be allowed."""
    incident = fresh()
    rules.resolve(incident, None, None, 2_000)
    with pytest.raises(Conflict, match="#7 is resolved") as refused:
        rules.acknowledge(incident, "alice", 3_000)
    assert refused.value.code == "INVALID_STATUS_TRANSITION"
    assert refused.value.details["allowed"] == ["triggered"]
    with pytest.raises(Conflict):
        rules.snooze(incident, 9_000, 3_000)


def test_a_snooze_is_silent_until_its_instant() -> None:
    """One millisecond before it is silent, at it no more."""
    incident = fresh()
    rules.snooze(incident, 9_000, 2_000)
    assert not incident.wants_pages(8_999)
    assert incident.wants_pages(9_000)


def test_severity_rises_and_never_falls() -> None:
    """A milder alert does not hide how bad it has been."""
    incident = fresh()
    assert rules.raise_severity(incident, Severity.CRITICAL, 2_000)
    assert not rules.raise_severity(incident, Severity.INFO, 3_000)
    assert incident.severity is Severity.CRITICAL
    assert incident.severity.priority == "P1"


def test_the_worst_of_several() -> None:
    """Of none there is none."""
    assert worst([Severity.LOW, Severity.CRITICAL, Severity.HIGH]) is Severity.CRITICAL
    assert worst([]) is None
