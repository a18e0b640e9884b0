"""Pages of the API: how to speak to it, each resource with its operations, and every code of a refusal.

They are drawn from the description that machines read at `/api/openapi.json`, so they cannot say anything else. Both
want a session or an API key, like everything that is not for strangers.
"""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.config import Config
from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.storage.database import Database
from openalert.web import catalogue
from openalert.web.description import Description
from openalert.web.examples import choices_of
from openalert.web.ui.frame import Values, Web, answer, shell

Json = dict[str, Any]

_DEPTH = 4
"""Members of members are shown this deep."""
_SHOWN_APART = {"X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
"""Headers that every answer has; the first page tells of them."""


@get("/api/docs", include_in_schema=False)
async def overview(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """How to begin, what holds for every operation, and the resources."""
    return await _page(request, db, actor, "api_docs/overview.html", "")


@get("/api/docs/errors", include_in_schema=False)
async def errors(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Every code of a refusal, where the `type` of a problem leads."""
    codes = [
        {"code": code, "statuses": entry.statuses, "meaning": _plain(entry.meaning)}
        for code, entry in catalogue.CODES.items()
    ]
    return await _page(request, db, actor, "api_docs/errors.html", "errors", codes=codes)


@get("/api/docs/{name:str}", include_in_schema=False)
async def resource(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], name: FromPath[str]
) -> Response[Any]:
    """One resource with its operations."""
    description: Description = request.app.state.description
    await description.ready()
    tag = next((tag for tag in description.document["tags"] if slug(tag["name"]) == name), None)
    if tag is None:
        raise NotFound("page")
    config: Config = request.app.state.config
    drawn = Drawn(description.document, config.base_url)
    return await _page(
        request,
        db,
        actor,
        "api_docs/resource.html",
        name,
        tag=_tag(tag),
        operations=[drawn.operation(*each) for each in _of_tag(description.document, tag["name"])],
    )


async def _page(
    request: Web, db: Database, actor: Actor, template: str, name: str, **values: Any
) -> Response[Any]:
    description: Description = request.app.state.description
    await description.ready()
    config: Config = request.app.state.config
    async with db.read() as reader:
        context = await shell(
            request,
            reader,
            actor,
            "/api/docs",
            tags=[_tag(tag) for tag in description.document["tags"]],
            chosen=name,
            base_url=config.base_url,
            writes_per_minute=config.server.api_writes_per_minute,
            **values,
        )
    return answer(request, template, context)


def slug(name: str) -> str:
    """A resource as it stands in addresses: `on call` is `on-call`."""
    return name.lower().replace(" ", "-")


def _tag(tag: Json) -> Values:
    return {"slug": slug(tag["name"]), "name": tag["name"], "words": tag["description"]}


def _of_tag(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield path, method, operation


def _plain(text: str) -> str:
    """Markdown links as their words."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)


class Drawn:
    """Operations of a description as the pages show them: references followed, types in words."""

    def __init__(self, document: Json, base_url: str) -> None:
        self._document = document
        self._base_url = base_url

    def operation(self, path: str, method: str, operation: Json) -> Values:
        """One operation with its parameters, bodies, answers and a command to try it."""
        status, done = next((int(s), each) for s, each in operation["responses"].items() if s.startswith("2"))
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        content = done.get("content", {}).get("application/json")
        return {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "words": operation["description"],
            "deprecated": operation.get("deprecated", False),
            "parameters": [self._parameter(each) for each in operation["parameters"]],
            "body": list(self._members(body["schema"])) if body else [],
            "command": self._command(path, method, operation, body),
            "status": status,
            "done": done["description"],
            "headers": [name for name in done.get("headers", {}) if name not in _SHOWN_APART],
            "answer": list(self._members(content["schema"])) if content else [],
            "example": _pretty(content["example"]) if content else "",
            "others": [
                self._other(int(s), each) for s, each in operation["responses"].items() if int(s) != status
            ],
        }

    def _resolved(self, value: Json) -> Json:
        while "$ref" in value:
            found: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = {**found, **{key: each for key, each in value.items() if key != "$ref"}}
        return value

    def _parameter(self, given: Json) -> Values:
        parameter = self._resolved(given)
        return {
            "name": parameter["name"],
            "place": parameter["in"],
            "required": parameter.get("required", False),
            "type": self._type(parameter["schema"]).removesuffix(" or null"),
            "words": parameter["description"],
        }

    def _other(self, status: int, given: Json) -> Values:
        return {
            "status": status,
            "title": HTTPStatus(status).phrase,
            "words": self._resolved(given)["description"],
        }

    def _members(self, schema: Json, before: str = "", depth: int = 0) -> Iterator[Values]:
        """Every member with the way to it, `levels[].targets[].id`, the outer ones first."""
        inner, dots = self._inner(schema)
        required = inner.get("required", [])
        for name, member in inner.get("properties", {}).items():
            yield {
                "name": f"{before}{name}",
                "required": name in required,
                "type": self._type(member),
                "words": member.get("description", ""),
            }
            _, further = self._inner(member)
            if depth < _DEPTH:
                yield from self._members(member, f"{before}{name}{further}.", depth + 1)
        if dots and not inner.get("properties") and not before:
            yield {"name": "[]", "required": True, "type": self._type(inner), "words": ""}

    def _inner(self, schema: Json) -> tuple[Json, str]:
        """The object inside of lists and choices, and `[]` for each list on the way."""
        schema = self._resolved(schema)
        if choices := choices_of(schema):
            return self._inner(next((each for each in choices if each.get("type") != "null"), {}))
        if schema.get("type") == "array":
            inner, dots = self._inner(schema.get("items", {}))
            return inner, "[]" + dots
        return schema, ""

    def _type(self, schema: Json) -> str:
        """`string`, `list of strings`, `one of …`, `instant or null`."""
        schema = self._resolved(schema)
        if choices := choices_of(schema):
            return " or ".join(self._type(each) for each in choices)
        if "enum" in schema:
            return " | ".join(map(str, schema["enum"]))
        if schema.get("type") == "array":
            items = self._type(schema.get("items", {}))
            return f"list of {items}s" if items.isalpha() else f"list of {items}"
        if schema.get("format") == "date-time":
            return "instant"
        return str(schema.get("type", "anything"))

    def _command(self, path: str, method: str, operation: Json, body: Json | None) -> str:
        """What to paste into a terminal that has the key in `$KEY`."""
        address = path
        wanted = []
        for parameter in map(self._resolved, operation["parameters"]):
            if parameter["in"] == "path":
                address = address.replace("{" + parameter["name"] + "}", str(parameter["example"]))
            elif parameter["in"] == "query" and parameter["required"]:
                wanted.append(f"{parameter['name']}={parameter['example']}")
        query = "?" + "&".join(wanted) if wanted else ""
        lines = [
            f"curl{'' if method == 'get' else f' -X {method.upper()}'} '{self._base_url}{address}{query}'"
        ]
        if operation.get("security") != []:
            lines.append('-H "Authorization: Bearer $KEY"')
        if body is not None:
            text = _pretty(body["example"]).replace("'", "'\\''")
            lines += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
        return " \\\n  ".join(lines)


def _pretty(example: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(example), indent=2).decode()


ROUTES: Sequence[HTTPRouteHandler] = [overview, errors, resource]
