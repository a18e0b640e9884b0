"""`web/matrix.txt` is the specification of who may do what; here every route is tried by everybody."""

import re
from typing import Any

import httpx2
import pytest

from openalert.domain.access import Role, Scope
from openalert.web import matrix
from openalert.web.matrix import Route
from tests.security.bodies import body_type, example, form
from tests.security.conftest import ABSENT, FOREIGN, OTHER, OWN, Caller, Scene, leaked, normal

pytestmark = pytest.mark.anyio

CALLERS = (
    "nobody", "team owner", "team admin", "team member", "team viewer", "team owner but viewer",
    "organization owner", "organization admin", "organization member", "organization viewer",
    "owner key", "admin key", "member key", "viewer key", "read key", "respond key", "configure key", "team key",
    "watch key",
)  # fmt: skip
NOT_A_THING = {"name", "token", "verb", "round_number", "way"}
"""Path parameters that name nothing that somebody owns."""
REFUSED_LATER = {
    ("POST", "/auth/login"): {400, 401},
    ("POST", "/api/v1/users/{user_id}/password"): {400},
    ("POST", "/me/password"): {422},
    ("POST", "/me/contact-methods/{method_id}/verify"): {422, 303},
    ("POST", "/users/{user_id}/contact-methods/{method_id}/verify"): {422, 303},
    ("POST", "/users/{user_id}/notification-rules"): {422},  # the method is somebody else's
    ("POST", "/api/v1/users/{user_id}/notification-rules"): {400},  # the method is somebody else's
    ("POST", "/api/v1/notifications/{notification_id}/resend"): {409},  # it is still on its way
    ("POST", "/schedules/{schedule_id}/swaps"): {422},  # whoever asks has no shift
    **{
        ("POST", f"/api/v1/schedules/{{schedule_id}}/swaps{act}"): {400}  # nor has a key
        for act in ("", "/take", "/{swap_id}/take")
    },
    **{
        ("POST", f"/api/v1/incidents/{{incident_id}}/{act}"): {400} for act in ("join", "decline")
    },  # a key is nobody
    ("GET", "/api/v1/oncall/shifts"): {400},  # a key is nobody: it has to say whose
    ("POST", "/api/v1/status-pages/{page_id}/components/reorder"): {400},  # they are of another page
    ("POST", "/status-pages/{page_id}/delete"): {422},  # its name has to be typed
    ("GET", "/a/{token}"): {404},
    ("GET", "/calendars/{token}"): {404},
    ("GET", "/proof/{token}"): {404},
    ("POST", "/proof/{token}"): {404},
    ("POST", "/a/{token}"): {404},
    ("POST", "/me/contact-methods/telegram"): {404},
    ("POST", "/callbacks/telegram"): {403},
    ("POST", "/me/contact-methods/mattermost"): {404},
    ("POST", "/callbacks/mattermost"): {403},
    # Nothing is fetched from an address that is not a public one.
    **{
        ("POST", f"/api/v1/{owner}/calendar-feeds{act}"): {400}
        for owner in ("users/{user_id}", "schedules/{schedule_id}")
        for act in ("", "/preview")
    },
    ("POST", "/me/calendar-feeds"): {422},
    ("POST", "/schedules/{schedule_id}/calendar-feeds"): {422},
    ("GET", "/setup"): {303, 403, 404},
    ("POST", "/setup"): {422},
    ("GET", "/auth/login"): {303, 404},
    ("GET", "/auth/callback"): {303, 400, 404},
    ("GET", "/login/second"): {303},
    ("POST", "/login/second"): {303},
    ("GET", "/login/enrol"): {303},
    ("POST", "/login/enrol"): {303},
    ("POST", "/push/answers"): {400, 404},
    ("POST", "/push/renewals"): {400, 404},
    ("POST", "/push/shown"): {400, 404},
    ("POST", "/auth/passkeys/options"): {400, 404},
    ("POST", "/auth/passkeys/sign-in"): {400, 404},
    ("POST", "/auth/passkeys/registration/options"): {303, 400, 404},
    ("POST", "/auth/passkeys/registration"): {303, 400, 404},
    ("GET", "/reset/{token}"): {404},
    ("POST", "/reset/{token}"): {404},
    ("GET", "/invitation/{token}"): {404},
    ("POST", "/invitation/{token}"): {404},
    ("POST", "/me/totp/confirm"): {422},
    ("POST", "/me/totp/remove"): {422},
    ("POST", "/me/recovery-codes"): {422},
    ("POST", "/me/passkeys/{passkey_id}/remove"): {404, 422},
    ("POST", "/me/contact-methods/slack"): {404},
    ("POST", "/callbacks/slack/actions"): {403},
    ("POST", "/callbacks/slack/events"): {403},
    ("POST", "/callbacks/twilio/sms"): {403},
    ("POST", "/callbacks/twilio/message/{token}"): {403},
    ("POST", "/callbacks/twilio/call/{token}"): {403},
    ("POST", "/callbacks/twilio/voice/{token}/{round_number}"): {403},
    ("POST", "/callbacks/twilio/voice/{token}/{round_number}/key"): {403},
    ("GET", "/health"): {503},
    ("POST", "/health/engine/cycle"): {503},
    ("GET", "/health/live"): {503},
    ("GET", "/ready"): {503},
    ("GET", "/health/ready"): {503},
}
"""What whoever may is answered by routes that go on to ask for more than a test can give at once."""

_ASKED = "?nonce=0123456789abcdef"
_RANGE = "?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"
QUERIES = {
    "/api/v1/oncall/load": _RANGE,
    "/api/v1/oncall/load/export": _RANGE,
    "/api/v1/oncall/shifts": _RANGE,
    "/api/v1/schedules/{schedule_id}/clashes": _RANGE,
    "/api/v1/audit-log/export": "?format=csv",
    "/api/v1/watch/alive": _ASKED,
    "/api/v1/watch/snapshot": _ASKED,
    "/api/v1/schedules/{schedule_id}/shifts": _RANGE,
    "/api/v1/schedules/{schedule_id}/swaps/suggestions": _RANGE,
}
"""What a route must be asked for beside its path."""

_PARAMETER = re.compile(r"\{(\w+)\}")


def things(route: Route) -> list[str]:
    """The path parameters that name something that somebody owns."""
    return [name for name in _PARAMETER.findall(route.path) if name not in NOT_A_THING]


def address(route: Route, ids: dict[str, str]) -> str:
    """The path with these ids; what names nothing owned is any word."""
    values = (
        {"name": "incidents", "token": "x", "round_number": "1", "way": "email"} | ids | dict(route.values)
    )
    missing = [name for name in _PARAMETER.findall(route.path) if name not in values]
    assert not missing, f"tests/security/estate.py makes no {missing} for {route.path}"
    return _PARAMETER.sub(lambda match: values[match.group(1)], route.path)


def verdict(caller: Caller, route: Route, where: str) -> str:
    """`may`, `may not`, `not there`, or `who?`, by the words of the matrix."""
    needs = route.needs
    if needs == "anyone":
        return "may"
    if needs == "watch key" and caller.is_known:
        return "may" if caller.scopes == {Scope.WATCH} else "may not"
    if not caller.is_known or caller.scopes == {Scope.WATCH}:
        return "who?"
    if needs.startswith("self"):
        return _about_a_person(caller, needs, where)
    if needs == "key admin":
        return _about_a_key(caller, where)
    if where == FOREIGN:
        return "not there"
    if needs == "signed in":
        return "may"
    role = caller.organization
    if needs.startswith("team"):
        role = caller.role_at(where)
        if role is None:
            return "not there"
    least = Role(needs.replace(" or paged", "").split()[-1])
    enough = role is not None and role.rank >= least.rank and _scope(needs, least) in caller.scopes
    return "may" if enough else "may not"


def _scope(needs: str, least: Role) -> Scope:
    if needs.startswith("organization"):
        return Scope.ADMIN
    return {
        Role.VIEWER: Scope.READ,
        Role.MEMBER: Scope.RESPOND,
        Role.ADMIN: Scope.CONFIGURE,
        Role.OWNER: Scope.ADMIN,
    }[least]


def _about_a_key(caller: Caller, where: str) -> str:
    """Whoever leads no team is refused whatever they ask for; whoever does sees the keys of those teams."""
    leads = [each for each in (caller.own, caller.other) if each is not None and each.rank >= Role.ADMIN.rank]
    if not leads or Scope.ADMIN not in caller.scopes:
        return "may not"
    return "may" if caller.role_at(where) in leads else "not there"


def _about_a_person(caller: Caller, needs: str, where: str) -> str:
    if where == OWN and caller.user is not None:
        return "may"
    if needs == "self" or where == FOREIGN:
        return "not there"
    is_admin = caller.organization is not None and caller.organization.rank >= Role.ADMIN.rank
    return "may" if is_admin and Scope.ADMIN in caller.scopes else "may not"


def ids_for(scene: Scene, caller: Caller, route: Route, where: str) -> dict[str, str]:
    """What the path names: of an estate, or of the caller where the matrix says `self`."""
    ids = scene.estates[where].ids
    if route.needs.startswith("self"):
        strangers = {"session_id": ABSENT} | ids
        return strangers | (caller.ids if where == OWN else {})
    return ids


def body_for(scene: Scene, route: Route, ids: dict[str, str]) -> Any:
    """A body that the route takes."""
    now = scene.app.database.clock()
    if not route.path.startswith("/api/"):
        return form(route.path, dict(route.values), ids, now)
    kind = body_type(scene.handlers[(route.method, route.path)])
    return None if kind is None else example(kind, ids, now)


def holds(answer: httpx2.Response, expected: str, route: Route) -> bool:
    """Whether the answer says what was expected."""
    status, target = answer.status_code, answer.headers.get("location", "")
    if expected == "who?":
        return status == 401 or (status == 303 and target.startswith("/login"))
    if expected == "may not":
        return status == 403
    if expected == "not there":
        return status in (404, 400, 422)
    if status in REFUSED_LATER.get((route.method, route.path), ()):
        return True
    to_sign_in = status == 303 and target.startswith("/login") and route.path != "/auth/logout"
    return not to_sign_in and (status < 400 or status == 409)


def _words(answer: httpx2.Response) -> str:
    said = re.sub(r"<[^>]+>|\\s+", " ", answer.text.partition("<main")[2]) or answer.text
    return f"({answer.headers.get('location', '')} {' '.join(said.split())[:120]})"


ROUTES = matrix.routes()


async def test_every_route_has_a_line_and_every_line_a_route(scene: Scene) -> None:
    """Whoever adds a route says in `web/matrix.txt` who may use it."""
    listed = {(route.method, route.path) for route in ROUTES}
    there = set(scene.handlers)
    assert sorted(there - listed) == [], "routes without a line in web/matrix.txt"
    assert sorted(listed - there) == [], "lines of web/matrix.txt without a route"


@pytest.mark.parametrize(
    "route", ROUTES, ids=lambda each: f"{each.method} {each.path} {dict(each.values) or ''}".strip()
)
async def test_everybody_may_what_the_matrix_says_and_nothing_else(scene: Scene, route: Route) -> None:
    """Every role and key, in the own team, in another and in another organization.

    What is out of sight answers byte for byte like an id that never was, no refusal leaves a trace, and no text of
    a team is in any answer to somebody who is not in it.
    """
    wrong = []
    places = (OWN, OTHER, FOREIGN) if things(route) else (OWN,)
    for name in CALLERS:
        caller = scene.callers[name]
        random: httpx2.Response | None = None
        for where in places:
            expected = verdict(caller, route, where)
            ids = ids_for(scene, caller, route, where)
            asked_for = address(route, ids) + QUERIES.get(route.path, "")
            body = body_for(scene, route, scene.estates[OWN].ids | caller.ids)
            before = scene.rehearsal.done
            answer = await scene.ask(caller, route.method, asked_for, body)
            if not holds(answer, expected, route):
                wrong.append(f"{name} in {where}: {answer.status_code}, but {expected} {_words(answer)}")
            if marks := leaked(answer, caller):
                wrong.append(f"{name} in {where}: hears {marks}")
            if expected != "may" and scene.rehearsal.done != before:
                wrong.append(f"{name} in {where}: {answer.status_code}, and something was written")
            if expected == "not there":
                absent = dict.fromkeys(ids, ABSENT)
                if random is None:  # wherever it is asked for, nothing is there
                    random = await scene.ask(
                        caller, route.method, address(route, absent) + QUERIES.get(route.path, ""), body
                    )
                asked = [ids[each] for each in things(route)]
                if normal(answer, *asked) != normal(random, *asked):
                    wrong.append(f"{name} in {where}: tells it from an id that never was")
    assert not wrong, "\n".join(wrong)
