"""SQL for the installation's own small facts: names and text values."""

from openalert.storage.sealed import SETTING_SECRETS
from openalert.storage.transaction import Reader, Transaction


async def get(reader: Reader, name: str) -> str | None:
    """The value, or None when it was never set."""
    value: str | None = await reader.value("SELECT value FROM settings WHERE name = :name", name=name)
    return value


async def put(tx: Transaction, name: str, value: str) -> None:
    """Set the value, whatever it was."""
    await tx.execute(
        """
        INSERT INTO settings (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        name=name,
        value=value,
    )


async def put_first(tx: Transaction, name: str, value: str, secret: str) -> None:
    """Set the value and its sealed half, unless somebody has set it before."""
    sealed = tx.database.vault.seal(secret.encode(), SETTING_SECRETS.place(name))
    await tx.execute(
        "INSERT INTO settings (name, value, sealed) VALUES (:name, :value, :sealed) ON CONFLICT (name) DO NOTHING",
        name=name,
        value=value,
        sealed=sealed,
    )


async def secret(reader: Reader, name: str) -> str | None:
    """The sealed half; None when there is none, `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM settings WHERE name = :name", name=name)
    return (
        None if sealed is None else reader.database.vault.open(sealed, SETTING_SECRETS.place(name)).decode()
    )


async def remove(tx: Transaction, name: str) -> bool:
    """Forget the value; False when there was none, so that of two who try only one wins."""
    return bool(await tx.changed("DELETE FROM settings WHERE name = :name RETURNING name", name=name))
