"""Telephone calls over Twilio: a voice that reads the incident and takes an answer by one key.

Twilio calls, listens whether a person or a machine answers, and then asks us what to say: `opening` and the like are
those answers.
"""

from openalert.domain.action import Verb
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.reply import REPEAT_KEY
from openalert.notifiers import twiml, wording
from openalert.notifiers.notifier import OPEN, Message, Receipt
from openalert.notifiers.text import one_line
from openalert.notifiers.twilio import CALLBACKS, TwilioApi, TwilioSettings, configured

RING_SECONDS = 30
"""Twilio lets it ring for so long; most mailboxes take a call after 20 to 30 seconds."""
KEY_SECONDS = 8
"""After the last word, to find the keys in the dark."""
ROUNDS = 3
"""So often the incident is read to somebody who presses nothing."""

MOST_TWIML = 4_000
"""Characters that Twilio takes within a request."""

_KEYS = (
    "To acknowledge, press 4. To resolve, press 6. To escalate, press 5. To snooze for an hour, press 7. "
    f"To hand it to the next person, press 8. To hear this again, press {REPEAT_KEY}."
)
_KEYS_ASKED = "To say that you are coming, press 4. To say that you cannot come, press 8."
_AGAIN = f"To hear this again, press {REPEAT_KEY}."


class VoiceNotifier:
    """The channel `voice`; a message's `to` is a telephone number."""

    channel = "voice"

    def __init__(self, settings: TwilioSettings, *, base_url: str) -> None:
        """`base_url` is our own: there Twilio asks what to say, and reports what became of the call.

        Empty where nobody can be asked: everything is said in the request, and no key does anything.
        """
        self._settings = settings
        self._base_url = base_url
        self._api = TwilioApi(settings)

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Has Twilio call. What is said is asked of us when somebody answers."""
        configured(self._settings.calls, "Calls")
        sent = await self._api.create("Calls", self._form(message), now)
        return Receipt(provider_id=sent.sid, detail=f"Twilio: {sent.status}.")

    async def probe(self) -> str:
        """Signs in at Twilio."""
        configured(self._settings.calls, "Calls")
        name = await self._api.account(0)
        return f"Twilio accepts the login of {name}; calls come from {self._number}."

    async def close(self) -> None:
        """Ends what is open."""
        await self._api.close()

    @property
    def _number(self) -> str:
        return self._settings.voice_number or self._settings.from_number

    def _form(self, message: Message) -> list[tuple[str, str]]:
        if not self._base_url:
            said = ("Twiml", announcement(message))
            return [("To", message.to), ("From", self._number), said, ("Timeout", str(RING_SECONDS))]
        return [
            ("To", message.to),
            ("From", self._number),
            ("Url", f"{self._base_url}{voice_path(message.notification_id, 1)}"),
            ("Method", "POST"),
            ("Timeout", str(RING_SECONDS)),
            ("MachineDetection", "DetectMessageEnd"),
            ("StatusCallback", f"{self._base_url}{CALLBACKS}/call/{message.notification_id}"),
            ("StatusCallbackMethod", "POST"),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "completed"),
        ]


def voice_path(notification_id: str, round_: int) -> str:
    """Where Twilio asks what to say, for the first time or again."""
    return f"{CALLBACKS}/voice/{notification_id}/{round_}"


def announcement(message: Message) -> str:
    """What a person hears who need not be asked anything: everything, as often as to somebody who presses no key."""
    words = twiml.say(wording.spoken(message))
    again = (twiml.pause(2), twiml.say("Again."), words)
    ends = (twiml.say("Goodbye."), twiml.hang_up())
    for rounds in range(ROUNDS - 1, -1, -1):
        whole = twiml.document(
            twiml.pause(), twiml.say("This is OpenAlert."), words, *(again * rounds), *ends
        )
        if len(whole) <= MOST_TWIML:
            return whole
    return twiml.document(twiml.say("This is OpenAlert. Read your mail."), twiml.hang_up())


def opening(message: Message, base_url: str, round_: int) -> str:
    """What a person hears who answers; in the round after the last one, that the call is over."""
    again = base_url + voice_path(message.notification_id, round_ + 1)
    if message.kind is NotificationKind.CODE:
        return _code(message)
    if round_ > ROUNDS:
        return goodbye("No key was pressed.")
    greeting = f"This is OpenAlert, for {wording.pronounced(one_line(message.organization, 60))}." * (
        round_ == 1
    )
    words = [twiml.pause(), twiml.say(greeting), twiml.say(f"{_by_now(message)}{wording.spoken(message)}")]
    words.append(twiml.say(_keys(message)))
    key = f"{base_url}{voice_path(message.notification_id, round_)}/key"
    return twiml.document(twiml.gather(key, *words, seconds=KEY_SECONDS), twiml.redirect(again))


def misunderstood(notification_id: str, base_url: str, round_: int) -> str:
    """What is said to a key that does nothing, before everything is read again."""
    return twiml.document(
        twiml.say("That key does nothing."),
        twiml.redirect(base_url + voice_path(notification_id, round_ + 1)),
    )


def repeated(notification_id: str, base_url: str) -> str:
    """Everything once more, with as many rounds as in the beginning."""
    return twiml.document(twiml.redirect(base_url + voice_path(notification_id, 1)))


def left_on_machine(message: Message) -> str:
    """What a mailbox is told: that there is something, in one breath; never a code, and nobody is asked for a key."""
    incident = message.incident
    if incident is None:
        return twiml.document(
            twiml.say("This is OpenAlert. It called, and a machine answered."), twiml.hang_up()
        )
    service = wording.pronounced(one_line(incident.service_name, 60))
    return twiml.document(
        twiml.say(
            f"This is OpenAlert. There is a {incident.severity.value} incident, number {incident.number}"
            f"{f', of {service}' if service else ''}. "
            + (
                "Somebody asks you for help."
                if message.is_request
                else "Nobody has answered for it by this call."
            )
        ),
        twiml.hang_up(),
    )


def goodbye(said: str) -> str:
    """The last words of a call."""
    return twiml.document(twiml.say(wording.pronounced(said)), twiml.say("Goodbye."), twiml.hang_up())


def _keys(message: Message) -> str:
    """What can be pressed: everything for an incident, one key for a test page that wants to be answered."""
    if all(action.verb == OPEN for action in message.actions):
        return _AGAIN
    if any(action.verb == Verb.JOIN for action in message.actions):
        return f"{_KEYS_ASKED} {_AGAIN}"
    return _KEYS if message.incident is not None else f"If you hear this, press 4. {_AGAIN}"


def _by_now(message: Message) -> str:
    """That somebody was faster, while the telephone rang."""
    incident = message.incident
    if incident is None or message.kind is not NotificationKind.PAGE:
        return ""
    return "" if incident.status is IncidentStatus.TRIGGERED else f"This is {incident.status.value} by now. "


def _code(message: Message) -> str:
    """The code twice, digit by digit, with time to write it down."""
    words = wording.spoken(message)
    return twiml.document(
        twiml.pause(),
        twiml.say("This is OpenAlert."),
        twiml.say(words),
        twiml.pause(2),
        twiml.say(f"Again. {words}"),
        twiml.say("Goodbye."),
        twiml.hang_up(),
    )
