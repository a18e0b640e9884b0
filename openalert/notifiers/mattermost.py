"""Mattermost: a post with buttons to a person or into a channel, one thread per incident, changed when there is news.

Mattermost does not sign what it sends when a button is pressed. So each button carries a signature of ours, which
Mattermost keeps to itself: whoever shows it is Mattermost, or has its database.
"""

import hashlib
import hmac
import re
import ssl
from typing import Any

import msgspec

from openalert.domain.chat import button
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.notifiers import chat
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.chat import Parts
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost_api import Mattermost, MattermostSettings
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.notifiers.text import one_line

PATH = "/callbacks/mattermost"
MOST_PROPS = 7_500
"""Characters of a post's props; servers take 8,000 at least."""
_NEWS = (NotificationKind.UPDATE, NotificationKind.FOLLOW)
_MARKUP = re.compile(r"([\\`*_~\[\]()#|<>!])")
_MENTION = re.compile(r"@(?=\w)")
_SURROGATES = re.compile("[\ud800-\udfff]")
_COLOURS = {
    "critical": "#c0262d",
    "high": "#d9730d",
    "medium": "#b58900",
    "low": "#2b6cb0",
    "info": "#718096",
    "good": "#2f855a",
    "accent": "#5a67d8",
    "plain": "#718096",
}


def signature(bot_token: str, data: str) -> str:
    """What proves that a button with this data is ours: 64 hexadecimal digits."""
    return hmac.digest(
        bot_token.encode(), b"openalert mattermost button\0" + data.encode(), hashlib.sha256
    ).hex()


class MattermostNotifier:
    """The channel `mattermost`; a message's `to` is the id of a person, or of the channel in `channel_config`."""

    channel = "mattermost"

    def __init__(
        self,
        settings: MattermostSettings,
        outgoing: OutgoingSettings | None = None,
        *,
        base_url: str,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is our own, where Mattermost tells that a button was pressed."""
        self.server = Mattermost(settings, outgoing, tls=tls, resolver=resolver)
        self._base_url = base_url

    async def send(self, message: Message, now: Instant) -> Receipt:
        """News changes the post that it is about and stands in its thread; further pages stand there too."""
        first = message.replaces.rpartition(":")[2]
        is_changed = message.kind in _NEWS and bool(first) and await self._edit(first, message, now)
        if message.is_silent:
            if is_changed:
                return Receipt(provider_id=message.replaces, detail="200 changed")
            raise NotifierError(Reason.REFUSED, "The post that was to change is gone.", permanent=True)
        is_channel = message.channel_config.get("channel") == message.to
        place = message.to if is_channel else await self.server.direct(message.to, now)
        wanted = _line(message) if is_changed else self.content(message)
        post = {"channel_id": place, **wanted}
        if first and (is_changed or message.kind not in _NEWS):
            post["root_id"] = first
        made = await self.server.ask("POST", "/posts", post, now)
        return Receipt(provider_id=f"{place}:{made['id']}", detail="201")

    async def probe(self) -> str:
        """Asks Mattermost who the bot is."""
        me = await self.server.me(0)
        return f"Mattermost answers; the bot is @{one_line(str(me.get('username', '')), 40)}."

    async def close(self) -> None:
        """Ends what is open."""
        await self.server.close()

    async def ask_whether(self, user_id: str, words: str, data: str, now: Instant) -> None:
        """A question to one person, with the button `It is me`."""
        attachment = {"fallback": words, "text": _plain(words), "actions": [self._button("It is me", data)]}
        place = await self.server.direct(user_id, now)
        await self.server.ask(
            "POST",
            "/posts",
            {"channel_id": place, "message": "", "props": {"attachments": [attachment]}},
            now,
        )

    async def _edit(self, post_id: str, message: Message, now: Instant) -> bool:
        """Whether the post now says this; False: it is not there any more."""
        try:
            await self.server.ask("PUT", f"/posts/{post_id}", {"id": post_id, **self.content(message)}, now)
        except NotifierError as error:
            if error.reason in (Reason.REJECTED_RECIPIENT, Reason.REFUSED) and error.permanent:
                return False
            raise
        return True

    def content(self, message: Message) -> dict[str, Any]:
        """Text and attachment of a message, as posts take them."""
        told = chat.parts(message)
        props = self._props(message, told)
        if len(msgspec.json.encode(props).decode()) > MOST_PROPS:
            bare = msgspec.structs.replace(
                told, text=one_line(told.text, 300), labels=told.labels[:3], links=told.links[:1], bundle=[]
            )
            props = self._props(message, bare)
        return {"message": _first_line(told), "props": props}

    def _props(self, message: Message, told: Parts) -> dict[str, Any]:
        attachment: dict[str, Any] = {
            "fallback": _clean(f"{told.lead} {told.title}".strip()),
            "color": _COLOURS[told.tone],
            "text": _text(told),
            "fields": [{"short": True, "title": name, "value": _plain(value)} for name, value in told.facts],
            "actions": [
                self._button(chat.label(each), data)
                for each in message.actions
                if (data := button(each.verb, message.notification_id)) is not None
            ],
        }
        links = [(chat.label(each), each.url) for each in message.actions if button(each.verb, "") is None]
        if message.incident_url:
            links.append(("Open the incident", message.incident_url))
        attachment["text"] += "".join(f"\n[{_plain(words)}]({url})" for words, url in links)
        return {"attachments": [attachment]}

    def _button(self, words: str, data: str) -> dict[str, Any]:
        context = {"data": data, "signature": signature(self.server.settings.bot_token, data)}
        return {
            "id": re.sub(r"[^a-z0-9]", "", words.lower())[:20] or "button",
            "type": "button",
            "name": _clean(words),
            "integration": {"url": self._base_url + PATH, "context": context},
        }


def _line(message: Message) -> dict[str, Any]:
    """What follows a post that was changed: that it was, and how it stands now."""
    return {"message": _first_line(chat.parts(message))}


def _first_line(told: Parts) -> str:
    return f"{told.symbol} **{_plain(told.lead)}** {_plain(told.title)}".strip()


def _text(told: Parts) -> str:
    lines = [_plain(line) for line in told.text.split("\n") if line.strip()]
    lines += [f"{_plain(name)}: {_plain(value)}" for name, value in told.labels]
    if told.more_labels:
        lines.append(f"and {told.more_labels} more labels")
    lines += [f"[{_plain(words)}]({_address(href)})" for words, href in told.links]
    lines += [f"Also: {_plain(title)}" for title in told.bundle]
    if told.more_bundled:
        lines.append(f"and {told.more_bundled} more")
    if told.what_is_next:
        lines.append(f"**{_plain(told.what_is_next)}**")
    if told.reason:
        lines.append(f"_{_plain(told.reason)}_")
    return "\n".join(lines)


def _address(href: str) -> str:
    return href.replace("(", "%28").replace(")", "%29")


def _clean(text: str) -> str:
    return _MENTION.sub("@\u2060", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text))


def _plain(text: str) -> str:
    """Words that format nothing, link nowhere and call nobody: neither `@all` nor `![](…)`."""
    return _MARKUP.sub(r"\\\1", _clean(text))
