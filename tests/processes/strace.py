"""strace's fault injection on a process that runs: kill it at its n-th write, let its disk refuse, lie or be slow."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.processes.nursery import Born

WRITES = "pwrite64,write,fdatasync,fsync,ftruncate,unlink"
"""How anything of SQLite's gets to a disk."""


def database_files(data: Path) -> list[Path]:
    """What SQLite writes for the database in this folder."""
    return [data / name for name in ("openalert.db", "openalert.db-wal", "openalert.db-shm")]


@contextmanager
def injected(
    pid: int, *rules: str, paths: list[Path] | None = None, record: Path = Path("/dev/null")
) -> Iterator[subprocess.Popen[bytes]]:
    """Let the calls of every thread of the process meet these faults (`pwrite64:error=EIO:when=3`), until the end.

    `paths`: only calls on these files. `when` counts the calls of each thread by itself. `record` gets a line for each
    call, those that met a fault with the word INJECTED.
    """
    if shutil.which("strace") is None:
        pytest.skip("NO FAULT INJECTION: strace is not installed")
    calls = ",".join(dict.fromkeys(call for rule in rules for call in rule.split(":")[0].split(",")))
    command = ["strace", "-f", "-qq", "-o", str(record), "-p", str(pid), "-e", f"trace={calls}"]
    for path in paths or ():
        command += ["-P", str(path)]
    for rule in rules:
        command += ["-e", f"inject={rule}"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _attached(pid, tracer)
        yield tracer
    finally:
        tracer.terminate()
        try:
            tracer.wait(10)
        except (
            subprocess.TimeoutExpired
        ):  # it lets go of a leader that waits for a thread it has not let go of
            tracer.kill()
            tracer.wait(30)
        assert tracer.stderr is not None
        tracer.stderr.close()


def from_its_beginning(rule: str, *, path: Path, record: Path) -> list[str]:
    """Words before a command: its calls on `path` meet this fault from the first on. Its process stays our child."""
    if shutil.which("strace") is None:
        pytest.skip("NO FAULT INJECTION: strace is not installed")
    calls = rule.split(":", maxsplit=1)[0]
    return [
        *("strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", str(record), "-P", str(path)),
        *("-e", f"trace={calls}", "-e", f"inject={rule}"),
    ]


def _attached(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    """Wait until every thread has its tracer."""
    end = time.monotonic() + 30
    while not all(_tracer(task) == tracer.pid for task in Path(f"/proc/{pid}/task").iterdir()):
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            pytest.skip(f"NO FAULT INJECTION: strace may not attach: {tracer.stderr.read().decode()}")
        assert time.monotonic() < end, "strace does not attach"
        time.sleep(0.01)


def is_dead(process: subprocess.Popen[bytes] | Born) -> bool:
    """Whether it was killed, also where its tracer keeps what is left of it from its parent."""
    return process.poll() is not None or _said(Path(f"/proc/{process.pid}"), "State").startswith("Z")


def let_go(pid: int) -> None:
    """End whoever traces the process: what it holds of one that is dead is all that keeps that from its parent."""
    with suppress(OSError):
        if tracer := _tracer(Path(f"/proc/{pid}")):
            os.kill(tracer, signal.SIGKILL)


def _tracer(task: Path) -> int:
    """Who traces a thread; 0: nobody."""
    return int(_said(task, "TracerPid") or 0)


def _said(task: Path, name: str) -> str:
    """A line of what the kernel tells about a thread."""
    for line in (task / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    return ""
