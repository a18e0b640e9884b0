"""What a message offers to do: those verbs that make sense as the incident stands, the most wanted one first."""

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification, NotificationKind
from openalert.notifiers.notifier import PRESSED, Action

LABELS = {
    Verb.ACKNOWLEDGE: "Acknowledge",
    Verb.RESOLVE: "Resolve",
    Verb.ESCALATE: "Escalate",
    Verb.SNOOZE: "Snooze",
    Verb.HAND_ON: "Hand on",
    Verb.JOIN: "I am coming",
    Verb.DECLINE: "I cannot come",
}
"""The words on a button."""
_ASKS = (NotificationKind.PAGE, NotificationKind.NOTICE)


def verbs(incident: Incident, now: Instant, *, asked: bool = False) -> list[Verb]:
    """What may still be done to it, in the order of the buttons; `asked`: its reader is to say whether they come."""
    if incident.status is IncidentStatus.RESOLVED:
        return []
    if asked:
        return [Verb.JOIN, Verb.DECLINE, *(each for each in verbs(incident, now) if each is not Verb.HAND_ON)]
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        return [Verb.RESOLVE, Verb.SNOOZE]
    onward = [Verb.ESCALATE, Verb.HAND_ON] if incident.escalation_next_at is not None else []
    later = [] if incident.is_snoozed(now) else [Verb.SNOOZE]
    return [Verb.ACKNOWLEDGE, Verb.RESOLVE, *later, *onward]


def actions(
    row: Notification, incident: Incident, base_url: str, secret: bytes, now: Instant, *, asked: bool = False
) -> list[Action]:
    """The buttons of a message to a person: of a page or notice, and of their own message once they took it.

    `asked`: it asks for help, and they have not said whether they come.

    A team's channel has them where the provider says who pressed; their links are nobody's and ask to sign in.
    """
    if row.user_id is None:
        if row.channel not in PRESSED or row.kind not in (*_ASKS, NotificationKind.UPDATE):
            return []
        page = f"{base_url}/incidents/{incident.id}"
        return [Action(verb=verb, label=LABELS[verb], url=page) for verb in verbs(incident, now)]
    if not (row.kind in _ASKS or row.is_silent):
        return []
    return [
        Action(
            verb=verb,
            label=LABELS[verb],
            url=f"{base_url}/a/{_token(row, incident, verb, secret)}",
        )
        for verb in verbs(incident, now, asked=asked)
    ]


def _token(row: Notification, incident: Incident, verb: Verb, secret: bytes) -> str:
    message = row.id if row.bundle_id is not None else ""
    return action.sign(secret, incident.id, row.user_id or "", verb, row.created_at, row.channel, message)
