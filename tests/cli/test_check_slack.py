"""`openalert check` about Slack: is the bot let in, may it do what it has to, and can anybody answer?"""

import pytest

from openalert.cli.check import _slack
from openalert.config import Config
from openalert.config.sections import Slack
from tests.fakes.slack import BOT, SECRET, FakeSlack

pytestmark = pytest.mark.anyio


async def test_it_says_what_is_found() -> None:
    """Well with the workspace's name; otherwise Slack's own word or the missing permission; nothing without a token."""
    assert (await _slack(Config()))[1] is None
    async with FakeSlack() as workspace:
        section = Slack(bot_token=BOT, signing_secret=SECRET, base_url=workspace.base_url)
        assert await _slack(Config(slack=section)) == (
            "slack",
            True,
            "Slack answers: openalert in the workspace Example.",
        )
        _, well, words = await _slack(Config(slack=Slack(bot_token=BOT, base_url=workspace.base_url)))
        assert (well, "cannot answer" in words) == (False, True)
        workspace.scopes = "chat:write"
        _, well, words = await _slack(Config(slack=section))
        assert (well, "im:write" in words) == (False, True)
        workspace.answers["auth.test"].append({"ok": False, "error": "account_inactive"})
        _, well, words = await _slack(Config(slack=section))
        assert (well, "account_inactive" in words) == (False, True)
        assert BOT not in words
