"""Servers that begin where their imports end: for sweeps that start one hundreds of times.

The nursery is a process that has imported the program and done nothing else. It forks a child for each server that is
wanted, which then runs the same command as `python -m openalert` would, with a process id, an environment and a log of
its own. What a start costs is a third of what it costs otherwise.
"""

import ctypes
import gc
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

PR_SET_CHILD_SUBREAPER = 36
"""Whose parent ends is given to us, and so are the ends of servers (prctl(2))."""
MOST_HANDLES = 256


class Born:
    """A server from the nursery; what `subprocess.Popen` says of one that was begun as usual."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = 60.0) -> int:
        """The same once it has ended; TimeoutExpired where it does not."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """Where servers come from while it is open."""

    def __enter__(self) -> Self:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait(60)

    def bear(self, arguments: list[str], environment: dict[str, str], folder: Path, log: Path) -> Born:
        """A process that runs `openalert` with these arguments."""
        wanted = {"arguments": arguments, "environment": environment, "folder": str(folder), "log": str(log)}
        self._ours.sendall(json.dumps(wanted).encode() + b"\n")
        answer = self._ours.recv(64)
        assert answer, "the nursery has ended"
        return Born(int(answer))


def main(handle: int) -> None:
    """Fork whatever is asked for, until whoever asks is gone."""
    _import_all()
    gc.collect()
    gc.freeze()
    wanted = _asked(socket.socket(fileno=handle))
    if wanted is not None:
        _become(wanted)


def _asked(by: socket.socket) -> dict[str, Any] | None:
    """In a child: what it is to be; in the nursery: None, once it is to close."""
    for line in by.makefile("rb"):
        heard, said = os.pipe()
        between = os.fork()
        if not between:
            child = os.fork()
            if not child:
                by.detach()
                os.closerange(3, MOST_HANDLES)
                wanted: dict[str, Any] = json.loads(line)
                return wanted
            os.write(said, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)  # only then is the child given to whoever asked
        by.sendall(os.read(heard, 64))
        os.close(heard)
        os.close(said)
    return None


def _import_all() -> None:
    import openalert.app
    import openalert.cli.serve
    import openalert.cli.server  # noqa: F401


def _become(wanted: dict[str, Any]) -> None:
    """The command, in a process like any other."""
    from openalert import cli

    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for handle in (1, 2):
        os.dup2(log, handle)
    os.close(log)
    gc.unfreeze()
    cli.main(wanted["arguments"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
