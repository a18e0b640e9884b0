"""`openalert check` about single sign-on: is the provider there, and is it the one that is meant?"""

from pathlib import Path

import pytest

from openalert.cli.check import _single_sign_on
from openalert.config import Config
from openalert.storage import wall_clock
from tests.fakes.identity_provider import FakeProvider, Mood
from tests.web.sso import config

pytestmark = pytest.mark.anyio


async def test_it_says_what_is_found(tmp_path: Path) -> None:
    """Well with the redirect URI; otherwise what is wrong; nothing to say where there is none."""
    assert (await _single_sign_on(Config()))[1] is None
    async with FakeProvider(wall_clock) as provider:
        configured = config(provider, str(tmp_path))
        _, well, words = await _single_sign_on(configured)
        assert well is True
        assert f"{provider.issuer} answers and has 1 key" in words
        assert "http://127.0.0.1:8080/auth/callback" in words
        for mood, expected in (
            (Mood.OTHER_ISSUER, "calls itself"),
            (Mood.BROKEN, "503"),
            (Mood.HTML, "text/html"),
        ):
            provider.mood = mood
            _, well, words = await _single_sign_on(configured)
            assert (well, expected in words) == (False, True), words
    _, well, words = await _single_sign_on(configured)
    assert (well, "cannot be reached" in words) == (False, True)
