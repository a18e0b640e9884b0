"""Slack: one message a notification, one thread an incident, and a first message that says how it stands.

The first message about an incident at a place is the root. News changes the root, so that its buttons go when they
have nothing left to do, and says in the thread what happened; a further page is also shown outside of the thread.
"""

from collections import OrderedDict
from typing import Any

from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.notification import NotificationKind
from openalert.notifiers import slack_blocks
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.notifiers.slack_api import WANTED_SCOPES, SlackApi, SlackError, SlackSettings
from openalert.notifiers.slack_blocks import Block

PLACES_KNOWN = 10_000
LOOK_BACK = 10 * MINUTE
"""How far before a message was composed its earlier copy is looked for: clocks differ."""
_TOO_MUCH = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
_BEYOND_EDITING = {
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "channel_not_found",
    "is_inactive",
    "thread_not_found",
}
_WRITING = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}


class SlackNotifier:
    """The channel `slack`; a message's `to` is a person (`U…`), a channel (`C…`) or its name (`#alerts`)."""

    channel = "slack"

    def __init__(
        self,
        settings: SlackSettings | None = None,
        outgoing: OutgoingSettings | None = None,
        *,
        resolver: Resolver | None = None,
    ) -> None:
        """Without a bot token every send says what to configure."""
        self.api = SlackApi(settings or SlackSettings(), outgoing, resolver=resolver)
        self._ids: OrderedDict[str, str] = OrderedDict()
        """The conversation behind a person or a name, as Slack last told it."""

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Posts it; a repeat first looks whether Slack has the message already."""
        place = await self._place(message, now)
        root = _root(message)
        if message.attempt > 1 or message.possible_repeat:
            found = None if message.is_silent else await self._already_there(message, place, root, now)
            if found is not None:
                return Receipt(provider_id=found, detail="200 Slack had it already.")
        is_news = message.kind not in (NotificationKind.PAGE, NotificationKind.NOTICE)
        if root is not None and is_news:
            root = await self._redraw(message, root, now)
            if message.is_silent:
                return Receipt(provider_id=message.replaces, detail="200 Slack changed the message.")
        blocks = slack_blocks.news(message) if root is not None and is_news else slack_blocks.card(message)
        where: dict[str, Any] = {"channel": place}
        if root is not None:
            where = {"channel": root[0], "thread_ts": root[1], "reply_broadcast": not is_news}
        posted = await self._post(message, where, blocks, now)
        self._know(message.to, str(posted.get("channel", "")))
        return Receipt(
            provider_id=f"{posted.get('channel', place)}:{posted.get('ts', '')}",
            detail=f"200 Slack took it in {posted.get('channel', place)}.",
        )

    async def probe(self) -> str:
        """Asks Slack who we are (`auth.test`); NotifierError when a permission is missing."""
        found, missing = await self.api.who_am_i(0)
        if missing:
            raise NotifierError(
                Reason.AUTH_FAILED,
                f"Slack lets the bot in, but it may not {' and not '.join(_uses(missing))}: add the scopes "
                f"{', '.join(missing)} and install the app again.",
                permanent=True,
            )
        return f"Slack answers: {found.get('user', 'the bot')} in the workspace {found.get('team', 'without a name')}."

    async def close(self) -> None:
        """Ends what is open."""
        await self.api.close()

    async def edit(self, place: str, ts: str, blocks: list[Block], text: str, now: Instant) -> None:
        """Change a message of ours; `SlackError` when Slack does not let it be changed any more."""
        arguments = {"channel": place, "ts": ts, "text": text, "blocks": blocks}
        await self.api.call("chat.update", arguments | {"parse": "none", "link_names": False}, now)

    async def _place(self, message: Message, now: Instant) -> str:
        """Where to post: the conversation with a person is opened first."""
        if not message.to.startswith(("U", "W")):
            return message.to
        if message.to in self._ids:
            return self._ids[message.to]
        opened = await self.api.ask("conversations.open", {"users": message.to}, now)
        channel = opened.get("channel")
        found = str(channel.get("id", "")) if isinstance(channel, dict) else ""
        if not found:
            raise NotifierError(Reason.BAD_RESPONSE, "Slack opened a conversation without saying which.")
        self._know(message.to, found)
        return found

    async def _redraw(self, message: Message, root: tuple[str, str], now: Instant) -> tuple[str, str] | None:
        """The root as it stands now; None when Slack does not have it any more, so that the news stands alone."""
        blocks, text = slack_blocks.card(message), slack_blocks.fallback(message)
        try:
            await self.edit(*root, blocks, text, now)
        except SlackError as error:
            if error.code in ("message_not_found", "channel_not_found", "thread_not_found"):
                return None
            if error.code not in _BEYOND_EDITING | _TOO_MUCH:
                raise
        return root

    async def _post(
        self, message: Message, where: dict[str, Any], blocks: list[Block], now: Instant
    ) -> dict[str, Any]:
        """Posts the blocks; where Slack does not take their layout, the words alone, for they must arrive."""
        arguments = {
            **where,
            **_WRITING,
            "text": slack_blocks.fallback(message),
            "metadata": slack_blocks.metadata(message.notification_id),
        }
        try:
            return await self.api.call("chat.postMessage", arguments | {"blocks": blocks}, now)
        except SlackError as error:
            if error.code not in _TOO_MUCH:
                raise
        return await self.api.call("chat.postMessage", arguments, now)

    async def _already_there(
        self, message: Message, place: str, root: tuple[str, str] | None, now: Instant
    ) -> str | None:
        """The provider id of an earlier copy of this message, found by its metadata; None when there is none.

        Also None where the bot may not look: then it is sent again, marked as a possible repeat.
        """
        channel = root[0] if root else self._ids.get(place, place)
        if channel.startswith("#"):
            return None
        asked = {
            "channel": channel,
            "oldest": f"{(message.at - LOOK_BACK) / SECOND:.6f}",
            "limit": "100",
            "include_all_metadata": "true",
        }
        method = "conversations.history"
        if root is not None:
            method, asked["ts"] = "conversations.replies", root[1]
        try:
            answer = await self.api.ask(method, asked, now)
        except NotifierError as error:
            if error.permanent:
                return None
            raise
        wanted = slack_blocks.metadata(message.notification_id)
        for found in answer.get("messages", []):
            if isinstance(found, dict) and found.get("metadata") == wanted:
                return f"{channel}:{found.get('ts')}"
        return None

    def _know(self, address: str, channel: str) -> None:
        if not channel:
            return
        self._ids[address] = channel
        self._ids.move_to_end(address)
        while len(self._ids) > PLACES_KNOWN:
            self._ids.popitem(last=False)


def _root(message: Message) -> tuple[str, str] | None:
    """Channel and time stamp of the page that this belongs to, from what Slack called it."""
    channel, _, ts = message.replaces.partition(":")
    return (channel, ts) if channel and ts else None


def _uses(scopes: list[str]) -> list[str]:
    return [WANTED_SCOPES[scope] for scope in scopes]
