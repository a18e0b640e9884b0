"""An escalation policy drawn with the people whom it would call at an instant: nothing is changed by looking."""

from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from openalert.domain.access import Actor
from openalert.domain.escalation import Level, Target, TargetTurn, TargetType
from openalert.domain.instant import Instant
from openalert.domain.notification_plan import Callee, Plan, held_words, plan
from openalert.domain.reachability import Reachability, ReachState
from openalert.domain.severity import Severity
from openalert.domain.team import Channel
from openalert.storage import channels as stored_channels
from openalert.storage import recipients
from openalert.storage.transaction import Reader
from openalert.usecases import notify, reachability
from openalert.usecases import schedules as duty
from openalert.web.ui import reaching
from openalert.web.ui.forms import minutes_text
from openalert.web.ui.frame import Values

OF_TURN = {TargetTurn.NOW: "", TargetTurn.NEXT: ", who is next", TargetTurn.PREVIOUS: ", who was before"}
"""Whose turn on a schedule a level means."""


class _Facts(msgspec.Struct):
    """What the targets of a policy mean at the instant asked about."""

    people: Mapping[str, Callee]
    members: Mapping[str, list[str]]
    on_call: Mapping[Target, list[str]]
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


async def timed(
    reader: Reader, actor: Actor, levels: Sequence[Level], severity: Severity, at: Instant | None = None
) -> list[Values]:
    """The rungs as `macros/climb.html` takes them: who gets what, and when, of an incident that begins now or at `at`.

    Times count from the beginning of the incident. A level that reaches nobody takes no time: the next one follows at
    once, as in `usecases/escalation`.
    """
    begin = reader.now if at is None else at
    facts = await _facts(reader, actor, levels, begin)
    rungs: list[Values] = []
    after = 0
    for level in levels:
        after += 0 if rungs and rungs[-1]["skipped"] else level.delay
        called = _called(level, facts)
        for target in called:
            target.update(_told(facts.people.get(target["id"]), target, severity, begin, after))
        rungs.append(
            {
                "level": level.level,
                "words": reaching.minutes_words(after),
                "targets": called,
                "skipped": not any(target["beats"] for target in called),
            }
        )
    return rungs


def _called(level: Level, facts: _Facts) -> list[Values]:
    """Whom a level means, each once, however many of its targets mean them."""
    called: dict[str, Values] = {}
    for number, target in enumerate(level.targets):
        for drawn in _drawn(target, facts):
            known = called.setdefault(drawn["id"] or f"nobody {number}", drawn)
            if known is not drawn and drawn["of"]:
                known["of"] = f"{known['of']}, {drawn['of']}" if known["of"] else drawn["of"]
    return list(called.values())


def _told(
    callee: Callee | None, target: Values, severity: Severity, begin: Instant, after: Instant
) -> Values:
    """What somebody gets from `after` on, `beats` as `reaching.beats` has them; `silent`: why nothing at all."""
    if callee is None:
        ways = [{"type": way, "name": ""} for way in target["ways"]]
        beat = {"words": reaching.minutes_words(after), "at": None, "far": 0, "ways": ways}
        beats = [beat] if ways else []
        return {"beats": beats, "silent": "" if beats else target["note"], "notes": (), "again": ""}
    planned = plan(callee, severity, begin + after)
    return {
        "beats": reaching.beats(planned, begin),
        "silent": planned.silent,
        "notes": (*_held(callee, planned, begin + after), *planned.notes),
        "again": reaching.again(planned, callee),
    }


def _held(callee: Callee, planned: Plan, at: Instant) -> tuple[str, ...]:
    if planned.held_until is None:
        return ()
    return (held_words(callee, planned.held_until, at, planned.held_by),)


def warnings(rungs: Sequence[Values]) -> list[str]:
    """A sentence for each level that reaches nobody, or one for all of them."""
    silent = [rung["level"] for rung in rungs if rung["skipped"]]
    if len(silent) == len(rungs):
        return ["This policy reaches nobody: the owners of the team are paged at once."]
    return [
        f"Level {level} reaches nobody: level {level + 1} is called at once in its place."
        if level < len(rungs)
        else f"Level {level} reaches nobody: after level {level - 1} nobody else is called."
        for level in silent
    ]


def repeat_words(count: int, delay: Instant) -> str:
    """What happens after the last level of a policy that is repeated so often, each time after this delay."""
    if not count:
        return "Runs once, then the owners of the team are told"
    times = "once more" if count == 1 else f"{count} times more"
    after = f" after {minutes_text(delay)} min" if delay else ""
    return f"Begins again {times}{after}, then the owners of the team are told"


async def _facts(reader: Reader, actor: Actor, levels: Sequence[Level], at: Instant) -> _Facts:
    ids: dict[TargetType, list[str]] = {kind: [] for kind in TargetType}
    for level in levels:
        for target in level.targets:
            ids[target.type].append(target.id)
    schedule_ids, team_ids = ids[TargetType.SCHEDULE], ids[TargetType.TEAM]
    on_call = await duty.meant(reader, (target for level in levels for target in level.targets), at)
    members = await recipients.members(reader, team_ids) if team_ids else {}
    wanted = {*ids[TargetType.USER], *chain.from_iterable(on_call.values())}
    for some in members.values():
        wanted.update(some)
    people = {each.user_id: each for each in await recipients.callees(reader, wanted)}
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
        of, ids = _of("schedule", name) + OF_TURN[target.turn], facts.on_call.get(target, [])
        empty = notify.TURNS[target.turn][1]
    if name is None:
        return [_nobody("", f"a {target.type.value} that is gone")]
    return [_person(each, facts, of) for each in ids] or [_nobody(of, empty)]


def _of(kind: str, name: str | None) -> str:
    return name if name is not None and name in notify.HIDDEN.values() else f"{kind} {name}"


def _person(user_id: str, facts: _Facts, of: str) -> Values:
    callee = facts.people.get(user_id)
    if callee is None:
        return _nobody(of, "a person who is gone")
    note = "" if callee.ways else "no verified address"
    if not callee.is_active:
        note = "switched off"
    ways = [] if note else list(dict.fromkeys(way.type for way in callee.ways))
    tone = "bad" if note else ""
    reach = facts.reach.get(user_id)
    if reach is not None and not note and reach.state is not ReachState.REACHABLE:
        note = reach.weakest.rstrip(".")
        tone = "bad" if reach.state is ReachState.UNREACHABLE else "warn"
    return {
        "id": user_id,
        "name": callee.name,
        "of": of,
        "ways": ways,
        "note": note,
        "tone": tone,
    }


def _channel(channel: Channel | None) -> Values:
    if channel is None:
        return _nobody("", "a channel that is gone")
    note = "" if channel.is_enabled else "switched off"
    return {
        "id": channel.id,
        "name": channel.name,
        "of": "channel",
        "ways": [] if note else [channel.type],
        "note": note,
        "tone": "bad" if note else "",
    }


def _nobody(of: str, note: str) -> Values:
    return {"id": "", "name": None, "of": of, "ways": [], "note": note, "tone": "bad"}
