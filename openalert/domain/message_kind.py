"""Kinds of messages as their readers tell them apart, and what the words chosen for each may name."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from openalert.domain.template import NAMES


class MessageKind(StrEnum):
    """What a message is to its reader; codes and links that let somebody in are none of these."""

    ANY = "any"
    """Everything about an incident that has no words of its own."""
    PAGE = "page"
    REMINDER = "reminder"
    """A page that comes again, because nobody has answered."""
    NEWS = "news"
    NOTICE = "notice"
    """An owner is told that nobody was reached, or nobody answered."""
    HANDOFF = "handoff"
    TEST = "test"
    HELD = "held"
    """What quiet hours held, told at their end."""
    WEEKLY = "weekly"


class KindOfMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What people call a kind, what it is, and what its words may name."""

    name: str
    meaning: str
    places: Mapping[str, str]
    """What may be named, and what stands there; `labels.…` stands for every label."""
    usual: str
    """What it says where nobody has chosen other words."""
    instead: tuple[MessageKind, ...] = ()
    """Whose words it takes where it has none of its own, the nearest first."""
    is_called: bool = True
    """Whether it can come as a telephone call."""


_NEWS = {"headline": "what happened: “Acknowledged by Bea”", **NAMES}
_TITLE = "{{ incident.title }} ({{ service.name }})"
_HEADLINE = "{{ headline }}"


def _people(headline: str, **more: str) -> dict[str, str]:
    return {
        "headline": f"the usual words: “{headline}”",
        **more,
        "organization.name": "Example",
        "recipient.name": "whom the message is for",
    }


MESSAGE_KINDS: dict[MessageKind, KindOfMessage] = {
    MessageKind.ANY: KindOfMessage(
        name="Every incident",
        meaning="What all messages about an incident call it, where the kinds beside have no words of their own.",
        places=NAMES,
        usual=_TITLE,
    ),
    MessageKind.PAGE: KindOfMessage(
        name="Page",
        meaning="Somebody is to act on an incident.",
        places=NAMES,
        usual=_TITLE,
        instead=(MessageKind.ANY,),
    ),
    MessageKind.REMINDER: KindOfMessage(
        name="Reminder",
        meaning="A page that comes again: in a further round of the policy, or repeated until somebody answers.",
        places=NAMES,
        usual=_TITLE,
        instead=(MessageKind.PAGE, MessageKind.ANY),
    ),
    MessageKind.NEWS: KindOfMessage(
        name="News",
        meaning="What became of an incident, for who was paged and for channels that follow its service.",
        places=_NEWS,
        usual=_TITLE,
        instead=(MessageKind.ANY,),
        is_called=False,
    ),
    MessageKind.NOTICE: KindOfMessage(
        name="Notice to owners",
        meaning="Nobody could be reached for an incident, or nobody has answered.",
        places=_NEWS,
        usual=_TITLE,
        instead=(MessageKind.ANY,),
    ),
    MessageKind.HANDOFF: KindOfMessage(
        name="Shifts",
        meaning="Somebody's turn begins, ends or was changed.",
        places=_people("You are on call for Core now", **{"schedule.name": "Core"}),
        usual=_HEADLINE,
    ),
    MessageKind.TEST: KindOfMessage(
        name="Test",
        meaning="Test pages, fire drills and the test of one address.",
        places=_people("Test page: press “I got it”"),
        usual=_HEADLINE,
    ),
    MessageKind.HELD: KindOfMessage(
        name="After quiet hours",
        meaning="What was held for somebody, told when their quiet time is over.",
        places=_people("2 pages were held for you, 1 still open"),
        usual=_HEADLINE,
    ),
    MessageKind.WEEKLY: KindOfMessage(
        name="Weekly report",
        meaning="What an owner should mend, on Mondays.",
        places=_people("3 things to mend before they keep a page from arriving"),
        usual=_HEADLINE,
    ),
}


def in_turn(kind: MessageKind) -> tuple[MessageKind, ...]:
    """Whose words count for a message of this kind: its own, else those that it takes instead, the first that exist."""
    return (kind, *MESSAGE_KINDS[kind].instead)
