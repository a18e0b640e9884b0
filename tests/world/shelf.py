"""The database of one world in a Postgres that many worlds use, one after the other."""

import secrets
from pathlib import Path

from tests.processes.postgres_cluster import Cluster


class Shelf:
    """A database: filled, looked through, kept, and dropped."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.name = f"world_{secrets.token_hex(4)}"
        self.url = cluster.url(self.name)

    def fill(self, template: str = "") -> None:
        """With all that is in this other one, which nobody uses now; empty: with nothing."""
        like = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        self.cluster.sql(f"CREATE DATABASE {self.name}{like}")

    def damage(self) -> list[str]:
        """What `pg_amcheck` finds wrong with its tables and their indexes."""
        where = ["-h", self.cluster.host, "-p", str(self.cluster.port), "-U", "postgres", "-d", self.name]
        done = self.cluster.run("pg_amcheck", "--install-missing", "--heapallindexed", *where)
        return (done.stdout + done.stderr).splitlines() if done.returncode else []

    def keep(self, folder: Path) -> None:
        """All of it as statements, for whoever looks into it."""
        done = self.cluster.run("pg_dump", "-d", self.url)
        (folder / "database.sql").write_text(done.stdout + done.stderr)

    def drop(self) -> None:
        """It is gone."""
        self.cluster.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
