"""How a person wants to be reached: their rules, how insistent pages are, when they want quiet."""

from typing import Any

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import (
    MOST_RULES,
    RULE_KINDS,
    Callee,
    NotificationRule,
    Preferences,
    awake,
    check_delay,
    check_repeat,
    defaults,
)
from openalert.domain.quiet import LONGEST_DO_NOT_DISTURB, QuietWindow, check_windows
from openalert.domain.reminder import DEFAULT_LEAD, check_lead
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.storage import contact_methods, notification_rules, notifications, recipients, shift_reminders
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found
from openalert.usecases.contact_methods import to_see
from openalert.usecases.notify import held_digests


async def of_user(reader: Reader, actor: Actor, user_id: str) -> list[NotificationRule]:
    """A person's rules in the order of their delays; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return (await notification_rules.of_users(reader, [user.id])).get(user.id, [])


async def get(reader: Reader, actor: Actor, user_id: str, rule_id: str) -> NotificationRule:
    """One rule; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return found(await notification_rules.get(reader, user.id, rule_id), "notification rule")


async def callee(reader: Reader, actor: Actor, user_id: str) -> Callee:
    """The person as whoever is paged: their verified ways, rules and preferences; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return (await recipients.callees(reader, [user.id]))[0]


async def create(
    tx: Transaction,
    user_id: str,
    *,
    contact_method_id: str,
    delay: Instant = 0,
    min_severity: Severity = Severity.INFO,
    kind: str = NotificationKind.PAGE,
) -> NotificationRule:
    """A further rule; with the first one of its kind the defaults no longer count for that kind."""
    user = await to_see(tx, tx.actor, user_id)
    existing = (await notification_rules.of_users(tx, [user.id])).get(user.id, [])
    if len(existing) >= MOST_RULES:
        raise Conflict(f"A person has at most {MOST_RULES} rules; delete one first.")
    rule = NotificationRule(
        id=new_id(tx.now),
        user_id=user.id,
        kind=_kind(kind),
        min_severity=min_severity,
        delay=check_delay(delay),
        contact_method_id=await _method(tx, user, contact_method_id),
        created_at=tx.now,
    )
    _check_new(rule, existing)
    await notification_rules.insert(tx, rule)
    _record(tx, "created", user, None, rule)
    return rule


async def adopt_defaults(tx: Transaction, user_id: str) -> None:
    """Write down as rules what the person gets without any; Conflict when there are rules for pages already."""
    user = await to_see(tx, tx.actor, user_id)
    who = (await recipients.callees(tx, [user.id]))[0]
    if any(rule.kind is NotificationKind.PAGE for rule in who.rules):
        raise Conflict("There are rules for pages already.")
    for delay, severity, method_id in defaults(who):
        await create(tx, user.id, contact_method_id=method_id, delay=delay, min_severity=severity)


async def update(tx: Transaction, user_id: str, rule_id: str, **members: Any) -> NotificationRule:
    """Change the members given; those that are UNSET stay."""
    user = await to_see(tx, tx.actor, user_id)
    before = found(await notification_rules.get(tx, user.id, rule_id), "notification rule")
    given = {name: value for name, value in members.items() if value is not msgspec.UNSET}
    if "kind" in given:
        given["kind"] = _kind(given["kind"])
    if "delay" in given:
        check_delay(given["delay"])
    if given.get("contact_method_id", before.contact_method_id) != before.contact_method_id:
        await _method(tx, user, given["contact_method_id"])
    rule = msgspec.structs.replace(before, **given)
    existing = (await notification_rules.of_users(tx, [user.id])).get(user.id, [])
    _check_new(rule, [each for each in existing if each.id != rule.id])
    await notification_rules.update(tx, rule)
    _record(tx, "updated", user, before, rule)
    return rule


async def delete(tx: Transaction, user_id: str, rule_id: str) -> None:
    """Forget a rule; without the last one of its kind the defaults count again."""
    user = await to_see(tx, tx.actor, user_id)
    rule = found(await notification_rules.get(tx, user.id, rule_id), "notification rule")
    await notification_rules.delete(tx, rule.id)
    _record(tx, "deleted", user, rule, None)


def _kind(name: str) -> NotificationKind:
    if name not in RULE_KINDS:
        raise Invalid(f"kind must be one of {', '.join(RULE_KINDS)}.", field="kind", allowed=list(RULE_KINDS))
    return NotificationKind(name)


async def _method(tx: Transaction, user: User, method_id: str) -> str:
    """The id of one of the person's contact methods; Invalid for what is none."""
    if await contact_methods.get(tx, user.id, method_id) is None:
        raise Invalid(f"{user.name} has no such contact method.", field="contactMethodId")
    return method_id


def _check_new(rule: NotificationRule, others: list[NotificationRule]) -> None:
    same = (rule.kind, rule.delay, rule.min_severity, rule.contact_method_id)
    if any((each.kind, each.delay, each.min_severity, each.contact_method_id) == same for each in others):
        raise Conflict("This rule is there already.")


def _record(
    tx: Transaction, act: str, user: User, before: NotificationRule | None, after: NotificationRule | None
) -> None:
    rule = after or before
    if rule is not None:
        audit.record(
            tx,
            f"notification_rule.{act}",
            kind="notification_rule",
            id=rule.id,
            name=f"{rule.kind} after {rule.delay / MINUTE:g} min of {user.name}",
            before=before,
            after=after,
        )


async def preferences(reader: Reader, actor: Actor, user_id: str) -> Preferences:
    """What holds for all that a person gets; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return await notification_rules.preferences(reader, user.id)


async def set_preferences(
    tx: Transaction,
    user_id: str,
    *,
    min_severity: Severity,
    repeat_every: Instant,
    repeat_most: int,
    handoffs: bool,
    handoff_lead: Instant = DEFAULT_LEAD,
    weekly_report: bool = True,
) -> Preferences:
    """From which severity they are paged, how insistently, and what they hear beside: handoffs, the weekly report."""
    user = await to_see(tx, tx.actor, user_id)
    before = await notification_rules.preferences(tx, user.id)
    check_repeat(repeat_every, repeat_most)
    after = msgspec.structs.replace(
        before,
        min_severity=min_severity,
        repeat_every=repeat_every,
        repeat_most=repeat_most,
        handoffs=handoffs,
        handoff_lead=check_lead(handoff_lead),
        weekly_report=weekly_report,
    )
    await notification_rules.put_preferences(tx, after)
    if after.handoff_lead != before.handoff_lead:
        await shift_reminders.move(tx, user.id, after.handoff_lead)
    _record_preferences(tx, "preferences_changed", user, before, after)
    return after


async def set_quiet(
    tx: Transaction,
    user_id: str,
    *,
    windows: tuple[QuietWindow, ...],
    passes_from: Severity | None,
    do_not_disturb_until: Instant | None,
) -> Preferences:
    """When they want quiet, and what comes all the same. What was held and no longer is, comes at once."""
    user = await to_see(tx, tx.actor, user_id)
    before = await notification_rules.preferences(tx, user.id)
    if do_not_disturb_until is not None and do_not_disturb_until > tx.now + LONGEST_DO_NOT_DISTURB:
        raise Invalid("Do-not-disturb lasts at most 30 days.", field="doNotDisturbUntil")
    after = msgspec.structs.replace(
        before,
        quiet=check_windows(windows),
        passes_from=passes_from,
        do_not_disturb_until=do_not_disturb_until if (do_not_disturb_until or 0) > tx.now else None,
    )
    await notification_rules.put_preferences(tx, after)
    _record_preferences(tx, "quiet_hours_changed", user, before, after)
    await hold_anew(tx, user.id, user.organization_id)
    return after


def _record_preferences(
    tx: Transaction, act: str, user: User, before: Preferences, after: Preferences
) -> None:
    audit.record(tx, f"user.{act}", kind="user", id=user.id, name=user.name, before=before, after=after)


async def hold_anew(tx: Transaction, user_id: str, organization_id: str) -> None:
    """What is held for a person moves to the end of their quiet time as it is set now, and so does the list of it."""
    who = (await recipients.callees(tx, [user_id]))[0]
    moved: set[Instant] = set()
    for severity in Severity:
        until = awake(who, severity, tx.now)
        if await notifications.move_held(tx, user_id, severity, until):
            moved.add(until)
    if moved:
        await notifications.cancel_held_digests(tx, user_id, "The person's quiet time changed.")
    rows = [row for until in sorted(moved) for row in held_digests(who, organization_id, until, tx.now)]
    await notifications.enqueue(tx, rows)
