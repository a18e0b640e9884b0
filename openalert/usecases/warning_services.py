"""Warnings about services: those that page nobody, and those that nothing comes in for."""

from collections.abc import Callable, Iterator, Sequence

from openalert.domain.service import Service
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.usecases.warning_rules import View


def _unwatched(view: View) -> Iterator[Finding]:
    connected = {each.service_id for each in view.facts.inlets}
    for service in view.facts.services:
        if service.escalation_policy_id is None and service.id in connected:
            yield _finding(
                service,
                WarningKind.SERVICE_NOBODY,
                Severity.HIGH,
                f"Alerts of {service.name} page nobody",
                "The service has no escalation policy.",
            )


def _unused(view: View) -> Iterator[Finding]:
    for service in view.facts.unused:
        yield _finding(
            service,
            WarningKind.SERVICE_UNUSED,
            Severity.LOW,
            f"Nothing comes in for {service.name}",
            "It has no integration and no heartbeat, and had no incident in 90 days. Connect or delete it.",
        )


def _finding(service: Service, kind: WarningKind, severity: Severity, words: str, detail: str) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        subject=service.name,
        subject_id=service.id,
        organization_id=service.organization_id,
        team_id=service.team_id,
        words=words,
        detail=detail,
        link=f"/services/{service.id}",
    )


RULES: Sequence[Callable[[View], Iterator[Finding]]] = (_unwatched, _unused)
