"""Names and sizes: things are where their name says, and small enough to read."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "openalert"
FILES = sorted(PACKAGE.rglob("*.py"))

NO_PLACE = {"utils", "util", "helpers", "common", "misc", "base", "core", "manager", "lib"}
MOST_LINES = 500
ELSEWHERE = (
    "/work" + "/",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "/root" + "/",
)
"""Paths of one machine and addresses of package indexes have no business in the project."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_has_a_telling_name_and_a_readable_size(path: Path) -> None:
    """No drawer for what has no place, and no file that cannot be read in one go."""
    assert path.stem not in NO_PLACE
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("room", ["usecases", "storage", "web/api"])
def test_the_same_noun_has_the_same_name_in_every_room(room: str) -> None:
    """A noun of the JSON API is the same file below: no `schedule_service` beside `schedules`."""
    stems = {path.stem for path in (PACKAGE / room).glob("*.py")}
    assert not [stem for stem in stems if stem.endswith(("_service", "_repository", "_manager", "_handler"))]


def test_nothing_of_one_machine_is_in_the_project() -> None:
    """Neither in code nor in documents, fixtures or locks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if not listed[0]:
        listed = [str(path.relative_to(ROOT)) for path in (*FILES, *(ROOT / "docs").rglob("*.md"))]
    found = []
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes())[:4096]:
            text = content.decode(errors="replace")
            found += [f"{name}: {word}" for word in ELSEWHERE if word in text]
    assert found == []
