"""What forms about telling customers hold, and what would be public if they were published."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import msgspec

from openalert.domain import insides
from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant, to_datetime
from openalert.domain.status_page import (
    OF_INCIDENT,
    OF_MAINTENANCE,
    Component,
    ComponentStatus,
    Impact,
    PublicKind,
    PublicStatus,
    StatusPage,
    StatusUpdate,
)
from openalert.domain.status_subscriber import SubscriberState
from openalert.domain.walltime import zone_named
from openalert.storage import alerts, status_pages, status_subscribers
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_standing
from openalert.usecases.status_incidents import Told
from openalert.web.ui.forms import local_instant
from openalert.web.ui.frame import Values, Web, sent

T = TypeVar("T")
NAMED = "named"
"""The choice "affected, its status stays" of a component."""
FIELDS = {
    "scheduledFor": ("scheduled_for", "The beginning"),
    "scheduledUntil": ("scheduled_until", "The end"),
    "startedAt": ("started_at", "The beginning"),
    "resolvedAt": ("resolved_at", "The end"),
    "title": ("title", "The title"),
    "message": ("message", "The text"),
    "status": ("status", "The status"),
    "postmortemDraft": ("postmortem", "The text"),
}
IMPACTS = (
    ("", "From the components"),
    (Impact.NONE, "None"),
    (Impact.MINOR, "Minor"),
    (Impact.MAJOR, "Major"),
    (Impact.CRITICAL, "Critical"),
)
_TELLING_LABELS = frozenset(
    (
        "instance",
        "host",
        "hostname",
        "node",
        "pod",
        "container",
        "namespace",
        "ip",
        "job",
        "cluster",
        "device",
    )
)


class Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    kind: str = PublicKind.INCIDENT
    title: str = ""
    status: str = ""
    impact: str = ""
    message: str = ""
    tells: str = ""
    """Ticked: subscribers are told."""
    started_at: str = ""
    resolved_at: str = ""
    scheduled_for: str = ""
    scheduled_until: str = ""
    is_automatic: str = ""
    components: dict[str, str] = {}
    """By id of a component: a status, `named`, or nothing."""

    @property
    def is_maintenance(self) -> bool:
        """Whether it is planned."""
        return self.kind == PublicKind.MAINTENANCE

    def statuses(self) -> dict[str, ComponentStatus | None]:
        """The components that it is about, and how each is because of it."""
        found: dict[str, ComponentStatus | None] = {}
        for component_id, value in self.components.items():
            if value == NAMED:
                found[component_id] = None
            elif value:
                found[component_id] = _one_of(ComponentStatus, value, "components")
        return found

    def phase(self) -> PublicStatus | None:
        """How far it is, where somebody chose."""
        return _one_of(PublicStatus, self.status, "status") if self.status else None

    def chosen_impact(self) -> Impact | None:
        """The impact, where somebody chose."""
        return _one_of(Impact, self.impact, "impact") if self.impact else None

    def moment(self, name: str, page: StatusPage) -> Instant | None:
        """The time in this field by the clock of the page; None where nothing is in it."""
        text: str = getattr(self, name)
        return local_instant(text, zone_named(page.timezone), name) if text else None


def _one_of(kind: Callable[[str], T], value: str, field: str) -> T:
    try:
        return kind(value)
    except ValueError:
        raise Invalid("Choose one of the list.", field=field) from None


async def read(request: Web) -> tuple[Typed, str]:
    """What was typed, and which button was pressed."""
    fields = await sent(request)
    names = [name for name in Typed.__struct_fields__ if name != "components"]
    prefix = "component_"
    typed = Typed(
        **{name: fields[name] for name in names if name in fields},
        components={
            name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)
        },
    )
    return typed, fields.get("act", "")


async def choices(reader: Reader, page: StatusPage, typed: Typed) -> Values:
    """What the form offers: steps, components with what is chosen of each, how many would be told."""
    steps = OF_MAINTENANCE if typed.is_maintenance else OF_INCIDENT
    parts = await status_pages.components(reader, page.id)
    groups = {each.id: each.name for each in await status_pages.groups(reader, page.id)}
    return {
        "values": typed,
        "steps": [(each.value, each.words) for each in steps],
        "parts": [
            {
                "id": each.id,
                "name": each.name,
                "group": groups.get(each.group_id or "", ""),
                "chosen": typed.components.get(each.id, ""),
            }
            for each in parts
        ],
        "statuses": list(ComponentStatus),
        "impacts": IMPACTS,
        "zone_words": page.timezone,
        "subscribers": await audience(reader, page.id),
    }


async def audience(reader: Reader, page_id: str) -> int:
    """How many subscribers there are that would hear of something about everything."""
    counted = await status_subscribers.counts(reader, page_id)
    return sum(number for (_, state), number in counted.items() if state is SubscriberState.ACTIVE)


async def rehearsed(db: Database, actor: Actor, body: Callable[[Transaction], Awaitable[T]]) -> T:
    """What `body` would do, done in a transaction that is taken back: the truth, and nothing of it stays."""
    found: list[T] = []
    with suppress(_TakenBackError):
        async with db.transaction(actor) as tx:
            found.append(await body(tx))
            _take_back()
    return found[0]


def _take_back() -> NoReturn:
    raise _TakenBackError


class _TakenBackError(Exception):
    """Ends a transaction that was a rehearsal."""


async def would_be(tx: Transaction, page: StatusPage, told: Told, before: status_standing.Standing) -> Values:
    """How the incident and the page look to customers after its newest public update, inside a rehearsal."""
    after = (await status_standing.of_pages(tx, [page.id]))[page.id]
    incident = told.incident
    newest = max(
        (each for each in told.updates if each.published_at is not None),
        key=lambda each: (each.created_at, each.id),
    )
    parts = {each.id: each.name for each in await status_pages.components(tx, page.id)}
    return {
        "title": incident.title,
        "status": newest.status,
        "impact": incident.impact,
        "is_maintenance": incident.kind is PublicKind.MAINTENANCE,
        "message": newest.message,
        "changes": newest.changes,
        "affects": [parts[row.component_id] for row in told.affected if row.component_id in parts],
        "when": when(page, told),
        "tells": newest.tells,
        "subscribers": await audience(tx, page.id) if newest.tells else 0,
        "before": before,
        "after": after,
    }


def when(page: StatusPage, told: Told) -> str:
    """Since when, or from when until when, by the clock of the page."""
    incident = told.incident
    if incident.scheduled_for is not None and incident.scheduled_until is not None:
        return span(page, incident.scheduled_for, incident.scheduled_until)
    if incident.resolved_at is not None:
        return span(page, incident.started_at, incident.resolved_at)
    return f"Since {stamp(page, incident.started_at)}"


def span(page: StatusPage, begins: Instant, ends: Instant) -> str:
    """`22 Nov 2026, 02:00 to 04:00 CET`: the day is said twice only where it is another."""
    first, last = stamp(page, begins), stamp(page, ends)
    same = first.partition(",")[0] == last.partition(",")[0]
    begin = first.rpartition(" ")[0]
    return f"{begin} to {last.partition(', ')[2] if same else last}"


def stamp(page: StatusPage, instant: Instant) -> str:
    """`22 Nov 2026, 02:00 CET`."""
    local = to_datetime(instant).astimezone(zone_named(page.timezone))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


async def hints(reader: Reader, incident_id: str | None, *texts: str) -> list[str]:
    """What in these texts looks like ours: shapes of names, and values of labels of the incident here."""
    values: set[str] = set()
    if incident_id is not None:
        for alert in await alerts.of_incident(reader, incident_id, limit=25):
            values |= {value for name, value in alert.labels.items() if name.lower() in _TELLING_LABELS}
    return list(dict.fromkeys(each for text in texts for each in insides.found(text, values)))


def differences(told: Told, draft: StatusUpdate, names: Mapping[str, str]) -> list[Values]:
    """What a draft would change of what customers are told now: [{what, was, is_now}] in words."""
    found: list[Values] = []
    if told.incident.published_at is not None and draft.status is not told.incident.status:
        found.append({"what": "Status", "was": told.incident.status.words, "is_now": draft.status.words})
    now = {row.component_id: row.status for row in told.affected}
    for component_id, status in draft.proposes.items():
        if component_id in names and now.get(component_id, "") != status:
            was = now.get(component_id)
            found.append(
                {
                    "what": names[component_id],
                    "was": was.words if was else "no word",
                    "is_now": status.words if status else "named",
                }
            )
    return found


def sight(told: Told, draft: StatusUpdate) -> str:
    """Another one whenever something else would be public by the draft: whoever publishes it says what they saw."""
    one = told.incident
    about = (one.title, one.status, one.impact, one.scheduled_for, one.scheduled_until, told.affected)
    return hashlib.sha256(msgspec.json.encode((draft, about))).hexdigest()


def names_of(parts: Sequence[Component]) -> dict[str, str]:
    """The names of components by id."""
    return {each.id: each.name for each in parts}


def following(told: Told) -> PublicStatus:
    """The step that comes next: what the form has chosen already."""
    steps = OF_MAINTENANCE if told.incident.kind is PublicKind.MAINTENANCE else OF_INCIDENT
    if told.incident.published_at is None:
        return told.incident.status
    place = steps.index(told.incident.status)
    return steps[min(place + 1, len(steps) - 1)]


def begun_with(
    told: Told, draft: StatusUpdate | None, page: StatusPage, *, local: Callable[[Instant, Any], str]
) -> Typed:
    """What the form of an update holds at first: a draft, or the next step with components as they are told now."""
    zone, incident = zone_named(page.timezone), told.incident
    held = {row.component_id: row.status.value if row.status else NAMED for row in told.affected}
    if draft is not None:
        held |= {each: status.value if status else NAMED for each, status in draft.proposes.items()}

    def text(instant: Instant | None) -> str:
        return local(instant, zone) if instant is not None else ""

    return Typed(
        kind=incident.kind,
        title=incident.title,
        status=draft.status if draft else following(told),
        impact=incident.impact if incident.impact_is_chosen else "",
        message=draft.message if draft else "",
        tells="yes" if draft is None or draft.tells else "",
        started_at=text(incident.started_at),
        resolved_at=text(incident.resolved_at),
        scheduled_for=text(incident.scheduled_for),
        scheduled_until=text(incident.scheduled_until),
        is_automatic="yes" if incident.is_automatic else "",
        components=held,
    )
