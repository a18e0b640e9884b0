"""`/message-templates` over HTTP."""

import pytest

from openalert.domain.access import Role
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.severity import Severity
from openalert.storage import Database
from openalert.usecases import incidents, words
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

WORDS = "{{ service.name | upper }} is down"


async def incident(db: Database, cast: Cast, title: str) -> str:
    """The id of an incident in a service named Shop."""
    service = await make.service(
        db, cast.team, await make.policy(db, cast.team, make.level(1, cast.alice)), "Shop"
    )
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        return (
            await incidents.open_by_hand(tx, service_id=service.id, title=title, severity=Severity.HIGH)
        ).id


async def test_words_are_chosen_and_given_back(alice: Client, cast: Cast) -> None:
    """One template for each way; whoever chose none, or deletes theirs, has the usual words. Deleting twice is fine."""
    usual = {"text": MESSAGE_KINDS[MessageKind.ANY].usual, "isOwn": False}
    listed = [
        each for each in (await alice.get("/message-templates")).json()["items"] if each["kind"] == "any"
    ]
    assert [each["way"] for each in listed] == ["email", "sms", "push", "voice", "chat"]
    assert all(usual.items() <= each.items() for each in listed)
    chosen = await alice.put("/message-templates/sms", json={"text": f"  {WORDS}\n"})
    assert chosen.json() == {
        "way": "sms",
        "kind": "any",
        "name": "Text message",
        "text": WORDS,
        "isOwn": True,
        "longest": 255,
    }
    assert (await alice.get("/message-templates/sms")).json() == chosen.json()
    assert (await alice.get("/message-templates/email")).json()["isOwn"] is False
    for _ in range(2):
        assert (await alice.delete("/message-templates/sms")).status_code == 204
        assert usual.items() <= (await alice.get("/message-templates/sms")).json().items()


async def test_each_kind_has_words_of_its_own_or_those_above_it(alice: Client, cast: Cast) -> None:
    """What is chosen for pages counts for reminders too, and what for everything for news; the rest stands alone."""
    listed = (await alice.get("/message-templates")).json()["items"]
    pairs = {(each["kind"], each["way"]) for each in listed}
    assert pairs == {(kind, way) for kind in MessageKind for way in words.WAYS} - {("news", "voice")}
    await alice.put("/message-templates/sms", json={"text": "{{ service.name }} is ill"})
    await alice.put("/message-templates/sms?kind=page", json={"text": WORDS})
    names = {kind: f"/message-templates/sms?kind={kind}" for kind in MessageKind}
    told = {kind: (await alice.get(names[kind])).json() for kind in MessageKind}
    assert {kind for kind in MessageKind if told[kind]["text"] == WORDS} == {"page", "reminder"}
    assert {kind for kind in MessageKind if told[kind]["text"] == "{{ service.name }} is ill"} == {
        "any",
        "news",
        "notice",
    }
    assert {kind for kind in MessageKind if told[kind]["isOwn"]} == {"any", "page"}
    assert told[MessageKind.PAGE]["name"] == "Text message, Page"
    same = await alice.put(names[MessageKind.NEWS], json={"text": "{{ service.name }} is ill"})
    assert same.json()["isOwn"] is False
    assert (await alice.delete(names[MessageKind.PAGE])).status_code == 204
    assert (await alice.get(names[MessageKind.REMINDER])).json()["text"] == "{{ service.name }} is ill"


async def test_kinds_are_refused_and_looked_at_by_name(alice: Client, cast: Cast, db: Database) -> None:
    """An unknown kind and a call for news are not there; news is shown as news, a handoff without an incident."""
    for path in ("sms?kind=nothing", "voice?kind=news"):
        answer = await alice.get(f"/message-templates/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "MESSAGE_TEMPLATE_NOT_FOUND")
    answer = await alice.put("/message-templates/sms?kind=handoff", json={"text": "{{ next }}"})
    assert (answer.status_code, answer.json()["details"]["field"]) == (400, "text")
    assert "next is not known; there is headline, schedule.name" in answer.json()["detail"]
    await incident(db, cast, "Down")
    path = "/message-templates/sms/preview?kind="
    news = (await alice.post(f"{path}news", json={"text": "{{ headline }}, {{ incident.title }}"})).json()
    assert news["text"] == "#1 Acknowledged by Alice: Acknowledged by Alice, Down"
    handoff = (
        await alice.post(f"{path}handoff", json={"text": "{{ schedule.name | upper }} is yours"})
    ).json()
    assert handoff["text"].startswith("CORE is yours\n")
    assert handoff["incidentId"] is None
    notice = (await alice.post(f"{path}notice", json={})).json()
    assert notice["text"].startswith("HIGH #1 Nobody acknowledged: Down (Shop)")
    for kind in MessageKind:
        assert (await alice.post(f"{path}{kind}", json={})).json()["text"]


async def test_what_cannot_be_read_is_refused_by_position(alice: Client, cast: Cast) -> None:
    """The member is `text`, as it was sent; a way that is none is told with those that there are."""
    for path, method in (("sms", "PUT"), ("sms/preview", "POST")):
        answer = await alice.request(method, f"/message-templates/{path}", json={"text": "{{ service.nme }}"})
        assert (answer.status_code, answer.json()["details"]["field"]) == (400, "text")
        assert "At character 4: service.nme is not known" in answer.json()["detail"]
    for path, method in (("slack", "GET"), ("slack", "PUT"), ("slack", "DELETE"), ("slack/preview", "POST")):
        gone = await alice.request(
            method, f"/message-templates/{path}", json={"text": "x"} if method[0] == "P" else None
        )
        assert (gone.status_code, gone.json()["code"]) == (404, "MESSAGE_TEMPLATE_NOT_FOUND")
        assert "chat" in gone.json()["details"]["ways"]


async def test_a_preview_is_about_a_real_incident_and_keeps_nothing(
    alice: Client, cast: Cast, db: Database
) -> None:
    """The one that is named, else the newest, else one that is made up; with the words that hold, or others."""
    path = "/message-templates/sms/preview"
    made_up = (await alice.post(path, json={})).json()
    assert made_up["incidentId"] is None
    assert "Disk almost full on db-1 (Checkout)" in made_up["text"]
    first = await incident(db, cast, "Down")
    shown = (await alice.post(path, json={"text": WORDS, "incidentId": first})).json()
    assert "#1 SHOP is down" in shown["text"]
    assert shown["note"].startswith("1 segment")
    assert shown["incidentId"] == first
    now = (await alice.post(path, json={})).json()
    assert "Down (Shop)" in now["text"]
    assert now["incidentId"] == first
    named = (await alice.post(path, json={"text": "{{ organization.name }} for {{ recipient.name }}"})).json()
    assert f"{cast.organization.name} for Alice" in named["text"]
    missing = await alice.post(path, json={"incidentId": "nothing"})
    assert (missing.status_code, missing.json()["code"]) == (404, "INCIDENT_NOT_FOUND")
    assert (await alice.get("/message-templates/sms")).json()["isOwn"] is False


async def test_only_admins_see_and_choose_words(alice: Client, bob: Client, cast: Cast, db: Database) -> None:
    """A member is refused whatever they ask for, and another organization has words of its own."""
    await alice.put("/message-templates/sms", json={"text": WORDS})
    for path, method in (
        ("", "GET"),
        ("/sms", "GET"),
        ("/sms", "PUT"),
        ("/sms", "DELETE"),
        ("/sms/preview", "POST"),
    ):
        body = {"text": "x"} if method[0] == "P" else None
        assert (await bob.request(method, f"/message-templates{path}", json=body)).status_code == 403
    other = await make.user(db, await make.organization(db, "Other"), "Owner", Role.OWNER)
    async with db.read() as reader:
        assert await words.of_mine(reader, make.actor(other)) == {}
