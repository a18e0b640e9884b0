"""GitLab's webhooks: failed pipelines, jobs and deployments, incidents, vulnerabilities, and its alert management.

https://docs.gitlab.com/user/project/integrations/webhook_events/. Anything else that a project can tell is no alert.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "gitlab"

_FAILED = {"failed"}
_PASSED = {"success"}
_RUNS = {"pipeline", "build", "deployment", "job"}


def _looks_like(body: dict[str, Any], inbound: Inbound) -> bool:
    if "x-gitlab-event" in inbound.headers:
        return True
    if not isinstance(body.get("object_kind"), str):
        return False
    return type(body.get("project_id")) is int or (
        type(body.get("project")) is dict
        and ("path_with_namespace" in body["project"] or "web_url" in body["project"])
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    kind = text.line(body.get("object_kind")).lower()
    said = within(body, "object_attributes")
    if kind in _RUNS:
        return _run(kind, said, body, inbound)
    if kind in {"issue", "work_item"} and text.line(said.get("type")).lower() == "incident":
        return _incident(said, body, inbound)
    if kind == "vulnerability":
        return _vulnerability(said, body, inbound)
    if not kind and ("title" in body or "gitlab_environment_name" in body):
        return _alert(body, inbound)
    return Nothing(f'GitLab tells of "{kind or "something"}", which is no alert: nothing to do.')


def _run(kind: str, said: dict[str, Any], body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """A branch's pipeline: its next success ends its failure."""
    result = text.line(first(said.get("status"), body.get("build_status"), body.get("status"))).lower()
    if result not in _FAILED and result not in _PASSED:
        return Nothing(f"This {kind} has not failed: nothing to do.")
    if result in _FAILED and body.get("build_allow_failure") is True:
        return Nothing("This job is allowed to fail: nothing to do.")
    over, project = result in _PASSED, _project(body)
    branch = first(said.get("ref"), body.get("ref"))
    name = first(body.get("build_name"), body.get("environment"), said.get("name"))
    moment = first(
        said.get("finished_at"),
        body.get("build_finished_at"),
        body.get("status_changed_at"),
        said.get("created_at"),
    )
    what = f"{kind.capitalize() if kind != 'build' else 'Job'}{f' {name}' if name else ''}"
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else Severity.HIGH,
        title=f"{what} {'passed' if over else 'failed'} on {text.scalar(branch)} of {project}",
        key=identity.of(NAME, (project, kind, branch or "", name or "")),
        description=(at(body, "commit", "message"), body.get("build_failure_reason")),
        labels={
            "project": project,
            "event": kind,
            "branch": branch,
            "job": name,
            "stage": body.get("build_stage"),
        },
        annotations={
            "result": result,
            "commit": first(said.get("sha"), body.get("sha"), at(body, "commit", "id")),
            "by": first(at(body, "user", "username"), at(body, "user", "name")),
            "reason": body.get("build_failure_reason"),
        },
        links=(
            ("Source", first(said.get("url"), body.get("deployable_url"), at(body, "commit", "url"))),
            ("Project", at(body, "project", "web_url")),
        ),
        starts=None if over else moment,
        ends=moment,
    )


def _incident(said: dict[str, Any], body: dict[str, Any], inbound: Inbound) -> Signal:
    over = text.line(said.get("state")).lower() == "closed"
    project = _project(body)
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else words.severity(said.get("severity")),
        title=(said.get("title"), said.get("description")),
        key=identity.of(NAME, (project, "incident", first(said.get("iid"), said.get("id"), ""))),
        description=said.get("description"),
        labels={"project": project, "event": "incident", "severity": said.get("severity")},
        links=(("Source", said.get("url")),),
        starts=None if over else first(said.get("updated_at"), said.get("created_at")),
        ends=said.get("closed_at"),
    )


def _vulnerability(said: dict[str, Any], body: dict[str, Any], inbound: Inbound) -> Signal:
    over = text.line(said.get("state")).lower() in {"resolved", "dismissed"}
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else words.severity(said.get("severity")),
        title=said.get("title"),
        key=identity.of(
            NAME,
            (
                first(said.get("project_id"), _project(body)),
                "vulnerability",
                first(said.get("url"), said.get("title")) or "",
            ),
        ),
        description=said.get("description"),
        labels={"project": _project(body), "event": "vulnerability", "report": said.get("report_type")},
        links=(("Source", said.get("url")),),
        starts=None if over else said.get("updated_at"),
        ends=said.get("resolved_at"),
    )


def _alert(body: dict[str, Any], inbound: Inbound) -> Signal:
    """The members of GitLab's own alert endpoint, for senders who posted there before."""
    status = SignalStatus.RESOLVED if body.get("end_time") else SignalStatus.FIRING
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else words.severity(body.get("severity")),
        title=(body.get("title"), body.get("description")),
        key=identity.of(NAME, (body.get("fingerprint"),), (body.get("title"), body.get("service") or "")),
        description=body.get("description"),
        labels={
            "service": body.get("service"),
            "tool": body.get("monitoring_tool"),
            "hosts": body.get("hosts"),
            "environment": body.get("gitlab_environment_name"),
        },
        starts=body.get("start_time"),
        ends=body.get("end_time"),
    )


def _project(body: dict[str, Any]) -> str:
    named = first(
        at(body, "project", "path_with_namespace"), body.get("project_name"), at(body, "project", "name")
    )
    return text.scalar(first(named, body.get("project_id"), ""))


SOURCE = source_of(NAME, _looks_like, _read)
