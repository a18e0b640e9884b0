"""News of a status page for the workflows of Teams: an Adaptive Card, as `teams` posts pages there."""

from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers.chat import SYMBOLS
from openalert.notifiers.http import Answer
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.status_courier import ChatCourier
from openalert.notifiers.status_post import Post
from openalert.notifiers.teams import LARGEST, STYLE, block, envelope, harmless, judge, run, size, some_lines
from openalert.notifiers.text import one_line


class StatusTeamsCourier(ChatCourier):
    """The way to channels of Teams. The workflow's 202 says that it has the card, not that the channel shows it."""

    channel = "teams"

    def body(self, post: Post) -> bytes:
        """See `body`."""
        return body(post)

    def judge(self, answer: Answer, now: Instant) -> NotifierError | None:
        """See `judge`."""
        return judge(answer, now)


def body(post: Post) -> bytes:
    """The message with its card; of words that would make it too large only the beginning."""
    content = msgspec.json.encode(envelope(_summary(post), _card(post)))
    if size(content) <= LARGEST:
        return content
    shorter = msgspec.structs.replace(post, text=one_line(post.text, 300))
    return msgspec.json.encode(envelope(_summary(shorter), _card(shorter)))


def _summary(post: Post) -> str:
    return one_line(f"{post.lead} {post.title}", 300)


def _card(post: Post) -> dict[str, Any]:
    style, colour = STYLE[post.tone]
    head = [block(run(f"{SYMBOLS[post.tone]} {post.lead}", weight="Bolder", color=colour))]
    if post.title:
        head.append(block(run(post.title, weight="Bolder", size="Large")))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": harmless(_summary(post)),
        "msteams": {"width": "Full"},
        "body": [
            {"type": "Container", "style": style, "bleed": True, "items": head},
            *(block(run(each)) for each in some_lines(post.text)),
            *(block(run(f"{name}: ", isSubtle=True), run(value)) for name, value in post.facts),
            *([block(run(post.reason, isSubtle=True, size="Small"))] if post.reason else []),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": harmless(words), "url": url} for words, url in post.links
        ],
    }
