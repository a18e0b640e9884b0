"""What moves along when the clock of the machine is set: delays are elapsed time (promise ES-5).

Rotations, overrides, quiet hours, snoozes and maintenance go by the clock on the wall and stay.
"""

from openalert.storage import (
    heartbeats,
    holds,
    lifetimes,
    notifications,
    outgoing_deliveries,
    status_deliveries,
    status_mirrors,
    timers,
)
from openalert.storage.transaction import Transaction


async def shift(tx: Transaction, by: int) -> None:
    """The clock was set by so many milliseconds before this transaction began, and after every other one."""
    for table in (
        timers,
        holds,
        heartbeats,
        notifications,
        outgoing_deliveries,
        status_deliveries,
        status_mirrors,
        lifetimes,
    ):
        await table.shift(tx, by)
