"""`/integrations/{id}`: what came in lately and what became of it; one message, and the mapping edited beside it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.service import OUTCOMES, Integration, Payload, ReadAs, Service
from openalert.sources import generic
from openalert.storage import payloads
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import integrations, readings, services
from openalert.usecases.readings import Preview
from openalert.usecases.replay import content_of, replay_all
from openalert.web.render import amount
from openalert.web.ui import mapping_forms
from openalert.web.ui.forms import Errors
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, shell
from openalert.web.ui.kinds import BY_KEY
from openalert.web.ui.outcomes import EXPLAINED, WORDS, reason

PAGE = 50
COUNTED = 1_000
"""The newest messages, among which each outcome is counted: the page is looked at again every few seconds."""
_SHOWN_CHARACTERS = 40_000
_SHOWN_ALERTS = 20
_BECAME = {
    "open": "new",
    "repeat": "repeat",
    "resolve": "ended it",
    "store_resolved": "was over already",
    "acknowledge": "acknowledged it",
    "stale": "late news",
}


@get("/integrations/{integration_id:str}", include_in_schema=False)
async def index(
    request: Web,
    integration_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outcome: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """The last messages, the newest first: how each was read, and what it led to."""
    chosen = outcome if outcome in OUTCOMES else None
    async with db.read() as reader:
        integration, service = await _seen(reader, actor, integration_id)
        rows = await payloads.page(
            reader, integration.id, outcome=chosen, before=cursor[:64] or payloads.LAST, limit=PAGE + 1
        )
        shown = rows[:PAGE]
        counts = await payloads.recent_counts(reader, integration.id, limit=COUNTED)
        unread = (await payloads.unsettled_counts(reader, [integration.id])).get(integration.id, 0)
        here = f"/integrations/{integration.id}"
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            **_about(actor, integration, service),
            tabs=[("", "All", here)]
            + [
                (each, WORDS[each][0], address(here, outcome=each))
                for each in OUTCOMES
                if counts.get(each) or each == chosen
            ],
            tab=chosen or "",
            counts=counts,
            explained=EXPLAINED.get(chosen or "", ""),
            unread=unread,
            rows=[_row(each) for each in shown],
            here=address(here, outcome=chosen or ""),
            older=address(here, outcome=chosen or "", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest=address(here, outcome=chosen or "") if cursor else None,
        )
    return answer(request, "integrations/list.html", context)


def _row(payload: Payload) -> Values:
    words, tone = WORDS.get(payload.outcome, (payload.outcome.capitalize(), ""))
    return {
        "id": payload.id,
        "href": f"/integrations/{payload.integration_id}/payloads/{payload.id}",
        "at": payload.received_at,
        "words": words,
        "tone": tone,
        "seen": payload.seen_count,
        "is_settled": payload.settled_at is not None,
        "source": _source(payload.source),
        "alerts": [_read_as(each) for each in payload.read_as[:3]],
        "more": max(0, payload.alert_count - min(3, len(payload.read_as))),
        "reason": payload.reason,
        "said": reason(payload),
    }


def _read_as(each: ReadAs) -> Values:
    return {
        "title": each.title,
        "status": each.status,
        "severity": each.severity.value if each.severity else None,
        "became": _BECAME.get(each.became, ""),
        "href": f"/alerts/{each.alert_id}" if each.alert_id else None,
        "incident": f"/incidents/{each.incident_id}" if each.incident_id else None,
    }


@get("/integrations/{integration_id:str}/payloads/{payload_id:str}", include_in_schema=False)
async def message(
    request: Web,
    integration_id: FromPath[str],
    payload_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One message: what was read in it, its body, and the mapping beside it."""
    async with db.read() as reader:
        integration, service = await _seen(reader, actor, integration_id)
        payload = await payloads.get(reader, integration.id, payload_id)
        if payload is None:
            raise NotFound("payload")
        held = mapping_forms.values(integration.config)
        context = await _message(request, reader, actor, integration, service, payload, held, {}, None)
    return answer(request, "integrations/message.html", context)


@get("/integrations/{integration_id:str}/mapping", include_in_schema=False)
async def newest(
    integration_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """The mapping beside the newest message; without one, to the list, which says how to get one."""
    async with db.read() as reader:
        integration = await integrations.to_change(reader, actor, integration_id)
        rows = [
            each for each in await payloads.page(reader, integration.id, limit=20) if each.outcome != "closed"
        ]
    here = f"/integrations/{integration.id}"
    if not rows:
        return go(
            here, "Nothing came yet. A mapping is written beside a message: let the sender send one.", "bad"
        )
    return go(f"{here}/payloads/{rows[0].id}#mapping")


@post("/integrations/{integration_id:str}/payloads/{payload_id:str}/mapping", include_in_schema=False)
async def edit_mapping(
    request: Web,
    integration_id: FromPath[str],
    payload_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Show how the message would be read by what was typed, or save it."""
    typed = await sent(request)
    async with db.read() as reader:
        integration = await integrations.to_change(reader, actor, integration_id)
        _, service = await _seen(reader, actor, integration_id)
        payload = await payloads.get(reader, integration.id, payload_id)
        if payload is None:
            raise NotFound("payload")
        preview, errors = None, {}
        try:
            config = mapping_forms.read(typed, integration.config)
            integrations.check_reading(config)
            tried = msgspec.structs.replace(integration, config=config)
            preview = readings.preview_of(tried, payload, reader.now)
        except Invalid as error:
            errors = mapping_forms.errors_of(error)
        if errors or typed.get("act") != "save":
            held = {name: typed.get(name, "") for name in mapping_forms.NAMES}
            context = await _message(
                request, reader, actor, integration, service, payload, held, errors, preview
            )
            return answer(request, "integrations/message.html", context, 422 if errors else 200)

    async def body(tx: Transaction) -> str:
        now = await integrations.get(tx, tx.actor, integration_id)
        await integrations.update(tx, integration_id, config=mapping_forms.read(typed, now.config))
        return "Saved. The next message is read by it; send this one through again if it is to count."

    return await act(db, actor, f"/integrations/{integration_id}/payloads/{payload_id}", body)


@post("/integrations/{integration_id:str}/payloads/replay", include_in_schema=False)
async def send_all_again(
    request: Web,
    integration_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Send everything through again that could not be read."""
    trace_id = str(request.scope.get("request_id", ""))

    async def body(tx: Transaction) -> str:
        done = await replay_all(tx, integration_id, trace_id)
        said = [f"{amount(done.read, 'message')} could be read this time"]
        if done.still_unread:
            said.append(f"{done.still_unread} still cannot be")
        if done.left:
            said.append("press it again for the rest")
        return ", ".join(said) + "."

    return await act(db, actor, f"/integrations/{integration_id}", body)


async def _seen(reader: Reader, actor: Actor, integration_id: str) -> tuple[Integration, Service]:
    integration = await integrations.get(reader, actor, integration_id)
    return integration, await services.get(reader, actor, integration.service_id)


def _about(actor: Actor, integration: Integration, service: Service) -> Values:
    """The integration as its pages show it."""
    kind = BY_KEY.get(integration.type)
    return {
        "integration": {
            "id": integration.id,
            "href": f"/integrations/{integration.id}",
            "name": integration.name,
            "words": kind.name if kind else integration.type,
            "hint": integration.key_hint,
            "is_active": integration.is_active,
            "last_at": integration.last_received_at,
            "has_mapping": integration.config.mapping is not None,
        },
        "service": {"name": service.name, "href": f"/services/{service.id}#integration-{integration.id}"},
        "can_edit": can(actor, Permission.CONFIGURE, service.team_id),
        "can_respond": can(actor, Permission.RESPOND, service.team_id),
    }


async def _message(
    request: Web,
    reader: Reader,
    actor: Actor,
    integration: Integration,
    service: Service,
    payload: Payload,
    held: Mapping[str, str],
    errors: Errors,
    preview: Preview | None,
) -> Values:
    words, tone = WORDS.get(payload.outcome, (payload.outcome.capitalize(), ""))
    return await shell(
        request,
        reader,
        actor,
        "/services",
        **_about(actor, integration, service),
        message={
            "id": payload.id,
            "href": f"/integrations/{integration.id}/payloads/{payload.id}",
            "at": payload.received_at,
            "words": words,
            "tone": tone,
            "seen": payload.seen_count,
            "settled_at": payload.settled_at,
            "said": reason(payload),
            "source": _source(payload.source),
            "content_type": payload.content_type,
            "size": payload.body_size,
            "trace_id": payload.trace_id,
            "query": payload.context.query,
            "alerts": [_read_as(each) for each in payload.read_as],
            "more": max(0, payload.alert_count - len(payload.read_as)),
            "body": readable(payload),
            "is_whole": len(content_of(payload)) >= payload.body_size,
            "can_replay": payload.outcome not in ("accepted", "replayed", "closed"),
            "is_mapped": payload.source in (generic.NAME, "v1") or payload.outcome == "quarantined",
        },
        members=mapping_forms.MEMBERS,
        values=held,
        errors=errors,
        preview=_preview(preview) if preview else None,
    )


def _preview(preview: Preview) -> Values:
    signals = preview.reading.signals if preview.reading else []
    return {
        "source": _source(preview.reading.source) if preview.reading else "",
        "reason": preview.reason,
        "count": len(signals),
        "uses_mapping": bool(preview.reading and preview.reading.source == generic.NAME),
        "found": preview.found,
        "alerts": [
            {
                "title": each.title,
                "status": each.status.value,
                "severity": each.severity.value if each.severity else None,
                "identity": each.fingerprint,
                "group": each.group if each.group != each.fingerprint else "",
                "labels": list(each.labels.items()),
                "links": each.links,
                "starts_at": each.starts_at,
                "description": each.description[:400],
            }
            for each in signals[:_SHOWN_ALERTS]
        ],
        "more": max(0, len(signals) - _SHOWN_ALERTS),
    }


def readable(payload: Payload) -> str:
    """The message as text for people: JSON in lines, what is not text as far as it is, cut when it is long."""
    text = content_of(payload).decode(errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}\n… ({payload.body_size} bytes in all)"


def _source(name: str) -> str:
    kind = BY_KEY.get(name)
    return kind.name if kind and name != "v1" else name


ROUTES: Sequence[HTTPRouteHandler] = [index, message, newest, edit_mapping, send_all_again]
