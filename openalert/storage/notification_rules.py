"""SQL for how people want to be reached: their rules, and what holds for all that they get."""

from collections.abc import Sequence

from openalert.domain.notification_plan import NotificationRule, Preferences
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction

_COLUMNS = ", ".join(columns_of(NotificationRule))
_OF_PERSON = ", ".join(columns_of(Preferences))
_INSTEAD = " ON CONFLICT (user_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in columns_of(Preferences) if name != "user_id"
)


async def of_users(reader: Reader, user_ids: Sequence[str]) -> dict[str, list[NotificationRule]]:
    """The rules of these people, by person, in the order of their delays; whoever has none is left out."""
    rules = await reader.all(
        NotificationRule,
        f"SELECT {_COLUMNS} FROM notification_rules WHERE {reader.any_of('user_id', 'ids')} ORDER BY delay, id",
        ids=list(user_ids),
    )
    found: dict[str, list[NotificationRule]] = {}
    for rule in rules:
        found.setdefault(rule.user_id, []).append(rule)
    return found


async def get(reader: Reader, user_id: str, rule_id: str) -> NotificationRule | None:
    """The person's rule with this id."""
    return await reader.one(
        NotificationRule,
        f"SELECT {_COLUMNS} FROM notification_rules WHERE id = :id AND user_id = :user_id",
        id=rule_id,
        user_id=user_id,
    )


async def insert(tx: Transaction, rule: NotificationRule) -> None:
    """A new rule."""
    await tx.insert("notification_rules", rule)


async def update(tx: Transaction, rule: NotificationRule) -> None:
    """Write what a rule says now."""
    await tx.execute(
        "UPDATE notification_rules SET kind = :kind, min_severity = :min_severity, delay = :delay, "
        "contact_method_id = :contact_method_id WHERE id = :id",
        id=rule.id,
        kind=rule.kind,
        min_severity=rule.min_severity,
        delay=rule.delay,
        contact_method_id=rule.contact_method_id,
    )


async def delete(tx: Transaction, rule_id: str) -> None:
    """Forget a rule."""
    await tx.execute("DELETE FROM notification_rules WHERE id = :id", id=rule_id)


async def preferences(reader: Reader, user_id: str) -> Preferences:
    """What holds for all that the person gets; the defaults for somebody who has set nothing."""
    found = await reader.one(
        Preferences,
        f"SELECT {_OF_PERSON} FROM notification_preferences WHERE user_id = :user_id",
        user_id=user_id,
    )
    return found or Preferences(user_id=user_id)


async def put_preferences(tx: Transaction, wanted: Preferences) -> None:
    """Instead of what was there."""
    await tx.insert_with("notification_preferences", [wanted], {}, _INSTEAD)
