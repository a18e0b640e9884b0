"""Changing keys: everything opens before, during and after; what is lost stops nobody else."""

from pathlib import Path

import pytest

from openalert.domain.notification import NotificationStatus
from openalert.domain.team import Channel
from openalert.domain.vault import Unreadable
from openalert.storage import Database, channels, keyring
from openalert.storage.keyring import KeyRing
from openalert.usecases import console, vault
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def hooks(db: Database, count: int) -> list[Channel]:
    """Webhook channels whose secrets are s0, s1, …"""
    cast = await make.cast(db)
    return [
        await make.channel(
            db, cast.team, "webhook", f"H{number}", url="https://a.example", secret=f"s{number}"
        )
        for number in range(count)
    ]


async def secrets_of(db: Database, made: list[Channel]) -> list[str]:
    """What deliveries would sign with."""
    async with db.read() as reader:
        return [(await channels.secrets(reader, each.id))["secret"] for each in made]


async def test_a_new_key_seals_everything_and_the_old_one_is_forgotten(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than a batch holds; afterwards the new key alone opens all of them."""
    monkeypatch.setattr(vault, "BATCH", 3)
    db.keys = ring = KeyRing([keyring.new_key()], tmp_path / keyring.FILE)
    made = await hooks(db, 7)
    before = ring.vault
    lines = await console.run(db, "rotate key", {})
    assert lines[0] == "7 stored secret(s) are sealed with the new key."
    assert ring.vault.known.isdisjoint(before.known)
    assert await secrets_of(db, made) == [f"s{number}" for number in range(7)]
    db.keys = KeyRing((tmp_path / keyring.FILE).read_text().split())
    assert await secrets_of(db, made) == [f"s{number}" for number in range(7)]


async def test_a_change_that_was_broken_off_goes_on(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any batch, everything opens with the file as it is then, and the next run ends it."""
    monkeypatch.setattr(vault, "BATCH", 2)
    path = tmp_path / keyring.FILE
    db.keys = KeyRing([keyring.new_key()], path)
    made = await hooks(db, 5)
    whole = vault._next_batch
    calls = 0

    async def dies(*args: object) -> str | None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return await whole(*args)  # type: ignore[arg-type] - handed on as they came

    monkeypatch.setattr(vault, "_next_batch", dies)
    with pytest.raises(KeyboardInterrupt):
        await vault.change_key(db)
    monkeypatch.setattr(vault, "_next_batch", whole)
    db.keys = KeyRing(path.read_text().split(), path)
    assert await secrets_of(db, made) == [f"s{number}" for number in range(5)]
    done = await vault.change_key(db)
    assert (done.sealed_anew, done.unreadable, done.forgot_old) == (3, 0, True)
    db.keys = KeyRing(path.read_text().split(), path)
    assert len(db.vault.known) == 1
    assert await secrets_of(db, made) == [f"s{number}" for number in range(5)]


async def test_a_lost_key_is_counted_and_told(db: Database, tmp_path: Path) -> None:
    """The start says how many secrets are lost; a change of keys leaves them and seals the others."""
    made = await hooks(db, 2)
    db.keys = KeyRing([keyring.new_key()], tmp_path / keyring.FILE)
    async with db.transaction() as tx:
        await channels.put_secrets(tx, made[1].id, {"secret": "anew"})
    async with db.read() as reader:
        assert await vault.lost(reader) == 1
        with pytest.raises(Unreadable):
            await channels.secrets(reader, made[0].id)
    lines = await console.run(db, "rotate key", {})
    assert lines[1].startswith("1 could not be read, because their key is lost")
    assert await secrets_of(db, made[1:]) == ["anew"]


async def test_with_a_lost_key_other_channels_still_page(world: World) -> None:
    """The webhook fails at once and says why; the mail of the same level arrives."""
    ops = await make.channel(world.db, world.core, "webhook", url="https://a.example/x", secret="s")
    await world.policy(level(1, world.alice, ops))
    world.db.keys = KeyRing([keyring.new_key()])
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    rows = await world.db.look(
        lambda reader: reader.rows(
            "SELECT status, failure_reason FROM notifications WHERE channel = 'webhook'"
        )
    )
    assert [status for status, _ in rows] == [NotificationStatus.FAILED]
    assert "A stored secret cannot be read." in rows[0][1]
    assert not world.webhook.received
