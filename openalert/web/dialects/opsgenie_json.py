"""Opsgenie's addresses for other products, `/v1/json/{source}?apiKey=…`, and its first Alert API below them.

Most monitors never spoke the Alert API: they post a message of their own to an address that names them. The names are
Opsgenie's, in lower case; an unknown one is as good as none, and the message is read as what it looks like. In the
first API the key and everything else stands in the body.
"""

from typing import Any

from openalert.domain.errors import Invalid
from openalert.domain.opsgenie import IdentifierType
from openalert.sources import text, understand
from openalert.storage import opsgenie
from openalert.usecases import opsgenie as requests
from openalert.usecases import opsgenie_acts as acts
from openalert.usecases.opsgenie import Act, Asked
from openalert.web.dialects import opsgenie_alerts
from openalert.web.dialects.opsgenie import GenieCall, key_of, open_ways, ways
from openalert.web.dialects.opsgenie_products import source_of
from openalert.web.dialects.way import Answer


async def take_in(genie: GenieCall) -> Answer:
    """A message of another product, read as that, or as what it looks like."""
    source = source_of(genie.call.names["source"])
    content = await genie.content()
    await genie.take_in(
        source, content, lambda: understand(source, genie.call.decoded(content), genie.call.inbound)
    )
    return genie.accepted()


async def create(genie: GenieCall) -> Answer:
    """The first API's create: 200 with the alert's id."""
    await _admit(genie, await genie.members())
    await opsgenie_alerts.create(genie)
    outcome = await genie.database.look(
        lambda reader: opsgenie.request(reader, genie.route.integration_id, genie.id)
    )
    made = outcome.alert_id if outcome else None
    return genie.envelope(200, _done("alert created") | {"alertId": made or ""})


async def acknowledge(genie: GenieCall) -> Answer:
    """The first API's acknowledge."""
    return await _ask(genie, "Acknowledge", "Acknowledged alert", acts.acknowledge)


async def close(genie: GenieCall) -> Answer:
    """The first API's close."""
    return await _ask(genie, "Close", "Closed alert", acts.close)


async def note(genie: GenieCall) -> Answer:
    """The first API's note."""
    body = text.paragraphs(text.scalar((await genie.members()).get("note")))
    if not body:
        raise Invalid("note may not be empty", field="note")
    return await _ask(genie, "AddNote", "Added note", lambda tx, alert: acts.note(tx, alert, body))


async def _ask(genie: GenieCall, action: str, done: str, act: Act) -> Answer:
    members = await genie.members()
    await _admit(genie, members)
    for name, kind in (
        ("alias", IdentifierType.ALIAS),
        ("id", IdentifierType.ID),
        ("tinyId", IdentifierType.TINY),
    ):
        if identifier := text.scalar(members.get(name)).strip():
            asked = Asked(
                request_id=genie.id,
                action=action,
                done=done,
                identifier=identifier,
                identifier_type=kind,
                user=text.scalar(members.get("user")),
            )
            await requests.ask(genie.database, genie.route, asked, act)
            return genie.envelope(200, _done(done))
    raise Invalid("alias or id should be provided", field="alias")


def _done(message: str) -> dict[str, Any]:
    return {"message": message, "status": "successful", "code": 200}


async def _admit(genie: GenieCall, members: dict[str, Any]) -> None:
    """By the key in the body, else by one in the header or the address."""
    await genie.admit(text.scalar(members.get("apiKey")).strip() or key_of(genie.call))


_ROOT = "/v1/json"
WAYS = (
    *open_ways("POST", f"{_ROOT}/alert", create),
    *open_ways("POST", f"{_ROOT}/alert/close", close),
    *open_ways("POST", f"{_ROOT}/alert/acknowledge", acknowledge),
    *open_ways("POST", f"{_ROOT}/alert/note", note),
    *ways("POST", f"{_ROOT}/{{source}}", take_in),
    *ways("PUT", f"{_ROOT}/{{source}}", take_in),
)
