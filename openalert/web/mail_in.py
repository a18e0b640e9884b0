"""The door for mail: an SMTP listener that takes mails to addresses of ours, and nothing else (RFC 5321).

It relays nothing: a recipient that none of its handlers knows is refused before the mail is sent. Connections, their
length, commands and the size of a mail are bounded. Off unless `[mail_in] port` is given.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from openalert.config.sections import MailIn
from openalert.domain.access import Actor, stranger
from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.domain.ids import new_id
from openalert.domain.service import Integration
from openalert.sources import Inbound, email, generic, mail_document, read
from openalert.sources import mail as mails
from openalert.storage.database import Database
from openalert.usecases import alert_mails, mail_replies
from openalert.web.door import Door

log = structlog.get_logger(__name__)

LARGEST = 1024 * 1024
MOST_CONNECTIONS = 20
MOST_RECIPIENTS = 5
MOST_COMMANDS = 20
"""Of one kind in one connection."""
SILENCE = 30.0
LONGEST_CONNECTION = 120.0
"""Seconds, whatever happens in it."""


class Handler(Protocol):
    """Who takes mails to a kind of address."""

    async def knows(self, local_part: str) -> bool:
        """Whether there is such an address."""
        ...

    def promise(self, length: int) -> int:
        """Room for a mail of so many bytes, as what `release` is told at its end; Unavailable where there is none."""
        ...

    def release(self, promised: int) -> None:
        """The mail was taken, or was not."""
        ...

    async def take(self, local_part: str, content: bytes, sender: str, peer: str) -> None:
        """Do what a mail to it says; `sender` is that of the envelope, `peer` who delivered it."""
        ...


class Replies:
    """Answers to our mails: `reply+<token>`."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    async def knows(self, local_part: str) -> bool:
        """Whether we made this address for a message that can still be answered."""
        async with self._database.read() as reader:
            return await mail_replies.answered(reader, self._secret, local_part) is not None

    def promise(self, length: int) -> int:  # noqa: ARG002 - the protocol's
        """Always: acknowledges go on while memory is short, and there are few connections."""
        return 0

    def release(self, promised: int) -> None:
        """Nothing was promised."""

    async def take(self, local_part: str, content: bytes, sender: str, peer: str) -> None:
        """Answer the incident that the message was about."""
        mail = mails.read(content, sender)
        actor: Actor = stranger(peer, "")
        async with self._database.transaction(actor) as tx:
            said = await mail_replies.take_in(tx, self._secret, local_part, mail)
        log.info("mail taken in", is_automatic=mail.is_automatic, answered=said is not None)


class Alerts:
    """Mails of monitoring, each to the address of an integration: `alert+<token>`."""

    def __init__(self, door: Door, secret: bytes) -> None:
        self._door = door
        self._secret = secret

    async def knows(self, local_part: str) -> bool:
        """Whether this is the address of an integration that takes alerts."""
        return await self._integration(local_part) is not None

    def promise(self, length: int) -> int:
        """As for every other sender of alerts."""
        return self._door.memory.promise(length)

    def release(self, promised: int) -> None:
        """It was read and stored, or was not."""
        self._door.memory.release(promised)

    async def take(self, local_part: str, content: bytes, sender: str, peer: str) -> None:
        """Take the alert in; what can never be read is kept with the reason, as for every other sender."""
        integration = await self._integration(local_part)
        if integration is None:
            return
        inbound = Inbound(
            headers={"content-type": mail_document.MEDIA_TYPE}, received_at=self._door.database.clock()
        )
        # The type says how a body is read only where somebody has said how mails are: by a mapping of their own.
        source = (
            generic.NAME if integration.type == generic.NAME and integration.config.mapping else email.NAME
        )
        try:
            await self._door.take_in_of(
                integration.key_hash,
                f"mail-{new_id(inbound.received_at)}",
                inbound,
                source=source,
                content=content,
                read=lambda: read(source, content, inbound),
            )
        except Unavailable:
            raise
        except OpenAlertError as error:
            log.warning("alert mail was not read", reason=error.message, peer=peer, sender=sender)

    async def _integration(self, local_part: str) -> Integration | None:
        async with self._door.database.read() as reader:
            return await alert_mails.integration_at(reader, self._secret, local_part)


class MailListener:
    """The listener in the program's own loop."""

    def __init__(self, settings: MailIn, handlers: Sequence[Handler]) -> None:
        self._settings = settings
        self._handlers = handlers
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._tls = _tls(settings)

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._server.sockets[0].getsockname()[1] if self._server and self._server.sockets else 0

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), self._settings.host, self._settings.port
        )
        log.info("mail is taken in", host=self._settings.host, port=self.port)

    async def stop(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open):
            connection.end()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What STARTTLS is done with; None: it is not offered."""
        return self._tls

    @property
    def domain(self) -> str:
        """The domain whose mail is taken."""
        return self._settings.domain.lower()

    def enter(self, connection: "_Connection") -> bool:
        """Whether there is room for one more."""
        if len(self._open) >= MOST_CONNECTIONS:
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: "_Connection") -> None:
        """It is over."""
        self._open.discard(connection)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: "_Connection",
        session: Session,  # noqa: ARG002 - aiosmtpd's signature
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002 - aiosmtpd's signature
    ) -> str:
        """Take or refuse one recipient."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            handler = await self._handler_of(address)
        except Exception:
            # A refusal for good would be sent back to whoever answered, for a fault that passes.
            log.exception("the address of a mail could not be looked up")
            return "451 4.3.0 Try again later"
        if handler is None:
            return "550 5.1.1 There is no such address here"
        try:
            server.promised(handler, _length_of(envelope))
        except Unavailable:
            return "452 4.3.1 Memory is short here, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,
        envelope: Envelope,
    ) -> str:
        """Take the mail; what fails for a reason of ours is asked for again later."""
        content = bytes(envelope.original_content or b"")
        peer = str((session.peer or ("",))[0])
        try:
            for address in dict.fromkeys(envelope.rcpt_tos):
                handler = await self._handler_of(address)
                if handler is not None:
                    local = address.rpartition("@")[0]
                    await handler.take(local, content, envelope.mail_from or "", peer)
        except Exception:
            log.exception("mail could not be taken in")
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Taken"

    async def _handler_of(self, address: str) -> Handler | None:
        local, _, domain = address.rpartition("@")
        if domain.lower() != self.domain or len(local) > 64:
            return None
        for handler in self._handlers:
            if await handler.knows(local):
                return handler
        return None


class _Connection(SMTP):
    """One client; it is ended after a while, whatever it is doing."""

    _room: Callable[[], None] | None = None
    """Gives back the room in memory that the mail on its way was promised."""

    def __init__(self, listener: MailListener, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            listener,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=listener.domain,
            ident="OpenAlert",
            tls_context=listener.tls,
            timeout=SILENCE,
            command_call_limit=MOST_COMMANDS,
            loop=loop,
        )
        self._listener = listener
        self._end: asyncio.TimerHandle | None = None

    def promised(self, handler: Handler, length: int) -> None:
        """Set room aside for the mail that is being announced, once; Unavailable where there is none."""
        if not self._room:
            promised = handler.promise(length)
            self._room = (lambda: handler.release(promised)) if promised else None

    def _create_envelope(self) -> Envelope:
        """A mail is over, or the connection: what it was promised is free again."""
        self._give_back()
        return super()._create_envelope()

    def _give_back(self) -> None:
        if self._room is not None:
            self._room()
            self._room = None

    def connection_made(self, transport: Any) -> None:
        """Let it in if there is room."""
        if self._end is None:
            if not self._listener.enter(self):
                transport.write(b"421 4.3.2 Too busy, try again later\r\n")
                transport.close()
                return
            self._end = self.loop.call_later(LONGEST_CONNECTION, self.end)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        if self._end is None:
            return
        self._end.cancel()
        self._give_back()
        self._listener.leave(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """What a refused client sends is not read."""
        if self._end is not None:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """Nothing more comes."""
        return super().eof_received() if self._end is not None else None

    def end(self) -> None:
        """Hang up at once."""
        transport: Any = self.transport  # uvloop's are none of asyncio's classes
        if transport is not None:
            # asyncio of Python 3.11.2 breaks at an encrypted one that is being closed already.
            with suppress(AttributeError):
                transport.abort()


def _length_of(envelope: Envelope) -> int:
    """How long the mail is, as its sender has said (RFC 1870); the longest that is taken where it has not."""
    for option in envelope.mail_options:
        name, _, value = option.partition("=")
        if name == "SIZE" and value.isdigit():
            return min(int(value), LARGEST)
    return LARGEST


def _tls(settings: MailIn) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    return context
