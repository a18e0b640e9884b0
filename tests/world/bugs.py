"""Bugs that the oracle must find, put into a running program from outside: the product has no code for tests.

Each is bound to alerts whose title begins with its name, so that one server can have all of them, and everything else
in it goes well. `BUGS` names for each the check that must find it, and no other may.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from openalert import telemetry
from openalert.domain.ids import new_id
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.webhook import WebhookNotifier
from openalert.usecases.inbound import Outcome

log = structlog.get_logger(__name__)
OVERDUE = 6_500
"""Milliseconds, more than a step may be late."""


def _answered_not_stored() -> None:
    """L1: the answer comes before the commit, and the commit never does."""
    from openalert.usecases import ingest

    real = ingest.take_in

    async def take_in(tx: Any, deliveries: Any) -> Any:
        kept = [each for each in deliveries if b"answered_not_stored" not in each.content]
        outcomes = iter(await real(tx, kept) if kept else [])
        made_up = Outcome(processed=1, incidents=[(new_id(tx.now), 1)])
        return [next(outcomes) if each in kept else made_up for each in deliveries]

    ingest.take_in = take_in


def _lost_dead_letter() -> None:
    """L1: what could not be read is refused, and not kept."""
    from openalert.usecases import keeping

    real = keeping.unread

    async def unread(tx: Any, content: bytes, payload: Any) -> None:
        if b"lost_dead_letter" not in content:
            await real(tx, content, payload)

    keeping.unread = unread


def _after_taking_in(name: str, statement: str) -> None:
    """What the transaction of an alert does beside its work."""
    from openalert.usecases import ingest

    real = ingest.take_in

    async def take_in(tx: Any, deliveries: Any) -> Any:
        outcomes = await real(tx, deliveries)
        if any(name.encode() in each.content for each in deliveries):
            await tx.execute(statement)
        return outcomes

    ingest.take_in = take_in


def _invented() -> None:
    """L2: an alert that nobody told of."""
    from openalert.domain.alert import SignalStatus
    from openalert.usecases import ingest

    real = ingest.take_in

    def with_another(delivery: Any) -> Any:
        if b"invented" not in delivery.content or delivery.reading is None:
            return delivery
        own = delivery.reading.signals[0]
        another = msgspec.structs.replace(
            own,
            title="invented-99",
            fingerprint="invented-99",
            group="invented-99",
            status=SignalStatus.RESOLVED,
        )
        reading = msgspec.structs.replace(delivery.reading, signals=[own, another])
        return msgspec.structs.replace(delivery, reading=reading)

    async def take_in(tx: Any, deliveries: Any) -> Any:
        return await real(tx, [with_another(each) for each in deliveries])

    ingest.take_in = take_in


def _counted_twice() -> None:
    """L3: a repeat is counted again each time that anything comes."""
    _after_taking_in("counted_twice", "UPDATE alerts SET count = count + 1 WHERE title LIKE 'counted_twice%'")


def _sending(name: str, how: Callable[[Any, Any, Any, Any], Any]) -> None:
    """Pages by webhook about these incidents are sent in another way: `how(send, self, message, now)`."""
    real = WebhookNotifier.send

    async def send(self: Any, message: Any, now: Any) -> Any:
        about = message.incident.title if message.incident else ""
        if about.startswith(name) and message.kind == "page":
            return await how(real, self, message, now)
        return await real(self, message, now)

    WebhookNotifier.send = send  # type: ignore[method-assign]


def _dropped_on_503() -> None:
    """N1: a provider that wants it later never gets it."""

    async def how(send: Any, self: Any, message: Any, now: Any) -> Any:
        try:
            return await send(self, message, now)
        except NotifierError as error:
            raise NotifierError(Reason.REFUSED, error.detail, permanent=True) from None

    _sending("dropped_on_503", how)


def _sent_twice() -> None:
    """N2: the provider has it, and gets it again."""

    async def how(send: Any, self: Any, message: Any, now: Any) -> Any:
        await send(self, message, now)
        return await send(self, message, now)

    _sending("sent_twice", how)


def _unmarked_repeat() -> None:
    """N2: after a lost answer it goes out again, and does not say so."""

    async def how(send: Any, self: Any, message: Any, now: Any) -> Any:
        return await send(self, msgspec.structs.replace(message, possible_repeat=False), now)

    _sending("unmarked_repeat", how)


def _paged_after_answer() -> None:
    """N3: what waited for a next try goes out although somebody has it."""
    from openalert.storage import deliveries, notifications

    wanted = "id IN (SELECT n.id FROM notifications n JOIN incidents i ON i.id = n.incident_id "
    wanted += "WHERE i.title LIKE 'paged_after_answer%')"
    deliveries._WANTED = f"({deliveries._WANTED} OR {wanted})"
    real = notifications.cancel_pages

    async def cancel_pages(tx: Any, ids: Any, reason: Any, **how: Any) -> Any:
        rows = await tx.rows("SELECT id FROM incidents WHERE title LIKE 'paged_after_answer%'")
        return await real(
            tx, [each for each in ids if (each,) not in {tuple(row) for row in rows}], reason, **how
        )

    notifications.cancel_pages = cancel_pages


def _end_before_beginning() -> None:
    """N4: news overtakes the page that it is about."""
    from openalert.storage import deliveries

    about = "incident_id IN (SELECT i.id FROM incidents i WHERE i.title LIKE 'end_before_beginning%')"
    deliveries._ITS_TURN = f"({deliveries._ITS_TURN} OR {about})"

    async def how(send: Any, self: Any, message: Any, now: Any) -> Any:
        await asyncio.sleep(3)
        return await send(self, message, now)

    _sending("end_before_beginning", how)


def _scheduling(name: str, how: Callable[..., None]) -> None:
    """Steps of these incidents are planned in another way."""
    from openalert.usecases import escalation

    real = escalation._schedule

    def schedule(work: Any, incident: Any, cycle: int, level: int, due_at: int) -> None:
        if incident.title.startswith(name):
            how(real, work, incident, cycle, level, due_at)
        else:
            real(work, incident, cycle, level, due_at)

    escalation._schedule = schedule


def _late_step() -> None:
    """N5: the first level is done later than it may be."""

    def how(schedule: Any, work: Any, incident: Any, cycle: int, level: int, due_at: int) -> None:
        schedule(work, incident, cycle, level, due_at + (OVERDUE if level == 1 else 0))

    _scheduling("late_step", how)


def _forgotten_timer() -> None:
    """T1: a level is done, and nothing stands for the next one."""

    def how(schedule: Any, work: Any, incident: Any, cycle: int, level: int, due_at: int) -> None:
        schedule(work, incident, cycle, level, due_at)
        if level > 1:
            work.drop_timers(incident)

    _scheduling("forgotten_timer", how)


def _gap_in_story() -> None:
    """T2: an entry of the timeline is left out of the count."""
    from openalert.usecases.work import Work

    real = Work.tell

    def tell(self: Any, incident: Any, kind: str, actor: Any = None, **data: Any) -> None:
        incident.last_seq += incident.title.startswith("gap_in_story") and kind == "escalated"
        real(self, incident, kind, actor, **data)

    Work.tell = tell  # type: ignore[method-assign]


def _settling(name: str, how: Callable[[Any, Any, Any, Any, Any], Any]) -> None:
    from openalert.engine.deliver import Deliver

    real = Deliver._settle

    async def settle(self: Any, rows: Any, result: Any, terms: Any) -> None:
        await how(real, self, rows, result, terms)

    async def choose(self: Any, rows: Any, result: Any, terms: Any) -> None:
        found = await self._database.look(
            lambda reader: reader.rows(
                "SELECT title FROM incidents WHERE id = :id", id=rows[0].incident_id or ""
            )
        )
        is_meant = bool(found) and found[0][0].startswith(name) and rows[0].channel == "webhook"
        await (settle if is_meant else real)(self, rows, result, terms)

    Deliver._settle = choose  # type: ignore[method-assign]


def _left_in_sending() -> None:
    """D1: what a provider answered is never written down."""

    async def how(real: Any, self: Any, rows: Any, result: Any, terms: Any) -> None:
        telemetry.NOTIFICATIONS.labels(channel="webhook", outcome="sent").inc()

    _settling("left_in_sending", how)


def _counted_wrong() -> None:
    """M1: a message is counted that was not sent."""

    async def how(real: Any, self: Any, rows: Any, result: Any, terms: Any) -> None:
        await real(self, rows, result, terms)
        telemetry.NOTIFICATIONS.labels(channel="webhook", outcome="sent").inc()

    _settling("counted_wrong", how)


def _stale_for_listeners() -> None:
    """R1: a change is committed, and who listens does not hear of it."""
    from openalert.usecases.work import Work

    real = Work.say

    def say(self: Any, incident: Any, event: str) -> None:
        if not (incident.title.startswith("stale_for_listeners") and event == "acknowledged"):
            real(self, incident, event)

    Work.say = say  # type: ignore[method-assign]


def _broken_in_silence() -> None:
    """X1: something breaks, and only the log knows."""

    async def how(send: Any, self: Any, message: Any, now: Any) -> Any:
        log.error("broke", incident=message.incident.title, exc_info=RuntimeError("nobody sees this"))
        return await send(self, message, now)

    _sending("broken_in_silence", how)


BUGS: dict[str, tuple[str, Callable[[], None]]] = {
    bug.__name__.removeprefix("_"): ((bug.__doc__ or "").partition(":")[0], bug)
    for bug in (
        _answered_not_stored,
        _lost_dead_letter,
        _invented,
        _counted_twice,
        _dropped_on_503,
        _sent_twice,
        _unmarked_repeat,
        _paged_after_answer,
        _end_before_beginning,
        _late_step,
        _forgotten_timer,
        _gap_in_story,
        _left_in_sending,
        _stale_for_listeners,
        _counted_wrong,
        _broken_in_silence,
    )
}
"""By name, the check that must find it, and what puts it in."""
