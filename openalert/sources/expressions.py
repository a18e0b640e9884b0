"""Expressions that people write to find something in a body: dotted paths, and JMESPath within bounds.

JMESPath has no loops, but that does not bound it: `[@, @][]` doubles a list, and thirty of them in a pipe make a
thousand million of one; `==` and `to_string` follow every way through a value that holds the same list many times;
a number too large for an index, a step of 0 or text beside a number raise errors of Python. So the text is bounded
when it is saved, and every evaluation pays for its steps, and for what it copies, from a meter that ends it.
"""

import re
from collections.abc import Iterator
from typing import Any

from jmespath import exceptions, functions, visitor
from jmespath.parser import Parser

from openalert.domain.errors import Invalid
from openalert.sources import text

LONGEST = 500
"""Characters of one expression."""
DEEPEST = 20
"""Levels of one expression."""
MOST_NODES = 120
"""Names, operators and literals in one expression."""
STEPS = 10_000
"""What one evaluation may cost; a name in a path is one step."""
STEPS_OF_BODY = 200_000
"""What all evaluations on one body may cost together: some tenths of a second.

Three thousand alerts with eight expressions of eight parts each stay below it; dotted paths cost nothing."""
_CHARACTERS_A_STEP = 32
_DEEP = frozenset({"to_string", "contains", "join"})
"""Functions that look at more than the elements of what they are given."""
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d{1,6}\])*", re.ASCII)
_SEGMENT = re.compile(r"[^.\[\]]+")
_COMPILE_ERRORS = (exceptions.JMESPathError, ValueError, IndexError, KeyError)
_TOO_COSTLY = "it takes too long on this body"
_EVALUATION_ERRORS = (
    exceptions.JMESPathError,
    TypeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    AttributeError,
)


class BadExpression(Invalid):
    """An expression that cannot be used; `position` is the character, counted from 1, where it goes wrong."""

    def __init__(self, reason: str, position: int) -> None:
        """`reason` is a sentence without its position."""
        super().__init__(reason)
        self.reason = reason
        self.position = position


class Costly(Exception):
    """An evaluation used up its steps."""


class Expression:
    """A compiled expression; `find` never raises."""

    def __init__(self, written: str, of_body: bool, path: tuple[str, ...] | None, tree: Any) -> None:
        """Use `compiled`."""
        self.written = written
        self.of_body = of_body
        """Whether it begins with `$` and is looked up in the whole body."""
        self._path = path
        self._tree = tree

    def find(self, value: Any, lookups: "Lookups") -> tuple[Any, str]:
        """What is found in a decoded value, None for nothing; and why it could not be looked up, else ""."""
        if self._path is not None:
            return _walk(value, self._path), ""
        if not lookups.begin():
            return None, _TOO_COSTLY
        try:
            found = lookups.visit(self._tree, value)
        except Costly:
            return None, _TOO_COSTLY
        except exceptions.JMESPathError as error:
            return None, text.line(str(error), 160)
        except _EVALUATION_ERRORS:
            return None, "it does not fit the values in this body"
        return (None, "it ends in an expression, not in a value") if _is_expression(found) else (found, "")


def compiled(written: str) -> Expression:
    """The expression that a text means; raises `BadExpression` with the position of the mistake."""
    if len(written) > LONGEST:
        raise BadExpression(f"It is longer than {LONGEST} characters", LONGEST + 1)
    for position, character in enumerate(written, 1):
        if not character.isprintable():
            raise BadExpression("There is a character that cannot be seen", position)
    of_body = written.startswith("$.") or written.strip() == "$"
    offset = 2 if of_body else 0
    inner = written[offset:] if len(written.strip()) > 1 else "@" if of_body else written
    if not inner.strip():
        raise BadExpression("It is empty", 1)
    if _PATH.fullmatch(inner.strip()):
        return Expression(written, of_body, tuple(_SEGMENT.findall(inner.strip())), None)
    return Expression(written, of_body, None, _tree(inner, offset))


def _tree(inner: str, offset: int) -> Any:
    open_now = 0
    for position, character in enumerate(inner, 1):
        open_now += (character in "([{") - (character in ")]}")
        if open_now > DEEPEST:
            raise BadExpression("It is nested too deeply", position + offset)
    try:
        tree = Parser().parse(inner).parsed
    except RecursionError:
        raise BadExpression("It is nested too deeply", 1) from None
    except _COMPILE_ERRORS as error:
        raise BadExpression(_reason(error, inner), _position(error, inner) + offset) from None
    _check(tree, inner, offset)
    return tree


def _position(error: Exception, inner: str) -> int:
    at = getattr(error, "lex_position", None)
    if at is None:
        at = getattr(error, "lexer_position", None)
    return min(at, len(inner)) + 1 if isinstance(at, int) else 1


def _reason(error: Exception, inner: str) -> str:
    if isinstance(error, exceptions.IncompleteExpressionError):
        return "It ends too early"
    at = _position(error, inner) - 1
    return (
        f'"{text.line(inner[at : at + 12], 12)}" is not expected here'
        if at < len(inner)
        else "It ends too early"
    )


def _check(tree: Any, inner: str, offset: int) -> None:
    """Bounds of the tree, and names of functions, before anything is evaluated."""
    for count, (node, depth) in enumerate(_nodes(tree)):
        if depth > DEEPEST or count >= MOST_NODES:
            raise BadExpression("It is nested too deeply, or has too many parts", 1)
        if node["type"] == "function_expression":
            _check_function(node, inner, offset)
        if node["type"] == "slice" and node["children"][2] == 0:
            raise BadExpression("The step of a slice cannot be 0", 1)
        if not _is_storable(node.get("value")):
            raise BadExpression("It holds a character that cannot be stored", 1)


def _nodes(tree: Any) -> Iterator[tuple[Any, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in node["children"] if isinstance(child, dict)]


def _check_function(node: Any, inner: str, offset: int) -> None:
    name, given = node["value"], len(node["children"])
    at = max(inner.find(f"{name}("), 0) + 1 + offset
    known = functions.Functions.FUNCTION_TABLE.get(name)
    if known is None:
        raise BadExpression(f"There is no function {text.line(name, 40)}()", at)
    wanted = known["signature"]
    is_variadic = bool(wanted and wanted[-1].get("variadic"))
    if given < len(wanted) or (given > len(wanted) and not is_variadic):
        raise BadExpression(f"{name}() takes {len(wanted)}{' or more' * is_variadic}, not {given}", at)


def _is_storable(value: Any) -> bool:
    """Whether no text in a name or literal holds U+0000 or half a character."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and each != text.storable(each):
            return False
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
    return True


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    """The value at the end of a dotted path; a member whose own name has dots in it is found, too."""
    at = 0
    while at < len(path):
        name = path[at]
        if type(value) is dict:
            if name not in value:
                name, at = _longest(value, path, at)
                if not name:
                    return None
            value = value[name]
        elif type(value) is list and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
        at += 1
    return value


def _longest(value: dict[str, Any], path: tuple[str, ...], at: int) -> tuple[str, int]:
    """The longest name made of several parts of the path, and the last part that belongs to it."""
    for end in range(min(len(path), at + 8), at + 1, -1):
        if (joined := ".".join(path[at:end])) in value:
            return joined, end - 1
    return "", at


class _Functions(functions.Functions):  # type: ignore[misc] # the library has no types
    """JMESPath's functions, paid for by the size of what they are given."""

    def __init__(self, lookups: "Lookups") -> None:
        self._lookups = lookups

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:
        """Pay, then call."""
        deep = function_name in _DEEP
        for argument in resolved_args:
            self._lookups.pay(argument, deep=deep)
        return super().call_function(function_name, resolved_args)


class Lookups(visitor.TreeInterpreter):  # type: ignore[misc] # the library has no types
    """JMESPath's interpreter for the expressions on one body: a step for each node, and for each element it copies."""

    def __init__(self, steps: int = STEPS_OF_BODY) -> None:
        """`steps`: for all evaluations together."""
        super().__init__(visitor.Options(custom_functions=_Functions(self)))
        self._body = steps
        self._left = 0

    def begin(self) -> bool:
        """An evaluation begins; False: nothing is left for this body."""
        self._left = min(STEPS, self._body)
        return self._left > 0

    @property
    def left(self) -> int:
        """Steps that are left for this body."""
        return self._body

    def pay(self, value: Any, *, deep: bool = False) -> None:
        """Pay for the size of a value: for its own elements or characters, or for all that is inside it too."""
        waiting = [value]
        while waiting:
            each = waiting.pop()
            if isinstance(each, str):
                self._spend(1 + len(each) // _CHARACTERS_A_STEP)
            elif isinstance(each, list | dict):
                self._spend(1 + len(each))
                if deep:
                    waiting += each if isinstance(each, list) else [*each, *each.values()]
            else:
                self._spend(1)

    def _spend(self, steps: int) -> None:
        self._left -= steps
        self._body -= steps
        if self._left < 0:
            raise Costly

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """One step; else as in the library, whose every call this is."""
        self._left -= 1
        self._body -= 1
        if self._left < 0:
            raise Costly
        kind = node["type"]
        method = self._method_cache.get(kind)
        if method is None:
            method = self._method_cache[kind] = getattr(self, f"visit_{kind}", self.default_visit)
        return method(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Copies every element of the lists in a list."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            inside = element if isinstance(element, list) else [element]
            self.pay(inside)
            merged += inside
        return merged

    def visit_slice(self, node: Any, value: Any) -> Any:
        """Copies at most the whole list."""
        self.pay(value)
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Comparing follows both values to their ends."""
        sides = [self.visit(child, value) for child in node["children"]]
        if all(isinstance(side, list | dict) for side in sides):
            for side in sides:
                self.pay(side, deep=True)
        literals = [{"type": "literal", "value": side, "children": []} for side in sides]
        return super().visit_comparator({**node, "children": literals}, None)


def _is_expression(value: Any) -> bool:
    """`&name` is a value only for functions."""
    return isinstance(value, visitor._Expression)
