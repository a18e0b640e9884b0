"""The first minutes in the browser."""

import re

import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.usecases import setup
from tests import make
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
OWNER = {
    "name": "Ana Souza",
    "email": "ana@example.org",
    "password": "correct horse battery staple",
    "organization": "Acme",
    "timezone": "Europe/Berlin",
}


async def _token(openalert: OpenAlert) -> str:
    async with openalert.database.transaction() as tx:
        token = await setup.issue_token(tx)
    assert token is not None
    return token


async def _owner(openalert: OpenAlert, browser: Browser) -> None:
    """Through step 1."""
    token = await _token(openalert)
    page = await browser.press(await browser.get(f"/setup?token={token}"), "/setup?step=1", **OWNER)
    assert page.path == "/setup?step=2"


async def test_from_the_link_to_a_page_in_the_owners_hand(openalert: OpenAlert, stranger: Browser) -> None:
    """All five steps by plain forms: owner, team, service, the first alert turning it green, an answered test page."""
    await _owner(openalert, stranger)
    page = await stranger.press(
        await stranger.get("/setup?step=2"),
        "/setup?step=2",
        people="Bea Okafor <bea@example.org>\n\njun@example.org",
    )
    page = await stranger.press(
        page, "/setup?step=3", service="Shop", runbook="https://wiki.example.org/shop"
    )
    assert page.path == "/setup?step=4"
    assert "Waiting for the first alert" in page.text
    key = re.search(r"/webhooks/prometheus/([A-Za-z0-9]+)", page.html)
    assert key is not None
    openalert.intake.start()
    body = {"title": "Disk almost full", "severity": "high"}
    sent = await stranger.client.post(f"/webhooks/generic/{key[1]}", json=body)
    await openalert.intake.stop()
    assert sent.status_code == 202
    part = await stranger.get("/setup?step=4", hx_target="div#first_alert")
    assert "It works Disk almost full" in part.text
    assert "<html" not in part.html
    page = await stranger.press(await stranger.get("/setup?step=5"), "/setup?step=5")
    incident = re.search(r"/incidents/([0-9a-f-]{36})", page.html)
    assert incident is not None
    await stranger.post(f"/incidents/{incident[1]}/acknowledge")
    page = await stranger.get("/setup?step=5")
    assert "You are ready Ana Souza acknowledged" in page.text


async def test_without_the_link_nobody_can_take_the_house(openalert: OpenAlert, stranger: Browser) -> None:
    """No token, a wrong one, and a second use of a good one do nothing."""
    await _token(openalert)
    assert "Open the set-up link" in (await stranger.get("/setup")).text
    assert "Open the set-up link" in (await stranger.get("/setup?token=wrong")).text
    assert (await stranger.post("/setup?step=1", **OWNER, token="wrong")).status == 404
    assert (await stranger.get("/login")).path == "/setup"


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    openalert: OpenAlert, stranger: Browser
) -> None:
    """A weak password and an unreadable line of colleagues come back with the form still filled in."""
    token = await _token(openalert)
    page = await stranger.post("/setup?step=1", **(OWNER | {"password": "short"}), token=token)
    assert page.status == 422
    assert "Use at least 12 characters" in page.text
    assert page.form("/setup?step=1")["fields"]["name"] == "Ana Souza"
    await stranger.post("/setup?step=1", **OWNER, token=token)
    page = await stranger.post("/setup?step=2", team="Core", preset="follow_the_sun", people="Bea Okafor")
    assert "Line 1 has no e-mail address" in page.text
    assert page.form("/setup?step=2")["fields"]["people"] == "Bea Okafor"
    assert page.form("/setup?step=2")["fields"]["preset"] == "follow_the_sun"


@pytest.mark.parametrize("preset", ["one_team_weekly", "follow_the_sun", "business_hours_backup"])
async def test_every_preset_makes_a_working_set_up(
    openalert: OpenAlert, stranger: Browser, preset: str
) -> None:
    """Each choice of step 2 ends with an address to copy."""
    await _owner(openalert, stranger)
    page = await stranger.post("/setup?step=3", team="Core", preset=preset, people="", service="Shop")
    assert page.path == "/setup?step=4"
    assert "/webhooks/prometheus/" in page.text


async def test_set_up_is_for_owners_and_admins(openalert: OpenAlert, stranger: Browser) -> None:
    """Once there are people, strangers are asked to sign in and members are refused."""
    org = await make.organization(openalert.database)
    await make.user(openalert.database, org, "Bob", Role.MEMBER)
    assert (await stranger.get("/setup")).path.startswith("/login")
    assert (await stranger.post("/setup?step=3", team="Core", service="Shop")).path.startswith("/login")
