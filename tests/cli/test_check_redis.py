"""`openalert check` tries the Valkey server that nodes share: told, never a failure, and its password never shown."""

from pathlib import Path

import pytest

from openalert.cli import check
from openalert.config import Config
from openalert.config.sections import RedisSection
from tests.fakes.valkey import Valkey

pytestmark = [pytest.mark.anyio, pytest.mark.proves("F-38")]


async def test_it_is_told_and_never_a_failure(tmp_path: Path) -> None:
    """With it: it counts. Away: said with the reason, without its password, and nothing is marked FAIL."""
    server = Valkey(tmp_path)
    await server.start()
    try:
        config = Config(redis=RedisSection(url=server.url))
        assert await check._redis(config) == ("redis", True, "counts and answers")
    finally:
        server.close()
    name, well, words = await check._redis(config)
    assert (name, well) == ("redis", None)
    assert "nodes go on without" in words
    assert "horse" not in words
