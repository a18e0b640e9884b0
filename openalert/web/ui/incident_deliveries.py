"""The messages of an incident, each told along time: queued, tried, refused, delivered."""

from collections.abc import Mapping, Sequence
from typing import Any

from openalert.domain.instant import MINUTE
from openalert.domain.notification import Attempt, Notification, NotificationKind, NotificationStatus
from openalert.storage import notifications
from openalert.storage.transaction import Reader

Values = dict[str, Any]


def called(row: Notification, names: Mapping[str, str]) -> str:
    """Whom a message went to; never by an address, which may be the secret of a webhook."""
    if row.channel_id is not None:
        return names.get(row.channel_id, "a channel that is gone")
    return names.get(row.user_id or "", "a person who is gone")


async def stories(reader: Reader, rows: Sequence[Notification], names: Mapping[str, str]) -> list[Values]:
    """Every message as a story along time."""
    tries = await notifications.attempts_of(reader, [row.id for row in rows])
    by_row: dict[str, list[Attempt]] = {}
    for attempt in tries:
        by_row.setdefault(attempt.notification_id, []).append(attempt)
    return [
        {
            "name": called(row, names),
            "channel": row.channel,
            "kind": row.kind.value,
            "status": row.status.value,
            "steps": _steps(row, by_row.get(row.id, [])),
            "tries": _reasons(by_row.get(row.id, [])),
            "notes": _notes(row, by_row.get(row.id, [])),
            "held_until": row.held_until if row.status is NotificationStatus.PENDING else None,
            "failure": row.failure_reason,
        }
        for row in rows
    ]


_TRIES = {"sent": "sent", "retry": "failed, tried again", "failed": "failed", "unknown": "answer lost"}


def _steps(row: Notification, attempts: Sequence[Attempt]) -> list[Values]:
    steps: list[Values] = [{"words": f"{row.kind.value} queued", "at": row.created_at, "tone": ""}]
    steps += [
        {
            "words": _TRIES.get(attempt.outcome, attempt.outcome)
            + (" by the second provider" if attempt.provider else ""),
            "at": attempt.ended_at or attempt.started_at,
            "tone": "good" if attempt.outcome == "sent" else "bad" if attempt.outcome == "failed" else "",
        }
        for attempt in attempts[-4:]
    ]
    if row.status is NotificationStatus.PENDING and row.due_at is not None and row.due_at > row.created_at:
        steps.append({"words": "tried again" if attempts else "goes out", "at": row.due_at, "tone": ""})
    if row.delivered_at is not None:
        steps.append({"words": "delivered", "at": row.delivered_at, "tone": "good"})
    return steps


def _reasons(attempts: Sequence[Attempt]) -> list[Values]:
    """The tries that did not work, each with its reason; what failed at once and for good says it anyway."""
    if len(attempts) < 2:
        return []
    return [
        {"number": each.attempt, "at": each.ended_at or each.started_at, "detail": each.detail}
        for each in attempts
        if each.detail and each.outcome in ("retry", "failed", "unknown")
    ]


def _notes(row: Notification, attempts: Sequence[Attempt]) -> list[str]:
    """What is out of the ordinary: a later step of the person's rules, and in whose message it was told."""
    notes = []
    later = (row.first_due_at - row.created_at) // MINUTE
    if row.kind is NotificationKind.PAGE and row.step:
        notes.append(f"step {row.step + 1}" + (f", {later} min later" if later > 0 else ""))
    together = attempts[-1].detail if attempts else ""
    if row.bundle_id is not None and together.startswith("Told together with"):
        notes.append(together[0].lower() + together[1:].rstrip("."))
    return notes
