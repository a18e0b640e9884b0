"""How alerts come in: each address of a service with its snippet, what came by it, and what was not understood."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.domain.heartbeat_words import length
from openalert.domain.service import Integration, Payload, Service
from openalert.storage import imported_keys as stored_keys
from openalert.storage import payloads
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import alert_mails, cadences, imported_keys, integrations, rehearsal
from openalert.usecases.inbound import Outcome
from openalert.usecases.replay import content_of, replay
from openalert.web.guards import links_back
from openalert.web.ui import snippets
from openalert.web.ui.forms import attempt, show_once
from openalert.web.ui.frame import Values, Web, act, go, sent
from openalert.web.ui.kinds import BODIES, BY_KEY
from openalert.web.ui.outcomes import WORDS, reason
from openalert.web.ui.setup import curl

_LATELY = 8
_SHOWN_CHARACTERS = 6_000


async def connected(
    reader: Reader, request: Web, actor: Actor, service: Service, keys: Mapping[str, str]
) -> list[Values]:
    """Every address of the service as its page shows it; `keys` holds those that may be shown now."""
    some = await integrations.page(reader, actor, service_id=service.id, limit=50)
    base = str(request.app.state.config.base_url)
    old = await stored_keys.of_integrations(reader, [each.id for each in some])
    silent = await cadences.silent(reader, [each.id for each in some])
    return [
        await _shown(reader, actor, each, base, keys.get(each.id))
        | {
            "mail": alert_mails.address_of(links_back(request), each),
            "usual": length(silent[each.id].usual) if each.id in silent and each.is_active else None,
            "imported": [
                {"id": key.id, "hint": key.key_hint, "at": key.created_at} for key in old.get(each.id, [])
            ],
        }
        for each in some
    ]


async def heard(reader: Reader, actor: Actor, service_id: str) -> list[Values]:
    """The addresses of a service in a line each: when something came by it, and what was not understood."""
    some = await integrations.page(reader, actor, service_id=service_id, limit=50)
    unread = await payloads.unsettled_counts(reader, [each.id for each in some])
    return [
        {
            "id": each.id,
            "name": each.name,
            "words": kind.name if (kind := BY_KEY.get(each.type)) else each.type,
            "is_active": each.is_active,
            "last_at": each.last_received_at,
            "unread": unread.get(each.id, 0),
        }
        for each in some
    ]


async def _shown(
    reader: Reader, actor: Actor, integration: Integration, base: str, key: str | None
) -> Values:
    received = await integrations.received(reader, actor, integration.id, limit=_LATELY)
    shown = key or f"<KEY ENDING IN {integration.key_hint}>"
    url = f"{base}/webhooks/{integration.type}/{shown}"
    kind = BY_KEY.get(integration.type)
    return {
        "id": integration.id,
        "name": integration.name,
        "words": kind.name if kind else integration.type,
        "type": integration.type,
        "hint": integration.key_hint,
        "url": url if key else None,
        "address": url,
        "snippet": snippets.first(integration.type, base, shown),
        "others": snippets.others(integration.type, base, shown),
        "where": kind.where if kind else "",
        "body": BODIES.get(integration.type, ""),
        "curl": curl(url.replace(f"/{integration.type}/", "/generic/")),
        "is_active": integration.is_active,
        "last_at": integration.last_received_at,
        "not_understood": sum(
            each.seen_count for each in received if each.outcome == "quarantined" and not each.settled_at
        ),
        "payloads": [_payload(each) for each in received],
    }


def _payload(payload: Payload) -> Values:
    words, tone = WORDS.get(payload.outcome, (payload.outcome.capitalize(), ""))
    return {
        "id": payload.id,
        "at": payload.received_at,
        "words": words,
        "tone": tone,
        "seen": payload.seen_count,
        "reason": reason(payload),
        "body": _body(payload),
        "size": payload.body_size,
        "can_replay": payload.outcome in ("quarantined", "refused", "partial", "ignored"),
    }


def _body(payload: Payload) -> str:
    """The message as text that can be read, cut when it is long."""
    text = content_of(payload).decode(errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}\n… ({payload.body_size} bytes in all)"


@post("/services/{service_id:str}/integrations", include_in_schema=False)
async def create(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """A new address, whose key the service's page shows this once."""
    typed = await sent(request)
    kind = typed.get("type", "")

    async def body(tx: Transaction) -> tuple[Integration, str]:
        name = typed.get("name") or (BY_KEY[kind].name if kind in BY_KEY else kind)
        return await integrations.create(tx, service_id=service_id, name=name, kind=kind)

    return await _with_key(request, db, actor, f"/services/{service_id}", body)


@post("/integrations/{integration_id:str}/rotate-key", include_in_schema=False)
async def rotate_key(
    request: Web,
    integration_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """A new key instead of the old one, shown this once."""
    back = await _service_page(db, actor, integration_id)
    return await _with_key(request, db, actor, back, lambda tx: integrations.rotate_key(tx, integration_id))


async def _with_key(
    request: Web,
    db: Database,
    actor: Actor,
    back: str,
    body: Callable[[Transaction], Awaitable[tuple[Integration, str]]],
) -> Response[None]:
    made, errors = await attempt(db, actor, body)
    if made is None:
        return go(back, " ".join(errors.values()), "bad")
    integration, key = made
    said = f"{integration.name} has an address. Copy it now: it is shown only this once."
    return show_once(request, go(f"{back}#integration-{integration.id}", said), integration.id, key)


@post("/integrations/{integration_id:str}/imported-keys", include_in_schema=False)
async def import_key(
    request: Web,
    integration_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Let a key of an old pager lead to this address as well; it is not shown again."""
    typed = await sent(request)
    back = f"{await _service_page(db, actor, integration_id)}#integration-{integration_id}"

    async def body(tx: Transaction) -> str:
        made = await imported_keys.add(tx, integration_id, typed.get("key", ""))
        return f"Senders whose key ends in …{made.key_hint} reach this service now."

    return await act(db, actor, back, body)


@post(
    "/integrations/{integration_id:str}/imported-keys/{imported_key_id:str}/delete", include_in_schema=False
)
async def remove_imported_key(
    integration_id: FromPath[str],
    imported_key_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Forget a key of an old pager."""
    back = f"{await _service_page(db, actor, integration_id)}#integration-{integration_id}"

    async def body(tx: Transaction) -> str:
        await imported_keys.remove(tx, integration_id, imported_key_id)
        return "The key is forgotten; whoever comes with it is refused."

    return await act(db, actor, back, body)


@post("/integrations/{integration_id:str}/{verb:str}", include_in_schema=False)
async def do(
    request: Web,
    integration_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Test, switch on or off, or delete an address; back to the service."""
    perform = _VERBS.get(verb)
    if perform is None:
        raise NotFound("page")
    back = await _service_page(db, actor, integration_id)
    where = back if verb == "delete" else f"{back}#integration-{integration_id}"
    trace_id = str(request.scope.get("request_id", ""))
    return await act(db, actor, where, lambda tx: perform(tx, integration_id, trace_id))


@post("/integrations/{integration_id:str}/payloads/{payload_id:str}/replay", include_in_schema=False)
async def send_again(
    request: Web,
    integration_id: FromPath[str],
    payload_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Send a kept message through again."""
    back = await _service_page(db, actor, integration_id)
    trace_id = str(request.scope.get("request_id", ""))

    async def body(tx: Transaction) -> str:
        outcome = await replay(tx, integration_id, payload_id, trace_id)
        return f"Read this time: {_became(outcome)}"

    return await act(db, actor, f"{back}#integration-{integration_id}", body)


async def _service_page(db: Database, actor: Actor, integration_id: str) -> str:
    async with db.read() as reader:
        integration = await integrations.get(reader, actor, integration_id)
    return f"/services/{integration.service_id}"


def _became(outcome: Outcome) -> str:
    """What the alerts of a message led to."""
    if not outcome.incidents:
        return "it opened no incident."
    numbers = ", ".join(f"#{number}" for _, number in outcome.incidents[:5])
    return f"it belongs to {numbers}."


async def _test(tx: Transaction, integration_id: str, trace_id: str) -> str:
    outcome = await rehearsal.test_alert(tx, integration_id, trace_id)
    return f"A test alert came in: {_became(outcome)} Whoever is on call is paged."


async def _enable(tx: Transaction, integration_id: str, _: str) -> str:
    changed = await integrations.update(tx, integration_id, is_active=True)
    return f"{changed.name} takes alerts again."


async def _disable(tx: Transaction, integration_id: str, _: str) -> str:
    changed = await integrations.update(tx, integration_id, is_active=False)
    return f"{changed.name} is switched off: whatever posts to it is refused."


async def _delete(tx: Transaction, integration_id: str, _: str) -> str:
    await integrations.delete(tx, integration_id)
    return "The address is deleted; what came by it stays in the history."


_VERBS = {"test": _test, "enable": _enable, "disable": _disable, "delete": _delete}

ROUTES: Sequence[HTTPRouteHandler] = [create, rotate_key, import_key, remove_imported_key, send_again, do]
