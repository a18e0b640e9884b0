"""What Slack takes and sends, by its documentation: the forms and limits of messages, and what buttons and people post.

Forms and limits: docs.slack.dev/reference/block-kit; payloads: docs.slack.dev/interactivity and /apis/events-api.
"""

import hashlib
import hmac
import re
from typing import Any
from urllib.parse import urlencode

import msgspec

WORKSPACE, APPLICATION = "T0EXAMPLE01", "A0EXAMPLE01"
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


class Refused(Exception):
    """Slack's own word for why it does not take something."""


def check_message(arguments: dict[str, Any]) -> None:
    """Refuses what Slack would; a mention or a link in words from outside is refused here too."""
    text = arguments.get("text", "")
    if not text and not arguments.get("blocks"):
        raise Refused("no_text")
    if len(text) > 4_000:
        raise Refused("msg_too_long")
    check_markup(text)
    blocks = arguments.get("blocks", [])
    if len(blocks) > 50:
        raise Refused("invalid_blocks")
    actions: list[str] = []
    for block in blocks:
        _check(set(block) <= {"type", "block_id", "text", "fields", "elements"}, block)
        _BLOCKS.get(block["type"], _unknown)(block, actions)
    _check(len(actions) == len(set(actions)), actions)


def check_markup(text: str) -> None:
    """Nothing in a text that Slack parses may be a mention, a link or an entity that it does not decode."""
    if "<" in text or ">" in text or _ENTITY.search(text):
        raise Refused(f"text with markup of its own: {text[:200]!r}")


def _check(holds: bool, what: Any) -> None:
    if not holds:
        raise Refused(f"invalid_blocks: {str(what)[:300]}")


def _unknown(block: dict[str, Any], _: list[str]) -> None:
    _check(False, block)


def _header(block: dict[str, Any], _: list[str]) -> None:
    _check(block["text"]["type"] == "plain_text", block)
    _text(block["text"], 150)


def _section(block: dict[str, Any], _: list[str]) -> None:
    _check("text" in block or "fields" in block, block)
    if "text" in block:
        _text(block["text"], 3_000)
    _check(len(block.get("fields", [])) <= 10, block)
    for field in block.get("fields", []):
        _text(field, 2_000)


def _context(block: dict[str, Any], _: list[str]) -> None:
    _check(1 <= len(block["elements"]) <= 10, block)
    for element in block["elements"]:
        _text(element, 3_000)


def _actions(block: dict[str, Any], actions: list[str]) -> None:
    _check(1 <= len(block["elements"]) <= 25, block)
    for button in block["elements"]:
        _check(button["type"] == "button", button)
        _check(set(button) <= {"type", "text", "action_id", "url", "value", "style"}, button)
        _check(button["text"]["type"] == "plain_text", button)
        _text(button["text"], 75)
        _check(1 <= len(button["action_id"]) <= 255, button)
        _check(len(button.get("value", "")) <= 2_000, button)
        _check(
            len(button.get("url", "https://")) <= 3_000 and button.get("url", "https://").startswith("http"),
            button,
        )
        _check(button.get("style") in (None, "primary", "danger"), button)
        actions.append(button["action_id"])


def _rich_text(block: dict[str, Any], _: list[str]) -> None:
    for section in block["elements"]:
        _check(section["type"] == "rich_text_section" and section["elements"], section)
        for element in section["elements"]:
            if element["type"] == "text":
                _check(bool(element["text"]), element)
                _check(set(element) <= {"type", "text", "style"}, element)
            else:
                _check(element["type"] == "link" and bool(element["text"]), element)
                _check(element["url"].startswith(("https://", "http://")), element)
                _check(len(element["url"]) <= 3_000, element)


def _text(text: dict[str, Any], limit: int) -> None:
    _check(set(text) <= {"type", "text", "emoji", "verbatim"}, text)
    _check(text["type"] in ("plain_text", "mrkdwn"), text)
    _check(("emoji" in text) <= (text["type"] == "plain_text"), text)
    _check(1 <= len(text["text"]) <= limit, text)
    if text["type"] == "mrkdwn":
        check_markup(text["text"])


_BLOCKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "rich_text": _rich_text,
}


def words(block: dict[str, Any]) -> str:
    """What one reads in a block."""
    if block["type"] == "rich_text":
        return "".join(part["text"] for section in block["elements"] for part in section["elements"])
    if block["type"] == "context":
        return "\n".join(element["text"] for element in block["elements"])
    if block["type"] == "actions":
        return "\n".join(element["text"]["text"] for element in block["elements"])
    return str(block["text"]["text"])


def signed(secret: str, body: bytes, at: int) -> dict[str, str]:
    """The headers with which Slack sends a body at this second."""
    base = b"v0:%d:" % at + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


def pressed(
    button: dict[str, Any], *, member: str, channel: str, ts: str, thread: str | None = None
) -> dict[str, Any]:
    """What Slack sends when somebody presses a button of a message (`block_actions`)."""
    container = {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False}
    return {
        "type": "block_actions",
        "user": {"id": member, "username": "bea", "name": "bea", "team_id": WORKSPACE},
        "api_app_id": APPLICATION,
        "token": "a verification token that means nothing any more",
        "container": container | ({"thread_ts": thread} if thread else {}),
        "trigger_id": "12466734323.1395872398",
        "team": {"id": WORKSPACE, "domain": "example"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel, "name": "directmessage" if channel.startswith("D") else "alerts"},
        "state": {"values": {}},
        "response_url": "https://hooks.slack.com/actions/T0EXAMPLE01/1/abc",
        "actions": [{**button, "block_id": "=qXel", "action_ts": "1548426417.840180"}],
    }


def typed(text: str, *, member: str) -> dict[str, str]:
    """What Slack sends for `/openalert text`."""
    return {
        "token": "a verification token that means nothing any more",
        "team_id": WORKSPACE,
        "team_domain": "example",
        "channel_id": "C0ALERTS001",
        "channel_name": "alerts",
        "user_id": member,
        "user_name": "bea",
        "command": "/openalert",
        "text": text,
        "response_url": "https://hooks.slack.com/commands/1234/5678",
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "api_app_id": APPLICATION,
    }


def said(text: str, *, member: str, event_id: str = "Ev0PV52K21", **event: Any) -> dict[str, Any]:
    """What Slack sends when somebody writes to the bot (`message.im`)."""
    return {
        "token": "a verification token that means nothing any more",
        "team_id": WORKSPACE,
        "api_app_id": APPLICATION,
        "event": {
            "type": "message",
            "channel": "D" + member[1:],
            "user": member,
            "text": text,
            "ts": "1355517523.000005",
            "event_ts": "1355517523.000005",
            "channel_type": "im",
            **event,
        },
        "type": "event_callback",
        "event_id": event_id,
        "event_time": 1_355_517_523,
        "authorizations": [{"team_id": WORKSPACE, "user_id": "U0BOT000001", "is_bot": True}],
    }


def form_of(payload: dict[str, Any]) -> bytes:
    """The body in which an interaction comes by HTTP."""
    return urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()
