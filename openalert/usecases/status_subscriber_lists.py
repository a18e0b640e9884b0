"""Many subscribers of a status page at once: the list that admins search, lists that come in and go out, the move."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

import msgspec

from openalert.domain import subscriber_csv
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.languages import KNOWN
from openalert.domain.status_page import StatusPage, new_public_id
from openalert.domain.status_subscriber import (
    FORGET_AFTER,
    MOST_SUBSCRIBERS,
    Mailing,
    MailingKind,
    Subscriber,
    SubscriberKind,
    SubscriberState,
)
from openalert.domain.subscriber_csv import Entry, Problem
from openalert.storage import status_pages, status_subscriber_lists, status_subscribers
from openalert.storage.database import Database
from openalert.storage.status_subscriber_lists import Narrowed, Received, Sending
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, status_targets
from openalert.usecases.access import require
from openalert.usecases.status_pages import get as page_in_view
from openalert.usecases.status_pages import to_configure, touched
from openalert.usecases.status_subscribers import Known
from openalert.usecases.status_subscribers import get as one_in_view
from openalert.usecases.status_targets import Target

BATCH = 500
"""Lines that one transaction takes in: a longer one would keep pages from being written down."""
EXPORT_BATCH = 1_000


class Plan(msgspec.Struct, kw_only=True):
    """What the import of a list would do."""

    new: int = 0
    """Subscribers who are told from then on."""
    waiting: int = 0
    """New ones who never confirmed: they are told nothing until they do."""
    resting: int = 0
    """New ones who left or were quarantined: kept only so that they are never written to."""
    stopped: int = 0
    """Known ones who are told nothing any more, because the list says that they left."""
    known: int = 0
    """Known ones who stay as they are."""
    repeated: int = 0
    problems: list[Problem] = []
    kinds: dict[SubscriberKind, int] = {}
    """Of those who are told, by how."""


class Checked(msgspec.Struct, frozen=True):
    """A line whose address is fit to be told."""

    entry: Entry
    target: Target


async def listed(
    reader: Reader, actor: Actor, page_id: str, narrowed: Narrowed, *, before: str, limit: int
) -> list[Known]:
    """The subscribers of a page that the list shows, the newest first; for admins of its team."""
    page = await _page(reader, actor, page_id)
    some = await status_subscriber_lists.page(reader, page.id, narrowed, before=before, limit=limit)
    chosen = await status_subscribers.choices(reader, [each.id for each in some])
    return [Known(each, chosen.get(each.id, [])) for each in some]


async def received(reader: Reader, actor: Actor, subscriber_id: str, limit: int) -> list[Received]:
    """What one of them was sent lately, the newest first; for admins of the page's team."""
    known = await one_in_view(reader, actor, subscriber_id)
    return await status_subscriber_lists.received(reader, known.subscriber.id, limit)


async def sendings(reader: Reader, actor: Actor, page_id: str, limit: int) -> list[Sending]:
    """What became of the newest mailings; for whoever sees the page: they hold no address."""
    page = await page_in_view(reader, actor, page_id)
    return await status_subscriber_lists.sendings(reader, page.id, limit)


async def switch_kinds(tx: Transaction, page_id: str, on: Collection[SubscriberKind]) -> None:
    """Offer these ways of being told to those who ask, and no others; whoever is told already goes on."""
    page = await to_configure(tx, page_id)
    before = await status_subscriber_lists.kinds_off(tx, page.id)
    off = set(SubscriberKind) - set(on)
    if off == before:
        return
    await status_subscriber_lists.switch(tx, page.id, off)
    await touched(tx, page)
    audit.record(
        tx,
        "status_page.subscriber_kinds_switched",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        before={"off": sorted(before)},
        after={"off": sorted(off)},
        organization_id=page.organization_id,
    )


async def plan(reader: Reader, actor: Actor, page_id: str, content: bytes) -> tuple[Plan, list[Checked]]:
    """Read a list and say what its import would do, and the lines that it would take in; nothing is changed."""
    page = await _page(reader, actor, page_id)
    parts = await status_pages.components(reader, page.id)
    # Ten thousand lines are a second of reading, in which others are answered.
    reading = await asyncio.to_thread(subscriber_csv.read, content, parts)
    checked, unfit, again = await asyncio.to_thread(_checked, reading.entries)
    problems = sorted((*reading.problems, *unfit), key=lambda each: each.line)
    planned = Plan(repeated=reading.repeated + again, problems=problems)
    for start in range(0, len(checked), BATCH):
        batch = checked[start : start + BATCH]
        known = await status_subscriber_lists.by_keys(reader, page.id, [each.target.key for each in batch])
        for each in batch:
            _count(planned, each, known.get(each.target.key))
    count = await status_subscribers.count(reader, page.id)
    if count + planned.new + planned.waiting + planned.resting > MOST_SUBSCRIBERS:
        raise Invalid(f"A page has at most {MOST_SUBSCRIBERS} subscribers.", field="file")
    return planned, checked


async def take_in(tx: Transaction, page_id: str, batch: Sequence[Checked]) -> Plan:
    """Take in a part of a list, at most `BATCH` lines of it; a part that is taken in twice changes nothing more."""
    page = await to_configure(tx, page_id)
    known = await status_subscriber_lists.by_keys(tx, page.id, [each.target.key for each in batch])
    done = Plan()
    made: list[tuple[Subscriber, Checked]] = []
    for each in batch:
        present = known.get(each.target.key)
        _count(done, each, present)
        if present is None:
            made.append((_new(tx, page, each), each))
        elif _stops(each.entry, present):
            await _stop(tx, present, each.entry.state)
        elif _confirms(each.entry, present):
            _activate(tx, present)
            await status_subscribers.update(tx, present)
    await status_subscriber_lists.insert(
        tx,
        [subscriber for subscriber, _ in made],
        {
            subscriber.id: each.entry.component_ids or ()
            for subscriber, each in made
            if subscriber.state is not SubscriberState.UNSUBSCRIBED
        },
    )
    for subscriber, each in made:
        if each.target.url is not None and subscriber.state is not SubscriberState.UNSUBSCRIBED:
            await status_subscribers.put_url(tx, subscriber.id, each.target.url)
    audit.record(
        tx,
        "status_page.subscribers_imported",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        after={"new": done.new + done.waiting, "resting": done.resting + done.stopped, "known": done.known},
        organization_id=page.organization_id,
    )
    return done


async def tell_of_move(tx: Transaction, page_id: str) -> int:
    """Write to everybody who was imported, once, that their news comes from here now, and how to leave; how many.

    These letters leave behind everything else that subscribers are sent. Conflict: there is nobody to tell.
    """
    page = await to_configure(tx, page_id)
    mailing = Mailing(
        id=new_id(tx.now), page_id=page.id, kind=MailingKind.MOVED, spread_at=tx.now, created_at=tx.now
    )
    count = await status_subscriber_lists.tell_of_move(tx, mailing)
    if not count:
        raise Conflict("Everybody who was imported knows already.", code="NOBODY_TO_TELL")
    audit.record(
        tx,
        "status_page.subscribers_told_of_move",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        after={"count": count},
        organization_id=page.organization_id,
    )
    return count


async def export(
    db: Database, actor: Actor, page_id: str
) -> AsyncIterator[list[tuple[Subscriber, list[str]]]]:
    """All subscribers of a page with the public ids of the components that they chose, in batches.

    Of whoever left there is no address that could be exported.
    """
    before = "~"
    while True:
        async with db.read() as reader:
            some = await listed(reader, actor, page_id, Narrowed(), before=before, limit=EXPORT_BATCH)
            parts = {each.id: each.public_id for each in await status_pages.components(reader, page_id)}
        if not some:
            return
        before = some[-1].subscriber.id
        yield [
            (known.subscriber, [parts[each] for each in known.component_ids if each in parts])
            for known in some
            if known.subscriber.address
        ]


def _checked(entries: Sequence[Entry]) -> tuple[list[Checked], list[Problem], int]:
    """The lines that can be taken in, each place once however it is spelt; the others; how many were repeated."""
    checked: dict[str, Checked] = {}
    problems: list[Problem] = []
    repeated = 0
    for entry in entries:
        try:
            target = _target(entry)
        except Invalid as refused:
            problems.append(Problem(line=entry.line, why=refused.message.rstrip(".")))
            continue
        before = checked.get(target.key)
        repeated += before is not None
        if before is None or subscriber_csv.one_of(before.entry, entry) is entry:
            checked[target.key] = Checked(entry, target)
    return list(checked.values()), problems, repeated


def _target(entry: Entry) -> Target:
    if entry.kind is SubscriberKind.EMAIL:
        return status_targets.mailbox(entry.address)
    return status_targets.hook(entry.kind, entry.address, entry.contact)


def _count(planned: Plan, each: Checked, present: Subscriber | None) -> None:
    """Add what a line does to what its list does."""
    state = each.entry.state
    if present is not None and _stops(each.entry, present):
        planned.stopped += 1
    elif present is not None and not _confirms(each.entry, present):
        planned.known += 1
    elif state is SubscriberState.PENDING:
        planned.waiting += 1
    elif state is SubscriberState.ACTIVE:
        planned.new += 1
        planned.kinds[each.target.kind] = planned.kinds.get(each.target.kind, 0) + 1
    else:
        planned.resting += 1


def _stops(entry: Entry, present: Subscriber) -> bool:
    """Whether somebody who is told here left there, or could not be reached."""
    rests = entry.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.QUARANTINED)
    return rests and present.state in (SubscriberState.ACTIVE, SubscriberState.PENDING)


def _confirms(entry: Entry, present: Subscriber) -> bool:
    """Whether somebody who was asked here had confirmed there, and never left here."""
    asked = present.state is SubscriberState.PENDING and present.unsubscribed_at is None
    return asked and entry.state is SubscriberState.ACTIVE


def _new(tx: Transaction, page: StatusPage, each: Checked) -> Subscriber:
    entry, target = each.entry, each.target
    subscriber = Subscriber(
        id=new_id(tx.now),
        page_id=page.id,
        public_id=new_public_id(),
        kind=target.kind,
        address=target.address,
        address_key=target.key,
        contact=target.contact,
        state=entry.state,
        is_selective=entry.component_ids is not None,
        language=entry.language if entry.language in KNOWN else None,
        origin="import",
        created_at=tx.now,
        updated_at=tx.now,
    )
    match entry.state:
        case SubscriberState.ACTIVE:
            subscriber.confirmed_at = tx.now
        case SubscriberState.PENDING:
            subscriber.forget_at = tx.now + FORGET_AFTER
        case SubscriberState.QUARANTINED:
            subscriber.quarantined_at, subscriber.quarantine_reason = tx.now, "imported"
        case SubscriberState.UNSUBSCRIBED:
            subscriber.unsubscribed_at = tx.now
            subscriber.address = subscriber.contact = ""
    return subscriber


def _activate(tx: Transaction, subscriber: Subscriber) -> None:
    subscriber.state, subscriber.confirmed_at, subscriber.updated_at = SubscriberState.ACTIVE, tx.now, tx.now
    subscriber.confirm_until = subscriber.forget_at = subscriber.asked_at = None
    subscriber.origin, subscriber.asks = "import", 0


async def _stop(tx: Transaction, subscriber: Subscriber, state: SubscriberState) -> None:
    subscriber.state, subscriber.updated_at = state, tx.now
    if state is SubscriberState.QUARANTINED:
        subscriber.quarantined_at, subscriber.quarantine_reason = tx.now, "imported"
    else:
        subscriber.unsubscribed_at, subscriber.address, subscriber.contact = tx.now, "", ""
        subscriber.confirmed_at = None
        await status_subscribers.put_url(tx, subscriber.id, None)
        await status_subscribers.choose(tx, subscriber.id, ())
    subscriber.confirm_until = subscriber.forget_at = None
    await status_subscribers.update(tx, subscriber)


async def _page(reader: Reader, actor: Actor, page_id: str) -> StatusPage:
    page = await page_in_view(reader, actor, page_id)
    require(actor, Permission.CONFIGURE, page.team_id, "status page")
    return page
