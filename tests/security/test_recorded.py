"""S-45: whatever changes something leaves an entry in the audit log, by the API and by every form.

Every unsafe route of the matrix is asked once by somebody who may, with a body that it takes. A new route fails here
until its act records itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from openalert.domain.audit import AuditEntry
from openalert.storage import Transaction
from openalert.web import matrix
from openalert.web.matrix import Route
from tests.security.conftest import OTHER, OWN, Scene, staged
from tests.security.test_matrix import address, body_for, ids_for

pytestmark = pytest.mark.anyio

CEREMONY = "needs an answer that only a phone, a passkey or a mail has; its act is held by tests/house/test_audited.py"
ELSEWHERE = {
    ("POST", "/a/{token}"): "tests/web/ui/test_audit.py",
    ("POST", "/proof/{token}"): "tests/usecases/test_test_pages.py",
    ("POST", "/auth/login"): "tests/usecases/test_failures.py",
    ("POST", "/me/password"): "as /api/v1/users/{user_id}/password, and needs the present one",
    ("POST", "/me/contact-methods/telegram"): "tests/web/ui/test_telegram.py",
    ("POST", "/me/contact-methods/mattermost"): "tests/scenarios/test_mattermost.py",
    ("POST", "/callbacks/mattermost"): "tests/scenarios/test_mattermost.py",
    ("POST", "/callbacks/telegram"): "tests/web/test_telegram.py",
    ("POST", "/setup"): "tests/web/ui/test_audit.py",
    **{
        ("POST", path): "fetches or reads first; its act is held by tests/house/test_audited.py"
        for path in (
            "/me/calendar-feeds",
            "/schedules/{schedule_id}/calendar-feeds",
            "/api/v1/users/{user_id}/calendar-feeds",
            "/api/v1/users/{user_id}/calendar-feeds/preview",
            "/api/v1/schedules/{schedule_id}/calendar-feeds",
            "/api/v1/schedules/{schedule_id}/calendar-feeds/preview",
        )
    },
    ("POST", "/forgotten"): "tells strangers nothing; choosing the new password is recorded",
    ("POST", "/me/totp"): "shows a secret; confirming it is recorded",
    ("POST", "/me/totp/confirm"): CEREMONY,
    ("POST", "/me/totp/remove"): CEREMONY,
    ("POST", "/me/recovery-codes"): CEREMONY,
    ("POST", "/me/passkeys/{passkey_id}/remove"): CEREMONY,
    ("POST", "/login/second"): CEREMONY,
    ("POST", "/login/enrol"): CEREMONY,
    ("POST", "/auth/passkeys/options"): "asks; what is answered is recorded",
    ("POST", "/auth/passkeys/sign-in"): CEREMONY,
    ("POST", "/auth/passkeys/registration/options"): "asks; what is answered is recorded",
    ("POST", "/auth/passkeys/registration"): CEREMONY,
    ("POST", "/me/contact-methods/slack"): "needs a workspace: tests/web/test_slack.py",
    ("POST", "/callbacks/slack/actions"): "wants Slack's signature: tests/web/test_slack.py",
    ("POST", "/callbacks/slack/events"): "wants Slack's signature: tests/web/test_slack.py",
    **{
        ("POST", f"/push/{path}"): "wants the proof of a message: tests/web/test_push.py"
        for path in ("answers", "shown", "renewals")
    },
    **{
        ("POST", f"/callbacks/twilio/{path}"): "wants Twilio's signature: tests/scenarios/test_telephone.py"
        for path in (
            "sms",
            "message/{token}",
            "call/{token}",
            "voice/{token}/{round_number}",
            "voice/{token}/{round_number}/key",
        )
    },
    ("POST", "/reset/{token}"): CEREMONY,
    ("POST", "/invitation/{token}"): CEREMONY,
    ("POST", "/me/single-sign-on/connect"): CEREMONY,
    ("POST", "/settings/single-sign-on/test"): "asks; who came is shown to whoever asked",
    (
        "POST",
        "/users/second-factor",
    ): "refused to whoever has no second factor; held by tests/house/test_audited.py",
}
"""Routes that need more than a body, and where they are tested."""

ELSEWHERE |= {
    ("POST", f"{base}/schedules/{{schedule_id}}/swaps/{{swap_id}}/decline"): "tests/usecases/test_swaps.py"
    for base in ("", "/api/v1")
}

ELSEWHERE |= {
    (
        "POST",
        "/status-pages/{page_id}/subscribers/{subscriber_id}/ask",
    ): "wants somebody who has not confirmed: tests/web/ui/test_status_subscribers.py"
}

WITHOUT: dict[tuple[str, str], str] = {
    ("POST", "/status-pages/{page_id}/preview"): "draws the page with what was typed, and keeps nothing",
    (
        "POST",
        "/api/v1/integrations/{integration_id}/preview",
    ): "shows how messages would be read, and keeps nothing",
    ("POST", "/api/v1/routing-rules/test"): "asks rules about an alert, and keeps nothing",
    ("POST", "/health/engine/cycle"): "waits for the engine, and changes nothing",
    ("POST", "/api/v1/routing-rules/dry-run"): "asks rules about past alerts, and keeps nothing",
    ("POST", "/api/v1/silences/preview"): "shows what a silence would hide, and keeps nothing",
    ("POST", "/api/v1/message-templates/{way}/preview"): "shows how a message would read, and keeps nothing",
    **{
        (
            "POST",
            f"/api/v1/schedules/{{schedule_id}}/{path}",
        ): "shows what an edit would change, and keeps nothing"
        for path in ("preview", "rotations/preview", "rotations/{rotation_id}/preview")
    },
}
"""Unsafe routes that rightly leave no entry, and why."""

Step = tuple[str, str]
NO_SERVICE: tuple[Step, ...] = (("DELETE", "/api/v1/services/{service_id}"),)
NO_POLICY = (*NO_SERVICE, ("DELETE", "/api/v1/escalation-policies/{policy_id}"))
NOTHING = (
    *NO_POLICY,
    ("DELETE", "/api/v1/schedules/{schedule_id}"),
    ("DELETE", "/api/v1/channels/{channel_id}"),
    ("DELETE", "/api/v1/status-pages/{page_id}"),
    ("POST", "/api/v1/incidents/{incident_id}/merge"),
    ("POST", "/api/v1/incidents/{incident_id}/resolve"),
)
NEW_METHOD = (("POST", "/api/v1/users/{user_id}/contact-methods"),)
FIRST: dict[str, tuple[Step, ...]] = {
    **{
        f"POST /alerts{path}": ()
        for path in (
            "/bulk",
            *(f"/{{alert_id}}/{act}" for act in ("snooze", "suppress", "assign", "tag", "untag")),
        )
    },
    **{
        f"POST /api/v1/alerts{path}": ()
        for path in ("/bulk", *(f"/{{alert_id}}/{act}" for act in ("snooze", "suppress", "assign", "tags")))
    },
    **{
        f"POST {base}/alerts/{{alert_id}}/release": (("POST", "/api/v1/alerts/{alert_id}/suppress"),)
        for base in ("", "/api/v1")
    },
    "POST /routing-rules/{routing_rule_id}/up": (("POST", "/routing-rules/{routing_rule_id}/down"),),
    "POST /incidents/{incident_id}/reopen": (("POST", "/api/v1/incidents/{incident_id}/resolve"),),
    "POST /api/v1/incidents/{incident_id}/reopen": (("POST", "/api/v1/incidents/{incident_id}/resolve"),),
    "POST /incidents/{incident_id}/decline": (("POST", "/api/v1/incidents/{incident_id}/join"),),
    "POST /api/v1/incidents/{incident_id}/decline": (("POST", "/api/v1/incidents/{incident_id}/join"),),
    "DELETE /api/v1/incidents/{incident_id}/alerts/{alert_id}": (
        ("POST", "/api/v1/incidents/{incident_id}/alerts"),
    ),
    **{
        f"POST {base}/incidents/{{incident_id}}/{act}": ()
        for base, act in (("", "merge"), ("/api/v1", "merge"), ("/api/v1", "alerts"))
    },
    "POST /incidents/{incident_id}/alerts": (("POST", "/api/v1/incidents/{incident_id}/alerts"),),
    **{
        f"POST {base}/incidents/{{incident_id}}/unmerge": (("POST", "/incidents/{incident_id}/merge"),)
        for base in ("", "/api/v1")
    },
    "POST /schedules/{schedule_id}/delete": NO_POLICY,
    "DELETE /api/v1/schedules/{schedule_id}": NO_POLICY,
    "POST /beats/{heartbeat_id}/resume": (("POST", "/beats/{heartbeat_id}/pause"),),
    "POST /api/v1/heartbeats/{heartbeat_id}/resume": (("POST", "/api/v1/heartbeats/{heartbeat_id}/pause"),),
    "POST /api/v1/self-monitor/silence/end": (("POST", "/api/v1/self-monitor/silence"),),
    "POST /settings/system/silence/end": (("POST", "/settings/system/silence"),),
    "POST /settings/adoption/window/close": (("PUT", "/api/v1/adoption/window"),),
    "DELETE /api/v1/adoption/window": (("PUT", "/api/v1/adoption/window"),),
    "POST /integrations/{integration_id}/enable": (("POST", "/integrations/{integration_id}/disable"),),
    "DELETE /api/v1/escalation-policies/{policy_id}": NO_SERVICE,
    "POST /channels/{channel_id}/enable": (("POST", "/channels/{channel_id}/disable"),),
    "POST /settings/outgoing-webhooks/{webhook_id}/enable": (
        ("POST", "/settings/outgoing-webhooks/{webhook_id}/disable"),
    ),
    "POST /channels/{channel_id}/delete": NO_POLICY,
    "DELETE /api/v1/channels/{channel_id}": NO_POLICY,
    "POST /teams/{team_id}/delete": NOTHING,
    "DELETE /api/v1/teams/{team_id}": NOTHING,
    "DELETE /api/v1/teams/{team_id}/members/{user_id}": (
        *NO_POLICY,
        ("DELETE", "/api/v1/schedules/{schedule_id}"),
    ),
    "POST /users/{user_id}/activate": (("POST", "/users/{user_id}/deactivate"),),
    "DELETE /api/v1/users/{user_id}/contact-methods/{method_id}": NEW_METHOD,
    "POST /api/v1/users/{user_id}/contact-methods/{method_id}/verify": NEW_METHOD,
    "POST /me/contact-methods/{method_id}/verify": NEW_METHOD,
    "POST /me/notification-rules/defaults": (("POST", "/me/notification-rules/{rule_id}/delete"),),
    "POST /me/quiet-hours/delete": (("POST", "/me/quiet-hours"),),
    "POST /me/contact-methods/{method_id}/delete": NEW_METHOD,
    "POST /users/{user_id}/contact-methods/{method_id}/verify": NEW_METHOD,
    "POST /users/{user_id}/notification-rules/defaults": (
        ("DELETE", "/api/v1/users/{user_id}/notification-rules/{rule_id}"),
    ),
    "POST /users/{user_id}/quiet-hours/delete": (("POST", "/users/{user_id}/quiet-hours"),),
    "POST /users/{user_id}/contact-methods/{method_id}/delete": NEW_METHOD,
    **{
        f"POST {base}/schedules/{{schedule_id}}/swaps{act}": ()
        for base in ("", "/api/v1")
        for act in ("", "/take", "/{swap_id}/take", "/{swap_id}/withdraw")
    },
    **{
        f"POST {base}/{{window_id}}/{act}": (("POST", "/api/v1/maintenance-windows/{window_id}/begin"),)
        for base in ("/api/v1/maintenance-windows", "/maintenance")
        for act in ("extend", "end")
    },
    "POST /api/v1/status-pages/incidents/{status_incident_id}/postmortem/withdraw": (
        ("POST", "/api/v1/status-pages/incidents/{status_incident_id}/postmortem/publish"),
    ),
    "POST /status-pages/{page_id}/subscribers/moved": (
        ("POST", "/status-pages/{page_id}/subscribers/import"),
    ),
    "POST /status-pages/{page_id}/public": (("POST", "/status-pages/{page_id}/settings"),),
    "POST /status-pages/{page_id}/delete": (),
    "POST /status-pages/components/{component_id}/down": (
        ("POST", "/status-pages/components/{component_id}/up"),
    ),
    "POST /status-pages/groups/{group_id}/down": (("POST", "/status-pages/{page_id}/groups"),),
    "POST /status-pages/groups/{group_id}/up": (
        ("POST", "/status-pages/{page_id}/groups"),
        ("POST", "/status-pages/groups/{group_id}/down"),
    ),
    "POST /status-pages/told/{status_incident_id}/withdraw-postmortem": (
        ("POST", "/api/v1/status-pages/incidents/{status_incident_id}/postmortem/publish"),
    ),
    "DELETE /api/v1/message-templates/{way}": (("PUT", "/api/v1/message-templates/{way}"),),
}
"""What must be done before it can be done."""

BODIES: dict[str, Any] = {
    "PATCH /api/v1/schedules/{schedule_id}/overrides/{override_id}": {"reason": "Another"},
    "PATCH /api/v1/silences/{silence_id}": {"comment": "Another"},
    "PATCH /api/v1/status-pages/incidents/{status_incident_id}": {"title": "Another"},
    "PATCH /api/v1/status-pages/subscribers/{subscriber_id}": {"language": "de"},
    "PATCH /api/v1/status-pages/updates/{update_id}": {"message": "Another"},
    "PATCH /api/v1/users/me": {"name": "Another"},
    "PATCH /api/v1/incidents/{incident_id}/responders/{responder_id}": {"role": "incident_commander"},
    "PATCH /api/v1/schedules/{schedule_id}/rotations/{rotation_id}": {"name": "Another"},
    "PATCH /api/v1/users/{user_id}/notification-rules/{rule_id}": {"delayMinutes": 9},
    "POST /status-pages/{page_id}/delete": {"confirm": "ownmark page"},
    "POST /me/contact-methods/{method_id}/verify": {"code": "0000"},
    "POST /users/{user_id}/contact-methods/{method_id}/verify": {"code": "0000"},
    "POST /api/v1/users/{user_id}/contact-methods/{method_id}/verify": {"code": "0000"},
}
"""Bodies that change something, where the one that is made does not; a PATCH changes the name."""


def spelled(route: Route) -> str:
    """Method and path, with the values that the line of the matrix names."""
    path = route.path
    for name, value in route.values:
        path = path.replace(f"{{{name}}}", value)
    return f"{route.method} {path}"


UNSAFE = [
    route
    for route in matrix.routes()
    if route.method != "GET" and (route.method, route.path) not in ELSEWHERE
]


@contextmanager
def listening() -> Iterator[list[AuditEntry]]:
    """Every entry that a transaction is given meanwhile."""
    entries: list[AuditEntry] = []
    with pytest.MonkeyPatch.context() as patched:
        keep = Transaction.audit

        def note(tx: Transaction, entry: AuditEntry) -> None:
            entries.append(entry)
            keep(tx, entry)

        patched.setattr(Transaction, "audit", note)
        yield entries


async def recorded(scene: Scene, route: Route) -> None:
    """Ask; an entry with who it was and from where."""
    caller = scene.callers["organization owner"]
    ids = ids_for(scene, caller, route, OWN)
    if route.path == "/api/v1/users/{user_id}/password":
        ids = scene.estates[OWN].ids
    body = body_for(scene, route, scene.estates[OWN].ids | caller.ids)
    if route.method == "PATCH" and not body:
        body = {"name": "Another"}
    if route.path.endswith("/swaps") or route.path.endswith("/swaps/take"):
        is_json = route.path.startswith("/api/")
        body |= {"userId" if is_json else "user_id": scene.estates[OWN].ids["on_call_id"]}
    if route.path.endswith("/move"):
        body = {"team_id": scene.estates[OTHER].ids["team_id"]}
    for method, path in FIRST.get(spelled(route), ()):
        step = Route(method, path, "")
        made = await scene.ask(
            caller, method, address(step, ids), body_for(scene, step, scene.estates[OWN].ids)
        )
        assert made.status_code < 400, (method, path, made.text)
        if path.endswith("contact-methods"):
            ids = ids | {"method_id": made.json()["id"]}
    with listening() as entries:
        asked = address(route, ids)
        answer = await scene.ask(caller, route.method, asked, BODIES.get(spelled(route), body))
    if (route.method, route.path) in WITHOUT:
        assert entries == [], "it leaves an entry by now: take it out of the list"
        return
    assert entries, (answer.status_code, re.sub(r"<[^>]+>|\s+", " ", answer.text)[-300:])
    for entry in entries:
        assert (entry.address, entry.request_id) == ("198.51.100.9", answer.headers["x-request-id"])
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", entry.act)
        assert entry.target_name


@pytest.mark.parametrize("route", [each for each in UNSAFE if spelled(each) not in FIRST], ids=spelled)
async def test_every_route_that_changes_something_is_recorded(scene: Scene, route: Route) -> None:
    """By itself, in an estate where it can be done."""
    await recorded(scene, route)


@pytest.mark.parametrize("route", [each for each in UNSAFE if spelled(each) in FIRST], ids=spelled)
async def test_routes_that_need_something_done_before_are_recorded(
    sqlite_template: Path, tmp_path: Path, route: Route
) -> None:
    """In an estate of its own, in which what stood in the way is done first."""
    async with staged(sqlite_template, tmp_path, lasting=True) as scene:
        await recorded(scene, route)


def test_the_lists_name_routes_that_exist() -> None:
    """What is gone from the matrix leaves the lists."""
    known = {(route.method, route.path) for route in matrix.routes()}
    assert {*ELSEWHERE, *WITHOUT} <= known
    assert {*FIRST, *BODIES} <= {spelled(route) for route in UNSAFE}
