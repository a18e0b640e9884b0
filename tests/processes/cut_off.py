"""Runs in a network namespace of its own: two nodes, their Postgres and a mail server, and rules that cut a node off.

`python -m tests.processes.cut_off both|answers|pause|turn LEASE` prints one JSON line of what came of it: the node that
leads is cut off from Postgres (in both directions, or of its answers alone), or stands still, by itself or in its turn
at writing. Each node reaches Postgres at an address of its own, and the mail server at one that is never cut.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from tests.fakes.smtp import FakeSmtp
from tests.processes.postgres_cluster import Cluster, room
from tests.processes.server import Server, hurt, hurting, settle_in, until

ADDRESSES = {"one": "127.0.1.1", "two": "127.0.1.2"}
RULES = {
    "both": ("ip daddr {address} tcp dport {port} drop", "ip saddr {address} tcp sport {port} drop"),
    "answers": ("ip saddr {address} tcp sport {port} drop",),
}
NEXT_LEVEL_SECONDS = 3
PAUSE_LEASES = 4
SECONDS = 150
KEYS = {
    "server_secret_key": "the same secret key on every node",
    "server_encryption_key": "the-same-encryption-key-on-every-node",
}


def rules(*lines: str) -> None:
    """These and no others."""
    text = "flush ruleset\n"
    if lines:
        body = "\n".join(("type filter hook input priority 0;", *lines))
        text += f"table inet cut {{\nchain way {{\n{body}\n}}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=text.encode(), check=True)


class Trial:
    """Two nodes, of which one is to be hurt, and what came of it."""

    def __init__(self, way: str, lease: int, cluster: Cluster, smtp: FakeSmtp, folder: Path) -> None:
        self.way, self.lease, self.cluster, self.smtp = way, lease, cluster, smtp
        self.nodes = {name: self._node(folder / name, name) for name in ADDRESSES}
        self.found: dict[str, object] = {"way": way}
        self.path = ""

    def _node(self, folder: Path, name: str) -> Server:
        folder.mkdir()
        node = Server(
            folder,
            smtp_host=self.smtp.host,
            smtp_port=str(self.smtp.port),
            smtp_security="none",
            smtp_from=f"{name}@example.org",
            outgoing_allow_private_networks="true",
            database_url=self.cluster.url(host=ADDRESSES[name]),
            database_lease_seconds=str(self.lease),
            server_node_name=name,
            **KEYS,
        )
        return hurting(node)

    def mails(self, title: str) -> dict[str, list[int]]:
        """Who was told of this alert: how often as it is, and how often as a possible repeat."""
        found: dict[str, list[int]] = {}
        for mail in self.smtp.mails:
            text = mail.content.decode("utf-8", "replace")
            if re.search(rf"\b{title}\b", text):
                counts = found.setdefault(mail.recipients[0].partition("@")[0], [0, 0])
                counts["possible repeat" in text] += 1
        return found

    async def told(self, title: str, person: str) -> None:
        """Wait until this person has heard of this alert."""

        async def so() -> bool:
            return person in self.mails(title)

        await until(so, SECONDS)

    async def metric(self, node: Server, name: str) -> float:
        """One number of a node's own."""
        text = (await node.client.get("/metrics")).text
        found = re.search(rf"^openalert_{name} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    async def post(self, node: Server, title: str, patience: float = 8.0) -> int:
        """One alert; 0 where the node says nothing for so long."""
        body = {"title": title, "dedup_key": title}
        try:
            return (await node.client.post(self.path, json=body, timeout=patience)).status_code
        except httpx2.TransportError:
            return 0

    async def taken(self, node: Server, title: str) -> None:
        """Post an alert as a monitoring system does: again until it is answered 202."""

        async def so() -> bool:
            return await self.post(node, title) == 202

        await until(so, SECONDS)

    async def leader(self) -> tuple[Server, Server]:
        """The one that leads, and the other one."""

        async def one() -> list[Server]:
            leading = [node for node in self.nodes.values() if await self.metric(node, "node_leads") == 1]
            return leading if len(leading) == 1 else []

        (leads,) = await until(one, SECONDS)
        (other,) = (node for node in self.nodes.values() if node is not leads)
        return leads, other

    async def hurt(self, node: Server) -> None:
        """Cut it off or let it stand still."""
        if self.way in RULES:
            address = self.cluster_address(node)
            rules(*(line.format(address=address, port=self.cluster.port) for line in RULES[self.way]))
            return
        assert node.process is not None
        if self.way == "turn":
            hurt(node, "stall 8")

            async def holds() -> bool:
                held = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
                return self.cluster.sql(held) != "0"

            await until(holds, SECONDS)
        node.process.send_signal(signal.SIGSTOP)

    async def heal(self, node: Server) -> None:
        """Take that back."""
        if self.way in RULES:
            rules()
        else:
            assert node.process is not None
            await asyncio.sleep(
                max(0.0, self.found["hurt_at"] + PAUSE_LEASES * self.lease - time.monotonic())
            )  # type: ignore[operator]
            node.process.send_signal(signal.SIGCONT)

    def cluster_address(self, node: Server) -> str:
        """Where that node reaches Postgres."""
        return next(ADDRESSES[name] for name, each in self.nodes.items() if each is node)

    async def run(self) -> None:
        """The whole of it."""
        one, two = self.nodes.values()
        house = await settle_in(one, delay_minutes=NEXT_LEVEL_SECONDS / 60)
        self.path = f"/webhooks/generic/{house.key}"
        two.client.headers["Authorization"] = one.client.headers["Authorization"]
        await two.start()
        leader, other = await self.leader()
        # What is due is due while the node that leads is away.
        await self.taken(leader, "before-1")
        await self.told("before-1", "bea")
        await self.hurt(leader)
        sent = len(self.smtp.mails)
        self.found["hurt_at"] = began = time.monotonic()
        refused = asyncio.create_task(self.post(leader, "refused-1"))
        await self.told("before-1", "jun")
        self.found["takeover_seconds"] = round(time.monotonic() - began, 1)
        await self.taken(other, "during-1")
        await self.told("during-1", "bea")
        self.found["taken_in_seconds"] = round(time.monotonic() - began, 1)
        self.found["refused_with"] = await refused
        self.found["was_ready"] = self.way in RULES and await leader.is_ready()

        async def leads() -> bool:
            return await self.metric(other, "node_leads") == 1

        await until(leads, SECONDS)
        self.found["led_by_other_seconds"] = round(time.monotonic() - began, 1)
        names = {node: name for name, node in self.nodes.items()}
        self.found["sent_by_hurt"] = sum(
            mail.sender.startswith(f"{names[leader]}@") for mail in self.smtp.mails[sent:]
        )
        await self.heal(leader)
        healed = time.monotonic()

        async def fenced() -> bool:
            return await leader.is_ready() and await self.metric(leader, "node_fenced_total") >= 1

        await until(fenced, SECONDS)
        await self.taken(leader, "after-1")
        self.found["back_seconds"] = round(time.monotonic() - healed, 1)
        for title in ("before-1", "during-1", "after-1"):
            for person in ("bea", "jun"):
                await self.told(title, person)
        await self.leader()
        del self.found["hurt_at"]
        self.found["mails"] = {title: self.mails(title) for title in ("before-1", "during-1", "after-1")}

    async def end(self) -> None:
        """Nothing is left of it."""
        rules()
        for node in self.nodes.values():
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
            await node.close()


async def run(way: str, lease: int) -> None:
    """One trial."""
    with room() as data, tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(data / "postgres", hosts=",".join(("127.0.0.1", *ADDRESSES.values())))
        cluster.make()
        cluster.start()
        cluster.create()
        async with FakeSmtp() as smtp:
            trial = Trial(way, lease, cluster, smtp, Path(folder))
            try:
                await trial.run()
            except BaseException:
                for node in trial.nodes.values():
                    if node.log.exists():
                        print(node.log.read_text()[-3000:], file=sys.stderr)
                print(trial.found, file=sys.stderr)
                raise
            finally:
                await trial.end()
        print(json.dumps(trial.found))


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))
