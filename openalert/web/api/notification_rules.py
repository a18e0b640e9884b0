"""JSON below `/users/{id}`: notification rules, notification preferences and quiet hours."""

from datetime import datetime

from litestar import Router, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.notification_plan import NotificationRule, Preferences
from openalert.domain.quiet import QuietWindow
from openalert.domain.reminder import DEFAULT_LEAD
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.usecases import notification_rules
from openalert.web.api.wire import (
    READS,
    WRITES,
    Input,
    Moment,
    Output,
    instant_or_none,
    moment,
    moment_or_none,
)
from openalert.web.paging import Page


class NotificationRuleOut(Output):
    """One step of how a person is reached."""

    id: str
    user_id: str
    kind: str
    min_severity: Severity
    delay_minutes: float
    contact_method_id: str
    created_at: datetime


class NotificationRuleIn(Input):
    """A new rule: at once and for every severity, unless it says otherwise."""

    contact_method_id: str
    delay_minutes: float = 0
    min_severity: Severity = Severity.INFO
    kind: str = "page"


class NotificationRulePatch(Input):
    """What to change of a rule."""

    delay_minutes: float | UnsetType = UNSET
    min_severity: Severity | UnsetType = UNSET
    contact_method_id: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET


class NotificationPreferencesBody(Input):
    """What holds for every page to a person, and what else they hear of."""

    min_severity: Severity = Severity.INFO
    repeat_every_minutes: float = 5
    repeat_at_most: int = 0
    handoffs: bool = True
    handoff_lead_hours: float = DEFAULT_LEAD / HOUR
    weekly_report: bool = True


class QuietWindowBody(Input):
    """From a local time to another; it passes midnight where the end is not later."""

    days: list[int]
    from_time: str
    to_time: str


class QuietHoursOut(Output):
    """When a person wants quiet, and what comes all the same."""

    windows: list[QuietWindowBody]
    passes_from: Severity | None
    do_not_disturb_until: datetime | None


class QuietHoursIn(Input):
    """The whole of it: what is left out is gone. `passesFrom` must be said: null lets nothing pass."""

    windows: list[QuietWindowBody]
    passes_from: Severity | None
    do_not_disturb_until: Moment | None = None


def show(rule: NotificationRule) -> NotificationRuleOut:
    """A rule as it is answered."""
    return NotificationRuleOut(
        id=rule.id,
        user_id=rule.user_id,
        kind=rule.kind,
        min_severity=rule.min_severity,
        delay_minutes=rule.delay / MINUTE,
        contact_method_id=rule.contact_method_id,
        created_at=moment(rule.created_at),
    )


def show_preferences(preferences: Preferences) -> NotificationPreferencesBody:
    """Preferences as they are answered."""
    return NotificationPreferencesBody(
        min_severity=preferences.min_severity,
        repeat_every_minutes=preferences.repeat_every / MINUTE,
        repeat_at_most=preferences.repeat_most,
        handoffs=preferences.handoffs,
        handoff_lead_hours=preferences.handoff_lead / HOUR,
        weekly_report=preferences.weekly_report,
    )


def show_quiet(preferences: Preferences) -> QuietHoursOut:
    """Quiet hours as they are answered."""
    return QuietHoursOut(
        windows=[
            QuietWindowBody(days=list(each.days), from_time=each.from_time, to_time=each.to_time)
            for each in preferences.quiet
        ],
        passes_from=preferences.passes_from,
        do_not_disturb_until=moment_or_none(preferences.do_not_disturb_until),
    )


def _milliseconds(minutes: float, field: str) -> Instant:
    if not 0 <= minutes <= 1_000_000:
        raise Invalid(f"{field} must be a number of minutes, 0 or more.", field=field)
    return round(minutes * MINUTE)


@get("/{user_id:str}/notification-rules", responses=READS)
async def list_notification_rules(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> Page[NotificationRuleOut]:
    """A person's rules in the order of their delays, in one page; without any, the defaults count."""
    async with db.read() as reader:
        return Page(items=[show(each) for each in await notification_rules.of_user(reader, actor, user_id)])


@post("/{user_id:str}/notification-rules", responses=WRITES)
async def create_notification_rule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[NotificationRuleIn],
) -> NotificationRuleOut:
    """Add a rule; with the first one of a kind the defaults no longer count for that kind."""
    async with db.transaction(actor) as tx:
        made = await notification_rules.create(
            tx,
            user_id,
            contact_method_id=data.contact_method_id,
            delay=_milliseconds(data.delay_minutes, "delayMinutes"),
            min_severity=data.min_severity,
            kind=data.kind,
        )
        return show(made)


@get("/{user_id:str}/notification-rules/{rule_id:str}", responses=READS)
async def get_notification_rule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    rule_id: FromPath[str],
) -> NotificationRuleOut:
    """One rule."""
    async with db.read() as reader:
        return show(await notification_rules.get(reader, actor, user_id, rule_id))


@patch("/{user_id:str}/notification-rules/{rule_id:str}", responses=WRITES)
async def update_notification_rule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    rule_id: FromPath[str],
    data: JSONBody[NotificationRulePatch],
) -> NotificationRuleOut:
    """Change a rule; pages that are planned already keep their steps."""
    members = data.members()
    minutes = members.pop("delay_minutes")
    members["delay"] = UNSET if minutes is UNSET else _milliseconds(minutes, "delayMinutes")
    async with db.transaction(actor) as tx:
        return show(await notification_rules.update(tx, user_id, rule_id, **members))


@delete("/{user_id:str}/notification-rules/{rule_id:str}", responses=WRITES)
async def delete_notification_rule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    rule_id: FromPath[str],
) -> None:
    """Delete a rule; without the last one of a kind the defaults count again."""
    async with db.transaction(actor) as tx:
        await notification_rules.delete(tx, user_id, rule_id)


@get("/{user_id:str}/notification-preferences", responses=READS)
async def get_notification_preferences(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> NotificationPreferencesBody:
    """From which severity a person is paged, and how insistently."""
    async with db.read() as reader:
        return show_preferences(await notification_rules.preferences(reader, actor, user_id))


@put("/{user_id:str}/notification-preferences", responses=WRITES)
async def set_notification_preferences(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[NotificationPreferencesBody],
) -> NotificationPreferencesBody:
    """Set them as a whole; what is left out goes back to its default."""
    async with db.transaction(actor) as tx:
        wanted = await notification_rules.set_preferences(
            tx,
            user_id,
            min_severity=data.min_severity,
            repeat_every=_milliseconds(data.repeat_every_minutes, "repeatEveryMinutes"),
            repeat_most=data.repeat_at_most,
            handoffs=data.handoffs,
            handoff_lead=_milliseconds(data.handoff_lead_hours * 60, "handoffLeadHours"),
            weekly_report=data.weekly_report,
        )
        return show_preferences(wanted)


@get("/{user_id:str}/quiet-hours", responses=READS)
async def get_quiet_hours(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> QuietHoursOut:
    """When a person wants quiet, on the clock of their own time zone."""
    async with db.read() as reader:
        return show_quiet(await notification_rules.preferences(reader, actor, user_id))


@put("/{user_id:str}/quiet-hours", responses=WRITES)
async def set_quiet_hours(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[QuietHoursIn],
) -> QuietHoursOut:
    """Set them as a whole, do-not-disturb with them. What was held and no longer is, leaves at once."""
    windows = tuple(
        QuietWindow(days=tuple(each.days), from_time=each.from_time, to_time=each.to_time)
        for each in data.windows
    )
    async with db.transaction(actor) as tx:
        wanted = await notification_rules.set_quiet(
            tx,
            user_id,
            windows=windows,
            passes_from=data.passes_from,
            do_not_disturb_until=instant_or_none(data.do_not_disturb_until),
        )
        return show_quiet(wanted)


routes = Router(
    path="/users",
    tags=["users"],
    route_handlers=[
        list_notification_rules,
        create_notification_rule,
        get_notification_rule,
        update_notification_rule,
        delete_notification_rule,
        get_notification_preferences,
        set_notification_preferences,
        get_quiet_hours,
        set_quiet_hours,
    ],
)
