"""`/invitations` and links to new passwords over HTTP: what a colleague may be sent, and who may send it."""

from typing import Any

import pytest

from openalert.config import Config, Oidc, Smtp
from openalert.domain.access import Role
from openalert.domain.errors import NotFound
from openalert.storage import Database
from openalert.usecases import invitations, password_resets
from tests import make
from tests.conftest import StoppedClock
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio
SECRET = b"key"
"""What signs links in these tests."""
MAIL = Config(smtp=Smtp(host="mail.example.org", sender="alerts@example.org"))


async def opens(db: Database, link: str) -> bool:
    """Whether the link of an invitation lets somebody in."""
    async with db.read() as reader:
        try:
            await invitations.opened(reader, SECRET, link.rpartition("/")[2])
        except NotFound:
            return False
    return True


async def mails(db: Database) -> int:
    """How many links are on their way by mail."""
    async with db.read() as reader:
        found = await reader.value("SELECT count(*) FROM notifications WHERE kind = 'link'")
    return int(found)


async def invite(client: Client, **options: Any) -> Any:
    """An invitation of Kim, as it was answered when it was made."""
    made = await client.post("/invitations", json={"email": "kim@example.org"} | options)
    assert made.status_code == 201, made.text
    return made.json()


async def test_without_a_mail_server_the_link_is_shown_once(alice: Client, db: Database, cast: Cast) -> None:
    """It opens the invitation, leads to the configured address, and is in no later answer."""
    made = await invite(alice, role="viewer", teamIds=[cast.team.id])
    link = made.pop("link")
    assert link.startswith("https://openalert.example.org/invitation/")
    assert await opens(db, link)
    assert (made["email"], made["role"], made["teamIds"]) == ("kim@example.org", "viewer", [cast.team.id])
    assert made["invitedById"] == cast.alice.id
    assert (await alice.get(f"/invitations/{made['id']}")).json() == made
    assert (await alice.get("/invitations")).json()["items"] == [made]
    assert await mails(db) == 0


async def test_a_server_that_sends_mail_shows_no_link(
    alice: Client, callers: Callers, db: Database, clock: StoppedClock
) -> None:
    """Neither when it is made nor when it is sent again; two mails are on their way."""
    callers.state.config = MAIL
    made = await invite(alice)
    clock.advance()
    again = await alice.post(f"/invitations/{made['id']}/resend")
    assert again.status_code == 200
    assert "link" not in made
    assert "link" not in again.json()
    assert await mails(db) == 2


async def test_sent_again_or_withdrawn_the_link_before_opens_nothing(
    alice: Client, db: Database, clock: StoppedClock
) -> None:
    """Sent again there is another; withdrawn there is none, and the address can be invited anew."""
    made = await invite(alice)
    clock.advance()
    second = (await alice.post(f"/invitations/{made['id']}/resend")).json()
    assert (await opens(db, made["link"]), await opens(db, second["link"])) == (False, True)
    assert (await alice.post("/invitations", json={"email": "KIM@example.org"})).status_code == 409
    assert (await alice.delete(f"/invitations/{made['id']}")).status_code == 204
    assert not await opens(db, second["link"])
    for method in ("GET", "DELETE"):
        gone = await alice.request(method, f"/invitations/{made['id']}")
        assert (gone.status_code, gone.json()["code"]) == (404, "INVITATION_NOT_FOUND")
    await invite(alice)


async def test_only_admins_invite_and_nobody_above_themselves(
    bob: Client, callers: Callers, cast: Cast, db: Database
) -> None:
    """A member is refused everywhere, an admin makes no owner, an unknown team is named by its member."""
    admin = await callers.signed_in(await make.user(db, cast.organization, "Dora", Role.ADMIN))
    made = await invite(admin)
    asked = [("POST", ""), ("GET", ""), ("GET", f"/{made['id']}"), ("DELETE", f"/{made['id']}")]
    for method, path in [*asked, ("POST", f"/{made['id']}/resend")]:
        body = {"json": {"email": "x@example.org"}} if path == "" and method == "POST" else {}
        assert (await bob.request(method, f"/invitations{path}", **body)).status_code == 403
    owner = {"email": "lee@example.org", "role": "owner"}
    assert (await admin.post("/invitations", json=owner)).status_code == 403
    unknown = await admin.post("/invitations", json={"email": "lee@example.org", "teamIds": ["x"]})
    assert (unknown.status_code, unknown.json()["details"]["field"]) == (400, "teamIds")
    assert (await admin.get("/invitations")).json()["items"] == [
        {name: value for name, value in made.items() if name != "link"}
    ]


async def test_for_the_invitation_of_a_key_answers_whoever_made_it(
    alice: Client, callers: Callers, cast: Cast, db: Database
) -> None:
    """Once the maker is an admin no longer, it lets nobody in, as if they had sent it themselves."""
    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    made_key = await (await callers.signed_in(dora)).post("/api-keys", json={"name": "hr"})
    key = callers.anonymous(authorization=f"Bearer {made_key.json()['key']}")
    made = await invite(key)
    assert made["invitedById"] == dora.id
    assert await opens(db, made["link"])
    assert (await alice.patch(f"/users/{dora.id}", json={"role": "member"})).status_code == 200
    assert not await opens(db, made["link"])


async def test_where_single_sign_on_is_the_only_way_no_links_are_made(
    alice: Client, callers: Callers, cast: Cast
) -> None:
    """What was invited before can still be withdrawn."""
    made = await invite(alice)
    callers.state.config = Config(oidc=Oidc(issuer="https://id.example.org", client_id="x", only=True))
    for path in ("/invitations", f"/invitations/{made['id']}/resend", f"/users/{cast.bob.id}/password-link"):
        assert (await alice.post(path, json={"email": "lee@example.org"})).status_code == 404
    assert (await alice.delete(f"/invitations/{made['id']}")).status_code == 204


async def test_a_link_to_a_new_password_is_shown_or_sent(
    alice: Client, bob: Client, callers: Callers, cast: Cast, db: Database
) -> None:
    """By admins, for colleagues of at most their rank: without a mail server in the answer, else by mail alone."""
    where = f"/users/{cast.bob.id}/password-link"
    shown = (await alice.post(where)).json()
    async with db.read() as reader:
        opened = await password_resets.opened(reader, SECRET, shown["link"].rpartition("/")[2])
    assert opened.id == cast.bob.id
    callers.state.config = MAIL
    sent = await alice.post(where)
    assert (sent.status_code, sorted(sent.json())) == (200, ["expiresAt"])
    assert await mails(db) == 1
    assert (await bob.post(where)).status_code == 403
    dora = await callers.signed_in(await make.user(db, cast.organization, "Dora", Role.ADMIN))
    assert (await dora.post(f"/users/{cast.alice.id}/password-link")).status_code == 403
