"""JSON `/users/{id}/sessions`."""

import pytest

from openalert.storage import Database
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio


async def test_sessions_are_listed_without_what_opens_them(
    alice: Client, callers: Callers, cast: Cast, db: Database
) -> None:
    """Mine with the one I use marked, ended one by one; neither token nor hash is in any answer."""
    other = await callers.signed_in(cast.alice)
    answer = await alice.get("/users/me/sessions")
    async with db.read() as reader:
        hashes = [row[0] for row in await reader.rows("SELECT token_hash FROM sessions")]
    assert not any(kept in answer.text for kept in hashes)
    listed = answer.json()["items"]
    assert sorted(each["isCurrent"] for each in listed) == [False, True]
    assert {each["method"] for each in listed} == {"password"}
    [theirs] = [each["id"] for each in listed if not each["isCurrent"]]
    assert (await alice.delete(f"/users/me/sessions/{theirs}")).status_code == 204
    assert (await other.get("/users/me")).status_code == 401
    assert (await alice.delete(f"/users/me/sessions/{theirs}")).status_code == 404


async def test_only_admins_see_and_end_the_sessions_of_others(
    alice: Client, bob: Client, charlie: Client, callers: Callers, cast: Cast
) -> None:
    """A member is refused, nobody ends those of somebody above, a key has none of its own."""
    theirs = f"/users/{cast.charlie.id}/sessions"
    assert (await bob.get(theirs)).status_code == 403
    assert (await bob.delete(theirs)).status_code == 403
    assert len((await alice.get(theirs)).json()["items"]) == 1
    assert (await alice.delete(theirs)).status_code == 204
    assert (await charlie.get("/users/me")).status_code == 401
    made = (await alice.post("/api-keys", json={"name": "ci", "role": "admin"})).json()
    key = callers.anonymous(authorization=f"Bearer {made['key']}")
    assert (await key.get("/users/me/sessions")).status_code == 404
    assert (await key.delete(f"/users/{cast.alice.id}/sessions")).status_code == 403
    assert (await key.delete(f"/users/{cast.bob.id}/sessions")).status_code == 204
    assert (await bob.get("/users/me")).status_code == 401
