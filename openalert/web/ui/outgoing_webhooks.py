"""Outgoing webhooks: how each is at a glance, the form, and the log of what each was told."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.instant import DAY, HOUR, SECOND, Instant
from openalert.domain.outgoing_webhook import (
    EVENTS,
    MOST_WEBHOOKS,
    DeliveryStatus,
    OutgoingAttempt,
    OutgoingDelivery,
    OutgoingWebhook,
)
from openalert.domain.severity import Severity
from openalert.notifiers.outgoing_webhook import sent_headers
from openalert.storage import incidents, services, teams
from openalert.storage import outgoing_deliveries as stored
from openalert.storage.database import Database
from openalert.storage.outgoing_deliveries import Tally
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import outgoing_deliveries, outgoing_webhooks
from openalert.usecases.access import require
from openalert.usecases.outgoing_webhooks import Wish
from openalert.web.ui import choices, outgoing_forms
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once
from openalert.web.ui.frame import Values, Web, act, address, answer, chips, go, sent, shell

PATH = "/settings/outgoing-webhooks"
PAGE = 50
HOURS = 24
_SOON = 15 * SECOND
"""What is tried within this time is waited for: the page looks again by itself."""
_SPANS = {"all": None, "day": DAY, "hour": HOUR}
REASONS = {
    "refused": "the receiver refused it",
    "auth_failed": "the receiver does not accept our credentials",
    "rate_limited": "the receiver asked for time",
    "provider_failed": "the receiver is in trouble",
    "bad_response": "a redirect, or no HTTP",
    "gone": "the receiver wants nothing more",
    "unreachable": "no connection",
    "timeout": "no answer in time",
    "tls_failed": "no valid certificate",
    "no_answer": "the answer was lost",
    "blocked_address": "the address is not allowed",
    "misconfigured": "it cannot be sent",
    "loop": "the URL is our own, or the news went round",
    "switched_off": "the webhook was switched off",
    "restored": "it waited in a backup that was restored",
}
"""Why an attempt failed, in words."""


@get(PATH, include_in_schema=False)
async def index(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Every webhook with how it is."""
    async with db.read() as reader:
        found = await outgoing_webhooks.page(reader, actor, limit=MOST_WEBHOOKS)
        tallies = await stored.tallies(reader, [each.id for each in found], HOURS) if found else {}
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            webhooks=[_row(each, tallies[each.id]) for each in found],
            can_add=len(found) < MOST_WEBHOOKS,
        )
    return answer(request, "outgoing_webhooks/list.html", context)


def _row(webhook: OutgoingWebhook, tally: Tally) -> Values:
    return {
        "href": f"{PATH}/{webhook.id}",
        "name": webhook.name,
        "host": outgoing_forms.host(webhook.url),
        "state": _state(webhook),
        "failing_since": webhook.failing_since,
        "last_success_at": webhook.last_success_at,
        "disabled_at": webhook.disabled_at,
        "told": outgoing_forms.events_in_words(webhook),
        "hours": tally.hours,
        "count": sum(tally.hours),
        "waiting": tally.waiting,
        "failed": tally.failed,
    }


def _state(webhook: OutgoingWebhook) -> str:
    """`off`, `given up`, `failing`, `well`, or `new` when it was told nothing yet."""
    if not webhook.is_enabled:
        return "given up" if webhook.disabled_reason else "off"
    if webhook.failing_since is not None:
        return "failing"
    return "well" if webhook.last_success_at is not None else "new"


@get(PATH + "/new", include_in_schema=False)
async def new(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The form for another one."""
    return await _form(request, db, actor, None, outgoing_forms.blank(), {})


@post(PATH, include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Another webhook; its page shows the secret this once."""
    typed = await outgoing_forms.typed(request)

    async def body(tx: Transaction) -> tuple[OutgoingWebhook, str]:
        return await outgoing_webhooks.create(tx, outgoing_forms.wish(typed))

    made, errors = await attempt(db, actor, body, outgoing_forms.FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    webhook, secret = made
    back = go(f"{PATH}/{webhook.id}", f"{webhook.name} is there. Copy the secret, then send a test.")
    return show_once(request, back, webhook.id, secret)


@get(PATH + "/{webhook_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web, webhook_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form, filled in."""
    async with db.read() as reader:
        webhook = await outgoing_webhooks.get(reader, actor, webhook_id)
    return await _form(request, db, actor, webhook, outgoing_forms.filled(webhook), {})


@post(PATH + "/{webhook_id:str}", include_in_schema=False)
async def update(
    request: Web, webhook_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """What was typed, kept."""
    typed = await outgoing_forms.typed(request)
    async with db.read() as reader:
        webhook = await outgoing_webhooks.get(reader, actor, webhook_id)

    async def body(tx: Transaction) -> OutgoingWebhook:
        return await outgoing_webhooks.update(tx, webhook_id, outgoing_forms.wish(typed))

    made, errors = await attempt(db, actor, body, outgoing_forms.FIELDS)
    if made is None:
        return await _form(request, db, actor, webhook, typed, errors)
    return go(f"{PATH}/{webhook_id}", "Saved. It holds for what happens from now on.")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    webhook: OutgoingWebhook | None,
    values: outgoing_forms.Typed,
    errors: Errors,
) -> Response[Any]:
    require(actor, Permission.CONFIGURE, None)
    async with db.read() as reader:
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            title=f"Edit {webhook.name}" if webhook else "New outgoing webhook",
            action=f"{PATH}/{webhook.id}" if webhook else PATH,
            back=f"{PATH}/{webhook.id}" if webhook else PATH,
            back_words=webhook.name if webhook else "Outgoing webhooks",
            is_new=webhook is None,
            values=values,
            errors=errors,
            events=outgoing_forms.EVENT_WORDS,
            severities=[each.value for each in Severity],
            teams=await choices.teams_to_configure(reader, actor),
            services=[
                (each.id, each.name) for each in await services.page(reader, actor, limit=choices.MOST)
            ],
        )
    return answer(request, "outgoing_webhooks/edit.html", context, 422 if errors else 200)


@get(PATH + "/{webhook_id:str}", include_in_schema=False)
async def show(
    request: Web,
    webhook_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status: FromQuery[str | None] = None,
    event: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """One webhook: how it is, what it is told, and the log."""
    here = f"{PATH}/{webhook_id}"
    state = status if status in list(DeliveryStatus) else None
    kind = event if event in EVENTS else None
    async with db.read() as reader:
        webhook = await outgoing_webhooks.get(reader, actor, webhook_id)
        found = await outgoing_deliveries.search(
            reader,
            actor,
            webhook_id,
            statuses=[DeliveryStatus(state)] if state else None,
            type=kind,
            before=cursor,
            limit=PAGE + 1,
        )
        shown = found[:PAGE]
        tally = (await stored.tallies(reader, [webhook_id], HOURS))[webhook_id]
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            webhook=_row(webhook, tally) | await _facts(reader, actor, webhook),
            secret=shown_once(request).get(webhook_id),
            rows=await _rows(reader, shown),
            looks_again=any(_is_soon(each, reader.now) for each in shown),
            here=address(here, status=state, event=kind, cursor=cursor),
            chips=chips(
                here,
                {
                    "status": (state, outgoing_forms.STATUS_WORDS[state]) if state else None,
                    "event": (kind, kind) if kind else None,
                },
            ),
            filters=_filters(here, state, kind),
            older=address(here, status=state, event=kind, cursor=shown[-1].id) if len(found) > PAGE else None,
            newest=address(here, status=state, event=kind) if cursor else None,
        )
    return forget_shown(request, answer(request, "outgoing_webhooks/show.html", context))


async def _facts(reader: Reader, actor: Actor, webhook: OutgoingWebhook) -> Values:
    named_teams = await teams.named(reader, actor, webhook.team_ids)
    named_services = await services.named(reader, actor, webhook.service_ids)
    return {
        "id": webhook.id,
        "url": webhook.url,
        "disabled_reason": webhook.disabled_reason,
        "last_failure_at": webhook.last_failure_at,
        "previous_secret_until": webhook.previous_secret_until,
        "events": webhook.events,
        "teams": [each.name for each in named_teams.values()],
        "services": [each.name for each in named_services.values()],
        "severities": [each.value for each in webhook.severities],
        "matchers": webhook.matchers,
        "headers": list(outgoing_webhooks.shown_headers(webhook).items()),
        "timeout": webhook.timeout_seconds,
        "attempts": webhook.max_attempts,
    }


def _filters(here: str, state: str | None, kind: str | None) -> list[Values]:
    menus: list[Values] = []
    if state is None:
        options = [
            (address(here, status=key, event=kind), words)
            for key, words in outgoing_forms.STATUS_WORDS.items()
        ]
        menus.append({"name": "status", "words": "State", "options": options})
    if kind is None:
        options = [(address(here, status=state, event=name), name) for name in EVENTS]
        menus.append({"name": "event", "words": "Event", "options": options})
    return menus


def _is_soon(delivery: OutgoingDelivery, now: Instant) -> bool:
    return delivery.due_at is not None and delivery.due_at <= now + _SOON


async def _rows(reader: Reader, shown: Sequence[OutgoingDelivery]) -> list[Values]:
    last = {each.delivery_id: each for each in await stored.attempts_of(reader, [row.id for row in shown])}
    about = [row.object_id for row in shown if row.type.startswith("incident.")]
    known = await incidents.get_many(reader, about) if about else {}
    return [_delivery(row, last.get(row.id)) | {"about": _about(row, known)} for row in shown]


def _about(row: OutgoingDelivery, known: Mapping[str, Any]) -> str:
    incident = known.get(row.object_id)
    if incident is not None:
        return f"#{incident.number} {incident.title}"
    data = msgspec.json.decode(row.body).get("data") or {}
    return str((data.get("alert") or {}).get("title") or data.get("message") or "")


def _delivery(row: OutgoingDelivery, last: OutgoingAttempt | None) -> Values:
    return {
        "id": row.id,
        "href": f"{PATH}/{row.webhook_id}/deliveries/{row.id}",
        "type": row.type,
        "sequence": row.sequence,
        "status": row.status.value,
        "words": outgoing_forms.STATUS_WORDS[row.status.value],
        "attempts": row.attempts,
        "next_at": row.due_at if row.status is DeliveryStatus.PENDING and row.attempts else None,
        "created_at": row.created_at,
        "delivered_at": row.delivered_at,
        "status_code": row.status_code,
        "reason": REASONS.get(row.failure_reason or "", "it failed") if row.failure_reason else "",
        "duration_ms": last.duration_ms if last else None,
    }


@get(PATH + "/{webhook_id:str}/deliveries/{delivery_id:str}", include_in_schema=False)
async def delivery(
    request: Web,
    webhook_id: FromPath[str],
    delivery_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """What was sent, and what came back at each attempt."""
    async with db.read() as reader:
        webhook = await outgoing_webhooks.get(reader, actor, webhook_id)
        row, attempts = await outgoing_deliveries.get(reader, actor, webhook_id, delivery_id)
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            webhook={"href": f"{PATH}/{webhook.id}", "name": webhook.name, "url": webhook.url},
            delivery=_delivery(row, attempts[-1] if attempts else None) | {"about": _about(row, {})},
            headers=[
                f"{name}: {value}"
                for name, value in sent_headers(row.id, webhook.headers, webhook.secret_headers).items()
            ],
            body=msgspec.json.format(row.body.encode(), indent=2).decode(),
            attempts=[_attempt(each, number) for number, each in enumerate(attempts, start=1)][::-1],
            looks_again=_is_soon(row, reader.now),
            can_replay=webhook.is_enabled and row.status is not DeliveryStatus.SENDING,
        )
    return answer(request, "outgoing_webhooks/delivery.html", context)


def _attempt(attempt: OutgoingAttempt, number: int) -> Values:
    return {
        "number": number,
        "at": attempt.at,
        "is_good": attempt.outcome == "delivered",
        "words": "taken" if attempt.outcome == "delivered" else REASONS.get(attempt.outcome, "it failed"),
        "status_code": attempt.status_code,
        "duration_ms": attempt.duration_ms,
        "response": attempt.detail,
    }


@post(PATH + "/{webhook_id:str}/deliveries/{delivery_id:str}/replay", include_in_schema=False)
async def replay(
    webhook_id: FromPath[str],
    delivery_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Send one again; back to it."""

    async def body(tx: Transaction) -> str:
        await outgoing_deliveries.replay(tx, webhook_id, delivery_id)
        return "It is on its way again, with the same id."

    return await act(db, actor, f"{PATH}/{webhook_id}/deliveries/{delivery_id}", body)


@post(PATH + "/{webhook_id:str}/{verb:str}", include_in_schema=False)
async def do(
    request: Web,
    webhook_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Test, replay, switch on or off, give a new secret, or delete."""
    here = f"{PATH}/{webhook_id}"
    typed = await sent(request)
    match verb:
        case "test":
            made, errors = await attempt(db, actor, lambda tx: outgoing_deliveries.send_test(tx, webhook_id))
            return go(here, errors[""], "bad") if made is None else go(f"{here}/deliveries/{made.id}")
        case "rotate":
            rotated, errors = await attempt(
                db, actor, lambda tx: outgoing_webhooks.rotate_secret(tx, webhook_id)
            )
            if rotated is None:
                return go(here, errors[""], "bad")
            said = "A new secret signs. For a day the one before does too."
            return show_once(request, go(here, said), webhook_id, rotated[1])
        case "delete":
            return await act(db, actor, PATH, lambda tx: _delete(tx, webhook_id))
        case "enable" | "disable":
            return await act(db, actor, here, lambda tx: _switch(tx, webhook_id, on=verb == "enable"))
        case "replay":
            return await act(db, actor, here, lambda tx: _replay(tx, webhook_id, typed.get("span", "all")))
        case _:
            raise NotFound("page")


async def _delete(tx: Transaction, webhook_id: str) -> str:
    await outgoing_webhooks.delete(tx, webhook_id)
    return "The webhook is deleted, with its log."


async def _switch(tx: Transaction, webhook_id: str, *, on: bool) -> str:
    webhook = await outgoing_webhooks.update(tx, webhook_id, Wish(is_enabled=on))
    return f"{webhook.name} is told what happens from now on." if on else f"{webhook.name} is switched off."


async def _replay(tx: Transaction, webhook_id: str, span: str) -> str:
    if span not in _SPANS:
        raise Invalid("Choose since when.", field="span")
    length = _SPANS[span]
    since = 0 if length is None else tx.now - length
    count, left = await outgoing_deliveries.replay_failed(tx, webhook_id, since)
    if not count:
        return "Nothing failed in that time."
    said = f"{count:,} {'delivery is' if count == 1 else 'deliveries are'} on the way again."
    return f"{said} {left:,} more have failed: replay once more for them." if left else said


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, edit, update, show, delivery, replay, do]
