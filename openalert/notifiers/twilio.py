"""Twilio's REST API: one request, and what its answer means; and the signature of what Twilio sends to us.

Twilio has no idempotency keys: a message whose answer was lost may be on its way. So before a message is sent again,
its list of messages is asked, and what it reports back by the address in `StatusCallback` settles the rest.
Sources: twilio.com/docs/messaging/api, /voice/api/call-resource, /api/errors, /usage/security (signatures).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

import msgspec

from openalert.domain.instant import Instant, from_datetime
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, for_provider, retry_after
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.notifiers.text import one_line

BASE_URL = "https://api.twilio.com"
CALLBACKS = "/callbacks/twilio"
"""Below this path of ours Twilio reports back."""
_VERSION = "2010-04-01"
_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_LISTED = 50

_LATER = (Reason.REFUSED, False)
_NO_SUCH_NUMBER = (Reason.REJECTED_RECIPIENT, True)
_WRONG_SETTING = (Reason.MISCONFIGURED, True)
ERRORS: dict[int, tuple[Reason, bool, str]] = {
    20003: (Reason.AUTH_FAILED, True, "Twilio does not accept account_sid and auth_token"),
    20005: (Reason.AUTH_FAILED, True, "the Twilio account is not active"),
    20008: (Reason.AUTH_FAILED, True, "these are credentials for tests; they reach nobody"),
    20404: (*_WRONG_SETTING, "Twilio does not know this account"),
    20429: (Reason.RATE_LIMITED, False, "too many requests at once"),
    14107: (Reason.RATE_LIMITED, False, "too many messages at once"),
    21210: (*_WRONG_SETTING, "the calling number is not verified"),
    21211: (*_NO_SUCH_NUMBER, "this is no telephone number"),
    21212: (*_WRONG_SETTING, "from_number is not a number of this account"),
    21214: (*_NO_SUCH_NUMBER, "this number cannot be reached"),
    21215: (*_NO_SUCH_NUMBER, "the account may not call this country (Geo Permissions)"),
    21216: (*_NO_SUCH_NUMBER, "the account may not call this number"),
    21217: (*_NO_SUCH_NUMBER, "this is no telephone number"),
    21219: (*_NO_SUCH_NUMBER, "a trial account reaches only numbers that were verified at Twilio"),
    21408: (*_NO_SUCH_NUMBER, "the account may not send to this country (Geo Permissions)"),
    21603: (*_WRONG_SETTING, "from_number is missing"),
    21606: (*_WRONG_SETTING, "from_number cannot send text messages"),
    21608: (*_NO_SUCH_NUMBER, "a trial account reaches only numbers that were verified at Twilio"),
    21609: (*_WRONG_SETTING, "Twilio cannot reach server.base_url"),
    21610: (*_NO_SUCH_NUMBER, "its owner has answered STOP; they must write START to the number first"),
    21611: (Reason.RATE_LIMITED, False, "the number has too many messages queued"),
    21612: (*_NO_SUCH_NUMBER, "this number cannot be reached from from_number"),
    21614: (*_NO_SUCH_NUMBER, "this is no mobile number"),
    30001: (*_LATER, "Twilio's queue was full"),
    30002: (Reason.AUTH_FAILED, True, "the Twilio account is suspended"),
    30003: (*_LATER, "the telephone is off or out of reach"),
    30004: (*_NO_SUCH_NUMBER, "messages to it are blocked"),
    30005: (*_NO_SUCH_NUMBER, "the number is unknown or not in use"),
    30006: (*_NO_SUCH_NUMBER, "it is a landline, or its network cannot be reached"),
    30007: (Reason.REFUSED, True, "the network took it for spam"),
    30008: (*_LATER, "it did not arrive, and nobody says why"),
    30034: (*_WRONG_SETTING, "the number is not registered for messages to the United States (A2P 10DLC)"),
    63038: (Reason.RATE_LIMITED, False, "the account has sent as many messages as it may in a day"),
}
"""Twilio's codes: why, whether trying again is useless, and in words."""
OF_THE_NUMBER = frozenset({13224, 21211, 21214, 21217, 21610, 21614, 30003, 30004, 30005, 30006})
"""Codes that speak of the telephone itself, or its owner: another account would fare no better."""


class TwilioSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The account, and from which numbers it reaches people."""

    account_sid: str = ""
    """Empty: no text messages and no calls."""
    auth_token: str = ""
    from_number: str = ""
    messaging_service_sid: str = ""
    """Chooses the number that a text message comes from, in place of `from_number`."""
    voice_number: str = ""
    """Where calls come from; empty: `from_number`."""
    base_url: str = BASE_URL
    outgoing: OutgoingSettings = OutgoingSettings()

    def __repr__(self) -> str:
        """Never the token."""
        return f"TwilioSettings({self.account_sid!r})"

    @property
    def sends_sms(self) -> bool:
        """Whether there is an account, and a number or service that text messages come from."""
        return bool(self.account_sid and (self.from_number or self.messaging_service_sid))

    @property
    def calls(self) -> bool:
        """Whether there is an account, and a number that calls come from."""
        return bool(self.account_sid and (self.voice_number or self.from_number))


class InDoubt(LostAnswer):
    """Twilio has answered, with an error of its own: it may or may not have done what was asked."""


class Sent(msgspec.Struct):
    """A message or call as Twilio tells of it."""

    sid: str
    status: str | None = None
    to: str | None = None
    body: str | None = None
    date_created: str | None = None
    """RFC 2822."""
    direction: str | None = None
    error_code: int | None = None


class _Messages(msgspec.Struct):
    messages: list[Sent]


class _Refusal(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    error_code: int | None = None


class _Account(msgspec.Struct):
    sid: str
    friendly_name: str = ""
    status: str = ""


class TwilioApi:
    """Requests to one account. Safe to use from many tasks at once."""

    def __init__(self, settings: TwilioSettings) -> None:
        """`settings.base_url` may lie in a private network: the operator has named it."""
        self._settings = settings
        self._http = HttpClient(for_provider(settings.outgoing, settings.base_url))
        pair = f"{settings.account_sid}:{settings.auth_token}".encode()
        self._login = {
            "Authorization": "Basic " + base64.b64encode(pair).decode("ascii"),
            "Accept": "application/json",
        }
        self._account = f"{settings.base_url.rstrip('/')}/{_VERSION}/Accounts/{settings.account_sid}"

    async def create(self, resource: str, form: Sequence[tuple[str, str]], now: Instant) -> Sent:
        """POST to `Messages` or `Calls`; LostAnswer when Twilio may have taken it and did not say so."""
        answer = await self._http.request(
            "POST",
            f"{self._account}/{resource}.json",
            headers=self._login | {"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode([(name, encodable(value)) for name, value in form]).encode(),
        )
        if (failure := judge(answer, now)) is not None:
            raise failure
        try:
            return msgspec.json.decode(answer.body, type=Sent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise LostAnswer(f"Twilio answered {answer.status}, but not what became of it.") from None

    async def messages_to(self, number: str, since: Instant, now: Instant) -> list[Sent]:
        """Text messages to this number that Twilio took since then, the newest first."""
        query = urlencode({"To": number, "PageSize": _LISTED})
        answer = await self._http.request(
            "GET", f"{self._account}/Messages.json?{query}", headers=self._login
        )
        if (failure := judge(answer, now)) is not None:
            raise failure
        try:
            found = msgspec.json.decode(answer.body, type=_Messages).messages
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _unreadable(answer) from None
        return [each for each in found if each.direction != "inbound" and _created(each) >= since]

    async def account(self, now: Instant) -> str:
        """The account's name, which proves the credentials; NotifierError when they open nothing."""
        answer = await self._http.request("GET", f"{self._account}.json", headers=self._login)
        if (failure := judge(answer, now)) is not None:
            raise failure
        try:
            account = msgspec.json.decode(answer.body, type=_Account)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _unreadable(answer) from None
        if account.status and account.status != "active":
            raise NotifierError(
                Reason.AUTH_FAILED, f"The Twilio account is {one_line(account.status, 40)}.", permanent=True
            )
        return one_line(account.friendly_name, 60) or account.sid

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


def judge(answer: Answer, now: Instant) -> Exception | None:
    """What an answer means: None when Twilio has it; NotifierError when it has not; LostAnswer when nobody knows."""
    wait = retry_after(answer.headers.get("retry-after"), now)
    code, said = _refusal(answer)
    status = answer.status
    if 200 <= status < 300 and not code:
        return None
    if code in ERRORS:
        reason, permanent, words = ERRORS[code]
        return NotifierError(
            reason, f"Twilio refuses it: {words} ({code}).", permanent=permanent, retry_after=wait
        )
    detail = f"Twilio answered {status}{f' ({code})' if code else ''}{f': {said}' if said else ''}."
    if status == 429:
        return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
    if status == 503:
        return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait)
    if status >= 500:
        # Twilio's own words (error 20500): it may have been done all the same.
        return InDoubt(detail)
    if status in (401, 402, 403, 407):
        return NotifierError(Reason.AUTH_FAILED, detail, permanent=True)
    if 300 <= status < 400:
        return NotifierError(
            Reason.BAD_RESPONSE,
            f"{detail} Redirects are not followed: check twilio.base_url.",
            permanent=True,
        )
    return NotifierError(Reason.REFUSED, detail, permanent=status != 408, retry_after=wait)


def in_words(code: int | None, fallback: str) -> str:
    """What an error code of a status callback means, as a sentence."""
    words = ERRORS[code][2] if code in ERRORS else fallback
    return f"{words[:1].upper()}{words[1:]}{f' ({code})' if code else ''}."


def configured(condition: bool, what: str) -> None:
    """NotifierError unless there is what sending takes."""
    if not condition:
        raise NotifierError(
            Reason.MISCONFIGURED,
            f"{what} need an account of Twilio: set `account_sid`, `auth_token` and `from_number` in the [twilio] "
            "section of openalert.toml.",
            permanent=True,
        )


def encodable(text: str) -> str:
    """`text` with every lone surrogate replaced, since UTF-8 has no form for them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def signature(auth_token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """The `X-Twilio-Signature` of a form that Twilio posts to this URL: HMAC-SHA1 over both, in base64."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.digest(auth_token.encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode("ascii")


def is_signed(given: str, auth_token: str, url: str, form: Sequence[tuple[str, str]]) -> bool:
    """Whether Twilio signed it, with the usual port in the URL or without; nobody has where there is no token."""
    if not auth_token or not given.isascii():
        return False
    wanted = [signature(auth_token, spelling, form) for spelling in _spellings(url)]
    return any(hmac.compare_digest(given, each) for each in wanted)


def _spellings(url: str) -> list[str]:
    """The URL with and without its port."""
    parts = urlsplit(url)
    host = parts.netloc
    usual = 443 if parts.scheme == "https" else 80
    other = f"{host}:{usual}" if parts.port is None else host.rpartition(":")[0]
    return [url, parts._replace(netloc=other).geturl()]


def _refusal(answer: Answer) -> tuple[int | None, str]:
    """Twilio's code and words, without telephone numbers; nothing where there are none."""
    try:
        found = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
    said = _NUMBER.sub("the number", one_line(found.message or "", 160)).rstrip(".")
    return found.code or found.error_code, said


def _unreadable(answer: Answer) -> NotifierError:
    kind = answer.headers.get("content-type", "nothing").partition(";")[0]
    return NotifierError(Reason.BAD_RESPONSE, f"Twilio answered with {one_line(kind, 40)} in place of JSON.")


def _created(sent: Sent) -> Instant:
    """When Twilio took it; long ago when it does not say."""
    try:
        return from_datetime(parsedate_to_datetime(sent.date_created or ""))
    except (ValueError, TypeError, OverflowError):
        return 0
