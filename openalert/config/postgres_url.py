"""The parts of `database.url` where it leads to Postgres: its servers, and what of their encryption is verified."""

from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

USUAL_PORT = 5432


def readable(url: str) -> str:
    """The URL as every Python and every driver reads it: the same, or with its servers in the query.

    Pythons with the mend of CVE-2025-0938 (3.13.2, Debian's 3.11.2) take an address in brackets only as the one server
    that is named. libpq and the driver take several from `?host=…,…` too.
    """
    scheme, _, rest = url.partition("://")
    end = next((at for at, each in enumerate(rest) if each in "/?#"), len(rest))
    people, at, servers = rest[:end].rpartition("@")
    if "[" not in servers or "," not in servers:
        return url
    before, _, query = rest[end:].partition("#")[0].partition("?")
    # Of a name that is there twice the last one counts.
    named = f"host={quote(unquote(servers), safe=',:[]')}"
    return f"{scheme}://{people}{at}{before}?{query}{'&' if query else ''}{named}"


def hosts_of(url: str) -> list[dict[str, Any]]:
    """The servers in a URL, as arguments that make the driver connect to that one alone; empty when it names one."""
    parts = urlsplit(readable(url))
    query = parse_qs(parts.query)
    named = unquote(parts.netloc.rpartition("@")[2]) or _last(query, "host")
    names = [name for name in named.split(",") if name]
    if len(names) < 2:
        return []
    ports = _last(query, "port").split(",")
    if len(ports) == 1:
        ports = ports * len(names)
    return [_host(name, port) for name, port in zip(names, ports, strict=True)]


def _host(name: str, port: str) -> dict[str, Any]:
    if name.startswith("["):
        name, _, own = name[1:].partition("]")
        own = own.removeprefix(":")
    elif name.startswith("/"):
        own = ""
    else:
        name, _, own = name.partition(":")
    own = own or port
    return {"host": name, "port": int(own)} if own else {"host": name}


class Encryption(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate that has ended would break."""

    is_verified: bool = False
    """Whether a server's certificate has to be valid; `require` alone encrypts and asks for nothing more."""
    is_direct: bool = False
    """Encrypted from the first byte, as `sslnegotiation=direct` asks for, and not after a question."""
    own_certificate: str = ""
    """The file of the certificate by which we prove ourselves."""


def encryption_of(url: str) -> Encryption:
    """What the URL says about it; what the driver takes from `PGSSLMODE` and the like is not looked at.

    A URL that says nothing prefers encryption: it verifies nobody, and shows a certificate of ours all the same.
    """
    query = parse_qs(urlsplit(readable(url)).query)
    mode = _last(query, "sslmode").replace("_", "-")
    if mode == "disable":
        return Encryption()
    return Encryption(
        is_verified=mode.startswith("verify-") or (mode == "require" and "sslrootcert" in query),
        is_direct=_last(query, "sslnegotiation") == "direct",
        own_certificate=_last(query, "sslcert"),
    )


def tcp_servers(url: str) -> list[tuple[str, int]]:
    """Host and port of each server that is reached by the network; none of those that are reached by a socket."""
    parts = urlsplit(readable(url))
    query = parse_qs(parts.query)
    several = hosts_of(url)
    if not several:
        named = unquote(parts.netloc.rpartition("@")[2]) or _last(query, "host")
        several = [_host(named, _last(query, "port"))] if named else []
    return [
        (str(each["host"]), int(each.get("port", USUAL_PORT)))
        for each in several
        if not str(each["host"]).startswith("/")
    ]


def _last(query: dict[str, list[str]], name: str) -> str:
    return query.get(name, [""])[-1]
