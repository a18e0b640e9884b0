"""What becomes of a message when its provider misbehaves: every channel by HTTP, every fault, as the manual says."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from openalert.notifiers import NOTIFIERS, web_push
from openalert.notifiers.apprise import AppriseNotifier
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError
from openalert.notifiers.push import PushNotifier
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.slack_api import SlackSettings
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.teams import TeamsNotifier
from openalert.notifiers.telegram import TelegramNotifier
from openalert.notifiers.telegram_api import TelegramSettings
from openalert.notifiers.twilio import TwilioSettings
from openalert.notifiers.voice import VoiceNotifier
from openalert.notifiers.webhook import WebhookNotifier, new_secret
from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.push_service import FakeBrowser
from tests.fakes.webhook import FakeWebhook, Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

LARGEST_READ = 1024 * 1024
"""Bytes of an answer that any channel takes in (Slack's lists of messages; the others take 64 KiB)."""
ON_THE_WAY = 16 * 1024 * 1024
"""What the network may hold of an answer that nobody reads."""
MANUAL = Path(__file__).parents[2] / "docs/deliveries.md"
NAMES = {
    "sms": "SMS", "voice": "voice", "push": "push", "slack": "Slack", "teams": "Teams", "telegram": "Telegram",
    "mattermost": "Mattermost", "webhook": "webhook", "apprise": "Apprise",
}  # fmt: skip
"""The columns: every channel that goes out by HTTP."""


class Case(msgspec.Struct, frozen=True):
    """One way to misbehave, and what it means: to all channels alike, but for those that are named."""

    words: str
    """As the manual has it."""
    usually: str
    """`delivered`, `unknown`, `marked`, `later` or `never`, with the reason and the seconds that are asked for."""
    but: dict[str, str] = {}
    status: int = 200
    headers: dict[str, str] = {}
    fault: Fault = Fault.NONE
    body: bytes | None = None
    """None: what the provider answers with this status; for 200, what it answers when all is well."""
    says_no: bool = False
    """The status is good and the provider's body is not."""
    untrusted: bool = False
    """The certificate is signed by nobody we know."""

    def outcome(self, channel: str) -> str:
        """What it means to this channel."""
        return self.but.get(channel, self.usually)


PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
HTML = {"Content-Type": "text/html"}
UNSURE = dict.fromkeys(("sms", "voice"), "unknown")
"""Twilio may have done what it does not confirm."""
MARKED = dict.fromkeys(("teams", "telegram", "mattermost", "apprise"), "marked provider_failed")
"""They may have it as well, and nobody there would know a repeat by anything but our words."""
BY_STATUS = dict.fromkeys(("push", "webhook"), "delivered")
"""The status alone is the receiver's word."""
RELAYED = dict.fromkeys(("teams", "apprise"), "delivered")
"""Their bodies are looked at for an error; where there is none, the status counts."""
ASIDE = dict.fromkeys(("telegram", "mattermost"), "later bad_response")
"""What is not the provider's own answer comes from something in between, and may pass."""
CASES = [
    Case("200 and what the provider says when it has taken a message", "delivered"),
    Case("the same in HTTP/1.0", "delivered", fault=Fault.OLD_HTTP),
    Case("200 with the provider's own error in the body", "later provider_failed",
         {"sms": "later rate_limited", "voice": "later rate_limited", "teams": "later rate_limited",
          "telegram": "marked provider_failed", "mattermost": "marked provider_failed",
          "apprise": "later refused", "push": "delivered", "webhook": "delivered"}, says_no=True),
    Case("200 with a web page", "later bad_response", headers=HTML, body=PAGE,
         but=UNSURE | {"teams": "never bad_response", "apprise": "never bad_response"} | BY_STATUS),
    Case("200 with nothing", "later bad_response", UNSURE | BY_STATUS | RELAYED, body=b""),
    Case("200 with JSON of another form", "later bad_response", UNSURE | BY_STATUS | RELAYED, body=b"[]"),
    Case("200 with members of another type", "later bad_response",
         UNSURE | BY_STATUS | RELAYED | {"slack": "delivered", "telegram": "unknown"},
         body=b'{"ok":true,"result":true,"id":5,"sid":7}'),
    Case("200 with 30,000 brackets", "later bad_response", UNSURE | BY_STATUS | RELAYED,
         body=b'{"ok":' + b"[" * 30_000),
    Case("200 with bytes that are no text", "later bad_response",
         UNSURE | BY_STATUS | RELAYED | {"telegram": "unknown"}, body=b'{"ok":true,"result":{"a":"\xff"},"id":"\xff"}'),
    Case("200 with a body that is not packed as it says", "delivered", headers={"Content-Encoding": "gzip"}),
    Case("200, and the body is shorter than it says", "unknown", BY_STATUS | RELAYED, fault=Fault.WRONG_LENGTH),
    Case("200, and the connection is reset before the body", "unknown", BY_STATUS | RELAYED,
         fault=Fault.RESET_AFTER_HEADERS),
    Case("200 with a body of 1 GiB", "unknown", BY_STATUS | RELAYED, fault=Fault.HUGE_BODY),
    Case("200 with chunks without end", "unknown", BY_STATUS | RELAYED, fault=Fault.ENDLESS_BODY),
    Case("the answer ends in its first lines", "unknown", fault=Fault.HALF_RESPONSE),
    Case("the answer is of another protocol", "unknown", fault=Fault.NOT_HTTP),
    Case("the message is taken, then the connection closed", "unknown", fault=Fault.LOST_ANSWER),
    Case("the message is taken, then the connection reset", "unknown", fault=Fault.RESET),
    Case("the message is taken, and no answer comes in time", "unknown", fault=Fault.HANG),
    Case("a certificate that is not valid", "later tls_failed", untrusted=True),
    Case("302, to itself", "never bad_response", ASIDE, 302, {"Location": "/hooks/s3cret-path"}, body=b""),
    Case("400", "never refused", status=400),
    Case("401", "never auth_failed", status=401),
    Case("401 with a web page", "never auth_failed", {"telegram": "later bad_response"}, 401, HTML, body=PAGE),
    Case("402", "never auth_failed", dict.fromkeys(("slack", "teams", "telegram", "mattermost"), "never refused"), 402),
    Case("403", "never auth_failed", dict.fromkeys(("telegram", "mattermost"), "never rejected_recipient"), 403),
    Case("403 with a web page", "never auth_failed", ASIDE, 403, HTML, body=PAGE),
    Case("404", "never refused", {"push": "never gone", "teams": "never gone", "telegram": "never auth_failed",
         "mattermost": "never rejected_recipient"}, 404),
    Case("404 with a web page", "never refused", {"push": "never gone", "teams": "never gone"} | ASIDE, 404, HTML,
         body=PAGE),
    Case("408", "later refused", status=408),
    Case("410", "never refused", dict.fromkeys(("push", "teams", "webhook", "apprise"), "never gone"), 410),
    Case("413", "never refused", status=413),
    Case("429", "later rate_limited", status=429),
    Case("429 with a web page", "later rate_limited", status=429, headers=HTML, body=PAGE),
    Case("429, `Retry-After: 7`", "later rate_limited 7", status=429, headers={"Retry-After": "7"}),
    Case("429, `Retry-After` a date in a minute", "later rate_limited 60", status=429,
         headers={"Retry-After": "Fri, 16 Oct 2026 01:05:00 GMT"}),
    Case("429, `Retry-After: 999999`", "later rate_limited 900", status=429, headers={"Retry-After": "999999"}),
    Case("429, `Retry-After: -5`", "later rate_limited", status=429, headers={"Retry-After": "-5"}),
    Case("500", "later provider_failed", UNSURE | MARKED, 500),
    Case("502", "later provider_failed", UNSURE | MARKED, 502),
    Case("502 with a web page", "later provider_failed", UNSURE | MARKED, 502, HTML, body=PAGE),
    Case("503", "later provider_failed", status=503),
    Case("503, `Retry-After: 60`", "later provider_failed 60", status=503, headers={"Retry-After": "60"}),
    Case("504", "later provider_failed", UNSURE | MARKED, 504),
    Case("504 with a web page", "later provider_failed", UNSURE | MARKED, 504, HTML, body=PAGE),
]  # fmt: skip


class Provider(msgspec.Struct):
    """How the other side of a channel speaks."""

    well: object
    """Its answer when it takes a message."""
    no: object
    """Its answer, with a good status, when it does not."""
    error: Callable[[int], object]
    """Its body for a status that is an error."""


def _twilio(status: int) -> object:
    return {"code": 20003 if status == 401 else None, "message": "Something", "status": status}


PROVIDERS = {
    "sms": Provider({"sid": "SM1", "status": "queued"}, {"code": 20429, "message": "Too many"}, _twilio),
    "voice": Provider({"sid": "CA1", "status": "queued"}, {"code": 20429, "message": "Too many"}, _twilio),
    "push": Provider({}, {"error": "no"}, lambda status: {"errno": status}),
    "slack": Provider(
        {"ok": True, "channel": "C0ALERTS001", "ts": "1.2"},
        {"ok": False, "error": "internal_error"},
        lambda status: {"ok": False, "error": "something"},
    ),
    "teams": Provider(
        {}, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
        lambda status: {"error": {"code": "Something"}},
    ),
    "telegram": Provider(
        {"ok": True, "result": {"message_id": 7, "chat": {"id": 4711}}},
        {"ok": False, "error_code": 500, "description": "Internal Server Error"},
        lambda status: {"ok": False, "error_code": status, "description": "Something"},
    ),
    "mattermost": Provider(
        {"id": "p" * 26, "message": "x"},
        {"id": "api.post.error", "message": "Something", "status_code": 500},
        lambda status: {"id": "api.post.error", "message": "Something", "status_code": status},
    ),
    "webhook": Provider({"ok": True}, {"ok": False}, lambda status: {"error": "something"}),
    "apprise": Provider(
        {"id": "x", "event": "message"},
        {"code": 42901, "http": 429, "error": "limit reached"},
        lambda status: {"code": status * 100, "http": status, "error": "something"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """Nobody has signed it but itself."""
    return make_certificate()


@pytest.fixture
async def receiver(channel: str, case: Case, certificate: Certificate) -> AsyncIterator[FakeWebhook]:
    """The provider of the channel, misbehaving."""
    provider = PROVIDERS[channel]
    shown = certificate if channel == "push" or case.untrusted else None
    async with FakeWebhook(certificate=shown) as fake:
        said = provider.well if case.status == 200 else provider.error(case.status)
        body = msgspec.json.encode(provider.no if case.says_no else said) if case.body is None else case.body
        fake.answer(case.status, case.headers, body)
        fake.fault = case.fault
        yield fake


@pytest.fixture
async def notifier(
    channel: str, case: Case, receiver: FakeWebhook, certificate: Certificate
) -> AsyncIterator[Notifier]:
    """The channel as it is configured for that provider; it waits only where nothing else can end the waiting."""
    outgoing = OutgoingSettings(
        allowed_networks=["127.0.0.0/8"],
        deadline=3.0 if case.fault is Fault.HANG else 30.0,
        connect_deadline=30.0,
    )
    origin = receiver.url.partition("/hooks")[0]
    twilio = TwilioSettings(
        account_sid="AC1", auth_token="t", from_number="+15550001111", base_url=origin, outgoing=outgoing
    )
    made: dict[str, Callable[[], Notifier]] = {
        "sms": lambda: SmsNotifier(twilio, base_url=BASE_URL),
        "voice": lambda: VoiceNotifier(twilio, base_url=BASE_URL),
        "push": lambda: PushNotifier(
            None, outgoing, base_url=BASE_URL, tls=None if case.untrusted else certificate.client
        ),
        "slack": lambda: SlackNotifier(SlackSettings(bot_token="t", base_url=origin), outgoing),
        "teams": lambda: TeamsNotifier(outgoing),
        "telegram": lambda: TelegramNotifier(TelegramSettings(bot_token="t", base_url=origin), outgoing),
        "mattermost": lambda: MattermostNotifier(
            MattermostSettings(url=origin, bot_token="t"), outgoing, base_url=BASE_URL
        ),
        "webhook": lambda: WebhookNotifier(outgoing, base_url=BASE_URL),
        "apprise": lambda: AppriseNotifier(outgoing, allowed_hosts=(receiver.host,), base_url=BASE_URL),
    }
    notifier = made[channel]()
    yield notifier
    await notifier.close()


def message(channel: str, receiver: FakeWebhook) -> Message:
    """A page to the other side."""
    secure = "s" if receiver.url.startswith("https") else ""
    to = {
        "sms": "+4915112345678", "voice": "+4915112345678", "slack": "C0ALERTS001", "telegram": "4711",
        "mattermost": "c" * 26, "apprise": f"ntfy{secure}://{receiver.host}:{receiver.port}/topic",
    }  # fmt: skip
    config = {
        "push": {**FakeBrowser().keys, "vapid_key": web_push.new_private_key()},
        "webhook": {"secret": new_secret()},
        "mattermost": {"channel": "c" * 26},
    }
    return messages.page(to=to.get(channel, receiver.url), channel_config=config.get(channel, {}))


async def outcome(notifier: Notifier, page: Message) -> str:
    """What the channel makes of it, in the words of the table."""
    try:
        receipt = await notifier.send(page, NOW)
    except LostAnswer:
        return "unknown"
    except NotifierError as error:
        wait = f" {error.retry_after:g}" if error.retry_after is not None else ""
        what = "never" if error.permanent else "marked" if error.is_in_doubt else "later"
        return f"{what} {error.reason}{wait}"
    assert receipt.provider_id
    return "delivered"


@pytest.mark.parametrize("channel", [name for name in sorted(NOTIFIERS) if name != "email"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
async def test_a_fault_means_what_the_manual_says(
    channel: str, case: Case, notifier: Notifier, receiver: FakeWebhook
) -> None:
    """One attempt, one outcome of five; nothing is followed, and no answer is read beyond its limit."""
    assert await outcome(notifier, message(channel, receiver)) == case.outcome(channel)
    assert sum(request.method == "POST" for request in receiver.requests) == (0 if case.untrusted else 1)
    assert receiver.sent <= LARGEST_READ + ON_THE_WAY


def test_every_channel_has_a_column() -> None:
    """A channel whose faults nobody has thought through cannot be added."""
    assert set(NAMES) == set(PROVIDERS) == set(NOTIFIERS) - {"email"}
    assert {channel for case in CASES for channel in case.but} <= set(NAMES)


def _spoken(outcome: str) -> str:
    """`later rate_limited 7` as the manual has it."""
    what, *reason = outcome.split()
    wait = f" after {reason.pop()} s" if len(reason) == 2 else ""
    what = "later and marked" if what == "marked" else what
    return what + wait + (f", `{reason[0]}`" if reason else "")


def table() -> list[str]:
    """The lines of the manual's table, one for each case."""
    lines = []
    for case in CASES:
        others: dict[str, list[str]] = {}
        for channel, name in NAMES.items():
            if (means := case.outcome(channel)) != case.usually:
                others.setdefault(means, []).append(name)
        but = "; ".join(f"{', '.join(names)}: {_spoken(means)}" for means, names in others.items())
        lines.append(f"| {case.words} | {_spoken(case.usually)} | {but} |".replace("|  |", "| |"))
    return lines


def test_the_manual_has_the_same_table() -> None:
    """Line for line: whoever reads an outcome in the delivery log finds there why it was judged so."""
    section = MANUAL.read_text().partition("## What an answer means")[2].partition("For e-mail:")[0]
    head = "| what the provider does | outcome | but |"
    assert [line for line in section.splitlines() if line.startswith("| ") and line != head] == table()
