"""Warning: something that would keep a page from arriving, found before it does."""

from collections.abc import Iterable
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.severity import Severity

LOOKS_AHEAD = 30 * DAY
"""So far ahead schedules and policies are tried."""
LOOKS_BACK = 7 * DAY
"""So long ago a message may have failed, or not have been understood."""
SOON = 7 * DAY
"""What hurts within this time is more severe than what hurts later."""
PRESSING = Severity.HIGH
"""From here on whoever could mend it is told on the first page, too."""
LEAST_TOLD = Severity.MEDIUM
"""What is less severe is a hint: it is shown, and nobody is written to because of it."""


class WarningKind(StrEnum):
    """What is wrong."""

    POLICY_NOBODY = "policy_reaches_nobody"
    """At some time none of an escalation policy's levels reaches anybody."""
    UNREACHABLE = "person_unreachable"
    """Somebody who is on call, or named in a policy, has no way that works."""
    EMPTY_SHIFT = "empty_shift"
    """Somebody is on call who is deactivated."""
    NO_HOLIDAYS = "holidays_unknown"
    """A rotation goes by public holidays of which none are known."""
    AWAY = "on_call_while_away"
    """Somebody is on call, and away by their own calendar."""
    GAP = "schedule_gap"
    """Nobody is on call for a schedule."""
    SERVICE_NOBODY = "service_without_policy"
    """What comes in for a service pages nobody."""
    CHANNEL_FAILS = "channel_fails"
    """A provider refuses our credentials, is not set up, or took nothing for days."""
    NOT_UNDERSTOOD = "messages_not_understood"
    """Messages from monitoring wait in quarantine."""
    FAILED = "messages_failed"
    """Messages to people or channels have failed for good."""
    SILENT = "integration_silent"
    """A source that sent regularly has sent nothing for much longer than is usual."""
    ONE_PERSON = "one_person"
    """All levels of a policy page the same single person."""
    ON_TWICE = "on_call_twice"
    """Somebody is on call for two schedules at one time."""
    DOUBTFUL = "person_doubtful"
    """Somebody on call is reached, as far as is known; one of their ways fails or is not proven."""
    MIRROR_FAILS = "status_mirror_fails"
    """A copy of status pages in another place could not be brought up to date for an hour."""
    NO_BACKUP = "backup_missing"
    """The last verified backup is older than two days, or there never was one."""
    BACKUP_FAILS = "backup_fails"
    """A backup, its copy to another place or the restore drill fails."""
    NO_SWITCH = "switch_missing"
    """No dead-man's switch elsewhere is told that the server is well."""
    SWITCH_UNPROVEN = "switch_unproven"
    """Nobody was ever paged by it when the server was silent on purpose, or too long ago."""
    NO_LAST_RESORT = "last_resort_missing"
    """Nobody hears of it when nobody can be reached."""
    BACKUP_ONLY_HERE = "backup_not_elsewhere"
    """Backups lie on the machine that they are of."""
    KEY_ENDS = "api_key_ends"
    """An API key that is in use ends within two weeks."""
    CERTIFICATE_ENDS = "certificate_ends"
    """A certificate of ours, of a server that we need or of what a team has an address of ends soon, or has ended."""
    SERVICE_UNUSED = "service_unused"
    """Nothing can come in for a service, and nothing did."""
    WATCHER_STOPPED = "watcher_stopped"
    """A watcher on another host used to ask this server and no longer does."""


_PAST = (
    WarningKind.SILENT,
    WarningKind.CHANNEL_FAILS,
    WarningKind.NOT_UNDERSTOOD,
    WarningKind.FAILED,
    WarningKind.MIRROR_FAILS,
    WarningKind.NO_BACKUP,
    WarningKind.BACKUP_FAILS,
    WarningKind.SWITCH_UNPROVEN,
    WarningKind.WATCHER_STOPPED,
)
"""Their `at` is when it began or was last seen, and they go on."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One warning: what is wrong, for whom, from when, and the page that mends it.

    The words come partly from people (names) and from providers: whoever shows them cleans and escapes them.
    """

    kind: WarningKind
    severity: Severity
    subject: str
    """What people call the person, schedule, policy, integration, team or channel that it is about."""
    subject_id: str | None
    """None for a channel such as SMS, which has no id."""
    organization_id: str | None
    """None: it concerns every organization, as a provider does."""
    team_id: str | None
    """None: of the organization, not of one team."""
    words: str
    """What is wrong, naming the subject; no full stop: "Nobody is on call for Core"."""
    detail: str = ""
    """Further sentences: how often, why, what else is affected."""
    at: Instant | None = None
    """From when it hurts, or since when it does."""
    until: Instant | None = None
    """When that ends by itself; None: never, or it is not known."""
    link: str
    """The path of the page that mends it: `/schedules/<id>`."""


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """By severity; within one by kind, what hurts first before what hurts later, and by name."""
    kinds = list(WarningKind)
    return sorted(
        found,
        key=lambda each: (
            -each.severity.rank,
            kinds.index(each.kind),
            each.at or 0,
            each.subject.casefold(),
            each.subject_id or "",
        ),
    )


def when(finding: Finding, zone: ZoneInfo, now: Instant) -> str:
    """From when until when it hurts, on the clocks of a zone: "from Sat 10 Jan, 18:00 to Mon 12 Jan, 09:00"."""
    at, until = finding.at, finding.until
    if at is None:
        return ""
    if finding.kind in _PAST:
        return f"since {clock(at, zone, now)}"
    if at > now:
        return f"from {clock(at, zone, now)}" + (f" to {clock(until, zone, now)}" if until else "")
    return f"now, until {clock(until, zone, now)}" if until else "from now on"


def clock(at: Instant, zone: ZoneInfo, now: Instant) -> str:
    """`Sat 10 Jan, 18:00`; with the year where it is another one."""
    local, today = to_datetime(at).astimezone(zone), to_datetime(now).astimezone(zone)
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"


def listed(names: Iterable[str], most: int = 3) -> str:
    """`Core, Edge and Web`; beyond `most`, `Core, Edge, Web and 2 more`."""
    known = list(dict.fromkeys(names))
    if len(known) > most:
        return f"{', '.join(known[:most])} and {len(known) - most} more"
    return " and ".join([", ".join(known[:-1]), known[-1]]) if len(known) > 1 else "".join(known)
