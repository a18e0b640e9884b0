"""Word to a dead-man's switch elsewhere, which alarms when the word is bad or stays away.

The form is that of healthchecks.io (GET the address, POST the reason to `…/fail`), of Uptime Kuma's push monitors
(`?status=down&msg=…`), and of switches that know silence alone (Dead Man's Snitch).
"""

from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.text import one_line

LONGEST_REASON = 1_000


class Unheard(Exception):
    """The switch did not take the word; the text says why, without the address."""


class DeadMansSwitch:
    """One switch."""

    def __init__(self, url: str, fail: str, settings: OutgoingSettings) -> None:
        """`fail`: a path after the URL's, `status=down` in its query, or empty where silence is the bad word."""
        self._url, self._fail = url, fail
        host = urlsplit(url).hostname or ""
        self._client = HttpClient(msgspec.structs.replace(settings, named_hosts=(host,)))

    async def well(self) -> None:
        """An alert arriving now would page; `Unheard` when that could not be said."""
        await self._ask("GET", self._url, b"")

    async def ill(self, reason: str) -> bool:
        """It would not, and why; False where only silence says so."""
        if not self._fail:
            return False
        if "=" in self._fail:
            await self._ask("GET", _with_query(self._url, self._fail, one_line(reason, 200)), b"")
        else:
            parts = urlsplit(self._url)
            url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/" + self._fail.strip("/")))
            await self._ask("POST", url, reason[:LONGEST_REASON].encode())
        return True

    async def close(self) -> None:
        """Gives back connections."""
        await self._client.close()

    async def _ask(self, method: str, url: str, body: bytes) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
        try:
            answer = await self._client.request(method, url, headers=headers, body=body)
        except (NotifierError, LostAnswer) as error:
            raise Unheard(error.detail) from error
        if not 200 <= answer.status < 300:
            raise Unheard(f"It answered {answer.status}.")


def _with_query(url: str, bad: str, reason: str) -> str:
    """The URL whose query says `bad` in place of what it said of these names, and the reason as `msg`."""
    parts = urlsplit(url)
    names = {pair.partition("=")[0] for pair in bad.split("&")} | {"msg"}
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in names]
    return urlunsplit(parts._replace(query="&".join([*kept, bad, f"msg={quote(reason)}"])))
