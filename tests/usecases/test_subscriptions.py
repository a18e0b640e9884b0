"""A sender's question is answered, and what became of it stands with the message."""

import pytest

from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.sns import SnsSubscriber
from openalert.usecases.subscriptions import Subscriptions
from tests.cast import World, level
from tests.notifiers.test_sns import Amazon, question

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("token", "words"), [("t", "is confirmed"), ("forged", "not signed by Amazon")])
async def test_what_became_of_it_is_written_down(world: World, token: str, words: str) -> None:
    """Confirmed, or why not; no alert either way."""
    await world.policy(level(1, world.alice))
    asked = question(Token=token)
    outcome = await world.posts(asked)
    assert (outcome.processed, outcome.incidents) == (0, [])
    subscriptions = Subscriptions(world.db, SnsSubscriber(client=Amazon()))
    await subscriptions.answer(asked, outcome.payload_id or "")
    reason = await world.value("SELECT reason FROM payloads")
    assert words in reason
    assert await world.value("SELECT outcome FROM payloads") == "ignored"
    await subscriptions.stop()


async def test_a_message_that_is_no_alert_is_kept_with_its_reason(world: World) -> None:
    """A test of a connection is seen under the received messages."""
    await world.policy(level(1, world.alice))
    outcome = await world.posts({"heartbeat": None, "monitor": None, "msg": "x Testing"})
    assert outcome.payload_id
    assert "tests the connection" in await world.value("SELECT reason FROM payloads")
    with pytest.raises(NotifierError):
        await SnsSubscriber(client=Amazon()).confirm({})
