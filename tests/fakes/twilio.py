"""A whole Twilio on loopback: messages, calls, their lists, and everything it posts to us, signed by its own library.

async with FakeTwilio(web=client, clock=clock) as twilio:
    ...  # the notifiers send to twilio.base_url
    await twilio.reports(twilio.messages[0], "delivered")
    heard = await twilio.plays(twilio.calls[0], keys="4")
    answer = await twilio.writes("+15550001111", "1 10")

Whatever is not as Twilio documents it (a field, a number, a tag, a character) is a complaint, and a complaint fails
the test when the fake ends.
"""

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx2
import msgspec
from twilio.request_validator import RequestValidator

from tests.fakes.webhook import FakeWebhook, Fault, Received, whole_answer

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "t0ken-of-the-fake-twilio"
NUMBER = "+15005550006"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_KNOWN = {
    "Messages": {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"},
    "Calls": {
        "To", "From", "Url", "Method", "Timeout", "MachineDetection", "StatusCallback", "StatusCallbackMethod",
        "StatusCallbackEvent", "Twiml",
    },
}  # fmt: skip
_ATTRIBUTES = {
    "Response": set(), "Say": {"language", "voice", "loop"}, "Pause": {"length"}, "Hangup": set(), "Message": set(),
    "Gather": {"input", "numDigits", "timeout", "method", "action"}, "Redirect": {"method"},
}  # fmt: skip
_INSIDE = {
    "Response": {"Say", "Pause", "Hangup", "Message", "Gather", "Redirect"},
    "Gather": {"Say", "Pause"},
}
_WITH_TEXT = {"Say", "Redirect", "Message"}


class Record(msgspec.Struct):
    """A message or a call."""

    sid: str
    form: dict[str, str]
    created: int
    """Milliseconds since 1970."""
    status: str = "queued"

    @property
    def to(self) -> str:
        """Whom it goes to."""
        return self.form["To"]

    @property
    def body(self) -> str:
        """The text of a message."""
        return self.form["Body"]


class FakeTwilio(FakeWebhook):
    """The provider; `messages` and `calls` are what it took, in order."""

    def __init__(
        self, *, web: httpx2.AsyncClient | None = None, clock: Callable[[], int] | None = None
    ) -> None:
        """`web` is how it reaches us; without a clock everything is created at the beginning of 1970."""
        super().__init__()
        self.web = web
        self.messages: list[Record] = []
        self.calls: list[Record] = []
        self.complaints: list[str] = []
        self.refuses: dict[str, int] = {}
        """Telephone number to the code of the error with which it is refused."""
        self.status = "active"
        self.keeps_when_losing = True
        """Whether a message whose answer is lost was taken."""
        self.faulty_methods = {"GET", "POST"}
        """The requests that a fault concerns."""
        self.canned: bytes | None = None
        """What every POST is answered instead, while nothing is taken."""
        self.early: tuple[str, int | None] | None = None
        """The status and code that the next message is reported with before our request for it is answered."""
        self._clock = clock or (lambda: 0)
        self._validator = RequestValidator(TOKEN)
        self._given = 0
        self._wanted = Fault.NONE

    @property
    def base_url(self) -> str:
        """What `twilio.base_url` is to be."""
        return f"http://{self.host}:{self.port}"

    async def __aexit__(self, *_: object) -> None:
        """Ends everything; anything that was not as documented fails the test."""
        await self.down()
        assert self.complaints == []

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        await self.up()
        return self

    def loses(self, fault: Fault, *methods: str) -> None:
        """From now on these requests (all, unless told) end in the fault, after what they ask for was done."""
        self._wanted, self.faulty_methods = fault, set(methods or ("GET", "POST"))

    def cans(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """From now on every POST is answered so, and nothing is taken."""
        self.canned = whole_answer(status, headers, body)

    async def respond(self, request: Received) -> bytes:
        """The answer of the API."""
        self.fault = self._wanted if request.method in self.faulty_methods else Fault.NONE
        if request.method == "POST" and self.canned is not None:
            return self.canned
        pair = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _refusal(401, 20003, "Authenticate")
        path, _, query = request.path.partition("?")
        resource = path.removeprefix(f"/2010-04-01/Accounts/{ACCOUNT}")
        match request.method, resource:
            case "GET", ".json":
                return _json(200, {"sid": ACCOUNT, "friendly_name": "Acme", "status": self.status})
            case "GET", "/Messages.json":
                return _json(200, self._list(dict(parse_qsl(query, strict_parsing=True))))
            case "POST", "/Messages.json" | "/Calls.json":
                answer = self._create(resource[1:].removesuffix(".json"), request)
                early, self.early = self.early, None
                if early is not None:
                    await self.reports(self.messages[-1], *early)
                return answer
            case _:
                self._complain(f"no such resource: {request.method} {request.path}")
                return _refusal(404, 20404, "Not found")

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        if set(query) - {"To", "From", "PageSize", "DateSent"}:
            self._complain(f"unknown parameters {query}")
        found = [each for each in reversed(self.messages) if query.get("To") in (None, each.to)]
        return {"messages": [_shown(each) for each in found[: int(query.get("PageSize", 50))]], "page": 0}

    def _create(self, resource: str, request: Received) -> bytes:
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            self._complain("not a form")
        fields = parse_qsl(request.body.decode("ascii"), strict_parsing=True, errors="strict")
        form = dict(fields)
        if unknown := set(form) - _KNOWN[resource]:
            self._complain(f"unknown fields {unknown}")
        if not _E164.fullmatch(form.get("To", "")):
            return _refusal(400, 21211, f"Invalid 'To' Phone Number: {form.get('To')}")
        if ("From" in form) == ("MessagingServiceSid" in form) or form.get("From", NUMBER) != NUMBER:
            return _refusal(400, 21603, "A 'From' phone number is required.")
        self._check(resource, form)
        if code := self.refuses.get(form["To"]):
            return _refusal(401 if code == 20003 else 400, code, f"Refused for {form['To']}")
        self._given += 1
        sid = f"{'SM' if resource == 'Messages' else 'CA'}{self._given:032x}"
        record = Record(sid, form, self._clock())
        if self.keeps_when_losing or self.fault is Fault.NONE:
            (self.messages if resource == "Messages" else self.calls).append(record)
        return _json(201, _shown(record))

    def _check(self, resource: str, form: dict[str, str]) -> None:
        for name in ("StatusCallback", "Url"):
            parts = urlsplit(form.get(name, "https://x.example/"))
            if parts.scheme not in ("http", "https") or not parts.hostname or len(form.get(name, "")) > 2000:
                self._complain(f"{name} is {form[name]!r}")
        if resource == "Messages" and not 0 < len(form.get("Body", "").strip()) <= 1600:
            self._complain(f"a body of {len(form.get('Body', ''))} characters")
        if resource == "Calls" and ("Url" in form) == ("Twiml" in form):
            self._complain("a call without Url or Twiml, or with both")
        if len(form.get("Twiml", "")) > 4000:
            self._complain("Twiml of more than 4000 characters")

    def _complain(self, about: str) -> None:
        self.complaints.append(about)

    async def post(self, url: str, fields: dict[str, str], signature: str | None = None) -> httpx2.Response:
        """Post a form to us as Twilio does; signed by its library unless a signature is given."""
        assert self.web is not None
        form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **fields}
        signed = self._validator.compute_signature(url, form) if signature is None else signature
        return await self.web.post(url, data=form, headers={"X-Twilio-Signature": signed})

    async def reports(self, record: Record, status: str, error_code: int | None = None) -> httpx2.Response:
        """The status callback of a message or call that has moved on."""
        record.status = status
        kind = "Message" if record.sid.startswith("SM") else "Call"
        fields = {f"{kind}Sid": record.sid, f"{kind}Status": status, "To": record.to, "From": NUMBER}
        if error_code is not None:
            fields["ErrorCode"] = str(error_code)
        answer = await self.post(record.form["StatusCallback"], fields)
        if answer.status_code == 200:
            self._read(answer)
        return answer

    async def writes(self, number: str, text: str, sid: str | None = None, **fields: str) -> list[str]:
        """Somebody writes to our number; the messages that are sent back."""
        assert self.web is not None
        self._given += 1
        form = {
            "MessageSid": sid or f"SM{self._given:032x}",
            "From": number,
            "To": NUMBER,
            "Body": text,
            **fields,
        }
        answer = await self.post(f"{str(self.web.base_url).rstrip('/')}/callbacks/twilio/sms", form)
        assert answer.status_code == 200, answer.text
        return [verb.text or "" for verb in self._read(answer)]

    async def plays(self, call: Record, keys: str = "", answered_by: str = "human") -> str:
        """Somebody answers and presses these keys, one whenever one is asked for, then nothing: all that was said."""
        heard: list[str] = []
        waiting = list(keys)
        url: str | None = call.form["Url"]
        fields: dict[str, str] = {"AnsweredBy": answered_by}
        for _ in range(40):
            if url is None:
                break
            answer = await self.post(url, self._of_call(call, "in-progress") | fields)
            assert answer.status_code == 200, answer.text
            url, fields = self._perform(self._read(answer), heard, waiting)
        else:
            raise AssertionError("the call never ends")
        await self.reports_call(call, "completed", AnsweredBy=answered_by)
        return " ".join(heard)

    async def reports_call(self, call: Record, status: str, **fields: str) -> httpx2.Response:
        """The status callback of a call, with further fields."""
        call.status = status
        return await self.post(call.form["StatusCallback"], self._of_call(call, status) | fields)

    def _of_call(self, call: Record, status: str) -> dict[str, str]:
        return {
            "CallSid": call.sid, "CallStatus": status, "To": call.to, "From": NUMBER, "Direction": "outbound-api",
        }  # fmt: skip

    def _perform(
        self, verbs: ET.Element, heard: list[str], waiting: list[str]
    ) -> tuple[str | None, dict[str, str]]:
        """Do what the answer says until it leads elsewhere: where to, and with what; None: the call is over."""
        for verb in verbs:
            if verb.tag == "Say":
                heard.append(verb.text or "")
            elif verb.tag == "Gather":
                heard.extend(inner.text or "" for inner in verb if inner.tag == "Say")
                if waiting:
                    return verb.attrib["action"], {"Digits": waiting.pop(0)}
            elif verb.tag == "Redirect":
                return verb.text, {}
            elif verb.tag == "Hangup":
                break
        return None, {}

    def _read(self, answer: httpx2.Response) -> ET.Element:
        """TwiML, and nothing that is not."""
        text = answer.text
        if not answer.headers["content-type"].startswith(("text/xml", "application/xml")):
            self._complain(f"TwiML as {answer.headers['content-type']}")
        if "<!" in text or len(text) > 64_000:
            self._complain("a document type, a comment or 64 KB in TwiML")
        root = ET.fromstring(text)
        if root.tag != "Response":
            self._complain(f"the root is {root.tag}")
        self._inspect(root)
        return root

    def _inspect(self, verb: ET.Element) -> None:
        if set(verb.attrib) - _ATTRIBUTES.get(verb.tag, set()) or verb.tag not in _ATTRIBUTES:
            self._complain(f"<{verb.tag} {verb.attrib}>")
        if verb.tag not in _WITH_TEXT and (verb.text or "").strip():
            self._complain(f"text in <{verb.tag}>: {verb.text!r}")
        if verb.tag in ("Say", "Message") and not 0 < len((verb.text or "").strip()) <= 1600:
            self._complain(f"<{verb.tag}> of {len(verb.text or '')} characters")
        for inner in verb:
            if inner.tag not in _INSIDE.get(verb.tag, set()):
                self._complain(f"<{inner.tag}> in <{verb.tag}>")
            if (inner.tail or "").strip():
                self._complain(f"text after <{inner.tag}>: {inner.tail!r}")
            self._inspect(inner)


def _shown(record: Record) -> dict[str, Any]:
    return {
        "sid": record.sid,
        "account_sid": ACCOUNT,
        "to": record.to,
        "from": record.form.get("From"),
        "body": record.form.get("Body"),
        "status": record.status,
        "direction": "outbound-api",
        "date_created": formatdate(record.created / 1000).replace("-0000", "+0000"),
        "date_sent": None,
        "error_code": None,
        "error_message": None,
    }


def _refusal(status: int, code: int, message: str) -> bytes:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": message, "more_info": more, "status": status})


def _json(status: int, content: Any) -> bytes:
    return whole_answer(status, None, msgspec.json.encode(content))
