"""What Slack, Teams and webhooks are told of a status page: documented shapes, real signatures, no acting words."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from openalert.domain.instant import HOUR
from openalert.domain.status_letter import Letter
from openalert.domain.status_page import Change, ComponentStatus, Impact, PublicKind, PublicStatus
from openalert.domain.status_subscriber import MailingKind, SubscriberKind
from openalert.notifiers import status_post, status_slack
from openalert.notifiers.http import Answer, OutgoingSettings
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.status_slack import StatusSlackCourier
from openalert.notifiers.status_teams import StatusTeamsCourier
from openalert.notifiers.status_webhook import StatusWebhookCourier, secret_of
from tests.fakes.slack_hook import FakeSlackHook
from tests.fakes.teams import FakeTeams
from tests.fakes.webhook import FakeWebhook, Fault
from tests.notifiers import status_news as some
from tests.notifiers.status_news import CONFIRM, MANAGE, NOW, UNSUBSCRIBE

pytestmark = pytest.mark.anyio

SETTINGS = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30)
KEY = b"a key of this installation"
HOSTILE = "<!channel> <at>everyone</at> {{DATE(2026)}} *x* <https://evil.example|click> \u202egnp.exe\x00"
INCIDENT = {
    "backfilled", "created_at", "impact", "impact_override", "monitoring_at", "postmortem_body",
    "postmortem_body_last_updated_at", "postmortem_ignored", "postmortem_notified_subscribers",
    "postmortem_notified_twitter", "postmortem_published_at", "resolved_at", "scheduled_auto_transition",
    "scheduled_for", "scheduled_remind_prior", "scheduled_reminded_at", "scheduled_until", "shortlink", "status",
    "updated_at", "id", "organization_id", "incident_updates", "components", "name",
}  # fmt: skip


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlackHook]:
    """A channel of Slack; a post that it would not show fails the test."""
    async with FakeSlackHook() as fake:
        yield fake
        assert fake.problems == []


@pytest.fixture
async def teams() -> AsyncIterator[FakeTeams]:
    """A workflow of Teams; a card that it would not show fails the test."""
    async with FakeTeams() as fake:
        yield fake
        assert fake.problems == []


@pytest.fixture(params=["slack", "teams"])
def chat(request: pytest.FixtureRequest, slack: FakeSlackHook, teams: FakeTeams) -> FakeSlackHook | FakeTeams:
    """Each of them."""
    return slack if request.param == "slack" else teams


@pytest.fixture
async def receiver() -> AsyncIterator[FakeWebhook]:
    """A receiver of webhooks."""
    async with FakeWebhook() as fake:
        yield fake


def _courier(kind: SubscriberKind, settings: OutgoingSettings = SETTINGS) -> Any:
    match kind:
        case SubscriberKind.SLACK:
            return StatusSlackCourier(settings)
        case SubscriberKind.TEAMS:
            return StatusTeamsCourier(settings)
        case _:
            return StatusWebhookCourier(settings, base_url="https://oncall.acme.example", key=KEY)


async def _send(fake: FakeWebhook, now: int = NOW, **changes: Any) -> Letter:
    kinds = {FakeSlackHook: SubscriberKind.SLACK, FakeTeams: SubscriberKind.TEAMS}
    kind = kinds.get(type(fake), SubscriberKind.WEBHOOK)
    letter = some.letter(kind, fake.url, **changes)
    courier = _courier(kind)
    try:
        await courier.send(letter, now)
    finally:
        await courier.close()
    return letter


async def test_a_channel_of_slack_reads_what_happened(slack: FakeSlackHook) -> None:
    """The status, the title, the words without marks, the components and where the subscription ends."""
    await _send(slack)
    assert slack.words() == (
        "🟠 Acme Status: Identified\n"
        "Elevated API errors\n"
        "A bad deploy is rolled back.\n\n• see the notes (https://acme.example/notes)\n"
        "Affected  API (Partial outage)\n"
        "See all updates  ·  Change what you are told"
    )
    assert slack.links() == {
        "See all updates": "https://status.acme.example/incidents/cp306tmzcl0y",
        "Change what you are told": MANAGE,
    }
    assert slack.posts[0]["text"] == "🟠 Acme Status: Identified · Elevated API errors"


async def test_a_channel_of_teams_reads_the_same(teams: FakeTeams) -> None:
    """As a card that the workflow takes, its links as buttons."""
    await _send(teams)
    assert teams.texts().splitlines() == [
        "🟠 Acme Status: Identified",
        "Elevated API errors",
        "A bad deploy is rolled back.",
        "• see the notes (https://acme.example/notes)",
        "Affected: API (Partial outage)",
    ]
    assert teams.buttons()["Change what you are told"] == MANAGE
    assert teams.cards[0]["body"][0]["style"] == "warning"


async def test_a_post_is_in_the_language_of_the_page(slack: FakeSlackHook) -> None:
    """As the mails are."""
    await _send(slack, page=some.page(language="de"))
    assert "Acme Status: Ursache gefunden" in slack.words()


async def test_a_channel_is_asked_before_it_is_told_anything(chat: FakeSlackHook | FakeTeams) -> None:
    """With the link that confirms, and that nothing comes without it."""
    await _send(chat, kind=MailingKind.CONFIRMATION, bulletin=None, confirm_url=CONFIRM)
    links = chat.links() if isinstance(chat, FakeSlackHook) else chat.buttons()
    assert links == {"Confirm subscription": CONFIRM}
    words = chat.words() if isinstance(chat, FakeSlackHook) else chat.texts()
    assert "Do you want updates from Acme Status?" in words
    assert "without your confirmation nothing is sent" in words


async def test_what_is_over_is_good_and_a_maintenance_says_when(slack: FakeSlackHook) -> None:
    """Green at the end, whatever the impact was; the planned time on the clocks of the page."""
    over = some.update(status=PublicStatus.RESOLVED)
    await _send(slack, bulletin=some.bulletin(update=over, incident=some.incident(impact=Impact.CRITICAL)))
    assert slack.words().startswith("✅ Acme Status: Resolved")
    planned = some.incident(
        kind=PublicKind.MAINTENANCE,
        impact=Impact.MAINTENANCE,
        scheduled_for=NOW + 20 * HOUR,
        scheduled_until=NOW + 22 * HOUR,
    )
    await _send(slack, bulletin=some.bulletin(incident=planned))
    assert "Planned for  Fri 16 Oct, 23:04 CEST – Sat 17 Oct, 01:04 CEST" in slack.words()


async def test_words_of_people_do_not_act(chat: FakeSlackHook | FakeTeams) -> None:
    """Mentions, links, computed texts and reversed names in title, message, page and component are words."""
    hostile = some.bulletin(
        incident=some.incident(title=HOSTILE),
        update=some.update(message=HOSTILE),
        components=(some.component(name=HOSTILE),),
    )
    await _send(chat, page=some.page(name=HOSTILE), bulletin=hostile)
    await _send(
        chat,
        page=some.page(name=HOSTILE),
        kind=MailingKind.CONFIRMATION,
        bulletin=None,
        confirm_url=CONFIRM,
    )
    sent = b"".join(each.body for each in chat.requests).decode()
    assert not any(sign in sent for sign in ("\u202e", "\x00", "\\u0000", "\\u202e"))


async def test_the_longest_update_is_still_shown(chat: FakeSlackHook | FakeTeams) -> None:
    """Twenty-five thousand characters, long names and forty components fit into what the chats take."""
    parts = tuple(some.component(id=f"c{number}", name="N" * 300) for number in range(40))
    told = some.bulletin(
        update=some.update(message="Ω" * 25_000), incident=some.incident(title="T" * 255), components=parts
    )
    await _send(chat, page=some.page(name="P" * 300), bulletin=told)


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


async def test_a_webhook_about_an_incident_is_statuspages(receiver: FakeWebhook) -> None:
    """All documented members and no other, times with milliseconds, public ids alone."""
    await _send(receiver)
    document = receiver.requests[0].json
    assert set(document) == {"meta", "page", "incident"}
    assert document["meta"] == {
        "unsubscribe": UNSUBSCRIBE,
        "documentation": MANAGE,
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


async def test_nothing_of_ours_is_in_a_webhook(receiver: FakeWebhook) -> None:
    """No id of the team, the organization, the internal incident or any row."""
    await _send(receiver)
    assert all(some.PREFIX.encode() not in each.body for each in receiver.requests)


async def test_a_webhook_about_a_maintenance_and_a_postmortem_says_when(receiver: FakeWebhook) -> None:
    """Their own members are filled."""
    planned = some.incident(
        kind=PublicKind.MAINTENANCE,
        scheduled_for=NOW + HOUR,
        scheduled_until=NOW + 2 * HOUR,
        postmortem="What we learned.",
        postmortem_at=NOW,
        is_backdated=True,
    )
    await _send(receiver, bulletin=some.bulletin(incident=planned))
    document = receiver.requests[0].json["incident"]
    assert document["scheduled_for"] == "2026-10-16T02:04:00.000Z"
    assert document["scheduled_until"] == "2026-10-16T03:04:00.000Z"
    assert document["postmortem_body"] == "What we learned."
    assert document["postmortem_published_at"] == "2026-10-16T01:04:00.000Z"
    assert document["backfilled"] is True


async def test_a_change_of_a_component_is_a_webhook_of_its_own(receiver: FakeWebhook) -> None:
    """With its old and new status in Statuspage's shape, under an id that is the same each time."""
    gone = Change(
        component_id="gone",
        name="Old",
        was=ComponentStatus.OPERATIONAL,
        is_now=ComponentStatus.MAJOR_OUTAGE,
    )
    told = some.bulletin(update=some.update(changes=[*some.update().changes, gone]))
    await _send(receiver, bulletin=told)
    await _send(receiver, bulletin=told)
    first, second, _, again = receiver.requests
    assert [each.headers["webhook-id"] for each in (first, second)] == ["letter-1", "letter-1.b13yz5g2cw10"]
    document = second.json
    assert set(document) == {"meta", "page", "component_update", "component"}
    told_id = document["component_update"].pop("id")
    assert told_id == again.json["component_update"]["id"]
    assert document["component_update"] == {
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


async def test_both_signatures_are_what_receivers_verify(receiver: FakeWebhook) -> None:
    """Standard Webhooks by its own library, the other one by three lines; a changed body passes neither."""
    letter = await _send(receiver, now=int(time.time() * 1000))
    secret = secret_of(KEY, letter.subscriber.id)
    assert secret != secret_of(KEY, "another subscriber")
    assert secret != secret_of(b"another installation", letter.subscriber.id)
    for got in receiver.requests:
        Webhook(secret).verify(got.body, got.headers)
        expected = hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-openalert-signature"] == f"sha256={expected}"
        assert got.headers["x-openalert-hop"] == "1"
    with pytest.raises(Exception, match="signature"):
        Webhook(secret).verify(got.body + b" ", got.headers)


@pytest.mark.parametrize(("status", "permanent"), [(302, False), (400, False), (410, True), (503, False)])
async def test_what_is_not_taken_is_posted_again_unless_the_receiver_is_gone(
    receiver: FakeWebhook, status: int, permanent: bool
) -> None:
    """A redirect is followed nowhere and is a failure; only 410 says that nothing is wanted any more."""
    receiver.answer(status, {"Location": receiver.url})
    with pytest.raises(NotifierError) as failure:
        await _send(receiver)
    assert failure.value.permanent is permanent
    assert len(receiver.requests) == 1


async def test_an_answer_that_is_lost_is_no_doubt(receiver: FakeWebhook) -> None:
    """A receiver knows the repeat by its id, so it is simply posted again."""
    receiver.fault = Fault.LOST_ANSWER
    with pytest.raises(NotifierError) as failure:
        await _send(receiver)
    assert not failure.value.permanent


@pytest.mark.parametrize("kind", [SubscriberKind.WEBHOOK, SubscriberKind.SLACK, SubscriberKind.TEAMS])
async def test_nothing_is_posted_into_a_network_of_ours(receiver: FakeWebhook, kind: SubscriberKind) -> None:
    """Whoever chose the address, it is looked up and checked at each attempt, before a byte is sent."""
    courier = _courier(kind, OutgoingSettings())
    with pytest.raises(NotifierError) as failure:
        await courier.send(some.letter(kind, receiver.url), NOW)
    await courier.close()
    assert failure.value.reason is Reason.BLOCKED_ADDRESS
    assert failure.value.permanent
    assert not receiver.requests


async def test_nothing_is_posted_to_ourselves() -> None:
    """A page does not subscribe to itself."""
    courier = _courier(SubscriberKind.WEBHOOK)
    with pytest.raises(NotifierError) as failure:
        await courier.send(some.letter(SubscriberKind.WEBHOOK, "https://oncall.acme.example/webhooks/x"), NOW)
    await courier.close()
    assert failure.value.reason is Reason.LOOP


def test_words_lose_their_marks() -> None:
    """What Slack and Teams would show as stars and brackets."""
    text = "## Cause\n\nA `timeout` in **two** places:\n* one\n- two\n```\nlog line\n```\n[Read](https://x.example/a)"
    assert status_post.plain(text) == (
        "Cause\n\nA timeout in two places:\n• one\n• two\n\nlog line\n\nRead (https://x.example/a)"
    )
