"""`openalert check` about Twilio: are the credentials good, and is there anything to try?"""

import msgspec
import pytest

from openalert.cli.check import _second_providers, _twilio
from openalert.config import Config, Server, Smtp
from openalert.config.sections import Twilio
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio

pytestmark = pytest.mark.anyio


def config(twilio: FakeTwilio, **changes: str) -> Config:
    """The fake's account, changed as told."""
    section = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "from_number": NUMBER,
        "base_url": twilio.base_url,
    }
    return Config(server=Server(base_url="https://oncall.example.org"), twilio=Twilio(**(section | changes)))


async def test_it_says_what_is_found() -> None:
    """Well with the account's name; otherwise what is wrong; nothing to say where there is none; nobody is called."""
    assert (await _twilio(Config()))[1] is None
    async with FakeTwilio() as twilio:
        _, well, words = await _twilio(config(twilio))
        assert (well, "Acme" in words, NUMBER in words) == (True, True, True)
        _, well, words = await _twilio(config(twilio, from_number="", voice_number=NUMBER))
        assert (well, "calls come from" in words) == (True, True)
        _, well, words = await _twilio(config(twilio, auth_token="wrong"))
        assert (well, "account_sid and auth_token" in words) == (False, True)
        twilio.status = "suspended"
        _, well, words = await _twilio(config(twilio))
        assert (well, "suspended" in words) == (False, True)
        assert twilio.messages == twilio.calls == []
        gone = config(twilio)
    _, well, words = await _twilio(gone)
    assert (well, "cannot be reached" in words) == (False, True)


async def test_second_providers_are_tried_too() -> None:
    """A mail server and an account that are only needed when the first ones fail; without them nothing is said."""
    assert [each async for each in _second_providers(Config())] == []
    async with FakeTwilio() as twilio:
        good = config(twilio)
        both = msgspec.structs.replace(
            good,
            twilio_backup=good.twilio,
            smtp_backup=Smtp(host="127.0.0.1", port=1, sender="alerts@example.org"),
        )
        found = [each async for each in _second_providers(both)]
    assert [(name, well) for name, well, _ in found] == [
        ("second mail server", False),
        ("second twilio", True),
    ]
