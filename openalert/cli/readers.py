"""How long a client may leave what it was sent unread: the same for answers and for live events."""

import asyncio
from asyncio.events import TimerHandle
from typing import TYPE_CHECKING

WRITE_SECONDS = 30.0
"""A client that takes nothing for so long does not want it, or is not there."""

if TYPE_CHECKING:

    class _Protocol:
        """What both of uvicorn's protocols have."""

        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport

        def pause_writing(self) -> None: ...
        def resume_writing(self) -> None: ...
        def connection_lost(self, exc: Exception | None) -> None: ...

else:
    _Protocol = object


class ReadsInTime(_Protocol):
    """Stands before one of uvicorn's protocols, and hangs up on a client that does not read."""

    _stuck: TimerHandle | None = None

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._unstick()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of it is waited for any more."""
        self._unstick()
        super().connection_lost(exc)

    def _unstick(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
