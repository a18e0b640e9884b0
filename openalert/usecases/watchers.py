"""Watchers on other hosts: what they are told, and which of them have stopped asking.

What a snapshot costs grows with the schedules and policies in view, never with what has happened.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from functools import partial

import msgspec

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.errors import Invalid
from openalert.domain.escalation import TargetTurn, TargetType
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan, Shift
from openalert.domain.relief import LOOKS_BACK, shifts_before
from openalert.domain.schedule import Schedule
from openalert.domain.self_watch import Standing
from openalert.domain.user import ApiKey, ContactMethod, User
from openalert.domain.vault import Unreadable
from openalert.domain.watcher import (
    HORIZONS,
    LARGEST,
    NOT_FROM_AFAR,
    UNCALLED,
    Person,
    Roster,
    Snapshot,
    Span,
    TeamRosters,
    Way,
    Word,
    written,
)
from openalert.storage import (
    api_keys,
    contact_methods,
    escalation_policies,
    organizations,
    outages,
    recipients,
    schedules,
    services,
    teams,
    users,
)
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.api_keys import watches
from openalert.usecases.portions import PORTION, every

STOPPED_AFTER = 15 * MINUTE
"""A watcher asks several times a minute; one of which nothing was heard for so long has stopped."""
MOST_KEYS = 200
MOST_NAMED = 20


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made for watching, and how it fares."""

    key: ApiKey
    has_stopped: bool
    """It used to ask, and no longer does, though this server was there to be asked."""


class _Known(msgspec.Struct, kw_only=True):
    """What was read, at one instant."""

    organization: str
    now: Instant
    policies: Sequence[Document]
    used: Collection[str]
    """The ids of policies by which a service in view escalates."""
    seen: Sequence[Schedule]
    plans: dict[str, Plan]
    members: dict[str, list[str]]
    team_names: dict[str, tuple[str, str]]
    """Name and slug by id."""
    team_owners: dict[str, list[str]]
    owners: list[str]


async def alive(database: Database, actor: Actor, nonce: str, server: str, standing: Standing | None) -> Word:
    """That the server is there, and whether it would page; a database that cannot be read answers nothing."""
    async with database.read() as reader:
        found = await organizations.get(reader, actor.organization_id or "")
        return Word(
            nonce=nonce,
            at=reader.now,
            organization=found.name if found else "",
            server=server,
            would_page=standing.would_page if standing else None,
            troubles=tuple(each.words for each in standing.troubles) if standing else (),
        )


async def snapshot(
    database: Database, actor: Actor, nonce: str, server: str, standing: Standing | None
) -> str:
    """The same with who is on call and how they are reached, written; for the teams that the key may see."""
    word = await alive(database, actor, nonce, server, standing)
    async with database.read() as reader:
        known = await _gather(reader, actor)
    # The instant at which what it tells begins: a moment before, nobody would be on.
    word = msgspec.structs.replace(word, at=known.now)
    rosters = await _rosters(known)
    async with database.read() as reader:
        people = await _people(reader, actor, _everybody(rosters, known))
    for horizon in HORIZONS:
        text = written(
            msgspec.structs.replace(word, snapshot=_cut(known, rosters, people, known.now + horizon))
        )
        if len(text.encode()) <= LARGEST:
            return text
    raise Invalid("There are too many schedules for one watcher: make one key for each team.")


def note_reading(tx: Transaction) -> None:
    """That the addresses were read, in the audit log."""
    audit.record(tx, "api_key.watched", kind="api_key", id=tx.actor.id, name=tx.actor.name)


async def all_of_them(reader: Reader, actor: Actor) -> list[Watcher]:
    """Every key in the actor's view that watches, in the order of their making."""
    keys = await every(partial(api_keys.page, reader, actor), lambda each: each.id, most=MOST_KEYS)
    mine = [each for each in keys if watches_with(each)]
    if not mine:
        return []
    newest = await outages.newest(reader, 1)
    # Nobody could ask while nobody was there to answer.
    there_since = newest[0].until if newest else 0
    return [Watcher(key=each, has_stopped=_has_stopped(each, reader.now, there_since)) for each in mine]


async def written_to_alone(reader: Reader, actor: Actor) -> list[str]:
    """The names of whoever has only ways that no watcher can take: it writes to their address for signing in."""
    return await contact_methods.reached_only_by(
        reader, actor.organization_id or "", NOT_FROM_AFAR, MOST_NAMED
    )


def watches_with(key: ApiKey) -> bool:
    """Whether the key was made for watching."""
    return watches(
        Actor(kind="api_key", id=key.id, name="", organization_id="", scopes=frozenset(key.scopes))
    )


def _has_stopped(key: ApiKey, now: Instant, there_since: Instant) -> bool:
    heard = key.last_used_at
    return heard is not None and now - max(heard, there_since) > STOPPED_AFTER


async def _gather(reader: Reader, actor: Actor) -> _Known:
    policies = await every(partial(escalation_policies.page, reader, actor), lambda each: each.policy.id)
    seen = await every(partial(schedules.page, reader, actor), lambda each: each.id)
    escalating = await every(partial(services.page, reader, actor), lambda each: each.id)
    targets = [each for document in policies for level in document.version.levels for each in level.targets]
    called = {each.id for each in targets if each.type is TargetType.SCHEDULE}
    # A schedule of a team out of sight is called all the same.
    hidden = await schedules.named(reader, SYSTEM, called - {each.id for each in seen})
    # Who was before whoever is on may have been on long ago.
    looks_back = any(each.turn is TargetTurn.PREVIOUS for each in targets)
    since = reader.now - LOOKS_BACK if looks_back else reader.now
    plans: dict[str, Plan] = {}
    every_schedule = [*seen, *hidden.values()]
    for start in range(0, len(every_schedule), PORTION):
        some = every_schedule[start : start + PORTION]
        plans |= await schedules.plans(reader, some, since, reader.now + HORIZONS[0])
    team_ids = {each.policy.team_id for each in policies} | {each.team_id for each in seen}
    organization = await organizations.get(reader, actor.organization_id or "")
    in_teams = {each.id for each in targets if each.type is TargetType.TEAM}
    named = await teams.named(reader, actor, team_ids)
    return _Known(
        organization=organization.name if organization else "",
        now=reader.now,
        policies=policies,
        used={each.escalation_policy_id for each in escalating if each.escalation_policy_id},
        seen=seen,
        plans=plans,
        members=await recipients.members(reader, sorted(in_teams)),
        team_names={each: (team.name, team.slug) for each, team in named.items()},
        team_owners=await recipients.owners_of_teams(reader, sorted(team_ids)),
        owners=await recipients.organization_owners(reader, actor.organization_id or ""),
    )


async def _rosters(known: _Known) -> dict[str, list[Roster]]:
    """By team. A policy that no service uses counts only where the team has no other."""
    end = known.now + HORIZONS[0]
    spans: dict[str, tuple[Span, ...]] = {}
    for schedule_id, plan in known.plans.items():
        spans[schedule_id] = _spans(shifts(plan, known.now, end).items)
        await asyncio.sleep(0)
    found: dict[str, dict[tuple[str, TargetTurn], Roster]] = {}
    busy = {each.policy.team_id for each in known.policies if each.policy.id in known.used}
    for document in known.policies:
        team_id = document.policy.team_id
        if team_id in busy and document.policy.id not in known.used:
            continue
        for level in document.version.levels:
            for target in level.targets:
                roster = _roster(known, spans, document.policy.name, level.level, target.type, target.id)
                if roster is None:
                    continue
                if target.turn is TargetTurn.NEXT:
                    roster = msgspec.structs.replace(roster, calls_next=True)
                elif target.turn is TargetTurn.PREVIOUS:
                    before = _spans(shifts_before(known.plans[target.id], known.now))
                    roster = msgspec.structs.replace(
                        roster, calls_previous=True, spans=(*before, *roster.spans)
                    )
                place = found.setdefault(team_id, {})
                if (other := place.get((target.id, target.turn))) is None or other.level > roster.level:
                    place[(target.id, target.turn)] = roster
    for schedule in known.seen:
        whole = Roster(name=schedule.name, level=UNCALLED, spans=spans.get(schedule.id, ()))
        found.setdefault(schedule.team_id, {}).setdefault((schedule.id, TargetTurn.NOW), whole)
    return {team_id: list(rosters.values()) for team_id, rosters in found.items()}


def _spans(found: Iterable[Shift]) -> tuple[Span, ...]:
    return tuple(
        Span(start=each.start, end=each.end, people=tuple(one.user_id for one in each.people))
        for each in found
    )


def _roster(
    known: _Known, spans: dict[str, tuple[Span, ...]], policy: str, level: int, kind: TargetType, target: str
) -> Roster | None:
    """What one target of a level calls; None for what is no person."""
    if kind is TargetType.SCHEDULE and target in known.plans:
        return Roster(name=known.plans[target].schedule.name, level=level, spans=spans[target])
    people = {TargetType.USER: [target], TargetType.TEAM: known.members.get(target, [])}.get(kind)
    if not people:
        return None
    always = Span(start=known.now, end=known.now + HORIZONS[0], people=tuple(people))
    return Roster(name=policy, level=level, spans=(always,))


def _everybody(rosters: dict[str, list[Roster]], known: _Known) -> set[str]:
    on = {
        each for some in rosters.values() for roster in some for span in roster.spans for each in span.people
    }
    return on.union(known.owners, *known.team_owners.values())


async def _people(reader: Reader, actor: Actor, ids: Collection[str]) -> dict[str, Person]:
    found = {each.id: each for each in (await users.named(reader, actor, ids)).values() if each.is_active}
    methods = await contact_methods.verified(reader, found)
    sealed = await contact_methods.sealed_addresses(
        reader, [each.id for some in methods.values() for each in some if each.type == "apprise"]
    )
    return {
        user.id: Person(
            id=user.id,
            name=user.name,
            timezone=user.timezone,
            ways=tuple(_ways(reader, user, methods.get(user.id, []), sealed)),
        )
        for user in found.values()
    }


def _ways(
    reader: Reader, user: User, methods: Iterable[ContactMethod], sealed: dict[str, str]
) -> Iterable[Way]:
    channels = set()
    for method in methods:
        if method.type in NOT_FROM_AFAR:
            continue
        address = method.address
        if method.type == "apprise":
            try:
                address = contact_methods.opened_address(reader, method.id, sealed[method.id])
            except (KeyError, Unreadable):
                continue
        channels.add(method.type)
        yield Way(method.type, address)
    if "email" not in channels:
        yield Way("email", user.email, is_spare=True)


def _cut(
    known: _Known, rosters: dict[str, list[Roster]], people: dict[str, Person], until: Instant
) -> Snapshot:
    """What is known of the time until then."""
    teams_of = []
    for team_id, (name, slug) in known.team_names.items():
        some = tuple(
            msgspec.structs.replace(each, spans=_before(each.spans, until))
            for each in rosters.get(team_id, [])
        )
        owners = tuple(known.team_owners.get(team_id, ()))
        teams_of.append(TeamRosters(id=team_id, name=name, slug=slug, rosters=some, owners=owners))
    return Snapshot(
        until=until,
        people=tuple(sorted(people.values(), key=lambda each: (each.name, each.id))),
        teams=tuple(sorted(teams_of, key=lambda each: (each.name, each.id))),
        owners=tuple(known.owners),
    )


def _before(spans: Sequence[Span], until: Instant) -> tuple[Span, ...]:
    return tuple(
        each if each.end <= until else msgspec.structs.replace(each, end=until)
        for each in spans
        if each.start < until
    )
