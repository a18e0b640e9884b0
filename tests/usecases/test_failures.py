"""Failed sign-ins: every one counts, few are entries, whatever is tried and however often."""

import pytest

from openalert.domain.access import stranger
from openalert.domain.errors import Unauthenticated
from openalert.domain.instant import HOUR, MINUTE
from openalert.storage import Database, audit
from openalert.storage.audit import AuditFilter
from openalert.usecases import failures, passwords, signin
from openalert.usecases.failures import MOST_ACCOUNTS, MOST_AN_HOUR, FailedSignIns, Told
from openalert.usecases.signin import Browser
from tests import make
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of this test alone."""
    monkeypatch.setattr(failures, "kept", FailedSignIns())


def test_the_first_failure_is_told_and_those_soon_after_are_counted() -> None:
    """One entry in ten minutes for an account; the next says how many there were."""
    counts = FailedSignIns()
    assert counts.failed("a", 0) == Told(1, 0)
    assert [counts.failed("a", second * 1000) for second in range(1, 300)] == [None] * 299
    assert counts.failed("b", 0) == Told(1, 0)
    assert counts.failed("a", 10 * MINUTE) == Told(300, 0)
    assert counts.failed("a", 11 * MINUTE) is None
    assert (counts.succeeded("a"), counts.succeeded("a")) == (1, 0)


def test_no_number_of_accounts_makes_more_than_six_hundred_entries_an_hour() -> None:
    """What goes beyond is counted in the next entry, and the memory for it is bounded."""
    counts = FailedSignIns()
    told = [counts.failed(f"{number}", number) for number in range(2 * MOST_ACCOUNTS)]
    assert sum(each is not None for each in told) == MOST_AN_HOUR
    assert len(counts._accounts) == MOST_ACCOUNTS
    assert counts.failed("later", HOUR) == Told(1, 2 * MOST_ACCOUNTS - MOST_AN_HOUR)


async def test_sign_ins_and_failures_are_in_the_log(db: Database, clock: StoppedClock) -> None:
    """Who tried from where, and who got in after how many tries; the typed name of nobody is not kept."""
    cast = await make.cast(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE users SET password_hash = :hash WHERE id = :id",
            hash=await passwords.hash_password("a few unrelated words"),
            id=cast.alice.id,
        )
    browser = Browser(address="192.0.2.9", user_agent="Firefox", request_id="r1")
    for email, times in (("alice@example.org", 3), ("hunter2 the password", 1)):
        for _ in range(times):
            with pytest.raises(Unauthenticated):
                await signin.sign_in(db, email=email, password="wrong wrong wrong", browser=browser)
    opened = await signin.sign_in(
        db, email="alice@example.org", password="a few unrelated words", browser=browser
    )  # fmt: skip
    assert isinstance(opened, signin.Opened)
    async with db.transaction(stranger("192.0.2.9", "r2")) as tx:
        await signin.sign_out(tx, opened.token)
        await signin.sign_out(tx, "no session at all")
    async with db.read() as reader:
        entries = await audit.page(reader, make.actor(cast.alice), AuditFilter(), limit=10)
    assert [(e.act, e.actor_name, e.target_name, e.address, e.after) for e in reversed(entries)] == [
        ("user.sign_in_failed", "Somebody not signed in", "Alice", "192.0.2.9", '{"tries":1,"withoutEntry":0}'),
        (
            "user.sign_in_failed", "Somebody not signed in", "an unknown account", "192.0.2.9",
            '{"tries":1,"withoutEntry":0}',
        ),
        (
            "user.signed_in", "Alice", "Alice", "192.0.2.9",
            '{"method":"password","userAgent":"Firefox","failedBefore":2}',
        ),
        ("user.signed_out", "Alice", "Alice", "192.0.2.9", "{}"),
    ]  # fmt: skip
    assert [entry.request_id for entry in entries] == ["r2", "r1", "r1", "r1"]
    assert "hunter2" not in "".join(str(entry) for entry in entries)
