"""An id of somebody else, wherever an id can be given: answered like one that never was, and nothing changes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from openalert.web import matrix
from tests.security.bodies import FORMS, body_type, example, form, id_members, plain
from tests.security.conftest import ABSENT, FOREIGN, OTHER, OWN, Caller, Scene, leaked, normal, staged
from tests.security.test_matrix import QUERIES, address, things

pytestmark = pytest.mark.anyio

OF_THE_ORGANIZATION = {"user_id", "on_call_id", "method_id"}
"""Whatever team they are in, people may be named by everybody of the organization."""
ROUTES = [route for route in matrix.routes() if not route.needs.startswith(("anyone", "self"))]


def with_id(kind: Any, ids: dict[str, str], now: int, path: tuple[str, ...], value: str) -> Any:
    """A body in which the member at the end of the path is this id."""
    kind = plain(kind)
    if not path:
        return value
    here, rest = path[0], path[1:]
    if get_origin(kind) in (list, tuple):
        return [with_id(get_args(kind)[0], ids, now, rest, value)]
    body = example(kind, ids, now)
    if kind.__name__ == "TargetBody":
        return {"type": rest[0], "id": value}
    field = next(each for each in msgspec.structs.fields(kind) if each.encode_name == here)
    body[here] = with_id(field.type, ids, now, rest, value)
    return body


async def same_as_absent(
    scene: Scene, caller: Caller, method: str, path: str, body: Any, hidden: str, absent_id: str = ABSENT
) -> str | None:
    """What tells the hidden id from one that never was; None when nothing does."""
    done = scene.rehearsal.done
    answer = await scene.ask(caller, method, path, body)
    if scene.rehearsal.done != done:
        return f"{method} {path} {body}: {answer.status_code}, and something was written"
    text = msgspec.json.encode(body).decode().replace(hidden, absent_id)
    absent = await scene.ask(caller, method, path.replace(hidden, absent_id), msgspec.json.decode(text))
    if answer.status_code != absent.status_code or normal(answer, hidden) != normal(absent, absent_id):
        return f"{method} {path} {body}: {answer.status_code} {answer.text[:80]} against {absent.status_code}"
    if leaked(answer, caller):
        return f"{method} {path} {body}: hears {leaked(answer, caller)}"
    return None


def places(kind: str) -> tuple[str, ...]:
    """Where an id of this kind is hidden from a member of the own team."""
    return (FOREIGN,) if kind in OF_THE_ORGANIZATION else (OTHER, FOREIGN)


@pytest.mark.parametrize("name", ["team owner", "team key"])
async def test_no_id_in_a_body_reaches_what_is_hidden(scene: Scene, name: str) -> None:
    """Every member of every body that holds an id, by the structs that the routes decode."""
    caller, own, now = scene.callers[name], scene.estates[OWN].ids, scene.app.database.clock()
    wrong, tried = [], 0
    for route in ROUTES:
        kind = body_type(scene.handlers[(route.method, route.path)])
        if kind is None or not route.path.startswith("/api/"):
            continue
        for path, what in id_members(kind):
            for where in places(what):
                hidden = scene.estates[where].ids[what]
                body = with_id(kind, own, now, path, hidden)
                wrong.append(
                    await same_as_absent(scene, caller, route.method, address(route, own), body, hidden)
                )
                tried += 1
    assert tried > 25
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))


def fields(typed: dict[str, Any]) -> Iterator[tuple[str, str, Callable[[str], Any]]]:
    """Each field of a form and its value, with what puts another one there; of a list, each of its values."""
    for field, value in typed.items():
        if isinstance(value, str):
            yield field, value, lambda other: other
        else:
            for place, one in enumerate(value):
                yield field, one, lambda other, every=value, at=place: [*every[:at], other, *every[at + 1 :]]


async def test_no_id_in_a_form_reaches_what_is_hidden(scene: Scene) -> None:
    """Every field of every form that holds an id."""
    caller, own, now = scene.callers["team owner"], scene.estates[OWN].ids, scene.app.database.clock()
    wrong, tried = [], 0
    kinds = {value: kind for kind, value in own.items()}
    for route in ROUTES:
        if route.path not in {path.partition(":")[0] for path in FORMS}:
            continue
        typed = form(route.path, dict(route.values), own, now)
        for field, value, put in fields(typed):
            prefix, sep, given = (
                value.rpartition(":") if ":" in value and "T" not in value else ("", "", value)
            )
            if given not in kinds:
                continue
            for where in places(kinds[given]):
                hidden = scene.estates[where].ids[kinds[given]]
                body = typed | {field: put(f"{prefix}{sep}{hidden}")}
                wrong.append(
                    await same_as_absent(scene, caller, route.method, address(route, own), body, hidden)
                )
                tried += 1
    assert tried > 8
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))


async def test_no_path_through_the_own_team_reaches_what_is_hidden(scene: Scene) -> None:
    """Of several ids in a path, the first are one's own and the last is somebody else's."""
    caller, own, now = scene.callers["team owner"], scene.estates[OWN].ids, scene.app.database.clock()
    wrong, tried = [], 0
    for route in ROUTES:
        names = things(route)
        if len(names) < 2:
            continue
        kind = body_type(scene.handlers[(route.method, route.path)])
        body = example(kind, own, now) if kind else form(route.path, dict(route.values), own, now)
        for where in places(names[-1]):
            hidden = scene.estates[where].ids[names[-1]]
            path = address(route, own | {names[-1]: hidden}) + QUERIES.get(route.path, "")
            wrong.append(await same_as_absent(scene, caller, route.method, path, body, hidden))
            tried += 1
    assert tried > 15
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))


async def test_a_refusal_names_nothing_of_another_team(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What another team's policy pages, or whose service uses it, cannot be deleted; by whom is not said."""
    async with staged(sqlite_template, tmp_path_factory.mktemp("tied"), lasting=True) as scene:
        own, other = scene.estates[OWN].ids, scene.estates[OTHER].ids
        admin, caller = scene.callers["organization admin"], scene.callers["team owner"]
        targets = [{"type": kind, "id": own[f"{kind}_id"]} for kind in ("schedule", "channel", "team")]
        path = f"/api/v1/escalation-policies/{other['policy_id']}"
        assert (await scene.ask(admin, "PATCH", path, {"levels": [{"targets": targets}]})).status_code == 200
        policy = {"escalationPolicyId": own["policy_id"]}
        for where in (own, other):
            chosen = policy if where is other else {"escalationPolicyId": None}
            path = f"/api/v1/services/{where['service_id']}"
            assert (await scene.ask(admin, "PATCH", path, chosen)).status_code == 200
        path = f"/api/v1/escalation-policies/{own['policy_id']}"
        empty = [{"targets": [{"type": "user", "id": own["user_id"]}]}]
        assert (await scene.ask(admin, "PATCH", path, {"levels": empty})).status_code == 200
        for kind, noun in (
            ("schedule", "schedules"),
            ("channel", "channels"),
            ("policy", "escalation-policies"),
        ):
            answer = await scene.ask(caller, "DELETE", f"/api/v1/{noun}/{own[f'{kind}_id']}")
            assert answer.status_code == 409
            assert "of a team that you are not in" in answer.json()["message"]
            assert leaked(answer, caller) == []


async def test_no_filter_and_no_cursor_reaches_what_is_hidden(scene: Scene) -> None:
    """Every parameter of every list that takes an id, and every cursor, with every id of somebody else."""
    own = scene.estates[OWN].ids
    wrong, tried = [], 0
    for route in ROUTES:
        if route.method != "GET":
            continue
        handler = scene.handlers[(route.method, route.path)]
        for parameter in sorted(handler.opt.get("query_parameters", ())):
            takes_id = re.search(r"(Id|_id)$|^(cursor|service|team|incident|integration)$", parameter)
            if takes_id is None:
                continue
            for where in (OTHER, FOREIGN):
                for what, hidden in scene.estates[where].ids.items():
                    if where not in places(what):
                        continue
                    path = f"{address(route, own)}?{parameter}={hidden}"
                    caller = scene.callers["team owner"]
                    # Lists go by the time in their ids, so a cursor's neighbour is the id that never was.
                    neighbour = f"{hidden[:-1]}{(int(hidden[-1], 16) + 8) % 16:x}"
                    wrong.append(await same_as_absent(scene, caller, "GET", path, None, hidden, neighbour))
                    tried += 1
    assert tried > 100
    assert not list(filter(None, wrong)), "\n".join(filter(None, wrong))


MASS = (
    "id",
    "organizationId",
    "createdAt",
    "createdById",
    "deletedAt",
    "passwordHash",
    "secretHash",
    "isAdmin",
    "versionId",
)
"""Members that rows have and nobody may write."""


async def test_no_body_writes_what_is_not_its_own(scene: Scene) -> None:
    """A member that the route does not know is refused by its name, whoever asks: no row is filled by hand."""
    caller, own, now = scene.callers["organization owner"], scene.estates[OWN].ids, scene.app.database.clock()
    done, wrong = scene.rehearsal.done, []
    for route in ROUTES:
        kind = body_type(scene.handlers[(route.method, route.path)])
        if kind is None or not route.path.startswith("/api/"):
            continue
        body = example(kind, own, now)
        for member in MASS:
            if not isinstance(body, dict) or member in body:
                continue
            answer = await scene.ask(caller, route.method, address(route, own), body | {member: "x"})
            if answer.status_code not in (400, 422) or member not in answer.text:
                wrong.append(f"{route.method} {route.path} {member}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert scene.rehearsal.done == done
