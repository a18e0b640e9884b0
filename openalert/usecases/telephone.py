"""Telephones over Twilio: what a call says and what its keys do, what became of calls and messages, who wrote what.

Whoever calls this has verified that Twilio said so. Answers are TwiML.
"""

from collections.abc import Collection

import msgspec

from openalert.domain.action import Verb
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import DAY, HOUR
from openalert.domain.links_back import LinksBack
from openalert.domain.notification import Notification
from openalert.domain.reply import KEYS, REPEAT_KEY
from openalert.notifiers import gsm, twiml, voice
from openalert.notifiers.sms import MOST_SEGMENTS
from openalert.notifiers.twilio import OF_THE_NUMBER, in_words
from openalert.storage import bundles, contact_methods, notifications
from openalert.storage import receipts as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import callbacks, deliveries, receipts, replies, test_pages, text_replies, throttle

CALL_LASTS = HOUR
"""A key that is pressed later belongs to no call: somebody plays a recording."""
STRANGER_A_DAY = 2
"""Text messages from an unknown number that are answered: each answer is paid, and goes wherever it asks."""
STRANGERS_A_DAY = 20
"""The same for all unknown numbers together: there are many to write from."""
ANSWERS_AN_HOUR = 30
"""Answers to a known number; a telephone that answers by itself would go on all night."""
OVER = "This call is over."
UNKNOWN_NUMBER = (
    "This number is not known here. Add it to your contact methods in OpenAlert and enter the code."
)
_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
_OPT_IN = frozenset({"start", "unstop"})
_HELP = frozenset({"help", "info"})
_ENDS_OF_CALLS = {
    "busy": "The line was busy.",
    "no-answer": "Nobody answered the telephone.",
    "canceled": "The call was cancelled before anybody answered.",
}
_MACHINE = "An answering machine took the call."


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What Twilio says about a call."""

    sid: str
    status: str = ""
    answered_by: str = ""
    """`human`, `machine_end_beep`, `fax`, `unknown`, …; empty when it was not found out."""
    error_code: int | None = None

    @property
    def is_machine(self) -> bool:
        """Whether nobody listens."""
        return self.answered_by.startswith(("machine", "fax"))


_TO_WHO_ASKS = {Verb.ACKNOWLEDGE: Verb.JOIN, Verb.HAND_ON: Verb.DECLINE}
"""What two of the keys mean to somebody who is asked for help; the incident stays as it is."""


async def answered(
    tx: Transaction, links_back: LinksBack, notification_id: str, call: Call, round_: int
) -> str:
    """Somebody has picked up, or listens again: what they hear. A machine hears less, and counts as nobody."""
    row = await _call(tx, notification_id)
    if row is None:
        return voice.goodbye(OVER)
    message = await deliveries.compose(tx, row, links_back, await bundles.together(tx, row))
    await receipts.record(
        tx,
        channel="voice",
        provider_id=call.sid,
        delivered=not call.is_machine,
        detail=_MACHINE if call.is_machine else "",
        notification_id=row.id,
    )
    if call.is_machine:
        return voice.left_on_machine(message)
    return voice.opening(message, links_back.base_url, round_)


async def pressed(
    tx: Transaction, links_back: LinksBack, notification_id: str, call: Call, round_: int, key: str
) -> str:
    """A key: does what it says as the person who was called, and says what came of it."""
    row = await _call(tx, notification_id)
    if row is None:
        return voice.goodbye(OVER)
    if key == REPEAT_KEY:
        return voice.repeated(row.id, links_back.base_url)
    verb = KEYS.get(key)
    if verb is Verb.ACKNOWLEDGE and test_pages.is_test_page(row):
        await test_pages.by_key(tx, row)
        return voice.goodbye(test_pages.GOT_IT)
    if row.ask_id is not None and verb is not None:
        verb = _TO_WHO_ASKS.get(verb, verb)
    if verb is None or row.incident_id is None:
        return voice.misunderstood(row.id, links_back.base_url, round_)

    async def act() -> str:
        try:
            reply = await replies.by_message(tx, row.id, verb, via="telephone")
        except OpenAlertError as refused:
            return voice.goodbye(refused.message)
        return voice.goodbye(reply.said)

    return await callbacks.once(tx, "twilio", f"{call.sid}:{round_}:{key}", act) or voice.goodbye(OVER)


async def call_ended(tx: Transaction, notification_id: str, call: Call, others: Collection[int] = ()) -> None:
    """What Twilio reports of a call: under way, or how it ended. A call that was heard was recorded when it was.

    `others`: the accounts that may call instead, where it was not the person who did not answer.
    """
    if call.status not in ("completed", "failed", *_ENDS_OF_CALLS):
        await receipts.accept(tx, channel="voice", provider_id=call.sid, notification_id=notification_id)
        return
    if call.status == "completed":
        why = _MACHINE if call.is_machine else "The call ended before anything was said."
    else:
        why = _ENDS_OF_CALLS.get(call.status) or in_words(call.error_code, "the call could not be made")
    await receipts.record(
        tx,
        channel="voice",
        provider_id=call.sid,
        delivered=False,
        detail=why,
        notification_id=notification_id,
        is_address_broken=call.status == "failed",
        others=others if call.status in ("failed", "canceled") and _is_ours(call.error_code) else (),
    )


async def message_moved(
    tx: Transaction,
    notification_id: str,
    sid: str,
    status: str,
    error_code: int | None,
    others: Collection[int] = (),
) -> None:
    """What Twilio reports of a text message; `others`: the accounts that may send it instead."""
    match status:
        case "delivered" | "read":
            await receipts.record(
                tx, channel="sms", provider_id=sid, delivered=True, detail="", notification_id=notification_id
            )
        case "undelivered" | "failed" | "canceled":
            await receipts.record(
                tx,
                channel="sms",
                provider_id=sid,
                delivered=False,
                detail=in_words(error_code, "it did not arrive"),
                notification_id=notification_id,
                is_address_broken=True,
                others=others if _is_ours(error_code) else (),
            )
        case "queued" | "accepted" | "sending" | "sent" | "scheduled":
            await receipts.accept(tx, channel="sms", provider_id=sid, notification_id=notification_id)


def _is_ours(error_code: int | None) -> bool:
    """Whether another account might do better: the number itself is not to blame."""
    return error_code not in OF_THE_NUMBER


async def wrote(tx: Transaction, *, number: str, text: str, sid: str) -> str:
    """A text message came in: what is sent back. Words that Twilio answers itself are only noted.

    What a known number asks for is done however often it writes; only the words about it have a limit.
    """
    user_id = await who_has(tx, number)
    is_answered = await _is_answered(tx, number, is_known=user_id is not None)
    if user_id is None and not is_answered:
        return twiml.document()

    async def act() -> str:
        return await _done(tx, number, user_id, text)

    said = await callbacks.once(tx, "twilio", sid, act)
    return said if said is not None and is_answered else twiml.document()


async def _is_answered(tx: Transaction, number: str, *, is_known: bool) -> bool:
    """Whether this number gets an answer: each is paid, and a stranger or a machine may be the one who asks."""
    if is_known:
        return await throttle.has_room(tx, f"answers by sms:{number}", limit=ANSWERS_AN_HOUR, period=HOUR)
    own, all_ = f"stranger by sms:{number}", "strangers by sms"
    return await throttle.has_room(tx, own, limit=STRANGER_A_DAY, period=DAY) and await throttle.has_room(
        tx, all_, limit=STRANGERS_A_DAY, period=DAY
    )


async def _done(tx: Transaction, number: str, user_id: str | None, text: str) -> str:
    """What somebody wrote is done; what is sent back."""
    word = "".join(text.split()).lower().rstrip(".!")
    if word in _HELP:
        return twiml.document()
    if word in _OPT_OUT | _OPT_IN:
        for method in await contact_methods.by_address(tx, "sms", number):
            if word in _OPT_OUT:
                await contact_methods.fail(tx, method.id, in_words(21610, ""))
            else:
                await contact_methods.prove(tx, method.id)
        return twiml.document()
    if user_id is None:
        return twiml.document(twiml.message(UNKNOWN_NUMBER))
    said = await text_replies.answer_text(tx, user_id=user_id, text=text, via="SMS")
    return twiml.document(twiml.message(gsm.fit(said, MOST_SEGMENTS)))


async def who_has(reader: Reader, number: str) -> str | None:
    """Whose verified number it is; of several who share it, the one who was written to last."""
    methods = await contact_methods.by_address(reader, "sms", number)
    methods = methods or await contact_methods.by_address(reader, "voice", number)
    people = [method.user_id for method in methods]
    if len(people) > 1:
        last = await stored.last_reader(reader, methods[0].type, number)
        return last if last in people else people[0]
    return people[0] if people else None


async def _call(reader: Reader, notification_id: str) -> Notification | None:
    """The message that this call tells, while it can still be on the line."""
    row = await notifications.get(reader, notification_id)
    if row is None or row.channel != "voice" or row.user_id is None:
        return None
    begun = row.claimed_at or row.created_at
    return row if reader.now - begun < CALL_LASTS else None
