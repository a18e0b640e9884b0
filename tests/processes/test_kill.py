"""kill -9 at any moment loses nothing that was answered and pages nobody twice without saying so."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import httpx2
import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook, Fault
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KILLS = 5
MANY = [
    pytest.param(KILLS, marks=pytest.mark.timeout(900)),
    pytest.param(100, marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)]),
]
SENDERS = 4


class Load:
    """Senders that post new alerts without a pause, and remember which ones were answered with 202."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.answered: dict[str, str] = {}
        """Title to the id of the incident that the answer named."""
        self.strange: list[int] = []
        self._running = True

    async def send(self, sender: int) -> None:
        """One sender, until `stop`."""
        number = 0
        while self._running:
            number += 1
            title = f"alert-{sender}-{number}"
            try:
                answer = await self.house.post(title)
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 202:
                self.answered[title] = answer.json()["incidents"][0]["id"]
            elif answer.status_code != 503:
                self.strange.append(answer.status_code)
            await asyncio.sleep(0.01)

    async def more(self) -> None:
        """Returns once some more have been answered."""
        wanted = len(self.answered) + 5

        async def came() -> bool:
            return len(self.answered) >= wanted

        await until(came)

    def stop(self) -> None:
        """Nothing more is posted."""
        self._running = False


@pytest.mark.parametrize("kills", MANY)
@pytest.mark.proves("IN-1", "NO-2", "F-03")
async def test_kill_9_under_load_loses_no_answered_alert_and_doubles_no_page(
    server: Server, smtp: FakeSmtp, kills: int, measured: Callable[..., None]
) -> None:
    """Killed again and again while alerts come in and mail goes out; the fake mail server is the ledger of pages."""
    house = await settle_in(server)
    load = Load(house)
    senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
    start = 0.0
    for seed in range(kills):
        await load.more()
        await asyncio.sleep(random.Random(seed).uniform(0, 0.9))
        await server.kill()
        server.afresh = (
            seed == kills - 1
        )  # what is measured is the start of a program that nobody has imported
        start = await server.start()
    load.stop()
    await asyncio.gather(*senders)
    assert load.strange == []

    stored = {alert["title"]: alert for alert in await server.items("/alerts")}
    numbers = [incident["number"] for incident in await server.items("/incidents")]
    assert {title for title in load.answered if title not in stored} == set()
    assert {t for t, incident in load.answered.items() if stored[t]["incidentId"] != incident} == set()
    assert len(numbers) == len(set(numbers))
    # A mail that a busy machine broke off four times is tried again after nearly three minutes.
    await until(lambda: _all_sent(server), 400 + 5 * kills)

    pages = Counter(
        (str(mail.recipients), mail.subject) for mail in smtp.mails if "(possible repeat)" not in mail.subject
    )
    assert [page for page, count in pages.items() if count > 1] == []
    named = " ".join(_subjects(smtp) + [mail.text for mail in smtp.mails]).split()
    assert set(load.answered) - set(named) == set()
    measured(kills=kills, answered=len(load.answered), lost=0, doubled=0, start_ms=int(start * 1000))


@pytest.mark.proves("NO-2", "F-03")
async def test_kill_9_between_claim_send_and_settle_repeats_a_webhook_once_and_says_so(
    server: Server,
) -> None:
    """A slow receiver is the ledger: each message is there once, or again with the mark on all but the first.

    Where the first was killed before it arrived, or the second was killed as well, the first to arrive has the mark.
    """
    async with FakeWebhook() as receiver:
        receiver.fault, receiver.delay = Fault.SLOW, 0.2
        house = await settle_in(server)
        await _paged_by_webhook(server, house, receiver)
        load = Load(house)
        senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
        for seed in range(KILLS):
            await load.more()
            await asyncio.sleep(random.Random(seed).uniform(0, 0.4))
            await server.kill()
            await server.start()
        load.stop()
        await asyncio.gather(*senders)
        receiver.fault = Fault.NONE
        await until(lambda: _none_is_open(server), 120)

        marks: dict[str, list[bool]] = {}
        titles = set()
        for request in receiver.requests:
            marks.setdefault(request.headers["webhook-id"], []).append(request.json["data"]["possibleRepeat"])
            titles.add(request.json["data"]["incident"]["title"])
        assert {title for title in load.answered if title not in titles} == set()
        assert [each for each in marks.values() if not all(each[1:]) or len(each) > KILLS + 1] == []
        assert (False, True) in {tuple(each) for each in marks.values()}, "no kill hit a message on its way"


async def _paged_by_webhook(server: Server, house: House, receiver: FakeWebhook) -> None:
    """In place of people, a webhook of the team is what the first level pages."""
    channel = await server.call(
        "POST",
        "/channels",
        {"type": "webhook", "name": "Ledger", "teamId": house.team_id, "config": {"url": receiver.url}},
    )
    policy = await server.call(
        "POST",
        "/escalation-policies",
        {
            "name": "Ledger",
            "teamId": house.team_id,
            "levels": [{"delayMinutes": 0, "targets": [{"type": "channel", "id": channel["id"]}]}],
        },
    )
    service = await server.call(
        "POST", "/services", {"name": "Ledger", "teamId": house.team_id, "escalationPolicyId": policy["id"]}
    )
    integration = await server.call("POST", "/integrations", {"name": "Ledger", "serviceId": service["id"]})
    house.key = integration["integrationKey"]


async def _none_is_open(server: Server) -> bool:
    """Every incident has its page, and none of these waits for anything more."""
    rows = [row for row in await server.items("/notifications") if row["kind"] == "page"]
    open_ = [row for row in rows if row["status"] in ("pending", "sending") or row["dueAt"] is not None]
    return not open_ and len(rows) == len(await server.items("/incidents"))


def _subjects(smtp: FakeSmtp) -> list[str]:
    return [mail.subject for mail in smtp.mails]


async def _all_sent(server: Server) -> bool:
    """Every incident has its page, and every page is with the mail server."""
    paged = {row["incidentId"] for row in await server.items("/notifications?status=sent")}
    return paged == {incident["id"] for incident in await server.items("/incidents")}


@pytest.mark.proves("ST-1", "ST-3", "F-03")
async def test_kill_9_between_acts_leaves_one_chain_with_every_answered_act(server: Server) -> None:
    """Killed three times while people change things: each change that was answered is in the audit log, which is
    whole, beside the server and without one.
    """
    await settle_in(server)
    answered: set[str] = set()
    running = True

    async def change(writer: int) -> None:
        number = 0
        while running:
            number += 1
            name = f"team {writer} {number}"
            try:
                made = await server.client.post("/api/v1/teams", json={"name": name})
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
                continue
            if made.status_code == 201:
                answered.add(name)

    writers = [asyncio.create_task(change(number)) for number in range(3)]
    for seed in range(3):
        wanted = len(answered) + 4

        async def came(wanted: int = wanted) -> bool:
            return len(answered) >= wanted

        await until(came)
        await asyncio.sleep(random.Random(seed).uniform(0, 0.4))
        await server.kill()
        await server.start()
    running = False
    await asyncio.gather(*writers)
    assert len(answered) > 10

    made = await server.items("/audit-log?act=team.created")
    assert answered <= {entry["target"]["name"] for entry in made}
    beside = server.run("verify")
    assert beside.returncode == 0, beside.stdout + beside.stderr
    await server.kill()
    alone = server.run("verify", "--expect", beside.stdout.split()[-1])
    assert alone.returncode == 0, alone.stdout + alone.stderr
