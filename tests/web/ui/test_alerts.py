"""The pages of alerts."""

import html
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from openalert.domain.routing import RuleBody
from openalert.domain.user import User
from openalert.usecases import alerts as acts
from openalert.usecases import routing_rules
from openalert.web.ui import alert_deeds
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_an_alert_explains_itself(world: World, sign_in: SignIn) -> None:
    """From the list to one alert: its labels, what was sent, and why it opened an incident."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull", instance="db1")
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts")
    assert "DiskFull" in page.text
    page = await browser.get(page.links["DiskFull"])
    assert "It came in by “Alertmanager” and was read as prometheus." in page.text
    assert "It opened incident #1." in page.text
    assert "instance" in page.text
    assert "&#34;groupKey&#34;" in page.html


async def test_a_page_says_why_it_came_and_why_it_did_not(world: World, sign_in: SignIn) -> None:
    """The answer first: what called whom, or what holds it and until when, with the rule one click away."""
    await world.policy(level(1, world.alice))
    low = {"type": "severity", "values": ["low"]}
    body = msgspec.convert({"condition": low, "actions": {"delayMinutes": 5}}, RuleBody)
    rule = await world.does(routing_rules.create, team_id=world.core.id, name="Flappers", body=body)
    await world.fires("DiskFull", severity="high")
    await world.fires("Noise", severity="low")
    browser = await sign_in(world.alice)

    async def story(title: str) -> Page:
        found = await world.value("SELECT id FROM alerts WHERE title = :title", title=title)
        return await browser.get(f"/alerts/{found}")

    page = await story("DiskFull")
    assert "Why did this page? Its incident #1 called somebody once: nothing held it back." in page.text
    page = await story("Noise")
    assert "Why did this not page? It fires, and is held back." in page.text
    assert page.links["The routing rule “Flappers” let it wait."] == f"/routing-rules/{rule.id}"
    await world.advance(minutes=6)
    page = await story("Noise")
    assert (
        "Why did this page? Its incident #2 called somebody once, after it had been held back." in page.text
    )
    await world.resolves("NeverSeen")
    assert "It was over when it came, so no incident was opened." in (await story("NeverSeen")).text


async def test_a_second_alert_of_the_group_says_that_it_joined(world: World, sign_in: SignIn) -> None:
    """What came later names the incident it belongs to, and its repeats are counted."""
    await world.policy(level(1, world.alice))
    first, second = world.alert("DiskFull", instance="db1"), world.alert("DiskFull", instance="db2")
    await world.posts(world.group(first))
    await world.advance(minutes=1)
    await world.posts(world.group(first, second))
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts")
    assert "2×" in page.text
    async with world.db.read() as reader:
        newest = await reader.value("SELECT id FROM alerts ORDER BY id DESC LIMIT 1")
    assert "It joined incident #1." in (await browser.get(f"/alerts/{newest}")).text


async def test_resolved_alerts_are_under_all(world: World, sign_in: SignIn) -> None:
    """The first tab shows what is not over; a resolve that nothing was known of says that it paged nobody."""
    await world.policy(level(1, world.alice))
    await world.resolves("NeverSeen")
    browser = await sign_in(world.alice)
    assert "NeverSeen" not in (await browser.get("/alerts")).text
    page = await browser.get("/alerts?status=all")
    assert "NeverSeen" in page.text
    assert "nobody was paged" in page.text


async def test_hostile_words_stay_words(world: World, sign_in: SignIn) -> None:
    """Markup, scripts and addresses in labels and links come out as text (promise S-57)."""
    await world.policy(level(1, world.alice))
    evil = "<img src=x onerror=alert(1)>"
    alert = world.alert(evil, instance='"><script>alert(1)</script>') | {
        "generatorURL": "javascript:alert(1)"
    }
    await world.posts(world.group(alert))
    browser = await sign_in(world.alice)
    incident = await world.incident()
    async with world.db.read() as reader:
        alert_id = await reader.value("SELECT id FROM alerts")
    for path in ("/incidents", f"/incidents/{incident.id}", "/alerts", f"/alerts/{alert_id}"):
        page = await browser.get(path)
        assert "<img src=x" not in page.html, path
        assert "<script>alert" not in page.html, path
        assert 'href="javascript:' not in page.html, path


async def test_strangers_find_no_alert(world: World, sign_in: SignIn) -> None:
    """An alert of a team one is not in is not found."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    async with world.db.read() as reader:
        alert_id = await reader.value("SELECT id FROM alerts")
    browser = await sign_in(world.charlie)
    assert (await browser.get(f"/alerts/{alert_id}")).status == 404
    assert "DiskFull" not in (await browser.get("/alerts?status=all")).text


async def test_the_list_is_what_its_address_says(world: World, sign_in: SignIn) -> None:
    """Numbers by state and severity, what narrows it as chips that can be taken away, and only what matches."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull", severity="critical", instance="db1")
    await world.fires("Load", severity="warning", instance="web7")
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts?status=open&label=instance%3Ddb1")
    assert "DiskFull" in page.text
    assert "Load" not in page.text
    assert page.links["instance=db1"] == "/alerts?status=open"
    page = await browser.get("/alerts?severity=critical&q=DB1")
    assert "DiskFull" in page.text
    assert "Load" not in page.text
    page = await browser.get("/alerts?status=acknowledged")
    assert "DiskFull" not in page.text
    assert "None of these" in page.text
    page = await browser.get("/alerts?q=nothing+like+it")
    assert "No alert fits these filters." in page.text


async def test_a_storm_is_gathered_and_each_group_leads_to_its_alerts(world: World, sign_in: SignIn) -> None:
    """By title and by a label; the address of a group is the list narrowed to it."""
    await world.policy(level(1, world.alice))
    await world.posts(world.group(*(world.alert("Disk", instance=f"db{number}") for number in range(3))))
    await world.fires("Load", instance="db1")
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts?group=title")
    assert "3 alerts" in page.text
    page = await browser.get(page.links["Disk"])
    assert page.text.count("Disk") >= 3
    assert "Load" not in page.text
    page = await browser.get("/alerts?group=label:instance")
    assert "2 alerts" in page.text
    assert "Load" in (await browser.get(page.links["db1"])).text


async def test_rows_stay_in_their_places_while_somebody_works(world: World, sign_in: SignIn) -> None:
    """The part of the page that a live update asks for holds the same rows, tells of new ones, and shows what ended."""
    await world.policy(level(1, world.alice))
    await world.fires("First")
    await world.fires("Second")
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts?status=open")
    hold = html.unescape(page.html.partition('data-hold="')[2].partition('"')[0])
    await world.resolves("Second")
    await world.advance(seconds=1)
    await world.fires("Third")
    part = await browser.get(hold, hx_request="true", hx_target="section#alert_rows")
    assert part.html.lstrip().startswith('<section id="alert_rows"')
    assert part.text.index("Second") < part.text.index("First")
    assert "Third" not in part.text
    assert "1 new" in part.text
    assert "Resolved" in part.text


async def test_several_alerts_are_acknowledged_and_resolved_at_once(world: World, sign_in: SignIn) -> None:
    """Selected rows, one press, back to the same list; their incidents go along."""
    await world.policy(level(1, world.alice))
    await world.fires("First")
    await world.fires("Second")
    async with world.db.read() as reader:
        ids = [row[0] for row in await reader.rows("SELECT id FROM alerts ORDER BY id")]
    browser = await sign_in(world.alice)
    page = await browser.post("/alerts/bulk", id=ids, act="acknowledge", back="status=open&q=first&evil=1")
    assert page.path == "/alerts?status=open&q=first"
    assert "Acknowledged 2 alerts." in page.text
    page = await browser.post("/alerts/bulk", id=ids, act="resolve", back="")
    assert "Resolved 2 alerts." in page.text
    assert await world.value("SELECT count(*) FROM incidents WHERE status <> 'resolved'") == 0
    assert "Nothing was selected." in (await browser.post("/alerts/bulk", act="resolve")).text
    assert "Nothing was selected." in (await browser.post("/alerts/bulk", id=ids, act="explode")).text


async def test_one_alert_is_answered_on_the_list_and_on_its_page(world: World, sign_in: SignIn) -> None:
    """The buttons of a row come back to the list, those of the page to the page."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    async with world.db.read() as reader:
        alert_id = await reader.value("SELECT id FROM alerts")
    browser = await sign_in(world.alice)
    page = await browser.post(f"/alerts/{alert_id}/acknowledge", back="status=open")
    assert page.path == "/alerts?status=open"
    assert "You have “Disk” and its incident." in page.text
    page = await browser.post(f"/alerts/{alert_id}/resolve")
    assert page.path == f"/alerts/{alert_id}"
    assert "“Disk” is resolved." in page.text


async def test_a_view_is_kept_begun_with_changed_and_deleted(world: World, sign_in: SignIn) -> None:
    """From the list under a name, as the list's beginning, changed by another list, and gone again."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    page = await browser.post(
        "/alerts/views", name="Storage <b>", query="status=open&q=disk", begin_with="yes"
    )
    assert "Storage <b>" in page.text
    assert "<b>”" not in page.html
    page = await browser.get("/alerts")
    assert page.path.startswith("/alerts?status=open&q=disk&view=")
    view_id = page.path.rpartition("=")[2]
    page = await browser.get(f"/alerts?status=firing&q=disk&view={view_id}")
    assert "changed" in page.text
    page = await browser.press(page, f"/alerts/views/{view_id}/keep")
    assert page.path == f"/alerts?status=firing&q=disk&view={view_id}"
    page = await browser.get("/alerts/views")
    assert "my list begins with it" in page.text
    page = await browser.press(page, f"/alerts/views/{view_id}/edit", name="Disks")
    assert "Disks" in page.text
    page = await browser.press(page, "/alerts/views/begin-open")
    assert (await browser.get("/alerts")).path == "/alerts"
    page = await browser.press(page, f"/alerts/views/{view_id}/delete")
    assert "No view yet" in page.text
    assert (await browser.post("/alerts/views", name="", query="q=x")).path == "/alerts?status=open&q=x"


async def test_one_alert_is_snoozed_assigned_and_tagged_on_its_page(world: World, sign_in: SignIn) -> None:
    """Each says what it did, the page says who holds it and until when, and it can be let go there."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    alert_id = await world.value("SELECT id FROM alerts")
    browser = await sign_in(world.alice)
    page = await browser.post(f"/alerts/{alert_id}/snooze", minutes="30")
    assert "is silent now and pages again if it still fires then." in page.text
    assert "It pages nobody now. Alice snoozed it" in page.text
    assert "Snoozed" in (await browser.get("/alerts?status=suppressed")).text
    incident = await browser.get(f"/incidents/{(await world.incident()).id}")
    assert "Every alert of it is snoozed or suppressed" in incident.text
    page = await browser.post(f"/alerts/{alert_id}/assign", user_id="me")
    assert "Assigned to" in page.text
    page = await browser.post(f"/alerts/{alert_id}/tag", tag="storage, <i>night")
    assert "<i>night" in page.text
    assert "<i>night" not in page.html
    page = await browser.post(f"/alerts/{alert_id}/untag", tag="storage")
    assert "storage" not in page.text
    page = await browser.press(page, f"/alerts/{alert_id}/release")
    assert "pages again within a second" in page.text
    await world.advance(seconds=1)
    assert "It pages nobody now." not in (await browser.get(f"/alerts/{alert_id}")).text
    assert (await browser.post(f"/alerts/{alert_id}/snooze", minutes="x")).status == 200
    assert (await browser.post(f"/alerts/{alert_id}/explode")).status == 404


async def test_an_alert_is_raised_from_the_list(world: World, sign_in: SignIn) -> None:
    """With its severity; it pages, and its page says that somebody raised it."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.alice)
    page = await browser.post(
        "/alerts",
        service_id=world.service.id,
        title="Orders are slow",
        severity="critical",
        description="Since noon",
    )
    assert "The alert is raised." in page.text
    assert "Somebody raised it by hand." in page.text
    assert "Critical" in page.text
    await world.engine.run_until_idle()
    world.mailbox(world.alice).got("Orders are slow")
    assert (await browser.post("/alerts", service_id="x", title="Orders")).status == 404


async def test_what_could_not_be_done_to_some_is_told(world: World, sign_in: SignIn) -> None:
    """Of two selected alerts one is over: the other is snoozed, and the reason stands beside."""
    await world.policy(level(1, world.alice))
    await world.fires("First")
    await world.fires("Second")
    await world.resolves("Second")
    async with world.db.read() as reader:
        ids = [row[0] for row in await reader.rows("SELECT id FROM alerts ORDER BY id")]
    browser = await sign_in(world.alice)
    page = await browser.post("/alerts/bulk", id=ids, act="snooze 60", back="status=all")
    assert "Snoozed 1 alert. 1 stayed as they are: The alert is resolved already." in page.text


async def test_all_that_match_are_asked_for_first_and_told_in_steps(
    world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the page: asked with the number, done in steps that say how far it is; what came since is left alone."""
    monkeypatch.setattr(alert_deeds, "AT_A_TIME", 2)
    monkeypatch.setattr(acts, "MOST_AT_ONCE", 2)
    await world.policy(level(1, world.alice))
    for number in range(5):
        await world.fires(f"Disk{number}")
    await world.fires("Load")
    browser = await sign_in(world.alice)
    page = await browser.post("/alerts/bulk", everything="yes", act="suppress", back="status=firing&q=disk")
    assert "Suppress 5 alerts?" in page.text
    assert await world.value("SELECT count(*) FROM alerts WHERE status = 'suppressed'") == 0
    await world.advance(seconds=1)
    await world.fires("Disk9")
    for done in (2, 4):
        page = await browser.press(page, "/alerts/bulk")
        assert f"Suppressed {done} alerts so far" in page.text
    page = await browser.press(page, "/alerts/bulk")
    assert "Suppressed 5 alerts." in page.text
    assert page.path == "/alerts?status=firing&q=disk"
    assert "Disk9" in page.text
    assert await world.value("SELECT count(*) FROM alerts WHERE status = 'suppressed'") == 5
    page = await browser.post("/alerts/bulk", everything="yes", act="resolve", back="status=all")
    assert "Only what is open can be answered all at once." in page.text
