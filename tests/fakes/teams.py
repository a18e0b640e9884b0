"""A Teams workflow on loopback: takes the message that "When a Teams webhook request is received" takes, and no other.

It holds the cards it was given. A card that Teams would not show is answered with 400, as the workflow's schema does,
and named in `problems`, so that the test fails that sent it.
"""

from typing import Any

import msgspec

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

LARGEST = 28 * 1024
_STYLES = {"default", "emphasis", "good", "attention", "warning", "accent"}
_COLOURS = {"Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"}
_MEMBERS = {
    "RichTextBlock": {"type", "spacing", "inlines"},
    "Container": {"type", "style", "bleed", "items"},
    "TextRun": {"type", "text", "weight", "size", "color", "isSubtle", "fontType", "selectAction"},
    "Action.OpenUrl": {"type", "title", "url", "style"},
}


class FakeTeams(FakeWebhook):
    """The workflow. `cards` is what the channel shows, in order."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.cards: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.answer(202, body=b"")

    async def respond(self, request: Received) -> bytes:
        """202, or what it was told to answer; 400 for what is no card."""
        try:
            card = _checked(request)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
            refusal = {"error": {"code": "TriggerInputSchemaMismatch", "message": str(error)}}
            return whole_answer(400, None, msgspec.json.encode(refusal))
        if self._answer.startswith(b"HTTP/1.1 2"):
            self.cards.append(card)
        return self._answer

    def texts(self, position: int = -1) -> str:
        """Every word of one card, a line for each block."""
        return "\n".join(_words(block) for block in self.cards[position]["body"])

    def buttons(self, position: int = -1) -> dict[str, str]:
        """The buttons of one card: words to address."""
        return {action["title"]: action["url"] for action in self.cards[position]["actions"]}


def _checked(request: Received) -> dict[str, Any]:
    assert request.method == "POST", request.method
    assert request.headers["content-type"].lower() == "application/json; charset=utf-8"
    assert len(request.body) <= LARGEST, f"{len(request.body)} bytes"
    assert 2 * len(request.body.decode()) <= 2 * LARGEST
    message = request.json
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    card: dict[str, Any] = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["version"] in ("1.4", "1.5")
    assert card["body"], "an empty card is not shown"
    assert len(card["actions"]) <= 6, "Teams shows six buttons"
    for element in [*card["body"], *card["actions"]]:
        _check(element)
    return card


def _check(element: dict[str, Any]) -> None:
    kind = element["type"]
    assert kind in _MEMBERS, f"{kind} is not known"
    assert element.keys() <= _MEMBERS[kind], element.keys() - _MEMBERS[kind]
    match kind:
        case "Container":
            assert element["style"] in _STYLES
            inner = element["items"]
            assert inner
        case "RichTextBlock":
            inner = element["inlines"]
            assert inner, "a RichTextBlock needs an inline"
        case "TextRun":
            assert element["text"].strip(), "an empty TextRun breaks the card on phones"
            assert element.get("color", "Default") in _COLOURS
            assert "<at>" not in element["text"].lower(), "a mention without its entity breaks the card"
            assert "{{" not in element["text"], "DATE and TIME would be computed"
            inner = [element["selectAction"]] if "selectAction" in element else []
        case _:
            assert element["url"].startswith(("https://", "http://"))
            inner = []
    for each in inner:
        _check(each)


def _words(element: dict[str, Any]) -> str:
    if element["type"] == "Container":
        return "\n".join(_words(item) for item in element["items"])
    return "".join(run["text"] for run in element["inlines"])
