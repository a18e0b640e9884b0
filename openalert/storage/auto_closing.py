"""SQL for alerts that are over because nobody repeats them: of integrations whose configuration says after how long."""

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.service import IntegrationConfig
from openalert.storage.transaction import Reader


class Closing(msgspec.Struct):
    """An integration whose alerts close by themselves."""

    id: str
    organization_id: str
    key_hash: str
    config: IntegrationConfig


class Silent(msgspec.Struct):
    """An alert that was not repeated for long enough."""

    fingerprint: str
    title: str
    source: str


async def integrations(reader: Reader) -> list[Closing]:
    """Those that say after how long; one that is switched off cannot hear a repeat, so it closes nothing."""
    return await reader.all(
        Closing,
        "SELECT i.id, s.organization_id, i.key_hash, i.config FROM integrations i "
        "JOIN services s ON s.id = i.service_id WHERE i.config LIKE '%\"autoClose\"%' AND i.is_active "
        "AND i.deleted_at IS NULL AND s.deleted_at IS NULL ORDER BY i.id",
    )


async def silent(
    reader: Reader, closing: Closing, before: Instant, *, acknowledged_too: bool, limit: int
) -> list[Silent]:
    """Alerts of the integration that are open and were last heard before, the longest silent first.

    What somebody has acknowledged or snoozed, itself or with its incident, only if `acknowledged_too`.
    """
    return await reader.all(
        Silent,
        """
        SELECT a.fingerprint, a.title, a.source FROM alerts a LEFT JOIN incidents n ON n.id = a.incident_id
        WHERE a.organization_id = :organization AND a.status <> 'resolved' AND a.integration_id = :integration
            AND a.last_seen_at <= :before AND (CAST(:too AS INTEGER) = 1 OR (
                a.status <> 'acknowledged' AND (a.snoozed_until IS NULL OR a.snoozed_until <= :now)
                AND (n.id IS NULL OR n.status = 'triggered')))
        ORDER BY a.last_seen_at, a.id LIMIT :limit
        """,
        organization=closing.organization_id,
        integration=closing.id,
        before=before,
        too=int(acknowledged_too),
        now=reader.now,
        limit=limit,
    )
