"""Lines: the providers behind the channels as the sender sees them: who takes messages now, at which pace, and how
the last one ended. All of it is memory; a restart tries everybody anew.
"""

from collections.abc import Iterator, Mapping

from openalert import telemetry
from openalert.domain.breaker import PROBE_EVERY, Breaker, BreakerState
from openalert.domain.bucket import Bucket
from openalert.domain.delivery import Manner, manner
from openalert.domain.instant import SECOND, Instant
from openalert.domain.notification import Notification, NotificationPriority, NotificationStatus
from openalert.notifiers.failover import blames_provider, may_go_elsewhere, providers_of
from openalert.notifiers.notifier import LostAnswer, Notifier, NotifierError, Reason, Receipt

Result = Receipt | NotifierError | LostAnswer

MOST_PLACES = 10_000
"""Addresses that are providers of their own are forgotten beyond this number, those that are well first."""
_KEPT_FREE = {
    NotificationPriority.CRITICAL: 0.0,
    NotificationPriority.HIGH: 0.2,
    NotificationPriority.MEDIUM: 0.5,
    NotificationPriority.LOW: 0.7,
}
"""The share of a burst that each priority leaves to more urgent ones."""


class Line:
    """One provider of a channel, or one address of a channel where every address is a provider of its own."""

    def __init__(self, channel: str, provider: int, address: str, how: Manner) -> None:
        self.channel = channel
        self.provider = provider
        self.address = address
        self.breaker = Breaker()
        self.bucket = Bucket(how.per_second, how.burst)
        self.is_refused = False
        """It takes nothing until somebody acts: our credentials or its certificate are not valid."""
        self.last_success_at: Instant | None = None
        self.last_failure_at: Instant | None = None
        self.last_failure = ""

    def takes(self, now: Instant, priority: NotificationPriority) -> bool:
        """Whether a message of this priority may go out by it."""
        return self.breaker.allows(now) and self.bucket.available(now, _KEPT_FREE[priority])

    def is_away(self, now: Instant) -> bool:
        """Whether it takes nothing for some time, whatever the message; a pace that is kept is no such time."""
        is_open = self.breaker.state(now) is BreakerState.OPEN
        return is_open or self.bucket.wait(now) * SECOND > PROBE_EVERY

    def note(self, result: Result, now: Instant) -> None:
        """How a message ended."""
        if isinstance(result, Receipt):
            self.last_success_at, self.is_refused = now, False
        else:
            self.last_failure_at, self.last_failure = now, result.detail
        if blames_provider(result):
            self.breaker.failed(now)
        elif isinstance(result, NotifierError) and result.reason is Reason.MISCONFIGURED:
            self.breaker.withdrawn()
        else:
            self.breaker.succeeded()
        if isinstance(result, NotifierError):
            if result.reason is Reason.AUTH_FAILED or result.is_certificate:
                self.is_refused = True
            if result.reason is Reason.RATE_LIMITED:
                self.bucket.pause(now, result.retry_after or 1.0)


class Lines:
    """Every line of this process."""

    def __init__(
        self,
        notifiers: Mapping[str, Notifier],
        slots: Mapping[str, int] | None = None,
        per_second: Mapping[str, float] | None = None,
    ) -> None:
        """`slots` and `per_second`: what the operator set otherwise, by channel."""
        self._notifiers = notifiers
        self._slots, self._per_second = slots, per_second
        self._manners: dict[str, Manner] = {}
        self._lines: dict[tuple[str, int, str], Line] = {}

    def manner(self, channel: str) -> Manner:
        """How the channel is driven."""
        if channel not in self._manners:
            self._manners[channel] = manner(channel, self._slots, self._per_second)
        return self._manners[channel]

    def providers(self, channel: str) -> int:
        """How many providers the channel has."""
        notifier = self._notifiers.get(channel)
        return len(providers_of(notifier)) if notifier is not None else 1

    def own_providers(self, channel: str) -> int:
        """The same; 0 where every address is a provider of its own."""
        return 0 if self.manner(channel).is_each_its_own else self.providers(channel)

    def line(self, channel: str, provider: int, address: str = "") -> Line:
        """The line to this provider; `address` counts where every address is one of its own."""
        how = self.manner(channel)
        key = (channel, provider, address if how.is_each_its_own else "")
        if key not in self._lines:
            if len(self._lines) >= MOST_PLACES:
                self._forget()
            self._lines[key] = Line(*key, how)
        return self._lines[key]

    def __iter__(self) -> Iterator[Line]:
        """All that were ever used."""
        return iter(self._lines.values())

    def choose(self, row: Notification, now: Instant) -> int | None:
        """Which provider is to try it now; None: none takes it. What was chosen counts as gone out until told else."""
        if _is_bound(row):
            order = [row.provider]
        else:
            count = self.providers(row.channel)
            order = [(row.provider + step) % count for step in range(count)]
        for provider in order:
            line = self.line(row.channel, provider, row.address)
            if line.takes(now, row.priority):
                line.breaker.began(now)
                line.bucket.take(now)
                return provider
        return None

    def withdraw(self, row: Notification, provider: int) -> None:
        """It did not go out after all."""
        line = self.line(row.channel, provider, row.address)
        line.breaker.withdrawn()
        line.bucket.give_back()

    def ended(self, row: Notification, result: Result, now: Instant) -> None:
        """How it ended at the provider that tried it."""
        line = self.line(row.channel, row.provider, row.address)
        before = line.breaker.state(now)
        line.note(result, now)
        if not line.address:
            _measure(line, now)
            if before is BreakerState.CLOSED and line.breaker.state(now) is BreakerState.OPEN:
                telemetry.BREAKER_OPENED.labels(line.channel, str(line.provider)).inc()

    def elsewhere(self, row: Notification, result: Result, now: Instant) -> int | None:
        """The next provider, where that one may try at once what this one certainly does not have."""
        if not may_go_elsewhere(result) or row.possible_repeat:
            return None
        following = range(row.provider + 1, self.providers(row.channel))
        return next(
            (each for each in following if self.line(row.channel, each, row.address).breaker.allows(now)),
            None,
        )

    def taking(self, channel: str, now: Instant) -> list[int]:
        """The providers of the channel that are not left alone at this moment."""
        return [
            each
            for each in range(self.providers(channel))
            if self.line(channel, each).breaker.allows(now) and not self.line(channel, each).is_refused
        ]

    def is_shut(self, channel: str, now: Instant) -> bool:
        """Whether no message of the channel can go out at this moment, whoever it is for."""
        if self.manner(channel).is_each_its_own:
            return False
        return not any(line.takes(now, NotificationPriority.CRITICAL) for line in self._providers_of(channel))

    def dead(self, now: Instant) -> tuple[list[str], list[str]]:
        """Channels and places (see `storage.deliveries.place`) none of whose providers is there."""
        channels = [
            channel
            for channel in self._notifiers
            if not self.manner(channel).is_each_its_own
            and all(line.is_away(now) for line in self._providers_of(channel))
        ]
        places = [
            f"{line.channel} {line.address}"
            for line in self._lines.values()
            if line.address and line.is_away(now)
        ]
        return channels, places

    def opens_at(self, row: Notification, now: Instant) -> Instant | None:
        """When the only provider that may have it takes the next message; None: any other may as well."""
        line = self.line(row.channel, row.provider, row.address)
        if not line.address and not _is_bound(row):
            return None
        return max(line.breaker.opens_at(now), now + int(line.bucket.wait(now) * SECOND), now + SECOND)

    def is_away(self, row: Notification, now: Instant) -> bool:
        """Whether the only provider that may have it takes nothing for some time."""
        return self.line(row.channel, row.provider, row.address).is_away(now)

    def _providers_of(self, channel: str) -> list[Line]:
        return [self.line(channel, each) for each in range(self.providers(channel))]

    def wait(self, now: Instant) -> float | None:
        """Seconds until a provider that was asked to wait for its pace takes the next message; None: none was."""
        waits = [line.bucket.wait(now) for line in self._lines.values()]
        return min((wait for wait in waits if wait > 0), default=None)

    def _forget(self) -> None:
        """Make room: whoever is well is met again as a stranger."""
        well = [key for key, line in self._lines.items() if key[2] and not line.breaker.failures]
        for key in (well or [key for key in self._lines if key[2]])[: MOST_PLACES // 10]:
            del self._lines[key]


def _is_bound(row: Notification) -> bool:
    """Whether it may have left: another provider would not know that. Or another one had it, and it did not arrive."""
    return row.possible_repeat or row.status is NotificationStatus.UNKNOWN or row.sent_at is not None


def _measure(line: Line, now: Instant) -> None:
    works = line.breaker.state(now) is BreakerState.CLOSED and not line.is_refused
    telemetry.CHANNEL_STATE.labels(line.channel, str(line.provider)).set(1 if works else 0)
