"""Every way to reach a person carries every answer, by the link in its message, by its button and by its code."""

import pytest

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.reply import KEYS
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message
from openalert.usecases import replies
from openalert.usecases.text_replies import answer_text
from tests.cast import LINKS_BACK, Post, World
from tests.make import level

pytestmark = pytest.mark.anyio

DONE = {
    Verb.ACKNOWLEDGE: "acknowledged",
    Verb.RESOLVE: "resolved",
    Verb.ESCALATE: "escalated_by_hand",
    Verb.SNOOZE: "snoozed",
    Verb.HAND_ON: "handed_on",
}
"""What a page offers; coming and declining are for whoever was asked by name: tests/scenarios/test_responders.py."""
WAYS = sorted(set(CONTACT_KINDS) - {"push"})
"""A push needs a browser's keys: tests/web has its own."""


async def _paged(world: World, way: str) -> Message:
    """Alice can be reached in this one way, and is paged for something critical; Bob is next."""
    post = Post(way)
    world.engine = Engine(world.db, {"email": world.email} | {way: post}, LINKS_BACK)
    await world.engine.begin()
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE contact_methods SET type = :way, address = :address WHERE user_id = :user",
            way=way,
            address=f"address for {way}",
            user=world.alice.id,
        )
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull", severity="critical")
    await world.advance(minutes=3)
    (page,) = post.received
    return page


@pytest.mark.parametrize("verb", list(DONE))
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_carries_every_answer(world: World, way: str, verb: Verb) -> None:
    """The message offers it by a link that acts as Alice; its button and its code do the same, and say it is done."""
    page = await _paged(world, way)
    (offered,) = [each for each in page.actions if each.verb == verb]
    token = offered.url.removeprefix(f"{LINKS_BACK.base_url}/a/")
    claims = action.read(LINKS_BACK.secret, token)
    assert claims is not None
    assert (claims.user_id, claims.verb, claims.channel) == (world.alice.id, verb, way)
    async with world.db.transaction() as tx:
        assert (await replies.accept(tx, LINKS_BACK.secret, token)).changed
    async with world.db.transaction() as tx:
        again = await replies.by_message(tx, page.notification_id, verb, via=way)
    key = next(key for key, meant in KEYS.items() if meant is verb)
    async with world.db.transaction() as tx:
        said = await answer_text(tx, user_id=world.alice.id, text=f"{key} {page.reply_code}", via=way)
    assert not again.changed
    assert " by you at " in again.said
    assert said == again.said
    (entry,) = await world.entries(DONE[verb])
    assert (entry.actor_name, entry.data["via"].endswith("link")) == ("Alice", True)
