"""The tab of settings: what is saved, what is refused, what a preview shows to whom, the secret link, the end."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.domain.languages import KNOWN
from openalert.domain.status_page import StatusPage
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import api_keys, status_pages
from openalert.web.status.colours import contrasts
from tests.cast import World
from tests.web.ui.browser import Browser, Page
from tests.web.ui.conftest import SECRET
from tests.web.ui.test_status_pages import PATH, made

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def stored(world: World, page_id: str) -> StatusPage:
    """The page as it is."""
    async with world.db.read() as reader:
        return await status_pages.get(reader, world.as_(world.alice), page_id)


async def saves(browser: Browser, page: StatusPage, **typed: Any) -> Page:
    """The form with these fields typed in."""
    path = f"{PATH}/{page.id}/settings"
    held = {"language": page.language}
    return await browser.press(await browser.get(path), path, **(held | typed))


async def test_what_is_typed_is_saved_and_customers_see_it(world: World, sign_in: SignIn) -> None:
    """Every field of the form."""
    page, _ = await made(world, "API")
    browser = await sign_in(world.alice)
    typed = {
        "name": "Shop", "slug": "shop", "description": "How it is", "header_text": "**Hel\0lo**", "footer_text": "Bye",
        "logo_url": "https://cdn.example/logo.svg", "support_url": "https://help.example", "accent": "#4F46E5",
        "language": "de", "timezone": "Europe/Berlin", "is_public": "no", "custom_domain": "Status.Example.com.",
    }  # fmt: skip
    saved = await saves(browser, page, **typed)
    assert "Saved." in saved.text
    typed["header_text"] = "**Hello**"
    now = msgspec.structs.asdict(await stored(world, page.id))
    assert {name: now[name] for name in typed if name not in ("accent", "is_public", "custom_domain")} == {
        name: value for name, value in typed.items() if name not in ("accent", "is_public", "custom_domain")
    }
    assert (now["theme"].accent, now["is_public"], now["is_indexed"]) == ("#4f46e5", False, True)
    assert now["custom_domain"] == "status.example.com"
    assert "5.9:1 on light, 3.1:1 on dark" in saved.text
    seen = await browser.get(f"{PATH}/{page.id}/preview")
    assert "<strong>Hello</strong>" in seen.html


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "The name needs 1 to 120 printable characters."),
        ("slug", "Not a slug", "The address may hold lower-case letters"),
        ("slug", "taken", "The slug 'taken' is taken; choose another."),
        ("accent", "red", "The colour is a colour such as #4f46e5."),
        ("timezone", "Mars/Base", "The time zone 'Mars/Base' is not known."),
        ("logo_url", "javascript:alert(1)", "The logo must be an address that begins with https://"),
        ("custom_domain", "not a domain", "The domain is a name such as status.example.com."),
        ("header_text", "x" * 10_001, "The text above holds at most 10000 characters."),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(
    world: World, sign_in: SignIn, field: str, value: str, said: str
) -> None:
    """In the words of the form, with all else as it was typed."""
    page, _ = await made(world)
    await made(world, name="Other", slug="taken")
    shown = await saves(await sign_in(world.alice), page, **{"description": "typed", field: value})
    assert shown.status == 422
    assert said in shown.text
    assert f'id="{field}-error"' in shown.html
    assert 'value="typed"' in shown.html
    assert await stored(world, page.id) == page


async def test_a_preview_shows_what_is_typed_to_whoever_types_and_publishes_nothing(
    world: World, sign_in: SignIn
) -> None:
    """Drawn by what draws the public page; what no page can have is left as it was."""
    page, _ = await made(world, "API")
    browser = await sign_in(world.alice)
    path = f"{PATH}/{page.id}/preview"
    before = await stored(world, page.id)
    shown = await browser.post(path, name="Nearly", header_text="# Soon", accent="#zz", timezone="Mars")
    assert shown.status == 200
    assert "Nearly" in shown.text
    assert "Soon" in shown.text
    assert "All times in UTC" in shown.text
    assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "no-store"
    assert await stored(world, page.id) == before
    assert "Nearly" not in (await browser.get(path)).text
    assert (await (await sign_in(world.bob)).post(path, name="Nearly")).status == 403
    assert (await browser.get(f"{PATH}/{page.id}/settings")).status == 403


async def test_the_secret_link_is_shown_once_and_ends_when_it_is_revoked(
    openalert: OpenAlert, world: World, sign_in: SignIn
) -> None:
    """It opens the page until there is another one, or none."""
    page, _ = await made(world, "API", is_public=False)
    await openalert.board.refresh_all()
    browser = await sign_in(world.alice)
    settings = f"{PATH}/{page.id}/settings"
    shown = await browser.press(await browser.get(settings), f"{PATH}/{page.id}/link")
    [key] = re.findall(r"/status/acme\?key=([\w-]+)", shown.text)
    assert key not in (await browser.get(settings)).html

    async def opens() -> bool:
        await openalert.board.refresh_all()
        transport = httpx2.ASGITransport(app=openalert.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as stranger:
            return (await stranger.get(f"/status/acme?key={key}")).status_code == 303

    assert await opens()
    said = await browser.post(f"{PATH}/{page.id}/link/revoke")
    assert "The secret link opens the page no more." in said.text
    assert not await opens()


async def test_a_page_is_deleted_by_whoever_types_its_name(world: World, sign_in: SignIn) -> None:
    """Nothing else deletes it."""
    page, _ = await made(world)
    browser = await sign_in(world.alice)
    path = f"{PATH}/{page.id}/delete"
    kept = await browser.post(path, confirm="acme platform")
    assert kept.status == 422
    assert "Type the name of the page, Acme Platform, to delete it." in kept.text
    gone = await browser.post(path, confirm="Acme Platform")
    assert "Acme Platform is deleted." in gone.text
    assert "No status page yet" in gone.text


async def test_a_name_of_this_server_is_refused_as_a_domain_when_it_is_saved(
    world: World, sqlite_db: Database
) -> None:
    """In the browser and by the API: where people sign in, no page may stand."""
    server = Server(base_url="https://oncall.example.com", allowed_hosts=("Pager.example.com",))
    openalert = OpenAlert(Config(server=server), sqlite_db, SECRET)
    page, _ = await made(world)
    for name in ("oncall.example.com", "PAGER.example.com."):
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=openalert.asgi), base_url="https://oncall.example.com"
        ) as client:
            token = await _key(world)
            answer = await client.patch(
                f"/api/v1/status-pages/{page.id}",
                json={"customDomain": name},
                headers={"authorization": f"Bearer {token}"},
            )
        assert answer.status_code == 400
        assert "the name of this server, where people sign in" in answer.json()["detail"]
    assert (await stored(world, page.id)).custom_domain is None


async def _key(world: World) -> str:
    async with world.db.transaction(world.as_(world.alice)) as tx:
        _, secret = await api_keys.create(tx, name="x", role=Role.ADMIN)
    return secret


async def test_the_form_offers_every_language(world: World, sign_in: SignIn) -> None:
    """By its own name, for who does not read English."""
    page, _ = await made(world)
    shown = await (await sign_in(world.alice)).get(f"{PATH}/{page.id}/settings")
    for language in KNOWN:
        assert f'<option value="{language}"' in shown.html
    assert "Deutsch English Español" in shown.text


@pytest.mark.parametrize(
    ("colour", "weak"), [("#000000", "dark"), ("#ffffff", "light"), ("#7a7a7a", ""), ("#ffff00", "light")]
)
def test_a_colour_says_where_it_is_hardly_seen(colour: str, weak: str) -> None:
    """By the contrast on the grounds of the public page."""
    found = contrasts(colour)
    assert found is not None
    assert found.weak == weak
    assert contrasts("red") is None
