"""News of a status page for the workflows of Teams: an Adaptive Card, as `teams` posts pages there."""

import ssl
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.status_letter import Letter
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.chat import SYMBOLS
from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.notifier import Receipt
from openalert.notifiers.status_post import Post, of_letter
from openalert.notifiers.teams import LARGEST, STYLE, block, envelope, harmless, judge, run, size, some_lines
from openalert.notifiers.text import one_line


class StatusTeamsCourier:
    """The way to channels of Teams; a letter's `to` is the webhook of a workflow, which is a secret."""

    channel = "teams"

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._http = HttpClient(settings, tls=tls, resolver=resolver)

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Posts the card. The workflow's 202 says that it has the card, not that the channel shows it."""
        answer = await self._http.request(
            "POST",
            letter.to,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=body(of_letter(letter)),
        )
        if failure := judge(answer, now):
            raise failure
        return Receipt(provider_id=letter.id, detail=answer.excerpt())

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


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
