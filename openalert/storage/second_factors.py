"""SQL for second factors: authenticator apps and recovery codes."""

from openalert.domain.second_factor import Totp
from openalert.domain.vault import Unreadable
from openalert.storage.rows import to_parameters
from openalert.storage.sealed import TOTP_SECRETS
from openalert.storage.transaction import Reader, Transaction


async def has_any(reader: Reader, user_id: str) -> bool:
    """Whether the person has something beside a password to prove who they are."""
    return (
        await reader.value(
            """
            SELECT user_id FROM totp WHERE user_id = :user AND confirmed_at IS NOT NULL
            UNION ALL SELECT user_id FROM passkeys WHERE user_id = :user LIMIT 1
            """,
            user=user_id,
        )
        is not None
    )


async def totp(reader: Reader, user_id: str) -> Totp | None:
    """The person's authenticator app, confirmed or only being set up; without its secret when the key is lost."""
    app = await reader.one(
        Totp,
        "SELECT user_id, sealed AS secret, confirmed_at, last_step, created_at FROM totp WHERE user_id = :user",
        user=user_id,
    )
    if app is not None and app.secret is not None:
        try:
            app.secret = reader.database.vault.open(app.secret, TOTP_SECRETS.place(user_id)).decode()
        except Unreadable:
            app.secret = None
    return app


async def put_totp(tx: Transaction, app: Totp, secret: str) -> None:
    """A new authenticator app instead of any before; its secret is sealed."""
    sealed = tx.database.vault.seal(secret.encode(), TOTP_SECRETS.place(app.user_id))
    await tx.execute(
        """
        INSERT INTO totp (user_id, sealed, confirmed_at, last_step, created_at)
        VALUES (:user_id, :sealed, :confirmed_at, :last_step, :created_at)
        ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, confirmed_at = excluded.confirmed_at,
            last_step = excluded.last_step, created_at = excluded.created_at
        """,
        sealed=sealed,
        **{name: value for name, value in to_parameters(app).items() if name != "secret"},
    )


async def take_step(tx: Transaction, user_id: str, step: int) -> bool:
    """The code of this step of 30 s is used up; False if it, or a later one, was taken before."""
    return bool(
        await tx.changed(
            "UPDATE totp SET last_step = :step WHERE user_id = :user AND last_step < :step RETURNING user_id",
            user=user_id,
            step=step,
        )
    )


async def confirm_totp(tx: Transaction, user_id: str) -> None:
    """The app gave a right code: it counts from now on."""
    await tx.execute("UPDATE totp SET confirmed_at = :now WHERE user_id = :user", now=tx.now, user=user_id)


async def delete_totp(tx: Transaction, user_id: str) -> bool:
    """The app opens nothing any more; False when there was none."""
    return bool(await tx.changed("DELETE FROM totp WHERE user_id = :user RETURNING user_id", user=user_id))


async def replace_recovery_codes(tx: Transaction, user_id: str, hashes: list[str]) -> None:
    """These recovery codes, and none of those before."""
    await tx.execute("DELETE FROM recovery_codes WHERE user_id = :user", user=user_id)
    await tx.many(
        "INSERT INTO recovery_codes (user_id, code_hash) VALUES (:user, :hash)",
        [{"user": user_id, "hash": one} for one in hashes],
    )


async def recovery_codes_left(reader: Reader, user_id: str) -> int:
    """How many recovery codes the person has not used yet."""
    return int(
        await reader.value("SELECT count(*) FROM recovery_codes WHERE user_id = :user", user=user_id) or 0
    )


async def spend_recovery_code(tx: Transaction, user_id: str, code_hash: str) -> bool:
    """The code is used up; False when it is none, or was used before."""
    return bool(
        await tx.changed(
            "DELETE FROM recovery_codes WHERE user_id = :user AND code_hash = :hash RETURNING user_id",
            user=user_id,
            hash=code_hash,
        )
    )
