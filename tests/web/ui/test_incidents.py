"""The pages of incidents: what they say at first sight, and what their buttons do."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import MINUTE
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import contact_methods
from openalert.usecases import ladders
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def _burning(world: World) -> str:
    """Alice is paged at once, Bob after five minutes; DiskFull fires. The incident's id."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull", instance="db1")
    return (await world.incident()).id


async def test_the_first_page_of_an_empty_house_says_what_to_do_next(world: World, sign_in: SignIn) -> None:
    """Without any service the list teaches the next step instead of being empty."""
    page = await (await sign_in(world.alice)).get("/")
    assert page.path == "/incidents"
    assert "Nothing can alert you yet" in page.text
    assert page.links["Add a service"] == "/services/new"


async def test_the_list_says_who_is_told_next_and_when(world: World, sign_in: SignIn) -> None:
    """A row names the incident, that nobody has it, and the next step with its time."""
    await _burning(world)
    page = await (await sign_in(world.alice)).get("/incidents")
    assert "DiskFull" in page.text
    assert "Needs somebody" in page.text
    assert "nobody yet" in page.text
    assert "Bob is mailed in 5:00" in page.text


async def test_an_incident_answers_before_it_explains(world: World, sign_in: SignIn) -> None:
    """The page says that nobody is on it, who is called next and when, who was told, and offers the button."""
    incident_id = await _burning(world)
    page = await (await sign_in(world.alice)).get(f"/incidents/{incident_id}")
    assert "Nobody is on it yet Bob is mailed in 5:00 unless someone acknowledges." in page.text
    assert "Told so far: Alice." in page.text
    assert (
        "Paged because: Alertmanager service Database policy Core policy, level 1 Alice: named in the policy"
        in page.text
    )
    assert page.form(f"/incidents/{incident_id}/acknowledge")["method"] == "post"


async def test_acknowledging_without_script_stops_the_escalation_and_says_so(
    world: World, sign_in: SignIn
) -> None:
    """One press: the incident is Alice's, Bob is never paged, and the page says both."""
    incident_id = await _burning(world)
    browser = await sign_in(world.alice)
    page = await browser.press(
        await browser.get(f"/incidents/{incident_id}"), f"/incidents/{incident_id}/acknowledge"
    )
    assert "You have #1. The escalation stopped. Bob will not be paged." in page.text
    assert "Alice is on it" in page.text
    assert (await world.incident()).status is IncidentStatus.ACKNOWLEDGED
    world.mailbox(world.alice).got("DiskFull")
    await world.advance(minutes=10)
    world.is_quiet()
    assert "You have #1" not in (await browser.get(f"/incidents/{incident_id}")).text


async def test_every_act_of_the_page_does_what_it_says(world: World, sign_in: SignIn) -> None:
    """Snooze, reassign, note, next level, resolve and reopen work as plain forms and leave their trace."""
    incident_id = await _burning(world)
    browser, here = await sign_in(world.alice), f"/incidents/{incident_id}"
    page = await browser.press(await browser.get(here), f"{here}/snooze", minutes="60")
    assert "Snoozed until 10:00" in page.text
    page = await browser.post(f"{here}/reassign", user_id=world.bob.id)
    assert "Alice assigned it to Bob" in page.text
    page = await browser.post(f"{here}/notes", body="Logs filled it.\nDeleting <b>old</b> ones.")
    assert "Deleting &lt;b&gt;old&lt;/b&gt; ones." in page.html
    page = await browser.post(f"{here}/resolve", resolution="Deleted old logs")
    assert "Resolved by Alice" in page.text
    assert "“Deleted old logs”" in page.text
    page = await browser.press(page, f"{here}/reopen")
    assert "#1 is open again. Alice is paged next unless someone acknowledges." in page.text
    page = await browser.post(f"{here}/escalate")
    assert "goes to the next level now" in page.text


async def test_whom_it_paged_can_hand_it_on(world: World, sign_in: SignIn) -> None:
    """Whoever was paged is offered to hand it on, and the next level is paged then; nobody else is offered it."""
    incident_id = await _burning(world)
    browser, here = await sign_in(world.alice), f"/incidents/{incident_id}"
    assert f"{here}/hand-on" not in (await browser.get(here)).text
    await world.advance()
    page = await browser.press(await browser.get(here), f"{here}/hand-on")
    assert "You are out of #1. The next one is paged now." in page.text


async def test_what_waits_says_when_it_goes_out(world: World, sign_in: SignIn) -> None:
    """A later step of somebody's rules stands there with its time, before it is due."""
    async with world.db.read() as reader:
        [mail] = await contact_methods.of_user(reader, world.alice.id)
    await make.notification_rule(world.db, world.alice, mail.id)
    await make.notification_rule(world.db, world.alice, mail.id, minutes=3)
    incident_id = await _burning(world)
    page = await (await sign_in(world.alice)).get(f"/incidents/{incident_id}")
    assert page.text.count("goes out") == 1


async def test_a_refused_act_says_why_and_changes_nothing(world: World, sign_in: SignIn) -> None:
    """An act that is not allowed any more comes back to the page with the reason."""
    incident_id = await _burning(world)
    browser, here = await sign_in(world.alice), f"/incidents/{incident_id}"
    await browser.post(f"{here}/resolve")
    page = await browser.post(f"{here}/snooze", minutes="60")
    assert "cannot be snoozed; reopen it first" in page.text
    assert (await world.incident()).snoozed_until is None


async def test_several_are_answered_at_once(world: World, sign_in: SignIn) -> None:
    """The selected incidents are acknowledged by one form, the others are left alone."""
    await _burning(world)
    await world.fires("NetworkDown")
    await world.fires("CertExpires")
    chosen = [(await world.incident(number)).id for number in (1, 3)]
    page = await (await sign_in(world.alice)).post("/incidents/bulk", id=chosen, act="acknowledge")
    assert "Acknowledged: #1, #3." in page.text
    assert (await world.incident(2)).status is IncidentStatus.TRIGGERED


async def test_a_live_update_gets_just_its_part(world: World, sign_in: SignIn) -> None:
    """The part that the browser names by its id comes alone, as it stands in the whole page."""
    incident_id = await _burning(world)
    browser = await sign_in(world.alice)
    for path, part in (("/incidents", "incident_rows"), (f"/incidents/{incident_id}", "incident_answer")):
        alone = await browser.get(path, hx_target=f"section#{part}")
        assert alone.html.strip().startswith("<section")
        assert f'id="{part}"' in alone.html
        assert "<html" not in alone.html
        assert alone.html.strip() in (await browser.get(path)).html


async def test_filters_live_in_the_address(world: World, sign_in: SignIn) -> None:
    """A filter narrows, is named as a chip, and its chip leads back."""
    await _burning(world)
    await world.fires("NetworkDown", severity="critical")
    browser = await sign_in(world.alice)
    page = await browser.get("/incidents?severity=critical")
    assert "NetworkDown" in page.text
    assert "DiskFull" not in page.text
    assert page.links["Critical"] == "/incidents"
    assert "DiskFull" in (await browser.get("/incidents?q=diskf")).text
    assert "Nothing matches" in (await browser.get("/incidents?q=%25")).text
    assert "“<b>x”" not in (await browser.get("/incidents?q=<b>x")).html


async def test_a_number_in_the_search_goes_to_its_incident(world: World, sign_in: SignIn) -> None:
    """#1 in the search, or in the address, opens incident 1; a number that is nobody's is a search like any other."""
    incident_id = await _burning(world)
    browser = await sign_in(world.alice)
    assert (await browser.get("/incidents?q=%231")).path == f"/incidents/{incident_id}"
    assert (await browser.get("/incidents/1")).path == f"/incidents/{incident_id}"
    assert (await browser.get("/incidents?q=77")).path == "/incidents?q=77"


async def test_more_than_a_page_can_be_walked_through(world: World, sign_in: SignIn) -> None:
    """Of 51 the last is on the second page, and from there a way leads back."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert(f"Alert{number:02}")), "A") for number in range(51)])
    browser = await sign_in(world.alice)
    first = await browser.get("/incidents")
    second = await browser.get(first.links["Older"])
    shown = [set(re.findall(r"Alert\d\d", page.text)) for page in (first, second)]
    assert [len(each) for each in shown] == [50, 1]
    assert len(shown[0] | shown[1]) == 51
    assert second.links["Newest"] == "/incidents"


async def test_strangers_see_nothing_and_viewers_have_no_buttons(world: World, sign_in: SignIn) -> None:
    """Somebody outside the team gets 404 as for what does not exist; a viewer reads and cannot act."""
    incident_id = await _burning(world)
    browser = await sign_in(world.charlie)
    assert (await browser.get(f"/incidents/{incident_id}")).status == 404
    assert "DiskFull" not in (await browser.get("/incidents")).text
    dora = await make.user(world.db, world.cast.organization, "Dora")
    await make.member(world.db, world.core, dora, Role.VIEWER)
    browser = await sign_in(dora)
    page = await browser.get(f"/incidents/{incident_id}")
    assert "DiskFull" in page.text
    assert [
        form["action"] for form in page.forms if form["action"].startswith(f"/incidents/{incident_id}")
    ] == []
    refused = await browser.post(f"/incidents/{incident_id}/acknowledge")
    assert "This needs a member" in refused.text
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


async def test_a_form_of_another_site_is_refused(world: World, sign_in: SignIn) -> None:
    """The session cookie alone is not enough: a page of somebody else cannot press our buttons."""
    incident_id = await _burning(world)
    browser = await sign_in(world.alice)
    answer = await browser.client.post(
        f"/incidents/{incident_id}/acknowledge",
        headers={"origin": "https://evil.example", "accept": "text/html"},
    )
    assert answer.status_code == 403
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


async def test_without_a_session_the_way_leads_to_the_sign_in_and_back(
    world: World, stranger: Browser
) -> None:
    """A link into the house asks to sign in and remembers where it was going."""
    incident_id = await _burning(world)
    page = await stranger.get(f"/incidents/{incident_id}")
    assert page.path.startswith("/login")
    assert page.form("/auth/login")["fields"]["next"] == f"/incidents/{incident_id}"


async def test_where_a_webhook_goes_is_not_told_to_whoever_may_read_the_incident(
    world: World, sign_in: SignIn
) -> None:
    """The address may be the secret: timeline and deliveries call the channel by its name."""
    channel = await make.channel(
        world.db, world.core, "webhook", url="https://hooks.example/s3cret", name="Room"
    )
    await world.policy(level(1, channel))
    await world.fires("DiskFull")
    incident = await world.incident()
    page = await (await sign_in(world.bob)).get(f"/incidents/{incident.id}")
    assert "Told so far: Room." in page.text
    assert "Page to Room by webhook: sent" in page.text
    assert "s3cret" not in page.html


async def test_a_message_tells_its_tries_its_provider_and_its_company(world: World, sign_in: SignIn) -> None:
    """A second provider, the reasons of tries that did not work, a later step, a bundle: only where there was one."""
    await world.policy(level(1, world.alice))
    failures = [NotifierError(Reason.PROVIDER_FAILED, "421 Try later.")]

    def refuses_once(message: Message) -> Receipt:
        if failures:
            raise failures.pop()
        return Receipt(provider_id="taken")

    world.email.behave = refuses_once
    await world.fires("DiskFull")
    await world.advance(seconds=3)
    incident = await world.incident()
    browser = await sign_in(world.alice)
    page = await browser.get(f"/incidents/{incident.id}")
    assert "1 try did not work" in page.text
    assert "421 Try later." in page.text
    assert "second provider" not in page.text
    assert "step 2" not in page.text
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE notifications SET step = 1, bundle_id = id, give_up_at = give_up_at + 120000 WHERE kind = 'page'"
        )
        await tx.execute(
            "UPDATE notification_attempts SET provider = 1, detail = 'Told together with #7.' WHERE attempt = 2"
        )
    page = await browser.get(f"/incidents/{incident.id}")
    assert "step 2, 2 min later" in page.text
    assert "told together with #7" in page.text
    assert "sent by the second provider" in page.text


async def test_the_ladder_shows_each_person_with_their_own_ways(world: World, sign_in: SignIn) -> None:
    """Whoever has mail alone is not drawn with the telephone of a colleague; why somebody is missed stands whole."""
    await make.contact_method(world.db, world.bob, "webhook", "hook of Bob")
    dora = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    await world.policy(level(1, world.alice), level(2, world.charlie, world.bob, dora, minutes=5))
    await world.fires("DiskFull")
    incident = await world.incident()
    page = await (await sign_in(world.alice)).get(f"/incidents/{incident.id}")
    assert "Bob E-mail Webhook C Charlie E-mail ? Nobody Dora has no verified address" in page.text


async def test_the_ladder_counts_no_time_for_a_level_that_reaches_nobody(
    world: World, sign_in: SignIn
) -> None:
    """The level after it is drawn at the moment at which it will be called: at once after the one before."""
    dora = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    await world.policy(level(1, world.alice), level(2, dora, minutes=5), level(3, world.bob, minutes=20))
    await world.fires("DiskFull")
    async with world.db.read() as reader:
        drawn = await ladders.ladder(reader, await world.incident())
    assert [rung.due_at for rung in drawn.rungs[1:]] == [world.clock() + 5 * MINUTE] * 2
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("DiskFull")
