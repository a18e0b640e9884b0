"""Pages of heartbeats: state at a glance, what to copy, and forms that keep what was typed."""

import re

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.domain.access import SYSTEM, Role
from openalert.domain.heartbeat import BeatKind, Heartbeat
from openalert.domain.instant import MINUTE
from openalert.storage import heartbeats as stored
from openalert.storage import services as stored_services
from openalert.usecases import beats, heartbeats, presets, services, setup, signin, users
from openalert.usecases.heartbeat_alerts import Told
from openalert.web.ui import choices
from openalert.web.ui.heartbeat_snippets import snippets
from openalert.web.ui.heartbeats import strip

pytestmark = pytest.mark.anyio
Client = httpx2.AsyncClient


@pytest.fixture
async def service_id(app: OpenAlert, client: Client) -> str:
    """A service of a team; its owner is signed in."""
    async with app.database.transaction() as tx:
        organization = await setup.ensure_organization(tx)
        ana = await users.create(tx, email="ana@acme.example", name="Ana", role=Role.OWNER)
        made = await presets.apply(
            tx, "one_team_weekly", team_name="Core", service_name="Shop", member_ids=[ana.id], timezone="UTC"
        )
        token = await signin.open_session(tx, ana.id, address="", user_agent="")
    client.cookies.set(app.access.cookie, token)
    client.headers["origin"] = app.config.base_url
    assert organization is not None
    return made.service.id


async def make(app: OpenAlert, service_id: str, name: str = "Backup") -> Heartbeat:
    """A heartbeat of every five minutes."""
    async with app.database.transaction() as tx:
        made, _ = await heartbeats.create(
            tx, service_id=service_id, name=name, period=5 * MINUTE, grace=MINUTE
        )
    return made


async def beat(
    app: OpenAlert, heartbeat: Heartbeat, kind: BeatKind = BeatKind.SUCCESS, **told: object
) -> None:
    """A beat as it comes."""
    async with app.database.transaction() as tx:
        await beats.hear_by_key(tx, heartbeat.key_hash, Told(kind=kind, **told))  # type: ignore[arg-type]


async def test_without_any_the_list_says_what_it_is_for(client: Client, service_id: str) -> None:
    """And leads to the form."""
    page = (await client.get("/heartbeats")).text
    assert "No heartbeat yet" in page
    assert 'href="/beats/new"' in page


async def test_what_is_missing_comes_first(app: OpenAlert, client: Client, service_id: str) -> None:
    """With its state in a word and the strip of its beats read out."""
    well, broken = await make(app, service_id, "A well one"), await make(app, service_id, "Z broken")
    await beat(app, well)
    await beat(app, broken, BeatKind.FAIL)
    page = (await client.get("/heartbeats")).text
    assert "1 heartbeat is" in page
    assert page.index("Z broken") < page.index("A well one")
    assert 'aria-label="The last 1 beats: 1 failed"' in page
    assert "Failed" in page
    assert "Healthy" in page


async def test_its_service_is_named_however_many_there_are(
    app: OpenAlert, client: Client, service_id: str
) -> None:
    """Also where it is the last of more services than a form offers."""
    async with app.database.transaction() as tx:
        first = await stored_services.get(tx, SYSTEM, service_id)
        assert first is not None
        for number in range(choices.MOST):
            await services.create(tx, name=f"Service {number}", team_id=first.team_id)
        last = await services.create(tx, name="The very last", team_id=first.team_id)
    await make(app, last.id)
    assert "The very last ·" in (await client.get("/heartbeats")).text


async def test_the_form_makes_one_whose_address_is_shown_once(client: Client, service_id: str) -> None:
    """In full on the page it leads to, and in every snippet; then no more."""
    answer = await client.post(
        "/beats",
        data={
            "name": "Nightly", "service_id": service_id, "kind": "cron", "cron": "30 3 * * *",
            "timezone": "Europe/Berlin", "every": "1", "every_unit": "day", "grace": "10", "grace_unit": "minute",
            "severity": "critical",
        },
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    page = (await client.get(path)).text
    key = re.search(r"/heartbeats/(\w{43})/start", page)
    assert key is not None
    assert "Copy its address now" in page
    assert "30 3 * * * /usr/local/bin/backup" in page
    again = (await client.get(path)).text
    assert key.group(1) not in again
    assert f"KEY ENDING IN {key.group(1)[-4:]}" in again
    assert (await client.get(f"/heartbeats/{key.group(1)}")).text == "OK"


async def test_what_was_typed_stays_where_it_is_refused(client: Client, service_id: str) -> None:
    """With the sentence beside its field."""
    typed = {
        "name": "Nightly", "service_id": service_id, "kind": "cron", "cron": "nonsense", "timezone": "UTC",
        "every": "7", "every_unit": "hour", "grace": "3", "grace_unit": "minute",
    }  # fmt: skip
    answer = await client.post("/beats", data=typed)
    assert answer.status_code == 422
    assert 'value="nonsense"' in answer.text
    assert "The cron expression must have five fields" in answer.text
    answer = await client.post("/beats", data=typed | {"kind": "every", "every": "-7"})
    assert answer.status_code == 422
    assert "Give a number, 0 or more." in answer.text


async def test_editing_shows_what_is_stored_in_the_largest_whole_unit(
    app: OpenAlert, client: Client, service_id: str
) -> None:
    """And changes it."""
    made = await make(app, service_id)
    page = (await client.get(f"/beats/{made.id}/edit")).text
    assert re.search(r'name="every"[^>]*value="5"', page)
    assert '<option value="minute" selected>' in page
    answer = await client.post(
        f"/beats/{made.id}",
        data={
            "name": "Backups",
            "kind": "every",
            "every": "2",
            "every_unit": "hour",
            "grace": "90",
            "grace_unit": "second",
        },
    )
    assert answer.status_code == 303, answer.text
    async with app.database.read() as reader:
        changed = await stored.by_key_hash(reader, made.key_hash)
    assert changed is not None
    assert (changed.name, changed.period, changed.grace) == ("Backups", 120 * MINUTE, 90_000)


async def test_its_page_answers_first_how_it_is(
    app: OpenAlert, client: Client, service_id: str, clock: object
) -> None:
    """Never heard of, healthy, in its grace, failed with the incident, paused."""
    made = await make(app, service_id)
    path = f"/beats/{made.id}"
    assert "Never heard of." in (await client.get(path)).text
    await beat(app, made, BeatKind.START)
    clock.advance(30_000)  # type: ignore[attr-defined]
    await beat(app, made, exit_code=0, body="<b>41 GB</b>")
    page = (await client.get(path)).text
    assert "<b>Healthy.</b>" in page
    assert "took 30 s, exit code 0" in page
    assert "&lt;b&gt;41 GB" in page
    clock.advance(5 * MINUTE + 1)  # type: ignore[attr-defined]
    assert "<b>A beat is missing.</b>" in (await client.get(path)).text
    await beat(app, made, BeatKind.FAIL)
    page = (await client.get(path)).text
    assert "<b>Failed.</b>" in page
    incident = re.search(r'href="(/incidents/[^"]+)">The incident', page)
    assert incident is not None
    shown = (await client.get(incident.group(1))).text
    assert "Backup failed" in shown
    assert f'href="{path}"' in shown, "the incident leads back to the heartbeat"
    assert (await client.post(f"{path}/pause")).status_code == 303
    assert "<b>Paused</b>" in (await client.get(path)).text
    assert (await client.post(f"{path}/resume")).status_code == 303
    assert (await client.post(f"{path}/nonsense")).status_code == 404
    assert (await client.post(f"{path}/delete")).headers["location"] == "/heartbeats"
    assert (await client.get(path)).status_code == 404


async def test_a_live_part_is_answered_alone(app: OpenAlert, client: Client, service_id: str) -> None:
    """What the browser asks for after an event."""
    made = await make(app, service_id)
    for path, part in (("/heartbeats", "pulses"), (f"/beats/{made.id}", "pulse_now")):
        answer = await client.get(path, headers={"hx-target": f"section#{part}"})
        assert answer.text.lstrip().startswith(f'<section id="{part}"') or f'id="{part}"' in answer.text[:80]
        assert "<html" not in answer.text


async def test_its_service_lists_it(app: OpenAlert, client: Client, service_id: str) -> None:
    """With a way to the next one."""
    made = await make(app, service_id)
    page = (await client.get(f"/services/{service_id}")).text
    assert f'href="/beats/{made.id}"' in page
    assert f'href="/beats/new?service={service_id}"' in page
    form = (await client.get(f"/beats/new?service={service_id}")).text
    assert f'<option value="{service_id}" selected>' in form


async def test_of_starts_only_one_that_has_not_ended_is_drawn(app: OpenAlert, service_id: str) -> None:
    """A bar for each beat; one that is late gets a hollow one."""
    made = await make(app, service_id)
    for kind in (BeatKind.START, BeatKind.SUCCESS, BeatKind.LOG, BeatKind.START):
        await beat(app, made, kind)
    async with app.database.read() as reader:
        kept = await stored.beats(reader, made.id)
    assert [each["kind"] for each in strip(made, kept)["bars"]] == ["success", "log", "start"]


def test_every_snippet_holds_the_address() -> None:
    """But for that of GitHub, where it is a secret; shells must see their own signs."""
    made = {
        each["key"]: str(each["text"]) for each in snippets("https://x.example/heartbeats/KEY", "0 3 * * *")
    }
    assert [key for key, text in made.items() if "/heartbeats/KEY" not in text] == ["actions"]
    assert "KEY/$?" in made["shell"]
    assert "KEY/$$said" in made["systemd"]
    assert "${{ secrets.HEARTBEAT_URL }}" in made["actions"]
    assert "send_resolved: false" in made["alertmanager"]
