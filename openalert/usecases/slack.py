"""What people press and write in Slack, whichever way it came: done as the person whose Slack account it is.

Whoever calls has proven that Slack itself sent it. What was asked is done in one transaction, so that Slack is answered
at once; what the person then sees (the changed message, a sentence for them alone) is sent beside it.
"""

import asyncio
import hashlib
import html
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog

from openalert.domain.access import Actor, stranger
from openalert.domain.action import Verb
from openalert.domain.chat import GOT
from openalert.domain.contact import check_slack_member
from openalert.domain.errors import Conflict, Invalid, OpenAlertError, Unavailable
from openalert.domain.instant import Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.user import ContactMethod
from openalert.notifiers import slack_blocks
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.slack_api import SlackError
from openalert.notifiers.slack_blocks import Block
from openalert.storage import incidents, notifications, provider_events
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import contact_methods, deliveries, slack_answers
from openalert.usecases.slack_answers import Press

log = structlog.get_logger(__name__)


class Answered(msgspec.Struct):
    """What came of it: a sentence for whoever pressed, and the message as it stands now."""

    said: str
    blocks: list[Block] | None = None
    text: str = ""


class Slack:
    """The workspace that is connected to this installation."""

    def __init__(self, database: Database, notifier: SlackNotifier, links_back: LinksBack) -> None:
        """`links_back`: where people reach us."""
        self.notifier = notifier
        self.settings = notifier.api.settings
        self._database = database
        self._links_back = links_back
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> Instant:
        """The instant at which something came in."""
        return self._database.clock()

    async def pressed(self, payload: dict[str, Any], came: Actor) -> None:
        """A button was pressed (`block_actions`); what is no button of ours is nothing to us."""
        press = _press(payload)
        if press is None:
            return
        answered = await self._answer(press, payload, came)
        if answered is not None:
            self._spawn(self._show(press, answered))

    async def command(self, form: dict[str, str], came: Actor) -> str:
        """`/openalert …`: what to tell whoever typed it, as Slack's markup."""
        text, member = form.get("text", "").strip(), form.get("user_id", "")
        said = await self._said(form, member, text or "help", came)
        return "That was done already." if said is None else slack_blocks.escape(said)

    async def wrote(self, envelope: dict[str, Any], came: Actor) -> None:
        """Somebody wrote to the bot (`message.im`); edits, other bots and our own words are no answers."""
        event = envelope.get("event")
        if not isinstance(event, dict) or event.get("type") != "message" or event.get("channel_type") != "im":
            return
        if event.get("subtype") or event.get("bot_id"):
            return
        member, channel = str(event.get("user", "")), str(event.get("channel", ""))
        text = html.unescape(str(event.get("text", "")))[:500]
        said = await self._said(envelope.get("event_id") or envelope, member, text, came)
        if said is None:
            return
        thread = {"thread_ts": str(event["thread_ts"])} if event.get("thread_ts") else {}
        self._spawn(self._write(channel, said, thread))

    async def received(self, kind: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        """The same by Socket Mode: an envelope's type and payload, and what goes back with its acknowledgement."""
        came = stranger("", "")
        if kind == "interactive":
            await self.pressed(payload, came)
        elif kind == "events_api":
            await self.wrote(payload, came)
        elif kind == "slash_commands":
            form = {name: value for name, value in payload.items() if isinstance(value, str)}
            return told_alone(await self.command(form, came))
        return None

    async def ask(self, actor: Actor, user_id: str, member: str = "") -> str:
        """Ask a Slack account whether it is this person's; the sentence to tell whoever wanted it.

        Without a member ID the account is looked up by the person's verified e-mail addresses. Whether it is theirs
        only the account itself can say, so it does not matter who asks.
        """
        async with self._database.read() as reader:
            methods = await contact_methods.of_user(reader, actor, user_id)
        member = check_slack_member(member) if member.strip() else await self._look_up(methods)
        if any(method.type == "slack" and method.address == member for method in methods):
            raise Conflict("This Slack account is connected already.", field="member")
        async with self._database.transaction(actor) as tx:
            await slack_answers.ask(tx, user_id, member)
        return "Look into Slack: OpenAlert asks there whether it is you."

    async def settled(self) -> None:
        """Wait until what is being shown in Slack is there; when the program ends, and in tests."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look_up(self, methods: list[ContactMethod]) -> str:
        """The account with one of these addresses; Invalid when Slack knows none of them."""
        addresses = [
            each.address for each in methods if each.type == "email" and each.verified_at is not None
        ]
        for address in addresses:
            try:
                found = await self.notifier.api.ask(
                    "users.lookupByEmail", {"email": address}, self._database.clock()
                )
            except SlackError as error:
                if error.code == "users_not_found":
                    continue
                raise Unavailable(error.detail) from error
            except NotifierError as error:
                raise Unavailable(error.detail) from error
            user = found.get("user")
            if isinstance(user, dict) and not user.get("is_bot") and not user.get("deleted"):
                return check_slack_member(str(user.get("id", "")))
        known = " or ".join(addresses) or "an address that you have verified"
        raise Invalid(
            f"Slack knows nobody with {known}. Enter your member ID: in Slack, your profile, the three dots, "
            "Copy member ID.",
            field="member",
        )

    async def _answer(self, press: Press, payload: dict[str, Any], came: Actor) -> Answered | None:
        try:
            async with self._database.transaction(came) as tx:
                if not await _is_new(tx, payload):
                    return None
                if press.verb == slack_blocks.CONNECT:
                    return Answered("", [], await slack_answers.connect(tx, press))
                said, changed = await slack_answers.answer(tx, press, self._links_back.base_url)
                if press.verb == GOT and changed:
                    return Answered("", [], said)
        except OpenAlertError as error:
            return Answered(error.message)
        try:
            return await self._drawn(press, said, changed=changed)
        except OpenAlertError as error:  # it is done; only how it looks now cannot be read
            log.warning("message not redrawn", error=error.message)
            return Answered(said)

    async def _drawn(self, press: Press, said: str, *, changed: bool) -> Answered:
        """The pressed message as it stands now; not the first one about a change, which news of the change redraws."""
        async with self._database.read() as reader:
            row = await notifications.get(reader, press.notification_id)
            incident = await incidents.get(reader, row.incident_id) if row and row.incident_id else None
            if row is None or incident is None:
                return Answered(said)
            message = await deliveries.compose(reader, row, self._links_back)
            first = message.replaces.partition(":")[2]
            if changed and (not first or first > press.ts):
                return Answered(said)
            message.headline, message.at = await slack_answers.standing(reader, incident), reader.now
        return Answered(said, slack_blocks.card(message), slack_blocks.fallback(message))

    async def _show(self, press: Press, answered: Answered) -> None:
        """The changed message, then the sentence; what was done stays done when Slack takes neither."""
        now = self._database.clock()
        if answered.blocks is not None:
            blocks = answered.blocks or [slack_blocks.section(answered.text)]
            text = answered.text if answered.blocks else slack_blocks.escape(answered.text)
            await self._quietly(self.notifier.edit(press.channel, press.ts, blocks, text, now))
        if answered.said:
            told: dict[str, Any] = {
                "channel": press.channel,
                "user": press.member,
                "text": slack_blocks.escape(answered.said),
            }
            told |= {"thread_ts": press.thread_ts} if press.thread_ts else {}
            await self._quietly(self.notifier.api.call("chat.postEphemeral", told, now))

    async def _write(self, channel: str, said: str, thread: dict[str, str]) -> None:
        told = {"channel": channel, "text": slack_blocks.escape(said), **thread}
        await self._quietly(self.notifier.api.call("chat.postMessage", told, self._database.clock()))

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except (NotifierError, LostAnswer) as error:
            log.warning("answer not shown in Slack", error=str(error))

    async def _said(self, what: Any, member: str, text: str, came: Actor) -> str | None:
        try:
            async with self._database.transaction(came) as tx:
                if not await _is_new(tx, what):
                    return None
                return await slack_answers.words(tx, member, text, self._links_back.base_url)
        except OpenAlertError as error:
            return error.message

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="show in Slack")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _is_new(tx: Transaction, what: Any) -> bool:
    """Whether it is the first time: Slack repeats what it believes lost, and others what they overheard."""
    return await provider_events.first(tx, "slack", hashlib.sha256(msgspec.json.encode(what)).hexdigest())


def told_alone(said: str) -> dict[str, Any]:
    """The answer to a command, for whoever typed it and nobody else."""
    return {"response_type": "ephemeral", "text": said}


def _press(payload: dict[str, Any]) -> Press | None:
    """The press in a payload of Slack's; None for links, other apps' buttons and anything that is not of that form."""
    if payload.get("type") != "block_actions":
        return None
    try:
        found = msgspec.convert(payload, _Payload)
    except msgspec.ValidationError:
        return None
    for pressed in found.actions:
        notification_id, _, verb = pressed.value.partition(":")
        if verb in (*Verb, slack_blocks.CONNECT, GOT) and pressed.action_id == slack_blocks.ACTION + verb:
            place = found.container
            return Press(
                found.user.id, place.channel_id, place.message_ts, place.thread_ts, notification_id, verb
            )
    return None


class _Member(msgspec.Struct):
    id: str


class _Place(msgspec.Struct):
    channel_id: str
    message_ts: str
    thread_ts: str = ""


class _Button(msgspec.Struct):
    action_id: str = ""
    value: str = ""


class _Payload(msgspec.Struct):
    """What we read of `block_actions` (docs.slack.dev/reference/interaction-payloads/block_actions-payload)."""

    user: _Member
    container: _Place
    actions: list[_Button]
