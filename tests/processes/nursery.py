"""Servers and commands that begin where their imports end: a test process begins hundreds of them.

The nursery is a process that has imported the program and done nothing else. It forks a child for each process that is
wanted, which then runs the same module as `python -m` would, with a process id, an environment, a
folder and files of its own; tests/processes/test_nursery.py holds the two against each other. A start costs a fifth of
what it costs otherwise. Who wants a process that was begun by the kernel sets `Server.afresh`; what begins with a
library or a module of its own in its environment is never born here.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PR_SET_CHILD_SUBREAPER = 36
"""Whose parent ends is given to us, and so are the ends of servers (prctl(2))."""
MOST_HANDLES = 256
MODULE = 3
"""How many words of a command say which module is run: the interpreter, `-m`, and its name."""


class Born:
    """A process from the nursery; what `subprocess.Popen` says of one that was begun as usual."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._asking = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        with self._asking:  # whom one thread has buried the other would not find
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
    """Where processes come from while it is open; it ends with the process that opened it."""

    def __init__(self) -> None:
        from tests.priority import first  # not in the nursery itself: servers would have pytest in memory

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair()
        with theirs, first():
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._asking = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait(60)

    def bear(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        files: tuple[Path | str, Path | str, Path | str],
    ) -> Born:
        """A process that does what `command`, which `can_bear`, would; `files`: what it reads and writes to."""
        wanted = {
            "command": command[MODULE - 1 :],
            "environment": environment,
            "folder": str(folder),
            "files": [str(file) for file in files],
            "umask": _umask(),
        }
        with self._asking:
            self._ours.sendall(json.dumps(wanted).encode() + b"\n")
            answer = self._ours.recv(64)
        assert answer, "the nursery has ended"
        return Born(int(answer))

    def run(
        self, command: list[str], environment: dict[str, str], folder: Path, stdin: str, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` with the output captured."""
        with tempfile.TemporaryDirectory(prefix="openalert-run-") as name:
            given, said, complained = (Path(name, each) for each in ("in", "out", "err"))
            given.write_text(stdin)
            born = self.bear(command, environment, folder, (given, said, complained))
            try:
                code = born.wait(timeout)
            except subprocess.TimeoutExpired:
                born.send_signal(9)
                born.wait()
                raise
            return subprocess.CompletedProcess(command, code, said.read_text(), complained.read_text())


_open: list[Nursery] = []


def nursery() -> Nursery:
    """The one of this test process, opened when it is first wanted."""
    if not _open:
        _open.append(Nursery())
    return _open[0]


def can_bear(command: list[str], environment: dict[str, str]) -> bool:
    """Whether a child that has imported the program already is as good as one that is begun afresh.

    It is not where the loader or the interpreter is told to begin with something else.
    """
    ours = {*os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path, str(ROOT)}
    return (
        command[: MODULE - 1] == [sys.executable, "-m"]
        and "LD_PRELOAD" not in environment
        and environment.get("TZ") == os.environ.get("TZ")
        and {*environment.get("PYTHONPATH", "").split(os.pathsep)} - {""} <= ours
    )


def completed(
    command: list[str], environment: dict[str, str], folder: Path, stdin: str = "", seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """What a command said and left with, born here where that is as good."""
    if can_bear(command, environment):
        return nursery().run(command, environment, folder, stdin, seconds)
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        cwd=folder,
        input=stdin,
        timeout=seconds,
        check=False,
    )


def _umask() -> int:
    """That of this process, which only its change would tell otherwise."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    raise AssertionError("the kernel does not tell the umask")


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


LATER = (
    "anyio._backends._asyncio", "apscheduler.schedulers.asyncio", "cryptography.hazmat.primitives.ciphers.aead",
    "encodings.idna", "uvicorn.lifespan.on", "uvloop",
)  # fmt: skip
"""What a server imports only once it is asked to serve."""


def _import_all() -> None:
    import openalert.app
    import openalert.cli.server  # noqa: F401
    from openalert.cli import _COMMANDS

    for name in (*LATER, *(module for module, _ in _COMMANDS.values())):
        importlib.import_module(name)


def _become(wanted: dict[str, Any]) -> None:
    """The module, in a process like any other."""
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    os.umask(wanted["umask"])
    modes = (os.O_RDONLY, *[os.O_WRONLY | os.O_APPEND | os.O_CREAT] * 2)
    for handle, (file, mode) in enumerate(zip(wanted["files"], modes, strict=True)):
        opened = os.open(file, mode, 0o600)
        os.dup2(opened, handle)
        os.close(opened)
    module, *arguments = wanted["command"]
    sys.argv = [module, *arguments]
    code: Any = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code
    if isinstance(code, int | None):
        # What is left to do at an end, but for taking a program apart that is gone in a moment.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
