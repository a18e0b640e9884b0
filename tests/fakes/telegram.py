"""The Bot API of Telegram on loopback: one bot, some accounts and groups, and what the bot may say to them.

It checks every call as the documentation of the Bot API has it (https://core.telegram.org/bots/api), holds the messages
as they now read, presses their buttons and writes as people do. What happened is told by getUpdates, or posted where
setWebhook said. A call that the real one would refuse is answered so, and named in `problems` unless it is a matter of
the other side: a bot that was blocked, a chat that is not there.
"""

import asyncio
import html
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
BOT = {"id": 123456789, "is_bot": True, "first_name": "OpenAlert", "username": "openalert_test_bot"}
_TAGS = {"b", "i", "u", "s", "code", "pre", "a", "blockquote"}
_COMMON = {"chat_id", "text", "parse_mode", "link_preview_options", "reply_markup"}
_KNOWN = {
    "sendMessage": _COMMON | {"disable_notification", "reply_parameters"},
    "editMessageText": _COMMON | {"message_id"},
    "answerCallbackQuery": {"callback_query_id", "text", "show_alert"},
    "getUpdates": {"offset", "limit", "timeout", "allowed_updates"},
    "setWebhook": {"url", "secret_token", "allowed_updates"},
    "deleteWebhook": set(),
    "getMe": set(),
}


class Refused(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Shown(msgspec.Struct):
    """One message as its chat shows it now."""

    chat: int
    id: int
    text: str
    """Without its markup."""
    links: list[str]
    buttons: list[list[dict[str, str]]]
    is_silent: bool
    replies_to: int | None
    changes: int = 0

    @property
    def labels(self) -> list[str]:
        """The words on its buttons."""
        return [each["text"] for row in self.buttons for each in row]


class FakeTelegram(FakeWebhook):
    """Telegram. `shown` holds what the bot said, `toasts` what people were told who pressed a button."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.problems: list[str] = []
        self.shown: list[Shown] = []
        self.toasts: list[tuple[str, str]] = []
        """(id of the press, what was said)"""
        self.blocked: set[int] = set()
        self.moved: dict[int, int] = {}
        self.chats: set[int] = set()
        """Chats in which the bot may write."""
        self.refusal: Refused | None = None
        """What every call is answered from now on."""
        self.hook: dict[str, Any] | None = None
        self.waits = 0.02
        """Seconds that getUpdates waits instead of what it is asked for."""
        self._updates: list[dict[str, Any]] = []
        self._presses: set[str] = set()
        self._counter = 1_000
        self._polled = asyncio.Event()

    @property
    def base_url(self) -> str:
        """What telegram.base_url is to be."""
        return f"http://{self.host}:{self.port}"

    async def respond(self, request: Received) -> bytes:
        """The answer of one method."""
        if not self._answer.startswith(b"HTTP/1.1 200"):
            return self._answer
        try:
            result = await self._call(request)
        except Refused as refused:
            body: dict[str, Any] = {
                "ok": False,
                "error_code": refused.code,
                "description": refused.description,
            }
            if refused.parameters:
                body["parameters"] = refused.parameters
            return whole_answer(refused.code, None, msgspec.json.encode(body))
        return whole_answer(200, None, msgspec.json.encode({"ok": True, "result": result}))

    async def _call(self, request: Received) -> Any:
        bot, _, method = request.path.removeprefix("/").partition("/")
        if bot != f"bot{TOKEN}":
            raise Refused(401, "Unauthorized")
        if request.method != "POST" or method not in _KNOWN:
            raise self._wrong(404, f"Not Found: {request.method} {method}")
        given = request.json
        if unknown := given.keys() - _KNOWN[method]:
            raise self._wrong(400, f"{method} does not know {unknown}")
        if self.refusal is not None:
            raise self.refusal
        match method:
            case "sendMessage":
                return self._send(given)
            case "editMessageText":
                return self._edit(given)
            case "answerCallbackQuery":
                return self._toast(given)
            case "getUpdates":
                return await self._get_updates(given)
            case "setWebhook":
                return self._set_webhook(given)
            case "deleteWebhook":
                self.hook = None
                return True
            case _:
                return BOT

    def _wrong(self, code: int, description: str) -> Refused:
        self.problems.append(description)
        return Refused(code, description)

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        chat = int(given["chat_id"])
        if chat in self.moved:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.moved[chat],
            )
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        text, links = self._text(given)
        replied = given.get("reply_parameters", {}).get("message_id")
        self._counter += 1
        message = Shown(
            chat=chat,
            id=self._counter,
            text=text,
            links=links,
            buttons=self._keyboard(given),
            is_silent=given.get("disable_notification", False),
            replies_to=replied,
        )
        self.shown.append(message)
        return self._object(message)

    def _edit(self, given: dict[str, Any]) -> dict[str, Any]:
        chat = int(given["chat_id"])
        message = next((m for m in self.shown if (m.chat, m.id) == (chat, given["message_id"])), None)
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        text, links = self._text(given)
        buttons = self._keyboard(given)
        if (text, buttons) == (message.text, message.buttons):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message",
            )
        message.text, message.links, message.buttons = text, links, buttons
        message.changes += 1
        return self._object(message)

    def _toast(self, given: dict[str, Any]) -> bool:
        if given["callback_query_id"] not in self._presses:
            raise self._wrong(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        if len(given.get("text", "")) > 200:
            raise self._wrong(400, "Bad Request: MESSAGE_TOO_LONG")
        self.toasts.append((given["callback_query_id"], given.get("text", "")))
        return True

    async def _get_updates(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        if self.hook is not None:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        if "offset" in given:
            self._updates = [each for each in self._updates if each["update_id"] >= given["offset"]]
        if not self._updates:
            self._polled.clear()
            try:
                async with asyncio.timeout(self.waits):
                    await self._polled.wait()
            except TimeoutError:
                pass
        return self._updates[: given.get("limit", 100)]

    def _set_webhook(self, given: dict[str, Any]) -> bool:
        if not given["url"].startswith("https://"):
            raise self._wrong(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", given["secret_token"]):
            raise self._wrong(400, "Bad Request: secret token contains unallowed characters")
        self.hook = given
        return True

    def _text(self, given: dict[str, Any]) -> tuple[str, list[str]]:
        if given.get("parse_mode") not in (None, "HTML"):
            raise self._wrong(400, "Bad Request: unsupported parse_mode")
        text, links = given["text"], []
        if given.get("parse_mode") == "HTML":
            try:
                text, links = _parsed(text)
            except ValueError as error:
                raise self._wrong(400, f"Bad Request: can't parse entities: {error}") from None
        if not text.strip():
            raise self._wrong(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4_096:
            raise self._wrong(400, "Bad Request: message is too long")
        return text, links

    def _keyboard(self, given: dict[str, Any]) -> list[list[dict[str, str]]]:
        rows: list[list[dict[str, str]]] = given.get("reply_markup", {}).get("inline_keyboard", [])
        for button in (button for row in rows for button in row):
            if not button["text"].strip():
                raise self._wrong(
                    400, "Bad Request: can't parse inline keyboard button: Text buttons are not allowed"
                )
            if "url" in button:
                host = urlsplit(button["url"]).hostname or ""
                if "." not in host or re.fullmatch(r"[0-9.]+", host):
                    raise self._wrong(
                        400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid"
                    )
            elif not 1 <= len(button["callback_data"].encode()) <= 64:
                raise self._wrong(400, "Bad Request: BUTTON_DATA_INVALID")
        return rows

    def _object(self, message: Shown) -> dict[str, Any]:
        chat = {"id": message.chat, "type": "private" if message.chat > 0 else "supergroup"}
        return {
            "message_id": message.id,
            "date": 1_767_603_600,
            "chat": chat,
            "from": BOT,
            "text": message.text,
        }

    def press(
        self, message: Shown, label: str, account: int, *, data: str | None = None, chat: int | None = None
    ) -> dict[str, Any]:
        """Somebody presses the button with these words; `data` and `chat`: a client that lies. The update."""
        found = [each for row in message.buttons for each in row if each["text"] == label]
        assert found or data is not None, f"there is no button {label!r}, only {message.labels}"
        press = f"press-{self._counter}-{len(self._presses)}"
        self._presses.add(press)
        return self._happened(
            callback_query={
                "id": press,
                "from": _account(account),
                "message": self._object(message)
                | ({"chat": {"id": chat, "type": "private"}} if chat else {}),
                "chat_instance": "1",
                "data": data if data is not None else found[0]["callback_data"],
            }
        )

    def write(self, text: str, account: int, *, chat: int | None = None, **members: Any) -> dict[str, Any]:
        """Somebody writes to the bot, in `chat` or alone with it. The update."""
        place = chat or account
        self.chats.add(place)
        self._counter += 1
        return self._happened(
            message={
                "message_id": self._counter,
                "date": 1_767_603_600,
                "chat": {"id": place, "type": "private" if place > 0 else "supergroup"},
                "from": _account(account),
                "text": text,
                **members,
            }
        )

    def upgrade(self, chat: int, new: int) -> dict[str, Any]:
        """A group becomes a supergroup. The update."""
        self.moved[chat] = new
        self.chats.discard(chat)
        self.chats.add(new)
        return self._happened(
            message={
                "message_id": 1,
                "date": 1_767_603_600,
                "chat": {"id": chat, "type": "group"},
                "from": _account(1),
                "migrate_to_chat_id": new,
            }
        )

    def last(self, chat: int) -> Shown:
        """The newest message of a chat."""
        return [each for each in self.shown if each.chat == chat][-1]

    def _happened(self, **what: Any) -> dict[str, Any]:
        self._counter += 1
        update = {"update_id": self._counter, **what}
        self._updates.append(update)
        self._polled.set()
        return update

    @property
    def unseen(self) -> int:
        """How many updates nobody has confirmed."""
        return len(self._updates)


def _account(account: int) -> dict[str, Any]:
    return {
        "id": account,
        "is_bot": False,
        "first_name": f"Somebody {account}",
        "username": f"account{account}",
    }


class _Parser(HTMLParser):
    """Telegram's HTML: few tags, closed in order, and no other `<` or `&`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.text, self.links, self._open = "", [], []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _TAGS:
            raise ValueError(f'Unsupported start tag "{tag}"')
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            raise ValueError(f'Unmatched end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_entityref(self, name: str) -> None:
        if name not in ("lt", "gt", "amp", "quot"):
            raise ValueError(f"Unsupported entity {name}")
        self.text += html.unescape(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.text += html.unescape(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        raise ValueError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise ValueError("a declaration")

    def finish(self) -> None:
        """Nothing may be left open."""
        self.close()
        if self._open:
            raise ValueError(f"Can't find end tag corresponding to start tag {self._open[-1]}")


def _parsed(text: str) -> tuple[str, list[str]]:
    parser = _Parser()
    parser.feed(text)
    parser.finish()
    return parser.text, parser.links
