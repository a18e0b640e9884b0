"""Socket Mode: every envelope is acknowledged, every end of a connection is followed by another."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.slack_api import SlackApi
from openalert.notifiers.slack_socket import LONGEST_PAUSE, SlackSocket, _checked
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_socket import FakeSlackSocket

pytestmark = pytest.mark.anyio


class Side:
    """Our side, with what it was given and how long it paused."""

    def __init__(self, workspace: FakeSlack, server: FakeSlackSocket) -> None:
        self.workspace, self.server = workspace, server
        self.given: list[tuple[str, dict[str, Any]]] = []
        self.pauses: list[float] = []
        self.paused = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.breaks = False
        self.api = SlackApi(workspace.settings, OutgoingSettings(deadline=30.0))
        self.socket = SlackSocket(self.api, self._receive, lambda: 0, pause=self._pause)

    async def _receive(self, kind: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        self.given.append((kind, payload))
        if self.breaks:
            raise ValueError("a fault of ours")
        return {"text": "said"} if kind == "slash_commands" else None

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.paused.set()
        await self.go_on.wait()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    """Our side, connected."""
    async with FakeSlack() as workspace, FakeSlackSocket(workspace) as server:
        made = Side(workspace, server)
        task = asyncio.create_task(made.socket.run())
        await server.connected()
        yield made
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.api.close()


async def test_envelopes_are_done_and_acknowledged(side: Side) -> None:
    """Each by its id, with an answer only where Slack takes one."""
    assert set(await side.server.deliver("interactive", {"a": 1})) == {"envelope_id"}
    answer = await side.server.deliver("slash_commands", {"text": "help"}, takes_answer=True)
    assert answer["payload"] == {"text": "said"}
    assert side.given == [("interactive", {"a": 1}), ("slash_commands", {"text": "help"})]
    assert side.socket.is_connected


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_slack_wants_another_connection(side: Side, reason: str) -> None:
    """It is made at once, by a new address, and works."""
    await side.server.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "x"}})
    await side.server.connected(2)
    await side.server.deliver("events_api", {"b": 2})
    assert side.pauses == []
    assert side.given == [("events_api", {"b": 2})]


async def test_a_connection_that_breaks_is_made_again(side: Side) -> None:
    """After a pause of one second, by a new address."""
    await side.server.drop()
    await side.server.connected(2)
    assert side.pauses == [1.0]
    await side.server.deliver("events_api", {})


async def test_a_connection_that_is_closed_without_a_word(side: Side) -> None:
    """It is made again after a pause: a server that closes every connection is not stormed."""
    await side.server.close()
    await side.server.connected(2)
    assert side.pauses == [1.0]


async def test_while_slack_is_down_the_pauses_grow(side: Side) -> None:
    """1, 2, 4 … seconds up to a minute, or what Slack asks for; then it is connected and nothing is left to say."""
    down = {"status": 503, "raw": b"down"}
    planned = [
        *[dict(down) for _ in range(8)],
        {"status": 429, "headers": {"Retry-After": "30"}, "raw": b"slow"},
    ]
    side.workspace.answers["apps.connections.open"].extend(planned)
    await side.server.drop()
    await side.server.connected(2)
    assert (
        side.pauses
        == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, 30.0][
            : len(side.pauses)
        ]
    )
    assert side.pauses[-1] == 30.0
    await side.server.deliver("events_api", {})
    assert side.socket.last_failure == ""


@pytest.mark.parametrize("error", ["invalid_auth", "not_allowed_token_type", "missing_scope"])
async def test_a_token_that_slack_does_not_take_is_told(side: Side, error: str) -> None:
    """The settings page shows Slack's own word; it is tried again, since somebody may put it right."""
    side.go_on.clear()
    side.workspace.answers["apps.connections.open"].append({"ok": False, "error": error})
    await side.server.drop()
    await side.paused.wait()  # broken off
    side.paused.clear()
    side.go_on.set()
    await side.server.connected(2)
    assert len(side.pauses) == 2


async def test_a_fault_while_connecting_is_not_the_end(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, it is tried again: nobody looks after a task that has ended."""
    opened, faults = side.api.open_socket, [ValueError("a fault of ours")]

    async def broken(now: int) -> str:
        if faults:
            raise faults.pop()
        return await opened(now)

    monkeypatch.setattr(side.api, "open_socket", broken)
    await side.server.drop()
    await side.server.connected(2)
    assert side.pauses == [1.0, 2.0]


async def test_switched_off_in_the_app(side: Side) -> None:
    """`link_disabled`: said, and tried again after a pause and not in a storm."""
    side.go_on.clear()
    await side.server.say({"type": "disconnect", "reason": "link_disabled"})
    await side.paused.wait()
    assert side.socket.last_failure == "Socket Mode is switched off in the Slack app."
    assert not side.socket.is_connected


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", '{"type":7}', '{"type":"new","x":1}', '{"payload":{}}']
)
async def test_what_cannot_be_read_ends_nothing(side: Side, text: str) -> None:
    """A message of another form is passed over; the next one is done."""
    await side.server.say(text)
    await side.server.deliver("interactive", {"after": text})
    assert side.given == [("interactive", {"after": text})]
    assert side.server.count == 1


async def test_a_fault_of_ours_ends_nothing(side: Side) -> None:
    """The envelope is acknowledged, or Slack would send it for ever; the connection stays."""
    side.breaks = True
    await side.server.deliver("interactive", {})
    side.breaks = False
    await side.server.deliver("interactive", {})
    assert side.server.count == 1


@pytest.mark.parametrize(
    ("url", "base", "allowed"),
    [
        ("wss://wss-primary.slack.com/link/?ticket=1", "https://slack.com/api", True),
        ("ws://wss-primary.slack.com/link/?ticket=1", "https://slack.com/api", False),
        ("wss://evil.example/?slack.com", "https://slack.com/api", False),
        ("wss://evilslack.com/", "https://slack.com/api", False),
        ("wss://10.0.0.7/", "https://slack.com/api", False),
        ("https://wss.slack.com/", "https://slack.com/api", False),
        ("wss://[broken", "https://slack.com/api", False),
        ("", "https://slack.com/api", False),
        ("ws://127.0.0.1:7/", "http://127.0.0.1:9/api", True),
        ("ws://127.0.0.2:7/", "http://127.0.0.1:9/api", False),
    ],
)
async def test_only_slacks_own_addresses_are_opened(url: str, base: str, allowed: bool) -> None:
    """What an answer says is no reason to connect into somebody's network, or without encryption."""
    if allowed:
        assert _checked(url, base) == url
    else:
        with pytest.raises(NotifierError):
            _checked(url, base)
