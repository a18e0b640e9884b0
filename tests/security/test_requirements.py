"""tests/security/requirements.toml: every attack has tests that exist, or a reason why it has none."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS: dict[str, dict[str, Any]] = tomllib.loads(
    (ROOT / "tests" / "security" / "requirements.toml").read_text()
)
MOST = 76


def test_every_attack_has_its_line() -> None:
    """From the first to the last, in order."""
    assert list(REQUIREMENTS) == [f"S-{number:02d}" for number in range(1, MOST + 1)]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_each_is_tried_by_tests_that_exist_or_says_why_not(name: str) -> None:
    """A test that was renamed must be renamed here; a reason is a sentence."""
    line = REQUIREMENTS[name]
    assert set(line) <= {"attack", "tests", "reason"}
    assert line["attack"]
    missing = []
    for test in line.get("tests", []):
        path, _, function = test.partition("::")
        text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
        if not re.search(rf"^\s*(async )?def {function}\(", text, re.MULTILINE):
            missing.append(test)
    assert missing == []
    if not line.get("tests"):
        assert re.fullmatch(r"[A-Z].{15,}\.", line["reason"])
