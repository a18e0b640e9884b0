"""The codes in openalert/web/catalogue.py: the tables of docs/errors.md, as the server itself shows them.

`python -m tests.house.error_codes` writes them anew.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
CATALOGUE = ROOT / "openalert" / "web" / "catalogue.py"
_BETWEEN = re.compile(r"(?<=CODES: dict\[str, Code\] = \{\n).*?(?=\}  # fmt: skip)", re.DOTALL)


def draw() -> str:
    """The lines of the dictionary, from the rows of the page."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d, ]+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    lines = []
    for code, statuses, words in rows:
        listed = statuses.strip() if "," in statuses else f"{statuses.strip()},"
        quoted = words.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'    "{code}": Code(({listed}), "{quoted}"),\n')
    return "".join(lines)


def written() -> str:
    """The lines as the catalogue has them."""
    found = _BETWEEN.search(CATALOGUE.read_text())
    assert found is not None
    return found.group()


if __name__ == "__main__":
    CATALOGUE.write_text(_BETWEEN.sub(lambda _: draw(), CATALOGUE.read_text()))
