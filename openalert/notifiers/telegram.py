"""Telegram: a message with buttons to a person or a group, changed when there is news of its incident.

Words from outside are escaped for Telegram's HTML, and their `@names` are broken open, so that they call nobody.
"""

import html
import re
import ssl
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.action import Verb
from openalert.domain.chat import button
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.reply import KEYS
from openalert.notifiers import chat
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.chat import Parts
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Action, LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.notifiers.telegram_api import Moved, TelegramBot, TelegramSettings
from openalert.notifiers.text import one_line

LONGEST = 4_096
"""Of a message: UTF-16 units once its markup is read."""
_NEWS = (NotificationKind.UPDATE, NotificationKind.FOLLOW)
_MENTION = re.compile(r"@(?=\w)")
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_SURROGATES = re.compile("[\ud800-\udfff]")


class _Sent(msgspec.Struct):
    class _Chat(msgspec.Struct):
        id: int

    message_id: int
    chat: _Chat


class TelegramNotifier:
    """The channel `telegram`; a message's `to` is the id of a chat."""

    channel = "telegram"

    def __init__(
        self,
        settings: TelegramSettings,
        outgoing: OutgoingSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.bot = TelegramBot(settings, outgoing, tls=tls, resolver=resolver)
        self._moved: dict[str, str] = {}
        """Groups that became supergroups, until their channel knows."""

    async def send(self, message: Message, now: Instant) -> Receipt:
        """News changes the message that it is about, and follows it as a line that does not ring."""
        is_changed = False
        if message.kind in _NEWS and message.replaces:
            chat_id, _, message_id = message.replaces.rpartition(":")
            is_changed = await self._edit(chat_id, message_id, message, now)
        if is_changed and message.is_silent:
            return Receipt(provider_id=message.replaces, detail="200 changed")
        if message.is_silent:
            raise NotifierError(Reason.REFUSED, "The message that was to change is gone.", permanent=True)
        wanted = line(message) if is_changed else content(message)
        return await self._post(self._moved.get(message.to, message.to), message, wanted, now)

    async def probe(self) -> str:
        """Asks Telegram who the bot is."""
        me = await self.bot.me(0, fresh=True)
        return f"Telegram answers; the bot is @{one_line(me.username, 40)}."

    async def close(self) -> None:
        """Ends what is open."""
        await self.bot.close()

    async def _post(self, to: str, message: Message, wanted: dict[str, Any], now: Instant) -> Receipt:
        parameters = wanted | {"chat_id": to, "disable_notification": message.kind in _NEWS}
        first_chat, _, first = message.replaces.rpartition(":")
        if first and first_chat == to:
            parameters["reply_parameters"] = {"message_id": int(first), "allow_sending_without_reply": True}
        try:
            answer = await self.bot.call("sendMessage", parameters, now)
        except Moved as moved:
            self._moved[message.to] = str(moved.chat_id)
            if to != message.to:
                raise NotifierError(Reason.BAD_RESPONSE, "Telegram moved the group twice.") from moved
            return await self._post(str(moved.chat_id), message, wanted, now)
        try:
            sent = msgspec.json.decode(answer, type=_Sent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise LostAnswer("Telegram took it, but did not say as what.") from None
        return Receipt(provider_id=f"{sent.chat.id}:{sent.message_id}", detail="200")

    async def _edit(self, chat_id: str, message_id: str, message: Message, now: Instant) -> bool:
        """Whether the message now says this; False: it is not there any more."""
        parameters = content(message) | {"chat_id": chat_id, "message_id": int(message_id)}
        try:
            await self.bot.call("editMessageText", parameters, now)
        except Moved:
            return False
        except NotifierError as error:
            words = error.detail.lower()
            if "message is not modified" in words:
                return True
            if any(gone in words for gone in _GONE):
                return False
            raise
        return True


def content(message: Message) -> dict[str, Any]:
    """Text and buttons of a message, as sendMessage and editMessageText take them."""
    told = chat.parts(message)
    text = written(message, told)
    if _length(text) > LONGEST:
        text = written(
            message, msgspec.structs.replace(told, text=one_line(told.text, 300), bundle=told.bundle[:5])
        )
    if _length(text) > LONGEST:
        bare = msgspec.structs.replace(told, text="", labels=told.labels[:3], links=told.links[:1], bundle=[])
        text = written(message, bare)
    return {
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "reply_markup": {"inline_keyboard": keyboard(message)},
    }


def line(message: Message) -> dict[str, Any]:
    """What follows a message that was changed: that it was, and how it stands now."""
    told = chat.parts(message)
    return {
        "text": f"{told.symbol} <b>{_plain(told.lead)}</b> {_plain(told.title)}",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }


def written(message: Message, told: Parts) -> str:
    """The text, in the HTML that Telegram reads."""
    lines = [f"{told.symbol} <b>{_plain(told.lead)}</b>"]
    if told.title:
        lines.append(f"<b>{_plain(told.title)}</b>")
    if told.facts:
        lines.append(" · ".join(f"{name}: {_plain(value)}" for name, value in told.facts))
    if told.text:
        lines.append(f"<blockquote>{_plain(told.text)}</blockquote>")
    lines += [f"<code>{_plain(name)}={_plain(value)}</code>" for name, value in told.labels]
    if told.more_labels:
        lines.append(f"and {told.more_labels} more labels")
    lines += [f'<a href="{html.escape(href)}">{_plain(words)}</a>' for words, href in told.links]
    lines += [f"Also: {_plain(title)}" for title in told.bundle]
    if told.more_bundled:
        lines.append(f"and {told.more_bundled} more")
    if told.what_is_next:
        lines.append(f"<b>{_plain(told.what_is_next)}</b>")
    lines += _addresses(message)
    if told.reason:
        lines.append(f"<i>{_plain(told.reason)}</i>")
    if message.reply_code and message.actions:
        lines.append(f"Or write: <code>{_word(message.actions[0])} {message.reply_code}</code>")
    return "\n".join(lines)


def _word(action: Action) -> str:
    """What one writes to do what the first button does: once somebody has it, that is no longer to acknowledge it."""
    words: dict[str, str] = {verb: key for key, verb in reversed(KEYS.items())}
    words |= {Verb.JOIN: "join", Verb.DECLINE: "cannot"}
    return words.get(action.verb, "1")


def keyboard(message: Message) -> list[list[dict[str, str]]]:
    """The rows of buttons: what takes and what ends it, then the other verbs, then the incident itself."""
    verbs = [
        {"text": chat.label(each), "callback_data": data}
        for each in message.actions
        if (data := button(each.verb, message.notification_id)) is not None
    ]
    links = [(chat.label(each), each.url) for each in _links_of(message)]
    if message.incident_url:
        links.append(("Open", message.incident_url))
    opens = [{"text": words, "url": url} for words, url in links if _is_reachable(url)]
    return [row for row in (verbs[:2], verbs[2:5], opens[:2]) if row]


def _links_of(message: Message) -> list[Action]:
    """Actions that only their link does: to prove an address, to accept an invitation."""
    return [each for each in message.actions if button(each.verb, message.notification_id) is None]


def _addresses(message: Message) -> list[str]:
    """Links that Telegram refuses as buttons, as text: it takes only names that everybody could reach."""
    links = [(chat.label(each), each.url) for each in _links_of(message)]
    if message.incident_url:
        links.append(("Open", message.incident_url))
    return [f"{_plain(words)}: {html.escape(url)}" for words, url in links if not _is_reachable(url)]


def _is_reachable(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return "." in host and not host.rpartition(".")[2].isdigit()


def _plain(text: str) -> str:
    """Words that format nothing, link nowhere and call nobody."""
    return html.escape(
        _MENTION.sub("@\u2060", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)), quote=False
    )


def _length(text: str) -> int:
    """What Telegram counts, or more: UTF-16 units without the tags."""
    seen = html.unescape(re.sub(r"<[^<>]*>", "", text))
    return len(seen.encode("utf-16-le")) // 2
