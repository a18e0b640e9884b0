"""SQL for routing rules."""

from collections.abc import Collection, Sequence

from openalert.domain.access import Actor
from openalert.domain.routing import RoutingRule
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_PLACE = "team_id, integration_id IS NULL, COALESCE(integration_id, ''), position, id"
"""Where a rule stands among all: those of a team together, of each integration before those of the team itself."""


async def insert(tx: Transaction, rule: RoutingRule) -> None:
    """A new rule."""
    await tx.insert("routing_rules", rule)


async def update(tx: Transaction, rule: RoutingRule) -> None:
    """Write everything about the rule that people may change."""
    await tx.execute(
        """
        UPDATE routing_rules SET name = :name, is_enabled = :is_enabled, body = :body, updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(rule),
    )


async def place(tx: Transaction, ids: Sequence[str]) -> None:
    """Give these rules, which are all of one list, the places 1, 2, 3."""
    await tx.many(
        "UPDATE routing_rules SET position = :position WHERE id = :id",
        [{"id": rule_id, "position": position} for position, rule_id in enumerate(ids, start=1)],
    )


async def delete(tx: Transaction, rule_id: str) -> None:
    """The rule is no more, nor what was counted for it."""
    for table, column in (
        ("routing_hits", "rule_id"),
        ("routing_counts", "rule_id"),
        ("routing_rules", "id"),
    ):
        await tx.execute(f"DELETE FROM {table} WHERE {column} = :id", id=rule_id)


async def get(reader: Reader, actor: Actor, rule_id: str) -> RoutingRule | None:
    """The rule, if the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        RoutingRule,
        f"SELECT * FROM routing_rules WHERE id = :id AND {condition}",
        id=rule_id,
        **parameters,
    )


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[RoutingRule]:
    """The next rules that the actor may see, in order; `after`: the id of one of them."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        RoutingRule,
        f"""
        SELECT * FROM routing_rules WHERE (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {condition}
            AND (:after = '' OR ({_PLACE}) > (SELECT {_PLACE} FROM routing_rules WHERE id = :after))
        ORDER BY {_PLACE} LIMIT :limit
        """,
        team=team_id,
        limit=limit,
        after=after,
        **parameters,
    )


async def of_team(reader: Reader, team_id: str) -> list[RoutingRule]:
    """Every rule of the team and of its integrations, in order."""
    return await reader.all(
        RoutingRule, f"SELECT * FROM routing_rules WHERE team_id = :team ORDER BY {_PLACE}", team=team_id
    )


async def of_list(reader: Reader, team_id: str, integration_id: str | None) -> list[RoutingRule]:
    """The rules of one integration, or those of the team itself, in order."""
    rules = await of_team(reader, team_id)
    return [rule for rule in rules if rule.integration_id == integration_id]


async def move(tx: Transaction, service_id: str, team_id: str) -> list[str]:
    """The rules of a service's integrations belong to this team now; the teams from which they came."""
    rows = await tx.rows(
        """
        SELECT DISTINCT r.team_id FROM routing_rules r JOIN integrations i ON i.id = r.integration_id
        WHERE i.service_id = :service
        """,
        service=service_id,
    )
    await tx.execute(
        """
        UPDATE routing_rules SET team_id = :team WHERE integration_id IN
            (SELECT id FROM integrations WHERE service_id = :service)
        """,
        service=service_id,
        team=team_id,
    )
    return [row[0] for row in rows]


async def delete_of_team(tx: Transaction, team_id: str) -> None:
    """A team that is deleted has no rules."""
    for rule in await of_team(tx, team_id):
        await delete(tx, rule.id)


async def named(reader: Reader, actor: Actor, rule_ids: Collection[str]) -> dict[str, RoutingRule]:
    """Those of the rules that the actor may see, by id."""
    if not rule_ids:
        return {}
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        RoutingRule,
        f"SELECT * FROM routing_rules WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(rule_ids)),
        **parameters,
    )
    return {rule.id: rule for rule in found}
