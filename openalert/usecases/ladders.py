"""The ladder of an incident: what its escalation has done and will do, for pages and messages. Nothing is changed."""

import msgspec

from openalert.domain.access import Actor
from openalert.domain.escalation import PolicyVersion
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.storage import escalation_policies
from openalert.storage.transaction import Reader
from openalert.usecases import notify
from openalert.usecases.escalation import as_its_team, policy_name


class Rung(msgspec.Struct, kw_only=True):
    """A level of an incident's ladder as it looks at this moment."""

    level: int
    state: str
    """`done`, `next`, `later`."""
    due_at: Instant | None
    """When it runs; None for what is done, or what no longer will."""
    people: list[str]
    """Whom it reaches now."""
    channels: list[str]
    ways: dict[str, list[str]]
    """By which channels each of them is reached, by name."""
    misses: list[str]


class Ladder(msgspec.Struct, kw_only=True):
    """What the escalation of an incident has done and will do."""

    policy: str | None
    cycle: int
    repeat_count: int
    rungs: list[Rung]

    @property
    def next_rung(self) -> Rung | None:
        """The level that runs next."""
        return next((rung for rung in self.rungs if rung.state == "next"), None)


async def ladder(reader: Reader, incident: Incident, viewer: Actor | None = None) -> Ladder:
    """The ladder of an incident, with whoever its levels reach now, as the viewer or its team may know them."""
    viewer = viewer or as_its_team(incident)
    version = await _version(reader, incident)
    if version is None:
        return Ladder(policy=None, cycle=0, repeat_count=0, rungs=[])
    at = incident.escalation_next_at
    upcoming = _upcoming(incident, version)
    rungs: list[Rung] = []
    for level in version.levels:
        if level.level > upcoming and at is not None and rungs[-1].people:
            at += level.delay
        found = await notify.reach(reader, level.targets, viewer, severity=incident.severity)
        is_next = level.level == upcoming and incident.escalation_next_at is not None
        is_over = level.level < upcoming or incident.escalation_next_at is None
        is_done = is_over and level.level <= incident.escalation_level
        rungs.append(
            Rung(
                level=level.level,
                state="next" if is_next else "done" if is_done else "later",
                due_at=at if level.level >= upcoming else None,
                people=found.people,
                channels=sorted({recipient.channel for recipient in found.recipients}),
                ways={
                    who: list(dict.fromkeys(each.channel for each in found.recipients if each.who == who))
                    for who in found.people
                },
                misses=found.misses,
            )
        )
    return Ladder(
        policy=await policy_name(reader, version, viewer),
        cycle=incident.escalation_cycle,
        repeat_count=version.repeat_count,
        rungs=rungs,
    )


def _upcoming(incident: Incident, version: PolicyVersion) -> int:
    """The level that comes after the one paged last."""
    if incident.escalation_level < len(version.levels):
        return incident.escalation_level + 1
    return 1 if incident.escalation_cycle < version.repeat_count else len(version.levels) + 1


def in_words(ladder_: Ladder, incident: Incident) -> str:
    """What happens next, without the time: "Bea is paged next unless someone acknowledges." Empty: nothing does."""
    rung = ladder_.next_rung
    if incident.escalation_next_at is None:
        return ""
    if rung is None:
        return "The owners are told next unless someone acknowledges."
    who = " and ".join(rung.people[:3]) + (
        f" and {len(rung.people) - 3} more" if len(rung.people) > 3 else ""
    )
    return f"{who or 'Nobody yet'} {'are' if len(rung.people) > 1 else 'is'} paged next unless someone acknowledges."


async def _version(reader: Reader, incident: Incident) -> PolicyVersion | None:
    if incident.policy_version_id is None:
        return None
    return await escalation_policies.get_version(reader, incident.policy_version_id)
