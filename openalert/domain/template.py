"""Templates: the words of a message with places to fill in, `{{ incident.title | truncate: 60 }}`, and nothing else.

Users write them, so they can do nothing but look up names in dictionaries and pass texts through filters: no loops, no
arithmetic, no attributes, no calls. What is not between `{{` and `}}` stands as it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from openalert.domain.errors import Invalid

LONGEST = 4_096
"""Characters of a template."""
LONGEST_OUTPUT = 8_192
LONGEST_LITERAL = 100
LONGEST_PLACE = 400
"""Characters between `{{` and `}}`."""
MOST_PLACES = 100
MOST_FILTERS = 8

Facts: TypeAlias = Mapping[str, Any]
"""What may be named: texts and numbers in dictionaries, `{"incident": {"title": …}}`."""

LABELS = "labels.…"
"""Stands for every label among the names."""
NAMES = {
    "incident.number": "42",
    "incident.title": "Disk almost full on db-1",
    "incident.severity": "critical",
    "incident.status": "triggered",
    "incident.description": "/var is 97 % full.",
    "incident.alerts": "3: how many alerts it has",
    "incident.age": "12 min: how long ago it began",
    "service.name": "Checkout",
    "organization.name": "Example",
    "recipient.name": "whom the message is for",
    "next": "what happens next: “Ana is paged at 03:09 unless someone acknowledges.”",
    LABELS: "a label that all its alerts share, such as labels.instance",
}
"""What can be named of an incident, and what stands there."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<bar>\|)|(?P<colon>:)|(?P<comma>,)|(?P<text>"[^"]*"|'[^']*')|(?P<number>[0-9]{1,5})"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_./-]*)|(?P<other>\S))"""
)


class Filter(msgspec.Struct, frozen=True):
    """One filter: what it takes, and what it makes of a text."""

    shape: str
    """`t` a text, `n` a number: `tt` two texts."""
    apply: Callable[..., str]
    example: str


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        return text
    return text[: LONGEST_OUTPUT // max(len(new), 1)].replace(old, new)


FILTERS: dict[str, Filter] = {
    "upper": Filter("", str.upper, "{{ service.name | upper }}"),
    "lower": Filter("", str.lower, "{{ incident.title | lower }}"),
    "capitalize": Filter("", str.capitalize, "{{ incident.severity | capitalize }}"),
    "trim": Filter("", str.strip, "{{ incident.description | trim }}"),
    "truncate": Filter("n", _truncate, "{{ incident.title | truncate: 40 }}"),
    "default": Filter("t", lambda text, other: text or other, '{{ labels.instance | default: "all" }}'),
    "replace": Filter("tt", _replace, '{{ incident.title | replace: "prod-", "" }}'),
    "remove": Filter(
        "t", lambda text, part: _replace(text, part, ""), '{{ incident.title | remove: "[x]" }}'
    ),
    "before": Filter(
        "t",
        lambda text, mark: text.partition(mark)[0] if mark else text,
        '{{ labels.instance | before: ":" }}',
    ),
    "after": Filter(
        "t", lambda text, mark: text.partition(mark)[2] if mark else text, '{{ labels.job | after: "/" }}'
    ),
    "prefix": Filter(
        "t", lambda text, mark: mark + text if text else "", '{{ labels.zone | prefix: "in " }}'
    ),
    "suffix": Filter("t", lambda text, mark: text + mark if text else "", '{{ labels.zone | suffix: ": " }}'),
}
"""By name; each takes a text and literals, and gives a text."""


class Place(msgspec.Struct, frozen=True):
    """One `{{ … }}`: a name and the filters behind it, with their literals."""

    path: tuple[str, ...]
    filters: tuple[tuple[str, tuple[str | int, ...]], ...]


class Template(msgspec.Struct, frozen=True):
    """A template that was read: texts and places in order."""

    parts: tuple[str | Place, ...]


def parse(text: str, field: str = "text", names: Mapping[str, str] = NAMES) -> Template:
    """The template, or Invalid with the position of what is wrong and what may be named."""
    if len(text) > LONGEST:
        raise Invalid(f"At most {LONGEST:,} characters.", field=field)
    parts: list[str | Place] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = text.find("}}", start)
        if end < 0:
            raise _wrong(start, "it is opened with {{ and never closed with }}", field)
        if start > at:
            parts.append(text[at:start])
        parts.append(_place(text[start + 2 : end], start + 2, field, names))
        at = end + 2
        if len(parts) > 2 * MOST_PLACES:
            raise Invalid(f"At most {MOST_PLACES} places.", field=field)
    return Template((*parts, text[at:]))


def shortest(template: Template) -> int:
    """Characters that stand there whatever is filled in."""
    return sum(len(part) for part in template.parts if isinstance(part, str))


def render(template: Template, facts: Facts) -> str:
    """The words with everything filled in, at most `LONGEST_OUTPUT` characters; what is not there is empty."""
    filled: list[str] = []
    length = 0
    for part in template.parts:
        text = part if isinstance(part, str) else _filled(part, facts)
        filled.append(text)
        length += len(text)
        if length > LONGEST_OUTPUT:
            break
    return "".join(filled)[:LONGEST_OUTPUT]


def _filled(place: Place, facts: Facts) -> str:
    value: Any = facts
    for name in place.path:
        # Dictionaries of exactly this type alone: nothing that looks like one and computes.
        value = value.get(name, "") if type(value) is dict else ""
    text = str(value)[:LONGEST_OUTPUT] if type(value) in (str, int) else ""
    for name, literals in place.filters:
        text = FILTERS[name].apply(text, *literals)[:LONGEST_OUTPUT]
    return text


class _Reader:
    """The tokens of one place, one after another."""

    def __init__(self, text: str, offset: int, field: str) -> None:
        # Without blanks at its end, which would be searched anew from each of them.
        self.tokens = [
            (
                found.lastgroup or "",
                found.group(found.lastgroup or 0),
                offset + found.start(found.lastgroup or 0),
            )
            for found in _TOKEN.finditer(text.rstrip())
        ]
        self.end = offset + len(text)
        self.field = field

    def at(self) -> int:
        """Where the next token is."""
        return self.tokens[0][2] if self.tokens else self.end

    def take(self, *kinds: str) -> str | None:
        """The next token if it is of one of these kinds."""
        if self.tokens and self.tokens[0][0] in kinds:
            return self.tokens.pop(0)[1]
        return None


def _place(text: str, offset: int, field: str, names: Mapping[str, str]) -> Place:
    if len(text) > LONGEST_PLACE:
        raise _wrong(offset, f"at most {LONGEST_PLACE} characters between {{{{ and }}}}", field)
    reader = _Reader(text, offset, field)
    at = reader.at()
    name = reader.take("name")
    path = _path(name, names) if name else None
    if path is None:
        raise _wrong(at, f"{name or 'nothing'} is not known; there is {_listed(names)}", field)
    filters = []
    while reader.take("bar"):
        filters.append(_filter(reader))
    if reader.tokens:
        raise _wrong(reader.at(), "after a name only | and a filter can follow", field)
    if len(filters) > MOST_FILTERS:
        raise _wrong(offset, f"at most {MOST_FILTERS} filters", field)
    return Place(path, tuple(filters))


def _path(name: str, names: Mapping[str, str]) -> tuple[str, ...] | None:
    """Where a name leads; None for one that there is not."""
    group, _, rest = name.partition(".")
    if group == "labels" and rest and LABELS in names:
        return (group, rest)
    return tuple(name.split(".")) if name in names else None


def _filter(reader: _Reader) -> tuple[str, tuple[str | int, ...]]:
    at = reader.at()
    name = reader.take("name") or ""
    known = FILTERS.get(name)
    if known is None:
        raise _wrong(
            at, f"there is no filter {name or 'without a name'}; there is {_listed(FILTERS)}", reader.field
        )
    literals: list[str | int] = []
    for number, kind in enumerate(known.shape):
        if not reader.take("comma" if number else "colon"):
            raise _wrong(reader.at(), f"{name} is written like {known.example}", reader.field)
        at = reader.at()
        literal = reader.take("text" if kind == "t" else "number")
        if literal is None:
            raise _wrong(at, f"{name} is written like {known.example}", reader.field)
        if len(literal) > LONGEST_LITERAL + 2:
            raise _wrong(at, f"at most {LONGEST_LITERAL} characters between quotes", reader.field)
        literals.append(literal[1:-1] if kind == "t" else int(literal))
    return name, tuple(literals)


def _listed(names: Mapping[str, Any] | Sequence[str]) -> str:
    return ", ".join(names)


def _wrong(position: int, why: str, field: str) -> Invalid:
    return Invalid(f"At character {position + 1}: {why}.", field=field, position=position + 1)
