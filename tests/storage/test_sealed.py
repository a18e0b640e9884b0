"""Sealed columns: none is forgotten, and what older programs left in the clear is sealed and wiped."""

import msgspec
import pytest

from openalert.domain.vault import Unreadable
from openalert.storage import Database, channels, open_database, sealed
from openalert.storage.keyring import KeyRing
from tests import make
from tests.conftest import KEY

pytestmark = pytest.mark.anyio


async def test_every_sealed_column_is_listed_and_exists(db: Database) -> None:
    """The list is what a change of keys goes through: each entry can be read, on both databases."""
    async with db.read() as reader:
        assert await sealed.by_key(reader) == {}
        if db.dialect == "sqlite":
            tables = "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE p.name = 'sealed'"
            assert {row[0] for row in await reader.rows(tables)} == {each.table for each in sealed.COLUMNS}
        for where in sealed.COLUMNS:
            assert await sealed.under_other_keys(reader, where, "00000000", after="", limit=1) == []


async def test_a_channels_secret_is_sealed_in_its_row(db: Database) -> None:
    """What is stored does not hold it, and another row's text does not open in its place."""
    cast = await make.cast(db)
    one = await make.channel(db, cast.team, "webhook", "One", url="https://a.example", secret="whsec_canary")
    other = await make.channel(db, cast.team, "webhook", "Other", url="https://b.example")
    async with db.read() as reader:
        stored = str(await reader.rows("SELECT * FROM channels"))
        assert "canary" not in stored
        assert await channels.secrets(reader, one.id) == {"secret": "whsec_canary"}
        assert await channels.secrets(reader, other.id) == {}
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE channels SET sealed = (SELECT sealed FROM channels WHERE id = :one) WHERE id = :other",
            one=one.id,
            other=other.id,
        )
    async with db.read() as reader:
        with pytest.raises(Unreadable):
            await channels.secrets(reader, other.id)


async def test_secrets_of_an_older_program_are_sealed_when_the_database_is_opened(database_url: str) -> None:
    """They leave `config`, deliveries still find them, and opening once more changes nothing."""
    plain = await open_database(database_url, migrated=False)
    cast = await make.cast(plain)
    old = await make.channel(plain, cast.team, "webhook", url="https://a.example")
    mail = await make.channel(plain, cast.team, "email", address="ops@example.org")
    old.config["secret"] = "whsec_canary"
    async with plain.transaction() as tx:
        await channels.update(tx, old)
    await plain.close()
    for _ in range(2):
        opened = await open_database(database_url, migrated=False, keys=KeyRing([KEY]))
        async with opened.read() as reader:
            found = {each.id: each for each in await channels.by_ids(reader, [old.id, mail.id])}
            assert found[old.id].config == {"url": "https://a.example"}
            assert found[mail.id].config == {"address": "ops@example.org"}
            assert await channels.secrets(reader, old.id) == {"secret": "whsec_canary"}
        await opened.close()


async def test_what_was_sealed_leaves_no_trace_in_the_file(sqlite_url: str) -> None:
    """After the first start with a vault and an orderly stop, no byte of the plain secret is left."""
    from pathlib import Path

    path = Path(sqlite_url.removeprefix("sqlite:///"))
    plain = await open_database(sqlite_url, migrated=False)
    cast = await make.cast(plain)
    for number in range(40):
        old = await make.channel(plain, cast.team, "webhook", f"Hook {number}", url="https://a.example")
        old.config["secret"] = f"whsec_canary{number}" + "x" * 40
        async with plain.transaction() as tx:
            await channels.update(tx, old)
    await plain.close()
    assert b"whsec_canary" in path.read_bytes()
    await (await open_database(sqlite_url, migrated=False, keys=KeyRing([KEY]))).close()
    assert b"whsec_canary" not in path.read_bytes()


async def test_without_keys_a_secret_is_an_error_and_nothing_else_is(sqlite_url: str) -> None:
    """A command that forgets the keys cannot seal with some other one by mistake."""
    opened = await open_database(sqlite_url, migrated=False)
    cast = await make.cast(opened)
    channel = await make.channel(opened, cast.team, "webhook", url="https://a.example")
    async with opened.transaction() as tx:
        with pytest.raises(RuntimeError, match="without the keys"):
            await channels.put_secrets(tx, channel.id, {"secret": "x"})
        assert msgspec.to_builtins(await channels.by_ids(tx, [channel.id]))
    await opened.close()
