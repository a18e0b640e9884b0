"""Slowing down whoever guesses: a few free tries, then a wait that doubles; never a permanent lock.

A try is counted before it is judged, and taken back when it was right: so a thousand at once are counted too. The
counts are rows, so that a restart forgives nobody. What is tried is kept as a hash: people type passwords into the
field for their address.
"""

import hashlib
from ipaddress import IPv6Address, ip_address

import msgspec

from openalert.domain.errors import RateLimited
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.storage import throttles
from openalert.storage.throttles import Count
from openalert.storage.transaction import Transaction

FREE_TRIES = 5
FIRST_WAIT = SECOND
LONGEST_WAIT = 15 * MINUTE
FORGET_AFTER = 60 * MINUTE
NETWORK_PER_MINUTE = 30


class Attempt(msgspec.Struct, frozen=True):
    """A try as it was counted: at what, and from which network (empty: not counted by network)."""

    target: str
    network: str = ""


async def begin(tx: Transaction, target: str, address: str = "") -> Attempt:
    """Count a try at `target` from `address`, or raise RateLimited while either has to wait.

    `target` names what is guessed and of whom, such as `password:<address>`. Commit before judging the try.
    """
    attempt = Attempt(_key(target), _key(f"network:{network_of(address)}") if address else "")
    await throttles.forget(tx, tx.sure - FORGET_AFTER)
    known = await throttles.counts(tx, [attempt.target, attempt.network])
    last = known.get(attempt.target, Count(attempt.target, 0, tx.now))
    # A try of the future was counted by a clock that has been put back: nobody waits for that to come again.
    _refuse_for(min(last.at, tx.now) + wait_after(last.failures) - tx.now)
    if attempt.network:
        await throttles.put(tx, _one_more_from(attempt.network, known.get(attempt.network), tx.now))
    await throttles.put(tx, Count(attempt.target, last.failures + 1, tx.now))
    return attempt


async def spend(tx: Transaction, what: str, address: str) -> None:
    """Count one of the 30 a minute that a network may ask for of this, or raise RateLimited."""
    key = _key(f"{what}:{network_of(address)}")
    await throttles.put(tx, _one_more_from(key, (await throttles.counts(tx, [key])).get(key), tx.now))


async def count(tx: Transaction, what: str, *, limit: int, period: Instant) -> None:
    """Count one of `limit` in a period of `what`, or raise RateLimited when they are used up."""
    key = _key(what)
    last = (await throttles.counts(tx, [key])).get(key)
    await throttles.put(tx, _one_more_of(key, last, tx.now, limit=limit, period=period))


async def has_room(tx: Transaction, what: str, *, limit: int, period: Instant) -> bool:
    """Count one of `limit` in a period of `what`; False, and not counted, when they are used up."""
    key = _key(what)
    last = (await throttles.counts(tx, [key])).get(key)
    try:
        await throttles.put(tx, _one_more_of(key, last, tx.now, limit=limit, period=period))
    except RateLimited:
        return False
    return True


async def forgive(tx: Transaction, attempt: Attempt) -> None:
    """The try was right: its target is free again, and its network has not made it."""
    await throttles.remove(tx, attempt.target)
    network = (await throttles.counts(tx, [attempt.network])).get(attempt.network)
    if network is not None:
        await throttles.put(
            tx, Count(network.key, network.failures, network.at - MINUTE // NETWORK_PER_MINUTE)
        )


def wait_after(failures: int) -> Instant:
    """How long to wait after so many failures: nothing for five, then a second, doubling to 15 minutes."""
    beyond = failures - FREE_TRIES
    return 0 if beyond < 0 else min(FIRST_WAIT << min(beyond, 20), LONGEST_WAIT)


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


def _one_more_from(key: str, last: Count | None, now: Instant) -> Count:
    return _one_more_of(key, last, now, limit=NETWORK_PER_MINUTE, period=MINUTE)


def _one_more_of(key: str, last: Count | None, now: Instant, *, limit: int, period: Instant) -> Count:
    """One more of so many in a period: `at` is when there will have been quiet for long enough (GCRA).

    That is never more than a period ahead, however the clock was set.
    """
    each = period // limit
    at = min(max(last.at if last else now, now), now + period)
    _refuse_for(at + each - now - period)
    return Count(key, 0, at + each)


def _refuse_for(wait: Instant) -> None:
    if wait > 0:
        seconds = -(-wait // SECOND)
        raise RateLimited(f"Too many failed tries. Try again in {seconds} s.", retry_after=seconds)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
