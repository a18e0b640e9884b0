"""Which rows an actor may see: the one predicate that every query on behalf of somebody carries."""

from typing import Any

from openalert.domain.access import Actor
from openalert.domain.canary import HOME
from openalert.storage.transaction import Reader


def visible(reader: Reader, actor: Actor, column: str = "team_id") -> tuple[str, dict[str, Any]]:
    """SQL for "the actor may see this row", and its parameters.

    `column` holds the team's id; `organization_id` must be a column of the same table. Owners and admins see
    their organization, and so do API keys that no team confines; everybody else sees the teams they belong to,
    the program sees everything but the home of canaries.
    """
    if actor.organization_id is None:
        table, dot, _ = column.rpartition(".")
        return f"{table}{dot}organization_id <> :visible_home", {"visible_home": HOME}
    within, parameters = in_organization(actor, column)
    if actor.sees_all_teams:
        return within, parameters
    teams = reader.any_of(column, "visible_teams")
    return f"{within} AND {teams}", parameters | {"visible_teams": sorted(actor.teams)}


def in_organization(actor: Actor, column: str = "id") -> tuple[str, dict[str, Any]]:
    """SQL for "this row is of the actor's organization"; `column` only says which table is meant."""
    if actor.organization_id is None:
        return "1 = 1", {}
    table, dot, _ = column.rpartition(".")
    return f"{table}{dot}organization_id = :visible_organization", {
        "visible_organization": actor.organization_id
    }


def sees_team(actor: Actor, team_id: str) -> bool:
    """Whether a team of the actor's own organization is in view."""
    return actor.sees_all_teams or team_id in actor.teams
