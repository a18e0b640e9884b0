"""The home of canaries, and what is kept of one. None of it is an act of somebody's: the audit log does not tell it."""

import hashlib
import hmac
from typing import Any

from openalert.domain.canary import (
    ABANDONED_AFTER,
    CHANNEL,
    FAILURES_KEPT_FOR,
    FIRST_LEVEL,
    HOME,
    KEPT_FOR,
    CanaryRun,
)
from openalert.domain.escalation import EscalationPolicy, Level, PolicyVersion, Target, TargetType
from openalert.domain.service import Integration, Service
from openalert.domain.team import Channel, Team
from openalert.domain.user import Organization
from openalert.storage import (
    canary,
    channels,
    escalation_policies,
    integrations,
    organizations,
    services,
    teams,
)
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Transaction

NAME = "Canary"


def key_of(secret: bytes) -> str:
    """The integration key by which canaries come in: the same for every node that has the secret."""
    return hmac.new(secret, b"canary", hashlib.sha256).hexdigest()


async def settle(database: Database, key: str) -> None:
    """Give canaries a home if they have none, and the key if they have another."""
    wanted = hashlib.sha256(key.encode()).hexdigest()
    if await database.look(canary.key_hash) != wanted:
        await database.act(lambda tx: _settle(tx, wanted, key[-4:]))


async def _settle(tx: Transaction, key_hash: str, hint: str) -> None:
    known = await canary.key_hash(tx)
    if known is not None:
        if known != key_hash:
            await canary.change_key(tx, key_hash)
        return
    now = tx.now
    since: dict[str, Any] = {"created_at": now, "updated_at": now}
    owned: dict[str, Any] = {"id": HOME, "organization_id": HOME, "name": NAME}
    await organizations.insert(tx, Organization(id=HOME, name=NAME, created_at=now))
    await teams.insert(tx, Team(**owned, slug=HOME, **since))
    await channels.insert(tx, Channel(**owned, team_id=HOME, type=CHANNEL, config={"address": HOME}, **since))
    level = Level(level=1, delay=FIRST_LEVEL, targets=(Target(type=TargetType.CHANNEL, id=HOME),))
    version = PolicyVersion(id=HOME, policy_id=HOME, levels=(level,), created_at=now)
    policy = EscalationPolicy(**owned, team_id=HOME, version_id=HOME, **since)
    await escalation_policies.insert(tx, Document(policy=policy, version=version))
    await services.insert(tx, Service(**owned, team_id=HOME, slug=HOME, escalation_policy_id=HOME, **since))
    await integrations.insert(
        tx,
        Integration(
            id=HOME, service_id=HOME, name=NAME, type="generic", key_hash=key_hash, key_hint=hint, **since
        ),
    )


async def finish(tx: Transaction, run: CanaryRun, incident_id: str | None) -> None:
    """Keep how the canary went, and nothing of what it was made of."""
    await canary.remove(tx, incident_id, tx.now - ABANDONED_AFTER)
    await canary.note(tx, run)
    await canary.forget(tx, tx.now - KEPT_FOR, tx.now - FAILURES_KEPT_FOR)
