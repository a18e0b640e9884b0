"""What can be read by Opsgenie's Alert API: https://docs.opsgenie.com/docs/alert-api.

A read sees what came in by the integration whose key it has, and nothing else.
"""

from collections.abc import Sequence

from openalert.domain.errors import Invalid, NotFound
from openalert.domain.opsgenie import IdentifierType
from openalert.domain.opsgenie_query import Query, parse
from openalert.domain.timeline import TimelineEntry
from openalert.storage import notifications, opsgenie, opsgenie_search, timeline, users
from openalert.usecases import opsgenie as requests
from openalert.usecases.opsgenie import Shown
from openalert.web.dialects import opsgenie_view as view
from openalert.web.dialects.opsgenie import GenieCall, ways
from openalert.web.dialects.way import Answer

ONE = "/v2/alerts/{identifier}"
"""An alert by its id, alias or short number; see `identifier_type`."""
DEFAULT_LIMIT = 20
MOST = 100
FARTHEST = 20_000
"""Offset and limit together: a list of more is a job for an export."""
_LOG_ENTRIES = 1_000


async def get(genie: GenieCall) -> Answer:
    """One alert, whole."""
    shown = await _one(genie)
    now = genie.database.clock()
    return genie.envelope(200, {"data": view.whole(shown, genie.route, now)})


async def _one(genie: GenieCall) -> Shown:
    identifier, kind = genie.call.names["identifier"], identifier_type(genie)
    alert = await genie.database.look(lambda reader: requests.find(reader, genie.route, identifier, kind))
    shown = await requests.show(genie.database, genie.route, [alert.id]) if alert else []
    if not shown:
        raise NotFound("alert")
    return shown[0]


async def list_alerts(genie: GenieCall) -> Answer:
    """Those that a query finds, a page at a time."""
    asked = genie.call.inbound.query
    query, offset, limit = _query(genie), _number(genie, "offset", 0, FARTHEST), _limit(genie)
    if offset + limit > FARTHEST:
        raise Invalid(f"offset and limit may be {FARTHEST} together at most", field="offset")
    sort, order = asked.get("sort") or "createdAt", (asked.get("order") or "desc").lower()
    if sort not in opsgenie_search.ORDERS:
        raise Invalid(f"sort should be one of {', '.join(opsgenie_search.ORDERS)}", field="sort")
    if order not in {"asc", "desc"}:
        raise Invalid("order should be asc or desc", field="order")
    ids = await genie.database.look(
        lambda reader: opsgenie_search.search(
            reader,
            genie.route.integration_id,
            query,
            sort=sort,
            descending=order == "desc",
            offset=offset,
            limit=limit,
        )
    )
    now = genie.database.clock()
    shown = await requests.show(genie.database, genie.route, ids)
    return genie.envelope(200, {"data": [view.brief(each, genie.route, now) for each in shown]})


async def count(genie: GenieCall) -> Answer:
    """How many a query finds."""
    query = _query(genie)
    counted = await genie.database.look(
        lambda reader: opsgenie_search.count(reader, genie.route.integration_id, query)
    )
    return genie.envelope(200, {"data": {"count": counted}})


def _query(genie: GenieCall) -> Query | None:
    if genie.call.inbound.query.get("searchIdentifier"):
        raise Invalid("There are no saved searches here; send the query itself", field="searchIdentifier")
    return parse(genie.call.inbound.query.get("query", ""))


def _limit(genie: GenieCall) -> int:
    return _number(genie, "limit", DEFAULT_LIMIT, MOST, least=1)


def _number(genie: GenieCall, name: str, default: int, most: int, *, least: int = 0) -> int:
    given = genie.call.inbound.query.get(name, "")
    if not given:
        return default
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1
    if not least <= number <= most:
        raise Invalid(f"{name} should be between {least} and {most}", field=name)
    return number


async def list_notes(genie: GenieCall) -> Answer:
    """Notes of its incident."""
    entries = [each for each in await _entries(genie) if each.kind == "note"]
    return genie.envelope(200, {"data": [view.note(each) for each in _page(genie, entries)]})


async def list_logs(genie: GenieCall) -> Answer:
    """The timeline of its incident."""
    entries = await _entries(genie)
    return genie.envelope(200, {"data": [view.log(each) for each in _page(genie, entries)]})


async def _entries(genie: GenieCall) -> list[TimelineEntry]:
    """The timeline of its incident, oldest first."""
    incident = (await _one(genie)).incident
    if incident is None:
        return []
    incident_id = incident.id
    found = await genie.database.look(
        lambda reader: timeline.of_incident(reader, incident_id, limit=_LOG_ENTRIES)
    )
    return found[::-1]


def _page(genie: GenieCall, entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """From `offset` on in `direction`, `limit` of them, in `order`."""
    asked = genie.call.inbound.query
    newest_first = (asked.get("order") or "desc").lower() == "desc"
    if (asked.get("direction") or "next").lower() == "prev":
        newest_first = not newest_first
    listed_ = list(entries[::-1] if newest_first else entries)
    after = asked.get("offset", "").rpartition("_")[2]
    if after.isascii() and after.isdigit() and len(after) < 10:
        listed_ = [
            each for each in listed_ if (each.seq < int(after)) == newest_first and each.seq != int(after)
        ]
    return listed_[: _limit(genie)]


async def list_recipients(genie: GenieCall) -> Answer:
    """Whoever was paged for its incident, by name."""
    incident = (await _one(genie)).incident
    if incident is None:
        return genie.envelope(200, {"data": []})
    async with genie.database.read() as reader:
        sent = await notifications.of_incident(reader, incident.id)
        actor = requests.actor_of(genie.route)
        people = await users.named(reader, actor, [each.user_id for each in sent if each.user_id])
    last = {each.user_id: each for each in sent if each.user_id in people}
    return genie.envelope(
        200, {"data": [view.recipient(people[user], each) for user, each in last.items() if user]}
    )


async def request_status(genie: GenieCall) -> Answer:
    """What became of a request; 404 of a kind of its own for what is not known."""
    request_id = genie.call.names["request"]
    found = await genie.database.look(
        lambda reader: opsgenie.request(reader, genie.route.integration_id, request_id)
    )
    if found is None:
        members = {"message": "Request is not processed yet, or there is no such request"}
        return genie.envelope(404, members, (b"x-opsgenie-errortype", b"RequestNotProcessed"))
    return genie.envelope(200, {"data": view.request(found)})


async def no_saved_searches(genie: GenieCall) -> Answer:
    """None are kept here."""
    return genie.envelope(200, {"data": []})


def identifier_type(genie: GenieCall) -> IdentifierType:
    """What the identifier in the address is; Invalid for anything but id, alias and tiny."""
    given = genie.call.inbound.query.get("identifierType", "") or genie.call.inbound.query.get(
        "alertIdentifierType", ""
    )
    try:
        return IdentifierType(given.lower() or "id")
    except ValueError:
        raise Invalid("identifierType is one of id, alias, tiny", field="identifierType") from None


WAYS = (
    *ways("GET", "/v2/alerts", list_alerts),
    *ways("GET", "/v2/alerts/count", count),
    *ways("GET", "/v2/alerts/saved-searches", no_saved_searches),
    *ways("GET", "/v2/alerts/requests/{request}", request_status),
    *ways("GET", ONE, get),
    *ways("GET", f"{ONE}/notes", list_notes),
    *ways("GET", f"{ONE}/logs", list_logs),
    *ways("GET", f"{ONE}/recipients", list_recipients),
)
