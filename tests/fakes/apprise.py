"""Services behind Apprise on one loopback server: ntfy's JSON publishing, Gotify's messages, Discord's webhooks.

It holds what each would show. What the service would not take is answered as the service does, and named in `problems`.
Shapes: https://docs.ntfy.sh/publish/#publish-as-json, https://gotify.net/api-docs#/message/createMessage,
https://discord.com/developers/docs/resources/webhook#execute-webhook.
"""

import re
from typing import Any

import msgspec

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

_ACTION = re.compile(r"(http|view), [A-Za-z0-9 ]+, https?://\S+?(, method=POST)?(, clear=true)?")


class FakeServices(FakeWebhook):
    """`shown` is what arrived, in order: (service, what it shows)."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.shown: list[tuple[str, dict[str, Any]]] = []
        self.problems: list[str] = []

    @property
    def ntfy(self) -> str:
        """The address of a topic, as Apprise has it."""
        return f"ntfy://{self.host}:{self.port}/s3cret-topic"

    @property
    def gotify(self) -> str:
        """The address of an application, as Apprise has it."""
        return f"gotify://{self.host}:{self.port}/s3cretToken"

    @property
    def discord(self) -> str:
        """The address of a webhook, as Apprise has it; its host is Discord's, which a test turns here."""
        return "discord://4174216298/s3cretT0kenOfAWebhookJHMoiGh0wNGZ4"

    async def respond(self, request: Received) -> bytes:
        """What the service answers, or what it was told to."""
        try:
            service, content = self._read(request)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self.problems.append(f"{request.path}: {error!r}")
            return whole_answer(400, None, b'{"error":"bad request"}')
        if self._answer.startswith(b"HTTP/1.1 2"):
            self.shown.append((service, content))
        return self._answer

    def _read(self, request: Received) -> tuple[str, dict[str, Any]]:
        assert request.method == "POST", request.method
        body = request.json
        headers = request.headers
        if request.path == "/message":
            assert headers["x-gotify-key"] == "s3cretToken"
            assert body.keys() <= {"title", "message", "priority", "extras"}
            assert body["message"], "Gotify wants a message"
            return "gotify", body
        if request.path.startswith("/api/webhooks/"):
            content = body.get("content", "") + "".join(
                each["description"] for each in body.get("embeds", [])
            )
            assert 0 < len(content) <= 2_000, "Discord takes 2,000 characters"
            return "discord", body | {"content": content}
        assert request.path == "/"
        assert body["topic"] == "s3cret-topic"
        assert len(body["message"].encode()) <= 4_096
        assert "x-icon" not in headers, "a picture from elsewhere"
        assert "x-delay" not in headers, "a page that is held back"
        buttons = headers.get("x-actions", "").split("; ") if "x-actions" in headers else []
        assert len(buttons) <= 3, "ntfy shows three buttons"
        assert all(_ACTION.fullmatch(button) for button in buttons), buttons
        return "ntfy", body | {
            "priority": headers.get("x-priority", "default"),
            "click": headers.get("x-click"),
            "buttons": buttons,
        }


def refusal(code: int, words: str) -> bytes:
    """The body of an error as ntfy has it."""
    return msgspec.json.encode({"code": code, "http": code // 100, "error": words})
