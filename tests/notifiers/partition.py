"""Runs in a network namespace of its own: one provider on its loopback, and rules that break the way to it.

Prints one JSON line: by fault what became of a request, how many files were open before and after, what works at last.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError
from tests.fakes.webhook import FakeWebhook

SETTINGS = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=5.0, connect_deadline=3.0)
FAULTS = {
    "partition": "tcp dport {port} drop",
    "answers lost": "tcp sport {port} tcp flags & psh == psh drop",
    "reset": "tcp dport {port} reject with tcp reset",
    "half lost": "tcp dport {port} numgen random mod 2 == 0 drop",
}
MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 100


def rules(*lines: str) -> None:
    """These and no others."""
    text = "flush ruleset\n"
    if lines:
        body = "\n".join(("type filter hook input priority 0;", *lines))
        text += f"table inet broken {{\nchain way {{\n{body}\n}}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=text.encode(), check=True)


async def outcome(client: HttpClient, url: str) -> str:
    """What became of one request."""
    try:
        return str((await client.request("POST", url, headers={}, body=b"x")).status)
    except NotifierError as error:
        return error.reason.value
    except LostAnswer:
        return "lost"


def files() -> int:
    """How many are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def run() -> None:
    """Every fault, then many failures, then none."""
    async with FakeWebhook() as provider:
        client = HttpClient(SETTINGS)
        found: dict[str, object] = {"well": await outcome(client, provider.url)}
        before = files()
        longest = 0.0
        for name, rule in FAULTS.items():
            rules(rule.format(port=provider.port))
            began = time.monotonic()
            found[name] = await outcome(client, provider.url)
            longest = max(longest, time.monotonic() - began)
        rules(FAULTS["reset"].format(port=provider.port))
        for _ in range(0, MANY, 50):
            await asyncio.gather(*(outcome(client, provider.url) for _ in range(50)))
        rules()
        found["healed"] = await outcome(client, provider.url)
        found |= {"longest": longest, "files": files() - before}
        await client.close()
        print(json.dumps(found))


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    asyncio.run(run())
