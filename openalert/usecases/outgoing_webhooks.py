"""Outgoing webhooks as admins set them up: programs of others that are told what happens."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import outgoing_webhook as rules
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.outgoing_webhook import (
    MOST_NARROWED,
    MOST_WEBHOOKS,
    SHOWN_SECRET,
    TWO_SECRETS_FOR,
    OutgoingWebhook,
)
from openalert.domain.severity import Severity
from openalert.domain.team import check_name
from openalert.domain.vault import Unreadable
from openalert.notifiers.webhook import new_secret
from openalert.storage import events, outgoing_deliveries, outgoing_webhooks, services, teams
from openalert.storage.outgoing_webhooks import Secrets
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import all_known, found, given, home, require


class Wish(msgspec.Struct, kw_only=True):
    """What somebody wants of a webhook; what is UNSET stays as it is, or is as usual."""

    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType = UNSET
    team_ids: Sequence[str] | UnsetType = UNSET
    service_ids: Sequence[str] | UnsetType = UNSET
    severities: Sequence[Severity] | UnsetType = UNSET
    matchers: Sequence[str] | UnsetType = UNSET
    headers: Mapping[str, str] | UnsetType = UNSET
    secret_headers: Sequence[str] | UnsetType = UNSET
    timeout_seconds: int | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[OutgoingWebhook]:
    """The next webhooks of the organization, for its admins."""
    require(actor, Permission.CONFIGURE, None)
    return await outgoing_webhooks.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, webhook_id: str) -> OutgoingWebhook:
    """One webhook, for admins of the organization."""
    webhook = found(await outgoing_webhooks.get(reader, actor, webhook_id), "outgoing webhook")
    require(actor, Permission.CONFIGURE, None)
    return webhook


async def create(tx: Transaction, wish: Wish) -> tuple[OutgoingWebhook, str]:
    """A new webhook, and what signs its requests: made here, shown once. It is told what happens from now on."""
    require(tx.actor, Permission.CONFIGURE, None)
    organization_id = home(tx.actor)
    if await outgoing_webhooks.count(tx, organization_id) >= MOST_WEBHOOKS:
        raise Conflict(f"There can be at most {MOST_WEBHOOKS} outgoing webhooks; delete one first.")
    plain = OutgoingWebhook(
        id=new_id(tx.now),
        organization_id=organization_id,
        name="",
        url="",
        events=["*"],
        from_sequence=await events.last(tx),
        created_at=tx.now,
        updated_at=tx.now,
    )
    if wish.name is UNSET or wish.url is UNSET:
        raise Invalid("name and url must be given.", field="name" if wish.name is UNSET else "url")
    webhook, hidden = await _with(tx, plain, wish, {})
    await outgoing_webhooks.insert(tx, webhook)
    secret = new_secret()
    await outgoing_webhooks.put_secrets(tx, webhook.id, Secrets(secret=secret, headers=hidden))
    audit.change(tx, "outgoing_webhook.created", None, webhook)
    return webhook, secret


async def update(tx: Transaction, webhook_id: str, wish: Wish) -> OutgoingWebhook:
    """Change a webhook. Switched on, it is told what happens from then on; switched off, what waited has failed."""
    webhook = await get(tx, tx.actor, webhook_id)
    try:
        kept = await outgoing_webhooks.secrets(tx, webhook.id)
    except Unreadable:
        raise Conflict("Its secrets cannot be opened any more; make a new secret first.") from None
    changed, hidden = await _with(tx, webhook, wish, kept.headers)
    changed.updated_at = tx.now
    if changed.is_enabled and not webhook.is_enabled:
        changed.from_sequence = await events.last(tx)
        changed.failing_since = changed.disabled_reason = changed.disabled_at = None
    await outgoing_webhooks.update(tx, changed)
    if webhook.is_enabled and not changed.is_enabled:
        await outgoing_deliveries.fail_waiting(tx)
    if hidden != kept.headers:
        await outgoing_webhooks.put_secrets(tx, webhook.id, msgspec.structs.replace(kept, headers=hidden))
    audit.change(tx, "outgoing_webhook.updated", webhook, changed)
    return changed


async def delete(tx: Transaction, webhook_id: str) -> None:
    """Delete a webhook, and with it the log of what it was told."""
    webhook = await get(tx, tx.actor, webhook_id)
    await outgoing_webhooks.delete(tx, webhook.id)
    audit.change(tx, "outgoing_webhook.deleted", webhook, None)


async def rotate_secret(tx: Transaction, webhook_id: str) -> tuple[OutgoingWebhook, str]:
    """A new signing secret, shown once; the one before signs too for a day, so that receivers can change over.

    Where what was sealed cannot be opened any more it is begun anew, without the headers that were secret.
    """
    webhook = await get(tx, tx.actor, webhook_id)
    secret = new_secret()
    changed = msgspec.structs.replace(
        webhook, previous_secret_until=tx.now + TWO_SECRETS_FOR, updated_at=tx.now
    )
    try:
        kept = await outgoing_webhooks.secrets(tx, webhook.id)
        sealed = msgspec.structs.replace(kept, secret=secret, previous_secret=kept.secret)
    except Unreadable:
        sealed = Secrets(secret=secret)
        changed.secret_headers, changed.previous_secret_until = [], None
    await outgoing_webhooks.update(tx, changed)
    await outgoing_webhooks.put_secrets(tx, webhook.id, sealed)
    audit.record(
        tx, "outgoing_webhook.secret_rotated", kind="outgoing_webhook", id=webhook.id, name=webhook.name
    )
    return changed, secret


def shown_headers(webhook: OutgoingWebhook) -> dict[str, str]:
    """Its headers as they may be seen."""
    return webhook.headers | dict.fromkeys(webhook.secret_headers, SHOWN_SECRET)


async def _with(
    tx: Transaction, webhook: OutgoingWebhook, wish: Wish, kept: Mapping[str, str]
) -> tuple[OutgoingWebhook, dict[str, str]]:
    """The webhook as it is wished for, and the headers that nobody is shown; Invalid names what cannot be."""
    wished: dict[str, Any] = given(msgspec.structs.asdict(wish))
    headers, secret = wished.pop("headers", UNSET), wished.pop("secret_headers", UNSET)
    changed = msgspec.structs.replace(webhook, **{name: _plain(value) for name, value in wished.items()})
    changed.name = check_name(changed.name)
    changed.url = rules.check_url(changed.url)
    changed.events = rules.check_events(changed.events)
    changed.severities = [each for each in Severity if each in changed.severities]
    changed.matchers = rules.check_matchers(changed.matchers)
    rules.check_numbers(changed.timeout_seconds, changed.max_attempts)
    if "team_ids" in wished:
        await _check_known(tx, changed.team_ids, "teamIds", "team")
    if "service_ids" in wished:
        await _check_known(tx, changed.service_ids, "serviceIds", "service")
    moved = bool(webhook.url) and _origin(webhook.url) != _origin(changed.url)
    wanted = shown_headers(webhook) if headers is UNSET else dict(headers)
    if moved and SHOWN_SECRET in wanted.values():
        raise Invalid(
            "headers: the URL leads to another host; give secret values anew, or leave these headers out.",
            field="headers",
        )
    hidden_names = changed.secret_headers if secret is UNSET else secret
    changed.headers, hidden = rules.check_headers(wanted, hidden_names, kept)
    changed.secret_headers = sorted(hidden)
    return changed, hidden


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


async def _check_known(tx: Transaction, ids: Collection[str], field: str, noun: str) -> None:
    if len(ids) > MOST_NARROWED:
        raise Invalid(f"{field} can name at most {MOST_NARROWED}.", field=field)
    known: Collection[str] = (
        await teams.named(tx, tx.actor, ids) if noun == "team" else await services.named(tx, tx.actor, ids)
    )
    all_known(ids, known, field, noun)


async def switched_off(tx: Transaction, webhook: OutgoingWebhook, reason: str) -> bool:
    """Switch a webhook off that takes nothing; False: somebody did before."""
    if not await outgoing_webhooks.disable(tx, webhook.id, reason):
        return False
    await outgoing_deliveries.fail_waiting(tx)
    audit.record(
        tx,
        "outgoing_webhook.switched_off",
        kind="outgoing_webhook",
        id=webhook.id,
        name=webhook.name,
        after={"reason": reason},
        organization_id=webhook.organization_id,
    )
    return True


def signs(webhook: OutgoingWebhook, secrets: Secrets, now: Instant) -> list[str]:
    """The secrets that sign at this moment, the newest first."""
    until = webhook.previous_secret_until
    two = secrets.previous_secret is not None and until is not None and now < until
    return [secrets.secret, secrets.previous_secret] if two and secrets.previous_secret else [secrets.secret]
