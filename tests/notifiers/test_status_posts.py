"""What Slack, Teams and webhooks are told of a status page: documented shapes, real signatures, no acting words."""

import hashlib
import hmac
import re
import time
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from openalert.domain.instant import HOUR
from openalert.domain.status_page import Impact, PublicKind, PublicStatus
from openalert.notifiers import status_post, status_slack, status_teams, status_webhook
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings
from openalert.notifiers.notifier import Reason
from openalert.notifiers.webhook import new_secret
from tests.fakes.slack_hook import FakeSlackHook
from tests.fakes.teams import FakeTeams
from tests.fakes.webhook import FakeWebhook
from tests.notifiers import status_news as some
from tests.notifiers.status_news import DOCUMENTATION, MANAGE, NOW

pytestmark = pytest.mark.anyio

SETTINGS = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30)
HOSTILE = "<!channel> <at>everyone</at> {{DATE(2026)}} *x* <https://evil.example|click> \u202egnp.exe\x00"
INCIDENT = {
    "backfilled", "created_at", "impact", "impact_override", "monitoring_at", "postmortem_body",
    "postmortem_body_last_updated_at", "postmortem_ignored", "postmortem_notified_subscribers",
    "postmortem_notified_twitter", "postmortem_published_at", "resolved_at", "scheduled_auto_transition",
    "scheduled_for", "scheduled_remind_prior", "scheduled_reminded_at", "scheduled_until", "shortlink", "status",
    "updated_at", "id", "organization_id", "incident_updates", "components", "name",
}  # fmt: skip


def _post(**changes: Any) -> status_post.Post:
    incident = some.incident(**changes)
    return status_post.news(some.page(), incident, incident.updates[0], manage_url=MANAGE)


async def _sent(body: bytes, fake: FakeWebhook, headers: dict[str, str] | None = None) -> Answer:
    client = HttpClient(SETTINGS)
    try:
        return await client.request(
            "POST",
            fake.url,
            headers=headers or {"Content-Type": "application/json; charset=utf-8"},
            body=body,
        )
    finally:
        await client.close()


async def test_a_channel_of_slack_reads_what_happened() -> None:
    """The status, the title, the words without marks, the components and where the subscription ends."""
    async with FakeSlackHook() as fake:
        await _sent(status_slack.body(_post()), fake)
        assert fake.problems == []
        assert fake.words() == (
            "🟠 Acme Status: Identified\n"
            "Elevated API errors\n"
            "A bad deploy is rolled back.\n\n• see the notes (https://acme.example/notes)\n"
            "Components  API: Partial outage\n"
            "Open the status page  ·  Change or end this subscription"
        )
        assert fake.links() == {
            "Open the status page": "https://status.acme.example/incidents/cp306tmzcl0y",
            "Change or end this subscription": MANAGE,
        }
        assert fake.posts[0]["text"] == "🟠 Acme Status: Identified · Elevated API errors"


async def test_a_channel_of_teams_reads_the_same() -> None:
    """As a card that the workflow takes, its links as buttons."""
    async with FakeTeams() as fake:
        await _sent(status_teams.body(_post()), fake)
        assert fake.problems == []
        assert fake.texts().splitlines() == [
            "🟠 Acme Status: Identified",
            "Elevated API errors",
            "A bad deploy is rolled back.",
            "• see the notes (https://acme.example/notes)",
            "Components: API: Partial outage",
        ]
        assert fake.buttons()["Change or end this subscription"] == MANAGE
        assert fake.cards[0]["body"][0]["style"] == "warning"


async def test_what_is_over_is_good_and_a_maintenance_says_when() -> None:
    """Green at the end, whatever the impact was; the planned time on the clocks of the page."""
    over = some.update(status=PublicStatus.RESOLVED, changes=())
    assert _post(updates=(over,), impact=Impact.CRITICAL).tone == "good"
    planned = _post(
        kind=PublicKind.MAINTENANCE,
        impact=Impact.MAINTENANCE,
        scheduled_for=NOW + 20 * HOUR,
        scheduled_until=NOW + 22 * HOUR,
        updates=(some.update(status=PublicStatus.SCHEDULED, changes=()),),
    )
    assert planned.facts == (
        ("Components", "API"),
        ("Planned", "Fri 16 Oct, 23:04 CEST to Sat 17 Oct, 01:04 CEST"),
    )


@pytest.mark.parametrize("fake_of", [FakeSlackHook, FakeTeams])
async def test_words_of_people_do_not_act(fake_of: Any) -> None:
    """Mentions, links, computed texts and reversed names in title, message, page and component are words."""
    change = msgspec.structs.replace(some.update().changes[0], name=HOSTILE)
    incident = some.incident(title=HOSTILE, updates=(some.update(message=HOSTILE, changes=(change,)),))
    post = status_post.news(some.page(name=HOSTILE), incident, incident.updates[0], manage_url=MANAGE)
    body = status_slack.body if fake_of is FakeSlackHook else status_teams.body
    async with fake_of() as fake:
        await _sent(body(post), fake)
        await _sent(body(status_post.question(HOSTILE, confirm_url=MANAGE)), fake)
        assert fake.problems == []
        sent = b"".join(each.body for each in fake.requests).decode()
    assert "\u202e" not in sent
    assert "\x00" not in sent
    assert "\\u0000" not in sent


@pytest.mark.parametrize("fake_of", [FakeSlackHook, FakeTeams])
async def test_the_longest_update_is_still_shown(fake_of: Any) -> None:
    """Twenty-five thousand characters, long names and forty components fit into what the chats take."""
    changes = tuple(msgspec.structs.replace(some.update().changes[0], name="N" * 300) for _ in range(40))
    update = some.update(message="Ω" * 25_000, changes=changes)
    post = status_post.news(
        some.page(name="P" * 300), some.incident(title="T" * 255), update, manage_url=MANAGE
    )
    async with fake_of() as fake:
        await _sent(status_slack.body(post) if fake_of is FakeSlackHook else status_teams.body(post), fake)
        assert fake.problems == []


def test_a_question_leads_to_the_confirmation() -> None:
    """The channel is asked before it is told anything."""
    post = status_post.question("Acme Status", confirm_url=MANAGE)
    assert post.lead == "News of Acme Status in this channel?"
    assert post.links == (("Confirm", MANAGE),)


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [
        (200, None, False),
        (404, Reason.GONE, True),
        (403, Reason.GONE, True),
        (410, Reason.GONE, True),
        (400, Reason.REFUSED, True),
        (429, Reason.RATE_LIMITED, False),
        (500, Reason.PROVIDER_FAILED, False),
        (302, Reason.BAD_RESPONSE, True),
    ],
)
def test_an_answer_of_slack_is_understood(status: int, reason: Reason | None, permanent: bool) -> None:
    """A channel that is gone is known from a Slack that has a bad day."""
    failure = status_slack.judge(Answer(status, {"retry-after": "7"}, b"no_service", complete=True), NOW)
    if reason is None:
        assert failure is None
    else:
        assert failure is not None
        assert (failure.reason, failure.permanent) == (reason, permanent)


def _incident_body(**changes: Any) -> dict[str, Any]:
    page = some.page()
    body = status_webhook.incident_body(
        page, some.incident(**changes), unsubscribe_url=MANAGE, documentation=DOCUMENTATION, at=NOW
    )
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def test_a_webhook_about_an_incident_is_statuspages() -> None:
    """All documented members and no other, times with milliseconds, public ids alone."""
    document = _incident_body()
    assert set(document) == {"meta", "page", "incident"}
    assert document["meta"] == {
        "unsubscribe": MANAGE,
        "documentation": DOCUMENTATION,
        "generated_at": "2026-10-16T01:04:00.000Z",
    }
    assert document["page"] == {
        "id": "kctbh9vrtdwd",
        "status_indicator": "major",
        "status_description": "Partial System Outage",
    }
    incident = document["incident"]
    assert set(incident) == INCIDENT
    assert (incident["id"], incident["status"], incident["impact"]) == ("cp306tmzcl0y", "identified", "major")
    assert [each["status"] for each in incident["incident_updates"]] == ["identified", "investigating"]
    assert incident["components"][0]["name"] == "API"
    assert incident["shortlink"] == "https://status.acme.example/incidents/cp306tmzcl0y"
    assert not re.search(r"0199e000-", msgspec.json.encode(document).decode()), "an id of ours"


def test_a_webhook_about_a_maintenance_and_a_postmortem_says_when() -> None:
    """Their own members are filled."""
    document = _incident_body(
        kind=PublicKind.MAINTENANCE,
        scheduled_for=NOW + HOUR,
        scheduled_until=NOW + 2 * HOUR,
        postmortem="What we learned.",
        postmortem_at=NOW,
        is_backdated=True,
    )["incident"]
    assert document["scheduled_for"] == "2026-10-16T02:04:00.000Z"
    assert document["scheduled_until"] == "2026-10-16T03:04:00.000Z"
    assert document["postmortem_body"] == "What we learned."
    assert document["postmortem_published_at"] == "2026-10-16T01:04:00.000Z"
    assert document["backfilled"] is True


def test_a_webhook_about_a_component_is_statuspages() -> None:
    """Old and new status of the component that changed, under an id that is the same each time."""
    update = some.update()
    change = update.changes[0]

    def body() -> dict[str, Any]:
        made = status_webhook.component_body(
            some.page(), update, change, unsubscribe_url=MANAGE, documentation=DOCUMENTATION, at=NOW
        )
        document: dict[str, Any] = msgspec.json.decode(made)
        return document

    document = body()
    assert set(document) == {"meta", "page", "component_update", "component"}
    told = document["component_update"]
    assert told.pop("id") == body()["component_update"]["id"]
    assert told == {
        "created_at": "2026-10-16T01:03:00.000Z",
        "new_status": "partial_outage",
        "old_status": "major_outage",
        "component_id": "b13yz5g2cw10",
    }
    assert document["component"] == {
        "created_at": "2026-09-29T09:04:00.000Z",
        "id": "b13yz5g2cw10",
        "name": "API",
        "status": "partial_outage",
    }


async def test_both_signatures_are_what_receivers_verify() -> None:
    """Standard Webhooks by its own library, the other one by three lines; a changed body passes neither."""
    secret = new_secret()
    body = status_webhook.question_body(
        "kctbh9vrtdwd", "Acme", unsubscribe_url=MANAGE, documentation=DOCUMENTATION, at=NOW
    )
    async with FakeWebhook() as receiver:
        now = int(time.time() * 1000)
        await _sent(body, receiver, status_webhook.headers(secret, "delivery-1", body, now))
        (got,) = receiver.requests
    Webhook(secret).verify(got.body, got.headers)
    expected = hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-openalert-signature"] == f"sha256={expected}"
    assert got.headers["webhook-id"] == "delivery-1"
    assert got.headers["x-openalert-hop"] == "1"
    with pytest.raises(Exception, match="signature"):
        Webhook(secret).verify(got.body + b" ", got.headers)
