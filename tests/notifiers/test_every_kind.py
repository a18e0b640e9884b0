"""Every channel with every kind of message: something arrives that says what it is about, and can be answered."""

import re

import pytest

from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.notification import NotificationKind
from openalert.notifiers import NOTIFIERS
from openalert.usecases import words
from tests.notifiers import kinds
from tests.notifiers.kinds import ASKING, KINDS, NAMED
from tests.notifiers.messages import NOW
from tests.notifiers.rigs import Rig

pytestmark = pytest.mark.anyio


def _bare(text: str) -> str:
    """Letters and digits alone: how a channel breaks lines, marks words and spells numbers is its own business."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.parametrize("name", KINDS)
async def test_it_arrives_and_says_what_it_is_about(rig: Rig, name: str) -> None:
    """By every channel there is, somebody who gets a message of any kind can tell what it is about."""
    message = kinds.message(rig, name)
    await rig.notifier.send(message, NOW)
    assert rig.arrived() == 1
    assert _bare(KINDS[name]) in _bare(rig.shown(message))


@pytest.mark.parametrize("name", sorted(ASKING))
async def test_what_asks_can_be_answered_where_it_arrives(rig: Rig, name: str) -> None:
    """By every channel there is, a page, a notice and a test page bring a button, a link, a code or a key."""
    await rig.notifier.send(asking := kinds.message(rig, name), NOW)
    assert rig.answers(asking)


@pytest.mark.parametrize("kind", NAMED)
async def test_own_words_take_the_place_of_the_usual_ones_and_of_nothing_else(
    rig: Rig, kind: MessageKind
) -> None:
    """Whatever an organization writes for a kind: it arrives, and number, severity and the ways to answer stay."""
    message = kinds.message(rig, NAMED[kind])
    channel = rig.notifier.channel
    way = words.way_of(channel)
    text = "Kitchen fire at {{ organization.name }}"
    if words.takes(channel) and way in words.ways_of(kind):
        words.say(message, words.filled(text, kind, way, message))
    await rig.notifier.send(message, NOW)
    shown = _bare(rig.shown(message))
    own = (
        "Kitchen fire at Example Org"
        if words.takes(channel) and way in words.ways_of(kind)
        else KINDS[NAMED[kind]]
    )
    assert _bare(own) in shown
    if message.incident is not None:
        assert "42" in shown
    if message.kind is NotificationKind.PAGE:
        assert "critical" in shown
    if NAMED[kind] in ASKING:
        assert rig.answers(message)


def test_every_kind_that_can_have_words_is_among_these() -> None:
    """A kind that is added without an example here is not proven on any channel."""
    assert set(NAMED) == set(MESSAGE_KINDS) - {MessageKind.ANY}
    assert {kinds.changes(name, "email").get("kind", NotificationKind.PAGE) for name in KINDS} == set(
        NotificationKind
    )
    assert set(CONTACT_KINDS) | set(CHANNEL_KINDS) <= set(NOTIFIERS)
