"""A mapping of people applied to a body: what its expressions find, in the form that the usual reading takes.

What cannot be found, or is no value of its kind, is left to the usual reading, and said in a sentence: a message
with a valid key is read in every case.
"""

from typing import Any

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.mapping import Mapping
from openalert.sources import text, times, words
from openalert.sources.expressions import BadExpression, Expression, Lookups, compiled

MOST_LABELS = 30
MOST_LINKS = 5
LONGEST_NAME = 64
_MOST_PROBLEMS = 5
_MOST_PARTS = 20
_MEMBERS = {
    "title": "title",
    "description": "description",
    "severity": "severity",
    "status": "status",
    "identity": "dedupkey",
    "group": "groupkey",
    "starts_at": "startsat",
}
"""Members of a mapping with one expression, and under which plain name the usual reading looks for each first."""


class Found(msgspec.Struct):
    """What the expressions found in one item."""

    members: dict[str, str] = {}
    """By the plain names of the usual reading."""
    labels: dict[str, str] = {}
    links: list[dict[str, str]] = []


class Looked(msgspec.Struct):
    """What one expression found, for people."""

    member: str
    """As in the configuration: `title`, `labels.host`."""
    written: str
    found: str
    """What it found, shortened; "" for nothing."""
    problem: str
    """Why what is there cannot be used, or could not be looked up."""


class Mapped:
    """A checked mapping, ready to be applied to any number of bodies."""

    def __init__(self, mapping: Mapping) -> None:
        """Raises `Invalid` that names every member whose expression is wrong, with the position."""
        checked = _Checked()
        self.list_of_alerts = checked.expression("items", mapping.items)
        self.members = {
            plain: expression
            for name, plain in _MEMBERS.items()
            if (expression := checked.expression(_camel(name), getattr(mapping, name)))
        }
        self.labels = checked.named("labels", mapping.labels, MOST_LABELS)
        self.links = checked.named("links", mapping.links, MOST_LINKS)
        checked.end()

    def begin(self, body: Any) -> "Applied":
        """Apply it to one body."""
        return Applied(self, body)


class Applied:
    """A mapping at work on one body: a common account of steps, and the problems met so far."""

    def __init__(self, mapping: Mapped, body: Any) -> None:
        """Use `Mapped.begin`."""
        self._mapping = mapping
        self._body = body
        self._lookups = Lookups()
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> list[str]:
        """What could not be used, as sentences without their end; the first few, each once."""
        return list(self._problems)

    def items(self) -> list[Any] | None:
        """The alerts of the body; None: look in the usual places."""
        expression = self._mapping.list_of_alerts
        if expression is None:
            return None
        found = self.look(expression, self._body, "items")
        if isinstance(found, dict):
            return [found]
        if isinstance(found, list):
            return [{"message": item} if isinstance(item, str) else item for item in found]
        self._note("items", "is no list")
        return None

    def find(self, item: Any) -> Found:
        """What the expressions find in one item."""
        mapping, found = self._mapping, Found()
        for name, expression in mapping.members.items():
            if value := self.member(name, self.look(expression, item, name)):
                found.members[name] = value
        for label, expression in mapping.labels.items():
            if value := _label(self.look(expression, item, f"labels.{label}")):
                found.labels[label] = value
        for words_of_link, expression in mapping.links.items():
            if link := text.link(words_of_link, self.look(expression, item, f"links.{words_of_link}")):
                found.links.append(link)
        return found

    def look(self, expression: Expression, item: Any, member: str) -> Any:
        """The value that an expression finds; None for nothing, also when it cannot be looked up."""
        value, problem = expression.find(self._body if expression.of_body else item, self._lookups)
        if problem:
            self._note(member, problem)
        return value

    def member(self, name: str, value: Any) -> str:
        """A value as the text of a member; "" for nothing and for what is none of its kind, which is told."""
        if name == "status" and isinstance(value, bool):
            return "firing" if value else "resolved"
        said = _text(value, "/" if name == "dedupkey" else ", ")
        if said and not _USABLE.get(name, bool)(said):
            self._note(name, f'"{text.line(said, 40)}" is not known')
            return ""
        return said

    def _note(self, member: str, problem: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems[f"mapping, {_named(member)}: {problem}"] = None


class _Checked:
    """Gathers what is wrong with a mapping, so that all of it is said at once."""

    def __init__(self) -> None:
        self._mistakes: list[dict[str, Any]] = []

    def expression(self, member: str, written: str) -> Expression | None:
        """The member's expression; None when there is none, or a wrong one."""
        if not written.strip():
            return None
        try:
            return compiled(written)
        except BadExpression as error:
            self._wrong(member, error.reason, error.position)
            return None

    def named(self, member: str, expressions: dict[str, str], most: int) -> dict[str, Expression]:
        """The expressions of labels or links."""
        if len(expressions) > most:
            self._wrong(member, f"There are more than {most}")
        found = {}
        for name, written in list(expressions.items())[:most]:
            if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
                self._wrong(member, f"A name has 1 to {LONGEST_NAME} characters that can be seen")
            elif not written.strip():
                self._wrong(f"{member}.{name}", "It is empty", 1)
            elif expression := self.expression(f"{member}.{name}", written):
                found[name] = expression
        return found

    def end(self) -> None:
        """Raises `Invalid` if anything was wrong."""
        if self._mistakes:
            said = [f"{each['field']}: {each['reason']}" for each in self._mistakes]
            first = self._mistakes[0]["field"]
            raise Invalid(". ".join(said) + ".", field=first, mistakes=self._mistakes)

    def _wrong(self, member: str, reason: str, position: int | None = None) -> None:
        at = "" if position is None else f" (character {position})"
        self._mistakes.append(
            {"field": f"config.mapping.{member}", "reason": f"{reason}{at}", "position": position}
        )


def look(mapping: Mapped, body: Any) -> list[Looked]:
    """What each expression finds in the body's first alert, for people who write one."""
    applied = mapping.begin(body)
    found = []
    if mapping.list_of_alerts:
        found.append(_looked(applied, mapping.list_of_alerts, body, "items"))
    items = applied.items()
    item = items[0] if items else body
    named = {**mapping.members} | {
        f"{kind}.{name}": expression
        for kind, some in (("labels", mapping.labels), ("links", mapping.links))
        for name, expression in some.items()
    }
    return found + [_looked(applied, expression, item, name) for name, expression in named.items()]


def _looked(applied: Applied, expression: Expression, item: Any, member: str) -> Looked:
    before = len(applied.problems)
    value = applied.look(expression, item, member)
    if member == "items":
        shown = (
            f"a list of {len(value)}" if isinstance(value, list) else "one object" * isinstance(value, dict)
        )
    elif member in _MEMBERS.values():
        shown = applied.member(member, value)
    else:
        shown = _label(value)
    problem = "".join(applied.problems[before:]).partition(": ")[2]
    return Looked(_named(member), expression.written, text.cut(shown, 200), problem)


def _text(value: Any, between: str) -> str:
    """A text, a number, or several of them as one text; "" for nothing and for objects."""
    if isinstance(value, list):
        parts = (_text(each, between) for each in value[:_MOST_PARTS] if not isinstance(each, list))
        return between.join(filter(None, parts))
    if value is None or isinstance(value, dict):
        return ""
    return text.scalar(value).strip()


def _label(value: Any) -> str:
    """A value as the text of a label: an object as it is written in JSON."""
    return text.scalar(value) if isinstance(value, dict) else _text(value, ",")


def _named(member: str) -> str:
    """A member as people write it."""
    return next((_camel(name) for name, plain in _MEMBERS.items() if plain == member), member)


def _camel(name: str) -> str:
    return "startsAt" if name == "starts_at" else name


def _is_severity(said: str) -> bool:
    return words.severity(said) is not None


def _is_status(said: str) -> bool:
    return words.status(said) is not None or words.muted(said)


def _is_time(said: str) -> bool:
    return times.instant(said) is not None


_USABLE = {"severity": _is_severity, "status": _is_status, "startsat": _is_time}
"""Members of the usual reading that take only some texts."""
