"""One message of each kind that people get, in the words that the product writes, for tests of every channel."""

from typing import Any

from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import MINUTE
from openalert.domain.message_kind import MessageKind
from openalert.domain.notification import Notification, NotificationKind
from openalert.notifiers.notifier import Action, Message, Point
from openalert.usecases import test_pages
from tests.notifiers.messages import BASE_URL, NOW, incident, page, resolved
from tests.notifiers.rigs import Rig

OTHERS = ["#43 Replication lag on db-2", "#44 Disk almost full on db-3"]
_NOTHING: dict[str, Any] = {
    "incident": None,
    "escalation_note": "",
    "incident_url": "",
    "actions": [],
    "thread_key": "",
    "reply_code": 0,
}


def _test(channel: str, **content: Any) -> dict[str, Any]:
    """The changes that make a page a test page by this channel."""
    row = Notification(
        id="0199e000-0000-7000-8000-000000000009",
        effect_key="",
        organization_id="",
        team_id=None,
        incident_id=None,
        kind=NotificationKind.TEST,
        user_id="",
        channel=channel,
        address="",
        reason="",
        content={test_pages.PROVES: True, **content},
        due_at=NOW,
        give_up_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    message = page(**_NOTHING)
    test_pages.write(row, message, BASE_URL, b"k" * 32)
    reason = "Ana Ruiz sent a test page."
    told = {"headline": message.headline, "body": message.body, "actions": message.actions}
    return {**_NOTHING, "kind": NotificationKind.TEST, "reason": reason, **told}


def _people(kind: NotificationKind, headline: str, body: str, reason: str = "") -> dict[str, Any]:
    return {**_NOTHING, "kind": kind, "headline": headline, "body": body, "reason": reason}


def _open(label: str, path: str) -> Action:
    return Action(verb="open", label=label, url=f"{BASE_URL}{path}")


def _held(channel: str) -> dict[str, Any]:
    what, state = "#42 Disk almost full on db-1", "since Fri 03:00, nobody has acknowledged it"
    body, points = f"{what} (critical): {state}", []
    if channel == "email":
        detail = f"{state.capitalize()}."
        body = ""
        points = [Point(tone="critical", words=what, detail=detail, url=f"{BASE_URL}/incidents/42")]
    headline = "1 page was held for you, it is still open"
    return _people(NotificationKind.DIGEST, headline, body, "Your quiet time is over.") | {
        "points": points,
        "actions": [_open("See all incidents", "/incidents")],
    }


def _weekly(channel: str) -> dict[str, Any]:
    words, when = "Nobody is on call for Core weekly", "Sat 24 Oct 09:00 to 21:00"
    points = [
        Point(tone="critical", words="Core policy reaches nobody", url=f"{BASE_URL}/warnings"),
        Point(tone="high", words=words, when=when, detail="Take a shift.", url=f"{BASE_URL}/schedules/1"),
    ]
    actions = [_open("See all warnings", "/warnings")]
    headline = "2 things to mend before they keep a page from arriving"
    body = "The coming 30 days, as far as they can be known; the worst first."
    if channel != "email":
        headline = "2 things to mend, first: Core policy reaches nobody"
        body, points = f"{words}, {when}.", []
    return _people(NotificationKind.DIGEST, headline, body, "You own the organization.") | {
        "points": points,
        "actions": actions,
    }


_NEWS: dict[str, Any] = {"kind": NotificationKind.UPDATE, "escalation_note": "", "actions": []}
_OVER = resolved()
_CHANGES: dict[str, dict[str, Any]] = {
    "page": {},
    "reminder": {"at": NOW + 15 * MINUTE, "is_reminder": True},
    "asked": {
        "is_request": True,
        "escalation_note": "Ana Ruiz asks you to help with #42: the disk fills again.",
        "reason": "You were asked for help by name, not by an escalation policy.",
        "actions": [
            Action(verb="join", label="I am coming", url=f"{BASE_URL}/a/tok3n-join"),
            Action(verb="decline", label="I cannot come", url=f"{BASE_URL}/a/tok3n-decline"),
        ],
    },
    "storm": {"bundle": OTHERS},
    "repeat": {"possible_repeat": True},
    "acknowledged": {
        **_NEWS,
        "headline": "Acknowledged by Bea Núñez",
        "incident": incident(status=IncidentStatus.ACKNOWLEDGED),
        "reason": "You were paged for this incident.",
    },
    "resolved": {**_NEWS, "headline": _OVER.headline, "incident": _OVER.incident, "at": _OVER.at},
    "followed": {
        **_NEWS,
        "kind": NotificationKind.FOLLOW,
        "headline": "Escalated to level 2",
        "body": "Ana Ruiz to be paged.",
        "reason": "This channel follows the service.",
    },
    "notice": {
        "kind": NotificationKind.NOTICE,
        "headline": "Nobody acknowledged",
        "body": "Somebody must look at this incident now.",
        "reason": "You own Example Org.",
        "escalation_note": "",
    },
    "warning": _people(
        NotificationKind.NOTICE,
        "Slack: the provider refuses our credentials",
        "Messages that go by it fail until that is mended. It said: invalid_auth.",
        "You own the organization.",
    )
    | {"actions": [_open("Open the channels", "/settings/channels#slack")]},
    "handoff": _people(
        NotificationKind.HANDOFF,
        "You are on call for Core weekly now",
        "At least until Mon 19 Oct, 09:00.",
        "You want to hear when your turn begins and ends.",
    )
    | {"actions": [_open("Open the schedule", "/schedules/1")]},
    "shifts": _people(
        NotificationKind.HANDOFF,
        "Your shifts in Core weekly have changed",
        "You are on call too:\n  Sat 17 Oct 09:00 to Sun 18 Oct 09:00\nChanged by Ana Ruiz.",
        "Somebody edited a schedule in which you are on call.",
    )
    | {"actions": [_open("Open the schedule", "/schedules/1")]},
    "code": _people(
        NotificationKind.CODE,
        "Your code is 1234 5678",
        "Enter it in OpenAlert within ten minutes. If you did not ask for it, do nothing.",
    ),
    "invitation": _people(
        NotificationKind.LINK,
        "You are invited to Example Org on OpenAlert",
        "Ana Ruiz (ana@example.com) invites you.\n\nPress the button to choose your name and password.",
    )
    | {"actions": [_open("Accept the invitation", "/invitation/t0ken")]},
    "reset": _people(
        NotificationKind.LINK,
        "Choose a new password",
        "The link is good once, for half an hour. Choosing a password signs you out everywhere.",
    )
    | {"actions": [_open("Choose a new password", "/reset/t0ken")]},
}


def changes(name: str, channel: str) -> dict[str, Any]:
    """What of a page is otherwise in a message of this name, by this channel."""
    match name:
        case "test":
            return _test(channel)
        case "drill":
            return _test(channel, **{test_pages.DRILL: "0199"})
        case "weekly":
            return _weekly(channel)
        case "held":
            return _held(channel)
        case _:
            return _CHANGES[name]


KINDS = {
    "page": "Disk almost full",
    "reminder": "Disk almost full",
    "asked": "Ana Ruiz asks you to help",
    "storm": "Replication lag",
    "repeat": "Disk almost full",
    "acknowledged": "Acknowledged by Bea",
    "resolved": "Resolved by Bea",
    "followed": "Escalated to level 2",
    "notice": "Nobody acknowledged",
    "warning": "refuses our credentials",
    "test": "Test page",
    "drill": "Fire drill",
    "handoff": "You are on call for Core weekly now",
    "shifts": "Your shifts in Core weekly have changed",
    "held": "1 page was held for you",
    "weekly": "Core policy reaches nobody",
    "code": "1234 5678",
    "invitation": "You are invited to Example Org",
    "reset": "Choose a new password",
}
"""By name, what each is about."""
ASKING = frozenset({"page", "reminder", "asked", "storm", "repeat", "notice", "test", "drill"})
"""Those that want an answer."""
NAMED = {
    MessageKind.PAGE: "page",
    MessageKind.REMINDER: "reminder",
    MessageKind.NEWS: "acknowledged",
    MessageKind.NOTICE: "notice",
    MessageKind.HANDOFF: "handoff",
    MessageKind.TEST: "test",
    MessageKind.HELD: "held",
    MessageKind.WEEKLY: "weekly",
}
"""An example of each kind that can have words of its own."""


def message(rig: Rig, name: str) -> Message:
    """The message of this name to the other side of the rig."""
    return rig.message(**changes(name, rig.notifier.channel))
