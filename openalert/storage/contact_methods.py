"""SQL for the ways to reach people."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from openalert.domain.user import ContactMethod
from openalert.storage.rows import columns_of, to_json, to_parameters
from openalert.storage.sealed import CONTACT_SECRETS
from openalert.storage.transaction import Reader, Transaction

_COLUMNS = ", ".join(columns_of(ContactMethod))
_OF_C = ", ".join(f"c.{name}" for name in columns_of(ContactMethod))


async def insert(tx: Transaction, method: ContactMethod) -> None:
    """A new way to reach somebody."""
    await tx.insert("contact_methods", method)


async def update(tx: Transaction, method: ContactMethod) -> None:
    """Write how far its proof has come, how it fares, and what it is called."""
    await tx.execute(
        """
        UPDATE contact_methods SET verified_at = :verified_at, code_hash = :code_hash,
            code_expires_at = :code_expires_at, code_tries = :code_tries, code_sent_at = :code_sent_at,
            last_proven_at = :last_proven_at, label = :label, failing_since = :failing_since,
            last_failure = :last_failure
        WHERE id = :id
        """,
        **to_parameters(method),
    )


async def prove(tx: Transaction, method_id: str) -> None:
    """A message has arrived there."""
    await tx.execute(
        "UPDATE contact_methods SET last_proven_at = :now, failing_since = NULL, last_failure = NULL "
        "WHERE id = :id AND verified_at IS NOT NULL",
        id=method_id,
        now=tx.now,
    )


async def prove_by_channel(tx: Transaction, incident_id: str, user_id: str, channel: str) -> None:
    """An answer came by a message of this channel about the incident: the way it took, if there was only one."""
    await tx.execute(
        "UPDATE contact_methods SET last_proven_at = :now, failing_since = NULL, last_failure = NULL "
        "WHERE verified_at IS NOT NULL AND id IN (SELECT min(n.contact_method_id) FROM notifications n "
        "WHERE n.incident_id = :incident_id AND n.user_id = :user_id AND n.channel = :channel "
        "HAVING count(DISTINCT n.contact_method_id) = 1)",
        incident_id=incident_id,
        user_id=user_id,
        channel=channel,
        now=tx.now,
    )


async def fail(tx: Transaction, method_id: str, why: str) -> None:
    """A message did not arrive there, for a reason that concerns the address; the first failure stays its beginning."""
    await tx.execute(
        "UPDATE contact_methods SET failing_since = COALESCE(failing_since, :now), last_failure = :why WHERE id = :id",
        id=method_id,
        why=why[:300],
        now=tx.now,
    )


async def mend(tx: Transaction, method_id: str) -> None:
    """A message was taken there again: it fails no longer, which is no proof yet that it arrives."""
    await tx.execute(
        "UPDATE contact_methods SET failing_since = NULL, last_failure = NULL "
        "WHERE id = :id AND failing_since IS NOT NULL",
        id=method_id,
    )


async def put_secrets(tx: Transaction, method_id: str, secrets: Mapping[str, Any]) -> None:
    """Seal what the way to reach somebody keeps secret, in the place of what it kept before."""
    sealed = tx.database.vault.seal(to_json(secrets).encode(), CONTACT_SECRETS.place(method_id))
    await tx.execute(
        "UPDATE contact_methods SET sealed = :sealed WHERE id = :id", sealed=sealed, id=method_id
    )


async def secrets(reader: Reader, method_id: str) -> dict[str, Any]:
    """What it keeps secret; nothing when there is nothing, `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM contact_methods WHERE id = :id", id=method_id)
    if sealed is None:
        return {}
    plain = reader.database.vault.open(sealed, CONTACT_SECRETS.place(method_id))
    return msgspec.json.decode(plain, type=dict[str, Any])


async def by_address(reader: Reader, kind: str, address: str) -> list[ContactMethod]:
    """The verified ones of active people with this address: whose message came in from there."""
    return await reader.all(
        ContactMethod,
        f"""
        SELECT {_OF_C} FROM contact_methods c JOIN users u ON u.id = c.user_id
        WHERE c.type = :kind AND c.address = :address AND c.verified_at IS NOT NULL AND u.is_active = :active
        ORDER BY c.id
        """,
        kind=kind,
        address=address,
        active=True,
    )


async def sealed_addresses(reader: Reader, method_ids: Collection[str]) -> dict[str, str]:
    """What these keep sealed, by id, for `opened_address`; one statement, however many there are."""
    if not method_ids:
        return {}
    rows = await reader.rows(
        f"SELECT id, sealed FROM contact_methods WHERE {reader.any_of('id', 'ids')} AND sealed IS NOT NULL",
        ids=sorted(set(method_ids)),
    )
    return {row[0]: row[1] for row in rows}


def opened_address(reader: Reader, method_id: str, sealed: str) -> str:
    """The address that is a secret; `Unreadable` when the key is lost, KeyError when none is kept."""
    plain = reader.database.vault.open(sealed, CONTACT_SECRETS.place(method_id))
    return str(msgspec.json.decode(plain, type=dict[str, Any])["address"])


async def delete(tx: Transaction, method_id: str) -> None:
    """Forget it."""
    await tx.execute("DELETE FROM contact_methods WHERE id = :id", id=method_id)


async def get(reader: Reader, user_id: str, method_id: str) -> ContactMethod | None:
    """The person's contact method with this id."""
    return await reader.one(
        ContactMethod,
        f"SELECT {_COLUMNS} FROM contact_methods WHERE id = :id AND user_id = :user_id",
        id=method_id,
        user_id=user_id,
    )


async def of_user(reader: Reader, user_id: str) -> list[ContactMethod]:
    """All of one person, the oldest first."""
    return await reader.all(
        ContactMethod,
        f"SELECT {_COLUMNS} FROM contact_methods WHERE user_id = :user_id ORDER BY id",
        user_id=user_id,
    )


async def of_users(reader: Reader, user_ids: Collection[str]) -> dict[str, list[ContactMethod]]:
    """All of these people by person, the oldest first, whether or not they are verified."""
    if not user_ids:
        return {}
    by_user: dict[str, list[ContactMethod]] = {}
    for method in await reader.all(
        ContactMethod,
        f"SELECT {_COLUMNS} FROM contact_methods WHERE {reader.any_of('user_id', 'ids')} ORDER BY id",
        ids=sorted(set(user_ids)),
    ):
        by_user.setdefault(method.user_id, []).append(method)
    return by_user


async def reached_only_by(
    reader: Reader, organization_id: str, kinds: Collection[str], limit: int
) -> list[str]:
    """The names of active people who have verified ways of these kinds, and none of any other."""
    rows = await reader.rows(
        f"""
        SELECT u.name FROM users u WHERE u.organization_id = :organization_id AND u.is_active = :active
        AND EXISTS (SELECT 1 FROM contact_methods c WHERE c.user_id = u.id AND c.verified_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM contact_methods c WHERE c.user_id = u.id AND c.verified_at IS NOT NULL
        AND NOT {reader.any_of("c.type", "kinds")})
        ORDER BY u.name, u.id LIMIT :limit
        """,
        organization_id=organization_id,
        active=True,
        kinds=sorted(kinds),
        limit=limit,
    )
    return [row[0] for row in rows]


async def verified(reader: Reader, user_ids: Collection[str]) -> dict[str, list[ContactMethod]]:
    """The verified ones of these people that are active, by person; whoever has none is left out."""
    if not user_ids:
        return {}
    found = await reader.all(
        ContactMethod,
        f"""
        SELECT {_OF_C} FROM contact_methods c JOIN users u ON u.id = c.user_id
        WHERE {reader.any_of("c.user_id", "ids")} AND c.verified_at IS NOT NULL AND u.is_active = :active
        ORDER BY c.id
        """,
        ids=sorted(set(user_ids)),
        active=True,
    )
    by_user: dict[str, list[ContactMethod]] = {}
    for method in found:
        by_user.setdefault(method.user_id, []).append(method)
    return by_user
