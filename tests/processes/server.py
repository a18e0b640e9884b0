"""`openalert serve` as a process on a free port of loopback, and what a person sets up in it by the API."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec

from tests.ports import free_port
from tests.processes.nursery import Born, can_bear, completed, nursery

T = TypeVar("T")
SECONDS = 120.0
PASSWORD = "correct horse battery staple"


async def until(question: Callable[[], Awaitable[T]], seconds: float = SECONDS) -> T:
    """The first answer that is true; AssertionError with the last one when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = await question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"still {answer!r} after {seconds} s")
        await asyncio.sleep(0.1)


class Server:
    """The processes that one after the other serve one data folder on one port."""

    def __init__(self, folder: Path, *, data: Path | None = None, **settings: str) -> None:
        """`settings` become the environment: `smtp_host` is OPENALERT_SMTP_HOST."""
        self.folder = folder
        self.data = data or folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | Born | None = None
        self.afresh = False
        """Whether the kernel begins it, as for anybody, also where it could come from the nursery."""
        self.program = [sys.executable, "-m", "openalert"]
        """What is run; `tests.processes.hurt` can be hurt from outside."""
        self.patience = SECONDS
        """Seconds in which a start must be over."""
        self.output: int | None = None
        """Where it writes to, as a descriptor; None: to `log`."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}
        given = {f"OPENALERT_{name.upper()}": value for name, value in settings.items()}
        # Canaries would be among the rows, writes and sends that tests count.
        ours = {"OPENALERT_SERVER_API_WRITES_PER_MINUTE": "0", "OPENALERT_SELF_MONITOR_CANARY": "false"}
        self.environment = clean | ours | given
        self.client = httpx2.AsyncClient(base_url=self.url, timeout=30.0)

    @property
    def pid(self) -> int:
        """The process that serves now."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> float:
        """Begin to serve; the seconds until it was ready."""
        begun = time.monotonic()
        self.begin()
        assert self.process is not None
        while not await self.is_ready():
            if self.process.poll() is not None or time.monotonic() > begun + self.patience:
                raise AssertionError(self.log.read_text()[-3000:])
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    def begin(self) -> None:
        """Begin to serve; nobody waits until it does."""
        self.process = self._begin("serve", "--port", str(self.port), *self.where)

    def _begin(self, *arguments: str) -> subprocess.Popen[bytes] | Born:
        command = [*self.program, *arguments]
        if not self.afresh and self.output is None and can_bear(command, self.environment):
            files = (os.devnull, self.log, self.log)
            return nursery().bear(command, self.environment, self.folder, files)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=self.output or log, stderr=self.output or log, cwd=self.folder, env=self.environment,
            )  # fmt: skip

    async def is_ready(self) -> bool:
        """Whether an alert that comes now would be taken in."""
        try:
            return (await self.client.get("/ready")).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def where(self) -> list[str]:
        """The option that names the data folder."""
        return ["--data-dir", str(self.data)]

    @property
    def setup_link(self) -> str:
        """The link that was printed for the first owner."""
        found = re.search(r"http://\S+/setup\?token=\S+", self.log.read_text())
        assert found is not None, self.log.read_text()
        return found.group()

    async def says(self, words: str) -> None:
        """Wait until its log has them: a thread of its own writes it, which may not have come to its turn."""

        async def is_said() -> bool:
            return words in self.log.read_text()

        await until(is_said)

    async def kill(self) -> None:
        """kill -9: nothing more is said or written."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, SECONDS)

    async def close(self) -> None:
        """Nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            await self.kill()
        await self.client.aclose()

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command on the same data."""
        command = [sys.executable, "-m", "openalert", *arguments, *self.where]
        if not self.afresh:
            return completed(command, self.environment, self.folder, stdin, SECONDS)
        return subprocess.run(
            command, env=self.environment,
            capture_output=True, text=True, cwd=self.folder, input=stdin, timeout=SECONDS, check=False,
        )  # fmt: skip

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """An answer of the JSON API, decoded; a refusal is an AssertionError."""
        answer = await self.client.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def items(self, path: str) -> list[dict[str, Any]]:
        """Every item of a list, over all its pages."""
        found: list[dict[str, Any]] = []
        cursor = ""
        joint = "&" if "?" in path else "?"
        while True:
            page = await self.call("GET", f"{path}{joint}limit=200" + (f"&cursor={cursor}" if cursor else ""))
            found += page["items"]
            if not (cursor := page["nextCursor"]):
                return found


class House(msgspec.Struct, kw_only=True):
    """What a team has set up: Bea is paged first, then Jun."""

    server: Server
    team_id: str
    bea_id: str
    jun_id: str
    service_id: str
    policy_id: str
    key: str

    @property
    def alertmanager_url(self) -> str:
        """What is copied into alertmanager.yml."""
        return f"{self.server.url}/webhooks/prometheus/{self.key}"

    async def post(self, title: str, **members: Any) -> httpx2.Response:
        """One alert with an identity of its own, as any program would post it."""
        return await self.server.client.post(
            f"/webhooks/generic/{self.key}", json={"title": title, "dedup_key": title, **members}
        )


def hurting(server: Server, limits: dict[str, str] | None = None) -> Server:
    """Let it, before it starts, be the program that hurts itself when `hurt` says so; `limits`: see `hurt.py`."""
    server.program = [sys.executable, "-m", "tests.processes.hurt"]
    server.environment |= {
        "HURT": str(server.folder / "hurt"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    } | (limits or {})
    return server


def hurt(server: Server, words: str) -> None:
    """Let it do this to itself."""
    Path(server.environment["HURT"]).write_text(words)
    assert server.process is not None
    server.process.send_signal(signal.SIGUSR1)


@asynccontextmanager
async def signed_in(server: Server, email: str = "bea@example.org") -> AsyncIterator[httpx2.AsyncClient]:
    """A browser, as far as pages go, in which this person has signed in."""
    command = ("user", "passwd", email, "--password-stdin")
    done = await asyncio.to_thread(server.run, *command, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    async with httpx2.AsyncClient(base_url=server.url, timeout=30.0) as browser:
        answer = await browser.post("/auth/login", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield browser


async def settle_in(server: Server, *, delay_minutes: float = 5) -> House:
    """An API key, two people, a team, a policy and a service with an integration, all without a browser."""
    made = await asyncio.to_thread(server.run, "token", "create", "tests", "--role", "owner")
    assert made.returncode == 0, made.stderr
    server.client.headers["Authorization"] = f"Bearer {made.stdout.split()[-1]}"
    if server.process is None:
        await server.start()
    team = await server.call("POST", "/teams", {"name": "Core"})
    people = [
        await server.call("POST", "/users", {"email": f"{name.lower()}@example.org", "name": name})
        for name in ("Bea", "Jun")
    ]
    levels = [
        {"delayMinutes": delay, "targets": [{"type": "user", "id": person["id"]}]}
        for delay, person in zip((0, delay_minutes), people, strict=True)
    ]
    policy = await server.call(
        "POST", "/escalation-policies", {"name": "Core", "teamId": team["id"], "levels": levels}
    )
    service = await server.call(
        "POST", "/services", {"name": "Shop", "teamId": team["id"], "escalationPolicyId": policy["id"]}
    )
    integration = await server.call(
        "POST", "/integrations", {"name": "Monitoring", "serviceId": service["id"]}
    )
    return House(
        server=server,
        team_id=team["id"],
        bea_id=people[0]["id"],
        jun_id=people[1]["id"],
        service_id=service["id"],
        policy_id=policy["id"],
        key=integration["integrationKey"],
    )
