"""Warnings about certificates that end: of this installation, and of what teams have addresses of."""

from collections.abc import Callable, Iterator, Sequence

from openalert.domain.certificate import Certificate, CertificateState
from openalert.domain.instant import Instant, to_datetime
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.usecases.certificates_elsewhere import Ending, What
from openalert.usecases.warning_rules import View

OURS = frozenset({"base_url", "mail_in", "postgres_client"})
"""Uses of certificates that lie with whoever runs this server."""
_ENDS: dict[CertificateState, tuple[Severity, str]] = {
    CertificateState.SOON: (Severity.MEDIUM, "ends soon"),
    CertificateState.VERY_SOON: (Severity.HIGH, "is about to end"),
    CertificateState.ENDED: (Severity.HIGH, "has ended"),
}
_PLACES: dict[What, tuple[str, str, str]] = {
    What.CHANNEL: ("channel", "/teams/{team}#channels", "Tell whoever runs that server."),
    What.OUTGOING_WEBHOOK: (
        "outgoing webhook",
        "/settings/outgoing-webhooks/{id}",
        "Tell whoever runs that server.",
    ),
    What.STATUS_PAGE: ("status page", "/status-pages/{id}", "Renew it where your proxy has it."),
}
"""What people call it, the page that mends it, and what to do."""


def _installation(view: View) -> Iterator[Finding]:
    now = view.facts.now
    for each in view.facts.certificates:
        state = each.state(now)
        if state not in _ENDS or each.ends_at is None:
            continue
        severity, words = _ENDS[state]
        if state is CertificateState.ENDED and each.use == "base_url":
            severity = Severity.CRITICAL  # whoever sends alerts gives up before they are here
        yield Finding(
            kind=WarningKind.CERTIFICATE_ENDS,
            severity=severity,
            subject=each.words,
            subject_id=None,
            organization_id=None,
            team_id=None,
            words=f"The certificate of {each.words} {words}",
            detail=_detail(each, now, "Renew it." if each.use in OURS else "Tell whoever runs that server."),
            at=_at(each, now),
            link="/settings/system#certificates",
        )


def _elsewhere(view: View) -> Iterator[Finding]:
    now = view.facts.now
    for each in view.facts.ending_elsewhere:
        state = each.certificate.state(now)
        if state in _ENDS:
            severity, words = _ENDS[state]
            called, link, advice = _PLACES[each.named.what]
            yield Finding(
                kind=WarningKind.CERTIFICATE_ENDS,
                severity=severity if _is_needed(each, view) else Severity.MEDIUM,
                subject=each.named.name,
                subject_id=each.named.id,
                organization_id=each.named.organization_id,
                team_id=each.named.team_id,
                words=f"The certificate of the {called} {each.named.name} {words}",
                detail=_detail(each.certificate, now, advice),
                at=_at(each.certificate, now),
                link=link.format(team=each.named.team_id, id=each.named.id),
            )


def _is_needed(ending: Ending, view: View) -> bool:
    """Whether people would miss something at once: what a policy pages by it, or what customers read there."""
    return ending.named.what is What.STATUS_PAGE or ending.named.id in view.facts.channels


def _detail(certificate: Certificate, now: Instant, advice: str) -> str:
    ends = certificate.ends_at or now
    local = to_datetime(ends)
    date = f"{local.day} {local:%b %Y, %H:%M} UTC"
    return f"That of {certificate.where}, {'until' if ends > now else 'at'} {date}. {advice}"


def _at(certificate: Certificate, now: Instant) -> Instant | None:
    ends = certificate.ends_at
    return ends if ends is not None and ends > now else None


RULES: Sequence[Callable[[View], Iterator[Finding]]] = (_installation, _elsewhere)
