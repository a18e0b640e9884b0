"""`openalert serve` as real processes: start, stop, and commands beside a running server."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.processes.nursery import Born, completed, nursery

pytestmark = pytest.mark.slow

SECONDS = 60.0


class Server:
    """One server process, with its data in `folder`."""

    def __init__(self, folder: Path, *, afresh: bool = False) -> None:
        """`afresh`: begun by the kernel, and not in the nursery."""
        self.folder = folder
        self.log = folder / "stderr.log"
        self.process: subprocess.Popen[bytes] | Born
        command = [sys.executable, "-m", "openalert", "serve", "--port", "0", *self.where]
        self.log.unlink(missing_ok=True)
        if afresh:
            with self.log.open("w") as errors:
                self.process = subprocess.Popen(command, stderr=errors, stdout=subprocess.DEVNULL, cwd=folder)
        else:
            files = (os.devnull, os.devnull, self.log)
            self.process = nursery().bear(command, dict(os.environ), folder, files)
        self.url = self.says(r"running at (\S+)")

    @property
    def where(self) -> list[str]:
        """The option that points to this server's data."""
        return ["--data-dir", str(self.folder / "data")]

    def says(self, pattern: str) -> str:
        """Wait for this on standard error: the last group of the pattern, else all that it found."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = re.search(pattern, self.log.read_text()) if self.log.exists() else None
            if found:
                return found.group(found.lastindex or 0)
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command on the same data."""
        return run(self.folder, *arguments, *self.where, stdin=stdin)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command in this folder."""
    return completed(
        [sys.executable, "-m", "openalert", *arguments], dict(os.environ), folder, stdin, SECONDS
    )


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server on an empty folder; killed at the end if it still runs."""
    running = Server(tmp_path, afresh=getattr(request, "param", False))
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGKILL)
    running.process.wait()


AFRESH = pytest.mark.parametrize("server", [True], ids=["begun by the kernel"], indirect=True)


@AFRESH
def test_it_starts_with_nothing_and_invites_once(server: Server) -> None:
    """The URL and the set-up link are on standard error; with somebody there, the next start invites nobody."""
    assert server.get("/ready")[0] == 200
    assert server.says(r"http://127\.0\.0\.1:\d+/setup\?token=\S{20,}")
    done = server.run("user", "add", "a@b.example", "--name", "Ana", "--role", "owner")
    assert done.returncode == 0, done.stderr
    assert server.stop() == 0
    again = Server(server.folder)
    try:
        assert "/setup" not in again.log.read_text()
    finally:
        assert again.stop() == 0


@AFRESH
@pytest.mark.proves("LC-1", "F-04")
def test_it_stops_in_order(server: Server) -> None:
    """SIGTERM: exit 0, the socket is gone, the lock is free, and the log has no error."""
    assert server.stop() == 0
    assert not (server.folder / "data" / "openalert.db.sock").exists()
    assert not re.search(r'"level":"(error|critical)"|Traceback', server.log.read_text())
    assert server.run("migrate").returncode == 0


@pytest.mark.proves("DB-3", "F-36", "F-43")
def test_a_second_server_names_the_first(server: Server) -> None:
    """Exit 3 within moments, with the pid; and with the port when only that is taken."""
    begun = time.monotonic()
    done = server.run("serve", "--port", "0")
    assert done.returncode == 3
    assert f"process {server.process.pid}" in done.stderr
    port = server.url.rsplit(":", 1)[1]
    other = run(server.folder, "serve", "--port", port, "--data-dir", str(server.folder / "other"))
    assert other.returncode == 3
    assert port in other.stderr
    for refused in (done, other):
        assert len(refused.stderr.splitlines()) <= 4
    assert time.monotonic() - begun < 110, "neither of them waited to be let in"


def test_commands_go_through_the_running_server(server: Server) -> None:
    """A key made beside it opens at once and a revoked one no longer; nobody else may use the socket."""
    key = server.run("token", "create", "ci").stdout.splitlines()[-1]
    assert server.get("/api/v1/teams", Authorization=f"Bearer {key}")[0] == 200
    key_id = server.run("token", "list").stdout.split("\t")[0]
    assert server.run("token", "revoke", key_id).returncode == 0
    assert server.get("/api/v1/teams", Authorization=f"Bearer {key}")[0] == 401
    assert (server.folder / "data" / "openalert.db.sock").stat().st_mode & 0o777 == 0o600
    refused = server.run("user", "add", "nonsense", "--name", "N")
    assert refused.returncode == 1
    assert "e-mail address" in refused.stderr
    assert "in use by the server" in server.run("check").stdout


def test_the_socket_survives_nonsense(server: Server) -> None:
    """Whatever is said to it, the next command works."""
    for said in (b"{\n", b"[]\n", b'{"command":"rm"}\n', b'{"command":"user add","arguments":{"x":1}}\n',
                 b"x" * 100_000 + b"\n", b""):  # fmt: skip
        with socket.socket(socket.AF_UNIX) as talk:
            folder = os.open(server.folder / "data", os.O_RDONLY)
            talk.connect(f"/proc/self/fd/{folder}/openalert.db.sock")
            os.close(folder)
            talk.sendall(said)
            talk.shutdown(socket.SHUT_WR)
            talk.settimeout(SECONDS)
            try:
                answer = talk.recv(4096)
            except ConnectionError:
                answer = b""
            assert not answer or "error" in json.loads(answer)
    assert server.run("user", "list").returncode == 0


def test_live_events_over_a_real_socket(server: Server) -> None:
    """A key listens, a foreign page and a large frame do not get through, and the stop sends everybody away."""
    key = server.run("token", "create", "ci").stdout.splitlines()[-1]
    url = server.url.replace("http", "ws") + "/api/v1/ws"
    allowed = {"Authorization": f"Bearer {key}"}
    with (
        connect(url, additional_headers=allowed) as listener,
        connect(url, additional_headers=allowed) as big,
    ):
        assert not listener.protocol.extensions
        team = urllib.request.Request(
            f"{server.url}/api/v1/teams",
            b'{"name":"Platform"}',
            allowed | {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(team, timeout=SECONDS).close()
        listener.send('{"type":"ping"}')
        assert json.loads(listener.recv(SECONDS))["type"] == "pong"
        big.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as closed:
            big.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        with pytest.raises(InvalidStatus) as refused:
            connect(
                url,
                origin=Origin("https://evil.example"),
                additional_headers={"Cookie": "openalert_session=x"},
            )
        assert refused.value.response.status_code == 403
        assert "Content-Security-Policy" in refused.value.response.headers
        assert server.stop() == 0
        assert "timeout graceful shutdown exceeded" not in server.log.read_text(), "nobody was waited for"
        with pytest.raises(ConnectionClosed) as gone:
            listener.recv(SECONDS)
        assert gone.value.rcvd is not None
        assert gone.value.rcvd.code in (1001, 1012)


def test_a_deep_folder_has_a_socket_too(tmp_path: Path) -> None:
    """Paths longer than a socket's 107 bytes work."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    deep = Server(folder)
    try:
        assert "in use by the server" in deep.run("check").stdout
    finally:
        assert deep.stop() == 0


@pytest.mark.proves("F-03")
def test_a_killed_server_does_not_stand_in_the_way(server: Server) -> None:
    """After kill -9 its lock is free and its socket is replaced."""
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    assert server.run("user", "list").returncode == 0
    again = Server(server.folder)
    try:
        assert again.get("/ready")[0] == 200
        assert "in use by the server" in again.run("check").stdout
    finally:
        assert again.stop() == 0


def test_a_backup_is_restored_without_a_server(server: Server) -> None:
    """Keys survive; what was there before is kept."""
    key = server.run("token", "create", "ci").stdout.splitlines()[-1]
    done = server.run("backup", "save.db")
    assert done.returncode == 0, done.stderr
    assert (server.folder / "save.db").stat().st_mode & 0o777 == 0o600
    assert "head" in (verified := server.run("verify")).stdout
    assert verified.returncode == 0, verified.stdout
    server.run("user", "add", "late@b.example", "--name", "Late")
    assert server.stop() == 0
    restored = server.run("restore", "save.db")
    assert restored.returncode == 0, restored.stderr
    assert "before-restore-1" in restored.stdout
    again = Server(server.folder)
    try:
        assert again.get("/api/v1/teams", Authorization=f"Bearer {key}")[0] == 200
        assert "late@" not in again.run("user", "list").stdout
    finally:
        assert again.stop() == 0


def test_a_backup_is_restored_beside_the_server(server: Server) -> None:
    """The same process goes on with it, whoever asks meanwhile is answered; it can be done again."""
    key = server.run("token", "create", "ci").stdout.splitlines()[-1]
    assert server.run("backup", "save.db").returncode == 0
    for number in (1, 2):
        server.run("user", "add", "late@b.example", "--name", "Late")
        with ThreadPoolExecutor(2) as at_once:
            restoring = at_once.submit(server.run, "restore", "save.db")
            answers = set()
            while not restoring.done():
                answers.add(server.get("/health/live")[0])
        assert answers <= {200, 503}, "a connection was refused"
        restored = restoring.result()
        assert restored.returncode == 0, restored.stderr
        assert f"before-restore-{number}" in restored.stdout
        assert server.get("/api/v1/teams", Authorization=f"Bearer {key}")[0] == 200
        assert "late@" not in server.run("user", "list").stdout
        kept = server.folder / "data" / f"openalert.db.before-restore-{number}"
        with closing(sqlite3.connect(kept)) as before:
            late = before.execute("SELECT count(*) FROM users WHERE email LIKE 'late@%'").fetchone()
        assert late == (1,)
    assert server.process.poll() is None
    assert server.stop() == 0


@pytest.mark.proves("DB-4", "F-41")
def test_what_is_no_backup_stops_nothing(server: Server) -> None:
    """A broken file is refused by the running server, which goes on as it was."""
    (server.folder / "bad.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    refused = server.run("restore", "bad.db")
    assert refused.returncode == 1
    assert "not a database of OpenAlert" in refused.stderr
    assert "stopping" not in server.log.read_text()
    assert server.get("/ready")[0] == 200


@pytest.mark.proves("DB-4", "F-41")
def test_beside_a_server_a_backup_of_another_key_and_a_hold_in_place_stop_nothing(server: Server) -> None:
    """The server itself says why, goes on as it was, and restores it when told that the secrets are lost."""
    server.run("user", "add", "a@b.example", "--name", "Ana", "--role", "owner")
    assert server.run("backup", "--list").returncode == 0
    key = (server.folder / "data" / "encryption.key").read_text()
    with closing(sqlite3.connect(server.folder / "data" / "openalert.db")) as raw:
        raw.execute("INSERT INTO settings (name, value, sealed) VALUES ('x', '', 'v1.0badc0de.AAAA')")
        raw.commit()
    assert server.run("backup", "save.db").returncode == 0
    with closing(sqlite3.connect(server.folder / "data" / "openalert.db")) as raw:
        raw.execute("DELETE FROM settings WHERE name = 'x'")
        raw.commit()
    drill = server.run("backup", "--drill", "save.db")
    assert (drill.returncode, "a key that is not here" in drill.stderr) == (1, True), drill.stderr
    refused = server.run("restore", "save.db")
    assert refused.returncode == 1
    assert "settings: 1" in refused.stderr
    assert "Nothing was changed" in refused.stderr
    held = server.run("restore", "--in-place")
    assert held.returncode == 3
    assert f"in use by process {server.process.pid}" in held.stderr
    assert "stopping" not in server.log.read_text()
    assert (server.folder / "data" / "encryption.key").read_text() == key
    done = server.run("restore", "save.db", "--without-secrets")
    assert done.returncode == 0, done.stderr
    assert "settings: 1. Give them anew." in done.stdout
    server.says(r"1 stored secret\(s\) cannot be read")
    assert server.get("/ready")[0] == 200


def test_a_restore_that_fails_leaves_the_database_in_place(server: Server) -> None:
    """A folder in the way of the copy: the command says why, and the server goes on with what it had."""
    key = server.run("token", "create", "ci").stdout.splitlines()[-1]
    assert server.run("backup", "save.db").returncode == 0
    ((server.folder / "data" / "openalert.db").with_name("openalert.db.restoring") / "in the way").mkdir(
        parents=True
    )
    refused = server.run("restore", "save.db")
    assert refused.returncode != 0
    assert "not restored" in refused.stderr
    assert server.get("/api/v1/teams", Authorization=f"Bearer {key}")[0] == 200


@pytest.mark.proves("F-44")
def test_a_bad_configuration_is_named_within_a_second_or_so(tmp_path: Path) -> None:
    """Exit 3, the key and what is allowed, nothing else."""
    (tmp_path / "openalert.toml").write_text("[smtp]\nsecurity = 'ssl'\n")
    done = subprocess.run(
        [sys.executable, "-m", "openalert", "serve"],
        capture_output=True, text=True, cwd=tmp_path, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "smtp.security" in done.stderr
    assert "starttls" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "openalert-data").exists()
