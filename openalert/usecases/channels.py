"""A team's places for messages."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.channel import channel_kind, shown_secret
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.team import Channel, check_name
from openalert.notifiers.webhook import new_secret
from openalert.storage import channels, escalation_policies
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, given, named, new_owner, require, team_for
from openalert.usecases.notify import channel_recipient, send_to


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Channel]:
    """The next channels in view."""
    return await channels.page(reader, actor, team_id=team_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, channel_id: str) -> Channel:
    """One channel; its secret is for nobody's eyes."""
    return found(await channels.get(reader, actor, channel_id), "channel")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    kind: str,
    config: dict[str, Any],
    is_enabled: bool = True,
) -> tuple[Channel, str | None]:
    """A new channel of a kind in `CHANNEL_KINDS`, and what signs a webhook's messages: made here, shown once."""
    team = await team_for(tx, team_id)
    if channel_kind(kind).needs_admin:
        require(tx.actor, Permission.CONFIGURE, None)
    shown, address = _checked(kind, config)
    channel = Channel(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        name=check_name(name),
        type=kind,
        is_enabled=is_enabled,
        config=shown,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await channels.insert(tx, channel)
    audit.change(tx, "channel.created", None, channel)
    return channel, await _keep_secrets(tx, channel, address)


async def update(
    tx: Transaction,
    channel_id: str,
    *,
    team_id: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    config: dict[str, Any] | UnsetType = UNSET,
    is_enabled: bool | UnsetType = UNSET,
) -> tuple[Channel, str | None]:
    """Change a channel; a webhook that gets another URL gets another secret too, which is shown this once.

    The receiver at the new address must not learn what the one at the old address trusts.
    """
    channel = found(await channels.get(tx, tx.actor, channel_id), "channel")
    require(tx.actor, Permission.CONFIGURE, channel.team_id)
    changed = msgspec.structs.replace(
        channel, **given({"name": name, "is_enabled": is_enabled}), updated_at=tx.now
    )
    changed.name = check_name(changed.name)
    owner = await new_owner(tx, channel.team_id, team_id)
    if owner is not None:
        changed.team_id = owner.id
    address = ""
    if config is not UNSET:
        if channel_kind(channel.type).needs_admin:
            require(tx.actor, Permission.CONFIGURE, None)
        changed.config, address = _checked(channel.type, config)
    await channels.update(tx, changed)
    audit.change(tx, "channel.updated", channel, changed)
    moved = changed.config != channel.config
    return changed, await _keep_secrets(tx, changed, address) if moved else None


async def delete(tx: Transaction, channel_id: str) -> None:
    """Delete a channel that no policy pages."""
    channel = found(await channels.get(tx, tx.actor, channel_id), "channel")
    require(tx.actor, Permission.CONFIGURE, channel.team_id)
    policies = await escalation_policies.that_page(tx, channel.id)
    if policies:
        used_by = named(tx.actor, policies, "escalation policy")
        raise Conflict(f"The {used_by} pages this channel; change it first.")
    await channels.delete(tx, channel.id)
    audit.change(tx, "channel.deleted", channel, None)


async def send_test(tx: Transaction, channel_id: str) -> Notification:
    """A test message by the channel."""
    channel = found(await channels.get(tx, tx.actor, channel_id), "channel")
    require(tx.actor, Permission.RESPOND, channel.team_id, "channel")
    audit.record(
        tx, "channel.tested", kind="channel", id=channel.id, name=channel.name, team_id=channel.team_id
    )
    return await send_to(
        tx,
        channel_recipient(channel, "Somebody of the team asked for a test"),
        NotificationKind.TEST,
        organization_id=channel.organization_id,
        team_id=channel.team_id,
        headline="Test message",
        body="This is how OpenAlert reaches this channel. Nothing is wrong.",
        reason=f"{tx.actor.name} asked for a test.",
    )


async def _keep_secrets(tx: Transaction, channel: Channel, address: str) -> str | None:
    """Seal what the channel keeps secret; what signs a webhook's messages is made here, and answered."""
    if channel.type == "webhook":
        secret = new_secret()
        await channels.put_secrets(tx, channel.id, {"secret": secret})
        return secret
    if channel_kind(channel.type).is_secret:
        await channels.put_secrets(tx, channel.id, {"address": address})
    return None


def _checked(name: str, config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The configuration as it may be seen, and the address itself; Invalid names the member that is wrong."""
    kind = channel_kind(name)
    address = kind.check(_only(config, kind.field))
    return {kind.field: (kind.shown or shown_secret)(address) if kind.is_secret else address}, address


def _only(config: dict[str, Any], name: str) -> str:
    """The one text that such a configuration holds."""
    for key in config:
        if key != name:
            raise Invalid(
                f"config.{key[:40]} is not known here; config holds {name}.", field=f"config.{key[:40]}"
            )
    value = config.get(name)
    if not isinstance(value, str):
        raise Invalid(f"config.{name} must be given as text.", field=f"config.{name}")
    return value
