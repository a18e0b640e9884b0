"""One subscriber of a status page: added, looked at, changed, asked again, forgotten; for admins of the page's team."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.status_page import Component
from openalert.domain.status_subscriber import DeliveryState, MailingKind, SubscriberKind, SubscriberState
from openalert.storage import status_pages as stored_pages
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_subscriber_lists, status_subscribers
from openalert.usecases.status_subscribers import EVERYTHING, Choice, Known
from openalert.usecases.status_targets import Target, hook, mailbox
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, sent_all
from openalert.web.ui.status_frame import PATH, framed
from openalert.web.ui.status_subscribers import HERE, KINDS, REASONS, TAB, page_to_configure, row_of

ONE = f"{HERE}/{{subscriber_id:str}}"
RECEIVED = 12
_NAMES = ("kind", "address", "url", "contact", "choice", "agreed")
_FIELDS = {
    "email": ("address", "The address"),
    "url": ("url", "The address"),
    "contact": ("contact", "The contact"),
    "componentIds": ("component_id", "The components"),
    "kind": ("kind", "The way"),
}


@get(f"{HERE}/new", include_in_schema=False)
async def new(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form for another one."""
    return await _form(request, db, actor, page_id, {"kind": "email"}, [], {})


@post(HERE, include_in_schema=False)
async def add(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Somebody is brought in: asked, or told at once if they agreed elsewhere."""
    typed, chosen = await sent(request), await sent_all(request, "component_id")

    async def body(tx: Transaction) -> Known:
        return await status_subscribers.add(
            tx,
            page_id,
            target=_target(typed),
            choice=_choice(typed, chosen),
            is_confirmed=typed.get("agreed") == "yes",
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _form(request, db, actor, page_id, typed, chosen, errors)
    said = f"{made.subscriber.address} is told from now on."
    if made.subscriber.state is SubscriberState.PENDING:
        said = f"{made.subscriber.address} was asked to confirm."
    return go(f"{PATH}/{page_id}{TAB}", said)


def _target(typed: Mapping[str, str]) -> Target:
    """Where the form says that somebody is told."""
    said = typed.get("kind") or SubscriberKind.EMAIL
    if said not in list(SubscriberKind):
        raise Invalid("Choose one of the ways.", field="kind")
    if said == SubscriberKind.EMAIL:
        return mailbox(typed.get("address", ""))
    return hook(SubscriberKind(said), typed.get("url", ""), typed.get("contact", ""))


def _choice(typed: Mapping[str, str], chosen: Sequence[str]) -> Choice:
    """Everything, or the components that were ticked; Invalid for none of them."""
    if typed.get("choice") != "some":
        return EVERYTHING
    if not chosen:
        raise Invalid("Tick a component, or choose the whole page.", field="componentIds")
    return Choice(component_ids=tuple(chosen))


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    page_id: str,
    typed: Mapping[str, str],
    chosen: Sequence[str],
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        page = await page_to_configure(reader, actor, page_id)
        parts = await stored_pages.components(reader, page.id)
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            here=f"{PATH}/{page_id}{TAB}",
            kinds=list(KINDS.items()),
            typed=values_of(typed, _NAMES, kind=SubscriberKind.EMAIL.value),
            parts=_ticked(parts, chosen),
            is_selective=typed.get("choice") == "some",
            errors=errors,
        )
    return answer(request, "status_pages/subscriber_new.html", context, 422 if errors else 200)


def _ticked(parts: Sequence[Component], chosen: Sequence[str]) -> list[Values]:
    return [{"id": each.id, "name": each.name, "on": each.id in chosen} for each in parts]


@get(ONE, include_in_schema=False)
async def show(
    request: Web,
    page_id: FromPath[str],
    subscriber_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One of them: what they chose, and what they were sent."""
    return await _one(request, db, actor, page_id, subscriber_id, {})


async def _one(
    request: Web, db: Database, actor: Actor, page_id: str, subscriber_id: str, errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        page = await page_to_configure(reader, actor, page_id)
        known = await _known(reader, actor, page.id, subscriber_id)
        one = known.subscriber
        parts = await stored_pages.components(reader, page.id)
        received = await status_subscriber_lists.received(reader, actor, one.id, RECEIVED)
        here = f"{PATH}/{page_id}{TAB}"
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            here=here,
            one=row_of(known, parts, here)
            | {
                "kind_words": KINDS[one.kind],
                "created_at": one.created_at,
                "confirmed_at": one.confirmed_at,
                "unsubscribed_at": one.unsubscribed_at,
                "quarantined_at": one.quarantined_at,
                "asked_at": one.asked_at,
                "asks": one.asks,
                "forget_at": one.forget_at,
                "origin": _ORIGINS.get(one.origin, one.origin),
                "language": one.language or page.language,
            },
            parts=_ticked(parts, known.component_ids),
            received=[
                {
                    "title": each.title or _LETTERS.get(each.kind, ""),
                    "status": each.update_status.words if each.update_status else "",
                    "state": each.status.value,
                    "words": _DELIVERY.get(each.status, each.status.value),
                    "reason": REASONS.get(each.failure_reason or "", ""),
                    "attempts": each.attempts,
                    "at": each.sent_at or each.created_at,
                }
                for each in received
            ],
            errors=errors,
        )
    return answer(request, "status_pages/subscriber.html", context, 422 if errors else 200)


_ORIGINS = {
    "form": "signed up on the page",
    "api": "signed up by a program",
    "admin": "added by an admin",
    "import": "came with a list",
    "moved": "came with a list, and was told so",
}
_LETTERS = {
    MailingKind.CONFIRMATION: "Asked to confirm",
    MailingKind.REMINDER: "Reminded that they are subscribed",
    MailingKind.FAILING: "Told that the webhook takes nothing",
    MailingKind.MOVED: "Told that the page moved",
}
_DELIVERY = {
    DeliveryState.PENDING: "waits",
    DeliveryState.SENDING: "on its way",
    DeliveryState.SENT: "sent",
    DeliveryState.UNKNOWN: "sent, and nobody said whether it arrived",
    DeliveryState.FAILED: "failed",
    DeliveryState.SKIPPED: "not wanted any more",
}


@post(ONE, include_in_schema=False)
async def change(
    request: Web,
    page_id: FromPath[str],
    subscriber_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """What they are told, kept."""
    typed, chosen = await sent(request), await sent_all(request, "component_id")

    async def body(tx: Transaction) -> Known:
        await _known(tx, actor, page_id, subscriber_id)
        wanted = _choice(typed, chosen).component_ids
        return await status_subscribers.change(tx, subscriber_id, component_ids=wanted)

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _one(request, db, actor, page_id, subscriber_id, errors)
    return go(f"{PATH}/{page_id}{TAB}/{subscriber_id}", "Saved. It holds for what is told from now on.")


@post(f"{ONE}/ask", include_in_schema=False)
async def ask(
    page_id: FromPath[str],
    subscriber_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """They are asked to confirm once more."""

    async def body(tx: Transaction) -> str:
        await _known(tx, actor, page_id, subscriber_id)
        asked = await status_subscribers.ask_again(tx, subscriber_id)
        return f"{asked.address} was asked again."

    return await act(db, actor, f"{PATH}/{page_id}{TAB}/{subscriber_id}", body)


@post(f"{ONE}/delete", include_in_schema=False)
async def delete(
    page_id: FromPath[str],
    subscriber_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Everything about them is forgotten."""

    async def body(tx: Transaction) -> str:
        await _known(tx, actor, page_id, subscriber_id)
        await status_subscribers.delete(tx, subscriber_id)
        return "Forgotten. They are told nothing more."

    return await act(db, actor, f"{PATH}/{page_id}{TAB}", body)


async def _known(reader: Reader, actor: Actor, page_id: str, subscriber_id: str) -> Known:
    """One of this page; NotFound for one of another."""
    known = await status_subscribers.get(reader, actor, subscriber_id)
    if known.subscriber.page_id != page_id:
        raise NotFound("subscriber")
    return known


ROUTES: Sequence[HTTPRouteHandler] = [new, add, show, change, ask, delete]
