"""How each channel is driven: how often a page is tried, how many are on their way at once, and at which pace."""

from collections.abc import Mapping

import msgspec

from openalert.domain.notification import NotificationPriority


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How one channel is driven."""

    tries: int = 5
    """How often a page is tried at one provider before it has failed."""
    slots: int = 32
    """How many messages are on their way at a time."""
    per_second: float = 0.0
    """How many a provider is given each second once its burst is used up; 0: no limit of ours."""
    burst: int = 10
    is_each_its_own: bool = False
    """Every address is a provider of its own: when one is dead, or slow, the others are not."""


_MANNERS = {
    # Mail servers take few connections at a time from one client; their limits per second differ too much to guess.
    "email": Manner(tries=5, slots=16),
    # Twilio lets one long code send one text a second and queues the rest, where a critical page has no precedence.
    "sms": Manner(tries=4, slots=16, per_second=1.0, burst=10),
    # Twilio begins one call a second unless an account was given more, and queues the rest.
    "voice": Manner(tries=3, slots=16, per_second=1.0, burst=5),
    "push": Manner(tries=4, is_each_its_own=True),
    # chat.postMessage takes about one message a second for a conversation, with short bursts, and more in all.
    "slack": Manner(tries=5, per_second=10.0, burst=20),
    # A Workflows webhook is told to slow down above four requests a second.
    "teams": Manner(tries=5, per_second=4.0, burst=4, is_each_its_own=True),
    # The Bot API takes about thirty messages a second in all.
    "telegram": Manner(tries=5, per_second=25.0, burst=25),
    "mattermost": Manner(tries=5, per_second=10.0, burst=20),
    "webhook": Manner(tries=5, is_each_its_own=True),
    "apprise": Manner(tries=5, slots=16, is_each_its_own=True),
}


CHANNELS = tuple(_MANNERS)
"""The names by which channels are set."""


def manner(
    channel: str, slots: Mapping[str, int] | None = None, per_second: Mapping[str, float] | None = None
) -> Manner:
    """How this channel is driven, with what the operator set otherwise by the channel's name."""
    found = _MANNERS.get(channel, Manner())
    return msgspec.structs.replace(
        found,
        slots=(slots or {}).get(channel, found.slots),
        per_second=(per_second or {}).get(channel, found.per_second),
    )


AT_ONE_ADDRESS = 4
"""How many messages are on their way to one address at a time, of all priorities."""


def room(slots: int, priority: NotificationPriority) -> int:
    """How many of the slots may be in use when a message of this priority takes one.

    The rest is kept for what is more urgent, so that a page finds a free slot however slowly mail and digests go.
    """
    match priority:
        case NotificationPriority.CRITICAL:
            return slots
        case NotificationPriority.HIGH:
            return max(1, slots - max(1, slots // 4))
        case NotificationPriority.MEDIUM:
            return max(1, slots // 2)
        case _:
            return max(1, slots // 4)
