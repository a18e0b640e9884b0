"""The mail server goes away and comes back: pages arrive late, other channels do not wait."""

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.proves("NO-1", "NO-4", "F-16")
async def test_a_page_is_tried_again_until_the_mail_server_is_back(server: Server, smtp: FakeSmtp) -> None:
    """Refused for some seconds, delivered once; the webhook channel of the same level got it at once."""
    house = await settle_in(server)
    async with FakeWebhook() as receiver:
        channel = await server.call(
            "POST",
            "/channels",
            {"name": "Chat", "type": "webhook", "teamId": house.team_id, "config": {"url": receiver.url}},
        )
        targets = [{"type": "user", "id": house.bea_id}, {"type": "channel", "id": channel["id"]}]
        await server.call(
            "PATCH",
            f"/escalation-policies/{house.policy_id}",
            {"levels": [{"delayMinutes": 0, "targets": targets}]},
        )
        await smtp.down()
        answer = await house.post("disk full", severity="critical")
        incident = answer.json()["incidents"][0]["id"]
        await until(lambda: _said(receiver))  # while the mail server is still away

        async def tried_twice() -> dict[str, object] | None:
            rows = await server.items(f"/incidents/{incident}/notifications")
            mail = next(row for row in rows if row["channel"] == "email")
            return mail if mail["attempts"] >= 2 else None

        waiting = await until(tried_twice)
        assert waiting["status"] in ("pending", "sending")
        assert waiting["failureReason"]
        await smtp.up()
        await smtp.received(1)

        async def sent() -> bool:
            rows = await server.items(f"/incidents/{incident}/notifications")
            return {row["status"] for row in rows} == {"sent"}

        await until(sent)
        assert [mail.subject for mail in smtp.mails] == ["[#1] CRITICAL: disk full (Shop)"]
        assert len(receiver.requests) == 1


async def _said(receiver: FakeWebhook) -> int:
    return len(receiver.requests)
