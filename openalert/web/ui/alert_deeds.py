"""What people do to alerts on the pages: to one, to those selected, and alerts that they raise themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.alert import Alert
from openalert.domain.alert_deed import PAST, AlertDeed, DeedKind
from openalert.domain.alert_filter import ME, Listing
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.ids import first_id
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.storage import alert_lists, services
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import alerts as acts
from openalert.usecases import manual_alerts
from openalert.web.render import amount
from openalert.web.ui.alert_lists import PAGE
from openalert.web.ui.frame import Web, act, answer, go, sent, sent_all, shell

SNOOZES = [(30, "30 min"), (60, "1 hour"), (240, "4 hours"), (1440, "1 day"), (10080, "1 week")]
AT_A_TIME = 1_000
"""Alerts of one request, where all that match are meant."""
_SAID = {
    DeedKind.RESOLVE: "“{title}” is resolved.",
    DeedKind.SNOOZE: "“{title}” is silent now and pages again if it still fires then.",
    DeedKind.SUPPRESS: "“{title}” pages nobody until somebody releases it.",
    DeedKind.RELEASE: "“{title}” pages again within a second, if nothing else holds it.",
    DeedKind.ASSIGN: "“{title}” is assigned.",
    DeedKind.TAG: "The tags of “{title}” are saved.",
}


def deed_of(words: str, fields: Mapping[str, str], actor: Actor, now: Instant) -> AlertDeed | None:
    """What a button asks for: `snooze 60`, `assign me`, `tag`; None for what is no deed."""
    name, _, argument = words.partition(" ")
    if name == "untag":
        return AlertDeed(kind=DeedKind.TAG, remove=_tags(fields))
    if name not in list(DeedKind):
        return None
    kind = DeedKind(name)
    if kind is DeedKind.SNOOZE:
        minutes = argument or fields.get("minutes", "")
        length = int(minutes) * MINUTE if minutes.isascii() and minutes.isdigit() and len(minutes) < 9 else 0
        return AlertDeed(kind=kind, until=now + length)
    if kind is DeedKind.ASSIGN:
        user_id = argument or fields.get("user_id", "")
        return AlertDeed(kind=kind, user_id=(actor.user_id if user_id == ME else user_id) or None)
    return AlertDeed(kind=kind, add=_tags(fields) if kind is DeedKind.TAG else ())


def _tags(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tag for each in fields.get("tag", "").split(",") if (tag := each.strip()))


def back(fields: Mapping[str, str]) -> str:
    """The list that a form was sent from."""
    return f"/alerts?{Listing.read(fields.get('back', '')).query()}"


@post("/alerts/bulk", include_in_schema=False)
async def bulk(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The same to every alert selected, all in one transaction; to what it cannot be done is told."""
    fields, chosen = await sent(request), await sent_all(request, "id")
    if fields.get("everything") == "yes":
        return await _to_all(request, db, actor, fields)

    async def body(tx: Transaction) -> str:
        deed = deed_of(fields.get("act", ""), fields, actor, tx.now)
        if deed is None or not chosen:
            return "Nothing was selected."
        found = await acts.many(tx, list(dict.fromkeys(chosen))[:PAGE], deed)
        if not found.done:
            raise Conflict(_told(found, deed))
        return _told(found, deed)

    return await act(db, actor, back(fields), body)


def _told(found: acts.Done, deed: AlertDeed) -> str:
    first = next(iter(found.refused.values()), "")
    return _sum(deed.kind, len(found.done), len(found.refused), first)


def _sum(kind: DeedKind, done: int, refused: int, why: str) -> str:
    said = f"{PAST[kind].capitalize()} {amount(done, 'alert')}."
    return said + (f" {refused} stayed as they are: {why}" if refused else "")


async def _to_all(request: Web, db: Database, actor: Actor, fields: dict[str, str]) -> Response[Any]:
    """The same to all that match, a thousand in a request: asked first, then told after each how far it is.

    What comes meanwhile is left alone. Each two hundred are a transaction, so that what is done stays done when the
    browser goes away.
    """
    listing, words = Listing.read(fields.get("back", "")), fields.get("act", "")
    deed = deed_of(words, fields, actor, db.clock())
    if deed is None or not listing.filter.is_open:
        return go(back(fields), "Only what is open can be answered all at once.", "bad")
    so_far = {name: _number(fields.get(name, "")) for name in ("total", "done", "refused")}
    why, after = fields.get("why", ""), fields.get("after") or None
    is_asked = fields.get("sure") != "yes"
    if is_asked:
        async with db.read() as reader:
            after = first_id(reader.now + 1)
            counted = await alert_lists.counts(reader, actor, listing.filter)
            so_far["total"] = sum(
                count
                for (status, severity), count in counted.items()
                if status in (listing.filter.statuses or ())
                and severity in (listing.filter.severities or (severity,))
            )
    try:
        for _ in range(0 if is_asked else AT_A_TIME // acts.MOST_AT_ONCE):
            async with db.transaction(actor) as tx:
                deed = deed_of(words, fields, actor, tx.now) or deed
                found = await alert_lists.search(
                    tx, actor, listing.filter, limit=acts.MOST_AT_ONCE, after=after
                )
                become = await acts.many(tx, [each.id for each in found.items], deed)
            so_far["done"] += len(become.done)
            so_far["refused"] += len(become.refused)
            why = why or next(iter(become.refused.values()), "")
            after = found.next
            if after is None:
                return go(back(fields), _sum(deed.kind, so_far["done"], so_far["refused"], why))
    except (Invalid, Conflict) as error:
        said = _sum(deed.kind, so_far["done"], so_far["refused"], why) if so_far["done"] else ""
        return go(back(fields), f"{said} {error.message}".strip(), "bad")
    kept = {name: fields.get(name, "") for name in ("act", "user_id", "tag", "back")}
    async with db.read() as reader:
        context = await shell(request, reader, actor, "/alerts")
    context |= {
        "kept": kept
        | {name: str(value) for name, value in so_far.items()}
        | {"why": why, "after": after or ""},
        "verb": deed.kind.value,
        "past": PAST[deed.kind],
        "is_asked": is_asked,
        "so_far": so_far,
        "list_href": back(fields),
    }
    return answer(request, "alerts/everything.html", context)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@post("/alerts", include_in_schema=False)
async def create(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Raise an alert by hand."""
    fields = await sent(request)
    made: list[Alert] = []
    level = fields.get("severity", "")

    async def body(tx: Transaction) -> str:
        if await services.get(tx, actor, fields.get("service_id", "")) is None:
            raise NotFound("service")
        alert = await manual_alerts.create(
            tx,
            service_id=fields.get("service_id", ""),
            title=fields.get("title", ""),
            severity=Severity(level) if level in list(Severity) else Severity.HIGH,
            description=fields.get("description", ""),
        )
        made.append(alert)
        return "The alert is raised."

    answered = await act(db, actor, back(fields), body)
    if made:
        answered.headers["location"] = f"/alerts/{made[0].id}"
    return answered


@post("/alerts/{alert_id:str}/{verb:str}", include_in_schema=False)
async def do(
    request: Web,
    alert_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """One act on one alert; back to the list if the button was there, else to its page."""
    fields = await sent(request)
    path = back(fields) if "back" in fields else f"/alerts/{alert_id}"

    async def body(tx: Transaction) -> str:
        deed = deed_of(verb, fields, actor, tx.now)
        if deed is None:
            raise NotFound("page")
        alert = await acts.one(tx, alert_id, deed)
        title = alert.title[:100]
        if deed.kind is DeedKind.ACKNOWLEDGE:
            return f"You have “{title}”" + (" and its incident." if alert.incident_id else ".")
        return _SAID[deed.kind].format(title=title)

    return await act(db, actor, path, body)


ROUTES: Sequence[HTTPRouteHandler] = [bulk, create, do]
