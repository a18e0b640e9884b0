"""`/deliveries`: every message with its tries, filtered by the address of the page; what failed can be sent again."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.escalation import TargetType
from openalert.domain.instant import DAY
from openalert.domain.message_kind import MessageKind
from openalert.domain.notification import Attempt, Notification, NotificationKind, NotificationStatus
from openalert.storage import channels, incidents, notifications, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import resending, test_pages
from openalert.usecases.access import sees
from openalert.usecases.channel_states import NAMES
from openalert.usecases.notify import HIDDEN
from openalert.usecases.words import kind_of
from openalert.web.ui.frame import Values, Web, act, address, answer, chips, shell

PATH = "/deliveries"
PAGE = 50
_SPANS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}
_KINDS = {
    NotificationKind.PAGE: "Pages",
    NotificationKind.UPDATE: "News to whoever was paged",
    NotificationKind.FOLLOW: "News to followers",
    NotificationKind.NOTICE: "Notices to owners",
    NotificationKind.HANDOFF: "Shifts",
    NotificationKind.DIGEST: "Reports",
    NotificationKind.TEST: "Tests and drills",
    NotificationKind.CODE: "Codes",
    NotificationKind.LINK: "Invitations and passwords",
}
"""What people call the kinds of messages, in the order in which they look for them."""
_ONE = {
    NotificationKind.PAGE: "Page",
    NotificationKind.UPDATE: "News",
    NotificationKind.FOLLOW: "News to followers",
    NotificationKind.NOTICE: "Notice",
    NotificationKind.HANDOFF: "Shift",
    NotificationKind.DIGEST: "What was held",
    NotificationKind.TEST: "Test",
    NotificationKind.CODE: "Code",
    NotificationKind.LINK: "Invitation or new password",
}
_TOLD = (NotificationKind.NOTICE, NotificationKind.HANDOFF, NotificationKind.UPDATE, NotificationKind.FOLLOW)
"""Kinds whose headline stands in the list; a code never does."""
_TRIES = {"sent": "accepted", "retry": "refused, tried again", "failed": "failed", "unknown": "answer lost"}


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    tab: FromQuery[str] = "all",
    status: FromQuery[str | None] = None,
    channel: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    person: FromQuery[str | None] = None,
    incident: FromQuery[str | None] = None,
    days: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """The newest messages; the tab "dead letters" holds those that failed."""
    tab = tab if tab == "failed" else "all"
    chosen = {
        "status": status if tab == "all" and status in list(NotificationStatus) else None,
        "channel": channel,
        "kind": kind if kind in list(NotificationKind) else None,
        "person": person,
        "incident": incident,
        "days": days if days in _SPANS else None,
    }
    kept = {"tab": tab if tab != "all" else None}
    async with db.read() as reader:
        given = {
            "status": "failed" if tab == "failed" else chosen["status"],
            "channel": channel,
            "kind": chosen["kind"],
            "user_id": person,
            "incident_id": incident,
            "since": str(reader.now - int(chosen["days"]) * DAY) if chosen["days"] else None,
        }
        wanted = {name: value for name, value in given.items() if value is not None}
        found = await notifications.search(reader, actor, wanted, limit=PAGE + 1, before=cursor)
        shown = found[:PAGE]
        rows = await _rows(reader, actor, shown)
        people = await users.named(reader, actor, [person] if person else [])
        of = {
            each.id: each
            for each in (await incidents.get_many(reader, [incident] if incident else [])).values()
            if sees(actor, each.organization_id, each.team_id)
        }
        context = await shell(request, reader, actor, PATH)
    named = {
        "status": (chosen["status"], chosen["status"].capitalize()) if chosen["status"] else None,
        "channel": (channel, f"By {NAMES.get(channel, channel)}") if channel else None,
        "kind": (chosen["kind"], _KINDS[NotificationKind(chosen["kind"])]) if chosen["kind"] else None,
        "person": (person, people[person].name if person in people else "One person") if person else None,
        "incident": (incident, f"Incident #{of[incident].number}" if incident in of else "One incident")
        if incident
        else None,
        "days": (chosen["days"], _SPANS[chosen["days"]]) if chosen["days"] else None,
    }
    context |= {
        "tab": tab,
        "tabs": [("all", "All", PATH), ("failed", "Dead letters", f"{PATH}?tab=failed")],
        "chips": chips(PATH, named, **kept),
        "filters": _filters(tab, kept, chosen),
        "rows": rows,
        "back": address(PATH, **kept, **chosen),
        "older": address(PATH, **kept, **chosen, cursor=shown[-1].id) if len(found) > PAGE else None,
        "newest": address(PATH, **kept, **chosen) if cursor else None,
    }
    return answer(request, "deliveries/list.html", context)


def _filters(tab: str, kept: dict[str, str | None], chosen: dict[str, str | None]) -> list[Values]:
    menus = {
        "status": ("State", [(each.value, each.value.capitalize()) for each in NotificationStatus]),
        "kind": ("Kind", [(each.value, words) for each, words in _KINDS.items()]),
        "channel": ("By", list(NAMES.items())),
        "days": ("When", list(_SPANS.items())),
    }
    if tab == "failed":
        del menus["status"]
    return [
        {
            "name": name,
            "words": words,
            "options": [(address(PATH, **kept, **(chosen | {name: value})), text) for value, text in options],
        }
        for name, (words, options) in menus.items()
        if not chosen[name]
    ]


async def _rows(reader: Reader, actor: Actor, shown: Sequence[Notification]) -> list[Values]:
    people = await users.named(reader, actor, list({row.user_id for row in shown if row.user_id}))
    places = await channels.named(reader, actor, list({row.channel_id for row in shown if row.channel_id}))
    of = await incidents.get_many(reader, list({row.incident_id for row in shown if row.incident_id}))
    tries: dict[str, list[Attempt]] = {}
    for attempt in await notifications.attempts_of(reader, [row.id for row in shown]):
        tries.setdefault(attempt.notification_id, []).append(attempt)

    def called(row: Notification) -> str:
        if row.channel_id is not None:
            return places[row.channel_id].name if row.channel_id in places else HIDDEN[TargetType.CHANNEL]
        return people[row.user_id].name if row.user_id in people else "a person who is gone"

    return [
        {
            "id": row.id,
            "who": called(row),
            "person_href": address(PATH, person=row.user_id) if row.user_id else None,
            "channel": row.channel,
            "channel_href": address(PATH, channel=row.channel),
            "kind": _in_words(row),
            "headline": str(row.content.get("headline", ""))[:200] if row.kind in _TOLD else "",
            "status": row.status.value,
            "at": row.created_at,
            "failure": row.failure_reason,
            "incident": of.get(row.incident_id or ""),
            "tries": [_try(attempt) for attempt in tries.get(row.id, [])],
            "can_resend": resending.can_be_resent(row)
            and row.status in (NotificationStatus.FAILED, NotificationStatus.UNKNOWN)
            and can(actor, Permission.RESPOND, row.team_id),
        }
        for row in shown
    ]


def _in_words(row: Notification) -> str:
    """What one message is: `Page`, `Reminder`, `Fire drill`."""
    match kind_of(row):
        case MessageKind.REMINDER:
            return "Reminder"
        case MessageKind.WEEKLY:
            return "Weekly report"
        case MessageKind.TEST if row.content.get(test_pages.DRILL):
            return "Fire drill"
        case MessageKind.TEST if test_pages.is_test_page(row):
            return "Test page"
        case MessageKind.NEWS if row.is_silent:
            return "Change of the message they have"
        case _:
            return _ONE[row.kind]


def _try(attempt: Attempt) -> Values:
    """One try, in words."""
    return {
        "number": attempt.attempt,
        "at": attempt.started_at,
        "words": _TRIES.get(attempt.outcome, "on its way"),
        "provider": "second provider" if attempt.provider else "",
        "detail": attempt.detail,
    }


@post(PATH + "/{notification_id:str}/resend", include_in_schema=False)
async def resend(
    db: NamedDependency[Database], actor: NamedDependency[Actor], notification_id: FromPath[str]
) -> Response[None]:
    """Send it once more; back to the messages."""

    async def body(tx: Transaction) -> str:
        row = await resending.resend(tx, notification_id)
        return (
            "It is on its way again."
            if row.kind is NotificationKind.PAGE
            else "How things stand is on its way."
        )

    return await act(db, actor, PATH, body)


ROUTES: list[HTTPRouteHandler] = [index, resend]
