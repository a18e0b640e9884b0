"""The payload corpus as Python values: what is posted, what is expected, and bodies with one thing changed."""

import json
from pathlib import Path
from typing import Any

from openalert.sources import Inbound

ROOT = Path(__file__).parent.parent / "payloads"
NOW = 1_790_000_000_000
"""2026-09-21: after every date in the corpus."""


def names(source: str = "*") -> list[str]:
    """Every sample as `source/case`."""
    found = sorted(ROOT.glob(f"{source}/*.expect.json"))
    return [f"{path.parent.name}/{path.name.removesuffix('.expect.json')}" for path in found]


def source_of(name: str) -> str:
    """The source that reads a sample: its folder, but for bodies that another source reads, too."""
    folder = name.partition("/")[0]
    return "grafana" if folder == "grafana_legacy" else folder


def content(name: str) -> bytes:
    """The body as it is posted."""
    return (ROOT / f"{name}.json").read_bytes()


def expectation(name: str) -> dict[str, Any]:
    """What a correct reader makes of it."""
    return json.loads((ROOT / f"{name}.expect.json").read_bytes())


def inbound(name: str = "", **query: str) -> Inbound:
    """The delivery of a sample, with the headers its sender sends."""
    headers = expectation(name)["request"]["headers"] if name else {"content-type": "application/json"}
    return Inbound(headers=headers, query=query, received_at=NOW)


def changed(name: str, *pointers: str) -> bytes:
    """The body with the values at the JSON pointers made different, keeping their types."""
    value = json.loads(content(name))
    for pointer in pointers:
        *path, last = [_key(part) for part in pointer.split("/")[1:]]
        holder = value
        for key in path:
            holder = holder[key]
        old = holder.get(last) if isinstance(holder, dict) else holder[last]
        holder[last] = old + 1 if isinstance(old, int) else f"{old or ''}-changed"
    return json.dumps(value).encode()


def _key(part: str) -> str | int:
    return int(part) if part.isdigit() else part.replace("~1", "/").replace("~0", "~")
