"""A process from the nursery is what one is that the kernel began, seen from outside."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes.nursery import can_bear
from tests.processes.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAME = ("Umask", "Uid", "Gid", "Groups", "SigIgn", "SigCgt", "SigBlk", "NoNewPrivs", "CapEff")
"""What the kernel says of a process that a test could trip over."""


LOOKS = 5
BETWEEN = 0.1
"""How often, and at what distance in seconds, its open files are looked at: one read just then is none it keeps."""


async def _of(server: Server) -> dict[str, Any]:
    """What can be seen of a process that serves."""
    process = Path(f"/proc/{server.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = _kinds(process)
    for _ in range(LOOKS - 1):
        await asyncio.sleep(BETWEEN)
        files &= _kinds(process)
    return {
        "status": {name: status[name].split() for name in SAME},
        "files": files,  # how many of a kind is a matter of the moment
        "folder": (process / "cwd").readlink().name,
        "limits": (process / "limits").read_text(),
    }


def _kinds(process: Path) -> set[str]:
    return {kind for each in (process / "fd").iterdir() if (kind := _kind(each))}


def _kind(handle: Path) -> str:
    """What a descriptor leads to; nothing where it was closed meanwhile, or is a connection of the test itself."""
    try:
        target = str(handle.readlink())
    except FileNotFoundError:
        return ""
    if target.startswith("socket:"):
        return ""
    return target.partition(":")[0] if ":" in target else Path(target).name


async def _served(folder: Path, *, afresh: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    folder.mkdir(parents=True)
    server = Server(folder, log_level="warning")
    server.afresh = afresh
    try:
        await server.start()
        seen = await _of(server)
        answers: dict[str, Any] = {}
        for path in ("/", "/api/v1/openapi.json", "/health/live", "/no/such/page", "/static/app.css"):
            answer = await server.client.get(path)
            headers = {
                name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")
            }
            answers[path] = (answer.status_code, sorted(headers), len(answer.content))
        made = server.run("token", "create", "x", "--role", "owner")
        refused = server.run("token", "create", "x", "--role", "king")
        answers["commands"] = (
            made.returncode,
            len(made.stdout),
            made.stderr,
            refused.returncode,
            refused.stderr,
        )
        answers["end"] = await server.stop()
        return seen, answers
    finally:
        await server.close()


async def test_who_was_born_is_as_who_was_begun(tmp_path: Path, anyio_backend: str) -> None:
    """The same rights, signals, files, limits, answers, words and exit codes; and no descriptor of anybody else."""
    del anyio_backend
    born = await _served(tmp_path / "1" / "here", afresh=False)
    begun = await _served(tmp_path / "2" / "here", afresh=True)
    assert born == begun


def test_who_begins_with_something_else_is_not_born(tmp_path: Path) -> None:
    """A library or a module put before the program, a zone of its own, another program: the kernel begins those."""
    command = [sys.executable, "-m", "openalert", "serve"]
    usual = dict(os.environ)
    assert can_bear(command, usual)
    for changed in (
        {"LD_PRELOAD": "libfaketime.so"},
        {"PYTHONPATH": str(tmp_path)},
        {"TZ": "Asia/Kathmandu"},
    ):
        assert not can_bear(command, usual | changed), changed
    assert not can_bear([sys.executable, "-c", "pass"], usual)
    assert not can_bear(["unshare", "--net", *command], usual)
