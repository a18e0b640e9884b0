"""The channel that leads nowhere: canaries end here. It accepts everything, so that what is tried is all before it."""

from openalert.domain.canary import CHANNEL
from openalert.domain.instant import Instant
from openalert.notifiers.notifier import Message, Receipt


class NullNotifier:
    """Takes every message and sends none."""

    channel = CHANNEL

    async def send(self, message: Message, now: Instant) -> Receipt:  # noqa: ARG002 - the protocol's
        """Accepted."""
        return Receipt(provider_id=message.notification_id)

    async def probe(self) -> str:
        """There is nothing to reach."""
        return "Nothing is sent."

    async def close(self) -> None:
        """There is nothing open."""
