"""Text messages over Twilio: few segments, the number to answer by in the last line, and never the same one twice."""

import asyncio

from openalert.domain.action import Verb
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.notifiers import gsm, wording
from openalert.notifiers.letter import POSSIBLE_REPEAT
from openalert.notifiers.notifier import OPEN, Action, LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.notifiers.text import one_line
from openalert.notifiers.twilio import CALLBACKS, InDoubt, Sent, TwilioApi, TwilioSettings, configured

MOST_SEGMENTS = 3
"""A message is paid by segment, and telephones show about so much of one: 459 letters, or 201 in other alphabets."""
_LONGEST = 459
_SHORTEST = 60
_CLOCKS_DIFFER = MINUTE
"""Between Twilio and us, at most; a message to the same number with the same words is hardly older."""


class SmsNotifier:
    """The channel `sms`; a message's `to` is a telephone number."""

    channel = "sms"

    def __init__(self, settings: TwilioSettings, *, base_url: str) -> None:
        """`base_url` is our own: there Twilio reports what became of a message; empty: it need not report."""
        self._settings = settings
        self._base_url = base_url
        self._api = TwilioApi(settings)

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Hands one message to Twilio; after a first attempt it asks whether that had arrived after all."""
        configured(self._settings.sends_sms, "Text messages")
        until = asyncio.get_running_loop().time() + self._settings.outgoing.deadline
        body = text_of(message)
        if message.attempt > 1 and (sent := _same(body, await self._taken(message, now, until))):
            return _receipt(sent, "an earlier attempt had reached Twilio")
        try:
            return _receipt(await self._api.create("Messages", self._form(message, body), now))
        except LostAnswer as lost:
            taken = await self._taken(message, now, until)
            if sent := _same(body, taken):
                return _receipt(sent, lost.detail)
            if taken is not None and isinstance(lost, InDoubt):
                raise NotifierError(
                    Reason.PROVIDER_FAILED, f"{lost.detail} It does not have the message."
                ) from lost
            raise

    async def probe(self) -> str:
        """Signs in at Twilio."""
        configured(self._settings.sends_sms, "Text messages")
        name = await self._api.account(0)
        number = self._settings.messaging_service_sid or self._settings.from_number
        return f"Twilio accepts the login of {name}; text messages come from {number}."

    async def close(self) -> None:
        """Ends what is open."""
        await self._api.close()

    def _form(self, message: Message, body: str) -> list[tuple[str, str]]:
        service = self._settings.messaging_service_sid
        sender = ("MessagingServiceSid", service) if service else ("From", self._settings.from_number)
        form = [("To", message.to), sender, ("Body", body)]
        if self._base_url:
            form.append(("StatusCallback", f"{self._base_url}{CALLBACKS}/message/{message.notification_id}"))
        return form

    async def _taken(self, message: Message, now: Instant, until: float) -> list[Sent] | None:
        """What Twilio has taken for this number since then; None when there was no time to ask, or no answer."""
        try:
            async with asyncio.timeout_at(until):
                return await self._api.messages_to(message.to, message.at - _CLOCKS_DIFFER, now)
        except (NotifierError, LostAnswer, TimeoutError):
            return None


def text_of(message: Message) -> str:
    """The words of a text message, at most `MOST_SEGMENTS` long: the title is cut, never the way to answer."""
    if message.kind is NotificationKind.CODE:
        return gsm.plain(f"{one_line(message.headline, 80)}. {one_line(message.body, 120)}")
    if message.actions and message.actions[0].verb == OPEN:
        return _with_link(_fitted(message, ""), message.actions[0])
    return _fitted(message, _answer_line(message))


def _fitted(message: Message, end: str) -> str:
    """The message above its last line, cut until it has few enough segments."""
    limit = _LONGEST
    while True:
        text = gsm.plain(f"{wording.brief(message, limit)}\n{end}".rstrip("\n"))
        excess = gsm.segments(text) - MOST_SEGMENTS
        if excess <= 0 or limit <= _SHORTEST:
            return text
        limit = max(_SHORTEST, limit - 20)


def _with_link(text: str, action: Action) -> str:
    """With the link to a page of ours where it costs no further segment; nobody waits for what it leads to."""
    linked = f"{text}\n{gsm.plain(one_line(action.label, 40))}: {action.url}"
    return linked if gsm.segments(linked) == gsm.segments(text) else text


def _answer_line(message: Message) -> str:
    """How to answer: by the person's number for the incident, else by the link that acknowledges."""
    if not message.actions:
        return ""
    if message.reply_code:
        code = message.reply_code
        if any(action.verb == Verb.JOIN for action in message.actions):
            return f"Reply join {code} = I am coming, cannot {code} = I cannot, 0 = help"
        return f"Reply 1 {code} = acknowledge, 2 {code} = resolve, 0 = help"
    return f"{one_line(message.actions[0].label, 20)}: {message.actions[0].url}"


def _same(body: str, taken: list[Sent] | None) -> Sent | None:
    """The one of these that says the same: by its first line, which holds the incident's number."""
    return next((each for each in taken or [] if _unmarked(each.body or "") == _unmarked(body)), None)


def _unmarked(body: str) -> str:
    """The first line, which says which incident, without the mark of a repeat."""
    return body.partition("\n")[0].removeprefix(f"({POSSIBLE_REPEAT}) ")


def _receipt(sent: Sent, how: str = "") -> Receipt:
    if sent.status in ("failed", "undelivered", "canceled"):
        raise NotifierError(
            Reason.REFUSED, f"Twilio says that it {sent.status} ({sent.error_code or 'no code'})."
        )
    return Receipt(provider_id=sent.sid, detail=" ".join(filter(None, (f"Twilio: {sent.status}.", how))))
