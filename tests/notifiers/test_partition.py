"""A network that breaks on the way to a provider: by real rules of the kernel, in a namespace of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def broken(times: int) -> dict[str, Any]:
    """What the requests of `tests.notifiers.partition` came to; the namespace ends with the process."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "nft", "ip")):
        pytest.skip("NOT TRIED: a broken network (F-19) needs root, unshare, ip and nft")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "tests.notifiers.partition", str(times)],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.proves("F-19", "NO-2", "NO-4", "LC-2")
@pytest.mark.parametrize("times", [100, pytest.param(10_000, marks=pytest.mark.campaign)])
def test_a_broken_network_is_what_it_is(times: int) -> None:
    """What may have arrived is in doubt, all else is tried again; nothing stays open, and it heals by itself."""
    found = broken(times)
    assert (found["well"], found["healed"]) == ("200", "200")
    assert found["partition"] == "timeout"
    assert found["answers lost"] == "lost"
    assert found["reset"] == "unreachable"
    assert found["half lost"] in ("200", "timeout", "lost")
    assert found["longest"] < 30
    assert found["files"] <= 2
