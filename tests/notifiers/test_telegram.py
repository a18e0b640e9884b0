"""Telegram: what a chat shows, how news changes it, what refusals mean, and words that must not act."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openalert.domain.chat import read_button
from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Action, Link, LostAnswer, NotifierError, Reason
from openalert.notifiers.telegram import TelegramNotifier
from openalert.notifiers.telegram_api import TelegramSettings
from tests.fakes.telegram import TOKEN, FakeTelegram, Refused
from tests.fakes.webhook import Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

CHAT = 4711
VERBS = ("acknowledge", "resolve", "snooze", "escalate", "hand_on")


def page(**changes: Any) -> Any:
    """A page to the chat, with all verbs."""
    actions = [Action(verb=verb, label=verb.capitalize(), url=f"{BASE_URL}/a/{verb}") for verb in VERBS]
    return messages.page(**({"to": str(CHAT), "actions": actions} | changes))


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram; a call that it would refuse for its form fails the test."""
    async with FakeTelegram() as fake:
        fake.chats.add(CHAT)
        yield fake
        assert fake.problems == []


@pytest.fixture
async def notifier(telegram: FakeTelegram) -> AsyncIterator[TelegramNotifier]:
    """The notifier."""
    settings = TelegramSettings(bot_token=TOKEN, base_url=telegram.base_url)
    made = TelegramNotifier(settings, OutgoingSettings(deadline=30))
    yield made
    await made.close()


async def test_a_page_says_everything_and_rings(telegram: FakeTelegram, notifier: TelegramNotifier) -> None:
    """How bad, what, where, what next and why, a button for each verb, and a sound."""
    receipt = await notifier.send(page(reply_code=12), NOW)
    shown = telegram.last(CHAT)
    for words in (
        "🔴 CRITICAL #42",
        "Disk almost full on db-1",
        "Service: Checkout database",
        "97 % full",
        "instance=db-1.example.com:9100",
        "Runbook (wiki.example.com)",
        "Ana is paged at 03:09 unless someone acknowledges.",
        "You are on call for Core",
        "Or write: 1 12",
    ):
        assert words in shown.text
    assert shown.labels == ["Acknowledge", "Resolve", "Snooze", "Escalate", "Hand_on", "Open"]
    assert not shown.is_silent
    assert receipt.provider_id == f"{CHAT}:{shown.id}"


@pytest.mark.parametrize(
    ("first", "written"),
    [("acknowledge", "1 12"), ("resolve", "2 12"), ("join", "join 12"), ("decline", "cannot 12")],
)
async def test_what_to_write_is_what_the_first_button_does(
    telegram: FakeTelegram, notifier: TelegramNotifier, first: str, written: str
) -> None:
    """Whoever reads that an incident is acknowledged is not told how to acknowledge it."""
    actions = [Action(verb=first, label=first.capitalize(), url=f"{BASE_URL}/a/{first}")]
    await notifier.send(page(reply_code=12, actions=actions), NOW)
    assert telegram.last(CHAT).text.endswith(f"Or write: {written}")


async def test_buttons_name_the_verb_and_the_message(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """What a button sends back fits into 64 bytes, holds no secret, and is read as what it was."""
    await notifier.send(page(), NOW)
    sent = [each["callback_data"] for row in telegram.last(CHAT).buttons for each in row if "url" not in each]
    assert [read_button(data) for data in sent] == [(verb, page().notification_id) for verb in VERBS]


async def test_an_address_that_telegram_takes_for_no_button_is_text(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """A server that is known by an address alone still pages: its link is text, not a refused button."""
    await notifier.send(page(incident_url="http://127.0.0.1:8080/incidents/42"), NOW)
    assert "Open" not in telegram.last(CHAT).labels
    assert "Open: http://127.0.0.1:8080/incidents/42" in telegram.last(CHAT).text


async def test_links_of_a_message_about_no_incident_are_buttons(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """What only a link can do, such as proving an address, opens in the browser."""
    await notifier.send(messages.proof(to=str(CHAT)), NOW)
    (row,) = telegram.last(CHAT).buttons
    assert row == [{"text": "It reached me", "url": f"{BASE_URL}/a/tok3n-proof"}]


@pytest.mark.parametrize("kind", [NotificationKind.UPDATE, NotificationKind.FOLLOW])
async def test_news_changes_the_message_and_follows_it(
    telegram: FakeTelegram, notifier: TelegramNotifier, kind: NotificationKind
) -> None:
    """The page says how it ended and has no buttons that act; a line that does not ring says so below it."""
    first = (await notifier.send(page(), NOW)).provider_id
    news = messages.resolved(to=str(CHAT), kind=kind, replaces=first)
    await notifier.send(news, NOW)
    changed, line = telegram.shown
    assert "✅ #42 Resolved by Bea Núñez" in changed.text
    assert changed.labels == ["Open"]
    assert line.text == "✅ #42 Resolved by Bea Núñez Disk almost full on db-1"
    assert (line.is_silent, line.replies_to) == (True, changed.id)


@pytest.mark.parametrize("kind", [NotificationKind.UPDATE, NotificationKind.FOLLOW])
async def test_silent_news_only_changes_the_message(
    telegram: FakeTelegram, notifier: TelegramNotifier, kind: NotificationKind
) -> None:
    """Whoever acted has their message changed, and nothing is written anew; again changes nothing, and is no error."""
    first = (await notifier.send(page(), NOW)).provider_id
    news = messages.resolved(to=str(CHAT), kind=kind, replaces=first, is_silent=True)
    for _ in range(2):
        assert (await notifier.send(news, NOW)).provider_id == first
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.resolved(to=str(CHAT), kind=kind, is_silent=True), NOW)
    assert failure.value.permanent
    assert [each.changes for each in telegram.shown] == [1]


async def test_news_of_a_message_that_is_gone_is_a_message(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """Somebody deleted the page: the news comes as a message of its own, unless only the page was to change."""
    await notifier.send(messages.resolved(to=str(CHAT), replaces=f"{CHAT}:1"), NOW)
    assert "Resolved by Bea" in telegram.last(CHAT).text
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.resolved(to=str(CHAT), replaces=f"{CHAT}:1", is_silent=True), NOW)
    assert failure.value.permanent
    assert len(telegram.shown) == 1


async def test_another_page_rings_and_points_to_the_first(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """A page is never an edit, which would make no sound."""
    first = (await notifier.send(page(), NOW)).provider_id
    await notifier.send(page(replaces=first), NOW)
    one, two = telegram.shown
    assert (one.changes, two.is_silent, two.replies_to) == (0, False, one.id)


async def test_a_group_that_moved_still_gets_its_page(
    telegram: FakeTelegram, notifier: TelegramNotifier
) -> None:
    """A group that becomes a supergroup has another id: Telegram names it, and the same attempt goes there."""
    telegram.chats.add(-100)
    telegram.upgrade(-100, -1001234567890)
    receipt = await notifier.send(page(to="-100"), NOW)
    assert receipt.provider_id.startswith("-1001234567890:")
    await notifier.send(page(to="-100"), NOW)
    assert len(telegram.shown) == 2


HOSTILE = [
    "<b>bold</b> <a href='https://evil.example'>x</a>",
    "</b></blockquote> & &lt; &unknown; &#0;",
    "*bold* _italics_ [x](https://evil.example) `code` ||spoiler||",
    "@everyone @bea @openalert_test_bot",
    "tg://user?id=1 <tg-spoiler>x</tg-spoiler>",
    "/stop@openalert_test_bot",
    "half a pair \ud83d",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_words_from_outside_do_not_act(
    telegram: FakeTelegram, notifier: TelegramNotifier, text: str
) -> None:
    """They format nothing, link nowhere and mention nobody, wherever they stand."""
    incident = messages.incident(
        title=text,
        service_name=text,
        description=text,
        labels={text: text},
        links=[Link(label=text, href=text)],
    )
    await notifier.send(page(incident=incident, reason=text, escalation_note=text, bundle=[text]), NOW)
    shown = telegram.last(CHAT)
    assert shown.links == []
    assert "@b" not in shown.text
    assert "@e" not in shown.text
    assert "@o" not in shown.text


@pytest.mark.parametrize("letter", ["x", "é", "漢", "👩‍🚒", "&", "<"])
async def test_the_longest_message_fits(
    telegram: FakeTelegram, notifier: TelegramNotifier, letter: str
) -> None:
    """Telegram takes 4,096 characters: the least important goes, title and buttons stay."""
    text = letter * 3_000
    incident = messages.incident(
        title=f"Disk {text}",
        description=text,
        labels={f"{n}{text}": text for n in range(30)},
        links=[Link(label=text, href="https://wiki.example.com/" + "x" * 900) for _ in range(9)],
    )
    await notifier.send(page(incident=incident, bundle=[text] * 40, reason=text), NOW)
    assert "Disk" in telegram.last(CHAT).text
    assert "Acknowledge" in telegram.last(CHAT).labels


@pytest.mark.parametrize("kind", list(NotificationKind))
@pytest.mark.parametrize("status", list(IncidentStatus))
async def test_every_kind_of_message_arrives(
    telegram: FakeTelegram, notifier: TelegramNotifier, kind: NotificationKind, status: IncidentStatus
) -> None:
    """With an incident in any state and without one."""
    await notifier.send(
        page(kind=kind, headline="Something happened", incident=messages.incident(status=status)), NOW
    )
    await notifier.send(messages.proof(to=str(CHAT), kind=kind), NOW)
    assert "#42" in telegram.shown[0].text
    assert "Test page from OpenAlert" in telegram.shown[1].text


@pytest.mark.parametrize(
    ("refused", "reason", "permanent", "wait"),
    [
        (Refused(403, "Forbidden: bot was blocked by the user"), Reason.REJECTED_RECIPIENT, True, None),
        (
            Refused(403, "Forbidden: bot was kicked from the group chat"),
            Reason.REJECTED_RECIPIENT,
            True,
            None,
        ),
        (Refused(400, "Bad Request: chat not found"), Reason.REJECTED_RECIPIENT, True, None),
        (
            Refused(400, "Bad Request: not enough rights to send text messages to the chat"),
            Reason.REJECTED_RECIPIENT,
            True,
            None,
        ),
        (Refused(400, "Bad Request: message is too long"), Reason.REFUSED, True, None),
        (Refused(401, "Unauthorized"), Reason.AUTH_FAILED, True, None),
        (Refused(404, "Not Found"), Reason.AUTH_FAILED, True, None),
        (Refused(409, "Conflict"), Reason.REFUSED, False, None),
        (Refused(429, "Too Many Requests: retry after 7", retry_after=7), Reason.RATE_LIMITED, False, 7),
        (Refused(429, "Too Many Requests", retry_after=999_999), Reason.RATE_LIMITED, False, 900),
        (Refused(429, "Too Many Requests", retry_after=-5), Reason.RATE_LIMITED, False, 1),
        (Refused(429, "Too Many Requests"), Reason.RATE_LIMITED, False, None),
        (Refused(500, "Internal Server Error"), Reason.PROVIDER_FAILED, False, None),
        (Refused(502, "Bad Gateway"), Reason.PROVIDER_FAILED, False, None),
    ],
)
async def test_what_refusals_mean(
    telegram: FakeTelegram,
    notifier: TelegramNotifier,
    refused: Refused,
    reason: Reason,
    permanent: bool,
    wait: float | None,
) -> None:
    """The documented table of docs/channels/telegram.md; the token is in no word of it."""
    telegram.refusal = refused
    with pytest.raises(NotifierError) as failure:
        await notifier.send(page(), NOW)
    error = failure.value
    assert (error.reason, error.permanent, error.retry_after) == (reason, permanent, wait)
    assert TOKEN not in str(error)
    assert refused.description in str(error)


@pytest.mark.parametrize(
    ("status", "headers", "content", "reason"),
    [
        (200, {"Content-Type": "text/html"}, b"<html>Sign in to the Wi-Fi</html>", Reason.BAD_RESPONSE),
        (200, {}, b'{"ok": 1}', Reason.BAD_RESPONSE),
        (302, {"Location": "http://127.0.0.1/"}, b"", Reason.BAD_RESPONSE),
        (404, {}, b"nginx", Reason.BAD_RESPONSE),
        (429, {"Retry-After": "7"}, b"slow down", Reason.RATE_LIMITED),
        (503, {}, b"<html>", Reason.PROVIDER_FAILED),
    ],
)
async def test_answers_that_are_not_telegrams(
    telegram: FakeTelegram,
    notifier: TelegramNotifier,
    status: int,
    headers: dict[str, str],
    content: bytes,
    reason: Reason,
) -> None:
    """Of a proxy or of a server in trouble: tried again, since they say nothing of the message."""
    telegram.answer(status, headers, content)
    if status == 200:
        telegram.respond = lambda _: _later(telegram._answer)  # type: ignore[method-assign, assignment]  # one answer to everything
    with pytest.raises(NotifierError) as failure:
        await notifier.send(page(), NOW)
    assert (failure.value.reason, failure.value.permanent) == (reason, False)


async def _later(answer: bytes) -> bytes:
    return answer


@pytest.mark.parametrize("fault", [Fault.HALF_RESPONSE, Fault.WRONG_LENGTH, Fault.RESET])
async def test_an_answer_that_breaks_off_leaves_it_open(
    telegram: FakeTelegram, notifier: TelegramNotifier, fault: Fault
) -> None:
    """The message may be there, and nobody has said its number: neither success nor failure."""
    telegram.fault = fault
    with pytest.raises(LostAnswer):
        await notifier.send(page(), NOW)
    assert len(telegram.shown) == 1


async def test_without_a_bot_it_says_so() -> None:
    """A method that was connected to a bot that the configuration has no more."""
    notifier = TelegramNotifier(TelegramSettings())
    with pytest.raises(NotifierError) as failure:
        await notifier.send(page(), NOW)
    assert (failure.value.reason, failure.value.permanent) == (Reason.MISCONFIGURED, True)
    await notifier.close()


async def test_the_probe_names_the_bot(telegram: FakeTelegram, notifier: TelegramNotifier) -> None:
    """`openalert check` says which bot the token belongs to."""
    assert "@openalert_test_bot" in await notifier.probe()
