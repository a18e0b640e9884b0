"""SQL for lists of alerts: pages, counts and groups, each of which costs the same however long the history is.

What is open stands in one index with most of what it is narrowed by. No look goes further than a window of alerts: a
page tells where its window ended, so that one can look on from there, and a number above it is known to be "more".
"""

from typing import Any

import msgspec

from openalert.domain.access import Actor
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import ME, NOBODY, UNRESOLVED, AlertFilter, LabelMatch, Sort
from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.storage.incidents import like
from openalert.storage.rows import columns_of, to_json
from openalert.storage.transaction import Reader
from openalert.storage.visible import visible

WINDOW = 20_000
"""How many alerts one look goes through at most."""
MOST_GROUPS = 100
_MOST_WORDS = 6
_COLUMNS = ", ".join(columns_of(Alert))
_RANK = "CASE severity WHEN 'critical' THEN 5 WHEN 'high' THEN 4 WHEN 'medium' THEN 3 WHEN 'low' THEN 2 ELSE 1 END"
_SORTED_BY = {Sort.SEVERITY: _RANK, Sort.SEEN: "last_seen_at", Sort.TIMES: "count"}
_LABEL = {
    "sqlite": "json_extract(labels, :path)",
    "postgres": "CAST(labels AS jsonb) ->> CAST(:name AS TEXT)",
}
"""By dialect: the value of one label."""
_COLUMN_OF = {
    "service": "service_id",
    "team": "team_id",
    "source": "source",
    "severity": "severity",
    "title": "title",
}


class Slice(msgspec.Struct, kw_only=True):
    """Some alerts of a list, and how it goes on."""

    items: list[Alert]
    next: str | None = None
    """Where the rest begins; None: there is none."""
    looked_back_to: Instant | None = None
    """The window ended with the alerts of this time, and more may match beyond; None: it reached the end."""


class Group(msgspec.Struct, kw_only=True):
    """Alerts of a list that have one thing in common."""

    key: str | None
    """A service's id, a title, a label's value …; None: they have no such label."""
    count: int
    firing: int
    severity: Severity
    """The worst among them."""
    newest_at: Instant


async def search(
    reader: Reader,
    actor: Actor,
    wanted: AlertFilter,
    *,
    limit: int,
    sort: Sort = Sort.NEWEST,
    after: str | None = None,
) -> Slice:
    """At most `limit` alerts of the list behind the cursor `after`; by severity, sight and times only what is open."""
    if sort in _SORTED_BY and wanted.is_open:
        return await _ranked(reader, actor, wanted, limit, sort, after)
    if sort is Sort.OLDEST:
        return await _oldest(reader, actor, wanted, limit, after)
    conditions, parameters = _conditions(reader, actor, wanted)
    if after is not None:
        conditions.append("id < :before")
        parameters["before"] = after
    floor = await _floor(reader, actor, wanted, after)
    if floor is not None:
        conditions.append("id >= :floor")
        parameters["floor"] = floor
    found = await reader.all(
        Alert,
        f"SELECT {_COLUMNS} FROM alerts WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        limit=limit + 1,
        **parameters,
    )
    return _slice(found, limit, [alert.id for alert in found], floor)


def _slice(found: list[Alert], limit: int, cursors: list[str], edge: str | None) -> Slice:
    """`edge`: the last id of the window where the list goes on beyond it."""
    if len(found) > limit:
        return Slice(items=found[:limit], next=cursors[limit - 1])
    return Slice(items=found, next=edge, looked_back_to=None if edge is None else made_at(edge))


def made_at(made_id: str) -> Instant:
    """When a row was made: the first 48 bits of its id (RFC 9562, version 7)."""
    return int(made_id[:8] + made_id[9:13], 16)


async def _oldest(reader: Reader, actor: Actor, wanted: AlertFilter, limit: int, after: str | None) -> Slice:
    conditions, parameters = _conditions(reader, actor, wanted)
    conditions.append("id > :after")
    parameters["after"] = after or ""
    edge = None
    if wanted.incident_id is None:
        within, ours = _span(actor, wanted)
        edge = await reader.value(
            f"SELECT id FROM alerts WHERE {within} AND id > :after ORDER BY id LIMIT 1 OFFSET :window",
            after=max(after or "", parameters.get("since", "")),
            window=WINDOW,
            **ours,
        )
    if edge is not None:
        conditions.append("id <= :edge")
        parameters["edge"] = edge
    found = await reader.all(
        Alert,
        f"SELECT {_COLUMNS} FROM alerts WHERE {' AND '.join(conditions)} ORDER BY id LIMIT :limit",
        limit=limit + 1,
        **parameters,
    )
    return _slice(found, limit, [alert.id for alert in found], edge)


async def _ranked(
    reader: Reader, actor: Actor, wanted: AlertFilter, limit: int, sort: Sort, after: str | None
) -> Slice:
    """By something that a row has; a cursor is `value.id` of the last row."""
    order = _SORTED_BY[sort]
    conditions, parameters = _conditions(reader, actor, wanted)
    floor = await _floor(reader, actor, wanted, None)
    if floor is not None:
        conditions.append("id >= :floor")
        parameters["floor"] = floor
    value, dot, last = (after or "").partition(".")
    if dot and value.isascii() and value.isdigit() and len(value) < 18:
        conditions.append(
            f"({order} < CAST(:value AS BIGINT) OR ({order} = CAST(:value AS BIGINT) AND id < :last))"
        )
        parameters |= {"value": int(value), "last": last}
    # The ids first: what is sorted are short rows of the index, not whole alerts.
    found = await reader.rows(
        f"SELECT id, {order} FROM alerts WHERE {' AND '.join(conditions)} ORDER BY 2 DESC, 1 DESC LIMIT :limit",
        limit=limit + 1,
        **parameters,
    )
    of = {alert.id: alert for alert in await _whole(reader, [str(row[0]) for row in found])}
    cursors = [f"{row[1]}.{row[0]}" for row in found]
    listed = [of[str(row[0])] for row in found]
    result = _slice(listed, limit, cursors, None)
    if floor is not None:
        result.looked_back_to = made_at(floor)
    return result


async def _whole(reader: Reader, ids: list[str]) -> list[Alert]:
    return await reader.all(
        Alert, f"SELECT {_COLUMNS} FROM alerts WHERE {reader.any_of('id', 'ids')}", ids=ids
    )


async def these(reader: Reader, actor: Actor, ids: list[str]) -> list[Alert]:
    """Those of the alerts that the actor may see, in the order of the ids."""
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        Alert,
        f"SELECT {_COLUMNS} FROM alerts WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=ids,
        **parameters,
    )
    of = {alert.id: alert for alert in found}
    return [of[each] for each in ids if each in of]


async def counts(
    reader: Reader, actor: Actor, wanted: AlertFilter
) -> dict[tuple[AlertStatus, Severity], int]:
    """How many open alerts of the newest WINDOW match, by state and severity, whichever of both is asked for."""
    conditions, parameters = await _open(reader, actor, _but(wanted, statuses=UNRESOLVED, severities=None))
    rows = await reader.rows(
        "SELECT status, severity, count(*) FROM alerts "
        f"WHERE {' AND '.join(conditions)} GROUP BY status, severity",
        **parameters,
    )
    return {(AlertStatus(row[0]), Severity(row[1])): row[2] for row in rows}


async def newer(reader: Reader, actor: Actor, wanted: AlertFilter, than: str, *, at_most: int) -> int:
    """How many alerts of the list came after the one with this id, counted up to `at_most`."""
    conditions, parameters = _conditions(reader, actor, wanted)
    found: int = await reader.value(
        f"SELECT count(*) FROM (SELECT id FROM alerts WHERE {' AND '.join(conditions)} AND id > :than "
        "ORDER BY id LIMIT :at_most) AS newest",
        than=than,
        at_most=at_most,
        **parameters,
    )
    return found


async def groups(reader: Reader, actor: Actor, wanted: AlertFilter, by: str) -> list[Group]:
    """The open alerts of the list by what they have in common, the largest groups first, at most MOST_GROUPS."""
    conditions, parameters = await _open(reader, actor, wanted)
    label = by.removeprefix("label:") if by.startswith("label:") else None
    if label is None:
        key = _COLUMN_OF[by]
    else:
        key = _LABEL[reader.database.dialect]
        parameters |= {"path": f'$."{label}"'} if reader.database.dialect == "sqlite" else {"name": label}
    rows = await reader.rows(
        f"SELECT {key}, count(*), sum(CASE status WHEN 'firing' THEN 1 ELSE 0 END), max({_RANK}), max(id) "
        f"FROM alerts WHERE {' AND '.join(conditions)} GROUP BY 1 ORDER BY 2 DESC, 5 DESC LIMIT :most",
        most=MOST_GROUPS,
        **parameters,
    )
    levels = {level.rank: level for level in Severity}
    return [
        Group(key=row[0], count=row[1], firing=row[2], severity=levels[row[3]], newest_at=made_at(row[4]))
        for row in rows
    ]


def _but(wanted: AlertFilter, **changed: Any) -> AlertFilter:
    return msgspec.structs.replace(wanted, **changed)


async def _open(reader: Reader, actor: Actor, wanted: AlertFilter) -> tuple[list[str], dict[str, Any]]:
    """Conditions for what is open in the newest window."""
    is_open = _but(wanted, statuses=wanted.statuses if wanted.is_open else None)
    conditions, parameters = _conditions(reader, actor, is_open)
    if "status <> 'resolved'" not in conditions:
        conditions.append("status <> 'resolved'")
    floor = await _floor(reader, actor, _but(wanted, statuses=("firing",)), None)
    if floor is not None:
        conditions.append("id >= :floor")
        parameters["floor"] = floor
    return conditions, parameters


async def _floor(reader: Reader, actor: Actor, wanted: AlertFilter, before: str | None) -> str | None:
    """Where a window of WINDOW alerts below `before` ends; None where it holds all that there are.

    The alerts of one incident have an index of their own.
    """
    if wanted.incident_id is not None:
        return None
    within, parameters = _span(actor, wanted)
    found: str | None = await reader.value(
        f"SELECT id FROM alerts WHERE {within} AND id < :before ORDER BY id DESC LIMIT 1 OFFSET :window",
        before=min(before or "g", first_id(wanted.until) if wanted.until is not None else "g"),
        window=WINDOW,
        **parameters,
    )
    begins = wanted.begins(reader.now)
    if found is not None and begins is not None and found < first_id(begins):
        return None
    return found


def _span(actor: Actor, wanted: AlertFilter) -> tuple[str, dict[str, Any]]:
    """Conditions by which a window is measured: those that one index answers alone."""
    if wanted.is_open and actor.organization_id is not None:
        return "organization_id = :organization AND status <> 'resolved'", {
            "organization": actor.organization_id
        }
    return "1 = 1", {}


def _conditions(reader: Reader, actor: Actor, wanted: AlertFilter) -> tuple[list[str], dict[str, Any]]:
    condition, parameters = visible(reader, actor)
    conditions = [condition]
    if wanted.is_open:
        conditions.append("status <> 'resolved'")
    for name, values in (("status", wanted.statuses), ("severity", wanted.severities)):
        if values is not None and set(values) != set(UNRESOLVED):
            conditions.append(reader.any_of(name, name))
            parameters[name] = list(values)
    for name in ("service_id", "team_id", "integration_id", "source", "incident_id", "title"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(f"{name} = :{name}")
            parameters[name] = value
    begins = wanted.begins(reader.now)
    if begins is not None:
        conditions.append("id >= :since")
        parameters["since"] = first_id(begins)
    if wanted.until is not None:
        conditions.append("id < :until")
        parameters["until"] = first_id(wanted.until)
    if wanted.assignee == NOBODY:
        conditions.append("assignee_id IS NULL")
    elif wanted.assignee is not None:
        conditions.append("assignee_id = :assignee")
        parameters["assignee"] = (actor.user_id or "") if wanted.assignee == ME else wanted.assignee
    conditions += _words(wanted, parameters)
    return conditions, parameters


def _words(wanted: AlertFilter, parameters: dict[str, Any]) -> list[str]:
    """Conditions for tags, labels and words of the text."""
    conditions = []
    for number, tag in enumerate(wanted.tags):
        parameters[f"tag{number}"], parameters[f"next{number}"] = "[" + to_json(tag), "," + to_json(tag)
        conditions.append(
            f"(replace(tags, :tag{number}, '') <> tags OR replace(tags, :next{number}, '') <> tags)"
        )
    conditions += [_label(match, number, parameters) for number, match in enumerate(wanted.labels)]
    for number, word in enumerate((wanted.text or "").split()[:_MOST_WORDS]):
        conditions.append(
            f"(lower(title) LIKE :word{number} ESCAPE '!' OR lower(labels) LIKE :word{number} ESCAPE '!')"
        )
        parameters[f"word{number}"] = like(word)
    return conditions


def _label(match: LabelMatch, number: int, parameters: dict[str, Any]) -> str:
    """SQL for "the labels hold this one".

    Labels are compact JSON of one object of texts, in which a quotation mark inside a text is escaped: a name with
    the sign before it, and its value, stand there as they are encoded and nowhere else. `replace` sees case.
    """
    text = f"{to_json(match.name)}:" + ("" if match.value is None else to_json(match.value))
    parameters[f"first{number}"], parameters[f"later{number}"] = "{" + text, "," + text
    has = f"(replace(labels, :first{number}, '') <> labels OR replace(labels, :later{number}, '') <> labels)"
    return f"NOT {has}" if match.is_negated else has
