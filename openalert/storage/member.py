"""Member and Act: one transaction each that waits for the writer; many share a commit."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from openalert.domain.access import Actor
from openalert.storage.transaction import Transaction


class Member:
    """One transaction in the writer's queue."""

    def __init__(self, actor: Actor) -> None:
        loop = asyncio.get_running_loop()
        self.actor = actor
        self.turn: asyncio.Future[Transaction | None] = loop.create_future()
        """Done when its turn has come; cancelled when it waits no more."""
        self.ended: asyncio.Future[bool] = loop.create_future()
        """Done when its body has ended; whether what it wrote is to be kept."""
        self.durable: asyncio.Future[None] = loop.create_future()
        """Done after the commit, or with the reason why there was none."""
        self.transaction: Transaction | None = None


class Act(Member):
    """A transaction whose body is a function, so that the writer can run it without asking anybody back."""

    def __init__(self, actor: Actor, body: Callable[[Transaction], Coroutine[Any, Any, Any]]) -> None:
        super().__init__(actor)
        self.body = body
        self.result: Any = None
        self.is_closing = False
        """Whether that commit was sent: if no answer comes it may have been made."""
        self.committed = False
        """Whether the group was committed with it, because nobody else waited when it was done."""
