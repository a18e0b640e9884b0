"""Messages to people and channels: planned here as rows, sent by the engine."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.channel import stored_kind
from openalert.domain.escalation import Target, TargetTurn, TargetType
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.notification import (
    ASKED,
    Notification,
    NotificationKind,
    give_up_at,
    leading_to,
    page_key,
    priority_of,
)
from openalert.domain.notification_plan import Callee, Plan, held_words, plan
from openalert.domain.severity import Severity
from openalert.domain.team import Channel
from openalert.storage import channels, notifications, recipients, teams
from openalert.storage import schedules as stored_schedules
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules
from openalert.usecases.work import Work

HIDDEN = {
    TargetType.SCHEDULE: "a schedule of another team",
    TargetType.TEAM: "another team",
    TargetType.CHANNEL: "a channel of another team",
}
"""What things are called to whom they are out of sight."""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One address that a level reaches, and why."""

    who: str
    """The name of the person or channel."""
    user_id: str | None
    contact_method_id: str | None
    channel_id: str | None
    channel: str
    address: str
    reason: str
    step: int = 0
    """Which message to this person it is, counted from 0."""
    due_at: Instant | None = None
    """When it is to leave; None: at once."""
    held_until: Instant | None = None
    """Not None: until then their own settings hold it."""
    is_repeat: bool = False
    """It comes again because nobody has answered."""

    @property
    def key(self) -> str:
        """What makes the effect of a level on this recipient unique."""
        return self.contact_method_id or self.channel_id or self.address


class Held(msgspec.Struct, frozen=True):
    """Somebody whose own settings hold every page for now."""

    callee: Callee
    until: Instant
    words: str
    """ "held until 07:00 by Bea's quiet hours"."""


class Reach(msgspec.Struct):
    """Whom a level reaches, and which of its targets reach nobody, in words."""

    recipients: list[Recipient]
    """Every message: one person is here once for each step of their rules."""
    misses: list[str]
    held: list[Held] = []
    notes: list[str] = []
    """What does not go as people's rules say."""
    callees: list[Callee] = []
    """The people among the recipients."""

    @property
    def people(self) -> list[str]:
        """Names, each once."""
        return list(dict.fromkeys(recipient.who for recipient in self.recipients))


TURNS = {
    TargetTurn.NOW: ("You are on call", "nobody is on call"),
    TargetTurn.NEXT: ("You are next on call", "nobody is next on call"),
    TargetTurn.PREVIOUS: ("You were on call before", "nobody was on call before"),
}
"""Why somebody is called whose turn it is, and what is said when it is nobody's."""


async def reach(
    reader: Reader,
    targets: Sequence[Target],
    viewer: Actor = SYSTEM,
    *,
    severity: Severity = Severity.CRITICAL,
) -> Reach:
    """Whom these targets mean at this moment, and how each wants to be reached; resolved when a level is due.

    For a `viewer`, what belongs to a team out of their sight is not called by its name.
    """
    ids: dict[TargetType, list[str]] = {kind: [] for kind in TargetType}
    for target in targets:
        ids[target.type].append(target.id)
    on_call = await schedules.meant(reader, targets, reader.now)
    members = await recipients.members(reader, ids[TargetType.TEAM]) if ids[TargetType.TEAM] else {}
    names = await recipients.names(
        reader, [*ids[TargetType.SCHEDULE], *ids[TargetType.TEAM], *ids[TargetType.USER]]
    )
    hidden = await out_of_sight(reader, viewer, ids)
    names |= {each: said for each, said in hidden.items() if each in names}
    wanted: list[tuple[str, str]] = []
    found = Reach([], [])
    for target in targets:
        meant, why = _meant(target, on_call, members, names)
        if target.type is not TargetType.CHANNEL and not meant:
            found.misses.append(why)
        wanted.extend((user_id, why) for user_id in meant)
    await _add_people(reader, found, wanted, severity)
    if ids[TargetType.CHANNEL]:
        places = await channels.by_ids(reader, ids[TargetType.CHANNEL])
        shown = [msgspec.structs.replace(each, name=hidden.get(each.id, each.name)) for each in places]
        _add_channels(found, ids[TargetType.CHANNEL], shown)
    return found


async def out_of_sight(
    reader: Reader, viewer: Actor, ids: Mapping[TargetType, Sequence[str]]
) -> dict[str, str]:
    """What to call those schedules, teams and channels that the viewer may not see, by id; also where one is gone."""
    if viewer.organization_id is None:
        return {}
    seen: set[str] = set()
    seen |= set(await stored_schedules.named(reader, viewer, ids[TargetType.SCHEDULE]))
    seen |= set(await teams.named(reader, viewer, ids[TargetType.TEAM]))
    seen |= set(await channels.named(reader, viewer, ids[TargetType.CHANNEL]))
    return {each: said for kind, said in HIDDEN.items() for each in ids[kind] if each not in seen}


def _meant(
    target: Target, on_call: Mapping[Target, list[str]], members: dict[str, list[str]], names: dict[str, str]
) -> tuple[list[str], str]:
    """The people a target means, and why they are paged; or why it means nobody."""
    name = names.get(target.id)
    if target.type is TargetType.USER:
        return ([target.id], "You are named in the policy") if name else ([], "a person who is gone")
    if target.type is TargetType.TEAM:
        people = members.get(target.id, [])
        return (
            people,
            f"You are a member of {name}" if people else f"{name or 'a team that is gone'} has no members",
        )
    if target.type is TargetType.SCHEDULE:
        people = on_call.get(target, [])
        you, nobody = TURNS[target.turn]
        if people:
            return people, f"{you} for {name}"
        return [], f"{nobody} for {name}" if name else "a schedule that is gone"
    return [], ""


async def _add_people(
    reader: Reader, found: Reach, wanted: list[tuple[str, str]], severity: Severity
) -> None:
    why = dict(reversed(wanted))
    missing = set(why)
    for callee in await recipients.callees(reader, why):
        missing.discard(callee.user_id)
        planned = plan(callee, severity, reader.now)
        found.notes.extend(planned.notes)
        if not planned.steps:
            found.misses.append(planned.silent)
            continue
        found.callees.append(callee)
        found.recipients.extend(steps_of(callee, planned, why[callee.user_id]))
        if planned.held_until is not None:
            words = held_words(callee, planned.held_until, reader.now, planned.held_by)
            found.held.append(Held(callee, planned.held_until, words))
    found.misses.extend("a person who is gone" for _ in missing)


def steps_of(callee: Callee, planned: Plan, reason: str) -> list[Recipient]:
    """A person's plan as messages to send."""
    return [
        Recipient(
            who=callee.name,
            user_id=callee.user_id,
            contact_method_id=step.way.id,
            channel_id=None,
            channel=step.way.type,
            address=step.way.address,
            reason=reason,
            step=step.number,
            due_at=step.due_at,
            held_until=step.held_until,
            is_repeat=step.is_repeat,
        )
        for step in planned.steps
    ]


def _add_channels(found: Reach, ids: Sequence[str], channels: Iterable[Channel]) -> None:
    known = {channel.id: channel for channel in channels}
    for channel_id in dict.fromkeys(ids):
        channel = known.get(channel_id)
        if channel is None or not channel.is_enabled:
            found.misses.append(f"{channel.name} is switched off" if channel else "a channel that is gone")
        else:
            found.recipients.append(channel_recipient(channel, "The policy names this channel"))


def channel_recipient(channel: Channel, reason: str) -> Recipient:
    """A team's channel as something to send to."""
    address = channel.config.get(stored_kind(channel.type).field) or ""
    return Recipient(
        who=channel.name,
        user_id=None,
        contact_method_id=None,
        channel_id=channel.id,
        channel=channel.type,
        address=str(address),
        reason=reason,
    )


def page(work: Work, incident: Incident, recipient: Recipient, cycle: int, level: int, policy: str) -> None:
    """Page somebody for a level of the incident's escalation."""
    reason = f"{recipient.reason} ({policy}, level {level})." if policy else f"{recipient.reason}."
    key = page_key(incident.id, incident.episode, cycle, level, recipient.key, recipient.step)
    notification = _new(work, incident, recipient, NotificationKind.PAGE, key, reason)
    notification.cycle, notification.level = cycle, level
    notification.content = _again(recipient)
    work.send(notification)


def _again(recipient: Recipient) -> dict[str, Any]:
    return {"again": True} if recipient.is_repeat else {}


def ask(work: Work, incident: Incident, recipient: Recipient, ask_id: str, words: str) -> None:
    """Page somebody because they are asked for help with the incident; `words` say by whom and with what."""
    key = f"ask:{ask_id}:{recipient.key}:{recipient.step}"
    notification = _new(work, incident, recipient, NotificationKind.PAGE, key, words)
    notification.level, notification.ask_id = ASKED, ask_id
    notification.content = _again(recipient)
    work.send(notification)


def promise_digests(work: Work, organization_id: str, found: Reach) -> None:
    """Whoever has something held hears at the end of it what that was, also if it is over by then (promise NO-8)."""
    callees = {callee.user_id: callee for callee in found.callees}
    times = {(each.user_id, each.held_until) for each in found.recipients if each.held_until is not None}
    for user_id, until in sorted(times, key=str):
        if user_id in callees and until is not None:
            for row in held_digests(callees[user_id], organization_id, until, work.now):
                work.send(row)


def held_digests(callee: Callee, organization_id: str, until: Instant, now: Instant) -> list[Notification]:
    """The messages that list, at that instant, what was held for somebody until then; what they say is found then."""
    planned = plan(callee, None, until, kind=NotificationKind.DIGEST)
    return [
        Notification(
            id=new_id(now),
            effect_key=f"digest:held:{callee.user_id}:{until}:{step.number}:{step.way.id}",
            organization_id=organization_id,
            team_id=None,
            incident_id=None,
            kind=NotificationKind.DIGEST,
            priority=priority_of(NotificationKind.DIGEST),
            user_id=callee.user_id,
            contact_method_id=step.way.id,
            channel_id=None,
            channel=step.way.type,
            address=step.way.address,
            reason="Your quiet time is over.",
            due_at=step.due_at,
            held_until=until,
            give_up_at=give_up_at(NotificationKind.DIGEST, step.due_at),
            created_at=now,
            updated_at=now,
        )
        for step in planned.steps
    ]


def notice(work: Work, incident: Incident, recipient: Recipient, headline: str, body: str) -> None:
    """Tell an owner about an incident that nobody answers."""
    key = f"notice:{incident.id}:{incident.episode}:{headline}:{recipient.key}"
    notification = _new(work, incident, recipient, NotificationKind.NOTICE, key, f"{recipient.reason}.")
    notification.content = {"headline": headline, "body": body}
    work.send(notification)


def _new(
    work: Work, incident: Incident, recipient: Recipient, kind: NotificationKind, key: str, reason: str
) -> Notification:
    due_at = work.now if recipient.due_at is None else recipient.due_at
    return Notification(
        id=new_id(work.now),
        effect_key=key,
        organization_id=incident.organization_id,
        team_id=incident.team_id,
        incident_id=incident.id,
        episode=incident.episode,
        kind=kind,
        priority=priority_of(kind, incident.severity),
        service_id=incident.service_id,
        user_id=recipient.user_id,
        contact_method_id=recipient.contact_method_id,
        channel_id=recipient.channel_id,
        channel=recipient.channel,
        address=recipient.address,
        reason=reason,
        step=recipient.step,
        due_at=due_at,
        held_until=recipient.held_until,
        give_up_at=give_up_at(kind, due_at),
        created_at=work.now,
        updated_at=work.now,
    )


async def send_to(
    tx: Transaction,
    recipient: Recipient,
    kind: NotificationKind,
    *,
    organization_id: str,
    team_id: str | None,
    headline: str,
    body: str,
    reason: str,
    opens: tuple[str, str] | None = None,
) -> Notification:
    """A message about no incident: a test, or the code that proves an address.

    `opens`: the words and the path of a page of ours that it leads to.
    """
    notification = Notification(
        id=new_id(tx.now),
        effect_key=f"{kind}:{new_id(tx.now)}",
        organization_id=organization_id,
        team_id=team_id,
        incident_id=None,
        kind=kind,
        priority=priority_of(kind),
        user_id=recipient.user_id,
        contact_method_id=recipient.contact_method_id,
        channel_id=recipient.channel_id,
        channel=recipient.channel,
        address=recipient.address,
        reason=reason,
        content={"headline": headline, "body": body} | leading_to(opens),
        due_at=tx.now,
        give_up_at=give_up_at(kind, tx.now),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await notifications.enqueue(tx, [notification])
    return notification
