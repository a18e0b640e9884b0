"""Reachability: what messages prove about the ways they took, and who could be reached now."""

from collections.abc import Collection

import msgspec

from openalert.domain.access import Actor, Permission, can
from openalert.domain.notification import Notification, NotificationStatus
from openalert.domain.reachability import WITH_RECEIPTS, Reachability, of_person
from openalert.storage import contact_methods, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.access import found


async def settled(tx: Transaction, row: Notification, detail: str) -> None:
    """What the end of an attempt says about the way that it took.

    A message that was not taken for good makes the way a failing one. One that was taken mends it, but not where the
    provider reports later what arrived. Neither proves it.
    """
    if row.contact_method_id is None:
        return
    if row.status is NotificationStatus.FAILED:
        await contact_methods.fail(tx, row.contact_method_id, detail)
    elif row.status is NotificationStatus.SENT and row.channel not in WITH_RECEIPTS:
        await contact_methods.mend(tx, row.contact_method_id)


async def answered(tx: Transaction, row: Notification) -> None:
    """Somebody has answered this message by its own button or key: it arrived."""
    if row.contact_method_id is not None:
        await contact_methods.prove(tx, row.contact_method_id)


async def answered_by_link(tx: Transaction, incident_id: str, user_id: str, channel: str) -> None:
    """Somebody has pressed a link that came by this channel."""
    if channel:
        await contact_methods.prove_by_channel(tx, incident_id, user_id, channel)


async def of_people(reader: Reader, user_ids: Collection[str]) -> dict[str, Reachability]:
    """How these people stand, by id: two statements, however many they are. Addresses are among the answer."""
    active = await users.active(reader, user_ids)
    methods = await contact_methods.of_users(reader, user_ids)
    return {
        user_id: of_person(methods.get(user_id, []), reader.now, is_active=user_id in active)
        for user_id in user_ids
    }


async def of_user(reader: Reader, actor: Actor, user_id: str) -> Reachability:
    """How one person stands; the ways themselves for the person and for admins."""
    user = found(await users.get(reader, actor, user_id), "user")
    known = (await of_people(reader, [user.id]))[user.id]
    is_close = actor.user_id == user.id or (
        can(actor, Permission.CONFIGURE, None) and actor.role.rank >= user.role.rank
    )
    return known if is_close else msgspec.structs.replace(known, methods=())


async def of_responders(reader: Reader) -> dict[str, Reachability]:
    """How everybody stands who may be paged, in all organizations: for the engine."""
    return await of_people(reader, await users.responders(reader))
