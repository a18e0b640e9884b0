"""Providers are asked whether they would take a message, without one being sent."""

import pytest

from openalert.engine.probes import Probes
from openalert.notifiers import NotifierSettings, probed
from openalert.notifiers.email import EmailSettings
from openalert.storage.database import Database
from tests.conftest import StoppedClock
from tests.fakes.smtp import FakeSmtp, SmtpMode

pytestmark = pytest.mark.anyio


class Broken:
    """A provider of which nothing is known but that it raises."""

    async def probe(self) -> str:
        """A fault that no notifier promises."""
        raise KeyError

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_mail_server_is_signed_in_at_and_gets_no_mail(db: Database, clock: StoppedClock) -> None:
    """It is well while it answers; when it does not, since when is known; and nothing but it is asked."""
    async with FakeSmtp() as server:
        settings = NotifierSettings(
            base_url="http://localhost",
            email=EmailSettings(
                host=server.host, port=server.port, sender="pager@example.com", security="none"
            ),
        )
        unset = {"mattermost": "", "slack": "", "sms": "", "telegram": "", "voice": ""}
        probes = Probes(db, probed(settings, unset))
        assert probes.channels == ["email"]
        await probes.ask()
        well = probes.last["email"]
        assert well.is_well
        assert f"{server.host}:{server.port}" in well.words
        server.mode = SmtpMode.BUSY
        await probes.ask()
        ill = probes.last["email"]
        clock.advance()
        await probes.ask()
        still = probes.last["email"]
        assert not ill.is_well
        assert (still.is_well, still.since) == (False, ill.at)
        assert still.at > ill.at
        assert server.mails == []
        await probes.stop()


async def test_whatever_a_provider_raises_is_its_answer(db: Database) -> None:
    """One that breaks in a way of its own keeps no other from being asked, and is told by the name of the fault."""
    probes = Probes(db, {"slack": Broken(), "telegram": Broken()})
    await probes.ask()
    assert [each.words for each in probes.last.values()] == ["KeyError", "KeyError"]
    assert not any(each.is_well for each in probes.last.values())
