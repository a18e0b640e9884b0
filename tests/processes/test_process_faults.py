"""What befalls a process: no descriptors left, stopped for a while, told to end in every way, no memory."""

import asyncio
import resource
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.ports import free_port
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def _mailed(smtp: FakeSmtp, to: str, words: str) -> bool:
    return any(mail.recipients[0].startswith(to) and words in mail.subject + mail.text for mail in smtp.mails)


@pytest.mark.proves("F-28", "F-24", "F-04", "ES-4", "LC-1", "LC-2")
async def test_no_descriptors_a_pause_and_the_end(server: Server, smtp: FakeSmtp) -> None:
    """Strangers hold every descriptor that they get and pages still leave; after a pause what was due runs once and
    says so; a second SIGTERM ends it at once, and a SIGINT in order.
    """
    house = await settle_in(server, delay_minutes=0.2)
    handles = Path(f"/proc/{server.pid}/fd")
    before = len(list(handles.iterdir()))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (before + 30, 8192))
    with ExitStack() as strangers:
        for _ in range(100):
            strangers.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
        await asyncio.sleep(1)
        assert len(list(handles.iterdir())) < before + 30
        assert (await house.post("crowded")).status_code == 202
        await until(lambda: _mailed(smtp, "bea@", "crowded"))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (8192, 8192))
    await until(server.is_ready)

    assert (await house.post("paused")).status_code == 202
    await until(lambda: _mailed(smtp, "bea@", "paused"))
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(20)
    server.process.send_signal(signal.SIGCONT)
    await until(lambda: _mailed(smtp, "jun@", "paused"))
    assert server.process.poll() is None
    (incident,) = [each for each in await server.items("/incidents") if "paused" in each["title"]]
    told = [each["message"] for each in await server.items(f"/incidents/{incident['id']}/timeline")]
    assert any("it had been paused, or its machine suspended" in each for each in told), told
    assert sum(mail.recipients[0].startswith("jun@") and "paused" in mail.subject for mail in smtp.mails) == 1

    # A request that never ends holds the stop up for ten seconds, unless somebody insists.
    slow = socket.create_connection(("127.0.0.1", server.port), 5)
    slow.sendall(
        f"POST /webhooks/generic/{house.key} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode()
    )
    await server.is_ready()
    server.process.send_signal(signal.SIGTERM)
    await until(lambda: _says(server, "stopping"))
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.process.wait, 8) == 0
    slow.close()
    await server.start()
    server.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(server.process.wait, 30) == 0


async def _says(server: Server, words: str) -> bool:
    return words in server.log.read_text()


@pytest.mark.proves("F-43", "F-44")
def test_what_cannot_start_leaves_with_3_and_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    """Ports and addresses that are not to be had, and files with mistakes: each names its place and what would do."""
    server = Server(tmp_path)
    file = tmp_path / "openalert.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        for arguments, text, words in (
            (["--port", str(busy)], "", [f"port {busy}", "another program uses it", "--port"]),
            (["--host", "192.0.2.1", "--port", str(free_port())], "", ["192.0.2.1", "--port or server.port"]),
            (["--host", "nowhere.invalid", "--port", "1"], "", ["nowhere.invalid"]),
            ([], "[server]\n\nprot = 80\n", ["openalert.toml:3: server.prot is not known", "port"]),
            ([], '[smtp]\nhost = "x"\nsecurity = "ssl"\n', ["openalert.toml:3:", "none, starttls, tls"]),
            ([], '[server]\nport = "many"\n', ["openalert.toml:2: server.port"]),
            ([], "[server]\nport = 99999\n", ["openalert.toml:2: server.port", "65535"]),
            ([], "[sever]\nport = 1\n", ["no section [sever]", "server"]),
            ([], "port = 1\n", ["outside a section"]),
            ([], "[server]\nport = \n", ["is not TOML", "line 2"]),
            ([], "[server]\nport = 1\nport = 2\n", ["is not TOML", "line 3"]),
            ([], b"[server]\nhost = '\xff'\n", ["it is not UTF-8"]),
        ):
            if isinstance(text, bytes):
                file.write_bytes(text)
            else:
                file.write_text(text)
            found = server.run("serve", "--config", str(file), *arguments)
            assert found.returncode == 3, (text, found.stderr)
            assert "Traceback" not in found.stderr
            assert all(each in found.stderr for each in words), (words, found.stderr)
            assert len(found.stderr.strip().splitlines()) <= 4
