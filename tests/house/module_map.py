"""The map in docs/architecture.md: one line for each room and module, from their docstrings.

`python -m tests.house.module_map` writes it anew.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "openalert"
PAGE = ROOT / "docs" / "architecture.md"
_BETWEEN = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- /map -->)", re.DOTALL)


def first_sentence(path: Path) -> str:
    """What the module's docstring begins with: its first line, or the first sentence where that is longer."""
    paragraph = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0]
    if "\n" not in paragraph:
        return paragraph
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", " ".join(paragraph.split()), maxsplit=1)[0]


def rooms() -> Iterator[Path]:
    """The package and every folder with modules in it, outermost first."""
    yield PACKAGE
    yield from sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)


def draw() -> str:
    """The whole map in Markdown."""
    lines: list[str] = []
    for room in rooms():
        lines += [f"\n### `{room.relative_to(ROOT)}/`\n", f"{first_sentence(room / '__init__.py')}\n"]
        modules = sorted(path for path in room.glob("*.py") if path.name != "__init__.py")
        lines += [f"- `{path.stem}`: {first_sentence(path)}" for path in modules]
    return "\n".join(lines).lstrip("\n") + "\n\n"


def written() -> str:
    """The map as the page has it."""
    found = _BETWEEN.search(PAGE.read_text())
    assert found is not None
    return found.group()


if __name__ == "__main__":
    PAGE.write_text(_BETWEEN.sub(lambda _: draw(), PAGE.read_text()))
