"""The recorded sequences of real messages: what is stored, open and paged after each step."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from openalert.usecases import incidents
from tests.cast import World, level

pytestmark = pytest.mark.anyio
PAYLOADS = Path(__file__).parents[1] / "payloads"
SCENARIOS = json.loads((PAYLOADS / "scenarios.json").read_text())
SCENARIOS = SCENARIOS if isinstance(SCENARIOS, list) else SCENARIOS["scenarios"]


def _patched(step: dict[str, Any]) -> Any:
    body = json.loads((PAYLOADS / f"{step['post'].removeprefix('dev/')}.json").read_text())
    for pointer, value in step.get("patch", []):
        *way, last = pointer.strip("/").split("/")
        holder = body
        for part in way:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        if isinstance(holder, list):
            if value is None:
                del holder[int(last)]
            else:
                holder[int(last)] = value
        else:
            holder[last] = value
    return body


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
async def test_scenario(world: World, scenario: dict[str, Any]) -> None:
    """Each step leaves exactly the alerts, incidents and pages that the scenario names."""
    await world.policy(level(1, world.alice))
    for step in scenario["steps"]:
        before = await world.value("SELECT count(*) FROM notifications WHERE kind = 'page'")
        await _take(world, step)
        await _check(world, step["expect"], before)


async def _take(world: World, step: dict[str, Any]) -> None:
    if "action" in step:
        await world.does(incidents.acknowledge, (await world.incident()).id)
        return
    body, key = _patched(step), step.get("integration", "A")
    times = step.get("times", 1)
    if step.get("concurrent"):
        await world.post_all([(copy.deepcopy(body), key)] * times)
        await world.engine.run_until_idle()
    else:
        for _ in range(times):
            await world.posts(copy.deepcopy(body), key)


async def _check(world: World, expect: dict[str, Any], before: int) -> None:
    counted = {
        "alerts_total": "SELECT count(DISTINCT integration_id || fingerprint) FROM alerts",
        "alerts_firing": "SELECT count(*) FROM alerts WHERE status = 'firing'",
        "open_incidents": "SELECT count(*) FROM incidents WHERE status <> 'resolved'",
        "incident_status": "SELECT status FROM incidents ORDER BY number DESC LIMIT 1",
        "incident_severity": "SELECT severity FROM incidents ORDER BY number DESC LIMIT 1",
    }
    for name, sql in counted.items():
        if name in expect:
            assert await world.value(sql) == expect[name], name
    if "new_pages" in expect:
        new = await world.value("SELECT count(*) FROM notifications WHERE kind = 'page'") - before
        assert new >= 1 if expect["new_pages"] == ">=1" else new == expect["new_pages"]
