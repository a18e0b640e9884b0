"""Matchers: `severity=~"warning|info"`, spelt and meant as Prometheus does, and ready to be asked very often.

A matcher names a label, and compares its value by `=`, `!=`, `=~` or `!~`. A label that an alert does not have is
empty. Regular expressions are RE2's (https://github.com/google/re2/wiki/Syntax), which take time in proportion to the
text whatever somebody wrote, and fit the whole value: `web` does not match `web-1`, `web.*` does.

What is no label can be asked for by a name between double underscores (`FACTS`), as Prometheus writes its own.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec
import re2

from openalert.domain.errors import Invalid

MOST_MATCHERS = 30
"""Of one rule, silence or window."""
LONGEST_NAME = 200
LONGEST_VALUE = 1_000
LARGEST_PROGRAM = 2_000
"""Instructions of a compiled regular expression: a few hundred alternatives, or `.{500}`."""
FACTS = ("__title__", "__severity__", "__source__", "__fingerprint__")
"""What every alert has and can be matched like a label."""

Labels: TypeAlias = Mapping[str, str]
Test: TypeAlias = Callable[[Labels], bool]
"""Whether labels fit; never raises, whatever text they hold."""
Search: TypeAlias = Callable[[str], bool]
"""The same of one text."""


class Operator(StrEnum):
    """How a matcher compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    FITS = "=~"
    FITS_NOT = "!~"


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison with one label."""

    name: str
    operator: Operator = Operator.EQUAL
    value: str
    """A text, or a regular expression for the whole of one; empty: the label is not there."""

    def __str__(self) -> str:
        """As Prometheus and Alertmanager write it, always with quotes around the value."""
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.operator.value}{_quoted(self.value)}"


_PATTERNS = frozenset({Operator.FITS, Operator.FITS_NOT})
_PLAIN_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
# Alertmanager's grammar: names and values are quoted, or free of what the grammar itself uses.
_BARE = r"[^\s{}!=~,\\\"'`]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(
    rf"\s*(?P<name>{_QUOTED}|{_BARE})\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_QUOTED}|{_BARE}|(?=\s*(?:[,}}]|$)))\s*",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED = {"n": "\n", '"': '"', "\\": "\\"}
_LITERALS = re.compile(r"[^.+*?()|\[\]{}^$\\]*(?:\|[^.+*?()|\[\]{}^$\\]*)*", re.DOTALL)
_AROUND = re.compile(r"(\.\*)?([^.+*?()|\[\]{}^$\\]*)(\.\*)?", re.DOTALL)


def parse(text: str, *, field: str = "matchers") -> tuple[Matcher, ...]:
    """The matchers of a text such as `{alertname="DiskFull", instance=~"db-.*"}`, separated by commas or lines.

    Braces may be left out, quotes too around what has no need of them. Invalid, with the place, for anything else.
    """
    text = text.strip()
    inside = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    found: list[Matcher] = []
    at = 0
    while inside[at:].strip(" \t\r\n,"):
        if len(found) == MOST_MATCHERS:
            raise Invalid(f"There can be at most {MOST_MATCHERS} matchers.", field=field)
        matcher, at = _next(inside, at, field)
        found.append(matcher)
    return tuple(found)


def parse_all(texts: Iterable[str], *, field: str = "matchers") -> tuple[Matcher, ...]:
    """The matchers of several texts, checked together."""
    return check([matcher for text in texts for matcher in parse(text, field=field)], field=field)


def check(matchers: Sequence[Matcher], *, field: str = "matchers") -> tuple[Matcher, ...]:
    """The matchers without repetitions, or Invalid: what is too long, too many, or no regular expression of RE2."""
    if len(matchers) > MOST_MATCHERS:
        raise Invalid(f"There can be at most {MOST_MATCHERS} matchers.", field=field)
    for matcher in matchers:
        _check(matcher, field)
    return tuple(dict.fromkeys(matchers))


def check_pattern(pattern: str, *, field: str) -> None:
    """Refuse, as Invalid with RE2's own words, what is no regular expression or costs too much."""
    _compiled(pattern, field)


def fits(matchers: Iterable[Matcher]) -> Test:
    """A test of whether every one of the matchers holds; without matchers all labels fit.

    The matchers must have been checked.
    """
    # Comparisons cost a tenth of what expressions do, and mostly settle it.
    tests = [_test(matcher) for matcher in sorted(matchers, key=lambda each: each.operator in _PATTERNS)]
    if not tests:
        return _anything
    if len(tests) == 1:
        return tests[0]

    def every(labels: Labels) -> bool:
        for test in tests:  # noqa: SIM110 - a generator inside of all() costs as much as a comparison
            if not test(labels):
                return False
        return True

    return every


def whole(pattern: str) -> Search:
    """A test of whether a regular expression fits the whole of a text."""
    if pattern == ".*":
        return _anything
    if pattern == ".+":
        return bool
    if _LITERALS.fullmatch(pattern):
        return frozenset(pattern.split("|")).__contains__
    around = _AROUND.fullmatch(pattern)
    if around is not None:
        return _around(around[2], bool(around[1]), bool(around[3]))
    compiled = _compiled(pattern, "matchers")
    return _remembering(lambda text: compiled.fullmatch(_bytes(text)) is not None)


def somewhere(pattern: str) -> Search:
    """A test of whether a regular expression fits some part of a text."""
    compiled = _compiled(pattern, "pattern")
    return _remembering(lambda text: compiled.search(_bytes(text)) is not None)


def facts(*, title: str, severity: str, source: str, fingerprint: str) -> dict[str, str]:
    """What an alert can be matched by beside its labels, by `FACTS`."""
    return dict(zip(FACTS, (title, severity, source, fingerprint), strict=True))


def about(labels: Labels, *, title: str, most: int = 10) -> tuple[Matcher, ...]:
    """Matchers that fit alerts with exactly these labels; by the title where there is no label to go by."""
    named = [
        Matcher(name=name, value=value)
        for name, value in sorted(labels.items())
        if value and len(name) <= LONGEST_NAME and len(value) <= LONGEST_VALUE
    ]
    # The name of the alert says most; what comes after it is narrower still.
    named.sort(key=lambda matcher: matcher.name != "alertname")
    return tuple(named[:most]) or (Matcher(name="__title__", value=title),)


def _next(text: str, at: int, field: str) -> tuple[Matcher, int]:
    """The matcher that begins at a place, and where the one after it does."""
    while text[at] in " \t\r\n,":
        at += 1
    found = _MATCHER.match(text, at)
    end = found.end() if found else at
    # A line's end separates as well as a comma does.
    if found is None or not (end == len(text) or text[end] == "," or "\n" in text[found.end("value") : end]):
        shown = text[at : at + 60].strip()
        raise Invalid(
            f'At character {at + 1}: {shown!r} is no matcher. Write severity="critical" or instance=~"db-.*"; '
            "the operators are =, !=, =~ and !~.",
            field=field,
            position=at + 1,
        )
    matcher = Matcher(
        name=_unquoted(found["name"]), operator=Operator(found["operator"]), value=_unquoted(found["value"])
    )
    return matcher, end


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    # As Alertmanager reads it: an escape that it does not know stays as it is, so that "\d" needs no doubling.
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found[1], found[0]), text[1:-1])


def _check(matcher: Matcher, field: str) -> None:
    if not matcher.name or len(matcher.name) > LONGEST_NAME:
        raise Invalid(f"A matcher's label must have 1 to {LONGEST_NAME} characters.", field=field)
    if len(matcher.value) > LONGEST_VALUE:
        raise Invalid(f"A matcher's value must have at most {LONGEST_VALUE:,} characters.", field=field)
    if matcher.name.startswith("__") and matcher.name.endswith("__") and matcher.name not in FACTS:
        raise Invalid(f"{matcher.name} is not known; there is {', '.join(FACTS)}.", field=field)
    if matcher.operator in _PATTERNS:
        check_pattern(matcher.value, field=field)


def _compiled(pattern: str, field: str) -> Any:
    """RE2's form of a pattern whose dot also fits a line's end, as in Prometheus."""
    if len(pattern) > LONGEST_VALUE:
        raise Invalid(f"A regular expression must have at most {LONGEST_VALUE:,} characters.", field=field)
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.never_capture = True
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(_bytes(pattern), options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise Invalid(f"{pattern[:60]!r} is no regular expression of RE2: {why}.", field=field) from error
    if compiled.programsize > LARGEST_PROGRAM:
        raise Invalid(f"The regular expression {pattern[:60]!r} is too costly. Repeat less.", field=field)
    return compiled


def _bytes(text: str) -> bytes:
    """The text for RE2; half a surrogate pair, which JSON can hold, becomes a question mark."""
    return text.encode(errors="replace")


def _test(matcher: Matcher) -> Test:
    name, value = matcher.name, matcher.value
    if matcher.operator is Operator.EQUAL:
        return lambda labels: labels.get(name, "") == value
    if matcher.operator is Operator.NOT_EQUAL:
        return lambda labels: labels.get(name, "") != value
    search = whole(value)
    if matcher.operator is Operator.FITS:
        return lambda labels: search(labels.get(name, ""))
    return lambda labels: not search(labels.get(name, ""))


def _around(literal: str, before: bool, after: bool) -> Search:
    """A test for a literal with anything before it, after it, or both: what most people write."""
    if before and after:
        return lambda text: literal in text
    if before:
        return lambda text: text.endswith(literal)
    return lambda text: text.startswith(literal)


def _remembering(search: Search) -> Search:
    """The same test, faster for values that come again and again."""
    return functools.lru_cache(maxsize=128)(search)


def _anything(_: Any) -> bool:
    return True
