"""docs/proof.md: of every promise and fault the tests that show it, what became of them, and what they measured.

`pytest --proof results.json`, then `pytest -m campaign --proof results.json`, then
`python -m tests.world.proof results.json` writes the page.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openalert import __version__
from tests.world.promises import FAULTS, MISSING, PROMISES, ROOT, marks

PAGE = ROOT / "docs" / "proof.md"
Results = Mapping[str, Mapping[str, Any]]
HEAD = """# Proof

What OpenAlert promises, the tests that show it, what became of them when they ran last, and what they measured.
Written by `python -m tests.world.proof`; how to run them: [reliability](reliability.md).

"""


def page(results: Results) -> str:
    """The whole page."""
    shown: dict[str, dict[str, None]] = {name: {} for name in (*PROMISES, *FAULTS)}
    for mark in marks():
        for name in mark.ids:
            shown[name][f"{mark.path}::{mark.test}".removesuffix("::")] = None
    parts = [HEAD, *_summary(results, shown), "\n## Promises\n"]
    for name, sentence in PROMISES.items():
        parts += _entry(f"{name}: {sentence}", name, list(shown[name]), results)
    parts.append("\n## Faults\n")
    for name, words in FAULTS.items():
        parts += _entry(f"{name}: {words}", name, list(shown[name]), results)
    return "".join(parts)


def _summary(results: Results, shown: Mapping[str, Any]) -> Iterator[str]:
    outcomes = [line["outcome"] for line in results.values()]
    days = sorted(line["on"] for line in results.values())
    when = f" between {days[0]} and {days[-1]}" if days else ""
    yield (
        f"Version {__version__}. {len(outcomes)} marked tests ran{when}: {outcomes.count('passed')} passed, "
        f"{outcomes.count('failed')} failed, {outcomes.count('skipped')} could not run there.\n\n"
    )
    seen = {name for line in results.values() if line["outcome"] == "passed" for name in line["proves"]}
    unproven = [name for name in (*PROMISES, *FAULTS) if name not in seen]
    if unproven:
        yield f"**Not shown by a test that passed in these runs:** {', '.join(unproven)}.\n\n"
    skipped = sorted(
        {(line.get("why", ""), name) for name, line in results.items() if line["outcome"] == "skipped"}
    )
    for why, name in skipped:
        yield f"**Could not run there:** `{name}`: {why}\n\n"
    missing = [f"- {name}: {why}\n" for name, why in MISSING.items() if not shown[name]]
    if missing:
        yield "**No test tries these yet:**\n\n"
        yield from missing


def _entry(title: str, name: str, tests: list[str], results: Results) -> Iterator[str]:
    yield f"\n### {title}\n\n"
    if not tests:
        yield f"No test. {MISSING.get(name, '')}\n"
        return
    yield "| test | last result | measured |\n|---|---|---|\n"
    for test in tests:
        yield _line(
            test, [line for ran, line in results.items() if _is_of(ran, test) and name in line["proves"]]
        )


def _is_of(ran: str, test: str) -> bool:
    """Whether a test that ran is the one that is marked, or of the file or class that is."""
    return ran == test or ran.startswith((f"{test}[", f"{test}::"))


def _line(test: str, lines: list[Mapping[str, Any]]) -> str:
    where = test.removeprefix("tests/")
    if not lines:
        return f"| `{where}` | did not run | |\n"
    words = []
    for outcome in ("passed", "failed", "skipped"):
        count = sum(line["outcome"] == outcome for line in lines)
        if count:
            shown = {"failed": "**failed**", "skipped": "**could not run**"}.get(outcome, outcome)
            words.append(shown if len(lines) == 1 else f"{count} {shown}")
    numbers = "; ".join(
        ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in line["measured"].items())
        for line in lines
        if line["measured"]
    )
    day = max(line["on"] for line in lines)
    return f"| `{where}` | {', '.join(words)}, {day} | {numbers} |\n"


if __name__ == "__main__":
    found: dict[str, Any] = {}
    for each in sys.argv[1:]:
        found |= json.loads(Path(each).read_text())
    PAGE.write_text(page(found))
