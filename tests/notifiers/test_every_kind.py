"""Every channel with every kind of message: something arrives that says what it is about, and can be answered."""

import re

import pytest

from openalert.domain.action import Verb
from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.notification import NotificationKind
from openalert.notifiers import NOTIFIERS
from openalert.notifiers.notifier import Action
from openalert.usecases import words
from openalert.usecases.offers import LABELS
from tests.notifiers import kinds
from tests.notifiers.kinds import ASKING, KINDS, NAMED
from tests.notifiers.messages import BASE_URL, NOW
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


VERBS = (Verb.ACKNOWLEDGE, Verb.RESOLVE, Verb.SNOOZE, Verb.ESCALATE, Verb.HAND_ON)
BEHIND = {"apprise": "More", "push": "/a/tok3n-acknowledge", "sms": "0 = help"}
"""Channels that have no room for five buttons, and what of theirs leads to the other verbs."""


async def test_all_that_can_be_done_is_within_reach(rig: Rig) -> None:
    """Snoozing, escalating and handing on too: by buttons, links or keys of their own, or by one that leads to them."""
    offers = [Action(verb=verb, label=LABELS[verb], url=f"{BASE_URL}/a/tok3n-{verb}") for verb in VERBS]
    page = rig.message(actions=offers)
    await rig.notifier.send(page, NOW)
    channel = rig.notifier.channel
    if channel in BEHIND:
        assert BEHIND[channel] in " ".join([*rig.answers(page), rig.shown(page)])
    elif channel == "voice":
        assert all(f"press {key}" in rig.shown(page) for key in (4, 5, 6, 7, 8))
    else:
        # In a channel of Slack nobody was paged alone who could hand it on; whoever was has the button.
        assert len(rig.answers(page)) >= len(offers) - (channel == "slack")


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
