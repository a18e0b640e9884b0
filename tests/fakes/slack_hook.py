"""An incoming webhook of Slack on loopback: answers `ok` as plain text to what Slack would show, and 400 to the rest.

A post that Slack would refuse, or in which a word of others would act, is named in `problems`.
"""

from typing import Any

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_MEMBERS = {"text", "blocks", "unfurl_links", "unfurl_media"}


class FakeSlackHook(FakeWebhook):
    """The webhook. `posts` is what the channel shows, in order."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.posts: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.answer(200, _PLAIN, b"ok")

    async def respond(self, request: Received) -> bytes:
        """`ok`, or what it was told to answer."""
        try:
            post = _checked(request)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
            return whole_answer(400, _PLAIN, b"invalid_payload")
        if self._answer.startswith(b"HTTP/1.1 2"):
            self.posts.append(post)
        return self._answer

    def words(self, position: int = -1) -> str:
        """Every word of one post, a line for each block."""
        return "\n".join(_words(block) for block in self.posts[position]["blocks"])

    def links(self, position: int = -1) -> dict[str, str]:
        """The links of one post: words to address."""
        found = {}
        for block in self.posts[position]["blocks"]:
            for section in block.get("elements", []):
                for element in section.get("elements", []):
                    if element["type"] == "link":
                        found[element["text"]] = element["url"]
        return found


def _checked(request: Received) -> dict[str, Any]:
    assert request.method == "POST", request.method
    assert request.headers["content-type"].startswith("application/json")
    post: dict[str, Any] = request.json
    assert post.keys() <= _MEMBERS, post.keys() - _MEMBERS
    assert post["text"], "a post without text says nothing on a locked telephone"
    # The text is markup: what is left of < and > would be a mention or a link.
    assert not set(post["text"]) & set("<>"), post["text"]
    blocks = post["blocks"]
    assert 0 < len(blocks) <= 50
    for block in blocks:
        _check(block)
    return post


def _check(block: dict[str, Any]) -> None:
    match block["type"]:
        case "header":
            assert block["text"]["type"] == "plain_text"
            assert 0 < len(block["text"]["text"]) <= 150
        case "section":
            assert block["text"]["type"] == "plain_text", "words of others are no markup"
            assert 0 < len(block["text"]["text"]) <= 3_000
        case "context":
            assert all(each["type"] == "plain_text" for each in block["elements"])
        case "rich_text":
            (section,) = block["elements"]
            assert section["type"] == "rich_text_section"
            assert section["elements"], "an empty section is refused"
            for each in section["elements"]:
                assert each["type"] in ("text", "link"), each["type"]
                assert each["text"], "an empty text is refused"
                assert each["type"] == "text" or each["url"].startswith("https://"), each
        case kind:
            raise AssertionError(f"a block of the kind {kind}")


def _words(block: dict[str, Any]) -> str:
    if block["type"] in ("header", "section"):
        return str(block["text"]["text"])
    if block["type"] == "context":
        return " ".join(each["text"] for each in block["elements"])
    return "".join(each["text"] for section in block["elements"] for each in section["elements"])
