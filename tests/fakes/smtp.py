"""A mail server on loopback that keeps what it is given and misbehaves as told.

async with FakeSmtp() as server:
    server.mode = SmtpMode.GREYLIST
    ...  # send to server.host, server.port
    server.mails[0].subject
"""

import asyncio
import ssl
import warnings
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from typing import Any, Self

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.fakes.certificates import Certificate
from tests.ports import Place


class SmtpMode(StrEnum):
    """How the server behaves; may be changed at any time."""

    OK = "ok"
    GREYLIST = "greylist"
    """Every recipient is told to come back later (451)."""
    BUSY = "busy"
    """Every command is answered 421 and the connection is closed."""
    REFUSE_MESSAGE = "refuse message"
    """554 after the content."""
    DEFER_MESSAGE = "defer message"
    """451 after the content."""
    TARPIT = "tarpit"
    """Every reply takes `delay` seconds."""
    TRICKLE = "trickle"
    """Every byte of a reply takes `delay` seconds."""
    CUT_BEFORE_CONTENT = "cut before content"
    """The connection ends when the client asks to send the content."""
    LOST_ANSWER = "lost answer"
    """The mail is taken, and the connection ends without a word."""
    HANG_AFTER_CONTENT = "hang after content"
    """The mail is taken, and nothing is ever answered."""
    SLOW_GOODBYE = "slow goodbye"
    """All is well, but QUIT is never answered."""
    GARBAGE = "garbage"
    """Every reply is of another protocol."""


class Mail(msgspec.Struct):
    """One mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    username: str | None
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        return str(part.get_content())


class FakeSmtp:
    """The server. `mails` is what it took, in order."""

    def __init__(
        self,
        *,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        credentials: tuple[str, str] | None = None,
        smtputf8: bool = True,
    ) -> None:
        """With a `certificate` it offers STARTTLS, or speaks TLS from the start; `credentials` are then required."""
        self.mode = SmtpMode.OK
        self.delay = 1.0
        self.refused: dict[str, str] = {}
        """Recipient to the reply that it gets: `550 5.1.1 No such user`."""
        self.mails: list[Mail] = []
        self.connections = 0
        self.host = "127.0.0.1"
        self.port = 0
        self._place = Place()
        self.open: set[asyncio.Transport] = set()
        self.implicit = certificate.server if certificate and implicit_tls else None
        self.starttls = certificate.server if certificate and not implicit_tls else None
        self.credentials = credentials
        self.smtputf8 = smtputf8
        self._listener: asyncio.Server | None = None
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends everything."""
        await self.down()
        self._place.leave()

    async def up(self) -> None:
        """Takes connections, on the port it had before if it had one."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: _protocol(self), self.host, self.port, ssl=self.implicit
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._place.leave()

    async def down(self) -> None:
        """Refuses connections and drops those that are open."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._place.keep(self.host, self.port)
        for transport in list(self.open):
            with suppress(AttributeError):  # of an encrypted one that is being closed, on Python 3.11.2
                transport.abort()
        await asyncio.sleep(0)

    def take(self, mail: Mail) -> None:
        """The content has arrived, whatever is answered now."""
        self.mails.append(mail)
        self._arrived.set()

    async def received(self, count: int = 1, seconds: float = 120.0) -> list[Mail]:
        """Waits until `count` mails have come; TimeoutError when they do not."""
        async with asyncio.timeout(seconds):
            while len(self.mails) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.mails


class _Protocol(SMTP):
    """aiosmtpd's protocol with a switch on everything that it says."""

    fake: FakeSmtp

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.fake.connections += 1
        self.fake.open.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.fake.open.discard(self.transport)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        reply = status if isinstance(status, bytes) else status.encode("utf-8")
        match self.fake.mode:
            case SmtpMode.TARPIT:
                await asyncio.sleep(self.fake.delay)
            case SmtpMode.TRICKLE:
                for byte in reply:
                    self._writer.write(bytes([byte]))
                    await asyncio.sleep(self.fake.delay)
                reply = b""
            case SmtpMode.BUSY:
                self._writer.write(b"421 4.3.2 Service shutting down\r\n")
                self._writer.close()
                return
            case SmtpMode.GARBAGE:
                reply = b"HTTP/1.0 200 OK"
            case SmtpMode.SLOW_GOODBYE if reply.startswith(b"221"):
                await asyncio.sleep(3_600)
            case SmtpMode.CUT_BEFORE_CONTENT if reply.startswith(b"354"):
                self._writer.transport.abort()
                return
            case _:
                pass
        await super().push(reply)


class _Handler:
    """What aiosmtpd asks about each step."""

    def __init__(self, fake: FakeSmtp) -> None:
        self.fake = fake

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes, defers or refuses one recipient."""
        if address in self.fake.refused:
            return self.fake.refused[address]
        if self.fake.mode is SmtpMode.GREYLIST:
            return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Takes the content, and answers or does not."""
        content = envelope.original_content
        assert isinstance(content, bytes)
        if self.fake.mode is SmtpMode.REFUSE_MESSAGE:
            return "554 5.7.1 Message refused as spam"
        if self.fake.mode is SmtpMode.DEFER_MESSAGE:
            return "451 4.3.0 Try again later"
        login = session.auth_data
        username = login.login.decode() if isinstance(login, LoginPassword) else None
        encrypted = bool(session.ssl) or self.fake.implicit is not None
        self.fake.take(
            Mail(str(envelope.mail_from), [str(to) for to in envelope.rcpt_tos], content, username, encrypted)
        )
        if self.fake.mode is SmtpMode.LOST_ANSWER:
            transport: Any = server.transport  # uvloop's are none of asyncio's classes
            transport.abort()
        if self.fake.mode in (SmtpMode.LOST_ANSWER, SmtpMode.HANG_AFTER_CONTENT):
            await asyncio.sleep(3_600)
        return "250 2.0.0 Ok: queued as 4242"


def _protocol(fake: FakeSmtp) -> _Protocol:
    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object
    ) -> AuthResult:
        given = (login.login.decode(), login.password.decode()) if isinstance(login, LoginPassword) else None
        return AuthResult(success=given == fake.credentials, handled=False, auth_data=login)

    starttls: ssl.SSLContext | None = fake.starttls
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of logins without TLS; on loopback that is meant
        protocol = _Protocol(
            _Handler(fake),
            hostname="mail.test",
            enable_SMTPUTF8=fake.smtputf8,
            tls_context=starttls,
            authenticator=authenticate,
            auth_required=fake.credentials is not None,
            auth_require_tls=starttls is not None,
            loop=asyncio.get_running_loop(),
        )
    protocol.fake = fake
    return protocol
