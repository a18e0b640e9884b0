"""SQL for the installation's own small facts: names and text values."""

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


async def remove(tx: Transaction, name: str) -> bool:
    """Forget the value; False when there was none, so that of two who try only one wins."""
    return bool(await tx.changed("DELETE FROM settings WHERE name = :name RETURNING name", name=name))
