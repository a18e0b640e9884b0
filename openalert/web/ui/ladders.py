"""An escalation policy drawn with the people whom it would call at an instant: nothing is changed by looking."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.access import Actor
from openalert.domain.escalation import Level, PolicyVersion, Target, TargetType
from openalert.domain.instant import Instant
from openalert.domain.oncall import OnCall
from openalert.domain.reachability import Reachability, ReachState
from openalert.domain.team import Channel
from openalert.storage import channels as stored_channels
from openalert.storage import recipients
from openalert.storage.recipients import Person
from openalert.storage.transaction import Reader
from openalert.usecases import notify, reachability
from openalert.usecases import schedules as duty
from openalert.web.ui.forms import minutes_text
from openalert.web.ui.frame import Values


class _Facts(msgspec.Struct):
    """What the targets of a policy mean at the instant asked about."""

    people: Mapping[str, list[Person]]
    """Each person once for each verified address, or once without one."""
    members: Mapping[str, list[str]]
    on_call: Mapping[str, OnCall]
    channels: Mapping[str, Channel]
    names: Mapping[str, str]
    reach: Mapping[str, Reachability]
    """Of everybody in `people`: whether a page would arrive."""


async def steps(
    reader: Reader, actor: Actor, levels: Sequence[Level], at: Instant | None = None
) -> list[Values]:
    """The rungs as `macros/ladder.html` takes them, for now or another instant, as the actor may know them."""
    facts = await _facts(reader, actor, levels, reader.now if at is None else at)
    return [
        {
            "level": level.level,
            "state": "later",
            "at": None,
            "after": minutes_text(level.delay) if level.delay else 0,
            "targets": [drawn for target in level.targets for drawn in _drawn(target, facts)],
        }
        for level in levels
    ]


def warnings(drawn: Sequence[Values]) -> list[str]:
    """A sentence for each level that reaches nobody."""
    silent = [step["level"] for step in drawn if all(each["tone"] == "bad" for each in step["targets"])]
    return [f"Level {level} reaches nobody now; it is skipped at once." for level in silent]


def repeat_words(version: PolicyVersion) -> str:
    """What happens after the last level."""
    count = version.repeat_count
    if not count:
        return "Runs once, then the owners of the team are told"
    times = "once more" if count == 1 else f"{count} times more"
    delay = f" after {minutes_text(version.repeat_delay)} min" if version.repeat_delay else ""
    return f"Begins again {times}{delay}, then the owners of the team are told"


async def _facts(reader: Reader, actor: Actor, levels: Sequence[Level], at: Instant) -> _Facts:
    ids: dict[TargetType, list[str]] = {kind: [] for kind in TargetType}
    for level in levels:
        for target in level.targets:
            ids[target.type].append(target.id)
    schedule_ids, team_ids = ids[TargetType.SCHEDULE], ids[TargetType.TEAM]
    on_call = await duty.who_is_on_call(reader, schedule_ids, at) if schedule_ids else {}
    members = await recipients.members(reader, team_ids) if team_ids else {}
    wanted = {*ids[TargetType.USER], *duty.people_of(on_call.values())}
    for some in members.values():
        wanted.update(some)
    people: dict[str, list[Person]] = {}
    for person in await recipients.people(reader, sorted(wanted)) if wanted else []:
        people.setdefault(person.user_id, []).append(person)
    channel_ids = ids[TargetType.CHANNEL]
    channels = await stored_channels.by_ids(reader, channel_ids) if channel_ids else []
    hidden = await notify.out_of_sight(reader, actor, ids)
    return _Facts(
        people=people,
        members=members,
        on_call=on_call,
        channels={
            channel.id: msgspec.structs.replace(channel, name=hidden.get(channel.id, channel.name))
            for channel in channels
        },
        names=await recipients.names(reader, [*schedule_ids, *team_ids]) | hidden,
        reach=await reachability.of_people(reader, people) if people else {},
    )


def _drawn(target: Target, facts: _Facts) -> list[Values]:
    """Each person or channel that a target means; one entry without a name when it means nobody."""
    if target.type is TargetType.CHANNEL:
        return [_channel(facts.channels.get(target.id))]
    if target.type is TargetType.USER:
        return [_person(target.id, facts, "")]
    name = facts.names.get(target.id)
    if target.type is TargetType.TEAM:
        of, ids = _of("team", name), facts.members.get(target.id, [])
        empty = "the team has no members"
    else:
        answer = facts.on_call.get(target.id)
        of, ids = _of("schedule", name), [person.user_id for person in answer.people] if answer else []
        empty = "nobody is on call"
    if name is None:
        return [_nobody("", f"a {target.type.value} that is gone")]
    return [_person(each, facts, of) for each in ids] or [_nobody(of, empty)]


def _of(kind: str, name: str | None) -> str:
    return name if name is not None and name in notify.HIDDEN.values() else f"{kind} {name}"


def _person(user_id: str, facts: _Facts, of: str) -> Values:
    entries = facts.people.get(user_id, [])
    if not entries:
        return _nobody(of, "a person who is gone")
    person = entries[0]
    note = "" if person.address else "no verified address"
    if not person.is_active:
        note = "switched off"
    ways = list(dict.fromkeys(each.type for each in entries if each.type and not note))
    tone = "bad" if note else ""
    reach = facts.reach.get(user_id)
    if reach is not None and not note and reach.state is not ReachState.REACHABLE:
        note = reach.weakest.rstrip(".")
        tone = "bad" if reach.state is ReachState.UNREACHABLE else "warn"
    return {"name": person.name, "of": of, "ways": ways, "note": note, "tone": tone}


def _channel(channel: Channel | None) -> Values:
    if channel is None:
        return _nobody("", "a channel that is gone")
    note = "" if channel.is_enabled else "switched off"
    ways = [] if note else [channel.type]
    return {"name": channel.name, "of": "channel", "ways": ways, "note": note, "tone": "bad" if note else ""}


def _nobody(of: str, note: str) -> Values:
    return {"name": None, "of": of, "ways": [], "note": note, "tone": "bad"}
