"""How every channel is: whether it is set up, whether its providers answer, and what they said last."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from openalert.config import Config
from openalert.domain.access import Actor, Permission
from openalert.domain.breaker import Breaker, BreakerState
from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.errors import NotFound
from openalert.domain.instant import Instant
from openalert.storage import channel_troubles, contact_methods, notifications
from openalert.storage.channel_troubles import ChannelTrouble, TroubleKind
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import require

NAMES: dict[str, str] = {
    name: (CONTACT_KINDS.get(name) or CHANNEL_KINDS[name]).words for name in (*CONTACT_KINDS, *CHANNEL_KINDS)
}
"""What people call each channel, in the order in which channels are offered."""
_LOOKED_AT = 20


class Line(Protocol):
    """One provider, or one address that is a provider of its own, as the sender of this process has met it."""

    channel: str
    provider: int
    address: str
    breaker: Breaker
    last_success_at: Instant | None
    last_failure: str


class Lines(Protocol):
    """All of them, and how each channel is driven."""

    def __iter__(self) -> Iterator[Line]:
        """All that were ever used."""

    def own_providers(self, channel: str) -> int:
        """How many providers the channel has; 0 where every address is one of its own."""


class ChannelCondition(StrEnum):
    """How a channel is, in one word."""

    OFF = "off"
    """It is not set up."""
    BROKEN = "broken"
    """None of its providers takes messages."""
    TROUBLED = "troubled"
    """Messages leave by it, but not by every provider or to every address."""
    WELL = "well"


class ProviderState(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of a channel."""

    number: int
    """0: the first."""
    breaker: BreakerState
    said: str
    """Its own words, while it fails one message after the other."""
    refused_since: Instant | None
    """Since when it does not accept our credentials, or has no valid certificate."""
    trouble: TroubleKind | None
    """Which of both."""
    refusal: str

    @property
    def is_well(self) -> bool:
        """Whether a message would leave by it now."""
        return self.breaker is BreakerState.CLOSED and self.refused_since is None


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """One channel."""

    name: str
    words: str
    missing: str
    """What to set in the configuration; empty: nothing is missing."""
    providers: tuple[ProviderState, ...]
    """Empty where every address is a provider of its own."""
    resting: int
    """How many such addresses are left alone at the moment, because they failed again and again."""
    last_success_at: Instant | None
    """When a provider last took a message of the organization."""
    last_failure_at: Instant | None
    last_failure: str
    """Why the last message failed that did, in the provider's words."""
    own_method_id: str | None
    """The reader's own verified contact method, to which a test can go."""

    @property
    def condition(self) -> ChannelCondition:
        """All of it in one word."""
        if self.missing:
            return ChannelCondition.OFF
        if self.providers and not any(each.is_well for each in self.providers):
            return ChannelCondition.BROKEN
        troubled = self.resting or not all(each.is_well for each in self.providers)
        return ChannelCondition.TROUBLED if troubled else ChannelCondition.WELL


def missing(config: Config) -> dict[str, str]:
    """What is not set, by channel; a channel that needs nothing, or has it, is not in it."""
    twilio = config.twilio
    account = bool(twilio.account_sid and twilio.auth_token)
    needs = {
        "email": (config.smtp.host, "smtp.host and smtp.from"),
        "slack": (config.slack.bot_token, "slack.bot_token"),
        "sms": (
            account and (twilio.from_number or twilio.messaging_service_sid),
            "twilio.account_sid, twilio.auth_token and twilio.from_number",
        ),
        "voice": (
            account and (twilio.voice_number or twilio.from_number),
            "twilio.account_sid, twilio.auth_token and twilio.from_number",
        ),
        "telegram": (config.telegram.bot_token, "telegram.bot_token"),
        "mattermost": (config.mattermost.url, "mattermost.url and mattermost.bot_token"),
    }
    return {name: what for name, (given, what) in needs.items() if not given}


async def look(reader: Reader, actor: Actor, config: Config, lines: Lines) -> list[ChannelState]:
    """Every channel; for admins of the organization."""
    require(actor, Permission.CONFIGURE, None)
    unset, met = missing(config), list(lines)
    troubles = await channel_troubles.all_of_them(reader)
    mine = await contact_methods.of_user(reader, actor.user_id) if actor.user_id else []
    own = {each.type: each.id for each in reversed(mine) if each.verified_at is not None}
    states = []
    for name, words in NAMES.items():
        count = lines.own_providers(name)
        newest = await notifications.search(reader, actor, {"channel": name}, limit=_LOOKED_AT)
        failed = await notifications.search(reader, actor, {"channel": name, "status": "failed"}, limit=1)
        of = [line for line in met if line.channel == name]
        states.append(
            ChannelState(
                name=name,
                words=words,
                missing=unset.get(name, ""),
                providers=tuple(_provider(number, of, troubles, name, reader.now) for number in range(count)),
                resting=sum(
                    line.breaker.state(reader.now) is not BreakerState.CLOSED for line in of if line.address
                ),
                last_success_at=max((row.sent_at for row in newest if row.sent_at is not None), default=None),
                last_failure_at=failed[0].updated_at if failed else None,
                last_failure=(failed[0].failure_reason or "") if failed else "",
                own_method_id=own.get(name),
            )
        )
    return states


def _provider(
    number: int, lines: Iterable[Line], troubles: Iterable[ChannelTrouble], channel: str, now: Instant
) -> ProviderState:
    line = next((each for each in lines if each.provider == number and not each.address), None)
    trouble = next(
        (each for each in troubles if (each.channel, each.provider, each.address) == (channel, number, "")),
        None,
    )
    return ProviderState(
        number=number,
        breaker=line.breaker.state(now) if line else BreakerState.CLOSED,
        # Any other failure of a line may be about the address of somebody in another organization.
        said=line.last_failure if line and line.breaker.failures else "",
        refused_since=trouble.since if trouble else None,
        trouble=trouble.kind if trouble else None,
        refusal=trouble.detail if trouble else "",
    )


def check(actor: Actor, channel: str) -> str:
    """What the channel is called, for whoever may try its providers; Forbidden, or NotFound."""
    require(actor, Permission.CONFIGURE, None)
    if channel not in NAMES:
        raise NotFound("channel")
    return NAMES[channel]


async def probed(tx: Transaction, channel: str, provider: int, *, works: bool) -> None:
    """A provider was asked whether it knows us; that it does ends what was said about our credentials."""
    name = check(tx.actor, channel)
    audit.record(
        tx,
        "delivery_channel.probed",
        kind="delivery_channel",
        id=channel,
        name=f"{name} (second provider)" if provider else name,
        after={"works": works},
    )
    if works:
        await channel_troubles.end(tx, channel, provider, "")
