"""Which network addresses this installation may send to: our own table, asked about the address dialled.

Python's `ipaddress.is_private` and `is_global` disagree with what must not be reached (shared address space,
multicast, translated and tunnelled IPv4), so the rule is the other way round: an address must lie in global
unicast space by this table, or in a range that the operator has opened in the configuration file.
Sources: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates).
"""

import asyncio
import ipaddress
import socket
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

RESOLVER_THREADS = 16
"""So many names are looked up at once; one that hangs holds one of these threads, however many wait for it."""
PATIENCE = 1.0
"""Seconds until a name whose addresses are known from before is dialled by those."""
KEPT_SECONDS = 600.0
"""How long addresses of before are good for, while name servers are silent or in trouble."""
KEPT_NAMES = 1_000

_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # shared address space: carrier NAT, overlay networks
        "127.0.0.0/8",
        "::1/128",
        "fc00::/7",
    )
)
"""What `allow_private_networks` opens: networks in which an operator plausibly runs a receiver."""

_NEVER_GLOBAL = _PRIVATE + tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this host": connects to ourselves
        "169.254.0.0/16",  # link-local
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_GLOBAL_UNICAST_V6 = ipaddress.ip_network("2000::/3")
"""All else in IPv6 is special: mapped and translated IPv4, link-local, site-local, multicast, unassigned."""

_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack, …
        "169.254.170.2",  # AWS container credentials
        "169.254.170.23",  # AWS pod identity
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host, a public address
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS pod identity
        "fd20:ce::254",  # Google
        "fd00:c1::a9fe:a9fe",  # Oracle
        "fd00:42::42",  # Scaleway
    )
)
"""Where a cloud hands out the machine's own credentials to whoever can send it a request."""


class AddressPolicy:
    """The rule for outgoing connections, from `[outgoing]` of the configuration file."""

    def __init__(
        self, *, allow_private_networks: bool = False, allowed_networks: list[str] | None = None
    ) -> None:
        """`allowed_networks` in CIDR form or single addresses; ValueError names one that cannot be read."""
        opened = tuple(ipaddress.ip_network(network) for network in allowed_networks or [])
        self._opened: tuple[Network, ...] = opened + (_PRIVATE if allow_private_networks else ())
        self._named = {network.network_address for network in opened if network.num_addresses == 1}

    def allows(self, address: Address) -> bool:
        """Whether a connection to `address` may be opened; a metadata address only when named by itself."""
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        if address in _METADATA or _ipv4_inside(address) in _METADATA:
            return address in self._named
        if any(address in network for network in self._opened):
            return True
        if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST_V6:
            return False
        return not any(address in network for network in _NEVER_GLOBAL)


def _ipv4_inside(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for in one of the ways that reach it, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.packed[:12] in (bytes(12), ipaddress.ip_address("64:ff9b::").packed[:12]):
        return ipaddress.IPv4Address(address.packed[12:])
    return None


class Resolver:
    """Names to addresses, by the system's resolver, in threads of its own.

    Every dial asks anew. What was answered before counts only while no answer is to be had: a name server that is
    away must not keep pages from providers that are not. A name that is said not to exist has no addresses.
    """

    def __init__(self) -> None:
        """Threads start with the first name."""
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
        self._asked: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}
        self._known: OrderedDict[tuple[str, int], tuple[float, list[Address]]] = OrderedDict()

    async def addresses(self, host: str, port: int) -> list[Address]:
        """All addresses of `host` in the order in which to try them; OSError when there are none.

        Spellings such as `127.1` or `0x7f000001` come out as the addresses that the system would dial.
        """
        with suppress(ValueError):
            return [ipaddress.ip_address(host)]
        answer = self._ask(host, port)
        before = self._before(host, port)
        try:
            async with asyncio.timeout(PATIENCE if before else None):
                # Shielded: who has no more time goes, the lookup ends for the others who wait for it.
                return await asyncio.shield(answer)
        except TimeoutError:
            if before:
                return before
            raise
        except socket.gaierror as error:
            if before and error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM):
                return before
            raise

    def _ask(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        """The one lookup of this name that is on its way."""
        key = (host, port)
        if key not in self._asked:
            work = asyncio.get_running_loop().run_in_executor(self._threads, _lookup, host, port)
            self._asked[key] = work
            work.add_done_callback(lambda done: self._answered(key, done))
        return self._asked[key]

    def _answered(self, key: tuple[str, int], done: asyncio.Future[list[Address]]) -> None:
        self._asked.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._known[key] = (time.monotonic(), done.result())
        self._known.move_to_end(key)
        if len(self._known) > KEPT_NAMES:
            self._known.popitem(last=False)

    def _before(self, host: str, port: int) -> list[Address]:
        answered_at, known = self._known.get((host, port), (0.0, []))
        return known if time.monotonic() - answered_at < KEPT_SECONDS else []

    def close(self) -> None:
        """Waits for nothing: a lookup that hangs ends by the system's own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lookup(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("not a host name") from error
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
