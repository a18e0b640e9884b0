"""What comes to /callbacks/slack: Slack's own signature, or nothing happens."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from slack_sdk.signature import Clock, SignatureVerifier

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.config.sections import Slack as SlackSection
from openalert.domain.instant import SECOND
from openalert.storage.database import Database
from openalert.web.callbacks.slack import OLDEST, is_from_slack
from tests.fakes.slack import APP, BOT, SECRET, FakeSlack
from tests.fakes.slack_forms import form_of, pressed, said, signed, typed
from tests.fakes.slack_socket import FakeSlackSocket

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PRESSED = pressed(
    {"action_id": "openalert:acknowledge", "value": "0199e000-0000-7000-8000-000000000001:acknowledge"},
    member="U0BEA000001",
    channel="C0ALERTS001",
    ts="1795258429.000001",
)
BODIES = [
    b"",
    b"payload=%7B%7D",
    b'{"type":"url_verification"}',
    "é\x00\ud7ff".encode(),
    b"\xff\xfe",
    b"x" * 70_000,
]


class _Stopped(Clock):
    """The clock of Slack's library at the moment that we judge by: the two would else differ at the border."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def now(self) -> float:
        """Seconds since 1970."""
        return float(self._seconds)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("secret", [SECRET, "another secret"])
@pytest.mark.parametrize("age", [0, 299, 300, 301, -299, -300, -301])
async def test_the_signature_is_slacks_own(body: bytes, secret: str, age: int) -> None:
    """Slack's library and we agree on every request: right, wrong, old, from the future, changed on the way."""
    now = int(time.time())
    headers = signed(SECRET, body, now - age)
    stamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
    try:
        expected = SignatureVerifier(secret, _Stopped(now)).is_valid(body, stamp, signature)
    except UnicodeDecodeError:  # the library reads text; Slack signs bytes
        expected = secret == SECRET and abs(age) <= OLDEST
    assert is_from_slack(secret, stamp, signature, body, now) is expected
    assert not is_from_slack(secret, stamp, signature, body + b"x", now)
    assert not is_from_slack(secret, str(int(stamp) + 1), signature, body, now)
    assert not is_from_slack(secret, stamp, "v0=" + "0" * 64, body, now)
    assert not is_from_slack("", stamp, signature, body, now)


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "١٢٣", "9" * 400, "0x10", " 1795258429"])
async def test_a_strange_time_is_refused(stamp: str) -> None:
    """Fails closed, and never by an error of ours."""
    assert not is_from_slack(SECRET, stamp, "v0=é\ud800", b"", time.time())


@pytest.fixture
async def workspace() -> AsyncIterator[FakeSlack]:
    """The workspace that the application is connected to."""
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
def config(tmp_path: Path, workspace: FakeSlack) -> Config:
    """Connected to the workspace, by HTTP."""
    return Config(
        server=Server(data_dir=str(tmp_path), api_writes_per_minute=0),
        slack=SlackSection(bot_token=BOT, signing_secret=SECRET, base_url=workspace.base_url),
    )


async def post(
    client: httpx2.AsyncClient, path: str, body: bytes, app: OpenAlert, **headers: str
) -> httpx2.Response:
    """As Slack posts it at this moment, with these headers changed."""
    sent = signed(SECRET, body, app.database.clock() // SECOND) | FORM | headers
    return await client.post(f"/callbacks/slack/{path}", content=body, headers=sent)


async def test_slack_may_ask_whose_address_it_is(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """The challenge comes back, as the set-up of the Events API wants it."""
    body = msgspec.json.encode({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"})
    answer = await post(client, "events", body, app)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})


async def test_a_press_is_taken_at_once(
    app: OpenAlert, client: httpx2.AsyncClient, workspace: FakeSlack
) -> None:
    """200 and nothing else, and then a sentence for whoever pressed; the address in the payload is never asked."""
    answer = await post(client, "actions", form_of(PRESSED), app)
    assert (answer.status_code, answer.content) == (200, b"")
    assert app.slack is not None
    await app.slack.settled()
    (told,) = workspace.ephemeral
    assert told[:2] == ("C0ALERTS001", "U0BEA000001")
    assert {request.path for request in workspace.requests} == {"/api/chat.postEphemeral"}


async def test_a_command_is_answered_in_the_answer(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Whoever typed it sees the sentence alone."""
    body = httpx2.QueryParams(typed("ack 12", member="U0BEA000001"))
    answer = await post(client, "actions", str(body).encode(), app)
    assert answer.json()["response_type"] == "ephemeral"
    assert "not connected" in answer.json()["text"]


@pytest.mark.proves("NO-9", "F-45")
@pytest.mark.parametrize(
    ("path", "body"),
    [("actions", form_of(PRESSED)), ("events", msgspec.json.encode(said("ack", member="U0BEA000001")))],
)
@pytest.mark.parametrize("age", [301, -301])
@pytest.mark.parametrize("headers", [{}, {"X-Slack-Signature": "v0=" + "0" * 64}, {"X-Slack-Signature": ""}])
async def test_forged_and_old_requests_are_refused(
    app: OpenAlert,
    client: httpx2.AsyncClient,
    workspace: FakeSlack,
    path: str,
    body: bytes,
    age: int,
    headers: dict[str, str],
) -> None:
    """403 for a wrong signature and for a recording, and nothing happens."""
    at = app.database.clock() // SECOND - (0 if headers else age)
    answer = await client.post(
        f"/callbacks/slack/{path}", content=body, headers=FORM | signed(SECRET, body, at) | headers
    )
    assert answer.status_code == 403
    assert workspace.requests == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("actions", b"payload=%7Bnot json"),
        ("actions", b"payload=[1]"),
        ("actions", b"\xff=\xff"),
        ("actions", b"nothing=here"),
        ("events", b"not json"),
        ("events", b"[]"),
        ("events", b'{"x":' + b"[" * 200_000),
        ("actions", b"&".join(b"a%d=1" % n for n in range(500))),
    ],
)
async def test_what_cannot_be_read_is_refused(
    app: OpenAlert, client: httpx2.AsyncClient, path: str, body: bytes
) -> None:
    """A sentence, never an error of ours, even when it is signed."""
    assert (await post(client, path, body, app)).status_code == 400


async def test_without_slack_the_addresses_are_closed(sqlite_db: Database, tmp_path: Path) -> None:
    """No secret is configured: nothing can be signed with it, not even with an empty one."""
    app = OpenAlert(
        Config(server=Server(data_dir=str(tmp_path))), sqlite_db, b"a key that signs links in tests"
    )
    async with app.running():
        transport: Any = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 50000))
        async with httpx2.AsyncClient(transport=transport, base_url=app.config.base_url) as client:
            body = form_of(PRESSED)
            headers = signed("", body, app.database.clock() // SECOND) | FORM
            assert (
                await client.post("/callbacks/slack/actions", content=body, headers=headers)
            ).status_code == 403


async def test_by_socket_mode_the_same_happens(
    sqlite_db: Database, tmp_path: Path, workspace: FakeSlack
) -> None:
    """With an app-level token the program connects by itself, answers, and is gone when it ends."""
    section = SlackSection(bot_token=BOT, app_token=APP, base_url=workspace.base_url)
    config = Config(server=Server(data_dir=str(tmp_path)), slack=section)
    app = OpenAlert(config, sqlite_db, b"a key that signs links in tests")
    async with FakeSlackSocket(workspace) as socket, app.running():
        await socket.connected()
        await socket.deliver("interactive", PRESSED)
        assert app.slack is not None
        await app.slack.settled()
        assert workspace.ephemeral[0][2] == "There is no such message."
        command = typed("oncall", member="U0BEA000001")
        answer = await socket.deliver("slash_commands", dict(command), takes_answer=True)
        assert answer["payload"]["response_type"] == "ephemeral"
        workspace.direct("U0BEA000001")
        await socket.deliver("events_api", said("help", member="U0BEA000001"))
        await app.slack.settled()
        assert "not connected" in workspace.direct("U0BEA000001").messages[0].text
        assert app.slack_socket is not None
        assert app.slack_socket.is_connected
    assert socket.count == 1
