"""Fetching calendars from the addresses at which other programs publish them.

A redirect is followed a few times, each address checked like the first; never from https to http.
"""

from urllib.parse import urljoin

import msgspec

from openalert.notifiers.http import HttpClient, OutgoingSettings, parse_url, shown_origin
from openalert.notifiers.notifier import NotifierError, Reason

LARGEST = 5 * 1024 * 1024
DEADLINE = 30.0
MOST_REDIRECTS = 3
_LONGEST_ETAG = 300


class Fetched(msgspec.Struct, frozen=True):
    """What is at an address."""

    content: bytes | None
    """None: what the caller has already."""
    etag: str


class CalendarFetcher:
    """Fetches calendars; safe to use from many tasks at once."""

    def __init__(self, outgoing: OutgoingSettings | None = None) -> None:
        """`outgoing`: which networks may be reached; time and size are its own."""
        settings = msgspec.structs.replace(
            outgoing or OutgoingSettings(), deadline=DEADLINE, max_answer=LARGEST + 1
        )
        self._client = HttpClient(settings)

    async def fetch(self, url: str, etag: str = "") -> Fetched:
        """The calendar at the address; NotifierError or LostAnswer in words for people where there is none."""
        headers = {"Accept": "text/calendar, */*;q=0.1"}
        if etag:
            headers["If-None-Match"] = etag
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._client.request("GET", url, headers=headers)
            if answer.status in (301, 302, 303, 307, 308):
                url = redirected(url, answer.headers.get("location", ""))
                continue
            if answer.status == 304 and etag:
                return Fetched(None, etag)
            if answer.status != 200:
                raise _refused(url, answer.status)
            if len(answer.body) > LARGEST:
                raise _failed(
                    f"{shown_origin(url)} has a calendar of more than {LARGEST // 1024 // 1024} MB."
                )
            if not answer.complete:
                raise _failed(f"The answer of {shown_origin(url)} broke off.")
            told = answer.headers.get("etag", "")
            return Fetched(answer.body, told if told.isascii() and len(told) <= _LONGEST_ETAG else "")
        raise _failed(f"{shown_origin(url)} leads on more than {MOST_REDIRECTS} times.")

    async def close(self) -> None:
        """Ends what is open."""
        await self._client.close()


def address(text: str) -> str:
    """The address as it is fetched: calendar programs write `webcal://` for `https://`. NotifierError for none."""
    url = text.strip()
    if url.lower().startswith("webcal://"):
        url = "https" + url[6:]
    parse_url(url)
    return url


def redirected(url: str, location: str) -> str:
    """Where `location` leads from an address; NotifierError where it must not. Who is there is checked on the way."""
    following = urljoin(url, location)
    parsed = parse_url(following)
    if url.startswith("https:") and parsed.scheme != "https":
        raise _failed(f"{shown_origin(url)} leads to an address without encryption.")
    return following


def _refused(url: str, status: int) -> NotifierError:
    origin = shown_origin(url)
    if status in (401, 403):
        return _failed(
            f"{origin} refuses to show it ({status}). Copy the secret address, or publish the calendar."
        )
    if status in (404, 410):
        return _failed(f"{origin} has no calendar there ({status}). Was the link renewed or withdrawn?")
    return _failed(f"{origin} answered {status}.")


def _failed(words: str) -> NotifierError:
    return NotifierError(Reason.REFUSED, words)
