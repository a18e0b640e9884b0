"""Rules and quiet hours, one's own and for admins those of others: what comes when, drawn, and the forms for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, Instant
from openalert.domain.notification_plan import MOST_REPEATS, RULE_KINDS, Preferences
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity
from openalert.domain.walltime import zone_named
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import contact_methods, notification_rules, test_pages, users
from openalert.web.ui import reaching
from openalert.web.ui.forms import (
    REFUSALS,
    Errors,
    attempt,
    local_instant,
    minutes,
    minutes_text,
    refused,
    values_of,
    whole,
)
from openalert.web.ui.frame import Values, Web, act, answer, go, own_id, sent, sent_all, shell

NOTHING_PASSES = "none"
_RULE_FIELDS = {
    "contactMethodId": ("method", "The way"),
    "delayMinutes": ("delay", "The delay"),
    "kind": ("kind", "The kind"),
}
_PREFERENCE_FIELDS = {
    "repeatEveryMinutes": ("repeat_every", "It"),
    "repeatAtMost": ("repeat_most", "It"),
    "handoffLeadHours": ("handoff_lead", "It"),
}
_QUIET_FIELDS = {"windows": ("windows", "They"), "doNotDisturbUntil": ("until", "It")}
_LEADS = [
    ("0", "not before"),
    ("1", "an hour before"),
    ("4", "4 hours before"),
    ("12", "12 hours before"),
    ("24", "a day before"),
    ("72", "3 days before"),
    ("168", "a week before"),
]
_SEVERITIES = [
    (Severity.INFO.value, "everything"),
    *((each.value, f"{each.value} and worse") for each in (Severity.LOW, Severity.MEDIUM, Severity.HIGH)),
    (Severity.CRITICAL.value, "critical only"),
]
_PASSES = [
    (Severity.CRITICAL.value, "Critical pages"),
    (Severity.HIGH.value, "High and critical pages"),
    (Severity.MEDIUM.value, "Medium pages and worse"),
    (NOTHING_PASSES, "Nothing, whatever happens"),
]
_FIELDS = (
    "method",
    "delay",
    "min_severity",
    "kind",
    "repeat_every",
    "repeat_most",
    "handoff_lead",
    "pages_from",
    "from",
    "to",
    "until",
)


def _both(tail: str) -> list[str]:
    """The same below one's own page and below that of somebody else."""
    return [f"/me/{tail}", f"/users/{{user_id:str}}/{tail}"]


def _base(actor: Actor, user_id: str) -> str:
    """Below which page somebody's rules are; empty `user_id`: one's own."""
    return "/me" if not user_id or user_id == actor.user_id else f"/users/{user_id}"


@get(_both("rules"), include_in_schema=False)
async def show(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[Any]:
    """The picture, the rules, and when the person wants quiet; one's own are at `/me/rules`."""
    if user_id and user_id == actor.user_id:
        return go("/me/rules")
    return await _page(request, db, actor, user_id, {}, {})


async def _page(
    request: Web, db: Database, actor: Actor, user_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    base = _base(actor, user_id)
    async with db.read() as reader:
        user = await users.get(reader, actor, user_id or own_id(actor))
        callee = await notification_rules.callee(reader, actor, user.id)
        methods = await contact_methods.of_user(reader, actor, user.id)
        context = await shell(
            request,
            reader,
            actor,
            "/me" if base == "/me" else "/users",
            base=base,
            mine=base == "/me",
            user={"name": user.name, "email": user.email, "timezone": user.timezone},
            picture=reaching.picture(callee, reader.now),
            rules=reaching.rules(callee, methods),
            week=reaching.week(callee, reader.now),
            windows=reaching.windows(callee.preferences.quiet),
            quiet_until=reaching.quiet_now(callee, reader.now),
            disturb=_disturb(callee.preferences, reader.now),
            passes=_passes(callee.preferences),
            handoffs=callee.preferences.handoffs,
            weekly_report=callee.preferences.weekly_report,
            options=_options(methods, callee.preferences),
            errors=errors,
            values=_values(typed, callee.preferences),
        )
    return answer(request, "me/rules.html", context, 422 if errors else 200)


def _disturb(preferences: Preferences, now: Instant) -> Instant | None:
    until = preferences.do_not_disturb_until
    return until if until is not None and until > now else None


def _passes(preferences: Preferences) -> str:
    return preferences.passes_from.value if preferences.passes_from is not None else NOTHING_PASSES


def _options(methods: Sequence[Any], preferences: Preferences) -> Values:
    return {
        "leads": _leads(preferences.handoff_lead),
        "methods": [
            (each.id, reaching.way_words(each) + ("" if each.verified_at is not None else " (not verified)"))
            for each in methods
        ],
        "severities": _SEVERITIES,
        "kinds": [(kind.value, reaching.KIND_WORDS[kind]) for kind in RULE_KINDS],
        "repeats": [("0", "comes once"), ("1", "once more")]
        + [(str(count), f"{count} times") for count in range(2, MOST_REPEATS + 1)],
        "passes": _PASSES,
        "days": [(str(day), reaching.DAYS[day]) for day in (1, 2, 3, 4, 5, 6, 0)],
    }


def _leads(chosen: Instant) -> list[tuple[str, str]]:
    """How long before a turn one can be told; a length that was set by a program is among them."""
    hours = _hours_text(chosen)
    return _LEADS if hours in dict(_LEADS) else [*_LEADS, (hours, f"{hours} hours before")]


def _hours_text(length: Instant) -> str:
    return f"{length / HOUR:g}"


def _values(typed: Mapping[str, str], preferences: Preferences) -> dict[str, str]:
    return values_of(
        typed,
        _FIELDS,
        delay="0",
        min_severity=Severity.INFO.value,
        kind="page",
        repeat_every=minutes_text(preferences.repeat_every),
        repeat_most=str(preferences.repeat_most),
        handoff_lead=_hours_text(preferences.handoff_lead),
        pages_from=preferences.min_severity.value,
        **{"from": "22:00", "to": "07:00"},
    )


def _severity(text: str, field: str) -> Severity:
    try:
        return Severity(text)
    except ValueError:
        raise Invalid("Choose one of the severities.", field=field) from None


@post(_both("notification-rules"), include_in_schema=False)
async def add_rule(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[Any]:
    """A further step."""
    typed = await sent(request)

    async def body(tx: Transaction) -> bool:
        await notification_rules.create(
            tx,
            user_id or own_id(actor),
            contact_method_id=typed.get("method", ""),
            delay=minutes(typed.get("delay", ""), "delay"),
            min_severity=_severity(typed.get("min_severity", ""), "min_severity"),
            kind=typed.get("kind", ""),
        )
        return True

    done, errors = await attempt(db, actor, body, _RULE_FIELDS)
    if done is None:
        return await _page(request, db, actor, user_id, typed, errors)
    return go(f"{_base(actor, user_id)}/rules#rules", "Added.")


@post(_both("notification-rules/defaults"), include_in_schema=False)
async def begin_with_defaults(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[None]:
    """Write the defaults down as rules, to change them from there."""

    async def body(tx: Transaction) -> str:
        await notification_rules.adopt_defaults(tx, user_id or own_id(actor))
        whose = "your" if _base(actor, user_id) == "/me" else "their"
        return f"The defaults are {whose} rules now. Change them as you like."

    return await act(db, actor, f"{_base(actor, user_id)}/rules#rules", body)


@post(_both("notification-rules/{rule_id:str}/delete"), include_in_schema=False)
async def delete_rule(
    rule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str] = "",
) -> Response[None]:
    """Forget a step."""

    async def body(tx: Transaction) -> str:
        await notification_rules.delete(tx, user_id or own_id(actor), rule_id)
        return "Removed."

    return await act(db, actor, f"{_base(actor, user_id)}/rules#rules", body)


@post(_both("notification-preferences"), include_in_schema=False)
async def set_preferences(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[Any]:
    """From which severity, how insistently, and whether handoffs and the weekly report are told."""
    typed = await sent(request)

    async def body(tx: Transaction) -> bool:
        await notification_rules.set_preferences(
            tx,
            user_id or own_id(actor),
            min_severity=_severity(typed.get("pages_from", ""), "pages_from"),
            repeat_every=minutes(typed.get("repeat_every", ""), "repeat_every"),
            repeat_most=whole(typed.get("repeat_most", ""), "repeat_most"),
            handoffs=bool(typed.get("handoffs")),
            handoff_lead=HOUR * whole(typed.get("handoff_lead", "12"), "handoff_lead"),
            weekly_report=bool(typed.get("weekly_report")),
        )
        return True

    done, errors = await attempt(db, actor, body, _PREFERENCE_FIELDS)
    if done is None:
        return await _page(request, db, actor, user_id, typed, errors)
    return go(f"{_base(actor, user_id)}/rules#rules", "Saved.")


@post(_both("quiet-hours"), include_in_schema=False)
async def add_window(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[Any]:
    """A further window of the week."""
    typed = await sent(request)
    days = await sent_all(request, "day")

    async def body(tx: Transaction) -> bool:
        window = QuietWindow(
            days=tuple(int(day) for day in days if day in "0123456" and day),
            from_time=typed.get("from", ""),
            to_time=typed.get("to", ""),
        )
        before = await notification_rules.preferences(tx, actor, user_id or own_id(actor))
        await _set_quiet(tx, msgspec.structs.replace(before, quiet=(*before.quiet, window)))
        return True

    done, errors = await attempt(db, actor, body, _QUIET_FIELDS)
    if done is None:
        return await _page(request, db, actor, user_id, typed, errors)
    return go(
        f"{_base(actor, user_id)}/rules#quiet", "Added: pages that come then are held until it is over."
    )


async def _set_quiet(tx: Transaction, wanted: Preferences) -> None:
    await notification_rules.set_quiet(
        tx,
        wanted.user_id,
        windows=wanted.quiet,
        passes_from=wanted.passes_from,
        do_not_disturb_until=wanted.do_not_disturb_until,
    )


@post(_both("quiet-hours/delete"), include_in_schema=False)
async def delete_window(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[None]:
    """Forget the window that looks like this; what it held leaves at once."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        before = await notification_rules.preferences(tx, actor, user_id or own_id(actor))
        shown = [(reaching.days_words(each.days), each.from_time, each.to_time) for each in before.quiet]
        gone = (typed.get("days", ""), typed.get("from", ""), typed.get("to", ""))
        left = tuple(each for each, words in zip(before.quiet, shown, strict=True) if words != gone)
        await _set_quiet(tx, msgspec.structs.replace(before, quiet=left))
        return "Removed. What it held is on its way."

    return await act(db, actor, f"{_base(actor, user_id)}/rules#quiet", body)


@post(_both("quiet-hours/passes"), include_in_schema=False)
async def set_passes(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[None]:
    """What comes all the same."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        chosen = typed.get("passes", "")
        passes = None if chosen == NOTHING_PASSES else _severity(chosen, "passes")
        before = await notification_rules.preferences(tx, actor, user_id or own_id(actor))
        await _set_quiet(tx, msgspec.structs.replace(before, passes_from=passes))
        return "Saved."

    return await act(db, actor, f"{_base(actor, user_id)}/rules#quiet", body)


@post(_both("do-not-disturb"), include_in_schema=False)
async def do_not_disturb(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str] = ""
) -> Response[Any]:
    """On for some hours or until a time, or off."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        user = await users.get(tx, actor, user_id or own_id(actor))
        until = _until(typed, zone_named(user.timezone), tx.now)
        before = await notification_rules.preferences(tx, actor, user.id)
        await _set_quiet(tx, msgspec.structs.replace(before, do_not_disturb_until=until))
        whom = "you" if _base(actor, user_id) == "/me" else user.name
        return f"Nothing disturbs {whom} but what passes." if until else "Off. What was held is on its way."

    said, errors = await attempt(db, actor, body, _QUIET_FIELDS)
    if said is None:
        return await _page(request, db, actor, user_id, typed, errors)
    return go(f"{_base(actor, user_id)}/rules#quiet", said)


def _until(typed: Mapping[str, str], zone: Any, now: Instant) -> Instant | None:
    if typed.get("off"):
        return None
    if hours := typed.get("hours"):
        return now + whole(hours, "until") * HOUR
    until = local_instant(typed.get("until", ""), zone, "until")
    if until <= now:
        raise Invalid("That time is over; give one that is to come.", field="until")
    return until


@post("/me/test-page", include_in_schema=False)
async def send_test_page(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Run my rules, as for an incident this severe."""
    typed = await sent(request)
    try:
        async with db.transaction(actor) as tx:
            severity = _severity(typed.get("severity", "high"), "")
            page = await test_pages.to_user(tx, own_id(actor), severity)
    except REFUSALS as error:
        return go("/me/rules", " ".join(refused(error).values()), "bad")
    if page.silent:
        return go("/me/rules", f"Nothing is sent: {page.silent}.", "bad")
    return go("/me/rules", "A test page is on its way by your rules. Press “I got it” in it.")


ROUTES: Sequence[HTTPRouteHandler] = [
    show,
    add_rule,
    begin_with_defaults,
    delete_rule,
    set_preferences,
    add_window,
    delete_window,
    set_passes,
    do_not_disturb,
    send_test_page,
]
