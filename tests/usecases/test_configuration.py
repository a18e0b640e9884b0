"""Changed settings: recorded at the next start by their names, and never by what they hold."""

import pytest

from openalert.config import Config, Smtp
from openalert.storage import Database, audit
from openalert.usecases import configuration

pytestmark = pytest.mark.anyio


async def _recorded(db: Database) -> list[str]:
    async with db.read() as reader:
        head = await audit.head(reader)
    return [entry.after async for entry in audit.walk(db.read, head.seq)]


async def test_a_changed_setting_is_recorded_by_name_alone(db: Database) -> None:
    """Nothing at the first start and at the same again; then the keys that changed; another server is itself."""
    before = Config()
    after = Config(smtp=Smtp(host="mail.example.org", password="CANARY"))
    for config in (before, before, after, after):
        await configuration.seen(db, b"secret", configuration.texts(config))
    await configuration.seen(db, b"the secret of another server", configuration.texts(before))
    assert await _recorded(db) == ['{"settings":["smtp.host","smtp.password"]}']
    async with db.read() as reader:
        kept = await reader.rows("SELECT value FROM settings")
    assert "CANARY" not in str(kept)


async def test_settings_that_come_and_go_with_a_release_are_named(db: Database) -> None:
    """A key that is new or gone is a difference too."""
    await configuration.seen(db, b"secret", {"a.b": "1", "a.c": "1"})
    await configuration.seen(db, b"secret", {"a.b": "1", "a.d": "1"})
    assert await _recorded(db) == ['{"settings":["a.c","a.d"]}']
