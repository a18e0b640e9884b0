"""A Valkey or Redis server that nodes share: limits counted over all of them, and word of each other's commits.

Nothing in it may be missed. Whoever asks it in a request waits for `BUDGET_SECONDS` at most and then decides alone;
word that is lost is found in the event log. So its restart, loss, slowness or nonsense degrades, and loses nothing.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from openalert import telemetry
from openalert.domain.event import Event
from openalert.domain.instant import Instant
from openalert.storage.feed import Heard
from openalert.supervisor import Supervisor, Watched

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 0.025
"""The longest that a request waits for it."""
REST_SECONDS = 1.0
"""It is left alone for so long after it failed or was slow: then one request in it tries again."""
PROBE_SECONDS = 1.0
PROBE_PATIENCE = 0.25
"""One that takes longer than this to count is no help, and said to be down."""
SILENCE_SECONDS = 2.0
"""So often the listening connection is asked whether it still stands."""
CONNECT_SECONDS = 3.0
MOST_CONNECTIONS = 8

_SCHEMES = {"redis": "valkey", "rediss": "valkeys"}

COUNT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
full = math.min(math.max(full, now), now + period)
local allowed = 0
if full + interval - now - period <= 0.001 then
    allowed = 1
    full = full + interval
    redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 1)
end
return {allowed, string.format('%.3f', full - now)}
"""
"""The generic cell rate algorithm, by the server's own clock: whether one more act is allowed, and the milliseconds
after which the caller has all of them again. What it keeps goes by itself."""


class Verdict(msgspec.Struct, frozen=True):
    """What all nodes together say of one more act."""

    allowed: bool
    owed: float
    """Milliseconds of quiet after which the caller has all acts again."""


class Redis:
    """The connection to it, and how it is."""

    def __init__(self, url: str, secret: bytes, supervisor: Supervisor) -> None:
        """`secret` is that of the nodes: it makes names that tell nothing, and that no other installation has."""
        self._url = url
        self._secret = secret
        self._supervisor = supervisor
        self._client: Any = None
        self._count: Any = None
        self._probing: Watched | None = None
        self._resting_until = 0.0
        self.is_up = False
        self.trouble = "not asked yet"
        """Why it is down, in words; empty while it is up."""

    @property
    def channel(self) -> str:
        """Where nodes tell each other of commits."""
        return f"openalert:{self._name('channel')}"

    async def start(self) -> None:
        """Begin to use it, whether it answers or not."""
        telemetry.feed(telemetry.REDIS_UP, lambda: float(self.is_up))
        self._connect()
        await self._probe()
        self._probing = self._supervisor.start("redis probe", self._keep_probing)

    async def look(self) -> None:
        """Ask once how it is."""
        self._connect()
        await self._probe()
        await self.stop()

    def _connect(self) -> None:
        self._client = connect(self._url, BUDGET_SECONDS)
        self._count = self._client.register_script(COUNT)

    async def stop(self) -> None:
        """Use it no more."""
        if self._probing is not None:
            await self._supervisor.stop(self._probing)
            self._probing = None
        if self._client is not None:
            client, self._client = self._client, None
            await quietly_closed(client)

    async def spend(self, key: str, limit: int, period: Instant) -> Verdict | None:
        """Count one act of `key` over all nodes; None when there is no answer within the budget."""
        if not self.is_up or time.monotonic() < self._resting_until:
            telemetry.REDIS_FALLBACKS.inc()
            return None
        try:
            return await self._ask(f"openalert:{self._name(key)}", limit, period, BUDGET_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, this node decides alone
            self._resting_until = time.monotonic() + REST_SECONDS
            telemetry.REDIS_FALLBACKS.inc()
            log.info("redis not used for a moment", reason=_reason(error))
            return None

    async def _ask(self, name: str, limit: int, period: Instant, patience: float) -> Verdict:
        async with asyncio.timeout(patience):
            answer = await self._count(keys=[name], args=[period / limit, period])
        allowed, owed = int(answer[0]), float(answer[1])
        if len(answer) != 2 or allowed not in (0, 1) or not 0 <= owed <= period + 1:
            raise ValueError("an answer that makes no sense")
        return Verdict(bool(allowed), owed)

    async def _keep_probing(self, _: Watched) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            await self._probe()

    async def _probe(self) -> None:
        """Count as requests do: one that answers PING but cannot write is no help."""
        trouble, begun = "", time.monotonic()
        try:
            await self._ask(f"openalert:{self._name('probe')}", 1_000_000, 1_000, PROBE_PATIENCE)
            telemetry.REDIS_SECONDS.set(time.monotonic() - begun)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is down
            trouble = _reason(error)
        if bool(trouble) is self.is_up or (trouble and self.trouble == "not asked yet"):
            if trouble:
                log.warning(
                    "redis is away: nodes count limits by themselves, and read the event log", reason=trouble
                )
            else:
                log.info("redis is up")
        self.is_up, self.trouble = not trouble, trouble

    def _name(self, text: str) -> str:
        return hmac.new(self._secret, b"redis\0" + text.encode(), hashlib.sha256).hexdigest()[:32]


async def trouble(url: str) -> str:
    """Why the server at this address is of no use now; empty when it is."""
    asked = Redis(url, b"a question by a command", Supervisor())
    await asked.look()
    return asked.trouble


class RedisCarrier:
    """Publishes that this node committed, and hears that others did; what was committed is read from the event log."""

    def __init__(self, url: str, channel: str, supervisor: Supervisor) -> None:
        self._url = url
        self._channel = channel
        self._supervisor = supervisor
        self._tasks: list[Watched] = []
        self._heard: Heard = lambda _: None
        self._newest = 0
        self._fresh = asyncio.Event()
        self._own = hashlib.blake2b(
            str(id(self)).encode() + str(time.time_ns()).encode(), digest_size=8
        ).hexdigest()
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Whether what others tell is heard here."""
        return self._is_up

    async def start(self, heard: Heard) -> None:
        """As `Carrier.start`."""
        self._heard = heard
        self._tasks = [
            self._supervisor.start("redis listener", lambda _: self._again_and_again(self._listen)),
            self._supervisor.start("redis teller", lambda _: self._again_and_again(self._publish)),
        ]

    async def stop(self) -> None:
        """As `Carrier.stop`."""
        await self._supervisor.stop(*self._tasks)
        self._tasks = []

    def tell(self, events: Sequence[Event]) -> None:
        """As `Carrier.tell`: several commits may become one word, as a number is all that is said."""
        if events:
            self._newest = events[-1].seq
            self._fresh.set()

    async def _again_and_again(self, work: Any) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the event log is read meanwhile
                log.info("redis carries no events", reason=_reason(error))
            await asyncio.sleep(REST_SECONDS)

    async def _publish(self) -> None:
        client = connect(self._url, SILENCE_SECONDS)
        try:
            while True:
                await self._fresh.wait()
                self._fresh.clear()
                await client.publish(self._channel, f"{self._own} {self._newest}")
        finally:
            await quietly_closed(client)

    async def _listen(self) -> None:
        client = connect(self._url, SILENCE_SECONDS)
        listening = client.pubsub()
        try:
            await listening.subscribe(self._channel)
            answered = True
            while True:
                message = await listening.get_message(timeout=SILENCE_SECONDS)
                if message is not None:
                    answered = True
                    self._take(message)
                elif not answered:
                    raise TimeoutError("it says nothing any more")
                else:
                    answered = False
                    async with asyncio.timeout(SILENCE_SECONDS):
                        await listening.ping()
        finally:
            self._is_up = False
            await quietly_closed(listening)
            await quietly_closed(client)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._is_up = True
            self._heard(())
        elif message["type"] == "message" and not bytes(message["data"]).startswith(self._own.encode()):
            self._heard(())


def connect(url: str, patience: float) -> Any:
    """A client of the server at this address; nothing is asked yet."""
    from valkey.asyncio import Valkey
    from valkey.asyncio.retry import Retry
    from valkey.backoff import NoBackoff

    scheme, _, rest = url.partition("://")
    return Valkey.from_url(
        f"{_SCHEMES.get(scheme, scheme)}://{rest}",
        socket_timeout=max(patience, PROBE_PATIENCE),
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=MOST_CONNECTIONS,
    )


async def quietly_closed(what: Any) -> None:
    """Close it, whatever state it is in, without waiting for anybody."""
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            await what.aclose()
    except Exception as error:  # noqa: BLE001 - it goes either way
        log.debug("redis connection did not close", reason=_reason(error))


def _reason(error: BaseException) -> str:
    """What went wrong, in a line; a timeout has no words of its own."""
    if isinstance(error, TimeoutError):
        return str(error) or "it did not answer in time"
    return f"{type(error).__name__}: {error}"[:200] if str(error) else type(error).__name__
