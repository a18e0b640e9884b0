"""What a form offers to choose from: (value, words) pairs of what the reader may see or change."""

from collections.abc import Iterable

from openalert.domain.access import Actor, Permission, can
from openalert.storage import escalation_policies, schedules, services, teams, users
from openalert.storage.transaction import Reader

MOST = 500
Choices = list[tuple[str, str]]


def _sorted(pairs: Iterable[tuple[str, str]]) -> Choices:
    return sorted(pairs, key=lambda pair: pair[1].casefold())


async def teams_to_configure(reader: Reader, actor: Actor) -> Choices:
    """The teams in which the reader may make and change things."""
    every = await teams.page(reader, actor, limit=MOST)
    return _sorted((each.id, each.name) for each in every if can(actor, Permission.CONFIGURE, each.id))


async def people(reader: Reader, actor: Actor) -> Choices:
    """Everybody of the organization who can be called."""
    every = await users.page(reader, actor, limit=MOST)
    return _sorted((each.id, each.name) for each in every if each.is_active)


async def policies(reader: Reader, actor: Actor) -> Choices:
    """The escalation policies in view, and none."""
    every = await escalation_policies.page(reader, actor, limit=MOST)
    return [("", "None: nobody is called"), *_sorted((each.policy.id, each.policy.name) for each in every)]


async def names_of_teams(reader: Reader, actor: Actor) -> dict[str, str]:
    """The names of the teams in view, by id."""
    return {each.id: each.name for each in await teams.page(reader, actor, limit=MOST)}


async def of_team(reader: Reader, actor: Actor, team_id: str) -> dict[str, Choices]:
    """What belongs to a team: its services, schedules and policies."""
    watched = await services.page(reader, actor, team_id=team_id, limit=MOST)
    rotas = await schedules.page(reader, actor, team_id=team_id, limit=MOST)
    ladders = await escalation_policies.page(reader, actor, team_id=team_id, limit=MOST)
    return {
        "services": _sorted((each.id, each.name) for each in watched),
        "schedules": _sorted((each.id, each.name) for each in rotas),
        "policies": _sorted((each.policy.id, each.policy.name) for each in ladders),
    }
