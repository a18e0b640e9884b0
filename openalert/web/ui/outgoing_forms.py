"""The form of an outgoing webhook: what it holds, what was typed, and what of it is wanted."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.outgoing_webhook import EVERY, SHOWN_SECRET, USUAL_ATTEMPTS, OutgoingWebhook
from openalert.domain.severity import Severity
from openalert.usecases.outgoing_webhooks import Wish
from openalert.web.ui.forms import whole
from openalert.web.ui.frame import Web, sent, sent_all

FIELDS = {
    "name": ("name", "The name"),
    "url": ("url", "The URL"),
    "events": ("events", "Events"),
    "matchers": ("matchers", "Labels"),
    "headers": ("headers", "Headers"),
    "teamIds": ("teams", "Teams"),
    "serviceIds": ("services", "Services"),
    "severities": ("severities", "Severities"),
    "timeoutSeconds": ("timeout", "The time"),
    "maxAttempts": ("attempts", "The attempts"),
}
EVENT_WORDS = [
    (
        "Incidents",
        [
            ("incident.*", "has any news", "what later versions add too"),
            ("incident.created", "begins", ""),
            ("incident.acknowledged", "is acknowledged", ""),
            ("incident.escalated", "goes to the next level", ""),
            ("incident.resolved", "is resolved", ""),
            ("incident.reopened", "is opened again", ""),
            ("incident.updated", "changes otherwise", "title, severity, phase, assignee, snooze"),
            ("incident.note_added", "gets a note", ""),
            ("incident.responder_added", "gets a responder", ""),
            ("incident.responder_removed", "loses a responder", ""),
            ("incident.alert_linked", "gets alerts from another", ""),
            ("incident.alert_unlinked", "gives alerts away", ""),
        ],
    ),
    (
        "Alerts",
        [
            ("alert.*", "has any news", "what later versions add too"),
            ("alert.created", "fires", ""),
            ("alert.acknowledged", "is acknowledged", ""),
            ("alert.resolved", "is resolved", ""),
            ("alert.suppressed", "is held back", "by a rule, a silence or a maintenance window"),
            ("alert.updated", "changes otherwise", ""),
        ],
    ),
]
"""What can be told, as the form offers it: noun, and (name, words, more words)."""
STATUS_WORDS = {
    "pending": "Waiting",
    "sending": "On its way",
    "delivered": "Delivered",
    "failed": "Failed",
}


class Typed(msgspec.Struct, kw_only=True):
    """What the fields of the form hold, as texts."""

    name: str = ""
    url: str = ""
    events: list[str] = []
    teams: list[str] = []
    services: list[str] = []
    severities: list[str] = []
    matchers: str = ""
    headers: str = ""
    secret_headers: str = ""
    timeout: str = "10"
    attempts: str = str(USUAL_ATTEMPTS)

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is in force."""
        return bool(self.teams or self.services or self.severities or self.matchers)

    @property
    def has_more(self) -> bool:
        """Whether anything of the rarer settings is not as usual."""
        plain = Typed()
        return bool(self.headers or self.secret_headers) or (self.timeout, self.attempts) != (
            plain.timeout,
            plain.attempts,
        )


def blank() -> Typed:
    """A form as it is offered: what most people want to hear."""
    return Typed(events=["incident.created", "incident.acknowledged", "incident.resolved"])


def filled(webhook: OutgoingWebhook) -> Typed:
    """The form of a webhook as it is."""
    return Typed(
        name=webhook.name,
        url=webhook.url,
        events=list(EVERY[1:]) if "*" in webhook.events else webhook.events,
        teams=webhook.team_ids,
        services=webhook.service_ids,
        severities=[each.value for each in webhook.severities],
        matchers="\n".join(webhook.matchers),
        headers="\n".join(f"{name}: {value}" for name, value in webhook.headers.items()),
        secret_headers="\n".join(f"{name}: {SHOWN_SECRET}" for name in webhook.secret_headers),
        timeout=str(webhook.timeout_seconds),
        attempts=str(webhook.max_attempts),
    )


async def typed(request: Web) -> Typed:
    """What somebody posted."""
    plain = await sent(request)
    texts = ("name", "url", "matchers", "headers", "secret_headers", "timeout", "attempts")
    lists = ("events", "teams", "services", "severities")
    given: dict[str, Any] = {name: plain.get(name, getattr(Typed(), name)) for name in texts}
    return Typed(**given | {name: await sent_all(request, name) for name in lists})


def wish(form: Typed) -> Wish:
    """What is wanted by it, or Invalid with the field that cannot be read."""
    known = list(Severity)
    if any(each not in known for each in form.severities):
        raise Invalid("Choose among the severities.", field="severities")
    shown, secret = _headers(form.headers), _headers(form.secret_headers)
    return Wish(
        name=form.name,
        url=form.url,
        events=form.events,
        team_ids=form.teams,
        service_ids=form.services,
        severities=[Severity(each) for each in form.severities],
        matchers=[line for line in form.matchers.splitlines() if line.strip()],
        headers=shown | secret,
        secret_headers=list(secret),
        timeout_seconds=whole(form.timeout, "timeout"),
        max_attempts=whole(form.attempts, "attempts"),
    )


def _headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise Invalid("Write one header in each line, like X-Team: core.", field="headers")
        found[name.strip()] = value.strip()
    return found


def events_in_words(webhook: OutgoingWebhook) -> str:
    """`everything`, or the first names of what it is told and how many more there are."""
    if "*" in webhook.events or set(EVERY[1:]) <= set(webhook.events):
        return "everything"
    named = webhook.events[:3]
    more = len(webhook.events) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def host(url: str) -> str:
    """Where it leads, without the path, which may be a secret."""
    return urlsplit(url).netloc
