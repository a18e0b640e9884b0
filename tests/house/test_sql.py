"""SQL lives in storage, and nothing that comes from outside is ever part of its text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "openalert"
STATEMENT = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET|CREATE TABLE)\b", re.DOTALL
)
PART = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|AND|IN|ORDER BY|CREATE DATABASE)\b")

COMPOSED = {
    "condition", "within", "teams",  # from storage.visible: fixed text and parameter names
    "' AND '.join(conditions)",  # fixed texts, chosen by which filters were given
    "', '.join(listed)", "', '.join((':' + name for name in listed))", "table",
    "', '.join('?' * len(listed))",  # fields of our own structs
    "', '.join((':' + name for name in columns_of(Notification)))",
    "order",  # one of two columns, chosen where it stands
    "column", "key",  # of storage.sealed's own list
    "expression", "name",  # any_of, and table names read from the schema itself
}  # fmt: skip
"""The only expressions that may stand inside a statement, beside any_of(…) and UPPER_CASE constants."""


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string literal with its line, f-strings with their fixed parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def composed(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every expression inside an f-string that looks like SQL."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        fixed = " ".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if PART.search(fixed):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield part.lineno, ast.unparse(part.value)


def may_stand_in_sql(expression: str) -> bool:
    """Constants of the module, any_of, and the pinned list."""
    constant = re.fullmatch(r"_?[A-Z][A-Z_]*", expression)
    listed = re.fullmatch(r"(reader|tx)\.any_of\(('[\w.]+'|_?[A-Z_]+), '\w+'\)", expression)
    return bool(constant or listed) or expression in COMPOSED


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_statements_live_in_storage_and_are_composed_of_known_parts(path: Path) -> None:
    """No statement outside of storage; inside, only parts that no request can choose."""
    tree = ast.parse(path.read_text())
    if path.is_relative_to(PACKAGE / "storage"):
        strange = [found for found in composed(tree) if not may_stand_in_sql(found[1])]
        assert strange == []
    else:
        assert [found for found in strings(tree) if STATEMENT.search(found[1])] == []


def test_the_check_sees_what_it_is_for() -> None:
    """A statement with a request's text in it, and one outside of storage, would be found."""
    tree = ast.parse("sql = f\"SELECT * FROM users WHERE name = '{request}'\"")
    assert [expression for _, expression in composed(tree) if not may_stand_in_sql(expression)] == ["request"]
    assert [text for _, text in strings(ast.parse("x = 'SELECT 1 FROM y'")) if STATEMENT.search(text)]
