"""JSON below `/status-pages`: who is told what a page tells, and how far that is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.status_subscriber import SubscriberKind, SubscriberState
from openalert.storage.database import Database
from openalert.storage.status_deliveries import Tally
from openalert.usecases import status_mailings
from openalert.usecases import status_subscribers as subscribers
from openalert.usecases.status_subscribers import Choice, Known
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

States = Annotated[
    SubscriberState | None, QueryParameter(name="state", description="Only those in this state.")
]
Kinds = Annotated[
    SubscriberKind | None, QueryParameter(name="kind", description="Only those who are told so.")
]


class SubscriberOut(Output):
    """A subscriber of a status page; `address` of kinds other than e-mail is a short form of the URL."""

    id: str
    status_page_id: str
    kind: SubscriberKind
    address: str
    contact: str
    state: SubscriberState
    component_ids: list[str] | None
    incident_id: str | None
    language: str | None
    origin: str
    confirmed_at: datetime | None
    quarantined_at: datetime | None
    quarantine_reason: str | None
    unsubscribed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SubscriberIn(Input):
    """Somebody to be told by mail; without `isConfirmed` they are asked first."""

    email: str
    component_ids: list[str] | None = None
    incident_id: str | None = None
    is_confirmed: bool = False
    language: str | None = None


class SubscriberPatch(Input):
    """What to change of a subscriber."""

    component_ids: list[str] | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET


class SubscriberCount(Output):
    """How many subscribers a page has."""

    active: int
    pending: int
    quarantined: int
    unsubscribed: int
    kinds: Mapping[SubscriberKind, int]


class UpdateDeliveries(Output):
    """How far subscribers were told of an update."""

    update_id: str
    is_complete: bool
    total: int
    queued: int
    sent: int
    unknown: int
    failed: int
    skipped: int
    created_at: datetime | None


def show(known: Known) -> SubscriberOut:
    """A subscriber as the API answers it."""
    each = known.subscriber
    return SubscriberOut(
        id=each.id,
        status_page_id=each.page_id,
        kind=each.kind,
        address=each.address,
        contact=each.contact,
        state=each.state,
        component_ids=known.component_ids if each.is_selective else None,
        incident_id=each.incident_id,
        language=each.language,
        origin=each.origin,
        confirmed_at=moment_or_none(each.confirmed_at),
        quarantined_at=moment_or_none(each.quarantined_at),
        quarantine_reason=each.quarantine_reason,
        unsubscribed_at=moment_or_none(each.unsubscribed_at),
        created_at=moment(each.created_at),
        updated_at=moment(each.updated_at),
    )


def show_counts(counts: Mapping[tuple[SubscriberKind, SubscriberState], int]) -> SubscriberCount:
    """How many there are: in each state, and of each kind those who are told."""
    found = dict.fromkeys(SubscriberState, 0)
    kinds = dict.fromkeys(SubscriberKind, 0)
    for (kind, state), count in counts.items():
        found[state] += count
        kinds[kind] += count if state is SubscriberState.ACTIVE else 0
    return SubscriberCount(
        active=found[SubscriberState.ACTIVE],
        pending=found[SubscriberState.PENDING],
        quarantined=found[SubscriberState.QUARANTINED],
        unsubscribed=found[SubscriberState.UNSUBSCRIBED],
        kinds=kinds,
    )


def show_tally(update_id: str, tally: Tally) -> UpdateDeliveries:
    """How far the mailing of an update is."""
    counted = status_mailings.counted(tally.states)
    return UpdateDeliveries(
        update_id=update_id,
        is_complete=tally.is_spread and counted["queued"] == 0,
        created_at=moment_or_none(tally.created_at),
        **counted,
    )


@get("/{page_id:str}/subscribers", responses=READS)
async def list_subscribers(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    in_state: States = None,
    of_kind: Kinds = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[SubscriberOut]:
    """The subscribers of a page, the newest first. Addresses are personal: only admins of the team see them."""
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[Known]:
            return await subscribers.listed(
                reader,
                actor,
                page_id,
                states=[in_state] if in_state else None,
                kinds=[of_kind] if of_kind else None,
                before=after,
                limit=limit,
            )

        return await paged(read, show, limit, cursor, key=lambda each: each.subscriber.id)


@get("/{page_id:str}/subscribers/count", responses=READS)
async def count_subscribers(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> SubscriberCount:
    """How many subscribers a page has."""
    async with db.read() as reader:
        return show_counts(await subscribers.counts(reader, actor, page_id))


@post("/{page_id:str}/subscribers", responses=WRITES)
async def add_subscriber(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[SubscriberIn],
) -> SubscriberOut:
    """Have somebody told by mail: they are asked first, unless they confirmed elsewhere."""
    choice = Choice(
        component_ids=tuple(data.component_ids) if data.component_ids is not None else None,
        incident_id=data.incident_id,
    )
    async with db.transaction(actor) as tx:
        return show(
            await subscribers.add(
                tx,
                page_id,
                email=data.email,
                choice=choice,
                is_confirmed=data.is_confirmed,
                language=data.language,
            )
        )


@get("/subscribers/{subscriber_id:str}", responses=READS)
async def get_subscriber(
    db: NamedDependency[Database], actor: NamedDependency[Actor], subscriber_id: FromPath[str]
) -> SubscriberOut:
    """One subscriber."""
    async with db.read() as reader:
        return show(await subscribers.get(reader, actor, subscriber_id))


@patch("/subscribers/{subscriber_id:str}", responses=WRITES)
async def update_subscriber(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    subscriber_id: FromPath[str],
    data: JSONBody[SubscriberPatch],
) -> SubscriberOut:
    """Change what somebody is told, or in which language."""
    async with db.transaction(actor) as tx:
        return show(await subscribers.change(tx, subscriber_id, **data.members()))


@delete("/subscribers/{subscriber_id:str}", responses=WRITES)
async def delete_subscriber(
    db: NamedDependency[Database], actor: NamedDependency[Actor], subscriber_id: FromPath[str]
) -> None:
    """Forget a subscriber, also that they ever left."""
    async with db.transaction(actor) as tx:
        await subscribers.delete(tx, subscriber_id)


@get("/updates/{update_id:str}/deliveries", responses=READS)
async def count_update_deliveries(
    db: NamedDependency[Database], actor: NamedDependency[Actor], update_id: FromPath[str]
) -> UpdateDeliveries:
    """How many subscribers were told of an update, wait, or could not be told."""
    async with db.read() as reader:
        return show_tally(update_id, await status_mailings.update_of(reader, actor, update_id))


handlers = (
    list_subscribers,
    count_subscribers,
    add_subscriber,
    get_subscriber,
    update_subscriber,
    delete_subscriber,
    count_update_deliveries,
)
