"""Opsgenie's Alert API at its own addresses: https://docs.opsgenie.com/docs/alert-api.

What changes an alert is answered with 202 and the id of a request, also when there is no such alert: that is what
the request's status says.
"""

from typing import Any

from openalert.domain.alert import Alert
from openalert.domain.errors import Invalid
from openalert.domain.opsgenie import severity_of
from openalert.sources import Reading, opsgenie_api, text, times
from openalert.sources.fields import listed, within
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases import opsgenie as requests
from openalert.usecases import opsgenie_acts as acts
from openalert.usecases.inbound import Outcome
from openalert.usecases.opsgenie import Act, Asked
from openalert.usecases.opsgenie_creation import Creation, responder_of, understood
from openalert.web.dialects.opsgenie import GenieCall, ways
from openalert.web.dialects.opsgenie_reads import ONE, identifier_type
from openalert.web.dialects.way import Answer


async def create(genie: GenieCall) -> Answer:
    """An alert, or one more of an open one with the same alias; another product's own message is taken as that."""
    content = await genie.content()
    creation: Creation | None = None

    def read() -> Reading:
        nonlocal creation
        creation = understood(content, genie.call.inbound, genie.call.door.max_body, genie.id)
        return creation.reading

    async def then(tx: Transaction, route: Route, outcome: Outcome) -> None:
        if creation is not None and creation.then is not None:
            await creation.then(tx, route, outcome)

    await genie.take_in(opsgenie_api.NAME, content, read, then)
    return genie.accepted()


async def _ask(genie: GenieCall, members: dict[str, Any], action: str, done: str, act: Act) -> Answer:
    """Do something to the alert that the address names; with a note in the body, note that too."""
    remark = text.paragraphs(text.scalar(members.get("note"))) if action != "AddNote" else ""

    async def with_note(tx: Transaction, alert: Alert) -> None:
        await act(tx, alert)
        if remark and alert.incident_id:
            await acts.note(tx, alert, remark)

    asked = Asked(
        request_id=genie.id,
        action=action,
        done=done,
        identifier=genie.call.names["identifier"],
        identifier_type=identifier_type(genie),
        user=text.scalar(members.get("user")),
    )
    await requests.ask(genie.database, genie.route, asked, with_note)
    return genie.accepted()


async def acknowledge(genie: GenieCall) -> Answer:
    """Somebody has it."""
    return await _ask(genie, await genie.members(), "Acknowledge", "Acknowledged alert", acts.acknowledge)


async def unacknowledge(genie: GenieCall) -> Answer:
    """Nobody has it after all."""
    return await _ask(
        genie, await genie.members(), "UnAcknowledge", "Unacknowledged alert", acts.unacknowledge
    )


async def close(genie: GenieCall) -> Answer:
    """It is over."""
    return await _ask(genie, await genie.members(), "Close", "Closed alert", acts.close)


async def delete(genie: GenieCall) -> Answer:
    """What came in is kept here: it is closed."""
    members = dict(genie.call.inbound.query)
    return await _ask(genie, members, "Delete", "Closed alert; alerts are kept here", acts.close)


async def snooze(genie: GenieCall) -> Answer:
    """Silent until `endTime`."""
    members = await genie.members()
    until = times.instant(members.get("endTime")) if members.get("endTime") else None
    if until is None:
        raise Invalid("endTime should be an ISO 8601 date", field="endTime")
    return await _ask(
        genie, members, "Snooze", "Snoozed alert", lambda tx, alert: acts.snooze(tx, alert, until)
    )


async def escalate(genie: GenieCall) -> Answer:
    """The next level of the service's own policy, whichever escalation is named."""
    members = await genie.members()
    _named(members, "escalation")
    return await _ask(genie, members, "EscalateToNext", "Escalated alert", acts.escalate)


async def assign(genie: GenieCall) -> Answer:
    """Somebody is to work on it."""
    members = await genie.members()
    owner = _named(members, "owner", "username")

    async def act(tx: Transaction, alert: Alert) -> None:
        await acts.assign(tx, alert, user_id=owner.get("id", ""), username=owner.get("username", ""))

    return await _ask(genie, members, "Assign", "Assigned alert", act)


async def add_responder(genie: GenieCall) -> Answer:
    """A person is asked to help; anybody else is written down."""
    members = await genie.members()
    responder = {"type": "user"} | _named(members, "responder", "name", "username")
    return await _name_responder(genie, members, responder, "AddResponder")


async def add_team(genie: GenieCall) -> Answer:
    """A team is written down; the service decides who is paged."""
    members = await genie.members()
    return await _name_responder(genie, members, _named(members, "team") | {"type": "team"}, "AddTeam")


async def _name_responder(
    genie: GenieCall, members: dict[str, Any], responder: dict[str, str], action: str
) -> Answer:
    async def act(tx: Transaction, alert: Alert) -> None:
        await acts.add_responder(tx, alert, responder, text.scalar(members.get("note")))

    return await _ask(genie, members | {"note": None}, action, "Added responder", act)


def _named(members: dict[str, Any], name: str, *names: str) -> dict[str, str]:
    """Somebody or something in a body, by id or by one of the other names."""
    found = responder_of(within(members, name))
    wanted = ("id", *(names or ("name",)))
    if not any(found.get(each) for each in wanted):
        raise Invalid(f"{' or '.join(wanted)} should be provided", field=name)
    return found


async def add_tags(genie: GenieCall) -> Answer:
    """Tags beside those that it has."""
    members = await genie.members()
    tags = acts.tags_of(listed(members.get("tags")))
    if not tags:
        raise Invalid("tags may not be empty", field="tags")
    return await _ask(
        genie, members, "AddTags", "Added tags", lambda tx, alert: acts.add_tags(tx, alert, tags)
    )


async def remove_tags(genie: GenieCall) -> Answer:
    """Without those in `?tags=a,b`."""
    tags = genie.listed("tags")
    if not tags:
        raise Invalid("tags may not be empty", field="tags")
    members = dict(genie.call.inbound.query)
    return await _ask(
        genie, members, "RemoveTags", "Removed tags", lambda tx, alert: acts.remove_tags(tx, alert, tags)
    )


async def add_details(genie: GenieCall) -> Answer:
    """Properties beside or instead of those that it has."""
    members = await genie.members()
    details = text.kept(text.texts(within(members, "details")), text.ANNOTATION)
    if not details:
        raise Invalid("details may not be empty", field="details")
    return await _ask(
        genie, members, "AddDetails", "Added details", lambda tx, alert: acts.add_details(tx, alert, details)
    )


async def remove_details(genie: GenieCall) -> Answer:
    """Without those in `?keys=a,b`."""
    keys = genie.listed("keys")
    if not keys:
        raise Invalid("keys may not be empty", field="keys")
    members = dict(genie.call.inbound.query)
    return await _ask(
        genie,
        members,
        "RemoveDetails",
        "Removed details",
        lambda tx, alert: acts.remove_details(tx, alert, keys),
    )


async def add_note(genie: GenieCall) -> Answer:
    """A note for the next reader of its incident."""
    members = await genie.members()
    body = _said(members, "note")
    return await _ask(genie, members, "AddNote", "Added note", lambda tx, alert: acts.note(tx, alert, body))


async def set_message(genie: GenieCall) -> Answer:
    """Another title."""
    members = await genie.members()
    message = _said(members, "message")
    return await _ask(
        genie,
        members,
        "UpdateMessage",
        "Updated message",
        lambda tx, alert: acts.set_message(tx, alert, message),
    )


async def set_description(genie: GenieCall) -> Answer:
    """Another description."""
    members = await genie.members()
    words = _said(members, "description")
    return await _ask(
        genie,
        members,
        "UpdateDescription",
        "Updated description",
        lambda tx, alert: acts.set_description(tx, alert, words),
    )


async def set_priority(genie: GenieCall) -> Answer:
    """Another priority, P1 to P5."""
    members = await genie.members()
    severity = severity_of(text.scalar(members.get("priority")))
    if severity is None:
        raise Invalid("priority should be one of [P1, P2, P3, P4, P5]", field="priority")
    return await _ask(
        genie,
        members,
        "UpdatePriority",
        "Updated priority",
        lambda tx, alert: acts.set_severity(tx, alert, severity),
    )


async def custom_action(genie: GenieCall) -> Answer:
    """A script of Opsgenie's customer: accepted, and not run."""
    name = genie.call.names["action"]
    return await _ask(
        genie,
        await genie.members(),
        "ExecuteCustomAction",
        "",
        lambda tx, alert: acts.custom_action(tx, alert, name),
    )


def _said(members: dict[str, Any], name: str) -> str:
    said = text.paragraphs(text.scalar(members.get(name)))
    if not said:
        raise Invalid(f"{name} may not be empty", field=name)
    return said


WAYS = (
    *ways("POST", "/v2/alerts", create),
    *ways("DELETE", ONE, delete),
    *ways("POST", f"{ONE}/acknowledge", acknowledge),
    *ways("POST", f"{ONE}/unacknowledge", unacknowledge),
    *ways("POST", f"{ONE}/close", close),
    *ways("POST", f"{ONE}/snooze", snooze),
    *ways("POST", f"{ONE}/escalate", escalate),
    *ways("POST", f"{ONE}/assign", assign),
    *ways("POST", f"{ONE}/responders", add_responder),
    *ways("POST", f"{ONE}/teams", add_team),
    *ways("POST", f"{ONE}/tags", add_tags),
    *ways("DELETE", f"{ONE}/tags", remove_tags),
    *ways("POST", f"{ONE}/details", add_details),
    *ways("DELETE", f"{ONE}/details", remove_details),
    *ways("POST", f"{ONE}/notes", add_note),
    *ways("POST", f"{ONE}/actions/{{action}}", custom_action),
    *ways("PUT", f"{ONE}/message", set_message),
    *ways("PUT", f"{ONE}/description", set_description),
    *ways("PUT", f"{ONE}/priority", set_priority),
)
