"""The ways of the last resort: mail, a command, a webhook; all of it from the configuration, none of it stored.

Nothing here asks the database, so that it works without one.
"""

import asyncio
from collections.abc import Awaitable
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.instant import Instant, rfc3339, to_datetime
from openalert.domain.last_resort import Call, CallState, Hop, Unreached
from openalert.notifiers import command as programs
from openalert.notifiers.email import EmailNotifier, EmailSettings
from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.text import one_line

MOST_NAMED = 10
"""So many incidents are named; of the others the number is said."""
_SUBJECTS = {
    CallState.BEGUN: "OpenAlert reaches nobody",
    CallState.GOES_ON: "OpenAlert still reaches nobody",
    CallState.OVER: "OpenAlert: it is over",
    CallState.TEST: "OpenAlert: a test of the last resort",
}
_ENDS = {
    CallState.OVER: "What the last word was about is over: it was answered, or pages leave again.",
    CallState.TEST: "This is a test. Nothing is wrong: you would read here that nobody can be paged.",
}


class LastResortSettings(msgspec.Struct, kw_only=True, frozen=True):
    """Who is told, and how; what is empty is no way."""

    mail_to: tuple[str, ...] = ()
    mail_server: EmailSettings = EmailSettings()
    command: tuple[str, ...] = ()
    command_seconds: float = 30.0
    webhook: str = ""
    outgoing: OutgoingSettings = OutgoingSettings()
    base_url: str = ""
    node: str = ""
    """Which server speaks."""

    def __repr__(self) -> str:
        """Never the webhook or the password."""
        return "<LastResortSettings>"


class LastResort:
    """All ways, each tried by itself at the same time as the others."""

    def __init__(self, settings: LastResortSettings) -> None:
        self._settings = settings
        host = urlsplit(settings.webhook).hostname or ""
        self._http = HttpClient(msgspec.structs.replace(settings.outgoing, named_hosts=(host,)))

    async def tell(self, call: Call, now: Instant) -> list[Hop]:
        """What became of each way; empty: none is configured. It fails by no exception of theirs."""
        own, text = self._settings, self.text(call)
        document = self._document(call, text, now)
        tries: list[Awaitable[Hop]] = [
            _try("mail" if len(own.mail_to) == 1 else f"mail {number}", self._mail(to, call, text, now))
            for number, to in enumerate(own.mail_to, 1)
        ]
        if own.command:
            tries.append(_try("command", programs.run(own.command, own.command_seconds, document)))
        if own.webhook:
            tries.append(_try("webhook", self._post(document)))
        return list(await asyncio.gather(*tries))

    async def close(self) -> None:
        """Gives back connections."""
        await self._http.close()

    def text(self, call: Call) -> str:
        """All of it as plain text; titles are of strangers and stand on one line."""
        own = self._settings
        lines = [_ENDS[call.state]] if call.state in _ENDS else []
        lines += [each.words for each in call.matters if each.words]
        named = call.incidents[:MOST_NAMED]
        if named:
            lines.append("Nobody could be told of:")
        lines += [
            f"- #{each.number} {each.severity.value}: {_title(each)}\n  {self._url(each)}" for each in named
        ]
        if more := len(call.incidents) - len(named):
            lines.append(f"- and {more} more")
        return "\n".join([*lines, "", f"{own.node} {own.base_url}".strip()]) + "\n"

    def _url(self, incident: Unreached) -> str:
        return f"{self._settings.base_url}/incidents/{incident.id}"

    def _document(self, call: Call, text: str, now: Instant) -> bytes:
        content: dict[str, Any] = {
            "type": "last_resort",
            "state": call.state.value,
            "at": rfc3339(now),
            "server": self._settings.base_url,
            "node": self._settings.node,
            "reasons": [each.words for each in call.matters if each.words],
            "incidents": [
                {
                    "number": each.number,
                    "title": _title(each),
                    "severity": each.severity.value,
                    "triggeredAt": rfc3339(each.triggered_at),
                    "url": self._url(each),
                }
                for each in call.incidents[:MOST_NAMED]
            ],
            "incidentCount": len(call.incidents),
            "text": text,
        }
        return msgspec.json.encode(content)

    async def _mail(self, to: str, call: Call, text: str, now: Instant) -> None:
        def compose(sender: Address, recipient: Address) -> EmailMessage:
            international = not (sender.addr_spec + recipient.addr_spec).isascii()
            mail = EmailMessage(policy=policy.SMTPUTF8 if international else policy.SMTP)
            mail["Subject"] = _SUBJECTS[call.state]
            mail["From"], mail["To"] = sender, recipient
            mail["Date"] = to_datetime(now)
            mail["Message-ID"] = make_msgid(domain=sender.domain)
            mail["Auto-Submitted"] = "auto-generated"
            if call.state is not CallState.OVER:
                mail["Importance"] = "high"
            mail.set_content(text, cte="quoted-printable")
            return mail

        await EmailNotifier(self._settings.mail_server, base_url=self._settings.base_url).post(to, compose)

    async def _post(self, document: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await self._http.request("POST", self._settings.webhook, headers=headers, body=document)
        if not 200 <= answer.status < 300:
            raise Refused(f"It answered {answer.status}.")


class Refused(Exception):
    """The receiver did not take it; the text says what it answered."""


async def _try(way: str, step: Awaitable[None]) -> Hop:
    """A lost answer counts as taken: a word too few is better than one each minute, and it is said again anyway."""
    try:
        await step
    except LostAnswer:
        return Hop(way)
    except NotifierError as error:
        return Hop(way, error.detail)
    except Exception as error:  # noqa: BLE001 - the last resort has to outlive whatever is wrong
        return Hop(way, one_line(f"{type(error).__name__}: {error}", 200))
    return Hop(way)


def _title(incident: Unreached) -> str:
    return one_line(incident.title, 120)
