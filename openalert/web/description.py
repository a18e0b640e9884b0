"""The OpenAPI 3.1 description of the API: what Litestar knows of the routes, completed by what holds for all of them.

Handlers say what is theirs alone (a docstring, bodies, parameters). Refusals, headers, conditions, security, names,
examples and the meaning of members come from here and from `vocabulary`, so that a new route is complete by itself.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from openalert import __version__
from openalert.web import catalogue, etags, vocabulary
from openalert.web.api.wire import REFUSALS
from openalert.web.etags import Plan
from openalert.web.examples import Examples
from openalert.web.guards import SAFE

Json = dict[str, Any]

_UNTAGGED = "sign-in"
_METHODS = ("get", "post", "put", "patch", "delete")
_ABOUT = """\
What one does in the browser is there as JSON below `/api/v1`, but for what needs somebody at a browser: the first
set-up, setting up a second factor, and connecting accounts of single sign-on. Send an API key as
`Authorization: Bearer oak_…`.

Lists come in pages: `{"items": […], "nextCursor": null}`, with `?limit=` and `?cursor=`. Unknown members and query
parameters are refused by name. Refusals are `application/problem+json` (RFC 9457) of one shape with a `code`.
`ETag`, `If-None-Match` and `If-Match` tell versions apart; a POST with `Idempotency-Key` is done once.
"""
_DONE = {
    "get": "What was asked for.",
    "post": "It is done.",
    "put": "It is done.",
    "patch": "The thing after the change.",
    "delete": "It is gone.",
}
_HEADERS = {
    "X-Request-ID": ("Finds the request in the log of the server.", {"type": "string"}, "49a2dfa4908d5308"),
    "ETag": ("The version of what is shown.", {"type": "string"}, '"-L9yAN0GJXI4S19J3hnn"'),
    "Location": (
        "The address of what was made.",
        {"type": "string", "format": "uri-reference"},
        "/api/v1/teams/019b8d62-7a80-7003-a352-03ab0e4992a3",
    ),
    "Idempotency-Replayed": (
        "`true`: this was answered before, and nothing was done now.",
        {"type": "string", "enum": ["true"]},
        "true",
    ),
    "Retry-After": ("Seconds until it makes sense to come back.", {"type": "integer", "minimum": 1}, 12),
    "RateLimit-Limit": ("Changes a minute.", {"type": "integer"}, 100),
    "RateLimit-Remaining": ("Changes that may come at once.", {"type": "integer"}, 99),
    "RateLimit-Reset": ("Seconds of quiet until all of them may come again.", {"type": "integer"}, 1),
    "Allow": ("The methods that the address takes.", {"type": "string"}, "GET, POST"),
}
_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_HEADERS_OF = {
    405: ("Allow",),
    412: ("ETag", *_LIMITS),
    429: ("Retry-After", *_LIMITS),
    503: ("Retry-After",),
}
_CONDITIONS = {
    "IfNoneMatch": (
        "If-None-Match",
        "Versions that the caller has: 304 while it is one of them.",
        '"-L9yAN0GJXI4S19J3hnn"',
    ),
    "IfMatch": ("If-Match", "Versions at which it may be done; else 412.", '"-L9yAN0GJXI4S19J3hnn"'),
    "IdempotencyKey": (
        "Idempotency-Key",
        "Makes the request safe to repeat for 24 hours: the same key gets the same answer.",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ),
}


class Description:
    """Made when it is first asked for, then kept: it is the same for everybody."""

    def __init__(self, twin: Callable[[], Litestar]) -> None:
        """`twin` makes an application with the same routes whose description Litestar can give."""
        self._twin = twin

    @cached_property
    def document(self) -> Json:
        """The whole description."""
        app = self._twin()
        known = app.openapi_schema.to_schema()
        schemas = _named({**known["components"]["schemas"], **_taken(app)})
        shown = Examples(schemas)
        paths: dict[str, Json] = {}
        for route, method, handler in sorted(_operations(app), key=_place):
            found = known["paths"].get(route.path_format, {}).get(method)
            if found is not None:
                operation = _operation(method, handler, _renamed(found), shown)
                paths.setdefault(_camel_path(route.path_format), {})[method] = operation
        _tell_apart(paths)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "OpenAlert",
                "version": __version__,
                "summary": "The on-call appliance.",
                "description": _ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "This server."}],
            "security": [{"apiKey": []}, {"session": []}],
            "tags": [{"name": name, "description": words} for name, words in vocabulary.TAGS.items()],
            "paths": paths,
            "components": {"schemas": schemas, **_components(shown, app.state.access.cookie)},
        }

    @cached_property
    def encoded(self) -> bytes:
        """The document as it is served."""
        return msgspec.json.encode(self.document)

    async def ready(self) -> None:
        """Make it beside the event loop: it takes a fifth of a second."""
        await asyncio.to_thread(lambda: self.encoded)


@get("/api/openapi.json", include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The description as JSON, or 304 for who has it."""
    description: Description = request.app.state.description
    await description.ready()
    etag = etags.of_bytes(description.encoded)
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if etags.is_named(etag, request.headers.get("if-none-match", ""), strong=False):
        return Response(b"", status_code=304, headers=headers, media_type="application/json")
    return Response(description.encoded, headers=headers, media_type="application/json")


ROUTES: Sequence[HTTPRouteHandler] = [openapi]


def _operations(app: Litestar) -> Iterator[tuple[HTTPRoute, str, HTTPRouteHandler]]:
    """Every operation that is described, in the order of the routes."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format.startswith(("/api/v1/", "/auth/")):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    yield from (
                        (route, each, handler) for each in _METHODS if each.upper() in handler.http_methods
                    )


def _place(operation: tuple[HTTPRoute, str, HTTPRouteHandler]) -> tuple[int, str, int]:
    """By resource, then by path, then by method: the order of the description."""
    route, method, handler = operation
    tag, order = (handler.resolve_tags() or [_UNTAGGED])[0], list(vocabulary.TAGS)
    return order.index(tag) if tag in order else len(order), route.path_format, _METHODS.index(method)


def _operation(method: str, handler: HTTPRouteHandler, found: Json, shown: Examples) -> Json:
    plan: Plan | None = handler.opt.get("plan")
    name = handler.fn.__name__.strip("_")
    is_public = bool(handler.opt.get("public"))
    status = next(status for status in found["responses"] if status.startswith("2"))
    done = found["responses"][status]
    if "answers" in handler.opt:  # what programs get where browsers are led on
        status, done = str(handler.opt["answers"]), {}
    if "also_as" in handler.opt:  # a file in another format, if the caller asks for that
        done["content"][handler.opt["also_as"]] = next(iter(done["content"].values()))
    if "shows" in handler.opt:
        done = {"content": _json_of(handler.opt["shows"])}
    body = {"required": True, "content": _json_of(handler.opt["takes"])} if "takes" in handler.opt else None
    body = body or found.get("requestBody")
    return {
        "tags": found.get("tags") or [_UNTAGGED],
        "summary": _words(name),
        "description": cleandoc(handler.fn.__doc__ or ""),
        "operationId": _camel(name),
        "parameters": [
            *(_parameter(each) for each in found.get("parameters", [])),
            *({"$ref": f"#/components/parameters/{each}"} for each in _conditions(method, plan)),
        ],
        **({"requestBody": _body(body, shown)} if body else {}),
        "responses": {status: _done(method, status, done, plan, shown), **_further(found, plan)},
        **({"security": []} if is_public else {}),
        **({"deprecated": True} if found.get("deprecated") else {}),
    }


def _taken(app: Litestar) -> Json:
    """Schemas of the bodies that handlers read themselves, as their `opt` says under `takes`."""
    kinds = [handler.opt["takes"] for _, _, handler in _operations(app) if "takes" in handler.opt]
    return msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")[1]


def _json_of(kind: type[msgspec.Struct]) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{_name(kind.__name__)}"}}}


def _conditions(method: str, plan: Plan | None) -> list[str]:
    if plan is None:
        return []
    if plan.is_object:
        return ["IfNoneMatch"]
    listed = ["IfMatch"] if plan.object is not None else []
    return [*listed, "IdempotencyKey"] if method == "post" else listed


def _further(found: Json, plan: Plan | None) -> Json:
    """The refusals that the operation declares, and 304 where there is a version."""
    refused = [int(status) for status in found["responses"] if int(status) in REFUSALS]
    listed = {str(status): {"$ref": f"#/components/responses/{REFUSALS[status][0]}"} for status in refused}
    if plan is not None and plan.is_object:
        listed["304"] = {"$ref": "#/components/responses/NotModified"}
    return dict(sorted(listed.items()))


def _headers_of(method: str, plan: Plan | None) -> list[str]:
    """The headers of an answer that says that it was done; a route without a plan has no conditions."""
    names = ["X-Request-ID"]
    if plan is None:
        return names
    if plan.is_object or plan.answers_object or (plan.new_id and not plan.is_secret):
        names.append("ETag")
    if plan.new_id:
        names.append("Location")
    if method == "post":
        names.append("Idempotency-Replayed")
    return names if method.upper() in SAFE else [*names, *_LIMITS]


def _done(method: str, status: str, done: Json, plan: Plan | None, shown: Examples) -> Json:
    words = "It was made." if status == "201" else "It will be done." if status == "202" else _DONE[method]
    answer: Json = {"description": words, "headers": _headers(*_headers_of(method, plan))}
    for media, content in done.get("content", {}).items():
        example = shown.of(content["schema"])
        answer.setdefault("content", {})[media] = {
            "schema": content["schema"],
            "example": example if plan is not None and plan.is_secret else _later(example),
        }
    return answer


def _later(example: Any) -> Any:
    """The example without what only the answer that makes a thing shows."""
    if isinstance(example, list):
        return [_later(each) for each in example]
    if isinstance(example, dict):
        return {name: _later(each) for name, each in example.items() if name not in vocabulary.SHOWN_ONCE}
    return example


def _body(body: Json, shown: Examples) -> Json:
    return {
        "required": bool(body.get("required")),
        "content": {
            media: {"schema": content["schema"], "example": shown.of(content["schema"], is_input=True)}
            for media, content in body["content"].items()
        },
    }


def _parameter(found: Json) -> Json:
    name = found["name"]
    schema = {key: value for key, value in found["schema"].items() if key not in ("title", "description")}
    if found["in"] == "path":
        noun = vocabulary.NOUNS.get(name, name.removesuffix("_id").replace("_", " "))
        ids = (f"The id of the {noun}.", vocabulary.MEMBERS["id"][1])
        words, example = vocabulary.WORDS_IN_PATHS.get(name, ids)
        return {
            "name": _camel(name), "in": "path", "required": True, "description": words,
            "schema": schema, "example": example,
        }  # fmt: skip
    if name == "limit":
        schema |= {"minimum": 1, "maximum": 200}
    if name == "cursor":
        schema["maxLength"] = 200
    words, example = vocabulary.PARAMETERS.get(name, ("", None))
    parameter = {
        "name": name,
        "in": found["in"],
        "required": bool(found.get("required")),
        "description": found.get("description") or words,
        "schema": schema,
    }
    if example is not None:
        parameter["example"] = example
    return parameter


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _components(shown: Examples, cookie: str) -> Json:
    responses: Json = {
        "NotModified": {
            "description": "The caller has this version.",
            "headers": _headers("X-Request-ID", "ETag"),
        }
    }
    for status, (name, words, code) in REFUSALS.items():
        responses[name] = {
            "description": words,
            "headers": _headers("X-Request-ID", *_HEADERS_OF.get(status, ())),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": shown.problem(status, code, catalogue.CODES[code].meaning),
                }
            },
        }
    return {
        "responses": responses,
        "headers": {
            name: {"description": words, "schema": schema, "example": example}
            for name, (words, schema, example) in _HEADERS.items()
        },
        "parameters": {
            name: {
                "name": header, "in": "header", "required": False, "description": words,
                "schema": {"type": "string"}, "example": example,
            }
            for name, (header, words, example) in _CONDITIONS.items()
        },
        "securitySchemes": {
            "apiKey": {
                "type": "http", "scheme": "bearer", "bearerFormat": "oak_…",
                "description": "An API key: `openalert token create`, or `POST /api/v1/api-keys`.",
            },
            "session": {
                "type": "apiKey", "in": "cookie", "name": cookie,
                "description": "The session of a browser: `POST /auth/login`.",
            },
        },
    }  # fmt: skip


def _named(found: Json) -> Json:
    """The schemas under names for readers, with the words and examples of their members."""
    meanings = {_schema_key(kind, found): cleandoc(kind.__doc__ or "") for kind in _structs(msgspec.Struct)}
    named: Json = {}
    for key, schema in sorted(found.items()):
        made = _renamed({each: value for each, value in schema.items() if each != "title"})
        if key in meanings and "properties" in made:
            made["description"] = meanings[key]
        for name, member in made.get("properties", {}).items():
            words, _ = vocabulary.meaning(_name(key), name)
            if words:
                made["properties"][name] = {"description": words, **member}
        named[_name(key)] = made
    return named


def _structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("openalert."):
            yield each
        yield from _structs(each)


def _schema_key(kind: type, found: Json) -> str:
    """The name under which Litestar lists the struct: with its module's where two have the same."""
    longer = f"{kind.__module__.rpartition('.')[2]}_{kind.__name__}"
    return longer if longer in found else kind.__name__


def _name(key: str) -> str:
    """`Page_openalert.web.api.teams.TeamOut_` is `TeamPage`, `TeamOut` is `Team`, `teams_MemberIn` `TeamsMemberIn`."""
    page = re.fullmatch(r"Page_(?:[\w.]*\.)?(\w+)_", key)
    if page:
        return _name(page[1]) + "Page"
    text = "".join(part[:1].upper() + part[1:] for part in key.split("_"))
    return text.removesuffix("Out") or text


def _renamed(value: Any) -> Any:
    """The same with every reference to a schema under its new name."""
    if isinstance(value, dict):
        return {
            key: f"#/components/schemas/{_name(each.rpartition('/')[2])}" if key == "$ref" else _renamed(each)
            for key, each in value.items()
        }
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def _tell_apart(paths: dict[str, Json]) -> None:
    """Give operations of one name (acts on different things) the thing in their id too."""
    operations = [(method, op) for item in paths.values() for method, op in item.items()]
    names = [operation["operationId"] for _, operation in operations]
    for method, operation in operations:
        name = operation["operationId"]
        if names.count(name) > 1:
            noun = operation["tags"][0].removesuffix("s").title().replace(" ", "")
            operation["operationId"] = name + noun + ("ByPatch" if method == "patch" else "")
            operation["summary"] += " (older spelling)" if method == "patch" else ""


def _words(name: str) -> str:
    text = name.replace("_", " ").replace("api key", "API key").replace("on call", "on-call")
    return text[:1].upper() + text[1:]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _camel_path(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "{" + _camel(found[1]) + "}", path)
