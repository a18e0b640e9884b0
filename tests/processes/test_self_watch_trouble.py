"""A disk without room, a loop that is held up, a provider that never answers: switch and banner say so, and heal.

What people see (the banner on every page, for everybody who is signed in) and what somebody outside hears (the
dead-man's switch) turn together, name what is wrong, and turn back by themselves once it is over.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx2
import pytest

from tests.fakes.smtp import FakeSmtp, SmtpMode
from tests.fakes.webhook import FakeWebhook
from tests.processes.conftest import mailing, small_disk
from tests.processes.server import House, Server, hurting, settle_in, signed_in, until
from tests.processes.server import hurt as do
from tests.processes.test_disk_full import MIB, ballast

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
BANNER = "An alert arriving now might page nobody."


class Outside:
    """Who looks at one server from outside: the switch, and somebody with a browser."""

    def __init__(self, switch: FakeWebhook, browser: httpx2.AsyncClient) -> None:
        self.switch = switch
        self.browser = browser

    async def turns_bad(self, words: str) -> None:
        """The switch hears this from now on, and the banner is on every page; the System page has the same reason."""
        await self._hears("/ping/fail", words)
        await until(lambda: self.banner_is(on=True))
        assert words in (await self.browser.get("/settings/system")).text

    async def turns_good(self) -> None:
        """The switch hears the good word from now on, and the banner is gone."""
        await self._hears("/ping", "")
        await until(lambda: self.banner_is(on=False))

    async def _hears(self, path: str, words: str) -> None:
        self.switch.requests.clear()

        async def said() -> bool:
            return any(each.path == path and words in each.body.decode() for each in self.switch.requests)

        await until(said)

    async def banner_is(self, *, on: bool) -> bool:
        """Whether a page is served, with the banner or without it."""
        answer = await self.browser.get("/incidents")
        return answer.status_code == 200 and (BANNER in answer.text) is on


def _watching(folder: Path, smtp: FakeSmtp, switch: FakeWebhook, **settings: str) -> Server:
    return mailing(
        folder,
        smtp,
        self_monitor_canary="true",
        self_monitor_every_seconds="2",
        self_monitor_url=f"http://127.0.0.1:{switch.port}/ping",
        **settings,
    )


@asynccontextmanager
async def _outside(server: Server, switch: FakeWebhook) -> AsyncIterator[Outside]:
    """Bea, who may see the page System, has signed in."""
    (bea,) = [each for each in await server.items("/users") if each["name"] == "Bea"]
    await server.call("PATCH", f"/users/{bea['id']}", {"role": "admin"})
    async with signed_in(server) as browser:
        yield Outside(switch, browser)


@pytest.fixture
async def on_a_small_disk(tmp_path: Path, smtp: FakeSmtp, switch: FakeWebhook) -> AsyncIterator[Server]:
    """A server whose data is on a disk of 48 MiB, with a reserve of 8 MiB."""
    with small_disk(tmp_path / "data", 48 * MIB):
        running = _watching(tmp_path, smtp, switch, database_reserve_mib="8")
        yield running
        await running.close()


@pytest.mark.proves("SM-1", "DB-2", "F-08")
async def test_a_full_disk_turns_switch_and_banner_until_there_is_room(
    on_a_small_disk: Server, switch: FakeWebhook
) -> None:
    """While new alerts are refused everybody who could make room hears why, and sees it."""
    await settle_in(on_a_small_disk)
    async with _outside(on_a_small_disk, switch) as outside:
        await outside.turns_good()
        with ballast(on_a_small_disk.data):
            await outside.turns_bad("The disk is full")
            assert (await on_a_small_disk.client.get("/health")).status_code == 200
        await outside.turns_good()


@pytest.fixture
async def hurt(tmp_path: Path, smtp: FakeSmtp, switch: FakeWebhook) -> AsyncIterator[Server]:
    """A server that holds its own loop up when it is told to, and gives a canary two seconds."""
    server = hurting(_watching(tmp_path, smtp, switch), {"HURT_TOLD_AFTER": "1", "HURT_CANARY_BUDGET": "2"})
    yield server
    await server.close()


async def _silent_while_blocked(server: Server, switch: FakeWebhook) -> bool:
    """Whether the switch heard nothing at all while the loop certainly stood; asked again where that is not certain."""
    said = len(server.log.read_text())
    do(server, "block 5")
    await until(lambda: _says(server, "the event loop is held up", said))
    switch.requests.clear()
    await asyncio.sleep(2.5)
    heard = [each.path for each in switch.requests]
    is_certain = not await _says(server, "the event loop turns again", said)
    await until(lambda: _says(server, "the event loop turns again", said))
    assert not is_certain or heard == []
    return is_certain


async def _says(server: Server, words: str, after: int) -> bool:
    return words in server.log.read_text()[after:]


@pytest.mark.proves("SM-1", "NO-4", "F-26", "F-16", "F-17")
async def test_a_held_up_loop_and_a_hung_provider_turn_switch_and_banner(
    hurt: Server, smtp: FakeSmtp, switch: FakeWebhook
) -> None:
    """A loop that stands is silence; one that hardly turns is told; a provider that hangs is named, and holds nobody
    else up. All of it heals by itself.
    """
    house = await settle_in(hurt)
    async with _outside(hurt, switch) as outside, FakeWebhook() as chat:
        await outside.turns_good()
        await until(lambda: _silent_while_blocked(hurt, switch))
        await outside.turns_good()

        do(hurt, "stutter 0.4")
        await outside.turns_bad("canary did not come through")
        do(hurt, "stutter 0")
        await outside.turns_good()

        other = await _told_by_chat(house, chat)
        smtp.mode, smtp.delay = SmtpMode.TARPIT, 3600
        await house.post("nobody answers the mail")

        async def hangs() -> bool:
            return bool(smtp.open)

        await until(hangs)
        await hurt.client.post(
            f"/webhooks/generic/{other}", json={"title": "by chat", "dedup_key": "by chat"}
        )

        async def arrived() -> bool:
            return any("by chat" in each.body.decode() for each in chat.requests)

        await until(arrived)
        await until(lambda: _made_late(hurt))
        await outside.turns_bad("(E-mail), and nobody was told of its incident")
        assert smtp.mails == []

        smtp.mode = SmtpMode.OK
        await smtp.down()
        await smtp.up()
        await outside.turns_good()
        await smtp.received(1)
        (incident,) = [
            each for each in await hurt.items("/incidents") if each["title"] == "nobody answers the mail"
        ]
        story = await hurt.items(f"/incidents/{incident['id']}/timeline")
        assert any(each["kind"] == "notification" and each["data"]["status"] == "sent" for each in story)


async def _told_by_chat(house: House, chat: FakeWebhook) -> str:
    """The key of a service whose incidents are told a place on another provider."""
    call = house.server.call
    url = f"http://127.0.0.1:{chat.port}/room"
    body = {"type": "webhook", "name": "Chat", "teamId": house.team_id, "config": {"url": url}}
    channel = await call("POST", "/channels", body)
    levels = [{"delayMinutes": 0, "targets": [{"type": "channel", "id": channel["id"]}]}]
    policy = await call(
        "POST", "/escalation-policies", {"name": "Chat", "teamId": house.team_id, "levels": levels}
    )
    members = {"name": "Search", "teamId": house.team_id, "escalationPolicyId": policy["id"]}
    service = await call("POST", "/services", members)
    made = await call("POST", "/integrations", {"name": "Any", "serviceId": service["id"]})
    return str(made["integrationKey"])


async def _made_late(server: Server) -> bool:
    """The minute that a page may wait is taken off it from outside, so that the test does not last one."""
    with closing(sqlite3.connect(server.data / "openalert.db", timeout=10)) as database:
        changed = database.execute(
            "UPDATE notifications SET give_up_at = give_up_at - 70000 WHERE kind = 'page' AND channel = 'email' "
            "AND status IN ('pending', 'sending', 'unknown') AND due_at IS NOT NULL"
        ).rowcount
        database.commit()
    return changed > 0
