"""Several providers of one channel behind the one protocol: the first is used until it fails, then the next."""

from collections.abc import Iterable, Sequence

from openalert.domain.instant import Instant
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError, Reason, Receipt

OF_THE_PROVIDER = frozenset(
    {
        Reason.UNREACHABLE,
        Reason.TIMEOUT,
        Reason.TLS_FAILED,
        Reason.PROVIDER_FAILED,
        Reason.BAD_RESPONSE,
    }
)
"""Failures of the provider's own making: the next message would most likely fare no better."""
_ELSEWHERE = OF_THE_PROVIDER | {Reason.AUTH_FAILED}


def blames_provider(result: Receipt | NotifierError | LostAnswer) -> bool:
    """Whether this end of an attempt speaks against the provider."""
    return isinstance(result, LostAnswer) or (
        isinstance(result, NotifierError) and result.reason in OF_THE_PROVIDER
    )


def may_go_elsewhere(result: Receipt | NotifierError | LostAnswer) -> bool:
    """Whether another provider may try at once: this one certainly does not have it, and that is not the address's
    fault. Never after a lost answer: the person would get it twice, and nobody could say so.
    """
    return isinstance(result, NotifierError) and result.reason in _ELSEWHERE and not result.is_in_doubt


class Failover:
    """One channel with several providers; `message.provider` says which of them is to try."""

    def __init__(self, providers: Sequence[Notifier]) -> None:
        """In the order in which they are preferred; all of the same channel."""
        self.providers = tuple(providers)
        self.channel = self.providers[0].channel

    async def send(self, message: Message, now: Instant) -> Receipt:
        """One attempt at one provider; which one follows, the engine decides."""
        return await self.providers[min(message.provider, len(self.providers) - 1)].send(message, now)

    async def probe(self) -> str:
        """What every provider says, one after the other; the first failure when none of them works."""
        said: list[str] = []
        failures: list[NotifierError] = []
        for provider in self.providers:
            try:
                said.append(await provider.probe())
            except NotifierError as error:
                said.append(error.detail)
                failures.append(error)
        if len(failures) == len(self.providers):
            raise failures[0]
        return " ".join(said)

    async def close(self) -> None:
        """Closes every provider."""
        for provider in self.providers:
            await provider.close()


def one_or_more(providers: Iterable[Notifier]) -> Notifier:
    """One notifier for all of these, in the order in which they are preferred."""
    made = tuple(providers)
    return Failover(made) if len(made) > 1 else made[0]


def providers_of(notifier: Notifier) -> tuple[Notifier, ...]:
    """The providers behind a notifier: itself, unless it holds several."""
    return notifier.providers if isinstance(notifier, Failover) else (notifier,)
