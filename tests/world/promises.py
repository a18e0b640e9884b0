"""promises.toml, and which tests of the repository say that they show what."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
_LISTED = tomllib.loads((Path(__file__).parent / "promises.toml").read_text())
PROMISES: dict[str, str] = {name: line["says"] for name, line in _LISTED["promises"].items()}
"""By id, what is promised, in a sentence."""
FAULTS: dict[str, str] = {name: line["what"] for name, line in _LISTED["faults"].items()}
"""By id, what goes wrong, in a few words."""
MISSING: dict[str, str] = {
    name: line["missing"]
    for part in ("promises", "faults")
    for name, line in _LISTED[part].items()
    if "missing" in line
}
"""By id of what no test tries, why."""


class Mark(msgspec.Struct, frozen=True):
    """One `proves(...)` as it stands in a file; `test` is empty where it counts for the whole file."""

    path: str
    test: str
    ids: tuple[str, ...]


def marks() -> list[Mark]:
    """Every mark in every test, read from the source: nothing is imported or run."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if ".proves(" in text:
            found += list(_marks(str(path.relative_to(ROOT)), ast.parse(text).body, ""))
    return found


def _marks(path: str, body: list[ast.stmt], inside: str) -> Iterator[Mark]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{inside}::{statement.name}" if inside else statement.name
            for decorator in statement.decorator_list:
                yield from _calls(path, decorator, name)
            if isinstance(statement, ast.ClassDef):
                yield from _marks(path, statement.body, name)
        else:
            yield from _calls(path, statement, inside)


def _calls(path: str, node: ast.AST, test: str) -> Iterator[Mark]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "proves":
            yield Mark(path, test, tuple(ast.literal_eval(word) for word in call.args))
