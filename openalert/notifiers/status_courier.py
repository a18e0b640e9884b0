"""The way from a letter about a status page to a channel of a chat: one post to the webhook of that channel."""

import ssl
from abc import ABC, abstractmethod

from openalert.domain.instant import Instant
from openalert.domain.status_letter import Letter
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings
from openalert.notifiers.notifier import NotifierError, Receipt
from openalert.notifiers.status_post import Post, of_letter


class ChatCourier(ABC):
    """What the chats have in common; a letter's `to` is the webhook of a channel, which is a secret."""

    channel: str

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._http = HttpClient(settings, tls=tls, resolver=resolver)

    @abstractmethod
    def body(self, post: Post) -> bytes:
        """The JSON document that the chat takes."""

    @abstractmethod
    def judge(self, answer: Answer, now: Instant) -> NotifierError | None:
        """Why the chat did not take it; None: it did."""

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Posts it."""
        answer = await self._http.request(
            "POST",
            letter.to,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=self.body(of_letter(letter)),
        )
        if failure := self.judge(answer, now):
            raise failure
        return Receipt(provider_id=letter.id, detail=answer.excerpt())

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()
