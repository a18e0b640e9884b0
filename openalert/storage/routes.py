"""SQL for the way of an inbound message: from its key to the service and what a new incident there starts with."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from openalert.domain.escalation import Level
from openalert.domain.instant import SECOND, Instant
from openalert.domain.service import IntegrationConfig
from openalert.domain.severity import Severity
from openalert.storage.transaction import Reader, Transaction

AsOf = tuple[str, str | None]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a key leads."""

    integration_id: str
    integration_name: str
    is_active: bool
    default_severity: Severity
    service_id: str
    organization_id: str
    team_id: str
    policy_id: str | None
    policy_name: str | None
    policy_version_id: str | None
    first_delay: Instant
    """Of level 1 of that policy, in milliseconds; 0 without one."""
    handling_version: str = ""
    """What the team has set about its alerts, see `usecases.rulebook`; empty: nothing."""
    last_received_at: Instant | None = None
    as_of: AsOf = ("", None)
    """What its messages are read and checked by: the configuration as it is stored, and the sealed secret."""

    @property
    def config(self) -> IntegrationConfig:
        """How messages are read and checked."""
        return _config(self.as_of[0]) if self.as_of[0] else IntegrationConfig()

    def heard_before(self, now: Instant) -> bool:
        """Whether it is worth a write to note that something came in: not more than once a second."""
        return self.last_received_at is None or now - self.last_received_at >= SECOND


_ROUTE = """
    i.id, i.name, i.is_active, i.config, s.id, s.organization_id, s.team_id, p.id, p.name, p.version_id, v.levels,
    i.last_received_at, h.version, i.sealed
    FROM integrations i JOIN services s ON s.id = i.service_id
    LEFT JOIN escalation_policies p ON p.id = s.escalation_policy_id AND p.deleted_at IS NULL
    LEFT JOIN escalation_policy_versions v ON v.id = p.version_id
    LEFT JOIN handling_versions h ON h.team_id = s.team_id
"""


async def by_key_hash(reader: Reader, hashes: Sequence[str]) -> dict[str, Route]:
    """Routes by the SHA-256 of the integration key, its own or an imported one; unknown ones are missing."""
    rows = await reader.rows(
        f"SELECT i.key_hash, {_ROUTE} WHERE {reader.any_of('i.key_hash', 'hashes')} "
        "AND i.deleted_at IS NULL AND s.deleted_at IS NULL",
        hashes=list(hashes),
    )
    found = {row[0]: _route(row[1:]) for row in rows}
    others = [each for each in hashes if each not in found]
    if others:
        rows = await reader.rows(
            f"SELECT k.key_hash, {_ROUTE} JOIN imported_keys k ON k.integration_id = i.id "
            f"WHERE {reader.any_of('k.key_hash', 'hashes')} AND i.deleted_at IS NULL AND s.deleted_at IS NULL",
            hashes=others,
        )
        found |= {row[0]: _route(row[1:]) for row in rows}
    return found


async def by_integration(reader: Reader, ids: Sequence[str]) -> dict[str, Route]:
    """Routes by the id of the integration; those that are deleted, or whose service is, are missing."""
    rows = await reader.rows(
        f"SELECT {_ROUTE} WHERE {reader.any_of('i.id', 'ids')} "
        "AND i.deleted_at IS NULL AND s.deleted_at IS NULL",
        ids=list(ids),
    )
    return {row[0]: _route(row) for row in rows}


def _route(row: Sequence[Any]) -> Route:
    return Route(
        integration_id=row[0],
        integration_name=row[1],
        is_active=bool(row[2]),
        default_severity=_config(row[3]).default_severity,
        service_id=row[4],
        organization_id=row[5],
        team_id=row[6],
        policy_id=row[7],
        policy_name=row[8],
        policy_version_id=row[9],
        first_delay=_first_delay(row[10]) if row[10] else 0,
        last_received_at=row[11],
        handling_version=row[12] or "",
        as_of=(row[3], row[13]),
    )


@lru_cache(maxsize=256)
def _config(text: str) -> IntegrationConfig:
    return msgspec.json.decode(text, type=IntegrationConfig)


@lru_cache(maxsize=256)
def _first_delay(levels: str) -> Instant:
    return msgspec.json.decode(levels, type=tuple[Level, ...])[0].delay


async def heard(tx: Transaction, integration_ids: Sequence[str]) -> None:
    """Note that something came in by these."""
    await tx.execute(
        f"UPDATE integrations SET last_received_at = :now WHERE {tx.any_of('id', 'ids')}",
        now=tx.now,
        ids=list(integration_ids),
    )


_SERVICES = (
    "SELECT s.organization_id, s.team_id, p.id, p.name, p.version_id, v.levels, s.id, s.slug, h.version "
    "FROM services s "
    "LEFT JOIN escalation_policies p ON p.id = s.escalation_policy_id AND p.deleted_at IS NULL "
    "LEFT JOIN escalation_policy_versions v ON v.id = p.version_id "
    "LEFT JOIN handling_versions h ON h.team_id = s.team_id "
    "WHERE s.deleted_at IS NULL AND "
)


async def of_service(reader: Reader, service_id: str) -> Route | None:
    """What a new incident of this service starts with, without an integration."""
    rows = await reader.rows(f"{_SERVICES} s.id = :service_id", service_id=service_id)
    return _without_integration(rows[0]) if rows else None


async def named(reader: Reader, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Route]:
    """The services that pairs of a team's id and a slug or an id name, as `of_service`; unknown ones are missing."""
    rows = await reader.rows(
        f"{_SERVICES} {reader.any_of('s.team_id', 'teams')} "
        f"AND ({reader.any_of('s.slug', 'names')} OR {reader.any_of('s.id', 'names')})",
        teams=sorted({team for team, _ in wanted}),
        names=sorted({name for _, name in wanted}),
    )
    found = {(row[1], name): _without_integration(row) for row in rows for name in (row[6], row[7])}
    return {pair: found[pair] for pair in wanted if pair in found}


def towards(route: Route, service: Route) -> Route:
    """The route of an integration, leading to another service of its team."""
    return msgspec.structs.replace(
        route,
        service_id=service.service_id,
        policy_id=service.policy_id,
        policy_name=service.policy_name,
        policy_version_id=service.policy_version_id,
        first_delay=service.first_delay,
    )


def _without_integration(row: Sequence[Any]) -> Route:
    return Route(
        integration_id="",
        integration_name="",
        is_active=True,
        default_severity=Severity.MEDIUM,
        service_id=row[6],
        organization_id=row[0],
        team_id=row[1],
        policy_id=row[2],
        policy_name=row[3],
        policy_version_id=row[4],
        first_delay=_first_delay(row[5]) if row[5] else 0,
        handling_version=row[8] or "",
    )
