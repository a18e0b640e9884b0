"""What people do to alerts on the pages: to one, to those selected, and alerts that they raise themselves."""

from collections.abc import Mapping, Sequence

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.alert import Alert
from openalert.domain.alert_deed import PAST, AlertDeed, DeedKind
from openalert.domain.alert_filter import ME, Listing
from openalert.domain.errors import NotFound
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.storage import services
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import alerts as acts
from openalert.usecases import manual_alerts
from openalert.web.render import amount
from openalert.web.ui.alert_lists import PAGE
from openalert.web.ui.frame import Web, act, sent, sent_all

SNOOZES = [(30, "30 min"), (60, "1 hour"), (240, "4 hours"), (1440, "1 day"), (10080, "1 week")]
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
async def bulk(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """The same to every alert selected, all in one transaction; to what it cannot be done is told."""
    fields, chosen = await sent(request), await sent_all(request, "id")

    async def body(tx: Transaction) -> str:
        deed = deed_of(fields.get("act", ""), fields, actor, tx.now)
        if deed is None or not chosen:
            return "Nothing was selected."
        return _told(await acts.many(tx, list(dict.fromkeys(chosen))[:PAGE], deed), deed)

    return await act(db, actor, back(fields), body)


def _told(found: acts.Done, deed: AlertDeed) -> str:
    said = f"{PAST[deed.kind].capitalize()} {amount(len(found.done), 'alert')}."
    if found.refused:
        first = next(iter(found.refused.values()))
        said += f" {len(found.refused)} stayed as they are: {first}"
    return said


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
