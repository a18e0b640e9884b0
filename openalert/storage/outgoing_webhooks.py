"""SQL for outgoing webhooks; their secrets stand sealed in a column of its own."""

from collections.abc import Collection
from contextlib import suppress

import msgspec

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.outgoing_webhook import OutgoingWebhook
from openalert.domain.vault import Unreadable
from openalert.storage.rows import columns_of, to_json, to_parameters
from openalert.storage.sealed import OUTGOING_SECRETS
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import in_organization

_COLUMNS = ", ".join(columns_of(OutgoingWebhook))


class Secrets(msgspec.Struct, rename="camel", kw_only=True):
    """What a webhook keeps secret."""

    secret: str
    """What signs, `whsec_…`."""
    previous_secret: str | None = None
    """What signed before, and signs too for a while."""
    headers: dict[str, str] = {}


async def insert(tx: Transaction, webhook: OutgoingWebhook) -> None:
    """A new webhook, without secrets."""
    await tx.insert("outgoing_webhooks", webhook)


async def update(tx: Transaction, webhook: OutgoingWebhook) -> None:
    """Write everything about the webhook that people change."""
    await tx.execute(
        """
        UPDATE outgoing_webhooks SET name = :name, url = :url, events = :events, team_ids = :team_ids,
            service_ids = :service_ids, severities = :severities, matchers = :matchers, headers = :headers,
            secret_headers = :secret_headers, timeout_seconds = :timeout_seconds, max_attempts = :max_attempts,
            is_enabled = :is_enabled, from_sequence = :from_sequence,
            previous_secret_until = :previous_secret_until, failing_since = :failing_since,
            disabled_reason = :disabled_reason, disabled_at = :disabled_at, updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(webhook),
    )


async def put_secrets(tx: Transaction, webhook_id: str, secrets: Secrets) -> None:
    """Seal what the webhook keeps secret, in the place of what it kept before."""
    sealed = tx.database.vault.seal(to_json(secrets).encode(), OUTGOING_SECRETS.place(webhook_id))
    await tx.execute(
        "UPDATE outgoing_webhooks SET sealed = :sealed WHERE id = :id", sealed=sealed, id=webhook_id
    )


async def secrets(reader: Reader, webhook_id: str) -> Secrets:
    """What the webhook keeps secret; `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM outgoing_webhooks WHERE id = :id", id=webhook_id)
    plain = reader.database.vault.open(sealed or "", OUTGOING_SECRETS.place(webhook_id))
    return msgspec.json.decode(plain, type=Secrets)


async def delete(tx: Transaction, webhook_id: str) -> None:
    """Forget the webhook with all that it was told."""
    await tx.execute("DELETE FROM outgoing_webhooks WHERE id = :id", id=webhook_id)


async def get(reader: Reader, actor: Actor, webhook_id: str) -> OutgoingWebhook | None:
    """The webhook, if it is of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.one(
        OutgoingWebhook,
        f"SELECT {_COLUMNS} FROM outgoing_webhooks WHERE id = :id AND {condition}",
        id=webhook_id,
        **parameters,
    )


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[OutgoingWebhook]:
    """The next webhooks of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.all(
        OutgoingWebhook,
        f"SELECT {_COLUMNS} FROM outgoing_webhooks WHERE id > :after AND {condition} ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
        **parameters,
    )


async def count(reader: Reader, organization_id: str) -> int:
    """How many the organization has."""
    counted: int = await reader.value(
        "SELECT count(*) FROM outgoing_webhooks WHERE organization_id = :organization",
        organization=organization_id,
    )
    return counted


async def enabled(reader: Reader) -> list[OutgoingWebhook]:
    """Those that are told something, in every organization: for the engine."""
    return await reader.all(
        OutgoingWebhook, f"SELECT {_COLUMNS} FROM outgoing_webhooks WHERE is_enabled ORDER BY id"
    )


async def enabled_of(reader: Reader, ids: Collection[str]) -> list[OutgoingWebhook]:
    """Those of these that are told something."""
    return await reader.all(
        OutgoingWebhook,
        f"SELECT {_COLUMNS} FROM outgoing_webhooks WHERE is_enabled AND {reader.any_of('id', 'ids')} ORDER BY id",
        ids=list(ids),
    )


async def any_enabled(reader: Reader) -> bool:
    """Whether there is anybody to tell."""
    return await reader.value("SELECT 1 FROM outgoing_webhooks WHERE is_enabled LIMIT 1") is not None


async def any_there(reader: Reader) -> bool:
    """Whether there is any webhook at all."""
    return await reader.value("SELECT 1 FROM outgoing_webhooks LIMIT 1") is not None


async def note_success(tx: Transaction, webhook_id: str) -> None:
    """Its receiver took something: it is well."""
    await tx.execute(
        "UPDATE outgoing_webhooks SET last_success_at = :now, failing_since = NULL, last_failure_at = NULL "
        "WHERE id = :id",
        now=tx.now,
        id=webhook_id,
    )


async def note_failure(tx: Transaction, webhook_id: str, since: Instant) -> None:
    """Its receiver did not take something; since when that is so."""
    await tx.execute(
        "UPDATE outgoing_webhooks SET last_failure_at = :now, failing_since = :since WHERE id = :id",
        now=tx.now,
        since=since,
        id=webhook_id,
    )


async def disable(tx: Transaction, webhook_id: str, reason: str) -> bool:
    """Switch it off and say why; False: somebody did before."""
    won = await tx.changed(
        "UPDATE outgoing_webhooks SET is_enabled = false, disabled_reason = :reason, disabled_at = :now, "
        "updated_at = :now WHERE id = :id AND is_enabled RETURNING id",
        reason=reason,
        now=tx.now,
        id=webhook_id,
    )
    return bool(won)


async def drop_previous_secrets(tx: Transaction) -> None:
    """Secrets that were replaced long enough ago sign nothing any more, and are forgotten."""
    over = await tx.rows("SELECT id FROM outgoing_webhooks WHERE previous_secret_until <= :now", now=tx.sure)
    for (webhook_id,) in over:
        with suppress(Unreadable):  # what no key opens any more signs nothing either
            kept = await secrets(tx, webhook_id)
            await put_secrets(tx, webhook_id, msgspec.structs.replace(kept, previous_secret=None))
        await tx.execute(
            "UPDATE outgoing_webhooks SET previous_secret_until = NULL WHERE id = :id", id=webhook_id
        )
