"""`openalert check` looks at the machine: the disk's honesty, the clock, who may read the keys, the front door."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from openalert.cli import check_machine
from openalert.config import Config
from openalert.config.sections import Server

pytestmark = pytest.mark.anyio


def _config(folder: Path, base_url: str = "http://127.0.0.1:1") -> Config:
    return Config(server=Server(data_dir=str(folder), base_url=base_url))


async def test_each_thing_is_said_in_one_line_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """All are there, none fails on a machine that is well, and the trial file is gone."""
    found = {name: (well, words) async for name, well, words in check_machine.findings(_config(tmp_path))}
    assert list(found) == ["flush", "time service", "sqlite", "files", "base_url"]
    assert [name for name, (well, _) in found.items() if well is False] == []
    assert " ms for a commit" in found["flush"][1]
    assert sqlite3.sqlite_version in found["sqlite"][1]
    assert found["base_url"][0] is None, "nobody answers at port 1"
    assert list(tmp_path.iterdir()) == []


async def test_a_key_that_everybody_may_read_fails(tmp_path: Path) -> None:
    """Named, with what to do; not while the folder keeps others out."""
    (tmp_path / "secret.key").write_text("k")
    (tmp_path / "secret.key").chmod(0o644)
    tmp_path.chmod(0o755)
    name, well, words = check_machine._files(_config(tmp_path))
    assert (name, well) == ("files", False)
    assert "secret.key" in words
    tmp_path.chmod(0o700)
    assert check_machine._files(_config(tmp_path))[1] is True


async def test_a_disk_that_takes_nothing_fails(tmp_path: Path) -> None:
    """A folder that is not there stands for every one that cannot be written."""
    assert check_machine._flush(tmp_path / "gone")[1] is False


@pytest.mark.parametrize(("metrics", "well"), [(401, True), (200, False)])
async def test_a_proxy_that_hides_where_people_come_from_fails(
    tmp_path: Path, metrics: int, well: bool
) -> None:
    """What is for this machine alone is not shown to whoever comes by the address for people."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        status = {b"/health": 200, b"/metrics": metrics}[asked]
        body = (
            b'{"status": "ok", "checks": {"engine": true}}'
            if asked == b"/health"
            else b"openalert_x 1\n" * 20_000
        )
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.2", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await check_machine._front_door(_config(tmp_path, f"http://127.0.0.2:{port}"))
    assert (found[0], found[1]) == ("base_url", well), found[2]
