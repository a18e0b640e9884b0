"""SQL for push subscriptions: in which browser, and by which session, a contact method of that kind was made."""

from openalert.domain.user import ContactMethod
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction

_OF_C = ", ".join(f"c.{name}" for name in columns_of(ContactMethod))
_PUSHES = f"SELECT {_OF_C} FROM contact_methods c JOIN push_subscriptions p ON p.contact_method_id = c.id "


async def put(tx: Transaction, method_id: str, browser_hash: str | None, token_hash: str) -> None:
    """Note the browser, and the session with this token hash; both may have changed since it was made."""
    await tx.execute(
        """
        INSERT INTO push_subscriptions (contact_method_id, browser_hash, session_id)
        VALUES (:id, :browser, (SELECT id FROM sessions WHERE token_hash = :token))
        ON CONFLICT (contact_method_id)
        DO UPDATE SET browser_hash = excluded.browser_hash, session_id = excluded.session_id
        """,
        id=method_id,
        browser=browser_hash,
        token=token_hash,
    )


async def move(tx: Transaction, user_id: str, browser_hash: str, token_hash: str) -> None:
    """What the person has in this browser belongs to the session with this token hash from now on."""
    await tx.execute(
        """
        UPDATE push_subscriptions SET session_id = (SELECT id FROM sessions WHERE token_hash = :token)
        WHERE browser_hash = :browser
            AND contact_method_id IN (SELECT id FROM contact_methods WHERE user_id = :user)
        """,
        token=token_hash,
        browser=browser_hash,
        user=user_id,
    )


async def rename(tx: Transaction, method_id: str, address: str) -> None:
    """The browser has another subscription in the place of the one before."""
    await tx.execute(
        "UPDATE contact_methods SET address = :address WHERE id = :id", address=address, id=method_id
    )


async def of_address(reader: Reader, address: str) -> list[ContactMethod]:
    """Whoever's subscription this is, also of people who are switched off; at most one is meant to be there."""
    return await reader.all(
        ContactMethod, _PUSHES + "WHERE c.address = :address ORDER BY c.id", address=address
    )


async def of_others(reader: Reader, browser_hash: str, user_id: str) -> list[ContactMethod]:
    """What people other than this one have in the browser."""
    return await reader.all(
        ContactMethod,
        _PUSHES + "WHERE p.browser_hash = :browser AND c.user_id <> :user ORDER BY c.id",
        browser=browser_hash,
        user=user_id,
    )


async def of_session(reader: Reader, user_id: str, session_id: str) -> list[ContactMethod]:
    """What the person has in the browser where this session is."""
    return await reader.all(
        ContactMethod,
        _PUSHES + "WHERE p.session_id = :session AND c.user_id = :user ORDER BY c.id",
        session=session_id,
        user=user_id,
    )


async def of_token(reader: Reader, token_hash: str) -> list[ContactMethod]:
    """What belongs to the session with this token hash."""
    return await reader.all(
        ContactMethod,
        _PUSHES + "JOIN sessions s ON s.id = p.session_id WHERE s.token_hash = :token ORDER BY c.id",
        token=token_hash,
    )


async def of_user(reader: Reader, user_id: str, but_token: str = "") -> list[ContactMethod]:
    """All of the person, but not what belongs to the session with the token hash `but_token`."""
    return await reader.all(
        ContactMethod,
        _PUSHES
        + """
        WHERE c.user_id = :user AND NOT EXISTS (
            SELECT 1 FROM sessions s WHERE s.id = p.session_id AND s.token_hash = :token
        ) ORDER BY c.id
        """,
        user=user_id,
        token=but_token,
    )
