"""The members of objects: by the way to them, or by name in any spelling: `alertName`, `ALERT_NAME`, …"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

_SPELLING = str.maketrans("", "", "_- .")
_LONGEST_NAME = 200
_MOST_MEMBERS = 1_000
_WRAPPERS = ("alert", "event", "incident", "problem", "issue", "payload", "data", "attachments")


class Fields:
    """A JSON object by the plain spelling of its names: lower case, without `_`, `-`, `.` and spaces."""

    def __init__(self, body: dict[str, Any]) -> None:
        """Of names with the same plain spelling the first one counts."""
        self._members: dict[str, tuple[str, Any]] = {}
        self._add(body)

    def _add(self, body: dict[str, Any]) -> None:
        for name, value in islice(body.items(), _MOST_MEMBERS):
            self._members.setdefault(name[:_LONGEST_NAME].translate(_SPELLING).lower(), (name, value))

    def unwrap(self) -> None:
        """Adds the members of the object inside, as in `{"action": "open", "alert": {"title": …}}`."""
        for wrapper in _WRAPPERS:
            inner = self.get(wrapper)
            if isinstance(inner, list) and inner:
                inner = inner[0]
            if isinstance(inner, dict):
                self._add(inner)

    def put(self, name: str, value: Any) -> None:
        """Set a value under a plain name in the place of what is there."""
        self._members[name] = (name, value)

    def get(self, name: str) -> Any:
        """The value under a plain name; None when there is none."""
        return self._members.get(name, (None, None))[1]

    def values(self, names: Iterable[str]) -> list[Any]:
        """The values under those of the plain names that there are, in the order of the names."""
        members = self._members
        return [members[name][1] for name in names if name in members]

    def named(self, names: Iterable[str]) -> dict[str, Any]:
        """The scalar members with one of the plain names, by their own names."""
        found = (self._members[name] for name in names if name in self._members)
        return {name: value for name, value in found if is_scalar(value)}

    def rest(self, used: frozenset[str]) -> dict[str, Any]:
        """The scalar members with none of the plain names, by their own names."""
        members = self._members.items()
        return {name: value for plain, (name, value) in members if plain not in used and is_scalar(value)}


def at(value: Any, *way: str) -> Any:
    """The value that the names lead to through nested objects; None where the way ends early."""
    for name in way:
        if type(value) is not dict:
            return None
        value = value.get(name)
    return value


def within(value: Any, *way: str) -> dict[str, Any]:
    """The object that the names lead to; an empty one where there is none."""
    found = at(value, *way)
    return found if type(found) is dict else {}


def listed(value: Any) -> list[Any]:
    """A list as it is, a single object as a list of one, and nothing as none."""
    if type(value) is list:
        return value
    return [value] if type(value) is dict else []


def texts_of(value: Any) -> list[str]:
    """The texts in a list, one text as a list of one; anything else is left out."""
    if type(value) is list:
        return [item for item in value if isinstance(item, str) and item]
    return [value] if isinstance(value, str) and value else []


def first(*values: Any) -> Any:
    """The first text or number that says something; None when there is none."""
    return next((value for value in values if value is not None and is_scalar(value)), None)


def plain(names: str) -> tuple[str, ...]:
    """Plain names, written as one text."""
    return tuple(names.split())


def is_scalar(value: Any) -> bool:
    """Text or a number that says something: 0 and false do, "" and null do not."""
    return isinstance(value, str | int | float) and value != ""
