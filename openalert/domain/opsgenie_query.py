"""The query language of Opsgenie's alert search: `status:open AND priority:(P1 OR P2) AND NOT tag:test`.

https://support.atlassian.com/opsgenie/docs/search-queries-for-alerts/: fields with a value or a set of values,
conditions joined by AND, OR and NOT, parentheses, quoted phrases, `*` at the end of a word; bare words search the
message.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from openalert.domain.errors import Invalid

LONGEST = 1_000
MOST_TERMS = 50
DEEPEST = 20

INSTANTS = frozenset({"createdAt", "lastOccurredAt", "updatedAt", "snoozedUntil"})
"""Fields of epoch milliseconds."""
NUMBERS = frozenset({"count", "tinyId"})
FLAGS = frozenset({"isSeen", "acknowledged", "snoozed"})
TEXTS = frozenset({
    "alertId", "alias", "message", "description", "source", "entity", "owner", "acknowledgedBy", "closedBy",
    "recipients", "responders", "teams", "integration.name", "integration.type", "tag", "tags", "actions",
    "details.key", "details.value",
})  # fmt: skip
CHOICES = {"status": ("open", "closed"), "priority": ("P1", "P2", "P3", "P4", "P5")}
FIELDS = INSTANTS | NUMBERS | FLAGS | TEXTS | CHOICES.keys()


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One field compared with one value."""

    field: str
    comparison: str = ":"
    """`:`, `<`, `<=`, `>` or `>=`."""
    value: str
    prefix: bool = False
    """The value ended in `*`."""


class Both(msgspec.Struct, frozen=True):
    """Every one of these."""

    parts: tuple["Query", ...]


class Either(msgspec.Struct, frozen=True):
    """At least one of these."""

    parts: tuple["Query", ...]


class Without(msgspec.Struct, frozen=True):
    """Not this."""

    part: "Query"


Query: TypeAlias = Term | Both | Either | Without
_Read: TypeAlias = Callable[[str | None], Query]

_WORDS = frozenset({"and", "or", "not"})
_TOKEN = re.compile(
    r'\s*(?:(?P<paren>[()])|"(?P<quoted>[^"]*)"|(?P<comparison><=|>=|<|>|:)|(?P<word>[^\s()":<>]+))'
)


def parse(text: str) -> Query | None:
    """What is searched for; None for no condition at all. Invalid names what is wrong, as `query`."""
    if len(text) > LONGEST:
        raise _wrong(f"The query is longer than {LONGEST} characters.")
    if not text.strip():
        return None
    return _Parser(text).whole()


class _Parser:
    """One pass over the tokens of a query: (kind, text) pairs."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._terms = 0
        self._depth = 0
        position, text = 0, text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise _wrong("A quotation mark is missing.")
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind]))
            position = found.end()

    def whole(self) -> Query:
        """The query; Invalid for what is left over."""
        query = self._either(None)
        if self._at < len(self._tokens):
            raise _wrong(f"{self._tokens[self._at][1]!r} stands where nothing can.")
        return query

    def _either(self, field: str | None) -> Query:
        """Conditions joined by OR; inside of a set of values all of them are of that `field`."""
        parts = [self._both(field)]
        while self._take("or"):
            parts.append(self._both(field))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, field: str | None) -> Query:
        parts = [self._one(field)]
        while self._take("and") or self._more():
            parts.append(self._one(field))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _more(self) -> bool:
        """Whether another condition follows without a word between: that is an AND."""
        kind, text = self._next()
        return (kind in {"quoted", "word"} and text.lower() != "or") or (kind, text) == ("paren", "(")

    def _one(self, field: str | None) -> Query:
        if self._take("not"):
            return Without(self._deeper(field, self._one))
        if self._next() == ("paren", "("):
            self._at += 1
            inner = self._deeper(field, self._either)
            if self._next() != ("paren", ")"):
                raise _wrong("A closing parenthesis is missing.")
            self._at += 1
            return inner
        kind, text = self._next()
        if kind not in {"word", "quoted"} or (kind == "word" and text.lower() in _WORDS):
            raise _wrong(f"A value is missing{' before ' + repr(text) if text else ' at the end'}.")
        self._at += 1
        if field is not None:
            return self._term(field, ":", kind, text)
        comparison_kind, comparison = self._next()
        if kind == "word" and comparison_kind == "comparison":
            return self._condition(text, comparison)
        return self._term("message", ":", kind, text)

    def _deeper(self, field: str | None, read: _Read) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _wrong("The query is nested too deeply.")
        found = read(field)
        self._depth -= 1
        return found

    def _condition(self, field: str, comparison: str) -> Query:
        """`field:value`, or `field:(a OR b)`; the comparison is the present token."""
        self._at += 1
        if field not in FIELDS:
            raise _wrong(f"{field!r} is no field of an alert.")
        if comparison != ":" and field not in INSTANTS | NUMBERS:
            raise _wrong(f"{field} cannot be compared by {comparison}.")
        kind, text = self._next()
        if comparison == ":" and kind == "comparison" and text != ":":
            comparison, self._at = text, self._at + 1
            return self._condition_value(field, comparison)
        if comparison == ":" and (kind, text) == ("paren", "("):
            return self._one(field)
        return self._condition_value(field, comparison)

    def _condition_value(self, field: str, comparison: str) -> Query:
        kind, text = self._next()
        if kind not in {"word", "quoted"}:
            raise _wrong(f"{field} lacks its value.")
        self._at += 1
        return self._term(field, comparison, kind, text)

    def _term(self, field: str, comparison: str, kind: str, text: str) -> Term:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise _wrong(f"The query has more than {MOST_TERMS} conditions.")
        prefix = kind == "word" and text.endswith("*")
        value = text.rstrip("*") if prefix else text
        if field in INSTANTS | NUMBERS and not re.fullmatch(r"\d{1,18}", value):
            raise _wrong(f"{field} is compared with a number, not with {value[:40]!r}.")
        if field in FLAGS and value.lower() not in {"true", "false"}:
            raise _wrong(f"{field} is true or false.")
        if field in CHOICES:
            value = next((each for each in CHOICES[field] if each.lower() == value.lower()), "")
            if not value:
                raise _wrong(f"{field} is one of {', '.join(CHOICES[field])}.")
        return Term(field=field, comparison=comparison, value=value, prefix=prefix)

    def _take(self, word: str) -> bool:
        kind, text = self._next()
        if kind == "word" and text.lower() == word:
            self._at += 1
            return True
        return False

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")


def _wrong(message: str) -> Invalid:
    return Invalid(message, field="query")
