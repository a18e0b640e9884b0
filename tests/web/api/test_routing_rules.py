"""`/routing-rules` over HTTP."""

from typing import Any

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

PATH = "/routing-rules"
NIGHTS = {
    "type": "all",
    "conditions": [
        {"type": "severity", "values": ["low", "info"]},
        {
            "type": "time",
            "timezone": "Europe/Berlin",
            "windows": [{"days": [1, 2, 3, 4, 5], "fromTime": "22:00", "toTime": "07:00"}],
        },
    ],
}


async def made(client: Client, cast: Cast, name: str, **members: Any) -> dict[str, Any]:
    """A rule of the team, as it is answered."""
    answer = await client.post(PATH, json={"name": name, "teamId": cast.team.id} | members)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_rule_is_written_read_changed_and_deleted(alice: Client, cast: Cast) -> None:
    """What is answered is what was sent, with the same in words; a change replaces the members given, whole."""
    rule = await made(alice, cast, "Quiet nights", condition=NIGHTS, actions={"suppress": {"minutes": None}})
    assert rule["sentence"] == (
        "When severity is low or info, and it comes Mon to Fri 22:00 to 07:00 (Europe/Berlin): "
        "suppress until it is resolved."
    )
    assert rule["condition"]["conditions"][1]["windows"][0]["fromTime"] == "22:00"
    assert (rule["position"], rule["hits"], rule["lastHitAt"], rule["isEnabled"]) == (1, 0, None, True)
    path = f"{PATH}/{rule['id']}"
    assert (await alice.get(path)).json() == rule
    threshold = {"count": 3, "minutes": 10, "by": ["label:host"], "side": "below"}
    changed = (await alice.patch(path, json={"threshold": threshold, "stop": True})).json()
    assert (changed["threshold"], changed["stop"], changed["condition"]) == (
        threshold,
        True,
        rule["condition"],
    )
    changed = (await alice.patch(path, json={"threshold": None, "condition": {"type": "all"}})).json()
    assert changed["sentence"] == "Always: suppress until it is resolved, ask no later rule."
    assert (await alice.delete(path)).status_code == 204
    assert (await alice.get(path)).json()["code"] == "ROUTING_RULE_NOT_FOUND"


async def test_rules_stand_in_the_order_that_is_sent(alice: Client, cast: Cast) -> None:
    """A new one can be put anywhere, all of them are put in order at once, and none may be forgotten."""
    a, b = await made(alice, cast, "A"), await made(alice, cast, "B")
    c = await made(alice, cast, "C", position=1)
    listed = (await alice.get(PATH, params={"teamId": cast.team.id})).json()["items"]
    assert [each["name"] for each in listed] == ["C", "A", "B"]
    order = {"teamId": cast.team.id, "ids": [b["id"], a["id"], c["id"]]}
    answer = await alice.post(f"{PATH}/reorder", json=order)
    assert [(each["name"], each["position"]) for each in answer.json()["items"]] == [
        ("B", 1),
        ("A", 2),
        ("C", 3),
    ]
    refused = await alice.post(f"{PATH}/reorder", json=order | {"ids": [a["id"]]})
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "ids")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"condition": {"type": "label", "name": "a", "operator": "=~", "value": "("}}, "missing )"),
        ({"condition": {"type": "weather", "values": ["rain"]}}, "weather"),
        ({"condition": {"type": "source", "values": ["a"], "also": 1}}, "also"),
        ({"actions": {"serviceId": "no-such"}}, "there is no service"),
        ({"actions": {"explode": True}}, "explode"),
        ({"actions": {"serviceId": "\0"}}, "actions.serviceId"),
        ({"condition": {"type": "service", "values": ["\0"]}}, "condition.values"),
        ({"condition": {"type": "text", "value": "\0"}}, "condition.value"),
        ({"integrationId": "no-such"}, "there is no integration"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_name(
    alice: Client, cast: Cast, members: dict[str, Any], words: str
) -> None:
    """The mistake is named in the words of RE2, of the schema, or of the thing that is not there."""
    refused = await alice.post(PATH, json={"name": "R", "teamId": cast.team.id} | members)
    assert refused.status_code == 400, refused.text
    assert words in refused.json()["detail"]


async def test_conditions_nest_without_end_in_vain(alice: Client, cast: Cast) -> None:
    """A body as deep as a parser may go is refused in words, not by a fault."""
    deep: Any = {"type": "tag", "values": ["a"]}
    for _ in range(200):
        deep = {"type": "not", "condition": deep}
    refused = await alice.post(PATH, json={"name": "R", "teamId": cast.team.id, "condition": deep})
    assert refused.status_code == 400, refused.text


async def test_a_draft_is_tried_on_an_alert_that_never_was(alice: Client, cast: Cast) -> None:
    """Nothing is saved; each condition says whether it held and what the alert has; the outcome is told."""
    trial = {
        "teamId": cast.team.id,
        "name": "Quiet",
        "condition": {"type": "severity", "values": ["low"]},
        "actions": {"suppress": {}, "tags": ["noise"]},
        "alert": {"title": "Disk", "severity": "low", "labels": {"env": "prod"}},
    }
    tried = (await alice.post(f"{PATH}/test", json=trial)).json()
    assert (tried["applies"], tried["pages"], tried["tags"]) == (True, "never", ["noise"])
    assert tried["steps"] == ["Rule “Quiet” applied: tag noise, suppress until it is resolved."]
    assert tried["reasons"] == [{"text": "severity is low", "holds": True, "depth": 0, "has": "low"}]
    tried = (
        await alice.post(f"{PATH}/test", json=trial | {"alert": {"title": "Disk", "severity": "high"}})
    ).json()
    assert (tried["applies"], tried["pages"], tried["steps"]) == (False, "at_once", [])
    assert tried["reasons"][0]["holds"] is False
    delayed = trial | {"actions": {"delayMinutes": 5}}
    assert (await alice.post(f"{PATH}/test", json=delayed)).json()["pages"] == "later"
    assert (await alice.get(PATH)).json()["items"] == []
    refused = await alice.post(f"{PATH}/test", json={"teamId": cast.team.id})
    assert refused.json()["details"]["field"] == "alertId"


async def test_a_dry_run_is_asked_for_again_by_its_id(
    alice: Client, bob: Client, charlie: Client, cast: Cast
) -> None:
    """Who may change the rules of the team sees it, a member may not, to a stranger there is none."""
    run = (
        await alice.post(f"{PATH}/dry-run", json={"teamId": cast.team.id, "actions": {"drop": True}})
    ).json()
    assert (run["status"], run["total"], run["result"]["alerts"]) == ("done", 0, 0)
    assert run["result"]["sentence"] == (
        "It would have changed no page, as there was none, and would have hidden nothing that people acted on."
    )
    path = f"{PATH}/dry-run/{run['id']}"
    assert (await alice.get(path)).json() == run
    assert (await bob.get(path)).status_code == 403
    assert (await charlie.get(path)).json()["code"] == "DRY_RUN_NOT_FOUND"
