"""GitHub's webhooks: security alerts, failed workflows and checks, deployments.

https://docs.github.com/webhooks/webhook-events-and-payloads. The event stands in a header; without it the members of
the body tell. Anything else that a repository can tell is no alert.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "github"

_OPENS = {
    "created",
    "appeared_in_branch",
    "reopened",
    "reopened_by_user",
    "reintroduced",
    "auto_reopened",
    "publicly_leaked",
    "create",
}
_ENDS = {"fixed", "closed_by_user", "dismissed", "resolved", "auto_dismissed", "resolve", "dismiss"}
_FAILED = {"failure", "timed_out", "startup_failure", "action_required", "error"}
_PASSED = {"success", "neutral", "skipped"}
_RUNS = ("workflow_run", "check_suite", "check_run", "workflow_job", "deployment_status")
_SECURITY = (
    "dependabot_alert",
    "code_scanning_alert",
    "secret_scanning_alert",
    "repository_vulnerability_alert",
)


def _looks_like(body: dict[str, Any], inbound: Inbound) -> bool:
    if "x-github-event" in inbound.headers:
        return True
    if "zen" in body and "hook_id" in body:
        return True
    return at(body, "repository", "full_name") is not None and at(body, "sender", "login") is not None


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    event = inbound.headers.get("x-github-event") or _event(body)
    if type(body.get("alert")) is dict and (event in _SECURITY or "alert" in event):
        return _security(event, body, inbound)
    if event in _RUNS and type(body.get(event)) is dict:
        return _run(event, body, inbound)
    if event == "ping":
        return Nothing("GitHub tests the connection: it works.")
    return Nothing(f'GitHub tells of "{event or "something"}", which is no alert: nothing to do.')


def _event(body: dict[str, Any]) -> str:
    """What the header would have said, as far as it can be told from the body."""
    if "zen" in body:
        return "ping"
    if alert := within(body, "alert"):
        kinds = (
            ("secret_type", _SECURITY[2]),
            ("rule", _SECURITY[1]),
            ("affected_package_name", _SECURITY[3]),
        )
        return next((event for name, event in kinds if name in alert), _SECURITY[0])
    return next((event for event in _RUNS if event in body), "")


def _security(event: str, body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    alert, action, repository = (
        within(body, "alert"),
        text.line(body.get("action")).lower(),
        _repository(body),
    )
    state = text.line(alert.get("state")).lower()
    if action in _ENDS or (
        action not in _OPENS and state in {"fixed", "dismissed", "resolved", "auto_dismissed"}
    ):
        status = SignalStatus.RESOLVED
    elif action in _OPENS or state == "open":
        status = SignalStatus.FIRING
    else:
        return Nothing(f'GitHub\'s "{action}" of an alert changes nothing here.')
    package = first(
        at(alert, "dependency", "package", "name"),
        at(alert, "security_vulnerability", "package", "name"),
        alert.get("affected_package_name"),
    )
    said = first(
        at(alert, "security_advisory", "summary"),
        at(alert, "rule", "description"),
        alert.get("secret_type_display_name"),
        alert.get("secret_type") and f"Secret found: {alert['secret_type']}",
    )
    over = status is SignalStatus.RESOLVED
    number = first(alert.get("number"), alert.get("id"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else _severity(event, alert),
        title=(
            said and f"{said} ({repository})" if repository else said,
            package and f"{package} in {repository}",
            f"{event} in {repository}",
        ),
        key=identity.of(NAME, (repository, event, number if number is not None else "")),
        group=f"{NAME}/{repository}/{event}" if repository else "",
        description=(
            at(alert, "security_advisory", "description"),
            at(alert, "most_recent_instance", "message", "text"),
        ),
        labels={
            "repository": repository,
            "event": event,
            "package": package,
            "rule": first(at(alert, "rule", "id"), alert.get("secret_type")),
            "tool": at(alert, "tool", "name"),
            "advisory": first(
                at(alert, "security_advisory", "cve_id"), at(alert, "security_advisory", "ghsa_id")
            ),
        },
        annotations={
            "action": action,
            "state": state,
            "by": at(body, "sender", "login"),
            "path": at(alert, "dependency", "manifest_path"),
        },
        links=(("Source", alert.get("html_url")), ("Repository", at(body, "repository", "html_url"))),
        starts=None if over else first(alert.get("updated_at"), alert.get("created_at")),
    )


def _severity(event: str, alert: dict[str, Any]) -> Severity | None:
    for value in (
        at(alert, "security_advisory", "severity"),
        at(alert, "security_vulnerability", "severity"),
        at(alert, "rule", "security_severity_level"),
        at(alert, "rule", "severity"),
        alert.get("severity"),
    ):
        if found := words.severity(value):
            return found
    return Severity.HIGH if event == "secret_scanning_alert" else None


def _run(event: str, body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """A run of one workflow on one branch: its next success ends its failure."""
    run, repository = within(body, event), _repository(body)
    result = text.line(first(run.get("conclusion"), run.get("state"))).lower()
    if result not in _FAILED and result not in _PASSED:
        return Nothing(f"This {event.replace('_', ' ')} has not failed: nothing to do.")
    branch = first(
        run.get("head_branch"), at(run, "check_suite", "head_branch"), at(body, "deployment", "ref")
    )
    name = first(
        run.get("name"), at(body, "workflow", "name"), at(run, "app", "name"), run.get("environment")
    )
    over, moment = (
        result in _PASSED,
        first(run.get("updated_at"), run.get("completed_at"), run.get("created_at")),
    )
    own = first(
        run.get("workflow_id"),
        at(run, "app", "id") if event == "check_suite" else None,
        run.get("environment"),
        name,
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else Severity.HIGH,
        title=(
            f"{name or event} {'passed' if over else 'failed'} on {branch or 'a commit'} of {repository}",
        ),
        key=identity.of(NAME, (repository, event, own if own is not None else "", branch or "")),
        description=(run.get("display_title"), at(run, "output", "summary"), run.get("description")),
        labels={"repository": repository, "event": event, "branch": branch, "workflow": name},
        annotations={
            "result": result,
            "commit": run.get("head_sha"),
            "attempt": run.get("run_attempt"),
            "by": at(body, "sender", "login"),
        },
        links=(("Source", first(run.get("html_url"), run.get("target_url"), run.get("details_url"))),),
        starts=None if over else moment,
        ends=moment,
    )


def _repository(body: dict[str, Any]) -> str:
    return text.scalar(first(at(body, "repository", "full_name"), at(body, "organization", "login"), ""))


SOURCE = source_of(NAME, _looks_like, _read)
