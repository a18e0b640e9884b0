"""The last resort is told by every way, with a database or without one, and says so in the incident."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import DAY, MINUTE
from openalert.domain.last_resort import Call, CallState, Matter, Unreached
from openalert.domain.self_watch import Standing, Trouble, TroubleKind
from openalert.domain.severity import Severity
from openalert.domain.user import Organization
from openalert.engine.engine import Engine
from openalert.engine.last_resort import LastCalls
from openalert.engine.self_watch import SelfWatch
from openalert.notifiers.email import EmailSettings
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.last_resort import LastResort, LastResortSettings
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.storage.last_resort import unreached
from openalert.supervisor import Supervisor
from openalert.usecases import incidents
from tests.cast import LINKS_BACK, World
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.make import level

pytestmark = [pytest.mark.anyio, pytest.mark.proves("NO-6")]
KEEP = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"
STRANGER = "Disk\r\nBcc: all@example.org\u202e full"


@pytest.fixture
async def smtp(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A mail server of the last resort's own."""
    async with FakeSmtp() as server:
        yield server


class Watch:
    """What the server knows of itself, as a test says."""

    standing: Standing | None = None


class Timer:
    """A clock of the process that a test sets, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _settings(smtp: FakeSmtp, **more: Any) -> LastResortSettings:
    server = EmailSettings(
        host=smtp.host, port=smtp.port, security="none", sender="OpenAlert <a@example.org>"
    )
    own = LastResortSettings(
        mail_to=("boss@example.org",), mail_server=server, base_url="https://oncall.example.org"
    )
    return msgspec.structs.replace(own, **more)


def _documents(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _refuses(_: Message) -> Receipt:
    raise NotifierError(Reason.REJECTED_RECIPIENT, "no such user", permanent=True)


async def test_every_way_is_told_and_what_is_of_strangers_acts_nowhere(
    smtp: FakeSmtp, tmp_path: Path
) -> None:
    """Mail, a program without a shell, and a webhook hear the same; a title is a line of text and nothing more."""
    kept = tmp_path / "kept; touch owned"
    incident = Unreached(
        id="1", number=7, title=STRANGER, severity=Severity.CRITICAL, episode=1, triggered_at=0
    )
    async with FakeWebhook() as receiver:
        resort = LastResort(
            _settings(
                smtp,
                command=(sys.executable, "-c", KEEP, str(kept)),
                webhook=f"http://127.0.0.1:{receiver.port}/bell",
            )
        )
        call = Call(state=CallState.BEGUN, matters=(Matter(key="1", words="", incident=incident),))
        hops = await resort.tell(call, MINUTE)
        await resort.close()
        assert [(each.way, each.problem) for each in hops] == [("mail", ""), ("command", ""), ("webhook", "")]
        posted = json.loads(receiver.requests[0].body)
    assert _documents(kept) == [posted]
    assert posted["incidents"][0]["title"] == "Disk Bcc: all@example.org full"
    assert (posted["state"], posted["incidentCount"]) == ("begun", 1)
    mail = smtp.mails[0]
    assert mail.recipients == ["boss@example.org"]
    assert mail.message["Bcc"] is None
    assert "#7 critical: Disk Bcc: all@example.org full" in mail.text
    assert "https://oncall.example.org/incidents/1" in mail.text
    assert list(tmp_path.iterdir()) == [kept]


async def test_ways_that_fail_do_not_keep_the_others(smtp: FakeSmtp, tmp_path: Path) -> None:
    """A program that hangs is ended, a closed port and a refused address are said, and one way is enough."""
    kept = tmp_path / "kept"
    resort = LastResort(
        _settings(
            smtp,
            mail_to=("boss@example.org", "gone@example.org"),
            command=(sys.executable, "-c", "import time; time.sleep(60)"),
            command_seconds=0.5,
            webhook="http://127.0.0.1:1/bell",
            outgoing=OutgoingSettings(),
        )
    )
    smtp.refused["gone@example.org"] = "550 5.1.1 No such user"
    hops = {each.way: each.problem for each in await resort.tell(Call(state=CallState.TEST), MINUTE)}
    await resort.close()
    assert list(hops) == ["mail 1", "mail 2", "command", "webhook"]
    assert hops["mail 1"] == ""
    assert "No such user" in hops["mail 2"]
    assert "took longer than 0.5 s" in hops["command"]
    assert hops["webhook"] != ""
    assert not kept.exists()


@pytest.mark.proves("ES-7")
async def test_an_incident_that_reaches_nobody_goes_to_the_last_resort_once(
    world: World, smtp: FakeSmtp, tmp_path: Path
) -> None:
    """Not while somebody may still be reached; then one mail, a row of each way, and a word when it is over."""
    timer, kept = Timer(), tmp_path / "kept"
    settings = _settings(smtp, command=(sys.executable, "-c", KEEP, str(kept)))
    calls = LastCalls(world.db, LastResort(settings), Watch(), after=60, elapsed=timer)
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=5))
    world.email.behave = _refuses
    await world.fires("DiskFull")
    await world.advance(seconds=2)
    assert (await world.incident()).escalation_state == "exhausted", await world.story()
    follower = LastCalls(
        world.db, LastResort(settings), Watch(), after=60, leads=lambda: False, elapsed=timer
    )
    assert await follower.look() == [], "one node alone tells of incidents"
    assert await calls.look() != []
    assert [each.subject for each in await smtp.received(1)] == ["OpenAlert reaches nobody"]
    assert "DiskFull" in smtp.mails[0].text
    assert "Nobody could be reached: the last resort was told by mail" in await world.story()
    assert len(await world.entries("last_resort")) == 2
    for timer.now in range(10, 900, 10):
        assert await calls.look() == []
    # Another process that takes over repeats nothing, either.
    other = LastCalls(world.db, LastResort(settings), Watch(), after=60, elapsed=timer)
    assert await other.look() == []
    await world.does(incidents.acknowledge, (await world.incident()).id)
    timer.now = 920
    await calls.look()
    assert [each["state"] for each in _documents(kept)] == ["begun", "over"]
    assert smtp.mails[-1].subject == "OpenAlert: it is over"


async def test_an_incident_that_somebody_was_told_of_is_none_of_its_business(
    world: World, smtp: FakeSmtp
) -> None:
    """Paged and not answered is not unreached, nor is a page that is still being tried."""
    calls = LastCalls(world.db, LastResort(_settings(smtp)), Watch(), after=60)
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    await world.advance(minutes=60)
    assert (await world.incident()).escalation_state == "exhausted"
    assert await calls.look() == []
    assert smtp.connections == 0


async def test_an_incident_of_which_no_page_was_ever_answered_for_is_told(
    world: World, smtp: FakeSmtp
) -> None:
    """Sent twice, and both answers were lost: nobody knows that anybody was told."""

    def silent(_: Message) -> Receipt:
        raise LostAnswer("no answer")

    calls = LastCalls(world.db, LastResort(_settings(smtp)), Watch(), after=60)
    await world.policy(level(1, world.bob))
    world.email.behave = silent
    await world.fires("DiskFull")
    await world.advance(seconds=5)
    assert await calls.look() == [], "it is to be sent once more"
    await world.advance(minutes=60)
    assert (await world.incident()).escalation_state == "exhausted"
    assert (
        await world.value("SELECT count(*) FROM notifications WHERE kind = 'page' AND status = 'unknown'")
        == 1
    )
    await calls.look()
    assert "DiskFull" in (await smtp.received(1))[0].text


async def test_without_a_database_the_last_resort_hears_that_nobody_can_be_paged(
    world: World, smtp: FakeSmtp
) -> None:
    """What it needs is in memory; it speaks after the time that is configured, not before."""
    timer = Timer()
    supervisor = Supervisor()
    engine = Engine(world.db, {}, LINKS_BACK)
    watch = SelfWatch(world.db, engine, None, None, every=60, supervisor=supervisor)
    calls = LastCalls(world.db, LastResort(_settings(smtp)), watch, after=120, elapsed=timer)
    await watch.look()
    assert await calls.look() == []
    await world.db.close()
    standing = await watch.look()
    assert [each.kind for each in standing.troubles] == [TroubleKind.DATABASE]
    for timer.now in (0, 60, 119):
        assert await calls.look() == []
    timer.now = 121
    assert [each.way for each in await calls.look()] == ["mail"]
    assert "The database does not answer." in smtp.mails[0].text
    timer.now = 400
    assert await calls.look() == []


async def test_trouble_that_passes_is_not_told(world: World, smtp: FakeSmtp) -> None:
    """Its time begins anew, and what was mended when it was found is no reason."""
    timer, watch = Timer(), Watch()
    calls = LastCalls(world.db, LastResort(_settings(smtp)), watch, after=120, elapsed=timer)
    for timer.now in range(0, 1000, 10):
        passing = () if timer.now % 100 else (Trouble(TroubleKind.CANARY, "x"),)
        watch.standing = Standing(0, (Trouble(TroubleKind.INVARIANTS, "x"), *passing))
        assert await calls.look() == []


class _TakenBack(Exception):
    """What was changed was only looked at."""


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ("UPDATE incidents SET escalation_state = 'exhausted'", 1),
        ("UPDATE incidents SET escalation_state = 'running'", 0),
        ("UPDATE incidents SET status = 'acknowledged'", 0),
        ("UPDATE incidents SET status = 'resolved'", 0),
        ("UPDATE incidents SET organization_id = 'canary'", 0),
        ("UPDATE notifications SET status = 'cancelled'", 1),
        ("UPDATE notifications SET status = 'sent'", 0),
        ("UPDATE notifications SET status = 'delivered'", 0),
        ("UPDATE notifications SET status = 'pending', due_at = 1", 0),
        ("UPDATE notifications SET status = 'sending', due_at = 1", 0),
        ("UPDATE notifications SET status = 'unknown', due_at = 1", 0),
        ("UPDATE notifications SET status = 'unknown', due_at = NULL", 1),
        ("UPDATE notifications SET status = 'sent', kind = 'notice'", 1),
        ("UPDATE notifications SET status = 'sent', episode = episode - 1", 1),
    ],
)
async def test_nobody_was_reached_as_long_as_no_page_was_taken_nor_may_be(
    world: World, changed: str, count: int
) -> None:
    """Without a policy the owners alone are paged, and their address is dead: that is one, until a page is taken."""
    world.email.behave = _refuses
    await world.without_policy()
    await world.fires("DiskFull")
    home = Organization(id="canary", name="Canary", created_at=world.clock.now)
    with suppress(_TakenBack):
        async with world.db.transaction() as tx:
            await tx.insert("organizations", home)
            assert len(await unreached(tx, 10)) == 1
            await tx.execute(changed)
            assert len(await unreached(tx, 10)) == count
            raise _TakenBack
    world.clock.advance(DAY + MINUTE)
    async with world.db.read() as reader:
        assert await unreached(reader, 10) == [], "it is news of yesterday"
