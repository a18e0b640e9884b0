"""News of a status page for the incoming webhooks of Slack.

Links stand in the text and are no buttons: an app with an incoming webhook alone takes no clicks, and Slack would say
beside each button that it does not work. Shapes and answers: docs.slack.dev, "Sending messages using incoming
webhooks".
"""

from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers.chat import SYMBOLS
from openalert.notifiers.http import Answer, retry_after
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.slack_blocks import HEADER, NOTIFICATION, Block, escape, section
from openalert.notifiers.status_courier import ChatCourier
from openalert.notifiers.status_post import Post
from openalert.notifiers.text import one_line


class StatusSlackCourier(ChatCourier):
    """The way to channels of Slack, which says `ok` once the channel shows the post."""

    channel = "slack"

    def body(self, post: Post) -> bytes:
        """See `body`."""
        return body(post)

    def judge(self, answer: Answer, now: Instant) -> NotifierError | None:
        """See `judge`."""
        return judge(answer, now)


def body(post: Post) -> bytes:
    """The JSON document of the post; no word of it mentions, links or calls anybody."""
    symbol = SYMBOLS[post.tone]
    blocks: list[Block] = [
        {"type": "header", "text": _words(one_line(f"{symbol} {post.lead}", HEADER))},
        *([_rich([_text(post.title, bold=True)])] if post.title else []),
        *([section(post.text)] if post.text else []),
    ]
    if post.facts:
        lines = [[_text(f"{name}  ", bold=True), _text(value)] for name, value in post.facts]
        blocks.append(_rich(_joined(lines, "\n")))
    if post.links:
        links: list[list[Block]] = [
            [{"type": "link", "url": url, "text": words}] for words, url in post.links
        ]
        blocks.append(_rich(_joined(links, "  ·  ")))
    if post.reason:
        blocks.append({"type": "context", "elements": [_words(one_line(post.reason, 500))]})
    said = " · ".join(part for part in (post.lead, post.title) if part)
    return msgspec.json.encode(
        {
            "text": escape(one_line(f"{symbol} {said}", NOTIFICATION)),
            "blocks": blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def judge(answer: Answer, now: Instant) -> NotifierError | None:
    """What an answer means: 200 took it; 403, 404 and 410 say that nobody will ever read there again."""
    wait = retry_after(answer.headers.get("retry-after"), now)
    status, detail = answer.status, f"Slack answered {answer.excerpt()}"
    if status == 200:
        return None
    if status == 429:
        return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
    if status in (403, 404, 410):
        return NotifierError(Reason.GONE, f"{detail}; the webhook or its channel is gone.", permanent=True)
    if 400 <= status < 500:
        return NotifierError(Reason.REFUSED, detail, permanent=True)
    if status >= 500:
        return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait)
    return NotifierError(Reason.BAD_RESPONSE, detail, permanent=True)


def _joined(parts: list[list[Block]], between: str) -> list[Block]:
    elements: list[Block] = []
    for part in parts:
        elements += [*([_text(between)] if elements else []), *part]
    return elements


def _rich(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _text(text: str, *, bold: bool = False) -> Block:
    style: dict[str, Any] = {"style": {"bold": True}} if bold else {}
    return {"type": "text", "text": text} | style


def _words(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
