"""Examples of bodies and answers, made from schemas and the vocabulary."""

from http import HTTPStatus
from typing import Any

from openalert.web import catalogue, vocabulary

Json = dict[str, Any]


class Examples:
    """Examples for the schemas of one description, by the names they have in it."""

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas

    def of(self, schema: Json, *, is_input: bool = False) -> Any:
        """One value that the schema allows; as input, what one would send."""
        return self._value(schema, "", is_input=is_input)

    def problem(self, status: int, code: str, words: str) -> Json:
        """A refusal with this code."""
        return {
            "type": catalogue.address(code),
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": words,
            "code": code,
            "message": words,
            "request_id": vocabulary.MEMBERS["request_id"][1],
            "details": {},
        }

    def _value(self, schema: Json, title: str, *, is_input: bool) -> Any:
        """Some value of the schema; `title` names the object that it is a part of."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._value(self._schemas[name], name, is_input=is_input)
        if choices := choices_of(schema):
            first: Json = next((each for each in choices if each.get("type") != "null"), {})
            return self._value(first, title, is_input=is_input)
        if "enum" in schema:
            return schema["enum"][0]
        if "properties" in schema:
            return self._members(schema, title, is_input=is_input)
        if schema.get("type") == "array":
            return [self._value(schema.get("items", {}), title, is_input=is_input)]
        return _PLAIN.get(schema.get("type", "object"))

    def _members(self, schema: Json, title: str, *, is_input: bool) -> Json:
        """All members; of what one sends only those with something to say, of a change the first two."""
        required = schema.get("required", [])
        names = list(schema["properties"])[: 2 if title.endswith("Patch") else None]
        members = {name: self._member(schema["properties"][name], title, name, is_input) for name in names}
        if not is_input:
            return members
        return {name: value for name, value in members.items() if value is not None or name in required}

    def _member(self, schema: Json, title: str, name: str, is_input: bool) -> Any:
        _, known = vocabulary.meaning(title, name)
        if self._fits(known, schema):
            return known
        return self._value(schema, title, is_input=is_input)

    def _fits(self, value: Any, schema: Json) -> bool:
        """Whether the schema allows the value, as far as examples go."""
        if "$ref" in schema:
            return self._fits(value, self._schemas[schema["$ref"].rpartition("/")[2]])
        if choices := choices_of(schema):
            return any(self._fits(value, each) for each in choices)
        if "enum" in schema:
            return value in schema["enum"]
        types = schema.get("type", [])
        allowed = [types] if isinstance(types, str) else types
        return _type_of(value) in allowed or ("number" in allowed and _type_of(value) == "integer")


def choices_of(schema: Json) -> list[Json]:
    """What the schema leaves to choose from; a reference with words of its own leaves one."""
    return list(schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf") or ())


_PLAIN = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "object": {}, "null": None}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in (
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"
