"""Refusals: one shape for machines, a page for people, and never a word about the inside."""

from typing import Annotated, Any

import httpx2
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import FromPath, JSONBody

from openalert.config import Config
from openalert.domain.errors import Conflict, NotFound, RateLimited, Unavailable
from openalert.web import problems
from openalert.web.middleware import Front

pytestmark = pytest.mark.anyio

CANARY = "canary-5f1d"


class Health:
    """A server that is not stopping."""

    draining = False


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A member with members."""

    minutes: Annotated[float, msgspec.Meta(gt=0)]


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What the echo takes."""

    name: str
    inner: Inner | None = None
    rest: Any = None


@post("/api/echo", sync_to_thread=False)
def echo(data: JSONBody[Body]) -> str:
    """The name that was sent."""
    return data.name


@get("/api/fail/{kind:str}", sync_to_thread=False)
def fail(kind: FromPath[str]) -> str:
    """The refusal of this kind."""
    raise {
        "conflict": Conflict("It is over.", code="INVALID_STATUS_TRANSITION", allowed=["triggered"]),
        "missing": NotFound("escalation policy"),
        "limit": RateLimited("Slowly.", retry_after=2.4),
        "full": Unavailable("Later.", retry_after=10),
        "broken": RuntimeError(f"{CANARY} in /srv/openalert/secret.py: SELECT 1"),
    }[kind]


@get("/page", sync_to_thread=False)
def page() -> str:
    """A page that breaks."""
    raise RuntimeError(CANARY)


@pytest.fixture
def http() -> httpx2.AsyncClient:
    """A client of a small application with our handler of exceptions."""
    app = Litestar([echo, fail, page], exception_handlers={Exception: problems.handle}, logging_config=None)
    transport = httpx2.ASGITransport(app=Front(app, Config(), Health()))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


@pytest.mark.parametrize(
    ("kind", "status", "code", "details"),
    [
        ("conflict", 409, "INVALID_STATUS_TRANSITION", {"allowed": ["triggered"]}),
        ("missing", 404, "ESCALATION_POLICY_NOT_FOUND", {}),
        ("limit", 429, "RATE_LIMIT_EXCEEDED", {"retry_after": 2.4}),
        ("full", 503, "UNAVAILABLE", {"retry_after": 10}),
    ],
)
async def test_a_refusal_has_all_members(
    http: httpx2.AsyncClient, kind: str, status: int, code: str, details: dict[str, Any]
) -> None:
    """The standard's and ours, saying the same."""
    answer = await http.get(f"/api/fail/{kind}", headers={"x-request-id": "r7"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {
        "type", "title", "status", "detail", "code", "message", "request_id", "details",
    }  # fmt: skip
    assert (body["status"], body["code"], body["request_id"], body["details"]) == (
        status,
        code,
        "r7",
        details,
    )
    assert body["detail"] == body["message"]


async def test_when_to_come_back_is_a_header_in_whole_seconds(http: httpx2.AsyncClient) -> None:
    """Rounded up: earlier would be too early, and 0 would be at once."""
    assert (await http.get("/api/fail/limit")).headers["retry-after"] == "3"
    assert (await http.get("/api/fail/full")).headers["retry-after"] == "10"


async def test_a_fault_says_nothing_about_the_inside(http: httpx2.AsyncClient) -> None:
    """Neither as JSON nor as a page."""
    for answer in (
        await http.get("/api/fail/broken"),
        await http.get("/page", headers={"accept": "text/html"}),
    ):
        assert answer.status_code == 500
        for word in (CANARY, "SELECT", "/srv", "RuntimeError", "Traceback", "line "):
            assert word not in answer.text
        assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"name": 3}', ["name: Expected string, got integer"]),
        (b'{"name": "a", "inner": {"minutes": -1}}', ["inner.minutes", "> 0"]),
        (b'{"name": "a", "inner": {"minuts": 1}}', ["inner.minuts: There is no such member."]),
        (b'{"name": "a", "inner": 3}', ["inner: Expected object or null, got integer"]),
        (b'{"name": "a", "nam": 1}', ["nam: There is no such member."]),
        (b"{}", ["name: This member is needed."]),
        (b"", ["the body: JSON is needed here."]),
        (b"[]", ["the body: Expected object, got array"]),
        (b"{", []),
        (b'{"name": "a", "rest": NaN}', []),
        (b'{"name": "\xff\xfe"}', []),
        (b"[" * 100_000, []),
        (b'{"name":"a","rest":' + b"[" * 5000 + b"]" * 5000 + b"}", []),
    ],
)
async def test_an_unusable_body_is_the_senders_matter(
    http: httpx2.AsyncClient, body: bytes, words: list[str]
) -> None:
    """400 with the member named, whatever it is; never a fault of ours."""
    answer = await http.post("/api/echo", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "VALIDATION_ERROR"
    for word in words:
        assert word in answer.json()["message"]


async def test_unknown_places_and_methods_have_the_same_shape(http: httpx2.AsyncClient) -> None:
    """404 and 405 of the framework look like our own."""
    answer = await http.get("/api/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    answer = await http.put("/api/echo")
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer.headers["allow"]


async def test_people_get_a_page(http: httpx2.AsyncClient) -> None:
    """With the status, and what to do."""
    answer = await http.get("/nothing", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing at this address." in answer.text
