"""Providers on loopback that note every message that they are handed, and what they answered or withheld."""

import re
from contextlib import AsyncExitStack
from typing import Self

from tests.fakes.smtp import FakeSmtp, Mail, SmtpMode
from tests.fakes.webhook import FakeWebhook, Fault, Received, whole_answer
from tests.world.ledger import Ledger, Taken, Trouble

TITLE = re.compile(r"#(\d+)\D*?\b([a-z][a-z0-9_]*-\d+)\b")
"""An incident as a mail names it: `[#42] CRITICAL: disk-7 (Shop)`, `- #43 disk-8`."""
IN_DOUBT = "its page may not have reached you"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MODES = ("ok", "refuse", "lost", "slow", "down")
"""How a way behaves."""
SLOW_SECONDS = 0.7


class _Hooks(FakeWebhook):
    """The receiver of every channel: the path says which one is meant."""

    ledger: Ledger
    mode = "ok"
    moods: dict[str, list[str]]
    """By title, how the next pages about it are answered, in place of the mode."""

    async def respond(self, request: Received) -> bytes:
        """Notes it, and answers as the mode says."""
        said = request.json
        data = said["data"]
        incident = data["incident"] or {"number": 0, "title": "", "status": ""}
        mode = self._mood(incident["title"]) or self.mode
        self.ledger.note(
            Taken(
                at=self.ledger.now,
                way="hook",
                who=request.path.removeprefix("/"),
                id=request.headers["webhook-id"],
                kind=said["type"].removeprefix("incident."),
                about=(incident["title"],),
                numbers=(incident["number"],),
                status=incident["status"],
                is_repeat=data["possibleRepeat"],
                answer={"refuse": "refused", "lost": "withheld"}.get(mode, "took"),
                is_in_doubt=IN_DOUBT in data["headline"],
            )
        )
        if mode == "lost":
            return b""
        return whole_answer(503, {}, b"later") if mode == "refuse" else self._answer

    def _mood(self, title: str) -> str:
        if not self.moods.get(title):
            return ""
        now = self.ledger.now
        self.ledger.note(Trouble(since=now - 1, until=now, way="hook", mode=self.moods[title][0]))
        return self.moods[title].pop(0)


class _Mails(FakeSmtp):
    """Everybody's mail server."""

    ledger: Ledger

    def take(self, mail: Mail) -> None:
        """Notes it, whatever is answered now."""
        super().take(mail)
        # What the text says of other incidents stands in the part that lists them.
        _, _, others = mail.text.partition("Also in this message:")
        own = TITLE.search(mail.subject)
        named = [own.groups()] if own else []
        named += [each for each in TITLE.findall(others) if each not in named]
        subject = mail.subject.lower()
        is_update = re.match(r"\[#\d+\] (acknowledged|resolved)", subject)
        self.ledger.note(
            Taken(
                at=self.ledger.now,
                way="mail",
                who=mail.recipients[0].partition("@")[0],
                id=_ID.search(str(mail.message["Message-ID"])).group(),  # type: ignore[union-attr]
                kind="update"
                if is_update
                else "page"
                if re.match(r"\[#\d+\] critical", subject)
                else "other",
                about=tuple(title for _, title in named),
                numbers=tuple(int(number) for number, _ in named),
                status=is_update.group(1) if is_update else "triggered",
                is_repeat="(possible repeat)" in subject,
                answer="withheld" if self.mode is SmtpMode.LOST_ANSWER else "took",
                is_in_doubt=IN_DOUBT in subject,
            )
        )


class Providers:
    """All that a page may go to; one set of them serves many worlds, one after the other."""

    def __init__(self) -> None:
        self.hooks = _Hooks()
        self.mails = _Mails()
        self._stack = AsyncExitStack()
        self._down: set[str] = set()

    async def __aenter__(self) -> Self:
        """They listen."""
        await self._stack.enter_async_context(self.hooks)
        await self._stack.enter_async_context(self.mails)
        return self

    async def __aexit__(self, *_: object) -> None:
        """They are gone."""
        await self._stack.aclose()

    def serve(self, ledger: Ledger) -> None:
        """From now on everything is noted there."""
        self.hooks.ledger = self.mails.ledger = ledger
        self.hooks.moods = {}

    async def behave(self, way: str, mode: str) -> None:
        """From now on this way is like that; `mode` is one of `MODES`."""
        provider = self.hooks if way == "hook" else self.mails
        if way in self._down and mode != "down":
            await provider.up()
            self._down.discard(way)
        if way == "hook":
            self.hooks.mode = mode
            self.hooks.delay = SLOW_SECONDS
            self.hooks.fault = Fault.SLOW if mode == "slow" else Fault.NONE
        else:
            self.mails.delay = SLOW_SECONDS / 4
            self.mails.mode = {
                "refuse": SmtpMode.GREYLIST,
                "lost": SmtpMode.LOST_ANSWER,
                "slow": SmtpMode.TARPIT,
            }.get(mode, SmtpMode.OK)
        if mode == "down" and way not in self._down:
            self._down.add(way)
            await provider.down()
