"""Slowing down whoever guesses: a few free tries, then a wait that doubles; never a permanent lock."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from openalert.domain.errors import RateLimited
from openalert.domain.instant import MINUTE, SECOND, Instant

LONGEST_WAIT = 15 * MINUTE
FORGET_AFTER = 60 * MINUTE
MOST_KEYS = 10_000


class Throttle:
    """Failures by key, in memory and bounded; a restart forgives."""

    def __init__(self, free: int, first_wait: Instant = SECOND) -> None:
        """`free` failures cost nothing; the next costs `first_wait` milliseconds, each further one twice that."""
        self._free = free
        self._first_wait = first_wait
        self._failures: OrderedDict[str, tuple[int, Instant]] = OrderedDict()

    def check(self, key: str, now: Instant) -> None:
        """Pass, or raise RateLimited while the key has to wait."""
        failures, last = self._failures.get(key, (0, 0))
        wait = self._wait(failures) - (now - last)
        if failures and wait > 0:
            seconds = -(-wait // SECOND)
            raise RateLimited(f"Too many failed tries. Try again in {seconds} s.", retry_after=seconds)

    def failed(self, key: str, now: Instant) -> None:
        """One more failure of the key."""
        failures, last = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last > FORGET_AFTER else failures + 1, now)
        if len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """All is forgiven."""
        self._failures.pop(key, None)

    def _wait(self, failures: int) -> Instant:
        beyond = failures - self._free
        return 0 if beyond < 0 else min(self._first_wait << min(beyond, 20), LONGEST_WAIT)


def network_of(address: str) -> str:
    """What one person can easily change within: the /24 of an IPv4 address, the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    kept = 8 if isinstance(parsed, IPv6Address) else 3
    return parsed.packed[:kept].hex()
