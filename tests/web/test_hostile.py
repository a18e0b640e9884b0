"""Hostile requests on every route: generated from the description, so that a new route cannot escape.

Whatever comes, the answer is a refusal in our one shape or a plain success; never a fault, and never a word of the
inside.
"""

import gzip
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import structlog

from openalert.app import OpenAlert
from openalert.config import Config
from openalert.storage import Database
from tests.compiled import described
from tests.web.test_conditions import everything, key
from tests.web.test_description import operations, resolved

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

Json = dict[str, Any]
Client = httpx2.AsyncClient
PROBLEM = {"type", "title", "status", "detail", "code", "message", "request_id", "details"}
INSIDE = ("Traceback", "sqlite", "asyncpg", "SELECT ", "INSERT ", "/openalert/", "site-packages", "msgspec.")

JSON = {"content-type": "application/json"}
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", JSON),
    "no type": (b"{}", {}),
    "a list": (b"[]", JSON),
    "a number": (b"3", JSON),
    "a text": (b'"text"', JSON),
    "null": (b"null", JSON),
    "half an object": (b'{"name": "x"', JSON),
    "two values": (b"{} {}", JSON),
    "NaN": (b'{"name": NaN}', JSON),
    "infinity": (b'{"name": 1e999}', JSON),
    "a number of 4000 digits": (b'{"name": ' + b"9" * 4000 + b"}", JSON),
    "NUL": (b'{"name": "a\x00b"}', JSON),
    "bytes that are no text": (b'{"name": "\xff\xfe"}', JSON),
    "a lone surrogate": (b'{"name": "\\ud800"}', JSON),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), JSON),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "100 000 open lists": (b"[" * 100_000, JSON),
    "deep objects": (b'{"name":' * 20_000 + b"1" + b"}" * 20_000, JSON),
    "100 000 members": (json.dumps({f"k{n}": n for n in range(100_000)}).encode(), JSON),
    "two of one name": (b'{"name": "a", "name": "b"}', JSON),
    "a member of 10 KiB": (json.dumps({"k" * 10_240: 1}).encode(), JSON),
    "odd members": (b'{"__proto__": {"a": 1}, "constructor": 1, "": 2, "\\u202e": 3}', JSON),
    "more than is read": (b'{"name": "' + b"x" * 2_000_000 + b'"}', JSON),
    "text": (b"name=x", {"content-type": "text/plain"}),
    "JSON as text": (b"{}", {"content-type": "text/plain"}),
    "a form": (b"name=x&teamId=y", {"content-type": "application/x-www-form-urlencoded"}),
    "parts": (b"--b\r\n\r\nx\r\n--b--\r\n", {"content-type": "multipart/form-data; boundary=b"}),
    "XML": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', {"content-type": "application/xml"}),
    "msgpack": (b"\x81\xa4name\xa1x", {"content-type": "application/x-msgpack"}),
    "a gzip bomb": (gzip.compress(b'{"name": "' + b"x" * 10_000_000 + b'"}'), {**JSON, "content-encoding": "gzip"}),
    "deflate": (b"x\x9c\x03\x00\x00\x00\x00\x01", {**JSON, "content-encoding": "deflate"}),
}  # fmt: skip
VALUES: list[Any] = [
    None, True, -1, 2**63, 2**64, 10**30, 1e308, "", "x" * 10_001, "\x00", "\u202e", "'; DROP TABLE users; --",
    "{{7*7}}", "../../etc/passwd", "\r\nX: y", [], [[]], {}, {"a": {"b": []}}, ["x"] * 500, ["\x00"], [None], [{}],
    "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00+99:99",
    "Europe/Nowhere", "../UTC", "\U0001f4a9" * 300,
]  # fmt: skip
"""What each member is given in turn."""
ODD = [
    "", "x" * 5_000, "\x00", "\u202e\U0001f4a9", "../..", "a/b", "' OR '1'='1", "%", "-1", str(2**70), "NaN", "a,b,,c",
    "\r\nX: y", "2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "NEAR(a b",
]  # fmt: skip
"""What each parameter is given in turn."""
READ_ALIKE: list[Any] = [
    [], [[]], {}, {"a": {"b": []}}, ["x"] * 500, [None], [{}], "'; DROP TABLE users; --", "{{7*7}}", "../../etc/passwd",
    "2026-13-45T99:99:99Z", "2026-01-01T00:00:00+99:99", "Europe/Nowhere", "../UTC", "", "../..", "a/b", "' OR '1'='1",
    "%", "a,b,,c", "2026-13-45", "2026-01-01T00:00:00",
]  # fmt: skip
"""Of both: what is refused, or is a plain text, before a database has a say. One database is enough for these."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals need no log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def app(config: Config, db: Database) -> AsyncIterator[OpenAlert]:
    """The whole appliance, on each database: they differ in what they cannot store."""
    openalert = OpenAlert(config, db, b"a key that signs links in tests")
    async with openalert.running():
        yield openalert


@pytest.fixture
async def api(app: OpenAlert, client: Client) -> AsyncIterator[Client]:
    """A client with the key of an owner, who may do everything."""
    client.headers["authorization"] = f"Bearer {await key(app)}"
    return client


on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is refused before anything is stored."""


class Ground:
    """One of everything, and every operation of the API aimed at it."""

    def __init__(self, document: Json, made: dict[str, httpx2.Response]) -> None:
        self.document = document
        ids = {kind: answer.json().get("id") for kind, answer in made.items()}
        self.members = {
            "teamId": ids["team"], "userId": ids["user"], "serviceId": ids["service"], "scheduleId": ids["schedule"],
            "rotationId": ids["rotation"], "overrideId": ids["override"], "policyId": ids["policy"],
            "escalationPolicyId": ids["policy"], "channelId": ids["channel"], "integrationId": ids["integration"],
            "incidentId": ids["incident"], "keyId": ids["API key"], "methodId": ids["contact method"],
            "assigneeId": ids["user"], "invitationId": ids["invitation"], "ruleId": ids["notification rule"],
            "contactMethodId": ids["contact method"], "way": "email",
        }  # fmt: skip

    def operations(self) -> Iterator[tuple[str, str, Json, Json | None]]:
        """Address, method, operation and a body that would do, for everything that changes something."""
        for path, method, operation in operations(self.document):
            if method == "get" or not path.startswith("/api/v1/"):
                continue
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            yield self.address(path), method, operation, self.aimed(body["example"]) if body else None

    def address(self, path: str) -> str:
        """The path with ids of what is there."""
        for name, value in self.members.items():
            path = path.replace("{" + name + "}", value)
        return path.replace("{", "").replace("}", "")

    def aimed(self, example: Any) -> Any:
        """The example with the ids of what is there."""
        if isinstance(example, dict):
            return {
                name: self.members["scheduleId"]
                if name == "id"
                else self.members.get(name) or self.aimed(value)
                for name, value in example.items()
            }
        if isinstance(example, list):
            return [self.aimed(each) for each in example]
        return example


@pytest.fixture
async def ground(app: OpenAlert, api: Client) -> Ground:
    """What the requests are aimed at."""
    made = await everything(api)
    await app.engine.run_until_idle()  # so that nothing changes between two looks at it
    return Ground(described(app), made)


def wrong(answer: httpx2.Response) -> str:
    """What is wrong with an answer; empty if it is as it should be."""
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.status_code < 400:
        return ""
    if answer.headers["content-type"] != "application/problem+json" or set(answer.json()) != PROBLEM:
        return f"not our shape: {answer.text[:200]}"
    found = [word for word in INSIDE if word in answer.text]
    return f"shows {found}: {answer.text[:300]}" if found else ""


def telling(values: list[Any], app: OpenAlert) -> list[Any]:
    """Those that this database could treat in a way of its own; all of them on SQLite."""
    return values if app.database.dialect == "sqlite" else [each for each in values if each not in READ_ALIKE]


HARMLESS = {"nothing", "no type", "null", "two of one name"}
"""What a route may take whose body has nothing that must be there; of two of one name the last counts."""
MUST_BE = {
    "more than is read": 413, "text": 415, "JSON as text": 415, "a form": 415, "parts": 415, "XML": 415,
    "msgpack": 415, "a gzip bomb": 415, "deflate": 415,
}  # fmt: skip
FORBIDDEN = (
    "id", "createdAt", "updatedAt", "deletedAt", "organizationId", "organization_id", "team_id", "isAdmin", "is_admin",
    "passwordHash", "password_hash", "emailKey", "keyHash", "secretHash", "secret", "hmac_secret", "acknowledgedBy",
    "acknowledgedById", "resolvedById", "createdById", "number", "fingerprint", "latestKey", "version", "permissions",
)  # fmt: skip
"""Members that rows have and callers must not set (S-38)."""


@on_one_database
async def test_no_body_breaks_any_route(ground: Ground, api: Client) -> None:
    """Wrong from the first byte: shapes, encodings, sizes, depths, content types, compression (S-46)."""
    found = []
    tried = 0
    for path, method, _, body in ground.operations():
        if method == "delete":
            continue
        for name, (content, headers) in BODIES.items():
            answer = await api.request(method, path, content=content, headers=headers)
            tried += 1
            why = wrong(answer)
            if not why and body is not None:
                expected = MUST_BE.get(name)
                if expected is not None and answer.status_code != expected:
                    why = f"{answer.status_code} instead of {expected}"
                elif answer.status_code < 300 and name not in HARMLESS:
                    why = f"accepted with {answer.status_code}"
            if why:
                found.append(f"{method} {path}: {name}: {why}")
    assert not found, "\n".join(found)
    assert tried > 1_000


async def test_no_value_of_any_member_breaks_any_route(app: OpenAlert, ground: Ground, api: Client) -> None:
    """Each member of each body in turn is what it should not be, the others being right (S-46, S-47)."""
    found = []
    tried = 0
    values = telling(VALUES, app)
    for path, method, _, body in ground.operations():
        for name in body or {}:
            for value in values:
                content = json.dumps({**(body or {}), name: value}).encode()
                answer = await api.request(method, path, content=content, headers=JSON)
                tried += 1
                if why := wrong(answer):
                    found.append(f"{method} {path}: {name}={value!r:.40}: {why}")
                elif "\\u0000" in answer.text:
                    found.append(f"{method} {path}: {name}: NUL was kept")
    assert not found, "\n".join(found)
    assert tried > 1_000


async def test_no_parameter_breaks_any_route(app: OpenAlert, ground: Ground, api: Client) -> None:
    """Odd texts in every part of every path and in every query parameter: refused, not found, or an odd text (S-47)."""
    found = []
    tried = 0
    texts = telling(ODD, app)
    for path, method, operation in operations(ground.document):
        if not path.startswith("/api/v1/"):
            continue
        right = ground.address(path)
        parameters = [resolved(ground.document, each) for each in operation["parameters"]]
        queries = [each["name"] for each in parameters if each["in"] == "query"]
        paths = [each["name"] for each in parameters if each["in"] == "path"]
        for text in texts:
            asked = [f"{right}?{name}={quote(text, safe='')}" for name in queries]
            for name in paths:
                other = path.replace("{" + name + "}", quote(text, safe=""))
                asked.append(ground.address(other))
            for address in asked:
                answer = await api.request(method, address)
                tried += 1
                if why := wrong(answer):
                    found.append(f"{method} {address:.150}: {why}")
    assert not found, "\n".join(found)
    assert tried > 1_000


@on_one_database
async def test_what_callers_must_not_set_is_refused_by_name(ground: Ground, api: Client) -> None:
    """A member that rows have and bodies have not is an error that names it, in every body (S-38)."""
    found = []
    for path, method, operation, body in ground.operations():
        if body is None:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        for inner in schema.get("oneOf", [schema]):
            known = resolved(ground.document, inner).get("properties", {})
            for name in set(FORBIDDEN) - set(known):
                answer = await api.request(method, path, json={**body, name: "canary"})
                refused = {each["field"] for each in answer.json().get("details", {}).get("errors", ())}
                if answer.status_code != 400 or name not in {field.split(".")[-1] for field in refused}:
                    found.append(f"{method} {path}: {name}: {answer.status_code} {answer.text:.200}")
    assert not found, "\n".join(found)


@on_one_database
@pytest.mark.parametrize(
    "headers",
    [
        {"x-http-method-override": "DELETE"},
        {"x-http-method": "DELETE"},
        {"x-method-override": "DELETE"},
        {"x-original-url": "/api/v1/teams/unknown"},
        {"x-rewrite-url": "/api/v1/teams/unknown"},
        {"x-team": "unknown", "x-user": "unknown", "x-forwarded-user": "root", "x-tenant": "other"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_headers_do_not_change_what_is_asked(
    ground: Ground, api: Client, headers: dict[str, str]
) -> None:
    """The method, the path and the caller are those of the request itself (S-37)."""
    where = ground.address("/api/v1/teams/{teamId}")
    plain = await api.get(where)
    answer = await api.get(where, headers=headers)
    assert (answer.status_code, answer.content) == (200, plain.content)
    posted = await api.post("/api/v1/teams", json={"name": "T"}, headers=headers)
    assert posted.status_code == 201
    assert (await api.get(where)).status_code == 200


@on_one_database
async def test_every_address_answers_every_method(ground: Ground, api: Client) -> None:
    """HEAD is GET without the body, OPTIONS names the methods, everything else is 405 with the same names."""
    for path in ground.document["paths"]:
        if not path.startswith("/api/v1/"):
            continue
        where = ground.address(path)
        item = ground.document["paths"][path]
        allowed = {method.upper() for method in item} | {"OPTIONS"} | ({"HEAD"} if "get" in item else set())
        options = await api.options(where)
        assert (options.status_code, options.content) == (204, b"")
        assert set(options.headers["allow"].split(", ")) == allowed, path
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            if method not in allowed:
                answer = await api.request(method, where)
                assert answer.status_code == 405, (method, path)
                assert set(answer.headers["allow"].split(", ")) == allowed, (method, path)
                assert method == "HEAD" or answer.json()["code"] == "METHOD_NOT_ALLOWED"
        if "get" in item and not path.endswith(("/shifts", "/me", "/me/sessions")):
            head, plain = await api.head(where), await api.get(where)
            assert (head.status_code, head.content) == (plain.status_code, b""), path
            if "/oncall" not in path:
                assert head.headers.get("etag") == plain.headers.get("etag"), path


@on_one_database
async def test_outside_of_the_api_refusals_have_the_same_shape(api: Client) -> None:
    """Unknown paths below `/api/`, at any depth and in any spelling."""
    for path in (
        "/api",
        "/api/",
        "/api/v2/teams",
        "/api/v1/nothing",
        "/api/v1/teams/a/b/c",
        "/api/%00",
    ):
        answer = await api.get(path)
        assert answer.status_code in (404, 400), path
        assert set(answer.json()) == PROBLEM, path
