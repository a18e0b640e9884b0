"""Signing in with a second factor, and setting one up, in a browser without script."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pyotp
import pytest
from litestar.routes import HTTPRoute

from openalert.app import OpenAlert
from openalert.domain.errors import Forbidden
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.user import User
from openalert.storage import keyring, organizations
from openalert.storage.keyring import KeyRing
from openalert.usecases import passwords, second_factors, signin, users
from tests import make
from tests.cast import World
from tests.web.test_guards import PUBLIC
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PASSWORD = "four unrelated plain words"
RECOVERY = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b")


@pytest.fixture
async def alice(world: World) -> User:
    """Alice, who has a password."""
    hashed = await passwords.hash_password(PASSWORD)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await users.set_password(tx, world.alice.id, hashed)
    return world.alice


def shown_by_app(page: Page, world: World) -> str:
    """What an app shows that was told the secret on this page."""
    secret = re.search(r"\b[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}\b", page.text)
    assert secret is not None, page.text
    return code_of(secret[0].replace(" ", ""), world)


def code_of(secret: str, world: World) -> str:
    """What an app with this secret shows now."""
    return pyotp.TOTP(secret).generate_otp(world.clock() // SECOND // 30)


async def with_app(world: World, user: User) -> tuple[str, list[str]]:
    """The person's app, set up: its secret and the recovery codes."""
    async with world.db.transaction(world.as_(user)) as tx:
        begun = await second_factors.begin_totp(tx, user)
        codes = await second_factors.confirm_totp(tx, user, code_of(begun.secret, world))
    assert codes is not None
    world.clock.advance(30 * SECOND)
    return begun.secret, codes


async def half_in(stranger: Browser, target: str = "/teams") -> Page:
    """The page that a right password leads to."""
    page = await stranger.get(f"/login?next={target}")
    return await stranger.press(page, "/auth/login", email="alice@example.org", password=PASSWORD)


async def test_an_app_is_set_up_used_and_removed(world: World, alice: User, sign_in: SignIn) -> None:
    """By the picture or its text; codes for a rainy day are shown once; removing wants the password."""
    browser = await sign_in(alice)
    page = await browser.press(await browser.get("/me/security"), "/me/totp")
    assert "<svg" in page.html
    assert "otpauth" not in page.html
    wrong = await browser.press(page, "/me/totp/confirm", code="000000")
    assert wrong.status == 422
    assert "That is not the code that the app shows now." in wrong.text
    page = await browser.press(page, "/me/totp/confirm", code=shown_by_app(page, world))
    assert len(set(RECOVERY.findall(page.text))) == 10
    page = await browser.get("/me/security")
    assert RECOVERY.search(page.text) is None
    assert "10 of 10 are unused." in page.text
    assert (
        "The current password is not right."
        in (await browser.press(page, "/me/totp/remove", current="wrong")).text
    )
    page = await browser.press(page, "/me/recovery-codes", current=PASSWORD)
    assert len(set(RECOVERY.findall(page.text))) == 10
    page = await browser.press(page, "/me/totp/remove", current=PASSWORD)
    assert "The authenticator app is removed." in page.text


async def test_only_who_signed_in_lately_adds_a_way_in(world: World, alice: User, sign_in: SignIn) -> None:
    """A session that somebody got hold of leaves neither an app nor a passkey nor a provider's account behind."""
    browser = await sign_in(alice)
    world.clock.advance(15 * MINUTE + 1)
    page = await browser.press(await browser.get("/me/security"), "/me/totp")
    assert "you must have signed in within the last 15 minutes" in page.text
    assert '<svg class="qr"' not in page.html
    async with world.db.read() as reader:
        assert await second_factors.pending(reader, alice) is None
        with pytest.raises(Forbidden):
            await signin.require_fresh(reader, world.as_(alice), browser.client.cookies["openalert_session"])


async def test_the_second_step_leads_where_one_wanted_to_go(
    world: World, alice: User, stranger: Browser
) -> None:
    """A wrong code is said beside the field; the right one leads on; the cookie of the step is gone."""
    secret, _ = await with_app(world, alice)
    page = await half_in(stranger)
    assert page.path.startswith("/login/second")
    page = await stranger.press(page, "/login/second", code="000000")
    assert page.status == 422
    assert "That is not the code" in page.text
    page = await stranger.press(page, "/login/second", code=code_of(secret, world))
    assert page.path == "/teams"
    assert "openalert_step" not in stranger.client.cookies
    assert "password and code" in (await stranger.get("/me/security")).text


async def test_a_recovery_code_is_a_second_step(world: World, alice: User, stranger: Browser) -> None:
    """And the page says how many are left."""
    _, codes = await with_app(world, alice)
    await stranger.press(await half_in(stranger), "/login/second", code=codes[3])
    assert "9 of 10 are unused." in (await stranger.get("/me/security")).text


async def test_half_in_is_nowhere(world: World, alice: User, stranger: Browser, openalert: OpenAlert) -> None:
    """With the cookie of the first step every route that is not public answers as to a stranger."""
    await with_app(world, alice)
    await half_in(stranger)
    step = stranger.client.cookies["openalert_step"]
    assert "openalert_session" not in stranger.client.cookies
    stranger.client.cookies.set("openalert_session", step)
    tried = 0
    litestar: Any = openalert.asgi.app
    for route in litestar.routes:
        if not isinstance(route, HTTPRoute) or route.path_format in PUBLIC:
            continue
        path = route.path_format.replace("{", "x").replace("}", "x")
        for method in route.methods - {"OPTIONS"}:
            for headers in ({}, {"authorization": f"Bearer {step}"}):
                answer = await stranger.client.request(method, path, headers=headers)
                assert answer.status_code == 401, (method, path)
                tried += 1
    assert tried > 200


async def test_five_wrong_codes_lead_back_to_the_password(
    world: World, alice: User, stranger: Browser
) -> None:
    """The step is over, and says so on the page to sign in."""
    secret, _ = await with_app(world, alice)
    page = await half_in(stranger)
    for _ in range(5):
        await stranger.press(page, "/login/second", code="000000")
    world.clock.advance(5 * SECOND)
    page = await stranger.press(page, "/login/second", code=code_of(secret, world))
    assert page.path == "/login"
    assert "had too many wrong codes" in page.text


async def test_a_program_sends_the_code_along(world: World, alice: User, stranger: Browser) -> None:
    """Without it 401 says what is missing, and no cookie opens anything."""
    secret, _ = await with_app(world, alice)
    body = {"email": "alice@example.org", "password": PASSWORD}
    answer = await stranger.client.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "SECOND_FACTOR_REQUIRED")
    assert "set-cookie" not in answer.headers
    answer = await stranger.client.post("/auth/login", json=body | {"code": "000000"})
    assert (answer.status_code, answer.json()["code"]) == (400, "WRONG_CODE")
    answer = await stranger.client.post("/auth/login", json=body | {"code": code_of(secret, world)})
    assert answer.status_code == 200
    assert (await stranger.client.get("/api/v1/users/me")).status_code == 200


async def test_who_needs_a_second_factor_sets_one_up_before_anything_else(
    world: World, alice: User, stranger: Browser
) -> None:
    """The password leads to the setting up; the first right code leads in, with the recovery codes shown once."""
    async with world.db.transaction() as tx:
        rule = second_factors.SecondFactorRule.EVERYONE
        await organizations.set_second_factor_rule(tx, world.cast.organization.id, rule)
    page = await half_in(stranger)
    assert page.path.startswith("/login/enrol")
    assert (await stranger.client.get("/api/v1/users/me")).status_code == 401
    page = await stranger.press(page, "/login/enrol")
    wrong = await stranger.press(page, "/login/enrol", code="000000")
    assert wrong.status == 422
    page = await stranger.press(page, "/login/enrol", code=shown_by_app(page, world))
    assert len(set(RECOVERY.findall(page.text))) == 10
    assert page.links["I have kept them"] == "/teams"
    assert (await stranger.get("/teams")).path == "/teams"
    body = {"email": "bob@example.org", "password": PASSWORD}
    hashed = await passwords.hash_password(PASSWORD)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await users.set_password(tx, world.bob.id, hashed)
    answer = await stranger.client.post("/auth/login", json=body)
    assert answer.json()["code"] == "SECOND_FACTOR_REQUIRED"


async def test_setting_one_up_ends_the_session_that_the_browser_had(
    world: World, alice: User, stranger: Browser, openalert: OpenAlert
) -> None:
    """Bob sat there before: with Alice inside, his session opens nothing; until then it stays."""
    await make.password(world.db, PASSWORD, world.bob)
    await stranger.post("/auth/login", email="bob@example.org", password=PASSWORD)
    before = stranger.client.cookies["openalert_session"]
    async with world.db.transaction() as tx:
        rule = second_factors.SecondFactorRule.EVERYONE
        await organizations.set_second_factor_rule(tx, world.cast.organization.id, rule)
    await stranger.post("/auth/login", email="alice@example.org", password=PASSWORD)
    page = await stranger.press(await stranger.get("/login/enrol"), "/login/enrol")
    async with openalert.database.read() as reader:
        assert await signin.find_session(reader, before) is not None
    await stranger.press(page, "/login/enrol", code=shown_by_app(page, world))
    after = stranger.client.cookies["openalert_session"]
    async with openalert.database.read() as reader:
        assert await signin.find_session(reader, before) is None
        assert (await signin.actor_for_session(reader, after)).id == alice.id


async def test_whoever_has_a_factor_cannot_enrol_another_with_the_password_alone(
    world: World, alice: User, stranger: Browser
) -> None:
    """The pages of setting up are closed to a step that asks for the factor there is."""
    await with_app(world, alice)
    await half_in(stranger)
    assert (await stranger.get("/login/enrol")).path == "/login"
    await half_in(stranger)
    assert (await stranger.post("/login/enrol")).path == "/login"


async def test_signing_in_again_ends_the_session_before(
    world: World, alice: User, stranger: Browser, openalert: OpenAlert
) -> None:
    """No session is left behind in the same browser; another password gives it another cookie."""
    await half_in(stranger)
    first = stranger.client.cookies["openalert_session"]
    browser_token = stranger.client.cookies["openalert_browser"]
    await stranger.post("/auth/login", email="alice@example.org", password=PASSWORD)
    second = stranger.client.cookies["openalert_session"]
    assert stranger.client.cookies["openalert_browser"] == browser_token
    await stranger.post("/me/password", current=PASSWORD, password="other unrelated plain words")
    third = stranger.client.cookies["openalert_session"]
    assert (await stranger.get("/me/security")).path == "/me/security"
    async with openalert.database.read() as reader:
        found = [await signin.find_session(reader, token) is not None for token in (first, second, third)]
    assert found == [False, False, True]


async def test_a_forgotten_password_says_the_same_to_everybody(
    world: World, alice: User, stranger: Browser
) -> None:
    """Without a mail server whom to ask, whoever asks."""
    said = {
        re.sub(r"\S+@example.org", "", (await stranger.post("/forgotten", email=email)).text)
        for email in ("alice@example.org", "nobody@example.org")
    }
    assert len(said) == 1
    assert "This server sends no mail" in said.pop()


async def test_a_lost_key_is_a_sentence_and_not_a_fault(world: World, alice: User, stranger: Browser) -> None:
    """Every page that shows second factors opens; a recovery code lets in, and the app can be set up anew."""
    _, codes = await with_app(world, alice)
    world.db.keys = KeyRing([keyring.new_key()])
    page = await half_in(stranger)
    assert "lost the key" in page.text
    wrong = await stranger.press(page, "/login/second", code="123456")
    assert (wrong.status, "lost the key" in wrong.text) == (422, True)
    await stranger.press(wrong, "/login/second", code=codes[0])
    page = await stranger.get("/me/security")
    assert "Its codes cannot be checked any more" in page.text
    page = await stranger.press(page, "/me/totp/remove", current=PASSWORD)
    assert "The authenticator app is removed." in page.text
