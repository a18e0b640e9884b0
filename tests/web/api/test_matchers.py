"""Matchers in bodies of `/maintenance-windows` and `/silences`: as Prometheus writes them, or in members."""

from typing import Any

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


async def _made(alice: Client, cast: Cast, matcher: Any) -> Any:
    body = {
        "name": "Move",
        "teamId": cast.team.id,
        "matchers": [matcher],
        "startsAt": "2026-02-01T10:00:00Z",
        "endsAt": "2026-02-01T11:00:00Z",
    }
    return await alice.post("/maintenance-windows", json=body)


@pytest.mark.parametrize(
    ("members", "written"),
    [
        ({"value": "db-1"}, '="db-1"'),
        ({"value": "db-1", "isEqual": False}, '!="db-1"'),
        ({"value": "db-.*", "isRegex": True}, '=~"db-.*"'),
        ({"value": "db-.*", "isRegex": True, "isEqual": False}, '!~"db-.*"'),
        ({"value": "db-.*", "operator": "=~"}, '=~"db-.*"'),
        ({"value": 'a" or b="'}, '="a\\" or b=\\""'),
    ],
)
async def test_members_mean_what_they_do_in_alertmanager(
    alice: Client, cast: Cast, members: dict[str, Any], written: str
) -> None:
    """They are kept, and answered, as the text of the same meaning; a quote ends nothing."""
    made = await _made(alice, cast, {"name": "instance", **members})
    assert made.status_code == 201, made.text
    assert made.json()["matchers"] == [f"instance{written}"]
    silence = {"teamId": cast.team.id, "matchers": [{"name": "instance", **members}, 'a="b"']}
    assert (await alice.post("/silences/preview", json=silence)).status_code == 200


@pytest.mark.parametrize(
    "matcher",
    [
        {"name": "", "value": "x"},
        {"name": "a", "value": "(", "isRegex": True},
        {"name": "a", "value": "x", "operator": "=="},
        {"name": "a"},
        {"name": "a", "value": "x", "more": 1},
        7,
    ],
)
async def test_what_is_no_matcher_is_refused(alice: Client, cast: Cast, matcher: Any) -> None:
    """As 400, whichever way it is broken."""
    assert (await _made(alice, cast, matcher)).status_code == 400
