"""Secrets are planted, then everything that can be stolen or read is searched for them (S-65, S-66)."""

import asyncio
import os
import re
import stat
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import House, settle_in

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def planted(house: House) -> list[str]:
    """Every secret that the program gave out or was given; each is used once, so that logs had their chance."""
    server = house.server
    channel = await server.call(
        "POST",
        "/channels",
        {
            "name": "Hook",
            "type": "webhook",
            "teamId": house.team_id,
            "config": {"url": "http://127.0.0.1:9/x"},
        },
    )
    moved = await server.call(
        "PATCH", f"/channels/{channel['id']}", {"config": {"url": "http://127.0.0.1:9/y"}}
    )
    await server.call("POST", f"/channels/{channel['id']}/test")
    # With a key for repeats, so that the answer and the secret in it are kept for a day.
    made = await server.client.post(
        "/api/v1/api-keys", json={"name": "canary", "role": "viewer"}, headers={"Idempotency-Key": "canary-1"}
    )
    key = made.json()
    assert (await house.post("Disk full")).status_code == 202
    await server.client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {key['key']}"})
    await server.client.get(f"/api/v1/incidents?token={key['key']}")
    password = "a canary that sings at night"
    server.run("user", "add", "kim@example.org", "--name", "Kim", "--password-stdin", stdin=password + "\n")
    signed_in = await server.client.post(
        "/auth/login", json={"email": "kim@example.org", "password": password}
    )
    assert signed_in.status_code == 200, signed_in.text
    session = signed_in.headers["set-cookie"].partition("=")[2].partition(";")[0]
    server.client.cookies.clear()
    return [
        channel["config"]["secret"],
        moved["config"]["secret"],
        key["key"],
        house.key,
        password,
        session,
        server.client.headers["Authorization"].removeprefix("Bearer "),
        *(server.data / "encryption.key").read_text().split(),
        (server.data / "secret.key").read_text().strip(),
        server.environment["OPENALERT_SMTP_PASSWORD"],
    ]


def searched(content: bytes, secrets: list[str]) -> list[str]:
    """Those of the secrets that this holds; beginnings count, as an excerpt gives enough away."""
    return [secret for secret in secrets if secret[:24].encode() in content]


async def test_no_secret_is_in_anything_that_can_be_taken_away(tmp_path: Path, smtp: FakeSmtp) -> None:
    """Database, its log, backup, server log, metrics, command line: none holds a secret that opens something."""
    server = mailing(tmp_path, smtp, smtp_password="canary-of-the-mail-server", log_level="debug")
    try:
        secrets = await planted(await settle_in(server))
        saved = await asyncio.to_thread(server.run, "backup", str(tmp_path / "copy.db"))
        assert saved.returncode == 0, saved.stderr
        metrics = (await server.client.get("/metrics")).content
        places = {
            "metrics": metrics,
            "command line": Path(f"/proc/{server.pid}/cmdline").read_bytes(),
            "check --show": (await asyncio.to_thread(server.run, "check", "--show")).stdout.encode(),
        }
        files = [
            tmp_path / "copy.db",
            server.log,
            *(path for path in server.data.glob("openalert.db*") if path.is_file()),
        ]
        assert any(path.name.endswith("-wal") for path in files)
        found = {path.name: searched(path.read_bytes(), secrets) for path in files}
        found |= {name: searched(content, secrets) for name, content in places.items()}
        assert {name: hits for name, hits in found.items() if hits} == {}
    finally:
        await server.close()


async def test_no_answer_gives_a_stored_secret_back(tmp_path: Path, smtp: FakeSmtp) -> None:
    """Every list of the API, as an owner: nothing that was given out once is given out again."""
    server = mailing(tmp_path, smtp, smtp_password="canary-of-the-mail-server")
    try:
        secrets = await planted(await settle_in(server))
        description = (await server.client.get("/api/openapi.json")).json()
        paths = [path for path, verbs in description["paths"].items() if "get" in verbs and "{" not in path]
        assert len(paths) > 10
        for path in paths:
            answer = await server.client.get(path)
            assert searched(answer.content, secrets) == [], path
    finally:
        await server.close()


async def test_files_of_the_data_folder_are_for_the_service_alone(tmp_path: Path, smtp: FakeSmtp) -> None:
    """Whatever the umask of whoever starts it, nobody else can read what it writes or leaves behind (S-67)."""
    server = mailing(tmp_path, smtp)
    try:
        before = os.umask(0)
        try:
            await settle_in(server)
        finally:
            os.umask(before)
        loose = {
            path.name: oct(stat.S_IMODE(path.stat().st_mode))
            for path in [server.data, *server.data.iterdir()]
            if stat.S_IMODE(path.stat().st_mode) & 0o077
        }
        assert loose == {}
        limits = Path(f"/proc/{server.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits), limits
        assert re.search(r"^Umask:\s+0077$", Path(f"/proc/{server.pid}/status").read_text(), re.MULTILINE)
        if os.geteuid() == 0:
            assert "running as root" in server.log.read_text()
    finally:
        await server.close()


async def test_a_lost_key_is_told_at_the_start_and_rotation_works_beside_the_server(
    tmp_path: Path, smtp: FakeSmtp
) -> None:
    """`rotate-key` goes through the running server; without the key the server starts and names the file."""
    server = mailing(tmp_path, smtp)
    try:
        house = await settle_in(server)
        await planted_channel(house)
        path = server.data / "encryption.key"
        first = path.read_text()
        done = await asyncio.to_thread(server.run, "rotate-key")
        assert done.returncode == 0, done.stderr
        # The channel's, and the key that the server made for web pushes.
        assert "2 stored secret(s) are sealed with the new key." in done.stdout
        assert path.read_text() != first
        assert len(path.read_text().split()) == 1
        assert await server.stop() == 0
        path.unlink()
        checked = await asyncio.to_thread(server.run, "check")
        assert f"FAIL database: 2 stored secret(s) cannot be read: {path}" in checked.stdout
        await server.start()
        assert f"2 stored secret(s) cannot be read: {path} is not the key" in server.log.read_text()
        assert (await house.post("Disk full")).status_code == 202
    finally:
        await server.close()


async def planted_channel(house: House) -> None:
    """One webhook channel."""
    await house.server.call(
        "POST",
        "/channels",
        {
            "name": "Hook",
            "type": "webhook",
            "teamId": house.team_id,
            "config": {"url": "http://127.0.0.1:9/x"},
        },
    )
