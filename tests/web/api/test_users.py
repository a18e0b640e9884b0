"""`/users`, contact methods, `/channels` and `/api-keys` over HTTP."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.storage import Database, contact_methods
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio


async def sent_code(db: Database) -> str:
    """The digits of the newest code that waits to be sent."""
    async with db.read() as reader:
        content = await reader.value(
            "SELECT content FROM notifications WHERE kind = 'code' ORDER BY created_at DESC, id DESC LIMIT 1"
        )
    return "".join(sign for sign in str(content).split("code is ")[1][:9] if sign.isdigit())


async def test_people_see_each_other_but_not_each_others_numbers(
    alice: Client, bob: Client, cast: Cast
) -> None:
    """Names and addresses are for everybody, phone numbers and contact methods for oneself and admins."""
    await bob.patch("/users/me", json={"phoneNumber": "+49 30 1234567", "timezone": "Europe/Berlin"})
    assert (await bob.get("/users/me")).json()["phoneNumber"] == "+49301234567"
    assert (await alice.get(f"/users/{cast.bob.id}")).json()["phoneNumber"] == "+49301234567"
    await alice.patch("/users/me", json={"phoneNumber": "+49 30 7654321"})
    seen = (await bob.get(f"/users/{cast.alice.id}")).json()
    assert (seen["name"], seen["email"], seen["phoneNumber"]) == ("Alice", "alice@example.org", None)
    assert (await bob.get(f"/users/{cast.alice.id}/contact-methods")).status_code == 403


async def test_nobody_promotes_themselves(bob: Client, callers: Callers, cast: Cast, db: Database) -> None:
    """Members cannot raise anybody, admins cannot make or change owners, and the last owner stays."""
    admin = await callers.signed_in(await make.user(db, cast.organization, "Dora", Role.ADMIN))
    assert (await bob.patch("/users/me", json={"role": "owner"})).status_code == 403
    assert (await bob.patch("/users/me", json={"isActive": False})).status_code == 403
    assert (await bob.patch(f"/users/{cast.charlie.id}", json={"name": "C"})).status_code == 403
    assert (await bob.post("/users", json={"email": "x@example.org", "name": "X"})).status_code == 403
    assert (await admin.patch("/users/me", json={"role": "owner"})).status_code == 403
    assert (await admin.patch(f"/users/{cast.alice.id}", json={"role": "viewer"})).status_code == 403
    assert (await admin.delete(f"/users/{cast.alice.id}")).status_code == 403
    assert (await admin.patch(f"/users/{cast.bob.id}", json={"role": "admin"})).status_code == 200


async def test_the_last_owner_stays(alice: Client, cast: Cast) -> None:
    """Neither demoted nor deactivated, until there is another."""
    for change in ({"role": "admin"}, {"isActive": False}):
        answer = await alice.patch("/users/me", json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "LAST_OWNER")
    await alice.patch(f"/users/{cast.bob.id}", json={"role": "owner"})
    assert (await alice.patch("/users/me", json={"role": "admin"})).status_code == 200


async def test_a_deactivated_person_is_out_at_once(alice: Client, bob: Client, cast: Cast) -> None:
    """The next request with the old session answers 401."""
    assert (await bob.get("/users/me")).status_code == 200
    assert (await alice.delete(f"/users/{cast.bob.id}")).status_code == 204
    assert (await bob.get("/users/me")).status_code == 401


async def test_a_person_made_by_an_admin_can_be_paged_at_once(alice: Client) -> None:
    """The address of the sign-in is a verified contact method; the same address again answers 409."""
    made = await alice.post("/users", json={"email": "Eve@Example.org", "name": "Eve", "role": "viewer"})
    assert made.status_code == 201, made.text
    [method] = (await alice.get(f"/users/{made.json()['id']}/contact-methods")).json()["items"]
    assert (method["address"], method["verifiedAt"]) == ("Eve@Example.org", "2026-01-05T09:00:00Z")
    again = await alice.post("/users", json={"email": "eve@example.ORG", "name": "Eve"})
    assert again.status_code == 409


async def test_another_address_is_proven_by_its_code(
    bob: Client, alice: Client, cast: Cast, db: Database, clock: Any
) -> None:
    """Wrong tries count and are five at most; a new code needs a minute; the right one verifies."""
    methods = f"/users/{cast.bob.id}/contact-methods"
    made = await bob.post(methods, json={"type": "email", "address": "bob@home.example"})
    assert (made.status_code, made.json()["verifiedAt"]) == (201, None)
    verify = f"{methods}/{made.json()['id']}/verify"
    code = await sent_code(db)
    wrong = "00000000" if code != "00000000" else "11111111"
    for _ in range(5):
        assert (await bob.post(verify, json={"code": wrong})).json()["code"] == "WRONG_CODE"
    assert (await bob.post(verify, json={"code": code})).json()["code"] == "CODE_EXPIRED"
    assert (await bob.post(verify, json={})).status_code == 429
    clock.advance(60_000)
    assert (await bob.post(verify, json={})).json()["verifiedAt"] is None
    code = await sent_code(db)
    assert (await alice.post(verify, json={"code": code})).status_code == 403
    assert (await bob.post(verify, json={"code": f"{code[:4]} {code[4:]}"})).json()["verifiedAt"] is not None
    async with db.read() as reader:
        assert (
            await reader.value("SELECT code_hash FROM contact_methods WHERE id = :i", i=made.json()["id"])
            is None
        )


async def test_a_code_is_good_for_ten_minutes(bob: Client, cast: Cast, db: Database, clock: Any) -> None:
    """Afterwards even the right one is refused."""
    methods = f"/users/{cast.bob.id}/contact-methods"
    made = await bob.post(methods, json={"type": "email", "address": "bob@home.example"})
    clock.advance(600_000)
    answer = await bob.post(f"{methods}/{made.json()['id']}/verify", json={"code": await sent_code(db)})
    assert (answer.status_code, answer.json()["code"]) == (409, "CODE_EXPIRED")


async def test_so_many_codes_are_sent_in_a_day(bob: Client, cast: Cast, clock: Any) -> None:
    """Twenty to all addresses of a person together, then 429: nobody is flooded with codes."""
    methods = f"/users/{cast.bob.id}/contact-methods"
    made = await bob.post(methods, json={"type": "email", "address": "stranger@example.net"})
    path = f"{methods}/{made.json()['id']}/verify"
    for _ in range(19):
        clock.advance(60_000)
        assert (await bob.post(path, json={})).status_code == 200
    clock.advance(60_000)
    answer = await bob.post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    other = await bob.post(methods, json={"type": "email", "address": "another@example.net"})
    assert other.status_code == 429


async def test_the_last_verified_address_stays(bob: Client, cast: Cast) -> None:
    """A person who could no longer be reached would be paged in vain."""
    methods = f"/users/{cast.bob.id}/contact-methods"
    [only] = (await bob.get(methods)).json()["items"]
    assert (await bob.delete(f"{methods}/{only['id']}")).status_code == 409


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(
    alice: Client, callers: Callers, cast: Cast
) -> None:
    """An admin sets the first; then the person needs it; the session that changes it goes on."""
    path = f"/users/{cast.bob.id}/password"
    assert (await alice.post(path, json={"password": "too short"})).status_code == 400
    assert (await alice.post(path, json={"password": "correct horse battery"})).status_code == 204
    here, there = await callers.signed_in(cast.bob), await callers.signed_in(cast.bob)
    new = {"password": "staple horse battery"}
    assert (await here.post(path, json=new)).status_code == 400
    assert (await here.post(path, json=new | {"currentPassword": "wrong"})).status_code == 400
    assert (await here.post(path, json=new | {"currentPassword": "correct horse battery"})).status_code == 204
    assert (await here.get("/users/me")).status_code == 200
    assert (await there.get("/users/me")).status_code == 401


async def test_api_keys_are_shown_once_and_end_when_revoked(
    alice: Client, bob: Client, callers: Callers
) -> None:
    """The key works with its role in every team, its text is nowhere else, and revoking ends it."""
    assert (await bob.post("/api-keys", json={"name": "ci"})).status_code == 403
    made = (await alice.post("/api-keys", json={"name": "ci", "role": "viewer"})).json()
    client = callers.anonymous(authorization=f"Bearer {made['key']}")
    assert len((await client.get("/teams")).json()["items"]) == 1
    assert (await client.post("/teams", json={"name": "X"})).status_code == 403
    assert (await client.get("/users/me")).status_code == 404
    listed = await alice.get("/api-keys")
    assert made["key"].split("_")[2] not in listed.text
    assert (await alice.delete(f"/api-keys/{made['id']}")).status_code == 204
    assert (await client.get("/teams")).status_code == 401


async def test_a_webhook_channel_shows_its_secret_once(
    alice: Client, bob: Client, cast: Cast, db: Database
) -> None:
    """The secret is made here and never shown again; another URL gets another; a test leaves a notification."""
    body = {
        "name": "Hook",
        "type": "webhook",
        "teamId": cast.team.id,
        "config": {"url": "https://hook.example/x"},
    }
    made = await alice.post("/channels", json=body)
    assert made.status_code == 201, made.text
    secret = made.json()["config"]["secret"]
    path = f"/channels/{made.json()['id']}"
    same = await alice.patch(path, json={"name": "Chat", "config": {"url": "https://hook.example/x"}})
    assert same.json()["config"] == {"url": "https://hook.example/x"}
    moved = (await alice.patch(path, json={"config": {"url": "https://hook.example/y"}})).json()["config"]
    assert moved["url"] == "https://hook.example/y"
    assert moved["secret"] not in ("", secret)
    assert "whsec_" not in (await alice.get("/channels")).text + (await alice.get(path)).text
    assert (await bob.post(f"{path}/test")).status_code == 202
    async with db.read() as reader:
        assert await reader.value("SELECT count(*) FROM notifications WHERE kind = 'test'") == 1
    for config in ({"url": "ftp://x"}, {"url": "https://x.example", "secret": "mine"}, {}):
        assert (await alice.post("/channels", json=body | {"config": config})).status_code == 400


async def test_an_address_of_apprise_is_a_secret(bob: Client, cast: Cast, db: Database) -> None:
    """Whoever adds one sees the service alone from then on; the code goes to the address itself, which lies sealed."""
    methods = f"/users/{cast.bob.id}/contact-methods"
    made = await bob.post(methods, json={"type": "apprise", "address": "ntfy://s3cret-topic"})
    assert made.status_code == 201, made.text
    assert made.json()["address"].startswith("ntfy://… (")
    again = await bob.post(methods, json={"type": "apprise", "address": "ntfy://s3cret-topic"})
    assert again.json()["code"] == "CONFLICT"
    async with db.read() as reader:
        assert await contact_methods.secrets(reader, made.json()["id"]) == {"address": "ntfy://s3cret-topic"}
        for table, column in (
            ("contact_methods", "address"),
            ("contact_methods", "sealed"),
            ("notifications", "address"),
            ("audit_log", "target_name"),
        ):
            stored = await reader.rows(f"SELECT {column} FROM {table}")
            assert not any("s3cret" in str(row) for row in stored)


async def test_only_an_admin_of_the_organization_adds_a_channel_of_apprise(
    alice: Client, cast: Cast, callers: Callers, db: Database
) -> None:
    """An admin of the team may not say where messages leave to; and nobody sees the address again."""
    dana = await make.user(db, cast.organization, "Dana")
    await make.member(db, cast.team, dana, Role.ADMIN)
    body = {
        "name": "Phones",
        "type": "apprise",
        "teamId": cast.team.id,
        "config": {"url": "gotify://push.example.org/s3cretToken"},
    }
    refused = await (await callers.signed_in(dana)).post("/channels", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    made = await alice.post("/channels", json=body)
    assert made.status_code == 201, made.text
    path = f"/channels/{made.json()['id']}"
    moved = await (await callers.signed_in(dana)).patch(path, json={"config": {"url": "ntfy://elsewhere"}})
    assert moved.status_code == 403
    assert "s3cret" not in made.text + (await alice.get(path)).text
    assert made.json()["config"]["url"].startswith("gotify://push.example.org/… (")


async def test_everybody_sees_whether_a_colleague_can_be_reached(
    alice: Client, bob: Client, cast: Cast, db: Database
) -> None:
    """State and weakest point are for all; addresses and a provider's words for the person and for admins."""
    async with db.transaction() as tx:
        (method,) = await contact_methods.of_user(tx, cast.charlie.id)
        await contact_methods.fail(tx, method.id, "550 no such user")
    path = f"/users/{cast.charlie.id}/reachability"
    seen = (await bob.get(path)).json()
    assert (seen["state"], seen["ways"], seen["methods"]) == ("unreachable", 0, [])
    assert "@" not in seen["weakestPoint"]
    (shown,) = (await alice.get(path)).json()["methods"]
    assert (shown["state"], shown["address"], shown["lastFailure"]) == (
        "failing",
        "charlie@example.org",
        "550 no such user",
    )
    assert (await bob.get("/users/nobody/reachability")).status_code == 404
