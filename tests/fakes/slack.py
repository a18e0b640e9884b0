"""A Slack workspace on loopback: its Web API, its people and channels, and its WebSocket.

It holds what it is sent as Slack would, and fails the test on anything that Slack does not document: a method that does
not exist, a block that is not of its form or over its limits, a text that mentions or links on its own.

async with FakeSlack() as slack:
    slack.faults["chat.postMessage"] = Fault.LOST_ANSWER
    slack.answers["chat.postMessage"].append({"ok": False, "error": "is_archived"})
    ...
    slack.channel("#alerts").messages[0].words()
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from openalert.notifiers.slack_api import SlackSettings
from tests.fakes.slack_forms import WORKSPACE, Refused, check_markup, check_message, words
from tests.fakes.webhook import FakeWebhook, Fault, Received, whole_answer

BOT, APP, SECRET = "xoxb-token-of-the-bot", "xapp-token-of-the-app", "8f742231b10e8888abcd99yyyzzz85a5"
SCOPES = "chat:write,im:write,im:history,channels:history,groups:history,users:read,users:read.email,commands"


class Posted(msgspec.Struct):
    """One message as Slack keeps it."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    edits: int = 0

    @property
    def id(self) -> str:
        """Channel and time stamp, as our receipts name it."""
        return f"{self.channel}:{self.ts}"

    def words(self) -> str:
        """Everything that one reads in it, without the buttons."""
        return "\n".join(words(block) for block in self.blocks if block["type"] != "actions") or self.text

    def buttons(self) -> dict[str, dict[str, Any]]:
        """By what they say."""
        found = [e for block in self.blocks if block["type"] == "actions" for e in block["elements"]]
        return {element["text"]["text"]: element for element in found}


class Member(msgspec.Struct):
    """Somebody of the workspace."""

    id: str
    email: str


class Conversation(msgspec.Struct):
    """A channel, or the messages between the bot and one person."""

    id: str
    name: str = ""
    has_bot: bool = True
    is_archived: bool = False
    messages: list[Posted] = []

    def roots(self) -> list[Posted]:
        """What stands in the channel itself, and not only in a thread."""
        return [each for each in self.messages if each.thread_ts is None or each.broadcast]

    def thread(self, root: Posted) -> list[Posted]:
        """What stands below a message."""
        return [each for each in self.messages if each.thread_ts == root.ts]


class FakeSlack(FakeWebhook):
    """The workspace. `requests` is what it was asked, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.people = {"U0BEA000001": Member("U0BEA000001", "bea@example.com")}
        self.channels = {"C0ALERTS001": Conversation("C0ALERTS001", "alerts")}
        self.ephemeral: list[tuple[str, str, str]] = []
        """(channel, person, text) of messages that only one person saw."""
        self.answers: dict[str, list[dict[str, Any]]] = defaultdict(list)
        """What the next calls of a method are answered without being done; also `status`, `headers` and `raw`."""
        self.faults: dict[str, Fault] = {}
        """What goes wrong after a method was done."""
        self.scopes = SCOPES
        self.unexpected: list[str] = []
        """What Slack would not have understood; leaving fails when there is any."""
        self.connections: Callable[[], str] | None = None
        """Where the next WebSocket is, by tests/fakes/slack_socket.py."""
        self._stamps = itertools.count(1)

    @property
    def settings(self) -> SlackSettings:
        """How our side is configured for this workspace."""
        return SlackSettings(bot_token=BOT, signing_secret=SECRET, app_token=APP, base_url=self.base_url)

    @property
    def base_url(self) -> str:
        """In the place of https://slack.com/api."""
        return f"http://{self.host}:{self.port}/api"

    def channel(self, name: str) -> Conversation:
        """The channel of that name or id."""
        found = [each for each in self.channels.values() if name in (each.id, f"#{each.name}")]
        if not found:
            raise Refused("channel_not_found")
        return found[0]

    def direct(self, member: str) -> Conversation:
        """The bot's conversation with this person."""
        found = "D" + member[1:]
        return self.channels.setdefault(found, Conversation(found))

    def calls(self, method: str) -> list[Received]:
        """The requests for this method."""
        return [request for request in self.requests if request.path == f"/api/{method}"]

    async def __aexit__(self, *_: object) -> None:
        """Ends everything, and fails when something was asked that Slack does not know."""
        await super().__aexit__(*_)
        assert not self.unexpected, self.unexpected

    async def respond(self, request: Received) -> bytes:
        """What the method answers once it is done, or what a test planned for it."""
        method = request.path.removeprefix("/api/")
        planned = self.answers[method].pop(0) if self.answers[method] else None
        found = dict(planned) if planned is not None else self._done(method, request)
        status, headers = found.pop("status", 200), found.pop("headers", {})
        if method == "auth.test":
            headers = headers | {"X-OAuth-Scopes": self.scopes}
        self.fault = self.faults.get(method, Fault.NONE)
        return whole_answer(status, headers, found["raw"] if "raw" in found else msgspec.json.encode(found))

    def _done(self, method: str, request: Received) -> dict[str, Any]:
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._post_ephemeral,
            "conversations.open": self._open,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "users.lookupByEmail": self._look_up,
            "apps.connections.open": self._connect,
        }
        token = APP if method == "apps.connections.open" else BOT
        if request.method != "POST" or method not in known:
            self.unexpected.append(f"{request.method} {request.path}")
            return {"ok": False, "error": "unknown_method"}
        if request.headers.get("authorization") != f"Bearer {token}":
            return {"ok": False, "error": "invalid_auth"}
        try:
            return {"ok": True, **known[method](_arguments(request))}
        except Refused as refused:
            code = str(refused)
            if " " in code:
                self.unexpected.append(code)
            return {"ok": False, "error": code.partition(":")[0]}

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"team": "Example", "user": "openalert", "team_id": WORKSPACE, "user_id": "U0BOT000001"}

    def _writable(self, name: str) -> Conversation:
        found = self.channel(name)
        if found.is_archived:
            raise Refused("is_archived")
        if not found.has_bot:
            raise Refused("not_in_channel")
        return found

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        check_message(arguments)
        channel = self._writable(arguments["channel"])
        thread = arguments.get("thread_ts")
        if thread and thread not in {each.ts for each in channel.messages if each.thread_ts is None}:
            raise Refused(f"a thread below what is no root: {thread}")
        made = Posted(
            channel=channel.id,
            ts=f"{int(time.time())}.{next(self._stamps):06d}",
            text=arguments["text"],
            blocks=arguments.get("blocks", []),
            metadata=arguments.get("metadata"),
            thread_ts=thread,
            broadcast=bool(thread and arguments.get("reply_broadcast")),
        )
        channel.messages.append(made)
        return {"channel": channel.id, "ts": made.ts, "message": {"text": made.text, "blocks": made.blocks}}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        check_message(arguments)
        channel = self.channel(arguments["channel"])
        found = [each for each in channel.messages if each.ts == arguments["ts"]]
        if not found:
            raise Refused("message_not_found")
        found[0].text, found[0].blocks = arguments["text"], arguments["blocks"]
        found[0].edits += 1
        return {"channel": channel.id, "ts": found[0].ts, "text": found[0].text}

    def _post_ephemeral(self, arguments: dict[str, Any]) -> dict[str, Any]:
        check_markup(arguments["text"])
        self._member(arguments["user"])
        channel = self.channel(arguments["channel"])
        self.ephemeral.append((channel.id, arguments["user"], arguments["text"]))
        return {"message_ts": f"{int(time.time())}.{next(self._stamps):06d}"}

    def _member(self, member: str) -> Member:
        if member not in self.people:
            raise Refused("user_not_found")
        return self.people[member]

    def _open(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"channel": {"id": self.direct(self._member(arguments["users"]).id).id}}

    def _history(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._listed(arguments, self._by_id(arguments).roots())

    def _replies(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._by_id(arguments)
        root = [each for each in channel.messages if each.ts == arguments["ts"]]
        if not root:
            raise Refused("thread_not_found")
        return self._listed(arguments, [*root, *channel.thread(root[0])])

    def _by_id(self, arguments: dict[str, Any]) -> Conversation:
        if arguments["channel"] not in self.channels:
            raise Refused("channel_not_found")
        return self.channels[arguments["channel"]]

    def _listed(self, arguments: dict[str, Any], messages: list[Posted]) -> dict[str, Any]:
        shown = arguments.get("include_all_metadata") == "true"
        oldest = float(arguments.get("oldest", "0"))
        return {
            "messages": [
                {"type": "message", "ts": each.ts, "text": each.text}
                | ({"metadata": each.metadata} if shown and each.metadata else {})
                for each in messages
                if float(each.ts) > oldest
            ][-int(arguments.get("limit", "100")) :],
            "has_more": False,
        }

    def _look_up(self, arguments: dict[str, Any]) -> dict[str, Any]:
        for each in self.people.values():
            if each.email == arguments["email"]:
                return {"user": {"id": each.id, "deleted": False, "is_bot": False}}
        raise Refused("users_not_found")

    def _connect(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.connections is None:
            raise Refused("a socket that no test opened")
        return {"url": self.connections()}


_FORMS_ALONE = {"users.lookupByEmail", "apps.connections.open"}


def _arguments(request: Received) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode(), strict_parsing=bool(request.body)))
    if kind != "application/json" or request.path.removeprefix("/api/") in _FORMS_ALONE:
        raise Refused(f"a body of type {kind!r} for {request.path}")
    found = request.json
    assert isinstance(found, dict)
    return found
