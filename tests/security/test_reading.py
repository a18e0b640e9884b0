"""Reading changes nothing, reveals nothing of others, and believes no header about who one is."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from openalert.engine.engine import Engine
from openalert.usecases import overrides
from openalert.web import matrix
from tests import make
from tests.cast import LINKS_BACK, Post
from tests.security.conftest import (
    FOREIGN,
    MARKS,
    OTHER,
    OWN,
    Scene,
    fingerprint,
    leaked,
    normal,
    staged,
)  # fmt: skip
from tests.security.test_matrix import QUERIES, address
from tests.web.live_client import connected

pytestmark = pytest.mark.anyio

SEEN_BY = ("team owner", "team viewer", "organization member", "organization viewer", "team key", "nobody")
LOOKS = [route for route in matrix.routes() if route.method == "GET"]
FORGED = {
    "x-user": "ana@example.org", "x-forwarded-user": "ana@example.org", "x-remote-user": "ana@example.org",
    "remote-user": "ana@example.org", "x-auth-request-email": "ana@example.org", "x-tenant": "1", "x-team": "1",
    "x-organization-id": "1", "x-role": "owner", "x-original-url": "/api/v1/users", "x-rewrite-url": "/api/v1/users",
    "x-http-method-override": "DELETE", "x-method-override": "DELETE", "x-forwarded-for": "127.0.0.1",
    "x-real-ip": "127.0.0.1", "x-forwarded-host": "evil.example", "forwarded": "for=127.0.0.1;host=evil.example",
}  # fmt: skip
"""Headers by which other programs let a proxy say who somebody is, or what they meant."""


@pytest.fixture(scope="module")
async def lasting(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Scene]:
    """A scene in which what is done is done."""
    async with staged(sqlite_template, tmp_path_factory.mktemp("lasting"), lasting=True) as built:
        yield built


def paths(scene: Scene, where: str) -> list[str]:
    """Every page and list, with the ids of an estate."""
    mine = scene.callers["team owner"].ids
    return [
        address(route, {"session_id": mine["session_id"]} | scene.estates[where].ids)
        + QUERIES.get(route.path, "")
        for route in LOOKS
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_looking_changes_nothing(lasting: Scene, method: str) -> None:
    """GET, HEAD and OPTIONS of every route of the program, as an owner and as a viewer, leave every row as it was."""
    before = await fingerprint(lasting.app.database)
    every = {
        address(route, lasting.estates[OWN].ids | lasting.callers["team owner"].ids)
        for route in matrix.routes()
    }
    for name in ("organization owner", "team viewer", "owner key"):
        for path in sorted({*every, *paths(lasting, OWN)}):
            await lasting.ask(lasting.callers[name], method, path)
    await lasting.app.access.finish()
    assert await fingerprint(lasting.app.database) == before


async def test_nothing_of_another_team_is_in_any_answer(scene: Scene) -> None:
    """A word that stands in every text of the other team and organization is in no byte of no answer.

    Every page and list, with one's own ids and theirs, and every way to search, with a piece of that word.
    """
    wrong, seen, searched = [], 0, 0
    for name in SEEN_BY:
        caller = scene.callers[name]
        asked = {path for where in (OWN, OTHER, FOREIGN) for path in paths(scene, where)}
        for route, path in zip(LOOKS, paths(scene, OWN), strict=True):
            joint = "&" if "?" in path else "?"
            known = scene.handlers[("GET", route.path)].opt.get("query_parameters", ())
            searched += len(known)
            asked |= {f"{path}{joint}{each}={piece}" for each in known for piece in ("thermar", "oreignm")}
        for path in sorted(asked):
            answer = await scene.ask(caller, "GET", path)
            seen += MARKS[OWN] in answer.text
            wrong += [f"{name} {path}: {mark}" for mark in leaked(answer, caller)]
    assert not wrong, "\n".join(wrong)
    assert searched > 300, "every parameter that a page or a list has may be a way to search"
    assert seen > 100, "the own team's word must be there, or this proves nothing"


async def test_an_owner_hears_nothing_of_another_organization(scene: Scene) -> None:
    """Who sees every team of one organization sees none of another; the numbers on the page are one's own."""
    for name in ("organization owner", "owner key"):
        caller = scene.callers[name]
        for path in {path for where in (OWN, OTHER, FOREIGN) for path in paths(scene, where)}:
            answer = await scene.ask(caller, "GET", path)
            assert leaked(answer, caller) == [], path
    listed = (await scene.ask(scene.callers["owner key"], "GET", "/api/v1/incidents")).json()["items"]
    assert {each["title"] for each in listed} == {f"{MARKS[where]} summary" for where in (OWN, OTHER)}


async def test_live_events_are_those_of_the_teams_one_is_in(lasting: Scene) -> None:
    """Everything that ever happened, asked for again over the WebSocket: the own team's, and nobody else's."""
    db, heard = lasting.app.database, ""
    for where in (OWN, OTHER, FOREIGN):
        one = lasting.estates[where]
        async with db.transaction(make.actor(one.person, one.team)) as tx:
            await overrides.add(
                tx,
                one.ids["schedule_id"],
                user_id=one.person.id,
                start_at=tx.now,
                end_at=tx.now + 1,
                reason=f"{MARKS[where]} reason",
            )
    caller = lasting.callers["team owner"]
    async with connected(lasting.app, origin="http://127.0.0.1:8080", **caller.headers) as socket:
        socket.say({"type": "resume", "after": 0})
        for where in (OTHER, FOREIGN):
            incident = lasting.estates[where].ids["incident_id"]
            socket.say({"type": "subscribe", "incidentId": incident})
        socket.say({"type": "ping"})
        while "pong" not in (frame := (await socket.frame()).get("text", "")):
            heard += frame
    assert lasting.estates[OWN].team.id in heard
    for where in (OTHER, FOREIGN):
        assert MARKS[where] not in heard
        assert lasting.estates[where].team.id not in heard
    assert heard.count("NOT_FOUND") == 2


async def test_messages_speak_of_their_own_team(scene: Scene) -> None:
    """No mail to a channel or person of a team holds a word of another."""
    for where, mark in MARKS.items():
        sent = repr([msgspec.structs.asdict(each) for each in scene.estates[where].sent])
        assert mark in sent
        assert not [other for other in MARKS.values() if other != mark and other in sent]


async def test_metrics_name_nobody(scene: Scene) -> None:
    """Labels hold routes and states: no team, no person, no title, for whoever may read them."""
    answer = await scene.ask(scene.callers["owner key"], "GET", "/metrics")
    assert answer.status_code == 200
    assert not [mark for mark in MARKS.values() if mark in answer.text]


async def test_no_header_says_who_one_is(scene: Scene) -> None:
    """With every header that other programs believe, each route answers as without them."""
    viewer, stranger = scene.callers["team viewer"], scene.callers["nobody"]
    own, other = scene.estates[OWN].ids, scene.estates[OTHER].ids
    tries = [
        (stranger, "GET", "/api/v1/users", None),
        (stranger, "GET", "/incidents", None),
        (stranger, "GET", "/metrics", None),
        (viewer, "GET", f"/api/v1/services/{other['service_id']}", None),
        (viewer, "POST", f"/api/v1/incidents/{own['incident_id']}/notes", {"body": "x"}),
        (viewer, "POST", "/api/v1/teams", {"name": "x"}),
        (viewer, "GET", f"/api/v1/services/{own['service_id']}", None),
    ]
    done = scene.rehearsal.done
    for caller, method, path, body in tries:
        expected = await scene.ask(caller, method, path, body)
        for name, value in FORGED.items():
            answer = await scene.ask(caller, method, path, body, **{name: value})
            assert answer.status_code == expected.status_code, (path, name)
            assert normal(answer) == normal(expected), (path, name)
    assert scene.rehearsal.done == done


async def test_a_policy_that_pages_another_team_does_not_say_what_that_is_called(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An admin of the organization lets a policy page another team's schedule, team and channel; names stay theirs."""
    async with staged(sqlite_template, tmp_path_factory.mktemp("crossed"), lasting=True) as scene:
        own, other = scene.estates[OWN].ids, scene.estates[OTHER].ids
        targets = [{"type": kind, "id": other[f"{kind}_id"]} for kind in ("schedule", "channel", "team")]
        path = f"/api/v1/escalation-policies/{own['policy_id']}"
        admin = scene.callers["organization admin"]
        assert (await scene.ask(admin, "PATCH", path, {"levels": [{"targets": targets}]})).status_code == 200
        again = f"/api/v1/incidents/{own['incident_id']}"
        assert (await scene.ask(admin, "POST", f"{again}/resolve")).status_code == 200
        assert (await scene.ask(admin, "POST", f"{again}/reopen")).status_code == 200
        wrong = []
        for name in ("team owner", "team viewer", "team key"):
            caller = scene.callers[name]
            for path in paths(scene, OWN):
                answer = await scene.ask(caller, "GET", path)
                wrong += [f"{name} {path}: {mark}" for mark in leaked(answer, caller)]
        assert not wrong, "\n".join(wrong)


async def test_what_another_teams_targets_were_sent_does_not_say_what_they_are_called(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A service escalates by another team's policy: who reads of it learns no name or address of that team's things."""
    async with staged(sqlite_template, tmp_path_factory.mktemp("sent"), lasting=True) as scene:
        own, other = scene.estates[OWN].ids, scene.estates[OTHER].ids
        admin = scene.callers["organization admin"]
        service = {"escalationPolicyId": other["policy_id"]}
        path = f"/api/v1/services/{own['service_id']}"
        assert (await scene.ask(admin, "PATCH", path, service)).status_code == 200
        again = f"/api/v1/incidents/{own['incident_id']}"
        assert (await scene.ask(admin, "POST", f"{again}/resolve")).status_code == 200
        assert (await scene.ask(admin, "POST", f"{again}/reopen")).status_code == 200
        engine = Engine(scene.app.database, {"email": Post("email"), "webhook": Post("webhook")}, LINKS_BACK)
        await engine.begin()
        await engine.run_until_idle()
        wrong = []
        for name in ("team owner", "team viewer", "team key"):
            caller = scene.callers[name]
            for path in paths(scene, OWN):
                answer = await scene.ask(caller, "GET", path)
                at = [answer.text.find(mark) for mark in leaked(answer, caller)]
                wrong += [f"{name} {path}: {answer.text[max(0, each - 80) : each + 80]}" for each in at]
        assert not wrong, "\n".join(wrong)
