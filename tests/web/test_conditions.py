"""Versions and repeated requests: nobody overwrites what they have not seen, nothing is made twice."""

import asyncio
from typing import Any

import httpx2
import pytest
from litestar import Response
from litestar.routes import HTTPRoute

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.errors import RateLimited, Unavailable
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.engine import housekeeping
from openalert.storage import idempotency
from openalert.storage.transaction import Transaction
from openalert.usecases import api_keys, setup
from openalert.web import etags
from openalert.web.paging import Page
from openalert.web.ratelimit import MOST_KEYS, RateLimit
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio

Client = httpx2.AsyncClient


@pytest.fixture
async def api(app: OpenAlert, client: Client) -> Client:
    """A client with the key of an owner."""
    client.headers["authorization"] = f"Bearer {await key(app)}"
    return client


async def key(app: OpenAlert) -> str:
    """A new key that may do everything."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx)
        return (await api_keys.create(tx, name="k", role=Role.OWNER))[1]


async def team(api: Client, name: str = "Core") -> httpx2.Response:
    """The answer to making a team."""
    made = await api.post("/api/v1/teams", json={"name": name})
    assert made.status_code == 201
    return made


async def everything(api: Client) -> dict[str, httpx2.Response]:
    """One of everything that can be made, as it was answered when it was."""
    made: dict[str, httpx2.Response] = {}

    async def make(kind: str, path: str, body: dict[str, Any]) -> Any:
        made[kind] = await api.post(f"/api/v1{path}", json=body)
        assert made[kind].status_code == 201, made[kind].text
        return made[kind].json().get("id")

    of = await make("team", "/teams", {"name": "Core"})
    who = await make("user", "/users", {"email": "ana@acme.example", "name": "Ana"})
    await make("member", f"/teams/{of}/members", {"userId": who})
    await make(
        "contact method", f"/users/{who}/contact-methods", {"type": "email", "address": "b@acme.example"}
    )
    way = made["contact method"].json()["id"]
    await make("notification rule", f"/users/{who}/notification-rules", {"contactMethodId": way})
    rota = await make("schedule", "/schedules", {"name": "Days", "teamId": of})
    await make("rotation", f"/schedules/{rota}/rotations", {"name": "R", "memberIds": [who]})
    span = {"startTime": "2026-02-01T00:00:00Z", "endTime": "2026-02-02T00:00:00Z"}
    await make("override", f"/schedules/{rota}/overrides", {"userId": who, **span})
    level = {"targets": [{"type": "schedule", "id": rota}]}
    policy = await make("policy", "/escalation-policies", {"name": "P", "teamId": of, "levels": [level]})
    site = await make("service", "/services", {"name": "Shop", "teamId": of, "escalationPolicyId": policy})
    await make("incident", "/incidents", {"serviceId": site, "title": "Down"})
    await make(
        "channel",
        "/channels",
        {"name": "C", "type": "email", "teamId": of, "config": {"address": "c@acme.example"}},
    )
    await make("integration", "/integrations", {"name": "I", "serviceId": site})
    await make("API key", "/api-keys", {"name": "K"})
    await make("invitation", "/invitations", {"email": "kim@acme.example"})
    return made


class TestVersions:
    """ETag, If-None-Match, If-Match."""

    async def test_whatever_is_made_has_an_address_and_a_version(self, api: Client) -> None:
        """Location leads to it, and ETag is the one that GET gives; an answer with a secret is no version."""
        for kind, made in (await everything(api)).items():
            found = await api.get(made.headers["location"])
            assert found.status_code == 200, kind
            if kind in ("integration", "API key", "invitation"):
                assert "etag" not in made.headers
            elif kind not in ("channel", "incident"):  # shows a secret; escalates meanwhile
                assert found.headers["etag"] == made.headers["etag"], kind

    async def test_who_has_the_version_is_not_sent_it_again(self, api: Client) -> None:
        """304 without a body, in every way in which the version can be named, and 200 once it is another."""
        where = (await team(api)).headers["location"]
        etag = (await api.get(where)).headers["etag"]
        for named in (etag, f'"x", {etag}', f"W/{etag}", "*"):
            answer = await api.get(where, headers={"if-none-match": named})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
            assert "content-type" not in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
        await api.patch(where, json={"description": "ours"})
        assert (await api.get(where, headers={"if-none-match": etag})).status_code == 200

    async def test_documents_that_are_put_whole_have_versions_too(self, api: Client) -> None:
        """Quiet hours: 412 for the version before, and its answer says the next one."""
        who = (await everything(api))["user"].json()["id"]
        where, body = f"/api/v1/users/{who}/quiet-hours", {"windows": [], "passesFrom": None}
        etag = (await api.get(where)).headers["etag"]
        answer = await api.put(where, json=body, headers={"if-match": etag})
        assert (answer.status_code, answer.headers["etag"]) == (200, (await api.get(where)).headers["etag"])
        assert (await api.put(where, json=body, headers={"if-match": etag})).status_code == 412

    @pytest.mark.proves("ST-2")
    async def test_words_that_somebody_else_chose_meanwhile_stay(self, api: Client) -> None:
        """Message templates: 412 for the version before, whether they are put or deleted."""
        where = "/api/v1/message-templates/sms"
        etag = (await api.get(where)).headers["etag"]
        first = await api.put(where, json={"text": "{{ incident.title }}"}, headers={"if-match": etag})
        assert (first.status_code, first.headers["etag"]) == (200, (await api.get(where)).headers["etag"])
        for method, body in (("PUT", {"text": "mine"}), ("DELETE", None)):
            refused = await api.request(method, where, json=body, headers={"if-match": etag})
            assert (refused.status_code, refused.headers["etag"]) == (412, first.headers["etag"])
        gone = await api.delete(where, headers={"if-match": first.headers["etag"]})
        assert (gone.status_code, (await api.get(where)).headers["etag"]) == (204, etag)

    @pytest.mark.proves("ST-2")
    async def test_a_change_of_what_was_not_seen_is_refused(self, api: Client) -> None:
        """412 says the present version; with it, the change is made and its answer says the next one."""
        where = (await team(api)).headers["location"]
        first = (await api.get(where)).headers["etag"]
        second = (await api.patch(where, json={"name": "Two"}, headers={"if-match": first})).headers["etag"]
        assert second == (await api.get(where)).headers["etag"] != first
        for method, body in (("PATCH", {"name": "Three"}), ("DELETE", None)):
            refused = await api.request(method, where, json=body, headers={"if-match": first})
            assert (refused.status_code, refused.json()["code"]) == (412, "PRECONDITION_FAILED")
            assert refused.headers["etag"] == refused.json()["details"]["etag"] == second
        assert (await api.get(where)).json()["name"] == "Two"
        assert (await api.delete(where, headers={"if-match": second})).status_code == 204

    @pytest.mark.parametrize("header", ["W/{}", "{}x", '""', "garbage", "", '"other"'])
    async def test_only_the_strong_version_itself_matches(self, api: Client, header: str) -> None:
        """A weak one, a part of one, or none at all is not it."""
        where = (await team(api)).headers["location"]
        etag = (await api.get(where)).headers["etag"]
        answer = await api.patch(where, json={"name": "N"}, headers={"if-match": header.format(etag)})
        assert answer.status_code == 412

    @pytest.mark.proves("ST-2")
    async def test_an_act_holds_to_the_version_of_what_it_acts_on(self, api: Client) -> None:
        """Of two who resolve what they saw as triggered, the second is told that it is not."""
        of = (await team(api)).json()["id"]
        site = (await api.post("/api/v1/services", json={"name": "Shop", "teamId": of})).json()["id"]
        incident = await api.post("/api/v1/incidents", json={"serviceId": site, "title": "Down"})
        where, seen = incident.headers["location"], incident.headers["etag"]
        first = await api.post(f"{where}/acknowledge", headers={"if-match": seen})
        while first.status_code == 412:  # the engine, which escalates it at once, came in between
            seen = (await api.get(where)).headers["etag"]
            first = await api.post(f"{where}/acknowledge", headers={"if-match": seen})
        assert first.status_code == 200
        assert first.headers["etag"] == (await api.get(where)).headers["etag"]
        second = await api.post(f"{where}/resolve", headers={"if-match": seen})
        assert second.status_code == 412
        assert (await api.get(where)).json()["status"] == "acknowledged"

    @pytest.mark.proves("ST-2", "F-35")
    async def test_of_many_changes_to_one_version_exactly_one_is_made(self, api: Client) -> None:
        """The version is looked at inside the transaction: nobody comes in between."""
        where = (await team(api)).headers["location"]
        etag = (await api.get(where)).headers["etag"]
        answers = await asyncio.gather(
            *(api.patch(where, json={"name": f"N{n}"}, headers={"if-match": etag}) for n in range(10))
        )
        assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]

    async def test_what_is_hidden_has_no_version(self, api: Client) -> None:
        """If-Match does not tell whether there is something: unknown is 404 as without it."""
        answer = await api.patch("/api/v1/teams/unknown", json={"name": "N"}, headers={"if-match": "*"})
        assert (answer.status_code, answer.json()["code"]) == (404, "TEAM_NOT_FOUND")

    async def test_where_nothing_has_a_version_the_condition_cannot_hold(self, api: Client) -> None:
        """It is not passed over in silence."""
        answer = await api.post("/api/v1/teams", json={"name": "N"}, headers={"if-match": "*"})
        assert answer.status_code == 412


OF_SEVERAL = {"/api/v1/incidents/{incident_id}/alerts/{alert_id}"}
"""What answers with more than the one object that it changes."""


async def test_every_route_has_its_plan(app: OpenAlert) -> None:
    """Every GET that is neither list nor file is a version, and every PATCH and DELETE has an object to hold to."""
    seen = 0
    litestar: Any = app.asgi.app
    litestar.compile_all()
    for route in litestar.routes:
        if not isinstance(route, HTTPRoute) or not route.path_format.startswith("/api/v1/"):
            continue
        for handler in route.route_handlers:
            plan = handler.opt.get("plan")
            answered = handler.parsed_fn_signature.return_type
            if "GET" in handler.http_methods:
                is_object = answered.origin is not Page and not answered.is_subclass_of(Response)
                assert plan == etags.Plan(is_object=is_object), route.path_format
                seen += 1
            elif handler.http_methods & {"PATCH", "DELETE"}:
                assert plan.object is not None, route.path_format
                of_another = answered.is_none_type or route.path_format in OF_SEVERAL
                assert plan.answers_object is not of_another, route.path_format
                seen += 1
    assert seen > 40


class TestRepeats:
    """Idempotency-Key."""

    async def test_a_repeated_request_is_answered_as_before(self, api: Client) -> None:
        """Word for word, and one team is there."""
        send = {"json": {"name": "Core"}, "headers": {"idempotency-key": "k1"}}
        first = await api.post("/api/v1/teams", **send)
        again = await api.post("/api/v1/teams", **send)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers.get_list("location") == [first.headers["location"]]
        assert again.headers.get_list("etag") == [first.headers["etag"]]
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert len((await api.get("/api/v1/teams")).json()["items"]) == 1

    @pytest.mark.proves("IN-7", "F-35")
    async def test_two_at_the_same_moment_make_one(self, api: Client) -> None:
        """Whoever is second waits for the first and hears the same."""
        send = {"json": {"name": "Core"}, "headers": {"idempotency-key": "k1"}}
        answers = await asyncio.gather(*(api.post("/api/v1/teams", **send) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1

    async def test_a_key_is_for_one_request(self, api: Client) -> None:
        """Another body or another address is refused, and does nothing."""
        headers = {"idempotency-key": "k1"}
        await api.post("/api/v1/teams", json={"name": "Core"}, headers=headers)
        for path, body in (
            ("/teams", {"name": "Other"}),
            ("/users", {"name": "Core", "email": "x@acme.example"}),
        ):
            answer = await api.post(f"/api/v1{path}", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_KEY_CONFLICT")
        assert len((await api.get("/api/v1/teams")).json()["items"]) == 1
        assert not (await api.get("/api/v1/users")).json()["items"]

    async def test_keys_of_two_callers_are_two_keys(self, app: OpenAlert, api: Client) -> None:
        """Nobody hears what another was answered."""
        send = {"json": {"name": "Core"}, "headers": {"idempotency-key": "k1"}}
        first = await api.post("/api/v1/teams", **send)
        api.headers["authorization"] = f"Bearer {await key(app)}"
        second = await api.post("/api/v1/teams", **send)
        assert second.status_code == 201
        assert second.json()["id"] != first.json()["id"]

    async def test_a_refusal_is_not_kept(self, api: Client) -> None:
        """Nothing happened, so the same key may be used once it can."""
        headers = {"idempotency-key": "k1"}
        body = {"name": "Shop", "teamId": "unknown"}
        assert (await api.post("/api/v1/services", json=body, headers=headers)).status_code == 400
        body["teamId"] = (await team(api)).json()["id"]
        assert (await api.post("/api/v1/services", json=body, headers=headers)).status_code == 201

    @pytest.mark.proves("IN-7")
    async def test_an_answer_is_kept_for_a_day(
        self, app: OpenAlert, api: Client, clock: StoppedClock
    ) -> None:
        """Then the key is new, whether or not the house has been cleaned; the cleaning leaves nothing behind."""
        send = {"json": {"name": "Core"}, "headers": {"idempotency-key": "k1"}}
        await api.post("/api/v1/teams", **send)
        clock.advance(23 * HOUR)
        await housekeeping.forget(app.database, 30)
        assert "idempotency-replayed" in (await api.post("/api/v1/teams", **send)).headers
        clock.advance(DAY)
        assert "idempotency-replayed" not in (await api.post("/api/v1/teams", **send)).headers
        clock.advance(DAY)
        await housekeeping.forget(app.database, 30)
        async with app.database.read() as reader:
            assert await reader.value("SELECT count(*) FROM kept_answers") == 0

    @pytest.mark.parametrize("text", ["", "x" * 256, "k\x01"])
    async def test_a_key_that_cannot_be_one_is_named(self, api: Client, text: str) -> None:
        """And nothing is made."""
        answer = await api.post("/api/v1/teams", json={"name": "Core"}, headers={"idempotency-key": text})
        assert (answer.status_code, answer.json()["details"]["field"]) == (400, "Idempotency-Key")
        assert not (await api.get("/api/v1/teams")).json()["items"]

    @pytest.mark.proves("IN-7")
    async def test_the_answer_and_the_act_are_committed_together(
        self, api: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If the answer cannot be kept the act is undone, the caller is told to come back, and then it is done once."""

        async def full(tx: Transaction, answer: Any) -> None:
            raise Unavailable("The disk is full.", retry_after=5)

        send = {"json": {"name": "Core"}, "headers": {"idempotency-key": "k1"}}
        with monkeypatch.context() as broken:
            broken.setattr(idempotency, "put", full)
            refused = await api.post("/api/v1/teams", **send)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert not (await api.get("/api/v1/teams")).json()["items"]
        assert (await api.post("/api/v1/teams", **send)).status_code == 201

    async def test_a_lost_secret_comes_again_and_lies_sealed(self, app: OpenAlert, api: Client) -> None:
        """Whoever did not get the answer with their key asks again; the database does not show it meanwhile."""
        send = {"json": {"name": "K"}, "headers": {"idempotency-key": "k1"}}
        first = await api.post("/api/v1/api-keys", **send)
        assert (await api.post("/api/v1/api-keys", **send)).json()["key"] == first.json()["key"]
        async with app.database.read() as reader:
            (row,) = await reader.rows("SELECT * FROM kept_answers")
        assert first.json()["key"] not in str(list(row))

    async def test_what_is_committed_by_a_refusal_stays(self, api: Client) -> None:
        """A wrong code of a contact method counts as a try, with a key as without one."""
        made = await everything(api)
        where = f"{made['contact method'].headers['location']}/verify"
        answer = await api.post(where, json={"code": "00000000"}, headers={"idempotency-key": "k1"})
        assert answer.status_code in (400, 403)
        assert (await team(api, "Next")).status_code == 201


class TestLimit:
    """The headers that tell how one stands."""

    async def test_no_limit_no_headers(self, api: Client) -> None:
        """Where nothing is counted nothing is told."""
        assert "ratelimit-limit" not in (await team(api)).headers

    async def test_changes_tell_how_one_stands(
        self, app: OpenAlert, api: Client, clock: StoppedClock
    ) -> None:
        """Each takes one, whether it was done or refused for another reason; reading tells and takes nothing."""
        app.access.writes = RateLimit(3)
        first = await team(api)
        assert [first.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == [
            "3",
            "2",
            "20",
        ]
        refused = await api.post("/api/v1/teams", json={})
        assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (400, "1")
        assert "ratelimit-limit" not in (await api.get("/api/v1/teams")).headers
        await team(api, "Second")
        stopped = await api.post("/api/v1/teams", json={"name": "Third"})
        assert stopped.status_code == 429
        assert stopped.headers["retry-after"] == "20"
        assert [stopped.headers[f"ratelimit-{name}"] for name in ("remaining", "reset")] == ["0", "60"]
        clock.advance(20 * SECOND)
        assert (await team(api, "Third")).headers["ratelimit-remaining"] == "0"

    def test_a_clock_that_is_set_back_locks_nobody_out(self) -> None:
        """At most a minute is owed, whatever the clock said before."""
        limit = RateLimit(1)
        limit.spend("a", DAY)
        with pytest.raises(RateLimited) as refused:
            limit.spend("a", HOUR)
        assert refused.value.details["retry_after"] == 60
        limit.spend("a", HOUR + MINUTE)

    def test_callers_are_remembered_within_bounds(self) -> None:
        """However many there are, the memory holds so many; who was quiet for longest is forgotten first."""
        limit = RateLimit(1)
        for number in range(MOST_KEYS + 10):
            limit.spend(f"k{number}", 0)
        assert len(limit._full_at) == MOST_KEYS
        limit.spend("k0", 0)
        with pytest.raises(RateLimited):
            limit.spend(f"k{MOST_KEYS + 9}", 0)
