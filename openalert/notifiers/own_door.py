"""Our own ingestion address as a sender sees it: canaries go out here by HTTP and come in like everybody's alerts."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.text import one_line

DEADLINE = 8.0
"""Seconds for one message, which leaves the rest of the canary's time for its page."""


class Refused(Exception):
    """The message was not taken; the text says why."""


class OwnDoor:
    """Posts alerts to one integration of this very server."""

    def __init__(self, url: str, settings: OutgoingSettings) -> None:
        """`url`: where the server is reached, without a slash at its end; it may lie in any network."""
        self.url = url
        host = urlsplit(url).hostname or ""
        self._client = HttpClient(
            msgspec.structs.replace(settings, named_hosts=(host,), deadline=DEADLINE, connect_deadline=3.0)
        )

    async def post(self, key: str, alert: dict[str, Any]) -> str:
        """Send one alert; the id of the incident that it concerns, empty when it concerns none. Or `Refused`."""
        try:
            answer = await self._client.request(
                "POST",
                f"{self.url}/webhooks/generic/{key}",
                headers={"Content-Type": "application/json"},
                body=msgspec.json.encode(alert),
            )
        except (NotifierError, LostAnswer) as error:
            raise Refused(error.detail) from error
        if answer.status != 202:
            said = answer.excerpt().replace(key, "…")
            raise Refused(one_line(f"The ingestion address answered {said}", 300))
        try:
            incidents = msgspec.json.decode(answer.body)["incidents"]
        except (msgspec.DecodeError, KeyError, TypeError):
            raise Refused("Something else than OpenAlert answers at the ingestion address.") from None
        return str(incidents[0]["id"]) if incidents else ""

    async def is_ours(self) -> bool:
        """Whether an OpenAlert answers there that lives. `Refused`: nobody answers."""
        status, body = await self._look("/health")
        return status in (200, 503) and b'"engine"' in body

    async def takes_all_for_the_machine(self) -> bool:
        """Whether it shows us what only those see who come from the machine itself, though we come from outside."""
        status, _ = await self._look("/metrics")
        return status == 200

    async def _look(self, path: str) -> tuple[int, bytes]:
        try:
            answer = await self._client.request("GET", f"{self.url}{path}", headers={})
        except (NotifierError, LostAnswer) as error:
            raise Refused(error.detail) from error
        return answer.status, answer.body

    async def close(self) -> None:
        """Gives back connections."""
        await self._client.close()
