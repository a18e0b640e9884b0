"""The server that is watched, asked from another host; and whether anything else answers from here.

What comes back is believed only when the server itself has signed it for this very question: a page to sign in, an
answer of a proxy, a redirect, an old answer and a flood are all the same silence.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from openalert.domain.absence import Look, Sight
from openalert.domain.watcher import LARGEST, Forged, Misread, Word, read
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError

LARGEST_ANSWER = 3 * LARGEST
"""The word once more as text within JSON, where it grows by its quotation marks."""
REFERENCE_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


class _Signed(msgspec.Struct):
    word: str
    signature: str


class _Refusal(msgspec.Struct):
    code: str


class Watched:
    """One server."""

    def __init__(self, url: str, key: str, settings: OutgoingSettings) -> None:
        """`url`: where people reach it; `key`: an API key with the scope watch."""
        self._url, self._key = url.rstrip("/"), key
        host = urlsplit(url).hostname or ""
        bounded = msgspec.structs.replace(settings, named_hosts=(host,), max_answer=LARGEST_ANSWER)
        self._client = HttpClient(bounded)

    async def look(self) -> tuple[Look, Word | None]:
        """Is it there, and would it page?"""
        look, word = await self._ask("alive")
        if word is not None and word.would_page is False:
            return Look(Sight.ILL, " ".join(word.troubles)), word
        return look, word

    async def snapshot(self) -> tuple[Look, Word | None]:
        """The same with who is on call."""
        return await self._ask("snapshot")

    async def close(self) -> None:
        """Gives back connections."""
        await self._client.close()

    async def _ask(self, what: str) -> tuple[Look, Word | None]:
        nonce = secrets.token_urlsafe(24)
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        try:
            answer = await self._client.request(
                "GET", f"{self._url}/api/v1/watch/{what}?nonce={nonce}", headers=headers
            )
        except (NotifierError, LostAnswer) as error:
            return Look(Sight.SILENT, error.detail), None
        return self._judge(answer, nonce)

    def _judge(self, answer: Answer, nonce: str) -> tuple[Look, Word | None]:
        if answer.status in (401, 403):
            try:
                code = msgspec.json.decode(answer.body, type=_Refusal).code
            except (msgspec.MsgspecError, RecursionError):
                code = ""
            if code in ("UNAUTHENTICATED", "FORBIDDEN"):
                words = "It does not know the key: that is revoked, expired, or was not made for watching."
                return Look(Sight.REFUSED, words), None
        if answer.status != 200:
            return Look(Sight.SILENT, f"Something answers with the status {answer.status}."), None
        if not answer.complete:
            return Look(Sight.SILENT, "The answer was cut off, or is larger than any of ours."), None
        try:
            signed = msgspec.json.decode(answer.body, type=_Signed)
        except (msgspec.MsgspecError, RecursionError):
            return Look(Sight.SILENT, "Something answers in its place, and it is not OpenAlert."), None
        try:
            return Look(Sight.WELL), read(signed.word, signed.signature, self._key, nonce)
        except Forged as error:
            return Look(Sight.SILENT, f"What answers is not to be believed. {error}"), None
        except Misread as error:
            return Look(Sight.REFUSED, str(error)), None


class References:
    """Other places, by which a watcher tells a server that is silent from a network of its own that is down."""

    def __init__(self, places: Sequence[str]) -> None:
        """Addresses such as `https://www.example.org` or `192.0.2.1:53`."""
        self._places = [place_of(each) for each in places]

    async def answer(self) -> bool:
        """Whether any of them takes a connection; True where there are none to ask."""
        if not self._places:
            return True
        tries = [asyncio.create_task(_connects(*place)) for place in self._places]
        try:
            for each in asyncio.as_completed(tries):
                if await each:
                    return True
            return False
        finally:
            for task in tries:
                task.cancel()


def place_of(text: str) -> tuple[str, int]:
    """Host and port; ValueError for what names none."""
    parts = urlsplit(text if "://" in text else f"tcp://{text}")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if not parts.hostname or not port:
        raise ValueError(f"{text!r} names no host and port")
    return parts.hostname, port


async def _connects(host: str, port: int) -> bool:
    with suppress(OSError, TimeoutError, UnicodeError):
        async with asyncio.timeout(REFERENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False
