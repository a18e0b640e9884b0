"""`/integrations/{id}/settings`: how alerts are read, what their sender proves itself with, what closes."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.sender_check import Algorithm, CheckKind, Encoding, SenderCheck
from openalert.domain.service import AutoClose, Integration, IntegrationConfig
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import integrations
from openalert.web.ui import mapping_forms
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Web, answer, go, sent, shell
from openalert.web.ui.kinds import BY_KEY

NEVER_SAY_RESOLVED = frozenset({"splunk", "graylog"})
"""Kinds of senders that mostly never say that something is over."""
CHECKS = (
    ("", "Nothing: whoever knows the address is let in"),
    (CheckKind.GITHUB.value, "GitHub's signature (X-Hub-Signature-256)"),
    (CheckKind.GRAFANA.value, "Grafana's signature (X-Grafana-Alerting-Signature)"),
    (CheckKind.PAGERDUTY.value, "PagerDuty's signature (X-PagerDuty-Signature)"),
    (CheckKind.SENTRY.value, "Sentry's signature (Sentry-Hook-Signature)"),
    (CheckKind.STANDARD_WEBHOOKS.value, "Standard Webhooks (webhook-signature)"),
    (CheckKind.HMAC.value, "A signature in another header (HMAC)"),
    (CheckKind.BEARER.value, "A bearer token"),
    (CheckKind.BASIC.value, "A user name and a password"),
    (CheckKind.HEADER.value, "A token in another header, such as X-Gitlab-Token"),
)
_NAMES = (
    "name",
    "default_severity",
    "severities",
    "check",
    "secret",
    "header",
    "algorithm",
    "prefix",
    "encoding",
    "username",
    "after_minutes",
    "acknowledged_too",
)
_FIELDS = {
    "name": ("name", "The name"),
    "config.severities": ("severities", "The table"),
    "config.senderCheck.header": ("header", "The header"),
    "config.senderCheck.prefix": ("prefix", "The prefix"),
    "config.senderCheck.username": ("username", "The user name"),
    "config.autoClose.afterMinutes": ("after_minutes", "The time"),
    "senderSecret": ("secret", "The secret"),
}


@get("/integrations/{integration_id:str}/settings", include_in_schema=False)
async def edit(
    request: Web, integration_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form with what is stored."""
    return await _form(request, db, actor, integration_id, {}, {})


@post("/integrations/{integration_id:str}/settings", include_in_schema=False)
async def update(
    request: Web, integration_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Save what was typed; a secret that was not typed stays."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Integration:
        before = await integrations.to_change(tx, tx.actor, integration_id)
        config = _config(typed, before.config)
        secret = typed.get("secret", "") if config.sender_check else ""
        return await integrations.update(
            tx,
            integration_id,
            name=typed.get("name", before.name),
            config=config,
            sender_secret=secret or UNSET,
        )

    done, errors = await attempt(db, actor, body, _FIELDS)
    if done is None:
        return await _form(request, db, actor, integration_id, typed, errors)
    return go(f"/integrations/{integration_id}", "Saved. The next message is read and checked by it.")


def _config(typed: Mapping[str, str], before: IntegrationConfig) -> IntegrationConfig:
    """The configuration that the form means, beside what it has no fields for."""
    try:
        severity = Severity(typed.get("default_severity", before.default_severity))
    except ValueError:
        raise Invalid("Choose one of the severities.", field="default_severity") from None
    after = typed.get("after_minutes", "").strip()
    try:
        minutes = float(after) if after else None
    except ValueError:
        raise Invalid("Give a number of minutes.", field="config.autoClose.afterMinutes") from None
    close = None
    if minutes is not None:
        close = AutoClose(after_minutes=minutes, acknowledged_too="acknowledged_too" in typed)
    return msgspec.structs.replace(
        before,
        default_severity=severity,
        severities=mapping_forms.severities(typed),
        auto_close=close,
        sender_check=_check(typed),
    )


def _check(typed: Mapping[str, str]) -> SenderCheck | None:
    if not typed.get("check"):
        return None
    try:
        kind = CheckKind(typed["check"])
        algorithm = Algorithm(typed.get("algorithm") or "sha256")
        encoding = Encoding(typed.get("encoding") or "hex")
    except ValueError:
        raise Invalid("Choose what the sender proves itself with.", field="check") from None
    if kind is CheckKind.HMAC:
        header, prefix = typed.get("header", "").strip(), typed.get("prefix", "").strip()
        return SenderCheck(kind=kind, header=header, prefix=prefix, algorithm=algorithm, encoding=encoding)
    if kind is CheckKind.HEADER:
        return SenderCheck(kind=kind, header=typed.get("header", "").strip())
    if kind is CheckKind.BASIC:
        return SenderCheck(kind=kind, username=typed.get("username", "").strip())
    return SenderCheck(kind=kind)


async def _form(
    request: Web, db: Database, actor: Actor, integration_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        integration = await integrations.to_change(reader, actor, integration_id)
        kind = BY_KEY.get(integration.type)
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            integration={
                "href": f"/integrations/{integration.id}",
                "name": integration.name,
                "words": kind.name if kind else integration.type,
                "never_resolves": integration.type in NEVER_SAY_RESOLVED,
                "has_check": integration.config.sender_check is not None,
            },
            values=values_of(typed, _NAMES, **_stored(integration)),
            errors=errors,
            severities=[(each.value, each.value.capitalize()) for each in Severity],
            checks=CHECKS,
            algorithms=[(each.value, each.value) for each in Algorithm],
            encodings=[(each.value, each.value) for each in Encoding],
        )
    return answer(request, "integrations/settings.html", context, 422 if errors else 200)


def _stored(integration: Integration) -> dict[str, str]:
    """What the fields hold for a stored integration; never the secret."""
    config = integration.config
    check = config.sender_check
    return {
        "name": integration.name,
        "default_severity": config.default_severity.value,
        "severities": mapping_forms.values(config)["severities"],
        "check": check.kind.value if check else "",
        "header": check.header if check else "",
        "algorithm": check.algorithm.value if check else "sha256",
        "prefix": check.prefix if check else "",
        "encoding": check.encoding.value if check else "hex",
        "username": check.username if check else "",
        "after_minutes": f"{config.auto_close.after_minutes:g}" if config.auto_close else "",
        "acknowledged_too": "on" if config.auto_close and config.auto_close.acknowledged_too else "",
    }


ROUTES: Sequence[HTTPRouteHandler] = [edit, update]
