"""What Twilio's answers mean, and whose word a callback is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.twilio import TwilioSettings, in_words, is_signed, signature
from openalert.notifiers.voice import VoiceNotifier
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

BEA = "+4915112345678"


def settings(twilio: FakeTwilio | None = None, **changes: Any) -> TwilioSettings:
    """The fake's account, changed as told."""
    given: dict[str, Any] = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "from_number": NUMBER,
        "outgoing": OutgoingSettings(deadline=30.0),
    }
    if twilio is not None:
        given["base_url"] = twilio.base_url
    return TwilioSettings(**(given | changes))


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    """The other side."""
    async with FakeTwilio(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture(params=["sms", "voice"])
def notifier(request: pytest.FixtureRequest, twilio: FakeTwilio) -> SmsNotifier | VoiceNotifier:
    """Both channels in turn."""
    kind = SmsNotifier if request.param == "sms" else VoiceNotifier
    return kind(settings(twilio), base_url=BASE_URL)


async def outcome(notifier: SmsNotifier | VoiceNotifier, **changes: Any) -> Any:
    """What an attempt ends in: a receipt, a NotifierError or a LostAnswer."""
    try:
        return await notifier.send(messages.page(to=BEA, reply_code=12, **changes), NOW)
    except (NotifierError, LostAnswer) as failure:
        return failure


@pytest.mark.parametrize(
    ("code", "reason", "permanent", "says"),
    [
        (21211, Reason.REJECTED_RECIPIENT, True, "no telephone number"),
        (21214, Reason.REJECTED_RECIPIENT, True, "cannot be reached"),
        (21608, Reason.REJECTED_RECIPIENT, True, "trial account"),
        (21610, Reason.REJECTED_RECIPIENT, True, "STOP"),
        (21614, Reason.REJECTED_RECIPIENT, True, "no mobile number"),
        (20003, Reason.AUTH_FAILED, True, "account_sid and auth_token"),
        (20005, Reason.AUTH_FAILED, True, "not active"),
        (20429, Reason.RATE_LIMITED, False, "too many requests"),
        (21606, Reason.MISCONFIGURED, True, "from_number"),
        (99999, Reason.REFUSED, True, "(99999)"),
    ],
)
async def test_codes_of_refusals(
    twilio: FakeTwilio,
    notifier: SmsNotifier | VoiceNotifier,
    code: int,
    reason: Reason,
    permanent: bool,
    says: str,
) -> None:
    """Each code has a reason, a word on whether to try again, a sentence, and never the telephone number."""
    twilio.refuses[BEA] = code
    failure = await outcome(notifier)
    assert isinstance(failure, NotifierError)
    assert (failure.reason, failure.permanent) == (reason, permanent)
    assert says in failure.detail
    assert BEA not in failure.detail
    assert twilio.messages == twilio.calls == []


HTML = b"<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (429, {"Retry-After": "7"}, b'{"code": 20429}', (Reason.RATE_LIMITED, False, 7)),
        (429, {"Retry-After": "999999"}, b"", (Reason.RATE_LIMITED, False, 900)),
        (429, {"Retry-After": "-3"}, b"", (Reason.RATE_LIMITED, False, None)),
        (429, {}, HTML, (Reason.RATE_LIMITED, False, None)),
        (503, {"Retry-After": "2"}, HTML, (Reason.PROVIDER_FAILED, False, 2)),
        (500, {}, b'{"code": 20500}', None),
        (502, {}, HTML, None),
        (504, {}, b"", None),
        (401, {}, HTML, (Reason.AUTH_FAILED, True, None)),
        (403, {}, b"", (Reason.AUTH_FAILED, True, None)),
        (404, {}, HTML, (Reason.REFUSED, True, None)),
        (410, {}, b"", (Reason.REFUSED, True, None)),
        (302, {"Location": "http://127.0.0.1/"}, b"", (Reason.BAD_RESPONSE, True, None)),
        (200, {}, b'{"code": 21610, "message": "no"}', (Reason.REJECTED_RECIPIENT, True, None)),
        (201, {}, b'{"error_code": 30007, "sid": "SM1"}', (Reason.REFUSED, True, None)),
        (200, {}, HTML, None),
        (201, {}, b'{"sid": ', None),
        (201, {}, b"[" * 60_000, None),
        (201, {}, b'{"status": "queued"}', None),
    ],
)
async def test_every_answer_has_an_outcome(
    twilio: FakeTwilio,
    notifier: SmsNotifier | VoiceNotifier,
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: tuple[Reason, bool, float | None] | None,
) -> None:
    """What is certainly refused fails with its reason; what may have been taken is a lost answer (None).

    After an error of its own (5xx) Twilio's list of messages says that it has none: that can be tried again. There is
    no such list for calls.
    """
    twilio.cans(status, body, headers)
    failure = await outcome(notifier)
    if expected is None and status >= 500 and notifier.channel == "sms":
        assert (failure.reason, failure.permanent) == (Reason.PROVIDER_FAILED, False)
    elif expected is None:
        assert isinstance(failure, LostAnswer)
    else:
        assert isinstance(failure, NotifierError)
        assert (failure.reason, failure.permanent, failure.retry_after) == expected


@pytest.mark.parametrize(
    "fault",
    [
        Fault.LOST_ANSWER,
        Fault.RESET,
        Fault.HALF_RESPONSE,
        Fault.ENDLESS_BODY,
        Fault.NOT_HTTP,
        Fault.WRONG_LENGTH,
    ],
)
async def test_every_broken_answer_may_have_been_taken(
    twilio: FakeTwilio, notifier: SmsNotifier | VoiceNotifier, fault: Fault
) -> None:
    """However the connection ends after the request was written, nobody says that it failed, or that it worked."""
    twilio.loses(fault)
    assert isinstance(await outcome(notifier), LostAnswer)


async def test_an_account_that_is_suspended_is_said(twilio: FakeTwilio) -> None:
    """`openalert check` finds it before a page does."""
    twilio.status = "suspended"
    with pytest.raises(NotifierError, match="suspended"):
        await SmsNotifier(settings(twilio), base_url=BASE_URL).probe()


async def test_wrong_credentials_are_said(twilio: FakeTwilio) -> None:
    """The probe signs in with what is configured, and says which two settings to compare."""
    with pytest.raises(NotifierError, match="account_sid and auth_token"):
        await VoiceNotifier(settings(twilio, auth_token="other"), base_url=BASE_URL).probe()
    assert TOKEN not in repr(settings(twilio))


@pytest.mark.parametrize("kind", [SmsNotifier, VoiceNotifier])
async def test_without_an_account_it_says_what_to_set(kind: type[SmsNotifier] | type[VoiceNotifier]) -> None:
    """Nothing is asked of Twilio; the sentence names the section."""
    for unset in ({"account_sid": ""}, {"from_number": ""}):
        failure = await outcome(kind(settings(**unset), base_url=BASE_URL))
        assert failure.reason is Reason.MISCONFIGURED
        assert "[twilio]" in failure.detail


def test_words_of_codes() -> None:
    """What a status callback says becomes a sentence, also with a code that nobody knows."""
    assert in_words(30003, "") == "The telephone is off or out of reach (30003)."
    assert in_words(12345, "it did not arrive") == "It did not arrive (12345)."
    assert in_words(None, "it did not arrive") == "It did not arrive."


FORM = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=12)


@given(FORM, st.sampled_from(["https://oncall.example.org", "http://oncall.example.org:8080"]))
def test_signatures_are_those_of_twilio_s_library(form: dict[str, str], base: str) -> None:
    """For any form and any base URL ours equals theirs, with the usual port in it or without."""
    url, theirs = f"{base}/callbacks/twilio/sms?a=b", RequestValidator("token")
    fields = [(name.encode("utf-8", "replace").decode(), value) for name, value in form.items()]
    given = theirs.compute_signature(url, dict(fields))
    assert signature("token", url, fields) == given
    assert is_signed(given, "token", url, fields)
    with_port = theirs.compute_signature(url.replace(".org/", ".org:443/"), dict(fields))
    assert is_signed(with_port, "token", url, fields) or ":8080" in url


@pytest.mark.parametrize(
    ("given", "token"),
    [("", "token"), ("é", "token"), ("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "token"), (None, ""), (None, "other")],
)
def test_what_is_not_signed_is_refused(given: str | None, token: str) -> None:
    """No signature, a wrong one, another token's, or one made with no token at all."""
    url, fields = f"{BASE_URL}/callbacks/twilio/sms", [("Body", "1 12")]
    made = signature("token" if token else "", url, fields) if given is None else given
    assert not is_signed(made, token, url, fields)
    assert not is_signed(signature("token", url, fields), "token", url + "x", fields)
    assert not is_signed(signature("token", url, fields), "token", url, [("Body", "2 12")])
