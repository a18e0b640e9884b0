"""Failed sign-ins in the audit log: every one counts, few are entries, so that guessing cannot fill the disk.

The first failure of an account is an entry at once; those of the ten minutes after it are counted, and the next
entry, or the sign-in that follows, says how many they were. Over all accounts there are at most 600 entries an hour
(some ten megabytes a day); what goes beyond is counted in the next. The counts are of this process, and a restart
forgets them: the log says too little then, never something wrong.
"""

from collections import OrderedDict
from contextlib import suppress

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Unavailable
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.user import User
from openalert.storage import organizations
from openalert.storage.database import Database
from openalert.usecases import audit

ENTRY_EVERY = 10 * MINUTE
MOST_AN_HOUR = 600
MOST_ACCOUNTS = 10_000


class Told(msgspec.Struct, frozen=True):
    """What an entry says: for how many tries at this account it stands, and how many elsewhere have none."""

    tries: int
    without_entry: int


class FailedSignIns:
    """How many failures there were since the last entry, by account."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, tuple[Instant, int]] = OrderedDict()
        self._hour: tuple[Instant, int] = (0, 0)
        self._without_entry = 0

    def failed(self, account: str, now: Instant) -> Told | None:
        """One more failure; what its entry says, or None when it is only counted."""
        last, untold = self._accounts.pop(account, (-ENTRY_EVERY, 0))
        is_due = not 0 <= now - last < ENTRY_EVERY
        told = Told(untold + 1, self._without_entry) if is_due and self._spend(now) else None
        if told is None and is_due:
            self._without_entry += 1
        elif told is not None:
            self._without_entry = 0
        self._accounts[account] = (now, 0) if told is not None else (last, untold + 1)
        if len(self._accounts) > MOST_ACCOUNTS:
            self._accounts.popitem(last=False)
        return told

    def succeeded(self, account: str) -> int:
        """How many failures no entry told, now that somebody got in; the count begins again."""
        return self._accounts.pop(account, (0, 0))[1]

    def _spend(self, now: Instant) -> bool:
        begun, spent = self._hour
        if not 0 <= now - begun < HOUR:
            begun, spent = now, 0
        self._hour = (begun, spent + 1)
        return spent < MOST_AN_HOUR


kept = FailedSignIns()
"""Those of this process."""


async def record_failure(database: Database, account: str, user: User | None, by: Actor) -> None:
    """Note that `by` failed to sign in as `account`; the same work whether or not there is such a user.

    What was typed is not kept when nobody is called so: people type passwords into the field for their address.
    """
    told = kept.failed(account, database.clock())
    if told is None:
        return
    # A full disk must not turn "wrong password" into something else.
    with suppress(Unavailable):
        async with database.transaction(by) as tx:
            homes = await organizations.every(tx)
            only = homes[0].id if len(homes) == 1 else None
            audit.record(
                tx,
                "user.sign_in_failed",
                kind="user",
                id=user.id if user else None,
                name=user.name if user else "an unknown account",
                after=told,
                organization_id=user.organization_id if user else only,
            )
