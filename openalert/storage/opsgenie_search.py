"""SQL of Opsgenie's alert search: a parsed query over the alerts of one integration."""

from typing import Any

import msgspec

from openalert.domain.opsgenie import severity_of
from openalert.domain.opsgenie_query import FLAGS, INSTANTS, NUMBERS, Both, Either, Query, Term, Without
from openalert.storage.incidents import like
from openalert.storage.transaction import Reader

_FROM = """
    FROM alerts a
    JOIN integrations n ON n.id = a.integration_id
    LEFT JOIN opsgenie_alerts o ON o.alert_id = a.id
    LEFT JOIN incidents i ON i.id = a.incident_id
    LEFT JOIN teams t ON t.id = a.team_id
    LEFT JOIN users owner ON owner.id = COALESCE(a.assignee_id, i.assignee_id)
    LEFT JOIN users taker ON taker.id = i.acknowledged_by_id
    LEFT JOIN users closer ON closer.id = a.resolved_by_id
    WHERE a.integration_id = :integration
"""
_SNOOZED = "COALESCE(a.snoozed_until, i.snoozed_until, 0)"
_ACKNOWLEDGED = (
    "(a.status = 'acknowledged' OR a.status <> 'resolved' AND COALESCE(i.status, '') = 'acknowledged')"
)
_NUMBERS = {
    "createdAt": "a.fired_at",
    "lastOccurredAt": "a.last_seen_at",
    "updatedAt": "a.updated_at",
    "snoozedUntil": _SNOOZED,
    "count": "a.count",
    "tinyId": "COALESCE(o.tiny_id, 0)",
}
_FLAGS = {"isSeen": _ACKNOWLEDGED, "acknowledged": _ACKNOWLEDGED, "snoozed": f"{_SNOOZED} > :now"}
_WORDS = {
    "alertId": "a.id",
    "alias": "COALESCE(o.alias, a.fingerprint)",
    "source": "COALESCE(o.source, a.source)",
    "entity": "COALESCE(o.entity, '')",
    "owner": "COALESCE(owner.name, '')",
    "acknowledgedBy": "COALESCE(taker.name, '')",
    "closedBy": "COALESCE(closer.name, '')",
    "teams": "COALESCE(t.name, '')",
    "integration.name": "n.name",
    "integration.type": "n.type",
}
"""Compared as a whole."""
_TEXTS = {"message": "a.title", "description": "a.description"}
"""Searched in."""
_LISTS = {
    "tag": "a.tags",
    "tags": "a.tags",
    "actions": "COALESCE(o.actions, '')",
    "responders": "COALESCE(o.responders, '')",
    "recipients": "COALESCE(o.responders, '')",
    "details.key": "COALESCE(o.details, a.labels)",
    "details.value": "COALESCE(o.details, a.labels)",
}
"""JSON text, in which a value stands between quotation marks."""
ORDERS = {
    "createdAt": "a.fired_at",
    "updatedAt": "a.updated_at",
    "tinyId": "COALESCE(o.tiny_id, 0)",
    "alias": _WORDS["alias"],
    "message": "a.title",
    "status": "CASE a.status WHEN 'resolved' THEN 'closed' ELSE 'open' END",
    "acknowledged": f"CASE WHEN {_ACKNOWLEDGED} THEN 1 ELSE 0 END",
    "isSeen": f"CASE WHEN {_ACKNOWLEDGED} THEN 1 ELSE 0 END",
    "snoozed": f"CASE WHEN {_SNOOZED} > :now THEN 1 ELSE 0 END",
    "snoozedUntil": _SNOOZED,
    "count": "a.count",
    "lastOccurredAt": "a.last_seen_at",
    "source": _WORDS["source"],
    "owner": _WORDS["owner"],
    "integration.name": "n.name",
    "integration.type": "n.type",
    "report.ackTime": "COALESCE(i.acknowledged_at - a.fired_at, a.acknowledged_at - a.fired_at, 0)",
    "report.closeTime": "COALESCE(a.resolved_at - a.fired_at, 0)",
    "report.acknowledgedBy": _WORDS["acknowledgedBy"],
    "report.closedBy": _WORDS["closedBy"],
}
"""By what a list may be sorted, as Opsgenie names it."""


async def search(
    reader: Reader,
    integration_id: str,
    query: Query | None,
    *,
    sort: str = "createdAt",
    descending: bool = True,
    offset: int = 0,
    limit: int = 20,
) -> list[str]:
    """Ids of the alerts of one integration that the query finds; `sort` is one of `ORDERS`."""
    asked = _Conditions(reader, integration_id, query)
    condition, direction = asked.sql, "DESC" if descending else "ASC"
    order = f"{ORDERS[sort]} {direction}, a.id {direction}"
    rows = await reader.rows(
        f"SELECT a.id {_FROM} AND {condition} ORDER BY {order} LIMIT :limit OFFSET :offset",
        **asked.parameters,
        limit=limit,
        offset=offset,
    )
    return [row[0] for row in rows]


async def count(reader: Reader, integration_id: str, query: Query | None) -> int:
    """How many alerts of one integration the query finds."""
    asked = _Conditions(reader, integration_id, query)
    condition = asked.sql
    return int(await reader.value(f"SELECT count(*) {_FROM} AND {condition}", **asked.parameters))


class _Conditions:
    """A query as SQL, and the parameters that it names."""

    def __init__(self, reader: Reader, integration_id: str, query: Query | None) -> None:
        self.parameters: dict[str, Any] = {"integration": integration_id, "now": reader.now}
        self.sql = "1 = 1" if query is None else self._of(query)

    def _of(self, query: Query) -> str:
        if isinstance(query, Both):
            return "(" + " AND ".join(self._of(part) for part in query.parts) + ")"
        if isinstance(query, Either):
            return "(" + " OR ".join(self._of(part) for part in query.parts) + ")"
        if isinstance(query, Without):
            return f"NOT {self._of(query.part)}"
        return self._term(query)

    def _term(self, term: Term) -> str:
        if term.field == "status":
            return f"(a.status {'=' if term.value == 'closed' else '<>'} 'resolved')"
        if term.field == "priority":
            return f"(a.severity = {self._named(severity_of(term.value))})"
        if term.field in FLAGS:
            return f"(({_FLAGS[term.field]}) = ({'1 = 1' if term.value.lower() == 'true' else '1 = 0'}))"
        if term.field in INSTANTS | NUMBERS:
            comparison = "=" if term.comparison == ":" else term.comparison
            return f"({_NUMBERS[term.field]} {comparison} {self._named(int(term.value))})"
        if term.field in _TEXTS:
            return self._like(_TEXTS[term.field], like(term.value))
        if term.field in _LISTS:
            return self._like(_LISTS[term.field], _in_json(term))
        pattern = like(term.value)[1:-1]
        return self._like(_WORDS[term.field], pattern + "%" if term.prefix else pattern)

    def _like(self, expression: str, pattern: str) -> str:
        return f"(lower({expression}) LIKE {self._named(pattern)} ESCAPE '!')"

    def _named(self, value: Any) -> str:
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def _in_json(term: Term) -> str:
    """The pattern of a string in JSON text: a whole one, or the beginning of one."""
    quoted = msgspec.json.encode(term.value).decode()[:-1] + ("" if term.prefix else '"')
    if term.field == "details.key" and not term.prefix:
        quoted += ":"
    return like(":" + quoted if term.field == "details.value" else quoted)
