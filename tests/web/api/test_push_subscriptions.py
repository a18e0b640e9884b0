"""`/users/me/push-subscriptions` over HTTP: what the button on one's own page does."""

import pytest

from tests.fakes.push_service import FakeBrowser, raw
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/149.0.0.0 Mobile Safari/537.36"


async def test_a_browser_becomes_a_way_to_reach_its_person(alice: Client) -> None:
    """What the browser says of its subscription is enough; it is called what the browser is, and shows no secret."""
    browser = FakeBrowser()
    given = browser.subscription("https://push.example/s3cret")
    answer = await alice.post("/users/me/push-subscriptions", json=given, headers={"user-agent": ANDROID})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["type"], made["label"]) == ("push", "Chrome on Android")
    assert made["verifiedAt"] is not None
    assert made["address"].startswith("push.example/")
    listed = await alice.get(f"/users/{made['userId']}/contact-methods")
    assert [each["id"] for each in listed.json()["items"]][-1] == made["id"]
    for secret in ("s3cret", *browser.keys.values()):
        assert secret not in answer.text + listed.text
    removed = await alice.delete(f"/users/{made['userId']}/contact-methods/{made['id']}")
    assert removed.status_code == 204


async def test_the_key_is_a_point_that_browsers_take(alice: Client, bob: Client) -> None:
    """65 bytes, and the same for everybody."""
    answer = await alice.get("/users/me/push-subscriptions/key")
    assert len(raw(answer.json()["publicKey"])) == 65
    assert (await bob.get("/users/me/push-subscriptions/key")).json() == answer.json()


async def test_what_is_no_subscription_is_refused(alice: Client) -> None:
    """400 with the member that is wrong; nothing is kept."""
    good = FakeBrowser().subscription("https://push.example/x")
    for wrong, field in (
        (good | {"endpoint": "http://push.example/x"}, "endpoint"),
        (good | {"keys": {"p256dh": "x", "auth": "y"}}, "keys"),
        ({"endpoint": "https://push.example/x"}, "keys"),
    ):
        answer = await alice.post("/users/me/push-subscriptions", json=wrong)
        assert answer.status_code == 400
        assert field in answer.text


async def test_nobody_types_a_push_address(alice: Client) -> None:
    """A contact method of this kind is made by a browser, not by hand."""
    me = (await alice.get("/users/me")).json()["id"]
    answer = await alice.post(
        f"/users/{me}/contact-methods", json={"type": "push", "address": "https://push.example/x"}
    )
    assert answer.status_code == 400
    assert "own page" in answer.json()["message"]


async def test_a_key_is_no_person(callers: Callers) -> None:
    """Nobody who is not signed in has a browser here."""
    answer = await callers.anonymous().post(
        "/users/me/push-subscriptions", json=FakeBrowser().subscription("https://push.example/x")
    )
    assert answer.status_code == 401
