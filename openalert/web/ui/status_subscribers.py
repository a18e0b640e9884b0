"""Who is told what a status page tells: the list, one of them, and how sending went; for admins of the page's team."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission
from openalert.domain.instant import MINUTE
from openalert.domain.status_page import Component, StatusPage
from openalert.domain.status_subscriber import (
    DeliveryState,
    MailingKind,
    SubscriberKind,
    SubscriberState,
)
from openalert.storage import status_pages as stored_pages
from openalert.storage import status_subscriber_lists as stored
from openalert.storage.database import Database
from openalert.storage.status_subscriber_lists import Narrowed, Sending
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_pages, status_subscriber_lists, status_subscribers
from openalert.usecases.access import require
from openalert.usecases.status_subscribers import Known
from openalert.web.ui.frame import Values, Web, act, address, answer, chips, sent_all
from openalert.web.ui.status_frame import PATH, framed

TAB = "/subscribers"
HERE = f"{PATH}/{{page_id:str}}{TAB}"
PAGE = 50
SENDINGS = 6
_MOST_WORDS = 100
_LOOKS_AGAIN_FOR = 30 * MINUTE
"""So long after an update its sending is watched by the page itself."""

KINDS = {
    SubscriberKind.EMAIL: "E-mail",
    SubscriberKind.WEBHOOK: "Webhook",
    SubscriberKind.SLACK: "Slack",
    SubscriberKind.TEAMS: "Teams",
}
STATES = {
    SubscriberState.ACTIVE: "Told",
    SubscriberState.PENDING: "Not confirmed",
    SubscriberState.QUARANTINED: "Cannot be reached",
    SubscriberState.UNSUBSCRIBED: "Left",
}
REASONS = {
    "rejected_recipient": "the mailbox does not exist",
    "refused": "it was refused",
    "auth_failed": "our credentials were not accepted",
    "rate_limited": "the receiver asked for time",
    "provider_failed": "the receiver was in trouble",
    "bad_response": "a redirect, or no HTTP",
    "gone": "the receiver wants nothing more",
    "unreachable": "no connection",
    "timeout": "no answer in time",
    "tls_failed": "no valid certificate",
    "lost_answer": "the answer was lost",
    "blocked_address": "the address is not a public one",
    "misconfigured": "it cannot be sent",
    "loop": "the URL is our own",
    "expired": "no way was found within a day",
    "imported": "it was so in the list that was imported",
    "gone_subscriber": "they left before it was sent",
}
"""Why something did not arrive, in words."""


@get(HERE, include_in_schema=False)
async def index(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
    status: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    component: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """The numbers, the list, and what the last updates' sending came to."""
    here = f"{PATH}/{page_id}{TAB}"
    chosen = {
        "q": q.strip()[:_MOST_WORDS] or None,
        "status": status if status in list(SubscriberState) else None,
        "kind": kind if kind in list(SubscriberKind) else None,
    }
    async with db.read() as reader:
        page = await page_to_configure(reader, actor, page_id)
        parts = await stored_pages.components(reader, page.id)
        part = next((each for each in parts if component in (each.id, each.public_id)), None)
        narrowed = Narrowed(
            words=chosen["q"] or "",
            state=SubscriberState(chosen["status"]) if chosen["status"] else None,
            kind=SubscriberKind(chosen["kind"]) if chosen["kind"] else None,
            component_id=part.id if part else None,
        )
        rows = await status_subscriber_lists.listed(
            reader, actor, page_id, narrowed, before=(cursor or "~")[:64], limit=PAGE + 1
        )
        counted = await status_subscribers.counts(reader, actor, page_id)
        sendings = [_sending(each, page) for each in await stored.sendings(reader, page.id, SENDINGS)]
        off = await stored.kinds_off(reader, page.id)
        kept = {**chosen, "component": part.public_id if part else None}
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            here=here,
            total=sum(counted.values()),
            told=sum(count for (_, where), count in counted.items() if where is SubscriberState.ACTIVE),
            drawn=_drawn(counted, here),
            states=_states(counted, here),
            subscribers=[row_of(each, parts, here) for each in rows[:PAGE]],
            query=chosen["q"] or "",
            kept={name: value for name, value in kept.items() if value and name != "q"},
            chips=chips(here, _chips(chosen, part), q=chosen["q"]),
            filters=_filters(here, parts, kept),
            older=address(here, **kept, cursor=rows[PAGE - 1].subscriber.id) if len(rows) > PAGE else None,
            newest=address(here, **kept) if cursor else None,
            sendings=sendings,
            is_sending=any(
                each["is_running"] and each["created_at"] > reader.now - _LOOKS_AGAIN_FOR for each in sendings
            ),
            kinds=[(each.value, words, each not in off) for each, words in KINDS.items()],
            untold=await stored.untold_of_move(reader, page.id),
        )
    return answer(request, "status_pages/subscribers.html", context)


def _drawn(counted: Mapping[tuple[SubscriberKind, SubscriberState], int], here: str) -> list[Values]:
    """A row for each way that somebody uses: how many in each state, as lengths that end at 100."""
    longest = max((sum(counted.get((kind, state), 0) for state in STATES) for kind in KINDS), default=0)
    rows = []
    for kind, words in KINDS.items():
        numbers = {state: counted.get((kind, state), 0) for state in STATES}
        if not any(numbers.values()):
            continue
        at = 0.0
        pieces = []
        for state, number in numbers.items():
            width = 100 * number / longest
            pieces.append({"state": state.value, "x": round(at, 2), "width": round(width, 2)})
            at += width
        rows.append(
            {
                "kind": kind.value,
                "words": words,
                "told": numbers[SubscriberState.ACTIVE],
                "href": address(here, kind=kind.value),
                "pieces": [each for each in pieces if each["width"]],
                "said": ", ".join(
                    f"{number} {STATES[state].lower()}" for state, number in numbers.items() if number
                ),
            }
        )
    return rows


def _states(counted: Mapping[tuple[SubscriberKind, SubscriberState], int], here: str) -> list[Values]:
    return [
        {
            "state": state.value,
            "words": words,
            "count": sum(count for (_, where), count in counted.items() if where is state),
            "href": address(here, status=state.value),
        }
        for state, words in STATES.items()
    ]


def _chips(chosen: Mapping[str, str | None], part: Component | None) -> dict[str, tuple[str, str] | None]:
    state, kind = chosen["status"], chosen["kind"]
    return {
        "status": (state, STATES[SubscriberState(state)]) if state else None,
        "kind": (kind, KINDS[SubscriberKind(kind)]) if kind else None,
        "component": (part.public_id, f"Chose {part.name}") if part else None,
    }


def _filters(here: str, parts: Sequence[Component], kept: Mapping[str, str | None]) -> list[Values]:
    def options(name: str, known: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(address(here, **{**kept, name: value}), words) for value, words in known]

    every = [
        ("status", "State", options("status", [(each.value, words) for each, words in STATES.items()])),
        ("kind", "Way", options("kind", [(each.value, words) for each, words in KINDS.items()])),
        ("component", "Component", options("component", [(each.public_id, each.name) for each in parts])),
    ]
    return [
        {"name": name, "words": words, "options": found}
        for name, words, found in every
        if found and not kept.get(name)
    ]


def row_of(known: Known, parts: Sequence[Component], here: str) -> Values:
    """A subscriber as the list and their own page show them."""
    one = known.subscriber
    names = [each.name for each in parts if each.id in known.component_ids]
    return {
        "href": f"{here}/{one.id}",
        "address": one.address,
        "contact": one.contact,
        "kind": one.kind.value,
        "state": one.state.value,
        "state_words": STATES[one.state],
        "reason": REASONS.get(one.quarantine_reason or "", ""),
        "chosen": names if one.is_selective else [],
        "is_selective": one.is_selective,
        "is_of_incident": one.incident_id is not None,
        "since": one.confirmed_at or one.unsubscribed_at or one.created_at,
    }


def _sending(sending: Sending, page: StatusPage) -> Values:
    """How far a mailing is, as lengths of a bar that end at 100."""
    states, total = sending.states, sum(sending.states.values())
    sent = states.get(DeliveryState.SENT, 0) + states.get(DeliveryState.UNKNOWN, 0)
    failed, skipped = states.get(DeliveryState.FAILED, 0), states.get(DeliveryState.SKIPPED, 0)
    waiting = total - sent - failed - skipped
    title = "They are told that the page moved" if sending.kind is MailingKind.MOVED else sending.title or ""
    return {
        "title": title,
        "status": sending.status.words if sending.status else "",
        "href": f"/status/{page.slug}/incidents/{sending.incident_id}" if sending.incident_id else None,
        "created_at": sending.created_at,
        "total": total,
        "sent": sent,
        "failed": failed,
        "skipped": skipped,
        "waiting": waiting,
        "is_running": bool(waiting) or sending.spread_at is None,
        "sent_width": round(100 * sent / total, 2) if total else 0,
        "failed_width": round(100 * failed / total, 2) if total else 0,
        "reasons": [
            f"{count} × {REASONS.get(reason, reason)}" for reason, count in list(sending.reasons.items())[:3]
        ],
    }


@post(f"{HERE}/kinds", include_in_schema=False)
async def kinds(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """How one can subscribe, kept."""
    on = [SubscriberKind(each) for each in await sent_all(request, "kind") if each in list(SubscriberKind)]

    async def body(tx: Transaction) -> str:
        await status_subscriber_lists.switch_kinds(tx, page_id, on)
        return "Saved. Whoever is told already goes on being told."

    return await act(db, actor, f"{PATH}/{page_id}{TAB}", body)


async def page_to_configure(reader: Reader, actor: Actor, page_id: str) -> StatusPage:
    """The page, for admins of its team."""
    page = await status_pages.get(reader, actor, page_id)
    require(actor, Permission.CONFIGURE, page.team_id, "status page")
    return page


ROUTES: Sequence[HTTPRouteHandler] = [index, kinds]
