"""Lifetimes that are elapsed time, when the clock is set: they move along, so that nothing ends or lives on by a lie.

A clock that is a year ahead for an hour signs nobody out, and what was begun meanwhile is not good for a year. What
people chose a day for (the end of an API key) stays where it is.
"""

from openalert.storage.transaction import Transaction

_MOVED = (
    "UPDATE sessions SET created_at = created_at + :by, expires_at = expires_at + :by",
    "UPDATE sessions SET last_seen_at = last_seen_at + :by",
    "UPDATE sign_in_steps SET expires_at = expires_at + :by",
    "UPDATE password_resets SET expires_at = expires_at + :by",
    "UPDATE invitations SET expires_at = expires_at + :by",
    "UPDATE chat_codes SET expires_at = expires_at + :by",
    "UPDATE passkey_challenges SET expires_at = expires_at + :by",
    "UPDATE single_sign_on_attempts SET expires_at = expires_at + :by",
    "UPDATE kept_answers SET created_at = created_at + :by",
    "UPDATE throttles SET at = at + :by",
    "UPDATE known_browsers SET last_used_at = last_used_at + :by",
)


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds, see `clock_steps`."""
    for sql in _MOVED:
        await tx.execute(sql, by=by)
