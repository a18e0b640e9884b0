"""The description of the API: complete for every route, true in its own examples, and read by those who may."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from litestar.routes import HTTPRoute

from openalert.app import OpenAlert
from openalert.web import vocabulary
from tests.compiled import described
from tests.web.test_conditions import key

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Client = httpx2.AsyncClient
_FILES = ("text/csv", "application/x-ndjson", "text/calendar")


@pytest.fixture
def document(app: OpenAlert) -> Json:
    """The whole description."""
    return described(app)


@pytest.fixture
async def reader(app: OpenAlert, client: Client) -> Client:
    """A client with a key."""
    client.headers["authorization"] = f"Bearer {await key(app)}"
    return client


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every operation with its path and method."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    """Every `$ref` anywhere in it."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                yield each
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def resolved(document: Json, value: Json) -> Json:
    """What a reference leads to."""
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def needed(document: Json, value: Json) -> Json:
    """The schemas that it leads to, by name: each is read anew by whoever checks by it, and all are many."""
    found: Json = {}
    waiting = [value]
    while waiting:
        for name in {each.rpartition("/")[2] for each in references(waiting.pop())} - found.keys():
            found[name] = document["components"]["schemas"][name]
            waiting.append(found[name])
    return found


async def test_every_route_of_the_api_is_described(app: OpenAlert, document: Json) -> None:
    """A new route cannot be forgotten: the description has as many operations as the API has methods on paths."""
    routes = {
        (re.sub(r"\{\w+\}", "{}", route.path_format), method.lower())
        for route in app.asgi.app.routes  # type: ignore[attr-defined]  # the middleware knows it as any ASGI application
        if isinstance(route, HTTPRoute) and route.path_format.startswith("/api/v1/")
        for method in route.methods - {"OPTIONS", "HEAD"}
    }
    described = {(re.sub(r"\{\w+\}", "{}", path), method) for path, method, _ in operations(document)}
    assert routes - described == set()
    assert len(routes) > 80


async def test_every_operation_is_complete(document: Json) -> None:
    """Words, one id of its own, a resource that is explained, refusals, headers, and who may call it."""
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        place = f"{method} {path}"
        assert operation["summary"], place
        assert operation["description"], place
        assert set(operation["tags"]) <= tags, place
        assert {"400", "401", "403", "404", "500", "503"} <= set(operation["responses"]), place
        if method != "get":
            assert {"409", "412", "413", "415", "429"} <= set(operation["responses"]), place
        parameters = [resolved(document, each) for each in operation["parameters"]]
        assert all(each["description"] for each in parameters), place
        assert re.findall(r"\{(\w+)\}", path) == [each["name"] for each in parameters if each["in"] == "path"]
        names = {each["name"] for each in parameters}
        assert ("Idempotency-Key" in names) is (method == "post" and path.startswith("/api/")), place
        for status, answer in operation["responses"].items():
            found = resolved(document, answer)
            assert found["description"], (place, status)
            for media, content in found.get("content", {}).items():
                assert "example" in content, (place, status)
                is_file = path.endswith(("/export", ".ics")) and media in _FILES
                usual = "application/json" if status < "400" else "application/problem+json"
                assert media == usual or is_file, place


async def test_pages_of_a_list_are_described_alike(document: Json) -> None:
    """`limit` with its bounds wherever there is a `cursor`, and the answer says where the next page begins."""
    seen = 0
    for path, _, operation in operations(document):
        given = {each["name"]: each for each in operation["parameters"] if each.get("in") == "query"}
        assert ("limit" in given) is ("cursor" in given), path
        if "limit" in given:
            seen += 1
            assert {"minimum": 1, "maximum": 200}.items() <= given["limit"]["schema"].items()
            answer = operation["responses"]["200"]["content"]["application/json"]
            assert set(resolved(document, answer["schema"])["properties"]) == {"items", "nextCursor"}
    assert seen > 10


async def test_every_member_has_words(document: Json) -> None:
    """A new member of a body or an answer is explained in `web/vocabulary.py`, in a line."""
    for title, schema in document["components"]["schemas"].items():
        for name, member in schema.get("properties", {}).items():
            assert member.get("description"), f"{title}.{name} is missing in openalert/web/vocabulary.py"
    used = {
        name for schema in document["components"]["schemas"].values() for name in schema.get("properties", {})
    }
    assert {name.rpartition(".")[2] for name in vocabulary.MEMBERS} <= used


async def test_every_reference_leads_somewhere_and_every_example_is_allowed(document: Json) -> None:
    """Read as JSON Schema 2020-12, which is what OpenAPI 3.1 says."""
    for reference in set(references(document)):
        resolved(document, {"$ref": reference})
    found = 0
    for path, method, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for each in [*bodies, *(resolved(document, answer) for answer in operation["responses"].values())]:
            for content in each.get("content", {}).values():
                schema = {**content["schema"], "components": {"schemas": needed(document, content["schema"])}}
                errors = [str(error) for error in jsonschema_rs.iter_errors(schema, content["example"])]
                assert not errors, (method, path, content["example"], errors)
                found += 1
    assert found > 500


async def test_only_the_answer_that_makes_a_secret_shows_it(document: Json) -> None:
    """Whoever reads the example of a list does not look for a key in it."""
    showing = {
        f"{method} {path}"
        for path, method, operation in operations(document)
        for status, answer in operation["responses"].items()
        for content in resolved(document, answer).get("content", {}).values()
        if status < "300"
        and any(f'"{name}"' in json.dumps(content["example"]) for name in vocabulary.SHOWN_ONCE)
    }
    assert showing == {
        "post /api/v1/api-keys",
        "post /api/v1/heartbeats",
        "post /api/v1/heartbeats/{heartbeatId}/rotate-key",
        "post /api/v1/integrations",
        "post /api/v1/integrations/{integrationId}/rotate-key",
        "post /api/v1/invitations",
        "post /api/v1/invitations/{invitationId}/resend",
        "post /api/v1/services/{serviceId}/integrations",
        "post /api/v1/status-pages/{pageId}/link",
        "post /api/v1/users/{userId}/password-link",
    }
    for name in vocabulary.SHOWN_ONCE:
        assert "this once" in vocabulary.MEMBERS[name][0]


async def test_schemas_are_schemas_and_names_are_for_readers(document: Json) -> None:
    """No name of a module leaks, and everything is valid JSON Schema."""
    for title, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", title), title
        jsonschema_rs.meta.validate(schema)
    assert "openalert.web" not in json.dumps(document)


async def test_security_is_said(document: Json) -> None:
    """A key or a session for everything but the sign-in itself."""
    assert set(document["components"]["securitySchemes"]) == {"apiKey", "session"}
    assert document["security"] == [{"apiKey": []}, {"session": []}]
    open_to_all = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert not [path for path in open_to_all if path.startswith("/api/")]


class TestServed:
    """What a caller gets."""

    async def test_strangers_do_not_read_it(self, client: Client) -> None:
        """401 for programs; browsers are led to the sign-in."""
        for path in ("/api/openapi.json", "/api/docs", "/api/docs/errors", "/api/docs/teams"):
            assert (await client.get(path)).status_code == 401
        led = await client.get("/api/docs/teams", headers={"accept": "text/html"})
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=/api/docs/teams")

    async def test_the_description_is_served_once(self, reader: Client) -> None:
        """With a version, by which it is not sent again."""
        answer = await reader.get("/api/openapi.json")
        assert answer.json()["openapi"] == "3.1.0"
        assert answer.headers["content-type"] == "application/json"
        again = await reader.get("/api/openapi.json", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    async def test_there_is_a_page_for_every_resource(self, reader: Client, document: Json) -> None:
        """With each of its operations, its path and a command; without a script of its own."""
        first = (await reader.get("/api/docs")).text
        for tag in document["tags"]:
            where = f"/api/docs/{tag['name'].lower().replace(' ', '-')}"
            assert f'href="{where}"' in first
            page = (await reader.get(where)).text
            assert page.count("<script") == first.count("<script")
            assert "style=" not in page
            for path, _, operation in operations(document):
                if tag["name"] in operation["tags"]:
                    assert f'id="{operation["operationId"]}"' in page
                    assert path in page
                    assert f'id="{operation["operationId"]}-command"' in page

    async def test_a_refusal_leads_to_its_explanation(self, reader: Client) -> None:
        """`type` is an address with the code as its fragment, and the page has that element."""
        problem = (await reader.get("/api/v1/teams/unknown")).json()
        page, _, code = problem["type"].partition("#")
        assert code == problem["code"] == "TEAM_NOT_FOUND"
        assert f'id="{code}"' in (await reader.get(page)).text

    async def test_an_unknown_page_is_not_found(self, reader: Client) -> None:
        """As a page for people."""
        answer = await reader.get("/api/docs/nothing", headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
