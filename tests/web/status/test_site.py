"""The public addresses of a status page: what is answered, to whom, and what never is."""

import hashlib
import re
from base64 import b64encode
from typing import Any

import httpx2
import pytest

from openalert.domain.instant import HOUR
from openalert.domain.status_page import PublicStatus, Theme
from openalert.usecases import signin
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases.status_pages import link_hash
from tests import make
from tests.cli.test_connection import answered, serving
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

PATHS = ("", "history", "feed.atom", "feed.rss", "badge.svg", "calendar.ics", "api/v2/summary.json")
ALL = [*(f"/status/acme/{path}".rstrip("/") for path in PATHS), "/public/status/acme/components"]


async def test_the_specified_view_of_an_incident(acme: Told) -> None:
    """`GET /public/status/{slug}` has the members of the specification; updates are the oldest first."""
    made = await acme.tells()
    await acme.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message="A fix is out.")
    body = (await acme.gets("/public/status/acme")).json()
    assert (body["id"], body["name"]) == (acme.page.id, "Acme")
    assert body["overallStatus"] == {"status": "outage", "affectedComponents": 1, "activeIncidents": 1}
    assert [(each["name"], each["status"]) for each in body["components"]] == [
        ("API", "partial_outage"),
        ("Web", "operational"),
    ]
    (incident,) = body["incidents"]
    assert (incident["id"], incident["impact"], incident["status"]) == (
        made.incident.id,
        "major",
        "monitoring",
    )
    assert [(each["status"], each["message"]) for each in incident["updates"]] == [
        ("investigating", "We look."),
        ("monitoring", "A fix is out."),
    ]
    parts = (await acme.gets("/public/status/acme/components")).json()["items"]
    assert parts == body["components"]
    assert (await acme.gets(f"/public/status/acme/incidents/{made.incident.id}")).json() == incident
    await acme.gets("/public/status/acme/incidents/unknown", 404)


async def test_incidents_are_filtered(acme: Told) -> None:
    """`includeResolved`, `status` and `limit` choose; what is not known is refused by name."""
    first, _ = await acme.tells("One"), await acme.tells("Two")
    await acme.does(told.resolve, first.incident.id, message="")

    async def titles(query: str) -> list[str]:
        answer = await acme.gets(f"/public/status/acme/incidents{query}")
        return [each["title"] for each in answer.json()["items"]]

    assert await titles("") == ["Two", "One"]
    assert await titles("?includeResolved=false") == ["Two"]
    assert await titles("?status=resolved") == ["One"]
    assert await titles("?limit=1") == ["Two"]
    for wrong in (
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=²",
        "status=fine",
        "includeResolved=no",
        "resolved=1",
    ):
        answer = await acme.gets(f"/public/status/acme/incidents?{wrong}", 400)
        assert answer.json()["details"]["field"] == wrong.partition("=")[0]


async def test_drafts_and_ids_of_ours_never_cross(acme: Told) -> None:
    """A draft, a draft update, the team and internal ids are on none of the public addresses."""
    made = await acme.tells()
    draft = await acme.tells("Unsaid title", "unsaid words", is_draft=True)
    await acme.does(
        told.post, made.incident.id, status=PublicStatus.IDENTIFIED, message="unsaid guess", is_draft=True
    )
    for path in [*ALL, "/public/status/acme", f"/status/acme/incidents/{made.incident.public_id}"]:
        text = (await acme.gets(path)).text
        for secret in ("unsaid", "Unsaid", acme.cast.team.id, acme.cast.alice.id, draft.incident.public_id):
            assert secret not in text, (path, secret)
    for each in (draft.incident.id, draft.incident.public_id):
        await acme.gets(f"incidents/{each}", 404)
        await acme.gets(f"/public/status/acme/incidents/{each}", 404)


async def test_every_answer_has_a_version_and_no_cookie(acme: Told) -> None:
    """ETag and 304, gzip of the same bytes, HEAD without a body; strangers are given no cookie."""
    for path in ALL:
        plain = await acme.gets(path, headers={"accept-encoding": "identity"})
        assert "set-cookie" not in plain.headers
        assert plain.headers["cache-control"] == "public, max-age=30"
        assert plain.headers["access-control-allow-origin"] == "*"
        again = await acme.gets(path, 304, headers={"if-none-match": plain.headers["etag"]})
        assert again.content == b""
        assert (await acme.gets(path, headers={"accept-encoding": "gzip"})).content == plain.content
        head = await acme.client.head(path, headers={"accept-encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(plain.content)


async def test_pages_are_only_read(acme: Told) -> None:
    """Whatever is not GET or HEAD is 405, with or without a page."""
    for path in (*ALL, "/status/unknown", "/public/status/unknown"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await acme.client.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD"), (method, path)


async def test_the_policy_names_the_style_that_is_there(acme: Told) -> None:
    """One script, its own file; no style attribute, and exactly the style sheet whose hash its own policy names."""
    await acme.does(pages.update, acme.page.id, theme=Theme(accent="#aa3366"))
    answer = await acme.gets()
    (sheet,) = re.findall(r"<style>(.*?)</style>", answer.text, re.S)
    digest = b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert "#aa3366" in sheet
    assert "default-src 'none'" in policy
    assert "script-src 'self'; connect-src 'self';" in policy
    (script,) = re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.S)
    assert script == ""
    (address,) = re.findall(r'<script src="([^"]+)" defer>', answer.text)
    assert address.startswith("/status/acme/live.js?")
    assert (await acme.gets(address)).headers["content-type"] == "text/javascript; charset=utf-8"
    assert " style=" not in answer.text


async def test_a_logo_opens_the_policy_for_its_own_host_alone(acme: Told) -> None:
    """A logo lies where somebody says; an address that a policy cannot name is not shown."""
    await acme.does(pages.update, acme.page.id, logo_url="https://cdn.acme.example/logo.png?v=1")
    answer = await acme.gets()
    assert "img-src data: https://cdn.acme.example;" in answer.headers["content-security-policy"]
    assert 'src="https://cdn.acme.example/logo.png?v=1"' in answer.text
    await acme.does(pages.update, acme.page.id, logo_url="https://a;script-src *@b.example/logo.png")
    answer = await acme.gets()
    assert "b.example" not in answer.headers["content-security-policy"]
    assert "logo.png" not in answer.text


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&]]>\x1b[javascript:alert(1)](javascript:alert(1))"


async def test_hostile_words_are_words_everywhere(acme: Told) -> None:
    """What people write is escaped in the page, in the feeds and in the calendar."""
    title = "".join(each for each in HOSTILE if each.isprintable())
    await acme.does(components.change_component, acme.api.id, description="<b onclick=x>", name="</title><i>")
    await acme.does(
        pages.update, acme.page.id, name="</title><script>x", footer_text=HOSTILE, header_text=HOSTILE
    )
    made = await acme.tells(title, HOSTILE)
    for path in ("", "history", f"incidents/{made.incident.public_id}", "feed.atom", "feed.rss", "badge.svg"):
        text = (await acme.gets(path)).text
        for wrong in ("<script>", "<img src=x", "<b onclick", "<i>", "\x1b", 'href="javascript'):
            assert wrong not in text, (path, wrong)


# --- pages that are not for everybody ---------------------------------------------------------------


def alike(answer: httpx2.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Everything that leaves the server."""
    return answer.status_code, sorted(answer.headers.items()), answer.content


async def test_private_unknown_and_deleted_are_alike_to_the_last_byte(acme: Told) -> None:
    """Nobody learns from an answer that there is a page, whichever address and credential they try."""
    gone = await acme.does(pages.create, team_id=acme.cast.team.id, name="Gone", slug="gone")
    await acme.does(pages.delete, gone.id)
    await acme.does(pages.update, acme.page.id, is_public=False)
    await acme.does(pages.make_link, acme.page.id)
    stranger = await make.user(acme.app.database, acme.cast.organization, "Mallory")
    async with acme.app.database.transaction() as tx:
        token = await signin.open_session(tx, stranger.id, address="192.0.2.1", user_agent="t")
    for path in (
        *ALL,
        "/status/acme/",
        "/public/status/acme",
        "/public/status/acme/incidents?limit=x",
        "/status/acme?key=x",
    ):
        for given in (
            {},
            {"accept": "text/html"},
            {"cookie": f"openalert_session={token}"},
            {"cookie": "openalert_status=x"},
        ):
            headers = {"x-request-id": "the-same", **given}
            found = [
                alike(await acme.client.get(path.replace("acme", slug), headers=headers))
                for slug in ("acme", "nope", "gone")
            ]
            assert found[0][0] == 404
            assert found[0] == found[1] == found[2], (path, given)


async def test_a_member_of_the_team_sees_a_private_page(acme: Told) -> None:
    """A session or an API key of the team opens it; nobody else may keep or list it."""
    await acme.does(pages.update, acme.page.id, is_public=False)
    async with acme.app.database.transaction() as tx:
        token = await signin.open_session(tx, acme.cast.bob.id, address="192.0.2.1", user_agent="t")
    answer = await acme.gets(headers={"cookie": f"openalert_session={token}"})
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert "access-control-allow-origin" not in answer.headers
    assert 'name="robots" content="noindex' in answer.text


async def test_the_secret_link_opens_a_private_page(acme: Told) -> None:
    """`?key=` becomes a cookie of that page's path; a new link ends the old one; programs send it each time."""
    await acme.does(pages.update, acme.page.id, is_public=False)
    _, key = await acme.does(pages.make_link, acme.page.id)
    answer = await acme.gets(f"/status/acme?key={key}", 303)
    assert answer.headers["location"] == "/status/acme"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"openalert_status={key}; Path=/status/acme; ")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    acme.client.cookies.clear()
    kept = {"cookie": f"openalert_status={key}"}
    assert "Acme" in (await acme.gets(headers=kept)).text
    await acme.gets(f"feed.atom?key={key}")
    await acme.gets(f"/public/status/acme?key={key}")
    await acme.does(pages.make_link, acme.page.id)
    await acme.gets("", 404, headers=kept)
    assert link_hash(key) != key


async def test_a_page_that_is_not_to_be_listed_says_so(acme: Told) -> None:
    """Search engines are told by header and in the page."""
    assert "x-robots-tag" not in (await acme.gets()).headers
    await acme.does(pages.update, acme.page.id, is_indexed=False)
    answer = await acme.gets()
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert 'content="noindex, nofollow"' in answer.text


async def test_a_maintenance_is_in_the_calendar(acme: Told) -> None:
    """Its times and title; moved, it is the same entry."""
    now = acme.app.database.clock()
    made = await acme.does(
        told.create, acme.page.id, title="Upgrade", scheduled_for=now + HOUR, scheduled_until=now + 2 * HOUR
    )
    text = (await acme.gets("calendar.ics")).text
    assert f"UID:{made.incident.public_id}@openalert" in text
    assert "DTSTART:20260105T100000Z" in text
    assert "SUMMARY:Acme: Upgrade" in text
    await acme.does(told.change, made.incident.id, scheduled_until=now + 3 * HOUR)
    moved = (await acme.gets("calendar.ics")).text
    assert moved.count("BEGIN:VEVENT") == 1
    assert "DTEND:20260105T120000Z" in moved


@pytest.mark.parametrize(
    "path",
    [
        "x" * 5000,
        "..%2f..%2f",
        "%00",
        "incidents/x",
        "history/2026-13",
        "api/v2/",
        "api/v2/nope.json",
        "a/b/c/d",
    ],
)
async def test_odd_addresses_are_404(acme: Told, path: Any) -> None:
    """Nothing there, and no fault."""
    await acme.gets(path, 404)
    await acme.gets(f"/public/status/acme/{path}", 404)


@pytest.mark.parametrize("path", ["", "/history", "/api/v2/status.json", "/feed.atom"])
async def test_our_own_server_sends_the_same(acme: Told, path: str) -> None:
    """What it sends in one piece has the headers and the body that any other server would send."""
    told = await acme.gets(path.lstrip("/"), headers={"accept-encoding": "identity"})
    async with serving(app=acme.app.asgi) as port:
        request = (
            b"GET /status/acme%b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path.encode()
        )
        head, _, body = (await answered(port, request)).partition(b"\r\n\r\n")
    assert body == told.content
    lines = head.decode().split("\r\n")
    sent = dict(line.split(": ", 1) for line in lines[1:])
    assert len(sent) == len(lines) - 1
    ours = {name: value for name, value in sent.items() if name not in ("date", "connection")}
    assert len(ours.pop("x-request-id")) == 16
    assert ours == {name: value for name, value in told.headers.items() if name != "x-request-id"}
