"""What people press in Mattermost: done as the person whose account it is, and what they alone are told.

Whoever calls has proven that the button is one of ours.
"""

from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.action import Verb
from openalert.domain.chat import GOT, read_button, read_code
from openalert.domain.errors import Invalid, NotFound, OpenAlertError, Unavailable
from openalert.domain.user import User
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.text import one_line
from openalert.storage import contact_methods, notifications, provider_events, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import chat_codes, replies, test_pages

KIND = "mattermost"
VIA = "Mattermost"
_LINK = "link:"


class Context(msgspec.Struct):
    """What a button of ours carries."""

    data: str
    signature: str


class Pressed(msgspec.Struct):
    """A button that somebody pressed, as Mattermost posts it."""

    user_id: str
    context: Context
    user_name: str = ""
    trigger_id: str = ""


async def press(database: Database, pressed: Pressed, came: Actor, base_url: str) -> str:
    """Do what the button says, once, and what to tell whoever pressed it."""
    try:
        async with database.transaction(came) as tx:
            if pressed.trigger_id and not await provider_events.first(tx, KIND, pressed.trigger_id[:200]):
                return "This was done already."
            if pressed.context.data.startswith(_LINK):
                return await _connect(tx, pressed)
            return await _answer(tx, pressed, base_url)
    except Unavailable:
        raise
    except OpenAlertError as refused:
        return refused.message


async def _answer(tx: Transaction, pressed: Pressed, base_url: str) -> str:
    read = read_button(pressed.context.data)
    row = await notifications.get(tx, read[1]) if read else None
    if read is None or row is None or row.channel != KIND:
        raise NotFound("message")
    people = [
        each for each in await _people(tx, pressed.user_id) if each.organization_id == row.organization_id
    ]
    if not people:
        return (
            "Nothing was changed: your Mattermost account is not connected. "
            f"Sign in at {base_url}/me and connect it."
        )
    person = next((each for each in people if each.id == row.user_id), people[0])
    if read[0] == GOT:
        return await test_pages.by_button(tx, row, person.id)
    return (await replies.by_message(tx, row.id, Verb(read[0]), via=VIA, user_id=person.id)).said


async def _people(reader: Reader, account: str) -> list[User]:
    methods = await contact_methods.by_address(reader, KIND, account)
    found = [await users.get(reader, SYSTEM, method.user_id) for method in methods]
    return [user for user in found if user is not None]


async def _connect(tx: Transaction, pressed: Pressed) -> str:
    code = read_code(pressed.context.data.removeprefix(_LINK))
    user = await chat_codes.redeem(tx, KIND, code, pressed.user_id) if code else None
    if user is None:
        return "This question is older than ten minutes, or was not put to you. Ask again on your page."
    await chat_codes.connect(tx, user, KIND, pressed.user_id, f"@{pressed.user_name}")
    return f"Connected: what {user.name} is to know comes here from now on."


async def ask(database: Database, notifier: MattermostNotifier, actor: Actor, name: str) -> str:
    """Ask an account, found by e-mail address or user name, whether it is the person's; what it is called.

    Without a name the account with the address by which the person signs in. Invalid with Mattermost's words.
    """
    async with database.read() as reader:
        user = await users.get(reader, actor, actor.user_id or "")
    if user is None:
        raise NotFound("user")
    now = database.clock()
    try:
        account: dict[str, Any] = await notifier.server.find(name.strip() or user.email, now)
        async with database.transaction(actor) as tx:
            code = await chat_codes.make(tx, user.id, kind=KIND, address=str(account["id"]))
        question = f"{one_line(user.name, 60)} wants to get pages here. If that is you, press the button."
        await notifier.ask_whether(str(account["id"]), question, _LINK + code, now)
    except (NotifierError, LostAnswer) as error:
        raise Invalid(error.detail, field="account") from None
    return f"@{one_line(str(account.get('username', '')), 60)}"
