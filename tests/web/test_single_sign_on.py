"""Single sign-on through a whole provider: who comes in, as whom, and what is refused."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.instant import HOUR, MINUTE
from openalert.storage import Database
from openalert.usecases import signin
from tests import make
from tests.conftest import StoppedClock
from tests.fakes.identity_provider import OTHER_TENANT, TENANT, FakeProvider, Mood
from tests.make import Cast
from tests.web.sso import PAGE, Walker, asked, config, query

pytestmark = pytest.mark.anyio
Opening = Callable[..., Awaitable[Walker]]

NEW = {"sub": "dora-1", "email": "dora@example.org", "email_verified": True, "name": "Dora Lind"}
ENTRA = {
    "sub": "pairwise-1", "oid": "0aa0aa00-1111-4222-8333-444455556666", "tid": TENANT,
    "preferred_username": "dora@example.org", "name": "Dora Lind",
}  # fmt: skip


MAPPING = {
    "organization_roles": {"OpenAlert.Admin": "admin", "OpenAlert.Owner": "owner", "staff": "member"},
    "team_roles": {"core-leads": {"core": "admin"}, "core-people": {"core": "member"}},
}


@pytest.fixture
async def provider(clock: StoppedClock, anyio_backend: str) -> AsyncIterator[FakeProvider]:
    """A provider with one realm, as Keycloak has."""
    async with FakeProvider(clock) as fake:
        yield fake


@pytest.fixture
async def cast(sqlite_db: Database) -> Cast:
    """Alice owns the organization and the team Core, Bob and Charlie are there too."""
    return await make.cast(sqlite_db)


@pytest.fixture
async def opening(
    sqlite_db: Database, cast: Cast, provider: FakeProvider, tmp_path: Path
) -> AsyncIterator[Opening]:
    """Open the appliance with further keys of [auth.oidc], and a browser in front of it."""
    async with AsyncExitStack() as stack:

        async def opened(**rules: Any) -> Walker:
            app = OpenAlert(config(provider, str(tmp_path), **rules), sqlite_db, b"a secret of the tests")
            await stack.enter_async_context(app.running())
            walker = Walker(app, provider)
            await stack.enter_async_context(walker.client)
            return walker

        yield opened


class TestTheWay:
    """From the button to the first page."""

    async def test_somebody_new_comes_in_with_the_default_role(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """PKCE, state and nonce go along; the session opens the page that was wanted, for twelve hours at most."""
        walker = await opening()
        provider.person = NEW
        answer = await walker.sign_in("/incidents?status=open")
        assert (answer.status_code, answer.headers["location"]) == (303, "/incidents?status=open")
        me = await walker.me()
        assert me is not None
        assert (me["email"], me["name"], me["role"]) == ("dora@example.org", "Dora Lind", "viewer")
        assert provider.refusals == []

    async def test_a_known_identity_is_the_same_person_whatever_its_address(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database, cast: Cast
    ) -> None:
        """Alice is found by her subject, also when the provider calls her by Bob's address."""
        walker = await opening()
        await make.identity(sqlite_db, cast.alice, "alice-1", provider.issuer)
        provider.person = {"sub": "alice-1", "email": "bob@example.org", "email_verified": True}
        await walker.sign_in()
        me = await walker.me()
        assert me is not None
        assert (me["email"], me["role"]) == ("alice@example.org", "owner")

    async def test_a_known_address_is_not_enough(
        self, opening: Opening, provider: FakeProvider, cast: Cast
    ) -> None:
        """An unknown subject with Alice's verified address is refused, and told how to connect it."""
        walker = await opening()
        provider.person = {"sub": "mallory", "email": "Alice@Example.org", "email_verified": True}
        answer = await walker.sign_in()
        assert answer.status_code == 403
        assert "not connected to Acme yet" in answer.text
        assert "IDENTITY_NOT_CONNECTED" in answer.text
        assert await walker.me() is None

    async def test_an_unverified_address_is_asked_about_with_nobody(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database, cast: Cast
    ) -> None:
        """Whoever writes Alice's address into their own account learns nothing, and no admin is asked to connect it."""
        walker = await opening()
        said = []
        for email in (cast.alice.email, "nobody-here@example.org"):
            provider.person = {"sub": "mallory", "email": email, "email_verified": False}
            answer = await walker.sign_in()
            said.append((answer.status_code, "has not verified" in answer.text))
        assert said == [(401, True), (401, True)]
        async with sqlite_db.read() as reader:
            assert await reader.rows("SELECT * FROM link_requests") == []

    async def test_the_way_back_stays_here(self, opening: Opening, provider: FakeProvider) -> None:
        """A `next` of another site leads to the first page."""
        walker = await opening()
        provider.person = NEW
        for target in ("//evil.example", "https://evil.example", "/\\evil.example"):
            assert (await walker.sign_in(target)).headers["location"] == "/"
            walker.client.cookies.clear()

    async def test_a_deactivated_person_stays_out(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database, cast: Cast
    ) -> None:
        """Whatever the provider says."""
        walker = await opening()
        await make.identity(sqlite_db, cast.bob, "alice-1", provider.issuer)
        async with sqlite_db.transaction() as tx:
            await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=cast.bob.id)
        answer = await walker.sign_in()
        assert answer.status_code == 403
        assert "ACCOUNT_DEACTIVATED" in answer.text

    async def test_the_audit_log_says_who_came_in_and_who_did_not(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """A new person with their identity and their sign-in; a refusal with its reason and the subject."""
        walker = await opening()
        provider.person = NEW
        await walker.sign_in()
        walker.client.cookies.clear()
        provider.person = {"sub": "mallory", "email": "alice@example.org"}
        await walker.sign_in()
        async with sqlite_db.read() as reader:
            rows = await reader.rows("SELECT act, actor_name, address, after FROM audit_log ORDER BY seq")
        acts = [row[0] for row in rows]
        assert acts == ["user.created", "identity.connected", "user.signed_in", "user.sign_in_failed"]
        assert {row[2] for row in rows} == {"127.0.0.1"}
        assert (rows[0][1], rows[2][1]) == ("Single sign-on", "Dora Lind")
        assert '"sso"' in rows[2][3]
        assert "IDENTITY_NOT_CONNECTED" in rows[3][3]
        assert "mallory" in rows[3][3]

    async def test_without_a_provider_the_button_leads_to_the_password(
        self, sqlite_db: Database, cast: Cast, tmp_path: Path
    ) -> None:
        """And the way back does not exist."""
        app = OpenAlert(config(FakeProvider(sqlite_db.clock), str(tmp_path), issuer=""), sqlite_db, b"secret")
        async with app.running(), Walker(app, FakeProvider(sqlite_db.clock)).client as client:
            answer = await client.get("/auth/login?next=/alerts", headers=PAGE)
            assert answer.headers["location"] == "/login?next=%2Falerts"
            assert (await client.get("/auth/callback?state=x&code=y", headers=PAGE)).status_code == 404

    async def test_a_provider_that_says_no_is_quoted(self, opening: Opening, provider: FakeProvider) -> None:
        """`access_denied` and its sentence reach the person, as text."""
        walker = await opening()
        state = query(await walker.leave())["state"]
        back = f"/auth/callback?state={state}&error=access_denied&error_description=Not+<b>assigned</b>"
        answer = await walker.come_back(back)
        assert answer.status_code == 401
        assert "Acme did not sign you in: access_denied. Not &lt;b&gt;assigned&lt;/b&gt;" in answer.text

    @pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
    async def test_each_algorithm_works(
        self, opening: Opening, provider: FakeProvider, algorithm: str
    ) -> None:
        """All four that are allowed."""
        walker = await opening()
        provider.person, provider.algorithm = NEW, algorithm
        assert (await walker.sign_in()).headers["location"] == "/incidents"


class TestTheAttempt:
    """State, browser and code belong together, once (S-22)."""

    async def test_an_attackers_way_back_does_nothing_in_the_victims_browser(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """State and code of one browser are worth nothing in another, with or without a cookie of its own."""
        attacker = await opening()
        victim = Walker(attacker.openalert, provider)
        provider.person = NEW
        back = provider.authorize(await attacker.leave())
        for _ in range(2):
            answer = await victim.come_back(back)
            assert answer.status_code == 400
            assert "SIGN_IN_EXPIRED" in answer.text
            assert await victim.me() is None
            await victim.leave()
        assert provider.exchanges == 0
        await victim.client.aclose()

    async def test_a_way_back_works_once(self, opening: Opening, provider: FakeProvider) -> None:
        """The same state is refused the second time, also by the browser that began; the code is not sent again."""
        walker = await opening()
        provider.person = NEW
        back = provider.authorize(await walker.leave())
        assert (await walker.come_back(back)).status_code == 303
        assert (await walker.come_back(back)).status_code == 400
        assert provider.exchanges == 1

    async def test_a_code_works_once(self, opening: Opening, provider: FakeProvider) -> None:
        """A used code under a fresh state is refused by the provider, and so by us."""
        walker = await opening()
        provider.person = NEW
        back = provider.authorize(await walker.leave())
        await walker.come_back(back)
        walker.client.cookies.delete(walker.openalert.access.cookie)
        state = query(await walker.leave())["state"]
        answer = await walker.come_back(f"/auth/callback?code={query(back)['code']}&state={state}")
        assert answer.status_code == 401
        assert "run out or was used" in answer.text

    async def test_a_code_of_another_sign_in_lacks_the_verifier(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """A stolen code, put under one's own state, fails at the provider: PKCE binds it to the other browser."""
        victim = await opening()
        provider.person = NEW
        stolen = query(provider.authorize(await victim.leave()))["code"]
        thief = Walker(victim.openalert, provider)
        state = query(await thief.leave())["state"]
        answer = await thief.come_back(f"/auth/callback?code={stolen}&state={state}")
        assert answer.status_code == 401
        assert provider.refusals == ["invalid_grant: the verifier is not that of the challenge"]
        await thief.client.aclose()

    async def test_it_ends_after_ten_minutes(
        self, opening: Opening, provider: FakeProvider, clock: StoppedClock
    ) -> None:
        """Too late is like never begun; a moment before is in time."""
        walker = await opening()
        provider.person = NEW
        late, in_time = await walker.leave(), await walker.leave()
        clock.advance(10 * MINUTE - 1)
        assert (await walker.come_back(provider.authorize(in_time))).status_code == 303
        walker.client.cookies.delete(walker.openalert.access.cookie)
        clock.advance(1)
        assert (await walker.come_back(provider.authorize(late))).status_code == 400

    @pytest.mark.parametrize(
        "back", ["", "?state=&code=", "?state=x&code=y", "?code=y", "?state=" + "a" * 43, "?state=a&state=b",
                 "?state=" + "x" * 9000],
    )  # fmt: skip
    async def test_what_is_no_way_back_is_refused(
        self, opening: Opening, provider: FakeProvider, back: str
    ) -> None:
        """400 without asking the provider anything."""
        walker = await opening()
        await walker.leave()
        asked_before = len(provider.requests)
        for accept in ("text/html", "application/json"):
            answer = await walker.come_back(f"/auth/callback{back}", accept)
            assert answer.status_code == 400
        assert len(provider.requests) == asked_before

    async def test_the_database_holds_nothing_that_opens(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database
    ) -> None:
        """Neither state, nor nonce, nor the browser's secret, nor anything that leads to the verifier."""
        walker = await opening()
        sent = query(await walker.leave())
        async with sqlite_db.read() as reader:
            rows = str([tuple(row) for row in await reader.rows("SELECT * FROM single_sign_on_attempts")])
        assert rows != "[]"
        cookie = walker.client.cookies["openalert_departure"]
        assert not [secret for secret in (sent["state"], sent["nonce"], cookie) if secret in rows]

    async def test_a_way_back_of_another_provider_is_a_mix_up(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """The `iss` parameter (RFC 9207) must be ours, and must be there when the provider promises it."""
        walker = await opening()
        back = provider.authorize(await walker.leave())
        assert (await walker.come_back(back + "&iss=https://evil.example")).status_code == 401
        provider.metadata = {"authorization_response_iss_parameter_supported": True}
        other = await opening()
        assert (await other.come_back(provider.authorize(await other.leave()))).status_code == 401
        provider.person = NEW
        back = provider.authorize(await other.leave())
        assert (await other.come_back(f"{back}&iss={provider.issuer}")).status_code == 303
        assert provider.exchanges == 1


class TestRoles:
    """What the provider says about somebody becomes roles, anew each time (S-23, S-25)."""

    async def test_the_highest_value_counts(self, opening: Opening, provider: FakeProvider) -> None:
        """App roles and groups together; teams by their slug."""
        walker = await opening(**MAPPING)
        provider.person = NEW | {
            "roles": ["OpenAlert.Admin"],
            "groups": ["staff", "core-people", "core-leads"],
        }
        await walker.sign_in()
        me = await walker.me()
        assert me is not None
        assert me["role"] == "admin"
        async with walker.openalert.database.read() as reader:
            rows = await reader.rows("SELECT role FROM team_members WHERE user_id = :id", id=me["id"])
        assert [row[0] for row in rows] == ["admin"]

    async def test_a_role_that_is_gone_at_the_provider_is_gone_here(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """At the next sign-in; and nothing at all lets nobody in."""
        walker = await opening(**MAPPING, default_role="none")
        provider.person = NEW | {"groups": ["OpenAlert.Admin", "core-people"]}
        await walker.sign_in()
        provider.person = NEW | {"groups": ["staff"]}
        walker.client.cookies.clear()
        await walker.sign_in()
        me = await walker.me()
        assert me is not None
        assert me["role"] == "member"
        async with walker.openalert.database.read() as reader:
            assert await reader.rows("SELECT * FROM team_members WHERE user_id = :id", id=me["id"]) == []
        provider.person = NEW
        walker.client.cookies.clear()
        answer = await walker.sign_in()
        assert answer.status_code == 403
        assert "NO_ROLE" in answer.text

    @pytest.mark.parametrize(
        "overage",
        [
            {
                "_claim_names": {"groups": "src1"},
                "_claim_sources": {"src1": {"endpoint": "https://evil.example"}},
            },
            {"hasgroups": True},
            {"groups": ["staff"], "_claim_names": {"groups": "src1"}},
            {"groups": "OpenAlert.Owner"},
            {"groups": {"OpenAlert.Owner": True}},
            {"groups": [["OpenAlert.Owner"], 7, None]},
            {"roles": "openalert.owner"},
            {"email": "OpenAlert.Owner@example.org"},
        ],
    )
    async def test_too_many_groups_and_odd_shapes_give_nothing_more(
        self, opening: Opening, provider: FakeProvider, overage: dict[str, Any]
    ) -> None:
        """Overage counts as no groups; only texts that are equal to the letter count (one alone may stand bare)."""
        walker = await opening(**MAPPING)
        provider.person = NEW | overage
        answer = await walker.sign_in()
        assert answer.status_code == 303
        me = await walker.me()
        assert me is not None
        assert me["role"] == ("owner" if overage == {"groups": "OpenAlert.Owner"} else "viewer")

    async def test_the_last_owner_stays_owner(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database, cast: Cast
    ) -> None:
        """Whatever the mapping gives; with a second owner the mapping counts."""
        walker = await opening(**MAPPING, default_role="none")
        await make.identity(sqlite_db, cast.alice, "alice-1", provider.issuer)
        provider.person = {"sub": "alice-1", "groups": ["staff"]}
        for expected in ("owner", "member"):
            assert (await walker.sign_in()).status_code == 303
            me = await walker.me()
            assert me is not None
            assert me["role"] == expected
            walker.client.cookies.clear()
            async with sqlite_db.transaction() as tx:
                await tx.execute(
                    "UPDATE users SET role = :role WHERE id = :id", role=Role.OWNER, id=cast.charlie.id
                )

    async def test_without_a_mapping_roles_stay_as_they_are_here(
        self, opening: Opening, provider: FakeProvider, sqlite_db: Database, cast: Cast
    ) -> None:
        """A claim that nobody mapped gives nothing, and takes nothing."""
        walker = await opening(default_role="none")
        await make.identity(sqlite_db, cast.bob, "alice-1", provider.issuer)
        provider.person = {"sub": "alice-1", "roles": ["owner", "admin"]}
        await walker.sign_in()
        me = await walker.me()
        assert me is not None
        assert me["role"] == "member"
        walker.client.cookies.clear()
        provider.person = NEW
        assert (await walker.sign_in()).status_code == 403

    @pytest.mark.parametrize(
        ("person", "words"),
        [
            ({"email_verified": False}, "has not verified"),
            ({"email": None}, "no e-mail address"),
            ({"email": "not an address"}, "no e-mail address"),
        ],
    )
    async def test_nobody_is_taken_in_without_an_address_that_is_theirs(
        self, opening: Opening, provider: FakeProvider, person: dict[str, Any], words: str
    ) -> None:
        """Missing, no address, or expressly not verified."""
        walker = await opening()
        provider.person = NEW | person
        answer = await walker.sign_in()
        assert answer.status_code == 401
        assert words in answer.text

    async def test_only_allowed_domains_come_in(self, opening: Opening, provider: FakeProvider) -> None:
        """By the address that the provider names."""
        walker = await opening(allowed_domains=["example.com"])
        provider.person = NEW
        answer = await walker.sign_in()
        assert answer.status_code == 401
        assert "allowed_domains" in answer.text
        provider.person = NEW | {"email": "dora@EXAMPLE.com"}
        assert (await walker.sign_in()).status_code == 303


class TestThinTokens:
    """Providers that say little in the ID token and more when asked, as Okta does."""

    async def test_address_and_groups_may_come_from_there(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """And count like those of the token, which wins where both speak."""
        walker = await opening(**MAPPING)
        provider.person = {"sub": "thin", "name": "Thin"}
        provider.told = {"sub": "thin", "email": "thin@example.org", "name": "Other", "groups": ["staff"]}
        await walker.sign_in()
        me = await walker.me()
        assert me is not None
        assert (me["email"], me["name"], me["role"]) == ("thin@example.org", "Thin", "member")

    async def test_who_it_is_comes_from_the_token_alone(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """Details of somebody else are refused; members that say who it is are not taken over."""
        walker = await opening(**MAPPING)
        provider.person = {"sub": "thin"}
        provider.told = {"sub": "alice-1", "email": "thin@example.org", "groups": ["OpenAlert.Owner"]}
        assert (await walker.sign_in()).status_code == 401
        provider.told = {
            "sub": "thin",
            "email": "thin@example.org",
            "iss": "https://evil.example",
            "tid": TENANT,
        }
        assert (await walker.sign_in()).status_code == 303

    @pytest.mark.parametrize("told", [[], "text", {"email": "thin@example.org"}, {"sub": None, "email": "x"}])
    async def test_nonsense_gives_nothing(self, opening: Opening, provider: FakeProvider, told: Any) -> None:
        """No address, so nobody is taken in."""
        walker = await opening()
        provider.person, provider.told = {"sub": "thin"}, told
        assert (await walker.sign_in()).status_code == 401

    async def test_whoever_says_enough_is_not_asked(self, opening: Opening, provider: FakeProvider) -> None:
        """One request less."""
        walker = await opening(**MAPPING)
        provider.person, provider.told = (
            NEW | {"groups": []},
            {"sub": "dora-1", "groups": ["OpenAlert.Owner"]},
        )
        await walker.sign_in()
        assert asked(provider, "/userinfo") == 0
        me = await walker.me()
        assert me is not None
        assert me["role"] == "viewer"


class TestEntra:
    """Microsoft Entra ID: tenants, oid, and the issuer that is a template."""

    @pytest.fixture
    async def provider(self, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[FakeProvider]:
        """The authority `organizations`, whose tokens come from the tenant of whoever signs in."""
        async with FakeProvider(clock, path="/organizations/v2.0") as fake:
            fake.person = ENTRA
            fake.changes = {"iss": f"{fake.origin}/{TENANT}/v2.0"}
            yield fake

    async def test_an_allowed_tenant_comes_in(self, opening: Opening, provider: FakeProvider) -> None:
        """Known by tenant and oid, so that another application's `sub` does not matter."""
        walker = await opening(allowed_tenants=[TENANT.upper()])
        assert (await walker.sign_in()).status_code == 303
        provider.person = ENTRA | {"sub": "pairwise-2", "preferred_username": "lind@example.org"}
        walker.client.cookies.clear()
        assert (await walker.sign_in()).status_code == 303
        me = await walker.me()
        assert me is not None
        assert me["email"] == "dora@example.org"

    async def test_another_tenant_stays_out_whatever_it_says(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """Neither its own issuer, nor our tenant's id in a foreign issuer, nor our issuer with a foreign id."""
        walker = await opening(allowed_tenants=[TENANT])
        ours, theirs = (f"{provider.origin}/{tenant}/v2.0" for tenant in (TENANT, OTHER_TENANT))
        for iss, tid in (
            (theirs, OTHER_TENANT),
            (theirs, TENANT),
            (ours, OTHER_TENANT),
            (ours, None),
            (ours, "x"),
        ):
            provider.changes = {"iss": iss, "tid": tid}
            assert (await walker.sign_in()).status_code == 401
        provider.changes = {"iss": f"{provider.origin}/{{tenantid}}/v2.0"}
        assert (await walker.sign_in()).status_code == 401

    async def test_the_key_of_another_tenant_signs_nothing_for_ours(
        self, opening: Opening, provider: FakeProvider
    ) -> None:
        """Entra says of each published key whose it is."""
        walker = await opening(allowed_tenants=[TENANT])
        own = provider.key.as_dict(private=False)
        provider.published = [own | {"issuer": f"{provider.origin}/{OTHER_TENANT}/v2.0"}]
        assert (await walker.sign_in()).status_code == 401
        provider.published = [own | {"issuer": f"{provider.origin}/{{tenantid}}/v2.0"}]
        again = await opening(allowed_tenants=[TENANT])
        assert (await again.sign_in()).status_code == 303


class TestWeather:
    """The provider is down, slow, elsewhere, or has new keys (S-24)."""

    @pytest.mark.parametrize(
        ("mood", "words"),
        [
            (Mood.HTML, "does not describe itself"),
            (Mood.BROKEN, "503"),
            (Mood.OTHER_ISSUER, "calls itself https://accounts.evil.example"),
        ],
    )
    async def test_the_login_page_says_what_is_wrong(
        self, opening: Opening, provider: FakeProvider, mood: Mood, words: str
    ) -> None:
        """In a sentence, on the page where a password still works; the provider is not asked for some seconds."""
        walker = await opening()
        provider.mood = mood
        for _ in range(3):
            answer = await walker.client.get("/auth/login", headers=PAGE)
            assert answer.headers["location"] == "/login?next=%2F"
        page = await walker.client.get("/login", headers=PAGE)
        assert words in page.text
        assert asked(provider, "openid-configuration") == 1

    async def test_a_provider_that_is_gone_signs_nobody_out(
        self, opening: Opening, provider: FakeProvider, clock: StoppedClock
    ) -> None:
        """Existing sessions need nothing from it; when it is back, so is the button."""
        walker = await opening()
        provider.person = NEW
        await walker.sign_in()
        await provider.down()
        clock.advance(2 * HOUR)
        assert await walker.me() is not None
        walker.client.cookies.clear()
        answer = await walker.client.get("/auth/login", headers=PAGE)
        assert answer.headers["location"] == "/login?next=%2F"
        await provider.up()
        clock.advance(11_000)
        assert "authorize" in await walker.leave()

    async def test_new_keys_are_fetched_at_most_once_a_minute(
        self, opening: Opening, provider: FakeProvider, clock: StoppedClock
    ) -> None:
        """An unknown key makes us ask; a flood of unknown keys does not make us ask again."""
        walker = await opening()
        provider.person = NEW
        await walker.sign_in()
        clock.advance(MINUTE)
        provider.rotate()
        walker.client.cookies.clear()
        assert (await walker.sign_in()).status_code == 303
        assert asked(provider, "/keys") == 2
        provider.header = {"kid": "unknown"}
        for _ in range(5):
            walker.client.cookies.clear()
            assert (await walker.sign_in()).status_code == 401
        assert asked(provider, "/keys") == 2
        clock.advance(MINUTE)
        assert (await walker.sign_in()).status_code == 401
        assert asked(provider, "/keys") == 3


async def test_a_session_by_single_sign_on_ends_after_twelve_hours(
    opening: Opening, provider: FakeProvider, clock: StoppedClock
) -> None:
    """However busy it is: only the provider knows who has left (S-23)."""
    walker = await opening()
    provider.person = NEW
    await walker.sign_in()
    token = walker.client.cookies[walker.openalert.access.cookie]
    for _ in range(11):
        clock.advance(HOUR)
        assert await walker.me() is not None
        async with walker.openalert.database.transaction() as tx:
            await signin.touch_session(tx, token)
    clock.advance(HOUR)
    assert await walker.me() is None
