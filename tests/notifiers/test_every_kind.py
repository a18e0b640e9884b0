"""Every channel with every kind of message: something arrives that says what it is about, and pages can be answered."""

import re
from typing import Any

import pytest

from openalert.domain.notification import NotificationKind
from openalert.notifiers.notifier import Message
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW
from tests.notifiers.rigs import Rig

pytestmark = pytest.mark.anyio


def _about_nothing(rig: Rig, kind: NotificationKind, headline: str, body: str) -> Message:
    facts: dict[str, Any] = {
        "incident": None,
        "escalation_note": "",
        "incident_url": "",
        "actions": [],
        "thread_key": "",
    }
    return rig.message(kind=kind, headline=headline, body=body, reason="It is yours to know.", **facts)


def _message(rig: Rig, kind: NotificationKind) -> tuple[Message, str]:
    """A message of this kind to the other side, and what it is about."""
    match kind:
        case NotificationKind.PAGE:
            return rig.message(), "Disk almost full"
        case NotificationKind.UPDATE | NotificationKind.FOLLOW:
            news = rig.message(kind=kind, headline="Resolved by Bea Núñez", actions=[], escalation_note="")
            return news, "Disk almost full"
        case NotificationKind.TEST:
            proof = messages.proof()
            return _about_nothing(rig, kind, proof.headline, proof.body), "Test page from OpenAlert"
        case NotificationKind.NOTICE:
            return _about_nothing(rig, kind, "Nobody was reached", "All ways failed."), "Nobody was reached"
        case NotificationKind.CODE:
            return _about_nothing(rig, kind, "Your code is 1234 5678", "It ends in ten minutes."), "12345678"
        case NotificationKind.LINK:
            body = f"Open this link: {BASE_URL}/reset/t0ken"
            return _about_nothing(rig, kind, "A new password", body), "A new password"
        case NotificationKind.HANDOFF:
            body = "Until Monday at nine, for Core."
            return _about_nothing(rig, kind, "You are on call now", body), "You are on call now"
        case NotificationKind.DIGEST:
            return _about_nothing(rig, kind, "While it was quiet", "Two pages."), "While it was quiet"


def _bare(text: str) -> str:
    """Letters and digits alone: how a channel breaks lines, marks words and spells numbers is its own business."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.parametrize("kind", list(NotificationKind))
async def test_it_arrives_and_says_what_it_is_about(rig: Rig, kind: NotificationKind) -> None:
    """By every channel there is, somebody who gets a message of any kind can tell what it is about."""
    message, about = _message(rig, kind)
    await rig.notifier.send(message, NOW)
    assert rig.arrived() == 1
    assert _bare(about) in _bare(rig.shown(message))


async def test_a_page_can_be_answered_where_it_arrives(rig: Rig) -> None:
    """By every channel there is, a page brings a button, a link, a code or a key."""
    await rig.notifier.send(page := rig.message(), NOW)
    assert rig.answers(page)
