"""Microsoft Teams: Adaptive Cards 1.4 posted to the webhook of a workflow ("When a Teams webhook request is received").

A workflow takes a message and nothing comes back from it: no id, no buttons that report to us. So every piece of news
is a card of its own, and its buttons are links. Words from outside stand in TextRuns, which know no Markdown.
"""

import re
import ssl
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers import chat
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.chat import Parts
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, retry_after
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt, in_doubt
from openalert.notifiers.text import one_line

LARGEST = 27_000
"""Bytes of a message. Teams takes 28 KB, and counts two bytes for each character where nobody said UTF-8."""
MOST_ACTIONS = 6
"""Teams shows so many buttons."""
_LINES = 12

STYLE = {
    "critical": ("attention", "Attention"),
    "high": ("warning", "Warning"),
    "medium": ("warning", "Warning"),
    "low": ("accent", "Accent"),
    "info": ("emphasis", "Default"),
    "good": ("good", "Good"),
    "accent": ("accent", "Accent"),
    "plain": ("emphasis", "Default"),
}
"""By tone: the style of the container, the colour of its first line."""
_STATUS = re.compile(r"HTTP (?:error|status)\D{0,10}(\d{3})", re.IGNORECASE)
_ACTING = re.compile(r"<(?=/?at\b)|\{(?=\{)|\$(?=\{)", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")


class TeamsNotifier:
    """The channel `teams`; a message's `to` is the URL of the workflow, which is a secret."""

    channel = "teams"

    def __init__(
        self,
        settings: OutgoingSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._http = HttpClient(settings, tls=tls, resolver=resolver)

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Posts the card. The workflow's 202 says that it has the card, not that the channel shows it."""
        answer = await self._http.request(
            "POST",
            message.to,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=body(message),
        )
        if failure := judge(answer, now):
            raise failure
        return Receipt(provider_id=message.notification_id, detail=answer.excerpt())

    async def probe(self) -> str:
        """Every channel has its own workflow, and none can be asked without posting."""
        return "Cards go to the workflow of each channel; send a test there to see one."

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


def judge(answer: Answer, now: Instant) -> NotifierError | None:
    """What an answer means; a workflow says 202, and some relays say 200 and put Teams' own error into the text."""
    wait = retry_after(answer.headers.get("retry-after"), now)
    status, detail = answer.status, f"The workflow answered {answer.excerpt()}"
    if status in (200, 201, 202, 204):
        status = _told(answer)
    match status:
        case 0:
            return None
        case 429:
            return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
        case 408 | 425:
            return NotifierError(Reason.REFUSED, detail, retry_after=wait)
        case 401 | 403:
            return NotifierError(
                Reason.AUTH_FAILED,
                f"{detail}; copy the webhook URL from the workflow again: its key is part of the URL.",
                permanent=True,
            )
        case 404 | 410:
            return NotifierError(
                Reason.GONE, f"{detail}; the workflow is gone or switched off.", permanent=True
            )
        case _ if 400 <= status < 500:
            return NotifierError(Reason.REFUSED, detail, permanent=True)
        case _ if status >= 500:
            doubt = in_doubt(answer.status)
            return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait, is_in_doubt=doubt)
        case _:
            return NotifierError(Reason.BAD_RESPONSE, detail, permanent=True)


def _told(answer: Answer) -> int:
    """The failure that a successful answer tells of, as a status; 0: none."""
    text = answer.body[:2_000].decode("utf-8", "replace")
    if found := _STATUS.search(text):
        return int(found[1])
    if "delivery failed" in text.lower():
        return 502
    if "text/html" in answer.headers.get("content-type", "") or text.lstrip().lower().startswith("<!doctype"):
        # A sign-in page or a proxy: whoever wrote it is no workflow.
        return 300
    return 0


def body(message: Message) -> bytes:
    """The message with its card; what would make it too large is left out, the least important first."""
    told = chat.parts(message)
    for shorter in (
        told,
        msgspec.structs.replace(told, text=one_line(told.text, 300), links=told.links[:1]),
        msgspec.structs.replace(told, text="", links=[], labels=told.labels[:3], bundle=told.bundle[:3]),
    ):
        content = msgspec.json.encode(_whole(message, shorter))
        if size(content) <= LARGEST:
            return content
    bare = msgspec.structs.replace(told, text="", links=[], labels=[], bundle=[])
    return msgspec.json.encode(_whole(message, bare))


def _whole(message: Message, told: Parts) -> dict[str, Any]:
    return envelope(f"{told.lead} {told.title}".strip(), card(message, told))


def size(content: bytes) -> int:
    """Bytes as Teams may count them: of UTF-8 or of UTF-16, whichever is more."""
    return max(len(content), 2 * len(content.decode()))


def envelope(summary: str, shown: dict[str, Any]) -> dict[str, Any]:
    """What a workflow takes: a message that holds the card."""
    return {
        "type": "message",
        "summary": harmless(summary),
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": shown,
            }
        ],
    }


def card(message: Message, told: Parts) -> dict[str, Any]:
    """The Adaptive Card."""
    style, colour = STYLE[told.tone]
    head = [block(run(f"{told.symbol} {told.lead}", weight="Bolder", color=colour))]
    if told.title:
        head.append(block(run(told.title, weight="Bolder", size="Large")))
    blocks: list[dict[str, Any]] = [
        {"type": "Container", "style": style, "bleed": True, "items": head},
        *(block(run(f"{name}: ", isSubtle=True), run(value)) for name, value in told.facts),
        *(block(run(line)) for line in some_lines(told.text)),
        *(
            block(
                run(f"{name}: ", isSubtle=True, size="Small"),
                run(value, fontType="Monospace", size="Small"),
            )
            for name, value in told.labels
        ),
    ]
    if told.more_labels:
        blocks.append(block(run(f"and {told.more_labels} more labels", isSubtle=True, size="Small")))
    blocks += [
        block(run(words, selectAction={"type": "Action.OpenUrl", "url": href}, color="Accent"))
        for words, href in told.links
    ]
    blocks += _bundle(told)
    if told.what_is_next:
        blocks.append(block(run(told.what_is_next, weight="Bolder")))
    if told.reason:
        blocks.append(block(run(told.reason, isSubtle=True, size="Small")))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": harmless(f"{told.lead} {told.title}".strip()),
        "msteams": {"width": "Full"},
        "body": blocks,
        "actions": _actions(message),
    }


def _bundle(told: Parts) -> list[dict[str, Any]]:
    blocks = [block(run(f"Also: {title}")) for title in told.bundle]
    if told.more_bundled:
        blocks.append(block(run(f"and {told.more_bundled} more", isSubtle=True)))
    return blocks


def _actions(message: Message) -> list[dict[str, Any]]:
    """A button for each verb as far as there is room, and the incident itself."""
    opens = [("Open the incident", message.incident_url)] if message.incident_url else []
    wanted = [(chat.label(action), action.url) for action in message.actions[: MOST_ACTIONS - len(opens)]]
    buttons: list[dict[str, Any]] = [
        {"type": "Action.OpenUrl", "title": harmless(words), "url": url} for words, url in [*wanted, *opens]
    ]
    if wanted:
        buttons[0]["style"] = "positive"
    return buttons


def some_lines(text: str) -> list[str]:
    """The lines that have words; what would be too many stands shortened in the last."""
    lines = [line for line in text.split("\n") if line.strip()]
    return (
        lines
        if len(lines) <= _LINES
        else [*lines[: _LINES - 1], one_line(" ".join(lines[_LINES - 1 :]), 200)]
    )


def block(*runs: dict[str, Any]) -> dict[str, Any]:
    """A line of the card."""
    return {"type": "RichTextBlock", "spacing": "Small", "inlines": list(runs)}


def run(text: str, **looks: Any) -> dict[str, Any]:
    """Literal words: no Markdown is read in them."""
    return {"type": "TextRun", "text": harmless(text), **looks}


def harmless(text: str) -> str:
    """Words that call nobody and compute nothing: `<at>` and `{{DATE(…)}}` act in every text of a card."""
    return _ACTING.sub(lambda found: found[0] + "\u2060", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text))
