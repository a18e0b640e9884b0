"""What people press and write in Telegram: done as the person whose account it is, and what the bot says then.

Whoever calls has proven that Telegram said so: by the secret token of the webhook, or by asking Telegram itself. Each
update has at most one answer, a call of the Bot API, which a webhook gives back and whoever polls makes.
"""

import re
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Actor, program_of
from openalert.domain.action import Verb
from openalert.domain.chat import GOT, read_button, read_code
from openalert.domain.errors import NotFound, OpenAlertError, Unavailable
from openalert.domain.notification import Notification
from openalert.domain.user import User
from openalert.notifiers.text import one_line
from openalert.storage import channels, contact_methods, notifications, provider_events, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, chat_codes, replies, test_pages, text_replies

KIND = "telegram"
VIA = "Telegram"
_COMMAND = re.compile(r"/([A-Za-z_]{1,32})(?:@\w{1,64})?(?:\s+|$)")
_TOAST = 200
"""Characters that Telegram shows above a chat when a button was pressed."""


class Account(msgspec.Struct):
    """Who did it; its id is also that of the chat that the bot has with them alone."""

    id: int
    first_name: str = ""
    username: str = ""

    @property
    def words(self) -> str:
        """What to call the account."""
        return f"@{self.username}" if self.username else one_line(self.first_name, 60)


class Chat(msgspec.Struct):
    """Where it happened."""

    id: int
    type: str = "private"


class RepliedTo(msgspec.Struct):
    """The message that another one answers."""

    message_id: int


class Written(msgspec.Struct):
    """A message that somebody wrote, or that tells what became of a group."""

    message_id: int
    chat: Chat
    from_: Account | None = msgspec.field(default=None, name="from")
    text: str = ""
    migrate_to_chat_id: int | None = None
    reply_to_message: RepliedTo | None = None


class PressedIn(msgspec.Struct):
    """The message whose button it was."""

    message_id: int
    chat: Chat


class Pressed(msgspec.Struct):
    """A button that somebody pressed."""

    id: str
    from_: Account = msgspec.field(name="from")
    message: PressedIn | None = None
    data: str = ""


class Update(msgspec.Struct):
    """What Telegram tells; of all its kinds those that the bot asks for."""

    update_id: int
    message: Written | None = None
    callback_query: Pressed | None = None


class Call(msgspec.Struct, frozen=True):
    """What the bot answers: a method of the Bot API and its parameters."""

    method: str
    parameters: dict[str, Any]


async def take(database: Database, update: Update, came: Actor, base_url: str) -> Call | None:
    """Do what the update asks for, once, and what to answer. Unavailable: let Telegram tell it again."""
    try:
        async with database.transaction(came) as tx:
            if not await provider_events.first(tx, KIND, str(update.update_id)):
                return None
            if update.callback_query is not None:
                return await _press(tx, update.callback_query, base_url)
            return await _message(tx, update.message, base_url) if update.message else None
    except Unavailable:
        raise
    except OpenAlertError as refused:
        return _refusal(update, refused.message)


async def _press(tx: Transaction, pressed: Pressed, base_url: str) -> Call:
    read = read_button(pressed.data)
    if read is None or pressed.message is None:
        return _toast(pressed, "This button is not known here any more.")
    verb, notification_id = read
    row = await notifications.get(tx, notification_id)
    if row is None or not await _stands_in(tx, row, pressed.message.chat.id):
        raise NotFound("message")
    person = await _presser(tx, row, pressed.from_.id)
    if person is None:
        return _toast(
            pressed,
            f"Nothing was changed: your Telegram account is not connected. Sign in at {base_url}/me and connect it.",
        )
    if verb == GOT:
        return _toast(pressed, await test_pages.by_button(tx, row, person.id), is_loud=True)
    reply = await replies.by_message(tx, row.id, Verb(verb), via=VIA, user_id=person.id)
    return _toast(pressed, reply.said, is_loud=not reply.changed)


async def _stands_in(reader: Reader, row: Notification, chat_id: int) -> bool:
    """Whether this message went to the chat: a client may send whatever data it likes, with a chat of its own."""
    if row.channel != KIND:
        return False
    if row.address == str(chat_id) or (row.provider_id or "").partition(":")[0] == str(chat_id):
        return True
    places = await channels.by_ids(reader, [row.channel_id]) if row.channel_id else []
    return any(place.config.get("chat") == str(chat_id) for place in places)


async def _presser(reader: Reader, row: Notification, account: int) -> User | None:
    """Whose account it is, of those in the organization of the message; who was paged before anybody else."""
    people = [each for each in await _people(reader, account) if each.organization_id == row.organization_id]
    return next((each for each in people if each.id == row.user_id), people[0] if people else None)


async def _people(reader: Reader, account: int) -> list[User]:
    """Who has connected this account; mostly one, but one per organization is possible."""
    methods = await contact_methods.by_address(reader, KIND, str(account))
    found = [await users.get(reader, SYSTEM, method.user_id) for method in methods]
    return [user for user in found if user is not None]


async def _message(tx: Transaction, written: Written, base_url: str) -> Call | None:
    if written.migrate_to_chat_id is not None:
        await move(tx, str(written.chat.id), str(written.migrate_to_chat_id))
        return None
    if written.from_ is None or not written.text:
        return None
    command, text = _split(written.text)
    if written.chat.type != "private":
        return await _in_group(tx, written, command, text, base_url)
    code = read_code(text if command == "start" else written.text)
    if code is not None:
        return _say(written, await _connect(tx, written, code))
    return _say(written, await _answered(tx, written, written.from_, command, text, base_url))


async def _in_group(tx: Transaction, written: Written, command: str, text: str, base_url: str) -> Call | None:
    """In a group the bot answers to commands alone: people talk there."""
    if not command or written.from_ is None:
        return None
    if command in ("start", "id", "chatid"):
        return _say(
            written, f"The ID of this chat is {written.chat.id}. A team's channel in OpenAlert wants it."
        )
    return _say(written, await _answered(tx, written, written.from_, command, text, base_url))


async def _answered(
    tx: Transaction, written: Written, account: Account, command: str, text: str, base_url: str
) -> str:
    people = await _people(tx, account.id)
    if not people:
        return (
            f"I do not know you yet. Sign in at {base_url}/me, press Connect Telegram and send me the code that you "
            f"see there. (The ID of this chat is {written.chat.id}.)"
        )
    if len(people) > 1:
        return "This account is connected to several people; please use the buttons of the messages."
    words = "?" if command in ("start", "help") else f"{command} {text}".strip()
    replied = written.reply_to_message
    row = None
    if replied is not None:
        row = await notifications.by_provider_id(tx, KIND, f"{written.chat.id}:{replied.message_id}")
    return await text_replies.answer_text(
        tx, user_id=people[0].id, text=words, via=VIA, incident_id=row.incident_id if row else None
    )


async def _connect(tx: Transaction, written: Written, code: str) -> str:
    """Make this chat a way to reach whoever made the code."""
    user = await chat_codes.redeem(tx, KIND, code)
    if user is None:
        return "This code is used up, or older than ten minutes. Make another one on your page."
    account = written.from_
    await chat_codes.connect(tx, user, KIND, str(written.chat.id), account.words if account else "")
    return (
        f"Connected: what {user.name} is to know comes here from now on. "
        f"Write ? to learn how to answer. If you are not {user.name}, block this bot."
    )


async def move(tx: Transaction, chat_id: str, new_id: str) -> None:
    """A group became a supergroup: channels that write there follow it. Telegram itself said so."""
    for channel in await channels.of_kind(tx, KIND):
        if channel.config.get("chat") != chat_id:
            continue
        tx.actor = program_of(channel.organization_id, tx.actor)
        moved = msgspec.structs.replace(channel, config={"chat": new_id}, updated_at=tx.now)
        await channels.update(tx, moved)
        audit.change(tx, "channel.updated", channel, moved)


def _split(text: str) -> tuple[str, str]:
    """The command of a text and the rest: `/ack@bot 12` is ("ack", "12"); without one, ("", the text)."""
    found = _COMMAND.match(text)
    return (found[1].lower(), text[found.end() :].strip()) if found else ("", text.strip())


def _refusal(update: Update, said: str) -> Call | None:
    if update.callback_query is not None:
        return _toast(update.callback_query, said, is_loud=True)
    return _say(update.message, said) if update.message is not None else None


def _toast(pressed: Pressed, said: str, *, is_loud: bool = True) -> Call:
    """A sentence for whoever pressed alone; a loud one waits until it was read."""
    return Call(
        "answerCallbackQuery",
        {"callback_query_id": pressed.id, "text": one_line(said, _TOAST), "show_alert": is_loud},
    )


def _say(written: Written, said: str) -> Call:
    """An answer in the chat, as plain text."""
    return Call(
        "sendMessage",
        {
            "chat_id": written.chat.id,
            "text": said[:4_000],
            "link_preview_options": {"is_disabled": True},
            "reply_parameters": {"message_id": written.message_id, "allow_sending_without_reply": True},
        },
    )
