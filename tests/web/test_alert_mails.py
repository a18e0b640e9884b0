"""Alerts by mail: an address for each integration, and nothing answered before it is stored."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from openalert.config.sections import MailIn
from openalert.domain.alert import Alert
from openalert.domain.mail_address import alert_address, reply_address
from openalert.domain.service import Integration
from openalert.sources import Reading
from openalert.storage import alerts
from openalert.storage.memory import COPIES, ENOUGH, MIB, SHORT, Memory, Room
from openalert.usecases import integrations
from openalert.usecases.intake import Intake
from openalert.web import door as doors
from openalert.web.mail_in import Alerts, MailListener, Replies
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio

DOMAIN = "oncall.example.org"


@pytest.fixture
async def listener(world: World) -> AsyncIterator[MailListener]:
    """A listener on a free port that takes alerts in."""
    intake = Intake(world.db, doors.observe)
    intake.start()
    entrance = doors.Door(world.db, intake, 1024 * 1024)
    listener = MailListener(MailIn(port=0, domain=DOMAIN), [Alerts(entrance, LINKS_BACK.secret)])
    await listener.start()
    yield listener
    await listener.stop()
    await intake.stop()


@pytest.mark.proves("F-27", "IN-2")
async def test_while_memory_is_short_mail_is_asked_for_again(world: World) -> None:
    """Alerts are refused before they are sent, so that their server keeps them; a long one while there is no room for
    it; answers of people are taken; and what was promised is given back.
    """
    integration = await _integration(world)
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    left = SHORT - 1
    memory = Memory(lambda: Room(left, 512 * MIB, "cgroup"))
    intake = Intake(world.db, doors.observe, memory)
    intake.start()
    door = doors.Door(world.db, intake, 1024 * 1024)
    listener = MailListener(
        MailIn(port=0, domain=DOMAIN), [Alerts(door, LINKS_BACK.secret), Replies(world.db, LINKS_BACK.secret)]
    )
    await listener.start()
    try:
        to = _address(integration)
        code, words = await _send(listener, to, "one")
        assert (code, words) == (452, "4.3.1 Memory is short here, try again later")
        reply = reply_address(LINKS_BACK.secret, page.notification_id, DOMAIN)
        assert (await _send(listener, reply, "Re: DiskFull"))[0] == 250
        left, memory._looked_at = ENOUGH, 0.0
        taken = memory.promise((ENOUGH - SHORT) // COPIES)
        assert (await _send(listener, to, "two"))[0] == 250
        assert (await _send(listener, to, "three", X_Padding="x " * 30_000))[0] == 452
        memory.release(taken)
        assert (await _send(listener, to, "four", X_Padding="x " * 30_000))[0] == 250
        assert memory._promised == 0
    finally:
        await listener.stop()
        await intake.stop()
    assert {each.title for each in await _alerts(world)} == {"DiskFull", "two", "four"}


async def _integration(world: World) -> Integration:
    await world.policy(level(1, world.alice))
    async with world.db.read() as reader:
        return (await integrations.page(reader, world.as_(world.alice), limit=1))[0]


def _address(of: Integration) -> str:
    return alert_address(LINKS_BACK.secret, of.id, of.key_hash, DOMAIN)


async def _send(listener: MailListener, to: str, subject: str, **headers: str) -> tuple[int, str]:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"], mail["Subject"] = "nas@example.org", to, "<1@x>", subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Host: nas1\nSeverity: critical\n")
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=listener.port, start_tls=False)
    async with client:
        try:
            await client.sendmail("nas@example.org", [to], mail.as_bytes())
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return refused.recipients[0].code, refused.recipients[0].message
        except aiosmtplib.SMTPResponseException as refused:
            return refused.code, refused.message
    return 250, ""


async def _alerts(world: World) -> list[Alert]:
    async with world.db.read() as reader:
        ids = [row[0] for row in await reader.rows("SELECT id FROM alerts")]
        return list((await alerts.get_many(reader, ids)).values())


async def test_a_mail_pages_and_the_mail_about_the_end_ends_it(world: World, listener: MailListener) -> None:
    """From the mail of a storage box to the page, and back to sleep."""
    integration = await _integration(world)
    assert await _send(listener, _address(integration), "[Failed] Volume 1 degraded") == (250, "")
    await world.engine.run_until_idle()
    world.mailbox(world.alice).got("Volume 1 degraded")
    (alert,) = await _alerts(world)
    assert (alert.source, alert.severity, alert.labels["host"]) == ("email", "critical", "nas1")
    assert await _send(listener, _address(integration).upper(), "[Success] Volume 1 degraded") == (250, "")
    assert (await world.incident(1)).status == "resolved"


async def test_an_address_that_is_not_ours_is_refused_before_the_mail(
    world: World, listener: MailListener
) -> None:
    """A wrong tag, another id, an answer's address, nonsense: no such address, and nothing is stored."""
    integration = await _integration(world)
    good = _address(integration)
    wrong = [
        good.replace("alert+", "alert+a", 1),
        good[:20] + ("b" if good[20] != "b" else "c") + good[21:],
        alert_address(LINKS_BACK.secret, integration.id, "0" * 64, DOMAIN),
        alert_address(b"another secret", integration.id, integration.key_hash, DOMAIN),
        reply_address(LINKS_BACK.secret, integration.id, DOMAIN).replace("reply+", "alert+"),
        f"alert+@{DOMAIN}",
        f"alert@{DOMAIN}",
        good.replace(DOMAIN, "elsewhere.example"),
    ]
    for address in wrong:
        code, _ = await _send(listener, address, "Disk full")
        assert code == 550, address
    assert await _alerts(world) == []


async def test_a_new_key_makes_a_new_address(world: World, listener: MailListener) -> None:
    """Whoever knew the old one is out with the same act."""
    integration = await _integration(world)
    old = _address(integration)
    changed, _ = await world.does(integrations.rotate_key, integration.id)
    assert (await _send(listener, old, "Disk full"))[0] == 550
    assert (await _send(listener, _address(changed), "Disk full"))[0] == 250


async def test_an_integration_that_is_off_takes_no_mail(world: World, listener: MailListener) -> None:
    """It answers like one that is not there."""
    integration = await _integration(world)
    await world.does(integrations.update, integration.id, is_active=False)
    assert (await _send(listener, _address(integration), "Disk full"))[0] == 550


async def test_what_cannot_be_stored_is_asked_for_again(
    world: World, listener: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While storing fails the mail server is told to come again; when it does, the alert is there once."""
    integration = await _integration(world)
    with monkeypatch.context() as broken:

        async def fails(*_: object) -> None:
            raise OSError("the disk is full")

        broken.setattr("openalert.usecases.ingest.take_in", fails)
        assert (await _send(listener, _address(integration), "Disk full"))[0] == 451
    assert (await _send(listener, _address(integration), "Disk full"))[0] == 250
    assert len(await _alerts(world)) == 1


async def test_a_fault_of_ours_loses_no_mail(
    world: World, listener: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that breaks: the sender comes again, and the mail is kept for people to see."""
    integration = await _integration(world)
    with monkeypatch.context() as broken:

        def breaks(*_: object) -> Reading:
            raise ZeroDivisionError

        broken.setattr("openalert.web.mail_in.read", breaks)
        assert (await _send(listener, _address(integration), "Disk full"))[0] == 451
    assert await world.value("SELECT outcome FROM payloads") == "quarantined"


async def test_what_is_no_alert_is_taken_kept_and_wakes_nobody(world: World, listener: MailListener) -> None:
    """An automatic answer: listed on the page of the integration, with the reason."""
    integration = await _integration(world)
    code, _ = await _send(listener, _address(integration), "Away", Auto_Submitted="auto-replied")
    assert code == 250
    assert await _alerts(world) == []
    assert "automatic answer" in await world.value("SELECT reason FROM payloads")


async def test_a_mail_can_be_sent_through_again(world: World, listener: MailListener) -> None:
    """What is kept of a mail is the mail: it reads the same a second time."""
    from openalert.usecases.replay import replay

    integration = await _integration(world)
    await _send(listener, _address(integration), "Disk full")
    payload_id = await world.value("SELECT id FROM payloads")
    outcome = await world.does(replay, integration.id, payload_id, "trace")
    assert (outcome.processed, outcome.deduplicated) == (1, 1)
