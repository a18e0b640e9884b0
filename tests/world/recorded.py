"""What became of the tests that show promises: a plugin of pytest that keeps it, with what they measured, in a file.

`pytest --proof results.json` adds what ran to the file; `python -m tests.world.proof results.json` makes docs/proof.md.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROVES = "proves"
MEASURED = "measured"
SAYS = "says"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option."""
    parser.addoption("--proof", metavar="FILE", help="keep the results of tests marked `proves` in this file")


def pytest_configure(config: pytest.Config) -> None:
    """Who collects the results: the process that was started, and none of its workers."""
    where = config.getoption("--proof")
    if where and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(Path(where)), "results of proofs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test shows travels with its result, also from a worker of xdist."""
    for item in items:
        ids = [name for mark in item.iter_markers(PROVES) for name in mark.args]
        if ids:
            says = (getattr(item, "function", item).__doc__ or "").split("\n\n")[0]
            item.user_properties += [(PROVES, sorted(set(ids))), (SAYS, " ".join(says.split()))]


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`measured(lost=0, lateness_p99=1.4)`: numbers that stand beside the test in docs/proof.md."""

    def note(**numbers: float | str) -> None:
        request.node.user_properties.append((MEASURED, numbers))

    return note


class Results:
    """The results of this run, put over those of earlier ones in the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's phases are one result, and the worst of them counts."""
        properties = list(report.user_properties)
        ids = next((value for name, value in properties if name == PROVES), None)
        if ids is None:
            return
        line = self.found.setdefault(report.nodeid, {"outcome": "passed", "seconds": 0.0})
        line |= {"proves": ids, "says": next(value for name, value in properties if name == SAYS)}
        line["seconds"] = round(line["seconds"] + report.duration, 1)
        line["measured"] = {
            key: value for name, each in properties if name == MEASURED for key, value in each.items()
        }
        if report.outcome != "passed" and line["outcome"] != "failed":
            line["outcome"] = report.outcome
            line["why"] = _why(report)

    def pytest_sessionfinish(self) -> None:
        """What did not run this time stays as it was."""
        known = json.loads(self.path.read_text()) if self.path.is_file() else {}
        today = time.strftime("%Y-%m-%d", time.gmtime())
        known |= {name: line | {"on": today} for name, line in self.found.items()}
        self.path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def _why(report: pytest.TestReport) -> str:
    """The first line of a failure, or the reason for which a test was left out."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longreprtext).strip().partition("\n")[0][:200]
