"""Files without real servers give way on the processor, and what they begin for everybody does not."""

import os
import subprocess
import sys
import threading

import pytest

from tests.priority import CHOOSES, GIVES_WAY, USUAL, first

pytestmark = pytest.mark.skipif(not CHOOSES, reason="NO PRIORITY: who gives way may not go first again here")


def _of(process: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, process)


def test_what_only_computes_gives_way() -> None:
    """This test does, in each of its threads and in what it begins; what it begins to go first does not."""
    assert {_of(thread.native_id or 0) for thread in threading.enumerate()} == {USUAL + GIVES_WAY}
    told = [sys.executable, "-S", "-c", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"]
    assert int(subprocess.check_output(told)) == USUAL + GIVES_WAY
    with first():
        assert int(subprocess.check_output(told)) == USUAL
    assert _of(0) == USUAL + GIVES_WAY


@pytest.mark.slow
def test_a_test_with_a_real_server_goes_first() -> None:
    """Right after one that gave way, in the same process."""
    assert {_of(thread.native_id or 0) for thread in threading.enumerate()} == {USUAL}
