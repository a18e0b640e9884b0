"""The door for mail: what it takes, from whom it gains nothing, and how it stays open for others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from openalert import app
from openalert.config.sections import Config, MailIn
from openalert.domain.access import Role
from openalert.domain.instant import DAY
from openalert.domain.links_back import LinksBack
from openalert.domain.mail_address import answered_message, reply_address
from openalert.domain.notification import NotificationKind
from openalert.engine.engine import Engine
from openalert.usecases import incidents, users
from openalert.usecases.intake import Intake
from openalert.web import door as doors
from openalert.web import mail_in
from openalert.web.mail_in import MailListener, Replies
from tests import make
from tests.cast import LINKS_BACK, World
from tests.fakes.certificates import make_certificate
from tests.make import level

pytestmark = pytest.mark.anyio

DOMAIN = "oncall.example.org"


@pytest.fixture
async def door(world: World) -> AsyncIterator[MailListener]:
    """A listener on a free port, with the handler of answers."""
    listener = MailListener(_settings(), [Replies(world.db, LINKS_BACK.secret)])
    await listener.start()
    yield listener
    await listener.stop()


def _settings(**further: str) -> MailIn:
    return MailIn(port=0, domain=DOMAIN, **further)


async def _address(world: World) -> str:
    """DiskFull pages Alice, and later Bob; where her answer goes."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    return reply_address(
        LINKS_BACK.secret, world.mailbox(world.alice).got("DiskFull").notification_id, DOMAIN
    )


def _mail(text: str, to: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "mallory@elsewhere.example", to, "<1@elsewhere.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


async def _send(door: MailListener, mail: EmailMessage, to: str, sender: str = "a@example.org") -> str:
    _, words = await aiosmtplib.send(
        mail, hostname="127.0.0.1", port=door.port, sender=sender, recipients=[to], start_tls=False
    )
    return words


async def _told(world: World) -> str:
    """What Alice is told by mail in return."""
    await world.engine.run_until_idle()
    message = world.mailbox(world.alice).got("Your answer to #1", NotificationKind.NOTICE)
    assert message.reply_to == ""
    return message.body


async def test_a_mail_answers_the_page_it_replies_to(world: World, door: MailListener) -> None:
    """One word is enough, whoever the sender says they are: it is Alice's address, so it is Alice."""
    to = await _address(world)
    await _send(door, _mail("Ack, thanks\n\n> resolve\n", to), to)
    assert (await world.incident()).acknowledged_by_id == world.alice.id
    (entry,) = await world.entries("acknowledged")
    assert entry.data["via"] == "e-mail"
    assert await _told(world) == "#1 is yours. Nobody else is paged."


async def test_the_same_mail_twice_is_answered_once(world: World, door: MailListener) -> None:
    """A server that delivers again changes nothing, and Alice gets one mail; another mail is told that it is late."""
    to = await _address(world)
    for _ in range(2):
        await _send(door, _mail("resolve", to), to)
    assert await _told(world) == "#1 is resolved."
    await world.engine.run_until_idle()
    world.mailbox(world.alice).is_empty()
    await _send(door, _mail("ack", to), to)
    assert (await _told(world)).startswith("#1 was resolved by you at ")


async def test_what_is_not_understood_is_answered_with_what_would_be(
    world: World, door: MailListener
) -> None:
    """A sentence changes nothing and gets help; so does a mail of a picture."""
    to = await _address(world)
    await _send(door, _mail("I will look at it tomorrow.", to), to)
    assert (await _told(world)).startswith("That was not understood. 1 acknowledges")
    assert (await world.incident()).status == "triggered"


async def test_machines_are_not_answered(world: World, door: MailListener) -> None:
    """Out of office and bounces are taken, do nothing, and nothing is mailed back: there is no loop."""
    to = await _address(world)
    await _send(door, _mail("ack", to, Auto_Submitted="auto-replied"), to)
    await _send(door, _mail("ack", to), to, sender="")
    await world.engine.run_until_idle()
    world.mailbox(world.alice).is_empty()
    assert (await world.incident()).status == "triggered"


async def test_nothing_is_relayed_and_no_address_can_be_made_up(world: World, door: MailListener) -> None:
    """Other domains, other people and forged tokens are refused before the mail is sent; case does not matter."""
    to = await _address(world)
    local = to.partition("@")[0]
    forged = [
        local[:-1] + ("a" if local[-1] != "a" else "b"),
        local[:-2],
        "reply+",
        "reply",
        "postmaster",
        "x" * 70,
    ]
    for bad in (*(f"{each}@{DOMAIN}" for each in forged), f"{local}@elsewhere.example", local):
        with pytest.raises((aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException)):
            await _send(door, _mail("ack", "x@example.org"), bad)
    other = reply_address(b"another secret", answered_message(LINKS_BACK.secret, local) or "", DOMAIN)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await _send(door, _mail("ack", other), other)
    assert (await world.incident()).status == "triggered"
    upper = to.upper()
    await _send(door, _mail("ack", upper), upper)
    assert (await world.incident()).status == "acknowledged"


async def test_an_address_ends(world: World, door: MailListener) -> None:
    """After a week the page cannot be answered by mail any more; it says so before the mail is sent."""
    to = await _address(world)
    world.clock.advance(7 * DAY)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await _send(door, _mail("ack", to), to)


async def test_whoever_was_switched_off_answers_nothing(world: World, door: MailListener) -> None:
    """The address outlives its person's account, and does nothing."""
    to = await _address(world)
    async with world.db.transaction(make.actor(world.alice)) as tx:
        await users.update(tx, world.bob.id, role=Role.OWNER)
        await users.update(tx, world.alice.id, is_active=False)
    await _send(door, _mail("ack", to), to)
    assert (await world.incident()).status == "triggered"


async def test_too_large_and_too_many_are_refused(
    world: World, door: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte is enough for an answer; connections beyond the bound are told to come later, others go on."""
    to = await _address(world)
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await _send(door, _mail("ack\n" + "x" * 70 + "\n" * (2 * mail_in.LARGEST), to), to)
    assert refused.value.code == 552
    monkeypatch.setattr(mail_in, "MOST_CONNECTIONS", 1)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=door.port, start_tls=False) as first:
        with pytest.raises(aiosmtplib.SMTPException):
            await _send(door, _mail("ack", to), to)
        assert (await first.noop()).code == 250
    await _send(door, _mail("ack", to), to)
    assert (await world.incident()).status == "acknowledged"


@pytest.mark.parametrize("says", [b"", b"NOOP\r\n"], ids=["silent", "talks"])
async def test_nobody_stays_forever(
    world: World, door: MailListener, monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    """Who says nothing, and who talks without end, is hung up on, and its place is free again."""
    monkeypatch.setattr(mail_in, "SILENCE", 3600)
    monkeypatch.setattr(mail_in, "LONGEST_CONNECTION", 0.05)
    monkeypatch.setattr(mail_in, "MOST_COMMANDS", 1_000_000)
    monkeypatch.setattr(mail_in, "MOST_CONNECTIONS", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    async with asyncio.timeout(60):
        with suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(says)
    writer.close()
    monkeypatch.undo()
    to = await _address(world)
    await _send(door, _mail("ack", to), to)


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_who_is_connected_at_the_end_is_hung_up_on(
    world: World, tmp_path: Path, is_encrypted: bool
) -> None:
    """Nobody keeps a server from ending, encrypted or not."""
    certificate = make_certificate()
    file = tmp_path / "both.pem"
    file.write_bytes(certificate.pem)
    listener = MailListener(_settings(tls_certificate=str(file)), [Replies(world.db, LINKS_BACK.secret)])
    await listener.start()
    client = aiosmtplib.SMTP(
        hostname="localhost", port=listener.port, start_tls=is_encrypted, tls_context=certificate.client
    )
    await client.connect()
    assert (await client.noop()).code == 250
    await listener.stop()
    async with asyncio.timeout(20):
        with pytest.raises((aiosmtplib.SMTPServerDisconnected, ConnectionError)):
            await client.noop()
    client.close()


async def test_starttls_is_offered_with_a_certificate(world: World, tmp_path: Path) -> None:
    """A mail server that wants encryption gets it; the mail after it counts."""
    certificate = make_certificate()
    file = tmp_path / "both.pem"
    file.write_bytes(certificate.pem)
    listener = MailListener(_settings(tls_certificate=str(file)), [Replies(world.db, LINKS_BACK.secret)])
    await listener.start()
    try:
        to = await _address(world)
        await aiosmtplib.send(
            _mail("ack", to),
            hostname="localhost",
            port=listener.port,
            sender="a@example.org",
            recipients=[to],
            start_tls=True,
            tls_context=certificate.client,
        )
    finally:
        await listener.stop()
    assert (await world.incident()).status == "acknowledged"


async def test_a_fault_of_ours_is_asked_for_again(
    world: World, door: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away: the mail server keeps the mail and comes again, and then it counts."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("away")

    to = await _address(world)
    with monkeypatch.context() as patched:
        patched.setattr(Replies, "take", broken)
        with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
            await _send(door, _mail("ack", to), to)
    assert refused.value.code == 451
    await _send(door, _mail("ack", to), to)
    assert (await world.incident()).status == "acknowledged"


async def test_an_address_that_cannot_be_looked_up_is_asked_for_again(
    world: World, door: MailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away when the recipient is named: for now, not for good, and without a word about the fault."""

    async def broken(*_: object, **__: object) -> bool:
        raise RuntimeError("away")

    to = await _address(world)
    monkeypatch.setattr(Replies, "knows", broken)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await _send(door, _mail("ack", to), to)
    assert [each.code for each in refused.value.recipients] == [451]
    assert "away" not in str(refused.value.recipients)


async def test_pages_say_where_answers_go(world: World) -> None:
    """With a domain the message carries its own address; the news has none to be taken for."""
    links_back = LinksBack(LINKS_BACK.base_url, LINKS_BACK.secret, DOMAIN)
    world.engine = Engine(world.db, {"email": world.email}, links_back)
    await world.engine.begin()
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    (page,) = world.email.received
    assert page.reply_to == reply_address(LINKS_BACK.secret, page.notification_id, DOMAIN)
    await world.does(incidents.resolve, (await world.incident()).id, by=world.bob)


async def test_the_program_listens_only_when_it_is_told_to(world: World) -> None:
    """Without a port there is no listener and no Reply-To; with one both, and the listener ends with the program."""
    entrance = doors.Door(world.db, Intake(world.db, doors.observe), 1024)
    assert app.mail_listener(Config(), entrance, b"key") is None
    assert app.links_back(Config(), b"key").mail_domain == ""
    config = Config(mail_in=MailIn(port=1, domain=DOMAIN))
    assert app.links_back(config, b"key").mail_domain == DOMAIN
    assert app.mail_listener(config, entrance, b"key") is not None
