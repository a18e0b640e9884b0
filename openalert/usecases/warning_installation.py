"""Warnings of what the configuration of the installation leaves out: who notices when all of it is gone or silent."""

from collections.abc import Callable, Iterator, Sequence

from openalert.config import Config
from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity
from openalert.domain.switch_proof import HOLDS_FOR, switch_of
from openalert.domain.warning import Finding, WarningKind
from openalert.usecases.warning_facts import Installation
from openalert.usecases.warning_rules import View

_PAGE = "/settings/system"


def of(config: Config) -> Installation:
    """What of it warnings are judged by."""
    own, last, backup = config.self_monitor, config.last_resort, config.backup
    return Installation(
        switch=switch_of(own.url),
        sends_canaries=own.canary,
        has_last_resort=bool(last.mail_to or last.command or last.webhook),
        makes_backups=backup.enabled or not config.database_url.startswith("sqlite"),
        copies_backups=bool(backup.command or backup.bucket) or not config.database_url.startswith("sqlite"),
    )


def _switch(view: View) -> Iterator[Finding]:
    installation, known, now = view.facts.installation, view.facts.switch, view.facts.now
    if installation is None:
        return
    if not installation.switch:
        yield _finding(
            WarningKind.NO_SWITCH,
            "Nobody notices when this server is gone",
            "Give a dead-man's switch at another provider in self_monitor.url: it alarms when it hears nothing.",
        )
        return
    if not installation.sends_canaries:
        yield _finding(
            WarningKind.NO_SWITCH,
            "The dead-man's switch is told nothing",
            "self_monitor.canary is off, and without canaries nobody knows whether an alert would page.",
        )
        return
    last = known.last
    if last is not None and last.outcome == "missed":
        yield _finding(
            WarningKind.SWITCH_UNPROVEN,
            "The dead-man's switch did not complain when it was tried",
            "Look at the period, the grace and the addresses of its service, then try again.",
            last.ended_at,
        )
    elif known.proven is None:
        yield _finding(
            WarningKind.SWITCH_UNPROVEN,
            "The dead-man's switch was never proven",
            "Let this server be silent on purpose for a while, and see whether anybody is paged.",
        )
    elif not known.is_proven(now):
        yield _finding(
            WarningKind.SWITCH_UNPROVEN,
            f"The dead-man's switch was last proven more than {HOLDS_FOR // DAY} days ago",
            "Telephones and accounts change: let this server be silent on purpose for a while.",
            known.proven.ended_at,
        )


def _last_resort(view: View) -> Iterator[Finding]:
    installation = view.facts.installation
    if installation is not None and not installation.has_last_resort:
        yield _finding(
            WarningKind.NO_LAST_RESORT,
            "Nobody hears of it when nobody can be reached",
            "Name a mail address, a command or a webhook in [last_resort]; it needs no database.",
        )


def _backups(view: View) -> Iterator[Finding]:
    installation = view.facts.installation
    if installation is None:
        return
    if not installation.makes_backups:
        yield _finding(
            WarningKind.NO_BACKUP,
            "Nightly backups are switched off",
            "Switch backup.enabled on, unless another program copies the database.",
            link="/warnings",
        )
    elif not installation.copies_backups:
        yield _finding(
            WarningKind.BACKUP_ONLY_HERE,
            "Backups of the database lie on the machine that they are of",
            "Name a bucket or a command in [backup] that carries them to another place.",
            link="/warnings",
        )


def _keys(view: View) -> Iterator[Finding]:
    for key in view.facts.ending_keys:
        yield Finding(
            kind=WarningKind.KEY_ENDS,
            severity=Severity.MEDIUM,
            subject=key.name,
            subject_id=key.id,
            organization_id=key.organization_id,
            team_id=key.team_id,
            words=f"The API key {key.name} ends, and is in use",
            detail="Make another and give it to whoever uses this one.",
            at=key.expires_at,
            link="/settings",
        )


def _unused(view: View) -> Iterator[Finding]:
    for service in view.facts.unused:
        yield Finding(
            kind=WarningKind.SERVICE_UNUSED,
            severity=Severity.LOW,
            subject=service.name,
            subject_id=service.id,
            organization_id=service.organization_id,
            team_id=service.team_id,
            words=f"Nothing comes in for {service.name}",
            detail="It has no integration and no heartbeat, and had no incident in 90 days. Connect or delete it.",
            link=f"/services/{service.id}",
        )


def _finding(
    kind: WarningKind, words: str, detail: str, at: Instant | None = None, link: str = _PAGE
) -> Finding:
    return Finding(
        kind=kind,
        severity=Severity.MEDIUM,
        subject="the installation",
        subject_id=None,
        organization_id=None,
        team_id=None,
        words=words,
        detail=detail,
        at=at,
        link=link,
    )


RULES: Sequence[Callable[[View], Iterator[Finding]]] = (_switch, _last_resort, _backups, _keys, _unused)
