"""Questions of senders that want to know whether their messages are wanted, answered beside the intake.

The sender waits for nothing: it has its 202 when the answer goes out. What became of it stands with the message.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.sns import SnsSubscriber
from openalert.storage import payloads
from openalert.storage.database import Database

AT_ONCE = 20
log = structlog.get_logger(__name__)


class Subscriptions:
    """Answers questions in tasks of its own; more than `AT_ONCE` are left to a person."""

    def __init__(self, database: Database, sns: SnsSubscriber) -> None:
        self._database = database
        self._sns = sns
        self._tasks: set[asyncio.Task[None]] = set()

    def answer_soon(self, question: Mapping[str, Any], payload_id: str) -> None:
        """Answer after the message was taken in."""
        if len(self._tasks) < AT_ONCE:
            task = asyncio.create_task(self.answer(question, payload_id), name="subscription")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def answer(self, question: Mapping[str, Any], payload_id: str) -> None:
        """Say yes, and write down with the message what became of it."""
        try:
            await self._sns.confirm(question)
            said = "The subscription is confirmed: Amazon SNS sends its messages here."
        except (NotifierError, LostAnswer) as error:
            said = f"The subscription is not confirmed. {error.detail} Amazon asks again by *Request confirmation*."
            log.warning("subscription not confirmed", reason=error.detail)
        async with self._database.transaction() as tx:
            await payloads.explain(tx, payload_id, said)

    async def stop(self) -> None:
        """Gives up what is not answered yet; the messages say so by not saying that it is."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sns.close()
