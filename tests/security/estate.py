"""An estate: one of everything that a team can have, every text of it marked, made the way people make it."""

import hashlib
import json

import msgspec

from openalert.domain.access import Role, program_of
from openalert.domain.adoption import StrangeKey
from openalert.domain.escalation import Level, Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, HOUR
from openalert.domain.matching import Matcher
from openalert.domain.recurrence import Recurrence
from openalert.domain.routing import Actions, OfService, RuleBody
from openalert.domain.schedule import RotationChange
from openalert.domain.second_factor import Passkey
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.domain.team import Team
from openalert.domain.user import Organization, User
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message
from openalert.sources import Inbound, read
from openalert.storage import Database, adoption, passkeys
from openalert.usecases import (
    api_keys,
    calendars,
    channels,
    contact_methods,
    dry_runs,
    escalation_policies,
    followers,
    handoff_drafts,
    handoff_notes,
    heartbeats,
    imported_keys,
    incidents,
    ingest,
    integrations,
    invitations,
    maintenance_windows,
    notification_rules,
    outgoing_deliveries,
    outgoing_webhooks,
    overrides,
    postmortems,
    responders,
    routing_rules,
    saved_views,
    schedules,
    services,
    signin,
    silences,
    status_components,
    status_incidents,
    status_pages,
    status_subscribers,
    status_templates,
    swaps,
    teams,
)
from openalert.usecases.inbound import Delivery
from tests import make
from tests.cast import LINKS_BACK, Post


class Estate(msgspec.Struct):
    """What there is, by the names that path parameters have."""

    organization: Organization
    team: Team
    person: User
    """A plain member, who is on call."""
    ids: dict[str, str]
    sent: list[Message]
    """Every message that left about it."""


async def build(db: Database, organization: Organization, mark: str, *, marked_people: bool = True) -> Estate:
    """An estate of the organization; `mark` is part of every text.

    Names of people and what they wrote are marked too, unless told that readers may know them.
    """
    person_mark = mark if marked_people else f"P{hashlib.sha256(mark.encode()).hexdigest()[:6]}"
    person = await make.user(db, organization, f"{person_mark}-person")
    ids: dict[str, str] = {"user_id": person.id}
    async with db.transaction(program_of(organization.id)) as tx:
        team = await teams.create(tx, name=f"{mark} team", description=f"{mark} description")
        await teams.put_member(tx, team.id, person.id, Role.MEMBER)
        schedule = await schedules.create(tx, team_id=team.id, name=f"{mark} schedule", timezone="UTC")
        rotation = await schedules.add_rotation(
            tx, schedule.id, f"{mark} rotation", RotationChange(member_ids=(person.id,))
        )
        override = await overrides.add(
            tx,
            schedule.id,
            user_id=person.id,
            start_at=tx.now,
            end_at=tx.now + 30 * DAY,
            reason=f"{mark} reason",
        )
        swap = await swaps.offer(
            tx,
            schedule.id,
            user_id=person.id,
            start_at=tx.now + DAY,
            end_at=tx.now + 2 * DAY,
            note=f"{mark} note",
        )
        note = await handoff_drafts.hand_over(tx, schedule, (person.id,), tx.now)
        await handoff_notes.write(tx, schedule.id, f"{mark} words", note.id)
        channel, _ = await channels.create(
            tx,
            team_id=team.id,
            name=f"{mark} channel",
            kind="email",
            config={"address": f"{mark}@lists.example"},
        )
        targets = (
            Target(type=TargetType.SCHEDULE, id=schedule.id),
            Target(type=TargetType.TEAM, id=team.id),
            Target(type=TargetType.CHANNEL, id=channel.id),
            Target(type=TargetType.USER, id=person.id),
        )
        policy = await escalation_policies.create(
            tx,
            team_id=team.id,
            name=f"{mark} policy",
            levels=[
                Level(level=1, delay=0, targets=targets),
                Level(level=2, delay=HOUR, targets=targets[3:]),
            ],
        )
        service = await services.create(
            tx,
            team_id=team.id,
            name=f"{mark} service",
            description=f"{mark} description",
            escalation_policy_id=policy.policy.id,
            runbook_url=f"https://runbooks.example/{mark}",
        )
        await followers.put(tx, service.id, channel.id, events=["note"])
        integration, integration_key = await integrations.create(
            tx, service_id=service.id, name=f"{mark} integration", kind="prometheus"
        )
        imported = await imported_keys.add(tx, integration.id, f"{integration_key[:30]}-old")
        strange = StrangeKey(
            id=new_id(tx.now),
            organization_id=organization.id,
            key_hash=integrations.key_hash(f"{mark} strange"),
            key_hint="a1b2",
            dialect="opsgenie",
            address="203.0.113.7",
            first_at=tx.now,
            last_at=tx.now,
        )
        await adoption.insert_key(tx, strange)
        window = await maintenance_windows.create(
            tx,
            team_id=team.id,
            name=f"{mark} window",
            service_ids=[service.id],
            matchers=(Matcher(name="host", value=f"{mark}-other"),),
            starts_at=tx.now + DAY,
            ends_at=tx.now + DAY + HOUR,
            recurrence=Recurrence(rule="FREQ=DAILY", timezone="UTC"),
        )
        silence = await silences.create(
            tx,
            team_id=team.id,
            matchers=(Matcher(name="host", value=f"{mark}-other"),),
            comment=f"{mark} comment",
            ends_at=tx.now + 30 * DAY,
        )
        heartbeat, _ = await heartbeats.create(tx, service_id=service.id, name=f"{mark} heartbeat")
        page = await status_pages.create(
            tx,
            team_id=team.id,
            name=f"{mark} page",
            description=f"{mark} description",
            header_text=f"{mark} header",
            footer_text=f"{mark} footer",
        )
        group = await status_components.add_group(tx, page.id, name=f"{mark} group")
        component = await status_components.add_component(
            tx,
            page.id,
            name=f"{mark} component",
            description=f"{mark} description",
            group_id=group.id,
            service_id=service.id,
        )
        told = await status_incidents.create(
            tx,
            page.id,
            title=f"{mark} outage",
            message=f"{mark} message",
            components={component.id: ComponentStatus.PARTIAL_OUTAGE},
        )
        told = await status_incidents.post(
            tx,
            told.incident.id,
            status=PublicStatus.IDENTIFIED,
            message=f"{mark} draft",
            is_draft=True,
        )
        await status_incidents.change(tx, told.incident.id, postmortem_draft=f"{mark} postmortem")
        subscriber = await status_subscribers.add(
            tx, page.id, email=f"{mark}-reader@example.org", is_confirmed=True
        )
        status_template = await status_templates.create(
            tx, page.id, name=f"{mark} template", title=f"{mark} title", message=f"{mark} words"
        )
        routing_rule, other_rule = [
            await routing_rules.create(
                tx,
                team_id=team.id,
                name=f"{mark} {which} rule",
                body=RuleBody(
                    condition=OfService(values=(service.id,)), actions=Actions(tags=(f"{mark} tag",))
                ),
            )
            for which in ("first", "second")
        ]
        invitation = await invitations.create(tx, email=f"{mark}@invited.example", by_mail=False)
        passkey = Passkey(
            id=new_id(tx.now),
            user_id=person.id,
            credential_id=f"{mark}-credential",
            public_key="",
            sign_count=0,
            name=f"{mark} passkey",
            created_at=tx.now,
        )
        await passkeys.insert(tx, passkey)
        key, _ = await api_keys.create(tx, name=f"{mark} key", role=Role.MEMBER, team_id=team.id)
        method = (await contact_methods.of_user(tx, program_of(organization.id), person.id))[0]
        webhook, _ = await outgoing_webhooks.create(
            tx,
            outgoing_webhooks.Wish(
                name=f"{mark} webhook",
                url=f"https://hooks.example/{mark}",
                headers={"X-Mark": mark},
            ),
        )
        delivery = await outgoing_deliveries.send_test(tx, webhook.id)
        rule = await notification_rules.create(tx, person.id, contact_method_id=method.id)
        rules_draft = await dry_runs.draft(tx, tx.actor, team_id=team.id)
    dry_run = await dry_runs.RUNS.begin(db, rules_draft)
    feed = await make.calendar_feed(db, person, name=f"{mark} feed")
    plan = await make.shift_calendar(db, schedule, person, name=f"{mark} plan")
    async with db.transaction(make.actor(person, team)) as tx:
        link, _ = await calendars.create_link(tx, name=f"{mark} link", schedule_id=schedule.id)
        view = await saved_views.create(tx, name=f"{mark} view", query=f"q={mark}")
    ids |= {
        "team_id": team.id,
        "link_id": link.id,
        "view_id": view.id,
        "feed_id": feed.id,
        "calendar_id": plan.id,
        "schedule_id": schedule.id,
        "rotation_id": rotation.id,
        "override_id": override.id,
        "swap_id": swap.id,
        "note_id": note.id,
        "on_call_id": person.id,
        "channel_id": channel.id,
        "policy_id": policy.policy.id,
        "service_id": service.id,
        "routing_rule_id": routing_rule.id,
        "other_rule_id": other_rule.id,
        "dry_run_id": dry_run.id,
        "integration_id": integration.id,
        "heartbeat_id": heartbeat.id,
        "page_id": page.id,
        "group_id": group.id,
        "component_id": component.id,
        "status_incident_id": told.incident.id,
        "subscriber_id": subscriber.subscriber.id,
        "status_template_id": status_template.id,
        "update_id": told.updates[0].id,
        "imported_key_id": imported.id,
        "strange_key_id": strange.id,
        "key_id": key.id,
        "invitation_id": invitation.id,
        "window_id": window.id,
        "silence_id": silence.id,
        "passkey_id": passkey.id,
        "rule_id": rule.id,
        "webhook_id": webhook.id,
        "delivery_id": delivery.id,
    }
    sent = await _fire(db, integration_key, mark)
    ids |= await _happened(db, integration.id, person.id)
    ids["identity_id"] = (await make.identity(db, person, f"{mark}-subject")).id
    ids["request_id"] = (await make.link_request(db, person, f"{mark}-unknown")).id
    async with db.transaction(program_of(organization.id)) as tx:
        await incidents.note(tx, ids["incident_id"], body=f"{mark} note")
        await postmortems.write(tx, ids["incident_id"], body=f"{mark} insight")
        await tx.execute(
            "UPDATE status_incidents SET internal_incident_id = :incident WHERE id = :id",
            id=ids["status_incident_id"],
            incident=ids["incident_id"],
        )
        asked = await responders.ask(
            tx,
            ids["incident_id"],
            targets=[Target(type=TargetType.USER, id=person.id)],
            message=f"{mark} request",
        )
        ids["responder_id"] = asked.people[0].id
    return Estate(organization, team, person, ids, [*sent, *await _sent(db)])


async def _comes(db: Database, key: str, mark: str, what: str = "alert") -> None:
    """An alert of a group of its own comes in."""
    body = {
        "version": "4",
        "groupKey": f"{mark} group of {what}",
        "status": "firing",
        "receiver": f"{mark} receiver",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": f"{mark} {what}", "host": f"{mark}-host"},
                "annotations": {"summary": f"{mark} summary", "description": f"{mark} words"},
                "startsAt": "2026-01-05T08:59:00Z",
                "generatorURL": f"https://prometheus.example/{mark}",
            }
        ],
    }
    content = json.dumps(body).encode()
    delivery = Delivery(
        key_hash=integrations.key_hash(key),
        content=content,
        content_type="application/json",
        source="prometheus",
        reading=read("prometheus", content, Inbound(received_at=db.clock())),
        trace_id=f"{mark}-trace",
    )
    async with db.transaction() as tx:
        (outcome,) = await ingest.take_in(tx, [delivery])
    assert outcome.error is None


async def _fire(db: Database, key: str, mark: str) -> list[Message]:
    """Two incidents begin and page the person and the channel; what was sent."""
    await _comes(db, key, mark)
    await _comes(db, key, mark, "part")
    return await _sent(db)


async def _sent(db: Database) -> list[Message]:
    """What was due, as it was sent."""
    post = Post("email")
    engine = Engine(db, {"email": post, "webhook": Post("webhook")}, LINKS_BACK)
    await engine.begin()
    await engine.run_until_idle()
    return post.received


async def _happened(db: Database, integration_id: str, user_id: str) -> dict[str, str]:
    """The ids of what the alert caused."""
    async with db.read() as reader:
        alert, part = await reader.rows(
            "SELECT id, incident_id, payload_id FROM alerts WHERE integration_id = :id ORDER BY id",
            id=integration_id,
        )
        method = await reader.value("SELECT id FROM contact_methods WHERE user_id = :id", id=user_id)
        page = await reader.value(
            "SELECT id FROM notifications WHERE incident_id = :id AND user_id IS NOT NULL", id=alert[1]
        )
    return {
        "alert_id": alert[0],
        "incident_id": alert[1],
        "payload_id": alert[2],
        "part_id": part[1],
        "part_alert_id": part[0],
        "method_id": method,
        "notification_id": page,
    }


async def session_of(db: Database, user: User) -> str:
    """The token of a new session of the person."""
    async with db.transaction() as tx:
        return await signin.open_session(tx, user.id, address="192.0.2.7", user_agent="test")
