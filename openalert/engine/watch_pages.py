"""What a watcher tells people, and by which ways of the watching host it leaves."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from openalert.domain.absence import Absence, Mark, Memory, Sight, Told
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.last_resort import Call, CallState, Matter
from openalert.domain.notification import NotificationKind
from openalert.domain.watcher import LAST_RESORT
from openalert.notifiers.last_resort import LastResort
from openalert.notifiers.letter import duration, moment
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError
from openalert.notifiers.text import one_line

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Messages on their way at a time."""
OLD = HOUR
"""An older snapshot says of itself how old it is."""
CLOCKS_DIFFER = 2 * MINUTE
"""Clocks of both hosts that differ by more are spoken of."""
HEADLINES = {
    Sight.SILENT: "OpenAlert is silent",
    Sight.ILL: "OpenAlert might page nobody",
    Sight.REFUSED: "OpenAlert refuses its watcher",
}


class WatchPages:
    """Sends what is due, and writes down beside each message what became of it."""

    def __init__(
        self, notifiers: Mapping[str, Notifier], resort: LastResort | None, *, host: str, server: str
    ) -> None:
        """`host`: what the watching host is called; `server`: where people reach the one that it watches."""
        self._notifiers, self._resort = notifiers, resort
        self._host, self._server = host, server
        self._room = asyncio.Semaphore(AT_ONCE)

    async def call(self, memory: Memory, due: Sequence[Told], now: Instant) -> None:
        """Tell these of the absence."""
        absence = memory.absence
        if absence is None or not due:
            return
        text = self.text(memory, absence, now)
        state = CallState.GOES_ON if any(each.rounds for each in due) else CallState.BEGUN

        def compose(told: Told) -> Message:
            headline = HEADLINES.get(absence.sight, HEADLINES[Sight.SILENT])
            again = "Still: " if told.rounds else ""
            return self._message(
                absence, told, NotificationKind.PAGE, f"{again}{headline}", text(told), memory, now
            )

        await self._send(due, compose, state, now, self._mark_call)

    async def all_clear(self, memory: Memory, due: Sequence[Told], now: Instant) -> None:
        """Tell these that it is over."""
        ended = memory.ended
        if ended is None or not due:
            return
        lasted = duration((ended.over_at or now) - ended.since)

        def compose(told: Told) -> Message:
            words = (
                f"OpenAlert at {self._server} answers again and would page. It was away for {lasted}, since "
                f"{moment(ended.since, told.timezone, seen=now)}.\n\nAlerts that were sent meanwhile come in as far as "
                "their senders try again; look at what is open there."
            )
            headline = "OpenAlert is back"
            return self._message(ended, told, NotificationKind.UPDATE, headline, words, memory, now)

        await self._send(due, compose, CallState.OVER, now, _mark_all_clear)

    async def test(self, told: Sequence[Told], memory: Memory, now: Instant) -> None:
        """A test by each of these ways."""
        absence = Absence(id=f"test-{now}", since=now, sight=Sight.SILENT, words="")

        def compose(one: Told) -> Message:
            words = (
                f"This is a test of the watcher on {self._host}. Nothing is wrong.\n\nIf OpenAlert at {self._server} "
                f"falls silent, this is how you hear of it. {one.reason}"
            )
            return self._message(
                absence, one, NotificationKind.TEST, "A test of the watcher", words, memory, now
            )

        await self._send(told, compose, CallState.TEST, now, self._mark_call)

    async def close(self) -> None:
        """Gives back connections."""
        for each in self._notifiers.values():
            await each.close()
        if self._resort is not None:
            await self._resort.close()

    def text(self, memory: Memory, absence: Absence, now: Instant) -> Callable[[Told], str]:
        """The words of a call, for each of those who are told."""

        def words(told: Told) -> str:
            parts = [self._what(memory, absence, told, now), self._else(absence, told)]
            parts += self._doubts(memory, told, now)
            parts.append(
                f"The watcher on {self._host} says this. Nothing can be acknowledged here; `openalert watch --seen` on "
                "that host keeps it from calling anybody else."
            )
            return "\n\n".join(each for each in parts if each)

        return words

    def _what(self, memory: Memory, absence: Absence, told: Told, now: Instant) -> str:
        at = memory.alive_at
        since = "I have not heard it since I began to watch" if at is None else "It was last heard at "
        since += "" if at is None else moment(at, told.timezone, seen=now)
        lasting = duration(now - absence.since)
        if absence.sight is Sight.ILL:
            return (
                f"OpenAlert at {self._server} answers, and has said for {lasting} that an alert arriving now might "
                f"page nobody. {absence.words}"
            )
        if absence.sight is Sight.REFUSED:
            return (
                f"Something at {self._server} has refused the watcher for {lasting}. {absence.words} Until it has a "
                "key that opens, it cannot know whether pages arrive, nor who is on call."
            )
        return (
            f"OpenAlert at {self._server} has been silent for {lasting}. {since}. Alerts that arrive now page nobody."
            f"\n\nOther addresses answer from here, so it is that server or the way to it. {absence.words}"
        )

    def _else(self, absence: Absence, told: Told) -> str:
        others = sorted(
            {each.name for each in absence.told.values() if each.person_id not in ("", told.person_id)}
        )
        return f"Called as well: {', '.join(one_line(each, 60) for each in others[:10])}." if others else ""

    def _doubts(self, memory: Memory, told: Told, now: Instant) -> list[str]:
        if memory.word is None or memory.word.snapshot is None:
            return ["The watcher has never learned who is on call, so it can call nobody but you."]
        doubts = []
        age = max(now - memory.received_at, 0)
        learned = moment(memory.received_at, told.timezone, seen=now)
        if memory.there(now) >= memory.word.snapshot.until:
            doubts.append(
                f"Who is on call is not known any more: what the watcher knows is {duration(age)} old, of {learned}. "
                "Those are called who were on call last, and the owners."
            )
        elif age > OLD:
            doubts.append(
                f"Who is on call is known from {learned}, {duration(age)} ago; a change since then is not."
            )
        if abs(ahead := memory.ahead()) > CLOCKS_DIFFER:
            way = "ahead of" if ahead > 0 else "behind"
            doubts.append(
                f"The server's clock is {duration(abs(ahead))} {way} the watcher's; who is on call goes by the "
                "server's."
            )
        return doubts

    def _message(
        self,
        absence: Absence,
        told: Told,
        kind: NotificationKind,
        headline: str,
        body: str,
        memory: Memory,
        now: Instant,
    ) -> Message:
        over = "over" if kind is NotificationKind.UPDATE else str(told.rounds)
        ways = sorted(absence.told)
        number = next((i for i, each in enumerate(ways) if absence.told[each] is told), 0)
        return Message(
            notification_id=f"{absence.id}-{number}-{over}",
            kind=kind,
            to=told.address,
            recipient_name=one_line(told.name, 120),
            organization=memory.word.organization if memory.word else "",
            headline=headline,
            body=body,
            reason=told.reason,
            possible_repeat=told.in_doubt,
            thread_key=absence.id,
            attempt=told.tries,
            at=now,
            timezone=told.timezone,
        )

    async def _send(
        self,
        due: Sequence[Told],
        compose: Callable[[Told], Message],
        state: CallState,
        now: Instant,
        mark: Callable[[Told, Mark, str], None],
    ) -> None:
        await asyncio.gather(*(self._send_one(each, compose(each), state, now, mark) for each in due))

    async def _send_one(
        self,
        told: Told,
        message: Message,
        state: CallState,
        now: Instant,
        mark: Callable[[Told, Mark, str], None],
    ) -> None:
        async with self._room:
            try:
                if told.channel == LAST_RESORT:
                    await self._tell_last_resort(state, message, now)
                else:
                    await self._notifiers[told.channel].send(message, now)
            except LostAnswer as error:
                outcome, why = Mark.UNKNOWN, error.detail
            except NotifierError as error:
                outcome, why = (Mark.USELESS if error.permanent else Mark.FAILED), error.detail
            except Exception as error:  # noqa: BLE001 - one way that is broken must not keep the others from being tried
                outcome, why = Mark.FAILED, f"{type(error).__name__}: {error}"
            else:
                outcome, why = Mark.SENT, ""
        mark(told, outcome, one_line(why, 300))
        # Addresses stay out of the log.
        who = {"person": told.name, "channel": told.channel, "state": state.value}
        if outcome is Mark.SENT:
            log.info("told", **who)
        else:
            log.error("could not be told", **who, outcome=outcome.value, problem=told.why)

    async def _tell_last_resort(self, state: CallState, message: Message, now: Instant) -> None:
        if self._resort is None:
            return
        words = " ".join(message.body.split())
        matters = () if state in (CallState.OVER, CallState.TEST) else (Matter(key="silent", words=words),)
        hops = await self._resort.tell(Call(state=state, matters=matters), now)
        if hops and all(each.problem for each in hops):
            raise Exception("; ".join(f"{each.way}: {each.problem}" for each in hops))  # noqa: TRY002 - told above

    @staticmethod
    def _mark_call(told: Told, outcome: Mark, why: str) -> None:
        told.mark, told.why = outcome, why
        if outcome is Mark.SENT:
            told.rounds += 1


def _mark_all_clear(told: Told, outcome: Mark, why: str) -> None:
    told.all_clear, told.why = outcome, why
