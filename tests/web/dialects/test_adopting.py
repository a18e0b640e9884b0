"""Key adoption at the door: what strangers are told, what is kept of them, and that it comes in exactly once."""

import gzip
import json
from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.domain import adoption as rules
from openalert.domain.access import Actor, Role, program_of
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.engine.housekeeping import forget
from openalert.storage import Database
from openalert.usecases import adoption, imported_keys, integrations
from tests import make
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio
GENIE = "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"
TOKEN = "f3qfZ7yTb2n0Kc9uWmDp4sXvA1"
HEADERS = {"authorization": f"GenieKey {GENIE}"}
DISK = {"message": "Disk is full", "alias": "disk", "priority": "P1", "tags": ["db"]}


class Desk:
    """The admin's side of it."""

    def __init__(self, db: Database, organization_id: str) -> None:
        self.db = db
        self.actor = program_of(organization_id)

    async def does(self, act: Any, *args: Any, **options: Any) -> Any:
        """An act in a transaction of its own."""
        async with self.db.transaction(self.actor) as tx:
            return await act(tx, *args, **options)

    async def keys(self) -> list[adoption.Shown]:
        """What waits for a decision."""
        async with self.db.read() as reader:
            return await adoption.strange_keys(reader, self.actor)

    async def value(self, sql: str) -> Any:
        """One value."""
        async with self.db.read() as reader:
            return await reader.value(sql)


@pytest.fixture
async def desk(sqlite_db: Database, client: httpx2.AsyncClient) -> Desk:
    """Somebody who administers the organization."""
    async with sqlite_db.read() as reader:
        return Desk(sqlite_db, await reader.value("SELECT id FROM organizations"))


async def _create(client: httpx2.AsyncClient, body: Any = DISK, key: str = GENIE) -> httpx2.Response:
    return await client.post("/v2/alerts", json=body, headers={"authorization": f"GenieKey {key}"})


def _key(number: int) -> str:
    return f"43a29c5c-3dbf-4fa4-9c26-{number:012x}"


async def test_outside_of_a_window_nothing_is_kept(client: httpx2.AsyncClient, desk: Desk) -> None:
    """Every dialect refuses in its own words, before the window and after it."""
    for _ in range(2):
        assert (await _create(client)).status_code == 401
        assert (await client.post("/v1/json/azure?apiKey=" + GENIE, json=DISK)).status_code == 401
        assert (await client.post(f"/integrations/v1/webhook/{TOKEN}/", json=DISK)).status_code == 403
        assert await desk.value("SELECT count(*) FROM strange_keys") == 0
        await desk.does(adoption.open_window)
        await desk.does(adoption.close_window)


async def test_in_a_window_a_stranger_hears_what_a_known_key_hears(
    client: httpx2.AsyncClient, desk: Desk
) -> None:
    """The same status, members and headers for what is good and for what is not; nothing tells the keys apart."""
    await desk.does(adoption.open_window)
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/v2/alerts", DISK),
        ("POST", "/v2/alerts", {"alias": "no message"}),
        ("POST", "/v2/alerts", [1]),
        ("POST", "/v2/alerts/disk/close?identifierType=alias", None),
        ("POST", "/v2/alerts/disk/tags", {"tags": ["a"]}),
        ("POST", "/v1/json/azure", DISK),
        ("POST", "/v1/json/anything", [1]),
    ]
    for method, path, body in calls:
        heard = []
        for key in (GENIE, "A"):
            answer = await client.request(
                method, path, json=body, headers={"authorization": f"GenieKey {key}"}
            )
            said = {name: text for name, text in answer.json().items() if name not in {"took", "requestId"}}
            heard.append((answer.status_code, said, sorted(answer.headers)))
        assert heard[0] == heard[1], (method, path)
    assert (await client.get("/v2/alerts", headers=HEADERS)).status_code == 401
    answers = [await client.post(f"/integrations/v1/webhook/{key}/", json=DISK) for key in (TOKEN, "A")]
    assert [(each.status_code, each.json()) for each in answers] == [(200, "Ok.")] * 2
    assert await desk.value("SELECT count(*) FROM alerts WHERE integration_id IS NULL") == 0


async def test_a_key_is_shown_by_its_end_with_what_came_by_it(client: httpx2.AsyncClient, desk: Desk) -> None:
    """Dialect, counts, times, what the messages say; neither the rows nor the page know the key."""
    await desk.does(adoption.open_window)
    for body in (DISK, DISK, {"message": "Load is high"}):
        assert (await _create(client, body)).status_code == 202
    await client.post("/v2/alerts/x/notes", json={"note": "n"}, headers=HEADERS)
    (shown,) = await desk.keys()
    assert (shown.key.key_hint, shown.key.dialect, shown.key.message_count, shown.key.kept_count) == (
        "e120", "opsgenie", 4, 3,
    )  # fmt: skip
    assert (shown.says, shown.sources) == (["Disk is full", "Load is high"], ["opsgenie_api"])
    rows = await desk.value("SELECT group_concat(key_hash || key_hint || address) FROM strange_keys")
    assert GENIE[:-4] not in rows


async def test_an_adopted_key_brings_its_messages_in_order_and_once(
    client: httpx2.AsyncClient, desk: Desk
) -> None:
    """A beginning and an end are over, what is open pages once; from then on the key is an ordinary one."""
    await desk.does(adoption.open_window)
    await _create(client, DISK)
    await client.post("/v2/alerts/disk/close?identifierType=alias", headers=HEADERS)
    await _create(client, {"message": "Load is high", "alias": "load"})
    await client.post("/v2/alerts/load/acknowledge?identifierType=alias", headers=HEADERS)
    zipped = HEADERS | {"content-encoding": "gzip", "content-type": "application/json"}
    body = gzip.compress(json.dumps({"message": "Zipped", "alias": "zip"}).encode())
    assert (await client.post("/v2/alerts", content=body, headers=zipped)).status_code == 202
    (shown,) = await desk.keys()
    integration_id = await desk.value("SELECT id FROM integrations")
    _, count = await desk.does(adoption.adopt, shown.key.id, integration_id=integration_id)
    assert count == 5
    async with desk.db.read() as reader:
        rows = await reader.rows("SELECT title, status FROM incidents ORDER BY number")
    assert [tuple(row) for row in rows] == [
        ("Disk is full", "resolved"), ("Load is high", "acknowledged"), ("Zipped", "triggered"),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await desk.does(adoption.adopt, shown.key.id, integration_id=integration_id)
    assert await desk.value("SELECT count(*) FROM incidents") == 3
    assert await desk.value("SELECT count(*) FROM strange_messages") == 0
    seen = await client.get("/v2/alerts/load", params={"identifierType": "alias"}, headers=HEADERS)
    assert seen.json()["data"]["message"] == "Load is high"
    assert (await _create(client)).status_code == 202
    assert await desk.keys() == []


async def test_a_token_of_oncall_is_adopted_into_a_new_address(
    client: httpx2.AsyncClient, desk: Desk
) -> None:
    """A service gets an integration for it; a message that cannot be read waits in quarantine there."""
    await desk.does(adoption.open_window)
    await client.post(f"/integrations/v1/webhook/{TOKEN}/", json={"title": "Down", "alert_uid": "u"})
    (shown,) = await desk.keys()
    assert (shown.key.dialect, shown.says) == ("oncall", ["Down"])
    service_id = await desk.value("SELECT id FROM services")
    made, count = await desk.does(adoption.adopt, shown.key.id, service_id=service_id)
    assert (made.name, count) == ("OnCall …XvA1", 1)
    assert await desk.value("SELECT title FROM alerts") == "Down"
    assert (await client.post(f"/integrations/v1/webhook/{TOKEN}/", json={"title": "Up"})).status_code == 200


async def test_a_dismissed_key_is_refused_as_unknown(client: httpx2.AsyncClient, desk: Desk) -> None:
    """At once, for the rest of the window, and nothing of what it sent is left; the next window begins anew."""
    await desk.does(adoption.open_window)
    await _create(client)
    (shown,) = await desk.keys()
    await desk.does(adoption.dismiss, shown.key.id)
    assert (await _create(client)).status_code == 401
    assert await desk.value("SELECT count(*) FROM strange_messages") == 0
    assert await desk.keys() == []
    with pytest.raises(NotFound):
        await desk.does(adoption.dismiss, shown.key.id)
    await desk.does(adoption.close_window)
    await desk.does(adoption.open_window)
    assert (await _create(client)).status_code == 202


async def test_a_flood_is_bounded_in_every_direction(
    client: httpx2.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of one place, keys in all, messages and bytes of one key: beyond that nothing is written but a count."""
    monkeypatch.setattr(rules, "MOST_KEYS", 12)
    monkeypatch.setattr(rules, "MOST_MESSAGES", 3)
    monkeypatch.setattr(rules, "MOST_BYTES", 2_000)
    await desk.does(adoption.open_window)
    answers = [(await _create(client, DISK, _key(number))).status_code for number in range(15)]
    assert answers == [202] * rules.MOST_KEYS_OF_A_PLACE + [401] * 5
    for _ in range(10):
        assert (await _create(client, DISK, _key(0))).status_code == 202
    assert (await _create(client, DISK | {"description": "x" * 3_000}, _key(1))).status_code == 202
    assert await desk.value("SELECT max(kept_count) FROM strange_keys") == 3
    assert await desk.value("SELECT count(*) FROM strange_messages") == 12
    other = httpx2.ASGITransport(app=client._transport.app, client=("10.0.0.7", 1))  # type: ignore[attr-defined]
    async with httpx2.AsyncClient(transport=other, base_url="http://pager.example") as elsewhere:
        answers = [(await _create(elsewhere, DISK, _key(number))).status_code for number in range(20, 24)]
    assert answers == [202, 202, 401, 401]


async def test_a_full_key_that_floods_costs_no_write_each_time(
    client: httpx2.AsyncClient, desk: Desk, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted once a second at most."""
    monkeypatch.setattr(rules, "MOST_MESSAGES", 1)
    await desk.does(adoption.open_window)
    for expected in (1, 2):
        for _ in range(20):
            assert (await _create(client)).status_code == 202
        assert await desk.value("SELECT message_count FROM strange_keys") == expected
        clock.now += SECOND


@pytest.mark.parametrize("key", ["", "A-key", GENIE[:-1], GENIE + "0", GENIE.replace("-", "_"), "x" * 36])
async def test_what_is_no_key_of_opsgenie_is_refused_in_a_window_too(
    client: httpx2.AsyncClient, desk: Desk, key: str
) -> None:
    """Only what Opsgenie could have made gathers."""
    await desk.does(adoption.open_window)
    assert (await _create(client, DISK, key)).status_code == 401
    assert (await client.post("/integrations/v1/webhook/short/", json=DISK)).status_code == 403
    assert await desk.keys() == []


async def test_a_key_of_ours_that_is_switched_off_is_not_adopted(
    client: httpx2.AsyncClient, desk: Desk, sqlite_db: Database
) -> None:
    """It answers as an unknown one does outside of a window."""
    integration_id = await desk.value("SELECT id FROM integrations")
    await desk.does(imported_keys.add, integration_id, GENIE)
    await desk.does(integrations.update, integration_id, is_active=False)
    await desk.does(adoption.open_window)
    assert (await _create(client)).status_code == 401
    assert await desk.keys() == []


async def test_a_window_ends_by_itself(client: httpx2.AsyncClient, desk: Desk, clock: StoppedClock) -> None:
    """An hour unless told otherwise, at most a week; what is kept stays to be decided about."""
    for wrong in (0, 8 * DAY):
        with pytest.raises(Invalid):
            await desk.does(adoption.open_window, wrong)
    made = await desk.does(adoption.open_window)
    assert made.closes_at - made.opened_at == HOUR
    assert (await _create(client)).status_code == 202
    clock.now += HOUR
    assert (await _create(client)).status_code == 401
    assert len(await desk.keys()) == 1
    clock.now += rules.KEPT_FOR + MINUTE
    await forget(desk.db, 30)
    assert await desk.value("SELECT count(*) FROM strange_messages") == 0
    assert await desk.keys() == []


async def test_one_organization_at_a_time_and_admins_alone(
    app: OpenAlert, desk: Desk, sqlite_db: Database, client: httpx2.AsyncClient
) -> None:
    """A stranger's key says nothing of whose it is: two open windows would show one's alerts to the other."""
    await desk.does(adoption.open_window)
    await _create(client)
    (shown,) = await desk.keys()
    other = await make.organization(sqlite_db, "Other")
    theirs = Desk(sqlite_db, other.id)
    with pytest.raises(Conflict):
        await theirs.does(adoption.open_window)
    assert await theirs.keys() == []
    with pytest.raises(NotFound):
        await theirs.does(adoption.dismiss, shown.key.id)
    ours = await desk.value("SELECT id FROM users WHERE name = 'Bob'")
    member = Actor(
        kind="user", id=ours, name="Bob", organization_id=desk.actor.organization_id, role=Role.MEMBER
    )
    async with sqlite_db.transaction(member) as tx:
        for act in (adoption.open_window(tx), adoption.close_window(tx), adoption.dismiss(tx, shown.key.id)):
            with pytest.raises(Forbidden):
                await act
