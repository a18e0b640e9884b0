"""Warnings about the installation: who notices when all of it is gone or silent, its backups, watchers and API keys."""

from collections.abc import Callable, Iterator, Sequence

from openalert.config import Config
from openalert.domain.backup import JobName
from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity
from openalert.domain.switch_proof import HOLDS_FOR, switch_of
from openalert.domain.warning import Finding, WarningKind
from openalert.usecases.warning_facts import Installation
from openalert.usecases.warning_rules import View

_PAGE = "/settings/system"
_BACKUPS = "/warnings"


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


def _configured_backups(view: View) -> Iterator[Finding]:
    installation = view.facts.installation
    if installation is None:
        return
    if not installation.makes_backups:
        yield _finding(
            WarningKind.NO_BACKUP,
            "Nightly backups are switched off",
            "Switch backup.enabled on, unless another program copies the database.",
            link=_BACKUPS,
        )
    elif not installation.copies_backups:
        yield _finding(
            WarningKind.BACKUP_ONLY_HERE,
            "Backups of the database are on its own machine alone",
            "Name a bucket or a command in [backup] that carries them to another place.",
            link=_BACKUPS,
        )


def _backups(view: View) -> Iterator[Finding]:
    stands = view.facts.backups
    if stands.is_late and stands.last is not None:
        never = stands.last.done_at is None
        yield _of_backups(
            WarningKind.NO_BACKUP,
            "There is no backup of the database" if never else "The last good backup of the database is old",
            stands.last.error,
            stands.last.since if never else stands.last.done_at,
            Severity.HIGH,
        )
    failing = {
        JobName.BACKUP: "The nightly backup fails",
        JobName.COPY: "Backups cannot be copied to their other place",
        JobName.DRILL: "The restore drill fails",
    }
    for job in stands.failing:
        severity = Severity.HIGH if job.name is JobName.DRILL else Severity.MEDIUM
        yield _of_backups(WarningKind.BACKUP_FAILS, failing[job.name], job.error, job.failing_since, severity)
    if stands.drill is not None and stands.drill_is_late and stands.drill.failing_since is None:
        since = stands.drill.done_at or stands.drill.since
        words = "No backup was restored for a trial in two weeks"
        yield _of_backups(WarningKind.BACKUP_FAILS, words, "", since, Severity.MEDIUM)


def _of_backups(
    kind: WarningKind, words: str, detail: str, at: Instant | None, severity: Severity
) -> Finding:
    return _finding(kind, words, detail, at, severity=severity, subject="the database", link=_BACKUPS)


def _watchers(view: View) -> Iterator[Finding]:
    for each in view.facts.watchers:
        if each.has_stopped:
            yield Finding(
                kind=WarningKind.WATCHER_STOPPED,
                severity=Severity.MEDIUM,
                subject=each.key.name,
                subject_id=each.key.id,
                organization_id=each.key.organization_id,
                team_id=None,
                words=f"The watcher {each.key.name} has stopped asking",
                detail="If this server falls silent, it pages nobody. Where it is meant to be gone, revoke its key.",
                at=each.key.last_used_at,
                link="/settings/system#watchers",
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


def _finding(
    kind: WarningKind,
    words: str,
    detail: str,
    at: Instant | None = None,
    *,
    severity: Severity = Severity.MEDIUM,
    subject: str = "the installation",
    link: str = _PAGE,
) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        subject=subject,
        subject_id=None,
        organization_id=None,
        team_id=None,
        words=words,
        detail=detail,
        at=at,
        link=link,
    )


RULES: Sequence[Callable[[View], Iterator[Finding]]] = (
    _switch,
    _last_resort,
    _configured_backups,
    _backups,
    _watchers,
    _keys,
)
