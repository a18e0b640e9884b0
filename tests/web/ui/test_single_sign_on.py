"""Pages of single sign-on: set up, tested, connected; and what is gone where nobody has a password."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import passwords, signin
from tests import make
from tests.conftest import StoppedClock
from tests.fakes.identity_provider import CLIENT_SECRET, FakeProvider, Mood
from tests.make import Cast
from tests.web.sso import PAGE, Walker, config, query
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
Opening = Callable[..., Awaitable[Walker]]
SET_UP, MINE = "/settings/single-sign-on", "/me/single-sign-on"
PASSWORD = "correct horse battery staple"
FORM = {"accept": "text/html", "origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}


@pytest.fixture
async def provider(clock: StoppedClock, anyio_backend: str) -> AsyncIterator[FakeProvider]:
    """A provider with one realm."""
    async with FakeProvider(clock) as fake:
        yield fake


@pytest.fixture
async def cast(sqlite_db: Database) -> Cast:
    """Alice owns the organization and has a password; Bob is a member."""
    made = await make.cast(sqlite_db)
    hashed = await passwords.hash_password(PASSWORD)
    async with sqlite_db.transaction() as tx:
        for user in (made.alice, made.bob):
            await tx.execute("UPDATE users SET password_hash = :hash WHERE id = :id", hash=hashed, id=user.id)
    return made


@pytest.fixture
async def opening(
    sqlite_db: Database, cast: Cast, provider: FakeProvider, tmp_path: Path
) -> AsyncIterator[Opening]:
    """Open the appliance with further keys of [auth.oidc], in a browser in which `user` is signed in."""
    async with AsyncExitStack() as stack:

        async def opened(user: User | None = None, **rules: Any) -> Walker:
            app = OpenAlert(config(provider, str(tmp_path), **rules), sqlite_db, b"a secret of the tests")
            walker = Walker(app, provider)
            await stack.enter_async_context(walker.client)
            if user is not None:
                async with sqlite_db.transaction() as tx:
                    token = await signin.open_session(tx, user.id, address="127.0.0.1", user_agent="test")
                walker.client.cookies.set(app.access.cookie, token)
            stack.push_async_callback(app.single_sign_on.provider.close) if app.single_sign_on else None
            return walker

        yield opened


async def go_there(walker: Walker, path: str) -> str:
    """Press a button that leads to the provider: its address."""
    answer = await walker.client.post(path, headers=FORM)
    assert answer.status_code in (200, 201), answer.text
    url = str(answer.headers["refresh"]).removeprefix("0;url=")
    assert url.replace("&", "&amp;") in answer.text
    return url


class TestSetUp:
    """The page for admins."""

    async def test_it_has_what_the_provider_wants_and_says_whether_it_answers(
        self, opening: Opening, cast: Cast, provider: FakeProvider
    ) -> None:
        """Redirect URI, state, mapping; the secret nowhere; a page that is not JSON is told as what it is."""
        walker = await opening(
            cast.alice, organization_roles={"Admins": "admin"}, team_roles={"sre": {"core": "admin"}}
        )
        page = (await walker.client.get(SET_UP, headers=PAGE)).text
        for words in (
            "http://127.0.0.1:8080/auth/callback",
            "Acme answers",
            "one key",
            "Admins",
            "core: Admin",
        ):
            assert words in page
        assert CLIENT_SECRET not in page
        provider.mood = Mood.HTML
        page = (await walker.client.get(SET_UP, headers=PAGE)).text
        assert "Acme does not describe itself" in page

    @pytest.mark.parametrize(
        ("chosen", "words"),
        [("entra", "Enterprise applications"), ("keycloak", "Group Membership"), ("google", "allowed_domains"),
         ("okta", "Okta URL"), ("other", "last slash"), ("<script>", "Group Membership")],
    )  # fmt: skip
    async def test_it_has_steps_for_each_provider(
        self, opening: Opening, cast: Cast, chosen: str, words: str
    ) -> None:
        """By the query; for what is unknown, the provider that the issuer looks like."""
        walker = await opening(cast.alice)
        page = (await walker.client.get(SET_UP, params={"provider": chosen}, headers=PAGE)).text
        assert words in page
        assert "<script>" not in page

    async def test_it_teaches_before_anything_is_configured(self, opening: Opening, cast: Cast) -> None:
        """The address to register, and no button that could not work."""
        walker = await opening(cast.alice, issuer="")
        page = Browser(walker.client)
        shown = await page.get(SET_UP)
        assert "Not set up yet" in shown.text
        assert [form["action"] for form in shown.forms if "single-sign-on" in form["action"]] == []
        assert (await walker.client.get(MINE, headers=PAGE)).status_code == 404

    async def test_it_is_for_admins(self, opening: Opening, cast: Cast) -> None:
        """A member may neither look, nor test, nor connect others."""
        walker = await opening(cast.bob)
        assert (await walker.client.get(SET_UP, headers=PAGE)).status_code == 403
        answer = await walker.client.post(f"{SET_UP}/test", headers=FORM)
        assert answer.status_code == 403
        assert "refresh" not in answer.headers


class TestExplained:
    """The test button: the whole way, and nobody signed in."""

    async def explained(self, walker: Walker) -> str:
        """The page at the end of the way."""
        answer = await walker.come_back(walker.provider.authorize(await go_there(walker, f"{SET_UP}/test")))
        assert answer.status_code == 200
        return answer.text

    async def test_it_says_who_it_would_be_and_why(
        self, opening: Opening, cast: Cast, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """Every claim, roles with their reasons; what binds the token is not shown; nothing was made."""
        walker = await opening(
            cast.alice,
            organization_roles={"Admins": "admin"},
            team_roles={"sre": {"core": "member", "gone": "member"}},
        )
        provider.person = {
            "sub": "dora-1", "email": "dora@example.org", "email_verified": True, "name": "Dora <b>Lind</b>",
            "groups": ["Admins", "sre"], "sid": "a secret session", "at_hash": "a secret hash",
        }  # fmt: skip
        page = await self.explained(walker)
        for words in (
            "This sign-in would work",
            "This would make a new person: Dora &lt;b&gt;Lind&lt;/b&gt;",
            "groups holds &#39;Admins&#39;: admin of the organization",
            "groups holds &#39;sre&#39;: member of the team core",
            "there is no such team",
            "looked at for roles",
        ):
            assert words in page
        assert "a secret" not in page
        me = await walker.me()
        assert me is not None
        assert me["name"] == "Alice"
        async with sqlite_db.read() as reader:
            assert await reader.rows("SELECT * FROM identities") == []
            assert await reader.rows("SELECT * FROM users WHERE email = 'dora@example.org'") == []

    @pytest.mark.parametrize(
        ("person", "words"),
        [
            ({"sub": "x", "email": "bob@example.org"}, "Bob has its address"),
            ({"sub": "x", "email": "new@example.org", "groups": ["nobody"]}, "nothing in it gives a role"),
            ({"sub": "x", "email": "new@example.org", "email_verified": False}, "not verified"),
            ({"sub": "x"}, "no e-mail address"),
            ({"sub": "x", "email": "n@example.org", "_claim_names": {"groups": "s"}}, "too many to be sent"),
            ({"sub": "x", "aud": "other"}, "made for another application"),
        ],
    )
    async def test_it_says_why_it_would_be_refused(
        self, opening: Opening, cast: Cast, provider: FakeProvider, person: dict[str, Any], words: str
    ) -> None:
        """In the words that help whoever sets it up."""
        walker = await opening(cast.alice, default_role="none", organization_roles={"Admins": "admin"})
        provider.person = person
        page = await self.explained(walker)
        assert "This sign-in would be refused" in page
        assert words in page

    async def test_somebody_else_cannot_bring_it_back(
        self, opening: Opening, cast: Cast, provider: FakeProvider
    ) -> None:
        """A test that Alice began, finished as Bob in the same browser, is refused."""
        walker = await opening(cast.alice)
        back = provider.authorize(await go_there(walker, f"{SET_UP}/test"))
        bob = await opening(cast.bob)
        walker.client.cookies.set(
            bob.openalert.access.cookie, bob.client.cookies[bob.openalert.access.cookie]
        )
        assert (await walker.come_back(back)).status_code == 400


class TestConnecting:
    """An identity becomes somebody's by their own hand, or by an admin's."""

    async def test_i_connect_myself_and_come_in_by_it(
        self, opening: Opening, cast: Cast, provider: FakeProvider
    ) -> None:
        """From my page there and back; then the button on the sign-in page leads to me; then I take it away."""
        walker = await opening(cast.bob)
        provider.person = {"sub": "bob-at-acme", "email": "bob@example.org"}
        answer = await walker.come_back(provider.authorize(await go_there(walker, f"{MINE}/connect")))
        assert answer.headers["location"] == MINE
        walker.client.cookies.clear()
        assert (await walker.sign_in()).status_code == 303
        me = await walker.me()
        assert me is not None
        assert me["name"] == "Bob"
        thief = await opening()
        await thief.sign_in()
        assert await thief.me() == me
        browser = Browser(walker.client)
        page = await browser.get(MINE)
        away = next(form["action"] for form in page.forms if form["action"].endswith("/disconnect"))
        await walker.client.post(away, headers=FORM)
        assert await thief.me() is None, "an account in wrong hands keeps nothing open"
        assert await walker.me() == me
        walker.client.cookies.clear()
        assert (await walker.sign_in()).status_code == 403

    async def test_an_identity_belongs_to_one_person(
        self, opening: Opening, cast: Cast, provider: FakeProvider
    ) -> None:
        """What Bob has connected, Alice cannot."""
        for user, status in ((cast.bob, 303), (cast.alice, 409)):
            walker = await opening(user)
            provider.person = {"sub": "shared", "email": "bob@example.org"}
            answer = await walker.come_back(provider.authorize(await go_there(walker, f"{MINE}/connect")))
            assert answer.status_code == status

    async def test_nobody_can_be_made_to_connect_by_another_site(self, opening: Opening, cast: Cast) -> None:
        """The way there begins with a form of our own page."""
        walker = await opening(cast.bob)
        foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
        answer = await walker.client.post(f"{MINE}/connect", headers=FORM | foreign)
        assert answer.status_code == 403
        assert (await walker.client.get(f"{MINE}/connect", headers=PAGE)).status_code in (404, 405)

    async def test_the_last_way_in_stays(
        self, opening: Opening, cast: Cast, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """Without a password the only identity cannot be taken away."""
        walker = await opening(cast.charlie)
        provider.person = {"sub": "charlie", "email": "charlie@example.org"}
        await walker.come_back(provider.authorize(await go_there(walker, f"{MINE}/connect")))
        page = await Browser(walker.client).get(MINE)
        away = next(form["action"] for form in page.forms if form["action"].endswith("/disconnect"))
        await walker.client.post(away, headers=FORM)
        assert "You could not sign in any more" in (await walker.client.get(MINE, headers=PAGE)).text
        async with sqlite_db.read() as reader:
            assert len(await reader.rows("SELECT * FROM identities")) == 1

    async def test_an_admin_connects_who_was_refused(
        self, opening: Opening, cast: Cast, provider: FakeProvider, clock: StoppedClock
    ) -> None:
        """The try waits on the set-up page; connected once, it opens; what is dismissed is gone."""
        stranger, admin = await opening(), await opening(cast.alice)
        for subject, verb, status in (("bob-1", "dismiss", 403), ("bob-2", "connect", 303)):
            clock.advance()
            provider.person = {"sub": subject, "email": "bob@example.org", "name": "Bob"}
            assert (await stranger.sign_in()).status_code == 403
            page = await Browser(admin.client).get(SET_UP)
            assert subject in page.text
            path = next(form["action"] for form in page.forms if form["action"].endswith(verb))
            await admin.client.post(path, headers=FORM)
            assert subject not in (await Browser(admin.client).get(SET_UP)).text
            assert (await stranger.sign_in()).status_code == status
        me = await stranger.me()
        assert me is not None
        assert me["name"] == "Bob"

    async def test_an_admin_disconnects_and_ends_the_sessions(
        self, opening: Opening, cast: Cast, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """On the person's page; the account is unknown from then on."""
        await make.identity(sqlite_db, cast.bob, "bob-1", provider.issuer)
        bob, admin = await opening(), await opening(cast.alice)
        provider.person = {"sub": "bob-1", "email": "bob@acme.example"}
        await bob.sign_in()
        page = await Browser(admin.client).get(f"/users/{cast.bob.id}")
        assert "bob@acme.example" in page.text
        away = next(form["action"] for form in page.forms if form["action"].endswith("/disconnect"))
        await admin.client.post(away, headers=FORM)
        assert await bob.me() is None
        async with sqlite_db.read() as reader:
            assert await reader.rows("SELECT * FROM identities") == []

    async def test_an_admin_does_not_connect_an_owner(
        self, opening: Opening, cast: Cast, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """Nobody hands the account of somebody above them to a stranger; the request stays for an owner."""
        async with sqlite_db.transaction() as tx:
            await tx.execute("UPDATE users SET role = :r WHERE id = :id", r=Role.ADMIN, id=cast.bob.id)
        stranger, admin = await opening(), await opening(cast.bob)
        provider.person = {"sub": "mallory", "email": "alice@example.org"}
        await stranger.sign_in()
        page = await Browser(admin.client).get(SET_UP)
        path = next(form["action"] for form in page.forms if form["action"].endswith("connect"))
        await admin.client.post(path, headers=FORM)
        assert (await stranger.sign_in()).status_code == 403
        async with sqlite_db.read() as reader:
            assert await reader.rows("SELECT * FROM identities") == []
            assert len(await reader.rows("SELECT * FROM link_requests")) == 1


class TestOnlyBySingleSignOn:
    """Nobody has a password, but those who break the glass (S-10)."""

    async def test_passwords_are_gone(self, opening: Opening, cast: Cast) -> None:
        """404 with the right password as with a wrong one; the page has the button and no form."""
        walker = await opening(only=True)
        for body in (
            {"email": "alice@example.org", "password": PASSWORD},
            {"email": "x@example.org", "password": "x"},
        ):
            assert (await walker.client.post("/auth/login", json=body)).status_code == 404
            assert (await walker.client.post("/auth/login", data=body, headers=FORM)).status_code == 404
        for path in ("/login", "/login?local=1"):
            page = await Browser(walker.client).get(path)
            assert [form for form in page.forms if form["action"] == "/auth/login"] == []
            assert "Sign in with Acme" in page.text

    async def test_sessions_by_another_way_end_when_it_begins(
        self, opening: Opening, cast: Cast, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """Bob's by password does; Alice's, who may break the glass, and what the provider opened stay."""
        await make.identity(sqlite_db, cast.charlie, "charlie-1", provider.issuer)
        provider.person = {"sub": "charlie-1"}
        alice, bob, charlie = await opening(cast.alice), await opening(cast.bob), await opening()
        await charlie.sign_in()
        for rules, left in (
            ({}, ["Alice", "Bob", "Charlie"]),
            ({"only": True, "break_glass": ["ALICE@example.org"]}, ["Alice", "Charlie"]),
            ({"only": True}, ["Charlie"]),
        ):
            later = (await opening(**rules)).openalert
            async with later.running():
                pass
            people = [await each.me() for each in (alice, bob, charlie)]
            assert [each["name"] for each in people if each is not None] == left

    async def test_what_leads_to_a_password_is_gone_too(self, opening: Opening, cast: Cast) -> None:
        """Resets, invitations and passkeys by themselves, with a broken glass too; elsewhere they are there."""
        paths = ("/forgotten", "/reset/token", "/invitation/token")
        for rules, is_gone in (
            ({"only": True}, True),
            ({"only": True, "break_glass": ["alice@example.org"]}, True),
            ({}, False),
        ):
            walker = await opening(**rules)
            for path in paths:
                for method in ("GET", "POST"):
                    answer = await walker.client.request(method, path, headers=FORM)
                    said_gone = answer.status_code == 404 and "There is no such page" in answer.text
                    assert said_gone is is_gone, (rules, method, path, answer.status_code)

    async def test_a_passkey_alone_opens_nothing(self, opening: Opening, cast: Cast) -> None:
        """After a password that still counts it is asked for; where passwords count, by itself too."""
        alone, after = {}, {"afterPassword": True}
        walker = await opening(only=True, base_url="http://localhost:8080")
        assert (await walker.client.post("/auth/passkeys/options", json=alone)).status_code == 404
        answer = await walker.client.post("/auth/passkeys/sign-in", json={"credential": {}})
        assert answer.status_code == 404
        assert (await walker.client.post("/auth/passkeys/options", json=after)).status_code != 404
        walker = await opening(base_url="http://localhost:8080")
        assert (await walker.client.post("/auth/passkeys/options", json=alone)).status_code == 200

    async def test_the_glass_can_be_broken_by_those_who_may(self, opening: Opening, cast: Cast) -> None:
        """Alice by `?local=1`; Bob's right password answers like everybody's wrong one."""
        walker = await opening(only=True, break_glass=["Alice@example.org"])
        page = await Browser(walker.client).get("/login")
        assert [form for form in page.forms if form["action"] == "/auth/login"] == []
        page = await Browser(walker.client).get("/login?local=1")
        assert page.form("/auth/login")
        told = set()
        for email, password in (
            ("bob@example.org", PASSWORD),
            ("alice@example.org", "a wrong password"),
            ("nobody@example.org", "a wrong password"),
        ):
            answer = await walker.client.post("/auth/login", json={"email": email, "password": password})
            told.add((answer.status_code, answer.json()["message"], answer.json()["code"]))
        assert len(told) == 1
        assert {each[0] for each in told} == {404}
        answer = await walker.client.post(
            "/auth/login", json={"email": "alice@example.org", "password": PASSWORD}
        )
        assert answer.status_code == 200

    async def test_guessing_is_slowed_down_whoever_it_is(self, opening: Opening, cast: Cast) -> None:
        """The sixth wrong try waits, for a break-glass account and for any other."""
        walker = await opening(only=True, break_glass=["alice@example.org"])
        for email in ("alice@example.org", "bob@example.org"):
            told = [
                (
                    await walker.client.post("/auth/login", json={"email": email, "password": "wrong"})
                ).status_code
                for _ in range(6)
            ]
            assert told == [404] * 5 + [429]


async def test_signing_out_offers_the_way_out_of_the_provider_too(
    opening: Opening, cast: Cast, provider: FakeProvider
) -> None:
    """The session here is over at once; the link to the provider comes back to us."""
    walker = await opening()
    provider.person = {"sub": "dora", "email": "dora@example.org"}
    await walker.sign_in()
    answer = await walker.client.post("/auth/logout", headers=FORM)
    assert answer.headers["location"] == "/login?signed_out=1"
    page = await Browser(walker.client).get("/login?signed_out=1")
    out = page.links["Sign out there too"]
    assert out.startswith(f"{provider.issuer}/logout?")
    assert query(out)["post_logout_redirect_uri"] == "http://127.0.0.1:8080/login"
    assert "Sign out there too" not in (await Browser(walker.client).get("/login")).text
    provider.metadata = {"end_session_endpoint": None}
    other = await opening()
    await other.leave()
    assert "Sign out there too" not in (await Browser(other.client).get("/login?signed_out=1")).text
