"""Commands run in this process, as the shell would run them, in an empty folder."""

import io
import sys
from pathlib import Path

import pytest

from openalert.cli import main


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def openalert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Run(monkeypatch, capsys)


class Run:
    """Call it with arguments and, if wanted, a standard input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        """Run it as the shell would."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        captured = self._capsys.readouterr()
        return Ran(int(left.value.code or 0), captured.out, captured.err)
