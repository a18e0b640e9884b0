"""IN-7: what the API makes by POST it makes once under an Idempotency-Key: every creating route, found by itself."""

from pathlib import Path
from typing import Any

import pytest

from openalert.web import matrix
from openalert.web.matrix import Route
from tests.security.conftest import OWN, Scene, staged
from tests.security.test_matrix import address, body_for, ids_for
from tests.security.test_recorded import spelled

pytestmark = pytest.mark.anyio

NOT_TRIED = {
    "POST /api/v1/users/{user_id}/calendar-feeds": "asks an address first, and none is public here",
    "POST /api/v1/schedules/{schedule_id}/calendar-feeds": "as above",
    "POST /api/v1/schedules/{schedule_id}/swaps/take": "whoever asks here has no shift that somebody could take",
}
"""Creating routes that refuse what a test can send them, and why."""


WORDS_OF_OURS = (
    "role",
    "type",
    "severity",
    "kind",
    "timezone",
    "rotationType",
    "handoffTime",
    "startTime",
    "endTime",
)
OWN_BODIES: dict[str, Any] = {
    "POST /api/v1/invitations": {"email": "somebody.else@example.org", "role": "member"},
    "POST /api/v1/self-monitor/silence": {"minutes": 10},
}
"""Where the usual body says what another route of this test has said already, or nothing at all."""


def creates(scene: Scene, route: Route) -> bool:
    """Whether the route answers 201: it makes something."""
    handler = scene.handlers.get((route.method, route.path))
    return (
        route.method == "POST"
        and route.path.startswith("/api/v1/")
        and handler is not None
        and handler.status_code == 201
    )


def _another(body: Any) -> Any:
    """A body of the same shape that says something else."""
    if not body:
        return {"reason": "another"}
    for name, value in body.items():
        if isinstance(value, str) and name not in WORDS_OF_OURS:
            return body | {name: f"x{value}"}
        if isinstance(value, list):
            return body | {name: value * 2}
    for name, value in body.items():
        if type(value) is int:
            return body | {name: value + 1}
    return dict(reversed(body.items()))


async def _everything(scene: Scene) -> dict[str, int]:
    """How many rows each table has, but for the kept answers and what notes the asking itself."""
    async with scene.app.database.read() as reader:
        names = await reader.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [row[0] for row in names if row[0] not in ("kept_answers", "throttles", "runs")]
        return {table: await reader.value(f"SELECT count(*) FROM {table}") for table in tables}


@pytest.mark.proves("IN-7")
async def test_every_creating_post_is_done_once_under_a_key(sqlite_template: Path, tmp_path: Path) -> None:
    """Asked twice, it answers the same bytes and says so, and nothing more is there; another body is a conflict."""
    wrong, tried = [], 0
    async with staged(sqlite_template, tmp_path, lasting=True) as scene:
        made = [route for route in matrix.routes() if creates(scene, route)]
        assert len(made) > 20
        for number, route in enumerate(made):
            caller = scene.callers["organization owner"]
            ids = ids_for(scene, caller, route, OWN)
            path, body = address(route, ids), body_for(scene, route, scene.estates[OWN].ids | caller.ids)
            body = OWN_BODIES.get(spelled(route), body)
            key = {"idempotency-key": f"key-{number}"}
            first = await scene.ask(caller, "POST", path, body, **key)
            if spelled(route) in NOT_TRIED:
                assert first.status_code >= 400, (
                    f"{spelled(route)} can be tried by now: take it out of the list"
                )
                continue
            if first.status_code != 201:
                wrong.append(f"{spelled(route)}: {first.status_code} {first.text[:200]}")
                continue
            before = await _everything(scene)
            again = await scene.ask(caller, "POST", path, body, **key)
            if (again.status_code, again.content) != (201, first.content):
                wrong.append(f"{spelled(route)}: another answer, {again.status_code} {again.text[:200]}")
            if again.headers.get("idempotency-replayed") != "true":
                wrong.append(f"{spelled(route)}: does not say that it was answered before")
            if (after := await _everything(scene)) != before:
                wrong.append(f"{spelled(route)}: made more, {dict(after.items() - before.items())}")
            other = await scene.ask(caller, "POST", path, _another(body), **key)
            if (other.status_code, other.json().get("code")) != (409, "IDEMPOTENCY_KEY_CONFLICT"):
                wrong.append(f"{spelled(route)}: takes another body, {other.status_code} {other.text[:200]}")
            tried += 1
    assert not wrong, "\n".join(wrong)
    assert tried > 20
