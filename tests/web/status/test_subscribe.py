"""Subscribing in the browser and by programs: what strangers may do, what links do, and what looking never does."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server, Smtp
from openalert.config.sections import StatusPages
from openalert.domain.errors import Unavailable
from openalert.domain.status_subscriber import SubscriberState
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_subscribers as acts
from openalert.web.status.subscribe import Forms
from tests import make
from tests.fakes.smtp import FakeSmtp, Mail
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

READER = "reader@customer.example"
DOMAIN = "status.acme.example"
ONE_CLICK = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A mail server of this machine."""
    async with FakeSmtp() as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, server: FakeSmtp) -> Config:
    """An appliance that knows its name and sends mail."""
    return Config(
        server=Server(data_dir=str(tmp_path), base_url="http://127.0.0.1"),
        status_pages=StatusPages(mails_per_second=0),
        smtp=Smtp(
            host=server.host, port=server.port, security="none", sender="OpenAlert <status@acme.example>"
        ),
    )


async def _posts(acme: Told, path: str = "subscribe", status: int = 200, **fields: Any) -> httpx2.Response:
    answer = await acme.client.post(f"/status/acme/{path}", data=fields)
    assert answer.status_code == status, answer.text[-600:]
    return answer


async def _mails(acme: Told, server: FakeSmtp, count: int = 1) -> list[Mail]:
    """What came, once everything that is due has left."""
    await acme.app.engine.run_until_idle()
    mails = await server.received(count)
    assert len(mails) == count
    server.mails = []
    return mails


def _path(mail: Mail, what: str) -> str:
    found = re.search(rf"http://127\.0\.0\.1(/status/acme/{what}/\S+)", mail.text)
    assert found, mail.text
    return found[1]


async def _state(acme: Told) -> list[SubscriberState]:
    async with acme.app.database.read() as reader:
        some = await acts.listed(reader, make.actor(acme.cast.alice, acme.cast.team), acme.page.id, limit=9)
    return [each.subscriber.state for each in some]


async def _subscribed(acme: Told, server: FakeSmtp, **fields: Any) -> Mail:
    """Somebody signs up, confirms, and is told of an incident of the API: that mail."""
    await _posts(acme, email=READER, what="all", **fields)
    (asked,) = await _mails(acme, server)
    assert (await acme.client.post(_path(asked, "confirm"))).status_code == 200
    acme.clock.advance()
    await acme.tells()
    return (await _mails(acme, server))[0]


async def test_the_form_is_on_the_page_and_says_what_it_does(acme: Told) -> None:
    """A link on the page, one field, all components to choose from, no script and no cookie."""
    assert 'href="/status/acme/subscribe"' in (await acme.gets()).text
    answer = await acme.gets("subscribe")
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text
    assert [acme.api.public_id in answer.text, acme.web.public_id in answer.text] == [True, True]
    assert "form-action 'none'" in (await acme.gets()).headers["content-security-policy"]


async def test_from_the_form_to_the_last_mail(acme: Told, server: FakeSmtp) -> None:
    """Sign up, confirm by a button, be told, choose components, leave by a button."""
    said = await _posts(acme, email=READER, what="all")
    assert "Check your mailbox" in said.text
    (asked,) = await _mails(acme, server)
    confirm = _path(asked, "confirm")
    looked = await acme.gets(confirm)
    assert "Confirm subscription</button>" in looked.text
    assert looked.headers["referrer-policy"] == "no-referrer"
    assert await _state(acme) == [SubscriberState.PENDING]
    done = await acme.client.post(confirm)
    assert "You are subscribed" in done.text
    assert await _state(acme) == [SubscriberState.ACTIVE]
    manage = re.search(r'href="http://127\.0\.0\.1(/status/acme/subscription/[^"]+)"', done.text)
    assert manage
    choosing = await acme.gets(manage[1])
    assert READER in choosing.text
    saved = await acme.client.post(manage[1], data={"what": "some", "component": acme.web.public_id})
    assert "Saved." in saved.text
    acme.clock.advance()
    await acme.tells()
    await acme.app.engine.run_until_idle()
    assert (await acme.client.post(manage[1], data={"what": "some"})).status_code == 400
    await acme.client.post(manage[1], data={"what": "all"})
    acme.clock.advance()
    await acme.tells("Another")
    (mail,) = await _mails(acme, server)
    assert mail.subject == "[Acme] Investigating: Another"
    leave = _path(mail, "unsubscribe")
    assert "Unsubscribe</button>" in (await acme.gets(leave)).text
    assert await _state(acme) == [SubscriberState.ACTIVE]
    assert "You are unsubscribed" in (await acme.client.post(leave)).text
    assert await _state(acme) == [SubscriberState.UNSUBSCRIBED]
    # Again, and where nothing is left: the same answer.
    assert "You are unsubscribed" in (await acme.client.post(leave)).text
    await acme.gets(manage[1], 404)


async def test_one_click_as_mail_programs_do_it(acme: Told, server: FakeSmtp) -> None:
    """RFC 8058: a POST without cookies to the address in the header, as a form of either kind."""
    mail = await _subscribed(acme, server)
    address = str(mail.message["List-Unsubscribe"]).strip("<>")
    path = address.removeprefix("http://127.0.0.1")
    multipart = (
        b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    )
    answer = await acme.client.post(
        path, content=multipart, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 200
    assert await _state(acme) == [SubscriberState.UNSUBSCRIBED]
    again = await acme.client.post(path, content=b"List-Unsubscribe=One-Click", headers=ONE_CLICK)
    assert again.status_code == 200


async def test_a_mail_scanner_changes_nothing(acme: Told, server: FakeSmtp) -> None:
    """GET and HEAD of every link of every mail, as scanners do before people read it."""
    mail = await _subscribed(acme, server)
    before = await acme.app.database.look(_everything)
    for path in re.findall(r"http://127\.0\.0\.1(/status/acme/\S+?)(?=[\"\s<>])", mail.text + mail.html):
        for method in ("GET", "HEAD", "OPTIONS"):
            await acme.client.request(method, path)
    assert await acme.app.database.look(_everything) == before


async def _everything(reader: Any) -> Any:
    return await reader.rows("SELECT * FROM status_subscribers ORDER BY id")


async def test_a_known_address_is_answered_like_any_other(acme: Told, server: FakeSmtp) -> None:
    """New, pending, subscribed, left: byte for byte the same."""
    new = await _posts(acme, email=READER, what="all")
    pending = await _posts(acme, email=READER, what="all")
    (asked,) = await _mails(acme, server)
    await acme.client.post(_path(asked, "confirm"))
    subscribed = await _posts(acme, email=READER, what="all")
    other = await _posts(acme, email="other@customer.example", what="all")
    assert new.content == pending.content == subscribed.content == other.content


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(acme: Told) -> None:
    """A bad address, no component, one of another page; the form comes back as it was filled in."""
    bad = await _posts(acme, status=400, email='"><script>alert(1)</script>', what="all")
    assert "That is not an e-mail address" in bad.text
    assert "<script>" not in bad.text
    none = await _posts(acme, status=400, email=READER, what="some")
    assert "Choose at least one component" in none.text
    assert f'value="{READER}"' in none.text
    await _posts(acme, status=400, email=READER, what="some", component="unknown12345")
    await acme.client.post("/status/acme/subscribe", content=b"\xff\xfe")
    answer = await acme.client.post("/status/acme/subscribe", content=b"x" * 70_000)
    assert answer.status_code == 413
    assert await _state(acme) == []


async def test_a_robot_that_fills_every_field_subscribes_nobody(acme: Told) -> None:
    """The field that people do not see: answered as ever, and nothing is kept."""
    said = await _posts(acme, email=READER, what="all", website="https://spam.example")
    assert "Check your mailbox" in said.text
    assert await _state(acme) == []


async def test_a_flood_is_slowed_down(acme: Told, server: FakeSmtp) -> None:
    """Five from one network in ten minutes; then 429 in words, with the time to wait."""
    for number in range(5):
        await _posts(acme, email=f"r{number}@customer.example", what="all")
    late = await _posts(acme, status=429, email="r6@customer.example", what="all")
    assert "Too many tries" in late.text
    assert int(late.headers["retry-after"]) > 0
    assert len(await _mails(acme, server, 5)) == 5


async def test_one_incident_alone(acme: Told, server: FakeSmtp) -> None:
    """From the page of an incident: only this one is told, and what is over cannot be followed."""
    made = await acme.tells("This one")
    path = f"subscribe/{made.incident.public_id}"
    assert "This one" in (await acme.gets(path)).text
    await _posts(acme, path, email=READER)
    (asked,) = await _mails(acme, server)
    done = await acme.client.post(_path(asked, "confirm"))
    acme.clock.advance()
    await acme.tells("Another")
    await acme.does(told.resolve, made.incident.id, message="Over.")
    (mail,) = await _mails(acme, server)
    assert mail.subject == "[Acme] Resolved: This one"
    assert "This one" in (await acme.gets(_path(mail, "subscription"))).text
    assert done.status_code == 200
    await acme.gets(path, 404)
    assert (await acme.client.post(f"/status/acme/{path}", data={"email": READER})).status_code == 404


async def test_programs_subscribe_as_at_statuspage(acme: Told, server: FakeSmtp) -> None:
    """`POST /api/v2/subscribers.json` as a form and as JSON; answered alike for every address, without an id."""
    path = "/status/acme/api/v2/subscribers.json"
    form = {"subscriber[email]": READER, "subscriber[component_ids][]": acme.web.public_id}
    first = await acme.client.post(path, data=form)
    assert (first.status_code, first.headers["access-control-allow-origin"]) == (201, "*")
    assert first.json()["subscriber"] == {
        "mode": "email",
        "email": READER,
        "components": [acme.web.public_id],
        "skip_confirmation_notification": False,
    }
    body = {"subscriber": {"email": READER, "component_ids": [acme.web.public_id]}}
    assert (await acme.client.post(path, json=body)).content == first.content
    (asked,) = await _mails(acme, server)
    assert "Chosen components: Web" in asked.text
    for wrong in ({"subscriber": {"email": "nobody"}}, {"email": READER}, [], {"subscriber": {"email": 3}}):
        assert (await acme.client.post(path, json=wrong)).status_code == 400
    answer = await acme.client.post(path, content=b"<a/>", headers={"content-type": "text/xml"})
    assert answer.status_code == 415
    assert (await acme.client.get(path)).status_code in (404, 405)


async def test_a_private_page_takes_only_those_who_may_see_it(acme: Told, server: FakeSmtp) -> None:
    """To strangers it is as unknown as ever; with its link somebody subscribes; other sites cannot use a visitor."""
    page, secret = await acme.does(pages.make_link, acme.page.id)
    await acme.does(pages.update, page.id, is_public=False)
    unknown = await acme.client.post("/status/nothing/subscribe", data={"email": READER})
    hidden = await acme.client.post("/status/acme/subscribe", data={"email": READER})
    assert (
        (hidden.status_code, hidden.content)
        == (unknown.status_code, unknown.content)
        == (404, unknown.content)
    )
    await acme.gets("subscribe", 404)
    api = await acme.client.post(
        "/status/acme/api/v2/subscribers.json", json={"subscriber": {"email": READER}}
    )
    assert api.status_code == 404
    await acme.client.get(f"/status/acme?key={secret}")
    foreign = await acme.client.post(
        "/status/acme/subscribe", data={"email": READER}, headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 404
    await _posts(acme, email=READER, what="all")
    (asked,) = await _mails(acme, server)
    acme.client.cookies.clear()
    confirmed = await acme.client.post(_path(asked, "confirm"))
    assert confirmed.status_code == 200
    assert "Acme" not in (await acme.gets(_path(asked, "confirm"))).text


async def test_made_private_it_is_told_to_those_who_confirmed(acme: Told, server: FakeSmtp) -> None:
    """Whoever was let in before goes on hearing, and their links go on working."""
    mail = await _subscribed(acme, server)
    await acme.does(pages.update, acme.page.id, is_public=False)
    acme.clock.advance()
    await acme.tells("Inside")
    (inside,) = await _mails(acme, server)
    assert inside.subject == "[Acme] Investigating: Inside"
    await acme.does(pages.update, acme.page.id, slug="renamed")
    assert (await acme.client.post(_path(mail, "unsubscribe"))).status_code == 200
    assert await _state(acme) == [SubscriberState.UNSUBSCRIBED]


async def test_while_the_database_is_locked_it_is_said(acme: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in words that say that nothing was lost; the form and the buttons are there all the same."""

    def locked(*_: Any, **__: Any) -> Any:
        raise Unavailable("The database is locked.", retry_after=5)

    paths = ("subscribe", "confirm/x.y")
    with monkeypatch.context() as patch:
        patch.setattr(acme.app.database, "transaction", locked)
        patch.setattr(acme.app.database, "read", locked)
        for path in paths:
            await acme.gets(path)
        answers = [
            await acme.client.post(f"/status/acme/{path}", data={"email": READER, "what": "all"})
            for path in paths
        ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "try again in a few minutes" in answer.text


async def test_forged_links_are_answered_alike(acme: Told, server: FakeSmtp) -> None:
    """Guessed, cut off, of another: 404 in the same words, and nobody is confirmed or leaves."""
    mail = await _subscribed(acme, server)
    good = _path(mail, "unsubscribe")
    folder, _, token = good.rpartition("/")
    row, _, tag = token.partition(".")
    bodies = set()
    other = row[:-1] + ("1" if row.endswith("0") else "0")
    for forged in (row, f"{row}.", f"{row}.{tag[:-1]}", f"{row}.{'A' * len(tag)}", "x", f"{other}.{tag}"):
        for where in (
            folder,
            folder.replace("unsubscribe", "subscription"),
            folder.replace("unsubscribe", "confirm"),
        ):
            answer = await acme.client.post(f"{where}/{forged}")
            assert answer.status_code == 404, (where, forged)
            bodies.add(answer.content)
    assert len(bodies) == 1
    assert await _state(acme) == [SubscriberState.ACTIVE]


async def test_at_the_domain_of_the_page(acme: Told, app: OpenAlert, server: FakeSmtp) -> None:
    """The same without `/status/acme`, without a cookie; links of its mails lead there."""
    await acme.does(pages.update, acme.page.id, custom_domain=DOMAIN)
    transport = httpx2.ASGITransport(app=app.asgi)
    async with httpx2.AsyncClient(transport=transport, base_url=f"https://{DOMAIN}") as visitor:
        form = await visitor.get("/subscribe")
        assert 'action="/subscribe"' in form.text
        said = await visitor.post("/subscribe", data={"email": READER, "what": "all"})
        assert (said.status_code, "set-cookie" in said.headers) == (200, False)
        (asked,) = await _mails(acme, server)
        link = re.search(rf"https://{re.escape(DOMAIN)}(/confirm/\S+)", asked.text)
        assert link
        assert "127.0.0.1" not in asked.text + asked.html
        assert (await visitor.get(link[1])).status_code == 200
        assert (await visitor.post(link[1])).status_code == 200
    assert await _state(acme) == [SubscriberState.ACTIVE]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Benachrichtigungen abonnieren"),
        ("it", "Iscriviti agli aggiornamenti"),
        ("ja", "更新を購読する"),
    ],
)
async def test_the_form_speaks_the_language_of_the_page(acme: Told, language: str, words: str) -> None:
    """Its words and the language that screen readers are told."""
    await acme.does(pages.update, acme.page.id, language=language)
    text = (await acme.gets("subscribe")).text
    assert words in text
    assert f'<html lang="{language}">' in text


async def test_without_a_mail_server_nobody_waits_for_a_mail(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 in words instead of a promise that is not kept."""
    promises = Forms._check_mail

    def without(forms: Forms, words: str) -> None:
        forms._sends_mail = False
        promises(forms, words)

    monkeypatch.setattr(Forms, "_check_mail", without)
    answer = await _posts(acme, status=503, email=READER, what="all")
    assert answer.status_code == 503
    assert await _state(acme) == []
