"""Slack: what a message looks like there, where it stands, and what each answer of Slack's means."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import slack_blocks
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Link, LostAnswer, Message, NotifierError, Reason
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.slack_api import SlackSettings
from tests.fakes.slack import BOT, FakeSlack
from tests.fakes.slack_forms import check_message
from tests.fakes.webhook import Fault
from tests.notifiers.messages import BASE_URL, NOW, incident, page, proof, resolved
from tests.notifiers.test_contract import HOSTILE

pytestmark = pytest.mark.anyio

BEA, ALERTS = "U0BEA000001", "#alerts"
MARKUP = [
    "<!channel> <!here> <!everyone> <!subteam^S0TEAM> wake up",
    "<@U0BEA000001> <#C0ALERTS001>",
    "<https://evil.example|https://bank.example>",
    "https://evil.example/?q=<x>&y=1",
    "*bold* _italic_ ~gone~ `code` ```block``` > quote",
    "& &amp; &lt;!channel&gt; &#60;!channel&#62;",
    ":rotating_light: @channel @here @bea #alerts",
    "mailto:a@example.com|x>\n<!date^0^{date}^https://evil.example|now>",
]


@pytest.fixture
async def workspace() -> AsyncIterator[FakeSlack]:
    """A workspace with Bea and #alerts."""
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
async def notifier(workspace: FakeSlack) -> AsyncIterator[SlackNotifier]:
    """The channel, connected to the workspace."""
    made = SlackNotifier(workspace.settings, OutgoingSettings(deadline=30.0))
    yield made
    await made.close()


def to_channel(**changes: Any) -> Message:
    """A page for #alerts, which no single person has to answer."""
    return page(**({"to": ALERTS, "actions": []} | changes))


async def test_a_page_in_a_channel(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """It says how bad, which, what, where and what next, links what helps, and offers what a team may do."""
    receipt = await notifier.send(to_channel(), NOW)
    (posted,) = workspace.channel(ALERTS).messages
    assert receipt.provider_id == posted.id
    words = posted.words()
    for expected in (
        "🛑 CRITICAL · #42 Disk almost full on db-1",
        "Service  Checkout database",
        "critical (P1)",
        "Since  03:00 CEST",
        "Alerts  3",
        "instance  db-1.example.com:9100",
        "Open #42  ·  Graph in Prometheus  ·  Runbook",
        "Ana is paged at 03:09 unless someone acknowledges.",
    ):
        assert expected in words
    assert list(posted.buttons()) == ["Acknowledge", "Resolve", "Escalate", "Snooze 1 h"]
    assert posted.text.startswith("CRITICAL #42 Disk almost full on db-1 (Checkout database)")


async def test_a_page_to_a_person(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """It goes to the conversation with them, which is opened once, and they may also hand it on."""
    for number in range(2):
        message = page(to=BEA, notification_id=f"0199e000-0000-7000-8000-00000000010{number}", reply_code=7)
        await notifier.send(message, NOW)
    posted = workspace.direct(BEA).messages
    assert len(posted) == 2
    assert len(workspace.calls("conversations.open")) == 1
    button = posted[0].buttons()["Hand on"]
    assert button["value"] == "0199e000-0000-7000-8000-000000000100:hand_on"
    assert "You can also write here: ack 7" in posted[0].words()


@pytest.mark.parametrize("severity", list(Severity))
async def test_every_severity_has_a_shape_of_its_own(severity: Severity) -> None:
    """Nobody needs to see colours to tell them apart, and the word stands beside the shape."""
    signs = {
        slack_blocks.card(page(incident=incident(severity=each)))[0]["text"]["text"].split(" ")[0]
        for each in Severity
    }
    assert len(signs) == len(Severity)
    header = slack_blocks.card(page(incident=incident(severity=severity)))[0]["text"]["text"]
    assert severity.value.upper() in header


async def test_news_stands_in_the_thread_and_changes_the_page(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """The page itself says that it is over and asks for nothing more; the thread says what happened."""
    receipt = await notifier.send(to_channel(), NOW)
    news = resolved(to=ALERTS, replaces=receipt.provider_id)
    told = await notifier.send(news, NOW)
    channel = workspace.channel(ALERTS)
    (root,) = channel.roots()
    assert root.edits == 1
    assert root.buttons() == {}
    assert "✅ RESOLVED · #42 Disk almost full on db-1" in root.words()
    assert "✅ Resolved by Bea Núñez · 03:21 CEST · after 21 min" in root.words()
    (below,) = channel.thread(root)
    assert below.words() == "✅ Resolved by Bea Núñez · 03:21 CEST · after 21 min"
    assert told.provider_id == below.id != receipt.provider_id


async def test_silent_news_only_changes_the_page(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """Whoever did it is not told of it, nor is anybody of a snooze; the page says how it stands."""
    receipt = await notifier.send(to_channel(), NOW)
    snoozed = resolved(
        to=ALERTS, replaces=receipt.provider_id, headline="Snoozed by Bea", incident=incident()
    )
    snoozed.is_silent = True
    assert (await notifier.send(snoozed, NOW)).provider_id == receipt.provider_id
    (root,) = workspace.channel(ALERTS).messages
    assert "Snoozed by Bea" in root.words()
    assert "Acknowledge" in root.buttons()


async def test_an_acknowledged_page_can_still_be_resolved(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """Once somebody has it, the one thing left to say is that it is over."""
    receipt = await notifier.send(to_channel(), NOW)
    facts = incident(status=IncidentStatus.ACKNOWLEDGED)
    await notifier.send(
        resolved(
            to=ALERTS, replaces=receipt.provider_id, headline="Acknowledged by Bea Núñez", incident=facts
        ),
        NOW,
    )
    assert list(workspace.channel(ALERTS).roots()[0].buttons()) == ["Resolve"]


async def test_a_further_page_is_seen_outside_of_the_thread(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """A thread is silent for whoever does not follow it, and a page must not be."""
    receipt = await notifier.send(to_channel(), NOW)
    again = "0199e000-0000-7000-8000-000000000099"
    await notifier.send(to_channel(notification_id=again, replaces=receipt.provider_id), NOW)
    first, second = workspace.channel(ALERTS).roots()
    assert (second.thread_ts, second.broadcast, first.edits) == (first.ts, True, 0)
    assert second.buttons()["Acknowledge"]["value"] == f"{again}:acknowledge"


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message"])
async def test_news_comes_where_the_page_cannot_be_changed(
    workspace: FakeSlack, notifier: SlackNotifier, code: str
) -> None:
    """A workspace may forbid edits; the thread still says it."""
    receipt = await notifier.send(to_channel(), NOW)
    workspace.answers["chat.update"].append({"ok": False, "error": code})
    await notifier.send(resolved(to=ALERTS, replaces=receipt.provider_id), NOW)
    channel = workspace.channel(ALERTS)
    assert len(channel.thread(channel.roots()[0])) == 1


async def test_news_of_a_page_that_was_deleted_stands_alone(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """Somebody deleted the page: the news is a message of its own, with all that one needs to know."""
    receipt = await notifier.send(to_channel(), NOW)
    workspace.channel(ALERTS).messages.clear()
    await notifier.send(resolved(to=ALERTS, replaces=receipt.provider_id), NOW)
    (alone,) = workspace.channel(ALERTS).messages
    assert alone.thread_ts is None
    assert "Disk almost full on db-1" in alone.words()


@pytest.mark.parametrize("kind", list(NotificationKind))
@pytest.mark.parametrize("place", [BEA, ALERTS])
async def test_every_kind_arrives_everywhere(
    workspace: FakeSlack, notifier: SlackNotifier, kind: NotificationKind, place: str
) -> None:
    """With an incident and without one, as Slack documents messages, with words of its own."""
    await notifier.send(page(to=place, kind=kind, headline="Held until 07:00"), NOW)
    await notifier.send(proof(to=place, kind=kind, headline="Held until 07:00", body="One.\n\nTwo."), NOW)
    found = workspace.direct(BEA) if place == BEA else workspace.channel(ALERTS)
    about, alone = found.messages
    assert "Disk almost full on db-1" in about.words()
    assert alone.words().startswith("Held until 07:00\nOne.\nTwo.")
    assert alone.text
    if kind in (NotificationKind.PAGE, NotificationKind.NOTICE):
        assert "Acknowledge" in about.buttons()
    if kind is NotificationKind.FOLLOW:
        assert about.buttons() == {}
    if kind is NotificationKind.CODE:
        assert list(alone.buttons()) == ["It is me"]
    else:
        assert alone.buttons()["It reached me"]["url"] == f"{BASE_URL}/a/tok3n-proof"


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP, "[" * 9_000, "\u200b" * 9])
@pytest.mark.parametrize("kind", [NotificationKind.PAGE, NotificationKind.UPDATE, NotificationKind.DIGEST])
async def test_no_words_act_in_slack(text: str, kind: NotificationKind) -> None:
    """Nobody is mentioned, nothing is linked, no limit is passed, whatever a title, label or name says."""
    facts = incident(
        title=text,
        service_name=text,
        description=text,
        labels={f"{text}{n}": text for n in range(40)},
        links=[Link(label=text, href=text), Link(label=text, href=f"https://example.com/{text}")] * 20,
    )
    words = {"organization": text, "headline": text, "body": text, "reason": text, "escalation_note": text}
    for subject in (facts, None):
        message = page(kind=kind, incident=subject, bundle=[text] * 60, **words)
        for blocks in (slack_blocks.card(message), slack_blocks.news(message)):
            check_message({"text": slack_blocks.fallback(message), "blocks": blocks})
            for element in _elements(blocks):
                assert element.get("type") != "mrkdwn", "words from outside stand where Slack reads markup"


def _elements(value: Any) -> list[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, list):
        return [found for each in value for found in _elements(each)]
    if isinstance(value, dict):
        return [value, *[found for each in value.values() for found in _elements(each)]]
    return []


async def test_links_are_of_the_web_alone() -> None:
    """A link brought along by an alert cannot start a program or hide where it leads."""
    hrefs = [
        "javascript:alert(1)",
        "slack://open",
        "https://a.example/|b>",
        "file:///etc/passwd",
        "https:///x",
    ]
    facts = incident(links=[Link(label="x", href=href) for href in hrefs])
    found = [e["url"] for e in _elements(slack_blocks.card(page(incident=facts))) if e.get("type") == "link"]
    assert found == [f"{BASE_URL}/incidents/42"]


FAILURES = [
    ({"ok": False, "error": "channel_not_found"}, Reason.REJECTED_RECIPIENT, True),
    ({"ok": False, "error": "not_in_channel"}, Reason.REJECTED_RECIPIENT, True),
    ({"ok": False, "error": "user_not_found"}, Reason.REJECTED_RECIPIENT, True),
    ({"ok": False, "error": "is_archived"}, Reason.GONE, True),
    ({"ok": False, "error": "invalid_auth"}, Reason.AUTH_FAILED, True),
    ({"ok": False, "error": "token_revoked"}, Reason.AUTH_FAILED, True),
    ({"ok": False, "error": "account_inactive"}, Reason.AUTH_FAILED, True),
    ({"ok": False, "error": "missing_scope"}, Reason.AUTH_FAILED, True),
    ({"ok": False, "error": "ratelimited"}, Reason.RATE_LIMITED, False),
    ({"ok": False, "error": "internal_error"}, Reason.PROVIDER_FAILED, False),
    ({"ok": False, "error": "something_new"}, Reason.REFUSED, True),
    ({"ok": False}, Reason.REFUSED, True),
    ({"status": 429, "headers": {"Retry-After": "7"}, "raw": b"slow down"}, Reason.RATE_LIMITED, False),
    ({"status": 401, "raw": b"{}"}, Reason.AUTH_FAILED, True),
    ({"status": 404, "raw": b"not here"}, Reason.REFUSED, True),
    ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}, "raw": b""}, Reason.BAD_RESPONSE, True),
    *[({"status": status, "raw": b"oops"}, Reason.PROVIDER_FAILED, False) for status in (500, 502, 503, 504)],
    ({"raw": b"<!doctype html><title>Sign in to the Wi-Fi</title>"}, Reason.BAD_RESPONSE, False),
    ({"raw": b"[1]"}, Reason.BAD_RESPONSE, False),
    ({"raw": b""}, Reason.BAD_RESPONSE, False),
]


@pytest.mark.parametrize(("answer", "reason", "permanent"), FAILURES)
async def test_what_each_answer_means(
    workspace: FakeSlack,
    notifier: SlackNotifier,
    answer: dict[str, Any],
    reason: Reason,
    permanent: bool,
) -> None:
    """Refused for good, refused for now, or not Slack at all; and no token in the words of the delivery log."""
    workspace.answers["chat.postMessage"].append(answer)
    with pytest.raises(NotifierError) as failure:
        await notifier.send(to_channel(), NOW)
    assert (failure.value.reason, failure.value.permanent) == (reason, permanent)
    assert failure.value.retry_after == (7.0 if answer.get("status") == 429 else None)
    assert BOT not in failure.value.detail
    assert workspace.channel(ALERTS).messages == []
    await notifier.send(to_channel(attempt=2), NOW)
    assert len(workspace.channel(ALERTS).messages) == 1


@pytest.mark.parametrize(
    "fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.HALF_RESPONSE, Fault.WRONG_LENGTH, Fault.NOT_HTTP]
)
async def test_after_a_lost_answer_slack_is_asked_first(
    workspace: FakeSlack, notifier: SlackNotifier, fault: Fault
) -> None:
    """The message is found by what we wrote into it, so nobody is paged twice (promise NO-2)."""
    workspace.faults["chat.postMessage"] = fault
    with pytest.raises(LostAnswer):
        await notifier.send(page(to=BEA), NOW)
    workspace.faults.clear()
    receipt = await notifier.send(page(to=BEA, attempt=2, possible_repeat=True), NOW)
    (only,) = workspace.direct(BEA).messages
    assert receipt.provider_id == only.id


async def test_a_lost_answer_in_a_thread(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """News that stands in the thread already is found there, and not said twice."""
    first = await notifier.send(to_channel(), NOW)
    news = resolved(to=ALERTS, replaces=first.provider_id)
    workspace.faults["chat.postMessage"] = Fault.LOST_ANSWER
    with pytest.raises(LostAnswer):
        await notifier.send(news, NOW)
    workspace.faults.clear()
    news.attempt, news.possible_repeat = 2, True
    await notifier.send(news, NOW)
    channel = workspace.channel(ALERTS)
    assert len(channel.thread(channel.roots()[0])) == 1


async def test_a_message_that_did_not_arrive_is_sent_again(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """Other messages in the conversation are not mistaken for it; the repeat says that it may be one."""
    await notifier.send(page(to=BEA, notification_id="0199e000-0000-7000-8000-000000000077"), NOW)
    await notifier.send(page(to=BEA, attempt=2, possible_repeat=True), NOW)
    posted = workspace.direct(BEA).messages
    assert len(posted) == 2
    assert "Possible repeat" in posted[1].words()
    assert posted[1].text.startswith("(possible repeat)")


async def test_where_the_bot_may_not_look_it_repeats(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """A missing permission to read costs a person a second copy at most, never the page."""
    workspace.answers["conversations.history"].append({"ok": False, "error": "missing_scope"})
    await notifier.send(page(to=BEA, attempt=2, possible_repeat=True), NOW)
    assert len(workspace.direct(BEA).messages) == 1


async def test_a_layout_that_slack_refuses_costs_no_page(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """The words alone still go out."""
    workspace.answers["chat.postMessage"].append({"ok": False, "error": "invalid_blocks"})
    await notifier.send(to_channel(), NOW)
    (posted,) = workspace.channel(ALERTS).messages
    assert posted.blocks == []
    assert "Disk almost full on db-1" in posted.text


async def test_a_channel_without_the_bot(workspace: FakeSlack, notifier: SlackNotifier) -> None:
    """The sentence says what to do about it."""
    workspace.channel(ALERTS).has_bot = False
    with pytest.raises(NotifierError, match="/invite"):
        await notifier.send(to_channel(), NOW)


async def test_probe_names_the_workspace_or_what_is_missing(
    workspace: FakeSlack, notifier: SlackNotifier
) -> None:
    """`openalert check` says who answers, and which permission somebody forgot."""
    assert await notifier.probe() == "Slack answers: openalert in the workspace Example."
    workspace.scopes = workspace.scopes.replace("im:write,", "")
    with pytest.raises(NotifierError, match="im:write"):
        await notifier.probe()
    workspace.answers["auth.test"].append({"ok": False, "error": "token_revoked"})
    with pytest.raises(NotifierError, match="token_revoked"):
        await notifier.probe()


async def test_without_a_token_it_says_what_to_set() -> None:
    """A page to Slack in an installation that has none fails at once, with the name of the setting."""
    notifier = SlackNotifier(SlackSettings())
    with pytest.raises(NotifierError, match="bot_token") as failure:
        await notifier.send(page(to=BEA), NOW)
    assert (failure.value.reason, failure.value.permanent) == (Reason.MISCONFIGURED, True)
    await notifier.close()


async def test_settings_never_show_a_token(workspace: FakeSlack) -> None:
    """A log line with the settings in it gives nothing away."""
    shown = repr(workspace.settings)
    assert "xoxb" not in shown
    assert "xapp" not in shown
    assert workspace.settings.signing_secret not in shown
