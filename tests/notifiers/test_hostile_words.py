"""One hostile title through every way of writing: mail headers, text messages, TwiML, cards, chats, push."""

import html
import json
import re
from collections.abc import Callable
from email.headerregistry import Address
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from openalert.notifiers import (
    NOTIFIERS,
    apprise,
    chat,
    gsm,
    letter,
    push,
    slack_blocks,
    sms,
    teams,
    telegram,
    twiml,
    voice,
    webhook,
    wording,
)
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import Message
from tests.notifiers import messages

HOSTILE = [
    "x\r\nBcc: all@evil.example\r\n\r\nbody",
    "<!channel> <@U024BE7LH> <http://evil.example|here>",
    "@everyone @here [click](http://evil.example) **bold** `code`",
    '<Say>hello</Say> & "quotes" <Dial>+4915100000</Dial>',
    "\u202egnp.exe\u2066 \u200b zero",
    "<at>everybody</at> {{DATE(2026-01-01)}} ${x}",
    "half a pair \ud83d and \udc00",
    "{{ incident.title }} {% for x in y %} %s",
    "<b>bold</b><script>alert(1)</script>",
    "x" * 70_000,
]


@pytest.fixture(params=["title", "own words"])
def page(request: pytest.FixtureRequest, hostile: str) -> Message:
    """A page whose title, or whose own words, are hostile."""
    own = hostile if request.param == "own words" else ""
    incident = messages.incident(title=hostile, service_name=hostile, words=own, labels={"a": hostile})
    return messages.page(incident=incident, bundle=[hostile], reply_code=12)


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(request: pytest.FixtureRequest) -> str:
    """Each of the corpus."""
    return str(request.param)


def test_lines_are_lines(page: Message) -> None:
    """A subject, a headline and a title are one line of bounded length, with nothing invisible, and can be encoded."""
    for line in (letter.subject(page), wording.headline(page), chat.parts(page).title, chat.parts(page).lead):
        assert line.isprintable() or "\ufffd" in line
        assert len(line) <= 400
        line.encode()


def test_a_text_message_keeps_its_way_to_answer(page: Message) -> None:
    """However long and strange the title is, a text message is short, and says how to answer at its end."""
    text = sms.text_of(page)
    assert gsm.segments(text) <= sms.MOST_SEGMENTS
    assert text.splitlines()[-1].startswith("Reply 1 12 = acknowledge")


def test_a_voice_reads_words_and_obeys_none(page: Message) -> None:
    """What is read out is one Say element that holds text alone, without addresses of pages."""
    element = ET.fromstring(twiml.document(twiml.say(wording.spoken(page))))
    assert [child.tag for child in element.iter()] == ["Response", "Say"]
    assert "evil.example" not in (element[0].text or "") or "://" not in (element[0].text or "")


def test_a_card_in_teams_mentions_nobody(page: Message) -> None:
    """No text of a card holds a mention or something to compute."""
    card = teams.body(page).decode().lower()
    assert "<at>" not in card
    assert "{{date" not in card


def _formatted(blocks: Any) -> list[str]:
    """Every text in which Slack acts on markup."""
    if isinstance(blocks, list):
        return [text for each in blocks for text in _formatted(each)]
    if isinstance(blocks, dict):
        own = [str(blocks["text"])] if blocks.get("type") == "mrkdwn" else []
        return own + [text for each in blocks.values() for text in _formatted(each)]
    return []


def test_slack_calls_nobody(page: Message) -> None:
    """No text that Slack formats holds a mention or a link of the title's."""
    texts = [
        slack_blocks.fallback(page),
        *_formatted(slack_blocks.card(page)),
        *_formatted(slack_blocks.news(page)),
    ]
    for text in texts:
        assert "<!channel>" not in text
        assert "<@U024BE7LH>" not in text
        assert "<http://evil" not in text


def test_discord_calls_nobody(page: Message) -> None:
    """Neither everybody nor somebody is called, and no words hide a link."""
    title, body = apprise.words(page, "discord")
    assert "@everyone" not in title + body
    assert "[click](" not in title + body


def test_push_is_small_and_whole(page: Message) -> None:
    """What a browser is sent is JSON that fits, whatever the title holds."""
    content = push.encoded(page)
    assert len(content) <= 3_993
    assert json.loads(content)


MATTERMOST = MattermostNotifier(MattermostSettings(), base_url=messages.BASE_URL)


def test_telegram_formats_and_calls_nobody(page: Message) -> None:
    """The markup is ours alone, closed where it was opened, and fits; no name is called."""
    text = telegram.content(page)["text"]
    tags = re.findall(r"</?([a-z]+)[^<>]*>", text)
    assert set(tags) <= {"b", "i", "a", "code", "blockquote"}
    ET.fromstring(f"<all>{_of_xml(text)}</all>")
    assert "<script" not in text
    assert not re.search(r"@\w", text)
    assert not re.search(r"href=.http://evil", text)
    assert len(html.unescape(re.sub(r"<[^<>]*>", "", text)).encode("utf-16-le")) // 2 <= telegram.LONGEST
    json.dumps(telegram.content(page)).encode()


def _of_xml(text: str) -> str:
    """The text without the characters that XML has no place for at all."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def test_mattermost_formats_and_calls_nobody(page: Message) -> None:
    """Each sign of Markdown that came from outside is escaped, no name is called, and the post fits."""
    post = MATTERMOST.content(page)
    (attachment,) = post["props"]["attachments"]
    for text in (post["message"], attachment["text"], *(each["value"] for each in attachment["fields"])):
        assert not re.search(r"@\w", text)
        assert not re.search(r"(?<!\\)\]\(http://evil", text)
        assert not re.search(r"(?<!\\)<[!@b]", text)
        assert "**bold**" not in text
        assert "`code`" not in text
    assert len(json.dumps(post, ensure_ascii=False)) < 16_383
    json.dumps(post, ensure_ascii=False).encode()


def _mail(page: Message) -> str:
    """The whole mail as its reader gets it: subject, text and HTML."""
    sender, recipient = Address(addr_spec="alerts@example.com"), Address(addr_spec="bea@example.com")
    mail = letter.compose(
        page, sender=sender, recipient=recipient, base_url=messages.BASE_URL, now=messages.NOW
    )
    assert b"\nBcc:" not in mail.as_bytes().partition(b"\r\n\r\n")[0]
    return "\n".join([mail["Subject"], *(part.get_content() for part in mail.iter_parts())])


WRITERS: dict[str, Callable[[Message], bytes | str]] = {
    "apprise": lambda page: "\n".join(
        text for service in ("discord", "ntfy", "matrix") for text in apprise.words(page, service)
    ),
    "email": _mail,
    "mattermost": lambda page: json.dumps(MATTERMOST.content(page), ensure_ascii=False),
    "push": push.encoded,
    "slack": lambda page: json.dumps([slack_blocks.card(page), slack_blocks.news(page)], ensure_ascii=False),
    "sms": sms.text_of,
    "teams": teams.body,
    "telegram": lambda page: json.dumps(telegram.content(page), ensure_ascii=False),
    "voice": lambda page: voice.opening(page, messages.BASE_URL, 1),
    "webhook": webhook.body,
}
"""What each channel writes; a new channel is a line here."""


@pytest.mark.parametrize("channel", sorted(NOTIFIERS))
def test_every_channel_writes_it_whole_and_names_the_incident(channel: str, page: Message) -> None:
    """Whatever the title holds, what leaves can be encoded, is bounded and names the incident.

    Nothing in it turns the direction of reading, but in a webhook, which hands on what it got: programs read it.
    """
    assert channel in WRITERS, (
        f"say in WRITERS what {channel} writes, and prove above that hostile words do not act"
    )
    written = WRITERS[channel](page)
    content = written if isinstance(written, bytes) else written.encode()
    assert "42" in content.decode()
    if channel != "webhook":
        assert len(content) < 60_000
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", content.decode())
