"""Hostile messages at every address where messages come in (promises IN-3, F-32, F-33), with no list to maintain.

The addresses are those of every source and of every way of every dialect; the bodies are the corpus of real ones, bent
and broken. Whatever comes, the answer is 2xx or a refusal for good: a 5xx would make a sender repeat what can never
succeed, 503 included, as the database of these tests is well.
"""

import asyncio
import gzip
import hashlib
import itertools
import json
import logging
import re
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import msgspec
import pytest
import structlog

from openalert.app import OpenAlert
from openalert.config import load
from openalert.sources import DETECT, SOURCES, Inbound
from openalert.storage import Database
from openalert.usecases import heartbeats as beating
from openalert.usecases.integrations import key_hash
from openalert.web import dialects, heartbeats, webhooks
from openalert.web.door import Door
from openalert.web.status import site
from tests import make
from tests.conftest import StoppedClock
from tests.invariants import broken
from tests.sources import payloads
from tests.sources.test_read import VALUES
from tests.web.test_hostile import BODIES, INSIDE, JSON, ODD

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(600),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

FINAL = {400, 401, 403, 404, 405, 413, 415, 422}
KEY = "OpenAlertTests0123456789OpenAlertTests01234"
AT_ONCE = 40
TRIES = 10
"""A message that is answered "send it again" so often is one that can never be taken in, which no message may be."""
LARGE = 20_000
NO_MESSAGES = {"/static/", "/api/v1/ws", site.DOMAIN_CHECK, *site.PREFIXES}


class Address(NamedTuple):
    """Where a message may come in."""

    method: str
    path: str
    source: str = ""
    """Whose samples are at home there; "": whichever are taken."""

    @property
    def url(self) -> str:
        """With the key wherever somebody may look for it."""
        path = re.sub(r"\{\w+\}", "x", re.sub(r"\{(key|token)\}", KEY, self.path))
        return path if self.source else f"{path}?key={KEY}&apiKey={KEY}"


def addresses() -> Iterator[Address]:
    """Every address; of those of a dialect that differ in their beginning alone, one."""
    yield from (Address("POST", f"/webhooks/{name}/{{key}}", name) for name in [*SOURCES, DETECT])
    yield Address("PUT", f"/webhooks/{DETECT}/{{key}}", DETECT)
    yield from (
        Address("POST", f"{heartbeats.PREFIX}{{key}}{tail}") for tail in ("", "/start", "/fail", "/log", "/7")
    )
    ways = {way.handle: way for way in reversed(dialects.WAYS) if way.method in ("POST", "PUT", "PATCH")}
    yield from (Address(way.method, way.path) for way in ways.values())


ADDRESSES = list(addresses())
LOOKED_AT = [way for way in dialects.WAYS if way.method in ("GET", "DELETE")]
FORM = {"content-type": "application/x-www-form-urlencoded"}
PARTS = {"content-type": "multipart/form-data; boundary=b"}
MORE: dict[str, tuple[bytes, dict[str, str]]] = {
    "blank": (b" \n\t ", JSON),
    "trailing comma": (b'{"title": "x",}', JSON),
    "a comment": (b'{"title": "x"} // why', JSON),
    "single quotes": (b"{'title': 'x'}", JSON),
    "-0": (b'{"title": -0}', JSON),
    "1e400": (b'{"title": "x", "startsAt": 1e400}', JSON),
    "100 000 digits": (b'{"title": "x", "startsAt": ' + b"9" * 100_000 + b"}", JSON),
    "control characters": (b'{"title": "\x01\x1f"}', JSON),
    "overlong UTF-8": (b'{"title": "\xc0\xaf\xe0\x80\xaf"}', JSON),
    "latin-1 that says so": (b'{"title": "caf\xe9"}', {"content-type": "application/json; charset=latin-1"}),
    "latin-1 that does not": (b'{"title": "caf\xe9"}', JSON),
    "UTF-32": ('{"title": "x"}'.encode("utf-32"), JSON),
    "a lone surrogate as a name": (b'{"\\udfff": "x", "title": "x"}', JSON),
    "NUL as a name": (b'{"\\u0000": "x", "title": "a\\u0000b"}', JSON),
    "a name of 900 KiB": (json.dumps({"k" * 900_000: 1, "title": "x"}).encode(), JSON),
    "a label of 900 KiB": (json.dumps([{"labels": {"alertname": "x" * 900_000}, "startsAt": "y"}]).encode(), JSON),
    "10 000 labels": (json.dumps({"title": "x", "labels": {f"l{n}": "v" for n in range(10_000)}}).encode(), JSON),
    "20 000 alerts": (b"[" + b",".join([b'{"labels":{}}'] * 20_000) + b"]", JSON),
    "depth within bounds": (b'{"title":' + b"[" * 400 + b"]" * 400 + b"}", JSON),
    "a form with JSON in it": (b"payload=%7B%22title%22%3A%22x%22%7D", FORM),
    "JSON that says it is a form": (b'{"title": "x"}', FORM),
    "parts without an end": (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", PARTS),
    "parts without a boundary": (b"--b\r\n", {"content-type": "multipart/form-data"}),
    "a content type that is none": (b'{"title": "x"}', {"content-type": "~;;;=" * 50}),
    "a charset that is none": (b'{"title": "x"}', {"content-type": "application/json; charset=nonsense"}),
    "gzip that is none": (b'{"title": "x"}', {**JSON, "content-encoding": "gzip"}),
    "gzip cut off": (gzip.compress(b'{"title": "x"}')[:-9], {**JSON, "content-encoding": "gzip"}),
    "gzip in gzip": (gzip.compress(gzip.compress(b'{"title": "x"}')), {**JSON, "content-encoding": "gzip"}),
    "a deflate bomb": (zlib.compress(b" " * 10_000_000), {**JSON, "content-encoding": "deflate"}),
    "an encoding that is none": (b"x", {**JSON, "content-encoding": "zstd, gzip"}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals need no log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def app(db: Database) -> AsyncIterator[OpenAlert]:
    """The whole application, an integration and a heartbeat of one key, and an alert."""
    cast = await make.cast(db)
    service = await make.service(db, cast.team)
    await make.integration(db, service, KEY)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        made, _ = await beating.create(tx, service_id=service.id, name="Backup")
        await tx.execute(
            "UPDATE heartbeats SET key_hash = :hash WHERE id = :id", hash=key_hash(KEY), id=made.id
        )
    openalert = OpenAlert(load(None, {}, {}), db, b"secret of the tests")
    async with openalert.running():
        yield openalert


class Sender:
    """Posts without end, and remembers what was answered as it must not be."""

    def __init__(self, app: OpenAlert, client: httpx2.AsyncClient, clock: StoppedClock) -> None:
        self.app = app
        self._clock = clock
        self.client = client
        self.wrong: list[str] = []
        self.tried = 0

    async def send(
        self, address: Address, content: bytes, headers: dict[str, str], name: str
    ) -> httpx2.Response:
        """One message; again, as every sender does, while the machine is too slow to store it in time."""
        for _ in range(TRIES):
            answer = await self.client.request(address.method, address.url, content=content, headers=headers)
            if answer.status_code != 503:
                break
        self.judge(address, name, answer)
        return answer

    def judge(self, address: Address, name: str, answer: httpx2.Response) -> None:
        """Remember the answer if it is none that a sender should get."""
        self.tried += 1
        found = [word for word in INSIDE if word in answer.text]
        if not (answer.status_code < 300 or answer.status_code in FINAL) or found:
            self.wrong.append(
                f"{address.method} {address.path}: {name}: {answer.status_code} {answer.text[:200]}"
            )

    async def readers(self) -> list[Address]:
        """Where a body is read as JSON: to a heartbeat and to a mail box it is any bytes at all."""
        found = []
        for address in ADDRESSES:
            answer = await self.send(address, b'{"cut', JSON, "half an object")
            if answer.status_code >= 400:
                found.append(address)
        return found

    async def send_all(
        self, address: Address, messages: Iterable[tuple[str, bytes, dict[str, str]]]
    ) -> list[httpx2.Response]:
        """Many messages, some at the same time."""
        answers: list[httpx2.Response] = []
        waiting = iter(messages)
        while some := list(itertools.islice(waiting, AT_ONCE)):
            self._clock.advance(1)
            answers += await asyncio.gather(
                *(self.send(address, content, headers, name) for name, content, headers in some)
            )
        return answers

    async def ends_well(self) -> None:
        """Nothing was answered wrongly, and what is stored makes sense."""
        assert not self.wrong, f"{len(self.wrong)} of {self.tried}:\n" + "\n".join(self.wrong[:20])
        found = await broken(self.app.database)
        assert not found, "\n".join(found[:20])


@pytest.fixture
async def sender(app: OpenAlert, clock: StoppedClock) -> AsyncIterator[Sender]:
    """Somebody who wishes us ill and has the key."""
    transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Sender(app, client, clock)


def with_key(value: Any) -> Any:
    """The message with the key in it, for the dialects that look for it there."""
    return (
        value | dict.fromkeys(("routing_key", "service_key", "apiKey"), KEY)
        if isinstance(value, dict)
        else value
    )


CORPUS: dict[str, list[str]] = {}
for _name in payloads.names():
    CORPUS.setdefault(payloads.source_of(_name), []).append(_name)


def samples(address: Address) -> list[tuple[Any, dict[str, str]]]:
    """Real messages that may be at home there, as values, and their headers; any of them where none is."""
    names = CORPUS.get(address.source) or [name for names in CORPUS.values() for name in names]
    some = [(json.loads(payloads.content(name)), payloads.inbound(name).headers) for name in names]
    return some if address.source else [(with_key(value), headers) for value, headers in some]


def ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every member of a value, the nearest first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    listed = [((*way, name), member) for name, member in inner]
    yield from (to for to, _ in listed)
    for to, member in listed:
        yield from ways(member, to)


def bent(whole: Any, way: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value there; `...`: without it."""
    if not way:
        return value
    copy = dict(whole) if isinstance(whole, dict) else list(whole)
    if len(way) == 1 and value is ...:
        del copy[way[0]]
    else:
        copy[way[0]] = bent(whole[way[0]], way[1:], value)
    return copy


def test_every_way_in_is_here(app: OpenAlert) -> None:
    """Whoever mounts another way in for messages is reminded of this file."""
    here = {webhooks.PREFIX, *dialects.PREFIXES, heartbeats.PREFIX}
    assert set(app.asgi.mounts) - NO_MESSAGES == here


async def test_no_bytes_break_any_way_in(sender: Sender) -> None:
    """Every body that is wrong from the first byte, at every address; what was refused is kept, once (IN-3)."""
    corpus = [(name, content, headers) for name, (content, headers) in (BODIES | MORE).items()]
    large = itertools.cycle([each for each in corpus if len(each[1]) > LARGE])
    small = [each for each in corpus if len(each[1]) <= LARGE]
    for address in ADDRESSES:
        # All of them are decoded by the same code, and each large one is tried at a tenth of the addresses.
        messages = [*small, *itertools.islice(large, 2)]
        answers = await sender.send_all(address, messages)
        if address.source:
            refused = {
                hashlib.sha256(
                    content if len(content) <= sender.app.config.server.max_body_bytes else b""
                ).hexdigest()
                for (_, content, _), answer in zip(messages, answers, strict=True)
                if answer.status_code in FINAL
            }
            kept = await _quarantined(sender.app.database)
            assert refused <= kept, (address, len(refused - kept))
    assert sender.tried > 2_000
    await sender.ends_well()


async def test_no_value_of_any_member_breaks_any_way_in(sender: Sender) -> None:
    """Every member of real messages in turn is what it should not be, or is not there, the others being right."""
    values = itertools.cycle([*VALUES, ...])
    for address in ADDRESSES:
        some = samples(address)
        first = await sender.send_all(
            address, [("as it is", json.dumps(whole).encode(), headers) for whole, headers in some]
        )
        taken = [sample for sample, answer in zip(some, first, strict=True) if answer.status_code < 300]
        assert taken or address.source not in CORPUS, f"no real message is taken at {address}"
        largest = sorted(taken or some, key=lambda sample: -len(list(ways(sample[0]))))
        for whole, headers in largest[:2]:
            changed = [
                bent(whole, way, value)
                for way in itertools.islice(ways(whole), 30)
                for value in itertools.islice(values, 4 if len(way) == 1 else 1)
            ]
            await sender.send_all(
                address, [(repr(each)[:150], json.dumps(each).encode(), headers) for each in changed]
            )
    assert sender.tried > 3_000
    await sender.ends_well()


class Asked(dict[str, str]):
    """The parameters of an address, which remember what was looked for."""

    def __init__(self, given: dict[str, str], names: set[str]) -> None:
        super().__init__(given)
        self._names = names

    def get(self, name: str, default: Any = None) -> Any:
        """One of them, and that somebody wanted it."""
        self._names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._names.add(str(name))
        return super().__contains__(name)


async def test_no_parameter_breaks_any_way_to_look(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd texts at every place of a path, and in every parameter that a dialect looks for."""
    names: set[str] = set()
    inbound = Door.inbound

    def noting(door: Door, scope: dict[str, Any]) -> Inbound:
        found = inbound(door, scope)
        return msgspec.structs.replace(found, query=Asked(found.query, names))

    monkeypatch.setattr(Door, "inbound", noting)
    await sender.send(Address("POST", "/v2/alerts"), b'{"message": "Disk", "alias": "x"}', JSON, "an alert")
    for way in LOOKED_AT:
        names.clear()
        address = Address(way.method, way.path)
        await sender.send(address, b"", {}, "as it is")
        for text in ODD:
            word = quote(text, safe="")
            for name in re.findall(r"\{(?!key|token)\w+\}", way.path):
                await sender.send(address._replace(path=way.path.replace(name, word)), b"", {}, name)
            for name in sorted(names - {"key", "apiKey"}):
                asked = await sender.client.request(way.method, f"{address.url}&{name}={word}")
                sender.judge(address, f"{name}={text[:50]}", asked)
    assert sender.tried > 500
    await sender.ends_well()


async def test_half_a_message_is_no_message(sender: Sender) -> None:
    """A body that was cut off anywhere is refused, plain and compressed; two of something are read or refused."""
    for address in await sender.readers():
        whole, headers = samples(address)[0]
        content = json.dumps(whole).encode()
        cuts = range(1, len(content), max(1, len(content) // 30))
        halves = [(f"cut at {cut}", content[:cut], headers) for cut in cuts]
        packed = gzip.compress(content)
        halves += [
            (f"packed and cut at {cut}", packed[:cut], {**headers, "content-encoding": "gzip"})
            for cut in range(1, len(packed), max(1, len(packed) // 10))
        ]
        answers = await sender.send_all(address, halves)
        for (name, _, _), answer in zip(halves, answers, strict=True):
            assert answer.status_code >= 400, f"{address}: {name}: {answer.status_code}"
        odd = [("two values", content + content, headers)]
        if isinstance(whole, dict):
            twice = [json.dumps({name: [{}]}).encode()[:-1] + b", " + content[1:] for name in whole]
            odd += [("a member twice", each, headers) for each in twice]
        await sender.send_all(address, odd)
    await sender.ends_well()


async def test_a_sender_that_goes_away_leaves_nothing(sender: Sender) -> None:
    """The connection ends in the middle of a body: it is refused unless nobody reads it, and nothing is kept of it."""
    unread = set(ADDRESSES) - set(await sender.readers())
    kept = await _quarantined(sender.app.database)
    async with sender.app.database.read() as reader:
        before = await reader.value("SELECT count(*) FROM payloads")
    for address in ADDRESSES:
        path, _, query = address.url.partition("?")
        scope = {
            "type": "http", "method": address.method, "path": path, "query_string": query.encode(), "scheme": "http",
            "headers": [(b"host", b"testserver")], "client": ("127.0.0.1", 5000),
        }  # fmt: skip
        said: list[dict[str, Any]] = []
        events = iter([{"type": "http.request", "body": b'{"title": "x', "more_body": True}])

        async def receive(events: Iterator[dict[str, Any]] = events) -> dict[str, Any]:
            return next(events, {"type": "http.disconnect"})

        async def send(message: dict[str, Any], said: list[dict[str, Any]] = said) -> None:
            said.append(message)

        await sender.app.asgi(scope, receive, send)
        assert not said or said[0]["status"] in FINAL or address in unread, address
    assert await _quarantined(sender.app.database) == kept
    async with sender.app.database.read() as reader:
        assert await reader.value("SELECT count(*) FROM payloads") == before


async def _quarantined(db: Database) -> set[str]:
    """The digests of the bodies that are kept in quarantine."""
    async with db.read() as reader:
        rows = await reader.rows("SELECT repeat_key FROM payloads WHERE outcome = 'quarantined'")
    return {row[0].rpartition(":")[2] for row in rows}
