"""E-mail against a whole mail server: what each of its moods means."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openalert.notifiers.email import EmailNotifier, EmailSettings, parse_address
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from tests.fakes import black_hole
from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.smtp import FakeSmtp, SmtpMode
from tests.notifiers.messages import BASE_URL, NOW, page
from tests.processes.server import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[FakeSmtp]:
    """A mail server without encryption."""
    async with FakeSmtp() as fake:
        yield fake


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """Valid for 127.0.0.1."""
    return make_certificate()


async def send(
    server: FakeSmtp, message: Message | None = None, *, trust: Certificate | None = None, **settings: Any
) -> Receipt:
    """One send with settings that fit the server."""
    given: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "security": "none",
        "sender": "OpenAlert <alerts@example.com>",
        "deadline": 30.0,
    }
    tls = trust.client if trust else None
    notifier = EmailNotifier(EmailSettings(**(given | settings)), base_url=BASE_URL, tls=tls)
    try:
        return await notifier.send(message or page(), NOW)
    finally:
        await notifier.close()


async def failure(server: FakeSmtp, message: Message | None = None, **settings: Any) -> NotifierError:
    """The error that one send ends with."""
    with pytest.raises(NotifierError) as caught:
        await send(server, message, **settings)
    return caught.value


async def test_mail_arrives(server: FakeSmtp) -> None:
    """Envelope, headers and both parts reach the server as composed."""
    receipt = await send(server)
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("alerts@example.com", ["bea@example.com"])
    assert mail.subject == "[#42] CRITICAL: Disk almost full on db-1 (Checkout database)"
    assert mail.message["Message-ID"] == receipt.provider_id
    assert "https://alerts.example.com/a/tok3n-ack" in mail.text
    assert "https://alerts.example.com/a/tok3n-ack" in mail.html
    assert receipt.detail == "250 2.0.0 Ok: queued as 4242"


async def test_lines_that_begin_with_a_period_survive(server: FakeSmtp) -> None:
    """A period alone on a line ends a mail; in a text it must not."""
    body = ".\n.hidden\n..\nQUIT"
    await send(server, page(body=body))
    assert body in server.mails[0].text.replace("\r\n", "\n")


async def test_every_line_ends_as_mail_lines_do(server: FakeSmtp) -> None:
    """No bare CR or LF, no line over 998 bytes: servers refuse both."""
    await send(server, page(body="one\rtwo\r\nthree " + "x" * 5_000))
    lines = server.mails[0].content.split(b"\r\n")
    assert all(b"\r" not in line and b"\n" not in line and len(line) <= 998 for line in lines)
    assert server.mails[0].content.isascii()


@pytest.mark.parametrize(
    ("mode", "reason", "permanent"),
    [
        (SmtpMode.GREYLIST, Reason.REFUSED, False),
        (SmtpMode.DEFER_MESSAGE, Reason.REFUSED, False),
        (SmtpMode.REFUSE_MESSAGE, Reason.REFUSED, True),
        (SmtpMode.BUSY, Reason.PROVIDER_FAILED, False),
        (SmtpMode.GARBAGE, Reason.BAD_RESPONSE, False),
        (SmtpMode.TARPIT, Reason.TIMEOUT, False),
        (SmtpMode.TRICKLE, Reason.TIMEOUT, False),
        (SmtpMode.CUT_BEFORE_CONTENT, Reason.UNREACHABLE, False),
    ],
)
async def test_moods_of_the_server(server: FakeSmtp, mode: SmtpMode, reason: Reason, permanent: bool) -> None:
    """Each is told apart, and only 5xx is final."""
    server.mode = mode
    error = await failure(server, deadline=1.0 if reason is Reason.TIMEOUT else 30.0)
    assert (error.reason, error.permanent) == (reason, permanent)
    assert server.mails == []


@pytest.mark.parametrize("mode", [SmtpMode.LOST_ANSWER, SmtpMode.HANG_AFTER_CONTENT])
async def test_silence_after_the_content_is_a_lost_answer(server: FakeSmtp, mode: SmtpMode) -> None:
    """The server took the mail and never said so, by hanging up or by hanging."""
    server.mode = mode
    with pytest.raises(LostAnswer):
        await send(server, deadline=5.0 if mode is SmtpMode.HANG_AFTER_CONTENT else 30.0)
    assert len(server.mails) == 1


async def test_slow_goodbye_does_not_undo_a_delivery(server: FakeSmtp) -> None:
    """Once the mail is taken, nothing that the server does to QUIT matters, nor may it cost much time."""
    server.mode = SmtpMode.SLOW_GOODBYE
    async with asyncio.timeout(25):
        receipt = await send(server, deadline=30.0)
    assert receipt.detail.startswith("250")


async def test_unknown_recipient_is_final(server: FakeSmtp) -> None:
    """550 to one address says nothing about others, and trying again cannot help."""
    server.refused["bea@example.com"] = "550 5.1.1 No such user"
    error = await failure(server)
    assert (error.reason, error.permanent) == (Reason.REJECTED_RECIPIENT, True)
    assert "550 5.1.1 No such user" in error.detail
    await send(server, page(to="ana@example.com"))


async def test_full_mailbox_is_not_final(server: FakeSmtp) -> None:
    """452 may be over in a minute."""
    server.refused["bea@example.com"] = "452 4.2.2 Mailbox full"
    error = await failure(server)
    assert (error.reason, error.permanent) == (Reason.REFUSED, False)


async def test_refused_connection(server: FakeSmtp) -> None:
    """The server is down, then it is back on the same port."""
    await server.down()
    error = await failure(server)
    assert (error.reason, error.permanent) == (Reason.UNREACHABLE, False)
    await server.up()
    await send(server)


async def test_unknown_server_name() -> None:
    """A name without an address is a network trouble like any other."""
    server = FakeSmtp()
    server.host, server.port = "mail.invalid", 25
    error = await failure(server)
    assert (error.reason, error.permanent) == (Reason.UNREACHABLE, False)


@pytest.mark.parametrize("implicit", [False, True])
async def test_encrypted_with_login(certificate: Certificate, implicit: bool) -> None:
    """STARTTLS and TLS from the start, both with a password."""
    async with FakeSmtp(
        certificate=certificate, implicit_tls=implicit, credentials=("oa", "s3cret")
    ) as server:
        security = "tls" if implicit else "starttls"
        await send(server, trust=certificate, security=security, username="oa", password="s3cret")
        assert (server.mails[0].encrypted, server.mails[0].username) == (True, "oa")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("fault", ["expired", "unknown", "other name"])
async def test_certificate_that_does_not_hold(certificate: Certificate, implicit: bool, fault: str) -> None:
    """No mail and no password goes to a server that cannot prove its name."""
    shown = {
        "expired": make_certificate(expired=True),
        "unknown": make_certificate(),
        "other name": make_certificate("mail.example.com"),
    }[fault]
    trust = certificate if fault == "unknown" else shown
    async with FakeSmtp(certificate=shown, implicit_tls=implicit, credentials=("oa", "pw")) as server:
        security = "tls" if implicit else "starttls"
        error = await failure(server, trust=trust, security=security, username="oa", password="pw")
        assert (error.reason, error.permanent) == (Reason.TLS_FAILED, False)
        assert error.is_certificate
        assert server.mails == []


async def test_no_fall_back_to_clear_text(server: FakeSmtp, certificate: Certificate) -> None:
    """A server (or somebody in between) that does not offer STARTTLS gets nothing."""
    error = await failure(server, trust=certificate, security="starttls", username="oa", password="s3cret")
    assert error.reason is Reason.TLS_FAILED
    assert not error.is_certificate
    assert server.mails == []


async def test_wrong_password_is_named_and_not_told() -> None:
    """Every mail is affected, so it has its own reason; the password stays out of the log."""
    async with FakeSmtp(credentials=("oa", "right")) as server:
        error = await failure(server, username="oa", password="wr0ng-password")
        assert (error.reason, error.permanent) == (Reason.AUTH_FAILED, True)
        assert "wr0ng-password" not in error.detail


async def test_missing_password_is_the_same_trouble() -> None:
    """530 at MAIL means that the configuration lacks a login."""
    async with FakeSmtp(credentials=("oa", "right")) as server:
        error = await failure(server)
        assert (error.reason, error.permanent) == (Reason.AUTH_FAILED, True)


async def test_login_that_the_server_does_not_know(certificate: Certificate) -> None:
    """A server without AUTH cannot take our login; the reason says whose fault it is."""
    async with FakeSmtp(certificate=certificate) as server:
        error = await failure(server, username="oa", password="pw")
        assert (error.reason, error.permanent) == (Reason.AUTH_FAILED, True)


async def test_without_a_server_it_says_what_to_set() -> None:
    """The person who reads the delivery log learns the two keys."""
    error = await failure(FakeSmtp(), host="")
    assert (error.reason, error.permanent) == (Reason.MISCONFIGURED, True)
    assert "`host` and `from` in the [smtp] section" in error.detail


async def test_sender_that_is_no_address(server: FakeSmtp) -> None:
    """The key is named, and nothing is sent."""
    error = await failure(server, sender="OpenAlert")
    assert (error.reason, error.permanent) == (Reason.MISCONFIGURED, True)
    assert server.connections == 0


@pytest.mark.parametrize(
    "address",
    ["", "bea", "a@example.com, b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>", "a b@example.com",
     "<a@example.com>", "a@exa mple.com", "@example.com", "a@", "a@example.com\x00", "a@b@example.com"],
)  # fmt: skip
async def test_address_that_is_not_exactly_one(server: FakeSmtp, address: str) -> None:
    """Nothing that could become a second recipient or a command reaches the server."""
    error = await failure(server, page(to=address))
    assert (error.reason, error.permanent) == (Reason.REJECTED_RECIPIENT, True)
    assert server.connections == 0


async def test_address_beyond_ascii(server: FakeSmtp) -> None:
    """Letters beyond ASCII before the @ need a server that knows them; after it they are encoded."""
    await send(server, page(to="josé@bücher.example"))
    assert server.mails[0].recipients == ["josé@xn--bcher-kva.example"]
    async with FakeSmtp(smtputf8=False) as plain:
        error = await failure(plain, page(to="josé@bücher.example"))
        assert (error.reason, error.permanent) == (Reason.REJECTED_RECIPIENT, True)
        await send(plain, page(to="bea@bücher.example"))


def test_plus_and_dots_are_part_of_an_address() -> None:
    """Ordinary unusual addresses are taken."""
    for address in ("bea+oncall@example.com", "b.n-o_1'x/y=z@sub.example.co.uk", "a@localhost"):
        parsed = parse_address(address)
        assert parsed is not None
        assert parsed.addr_spec == address


async def test_second_address_is_tried(server: FakeSmtp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose first address is dead is reached by its next one."""
    lookup = socket.getaddrinfo

    def two(host: str, *args: Any, **kwargs: Any) -> Any:
        return lookup("127.0.0.2", *args, **kwargs) + lookup("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    await send(server, host="localhost")


async def test_silent_first_address_leaves_time_for_the_next(
    server: FakeSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that never answers uses up its share of the time, not all of it."""
    lookup = socket.getaddrinfo

    def two(host: str, *args: Any, **kwargs: Any) -> Any:
        return lookup("127.0.0.9", *args, **kwargs) + lookup("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with black_hole("127.0.0.9", server.port):
        await send(server, host="localhost", connect_deadline=4.0)


async def test_slow_replies_end_at_the_deadline(server: FakeSmtp) -> None:
    """The deadline is for the whole conversation, not for each reply."""
    server.mode, server.delay = SmtpMode.TARPIT, 0.12
    assert (await failure(server, deadline=0.9)).reason is Reason.TIMEOUT


async def test_a_server_that_repeats_the_password_does_not_spread_it() -> None:
    """What a server says is shown to people; our password is not among it."""
    async with FakeSmtp(credentials=("oa", "s3cret-pw")) as server:
        server.refused["bea@example.com"] = "550 refused for s3cret-pw"
        error = await failure(server, username="oa", password="s3cret-pw")
        assert "550 refused for ***" in error.detail


async def test_probe_signs_in_and_sends_nothing(certificate: Certificate) -> None:
    """`openalert check` proves the way to the server and the login."""
    async with FakeSmtp(certificate=certificate, credentials=("oa", "pw")) as server:
        settings = EmailSettings(
            host=server.host, port=server.port, username="oa", password="pw", sender="a@example.com"
        )
        notifier = EmailNotifier(settings, base_url=BASE_URL, tls=certificate.client)
        assert (
            await notifier.probe() == f"127.0.0.1:{server.port} answers with STARTTLS and accepts the login."
        )
        wrong = EmailNotifier(
            EmailSettings(host=server.host, port=server.port, username="oa", password="no"),
            base_url=BASE_URL,
            tls=certificate.client,
        )
        with pytest.raises(NotifierError):
            await wrong.probe()
        assert server.mails == []
        await notifier.close()
        await wrong.close()


def test_settings_do_not_print_the_password() -> None:
    """They end up in logs and tracebacks."""
    assert "s3cret" not in repr(EmailSettings(host="mail.example.com", password="s3cret"))


def open_files() -> int:
    """How many file descriptors this process holds."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_failures_leave_no_sockets_behind(server: FakeSmtp) -> None:
    """Fifty attempts that end badly do not cost fifty file descriptors."""
    server.mode = SmtpMode.GREYLIST
    await failure(server)
    before = open_files()
    for mode in (
        SmtpMode.GREYLIST,
        SmtpMode.BUSY,
        SmtpMode.CUT_BEFORE_CONTENT,
        SmtpMode.LOST_ANSWER,
        SmtpMode.GARBAGE,
    ):
        server.mode = mode
        for _ in range(10):
            with pytest.raises((NotifierError, LostAnswer)):
                await send(server)

    async def are_closed() -> bool:
        return open_files() <= before + 2

    await until(are_closed, 20)
