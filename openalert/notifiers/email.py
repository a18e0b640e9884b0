"""E-mail over SMTP: one connection a mail, and an exact answer to how far it got.

Sources: RFC 5321 (replies, section 4.2), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 6531 (addresses beyond ASCII).
The server is named by the operator in the configuration file and so may lie in a private network.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

import aiosmtplib
import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers import letter
from openalert.notifiers.addresses import Address, Resolver
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.notifiers.text import one_line
from openalert.notifiers.tls import certificate_fault, is_tls_failure

DEFAULT_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_LOCAL_PART = re.compile(r"[^\s\x00-\x1f\x7f<>()\[\],;:\\\"@]{1,64}")
_LEADING_PERIOD = re.compile(rb"(?m)^\.")
_AUTHENTICATION_REQUIRED = {530, 534, 535, 538}
_QUIT_SECONDS = 1.0


class EmailSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The way to the mail server; times in seconds."""

    host: str = ""
    """Empty: no mail can be sent."""
    port: int = 0
    """0: the usual one, 587 with STARTTLS, 465 with TLS, 25 without."""
    username: str = ""
    password: str = ""
    security: Literal["none", "starttls", "tls"] = "starttls"
    sender: str = "OpenAlert <openalert@localhost>"
    deadline: float = 10.0
    """For a whole attempt, from the name of the server to its last answer."""
    connect_deadline: float = 3.0

    def __repr__(self) -> str:
        """Never the password."""
        return f"EmailSettings({self.where}, security={self.security!r})"

    @property
    def where(self) -> str:
        """`mail.example.com:587`."""
        return f"{self.host}:{self.port or DEFAULT_PORTS[self.security]}"


class EmailNotifier:
    """The channel `email`; a message's `to` is one address."""

    channel = "email"

    def __init__(
        self,
        settings: EmailSettings,
        *,
        base_url: str,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is where our own links lead; `tls`: trust other authorities than the system's."""
        self._settings = settings
        self._base_url = base_url
        self._tls = tls
        self._resolver = resolver or Resolver()

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Hands one mail to the server."""
        return await self.post(
            message.to,
            lambda sender, recipient: letter.compose(
                message, sender=sender, recipient=recipient, base_url=self._base_url, now=now
            ),
            message.recipient_name,
        )

    async def post(
        self, to: str, compose: Callable[[Mailbox, Mailbox], EmailMessage], name: str = ""
    ) -> Receipt:
        """Hands over the mail that `compose` makes for sender and recipient, in one attempt."""
        self._require_configuration()
        sender, recipient = self._sender(), _recipient(to, name)
        mail = compose(sender, recipient)
        session = _Session(self._settings, self._tls_context(), sender.domain)
        words = await session.run(self._resolver, mail, sender.addr_spec, recipient.addr_spec)
        return Receipt(provider_id=str(mail["Message-ID"]), detail=words)

    async def probe(self) -> str:
        """Connects, encrypts and signs in, and sends nothing."""
        self._require_configuration()
        session = _Session(self._settings, self._tls_context(), self._sender().domain)
        await session.run(self._resolver)
        how = {"none": "without encryption", "starttls": "with STARTTLS", "tls": "with TLS"}
        login = " and accepts the login" if self._settings.username else ""
        return f"{self._settings.where} answers {how[self._settings.security]}{login}."

    async def close(self) -> None:
        """Nothing stays open between mails."""
        self._resolver.close()

    def _require_configuration(self) -> None:
        if not self._settings.host:
            raise NotifierError(
                Reason.MISCONFIGURED,
                "No mail server is configured: set `host` and `from` in the [smtp] section of openalert.toml.",
                permanent=True,
            )

    def _sender(self) -> Mailbox:
        name, address = parseaddr(self._settings.sender)
        if (parsed := parse_address(address, name)) is None:
            raise NotifierError(
                Reason.MISCONFIGURED,
                "`from` in the [smtp] section is no mail address: write it as OpenAlert <alerts@example.com>.",
                permanent=True,
            )
        return parsed

    def _tls_context(self) -> ssl.SSLContext | None:
        """Made once: reading the system's authorities takes tens of milliseconds."""
        if self._tls is None and self._settings.security != "none":
            self._tls = ssl.create_default_context()
        return self._tls


def parse_address(address: str, name: str = "") -> Mailbox | None:
    """One plain address, its domain in ASCII; None for anything else, quoted local parts among it."""
    local, at, domain = address.strip().rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or not domain.isprintable():
        return None
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", ascii_domain):
            return None
        return Mailbox(display_name=one_line(name, 80), username=local, domain=ascii_domain)
    except ValueError:
        return None


def _recipient(to: str, name: str) -> Mailbox:
    if (address := parse_address(to, name)) is None:
        raise NotifierError(
            Reason.REJECTED_RECIPIENT, "This is not a mail address that can be written to.", permanent=True
        )
    return address


class _Session:
    """One conversation with the server. `_stage` is what a failure is judged by."""

    def __init__(self, settings: EmailSettings, tls: ssl.SSLContext | None, own_name: str) -> None:
        self._settings = settings
        self._port = settings.port or DEFAULT_PORTS[settings.security]
        self._smtp = aiosmtplib.SMTP(
            hostname=settings.host,
            local_hostname=own_name,
            timeout=settings.deadline,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=tls,
        )
        self._stage: Literal["connect", "encrypt", "login", "sender", "recipient", "data", "sent"] = "connect"

    async def run(
        self, resolver: Resolver, mail: EmailMessage | None = None, sender: str = "", recipient: str = ""
    ) -> str:
        """Delivers `mail` and returns the server's last words; without a mail, only signs in."""
        try:
            async with asyncio.timeout(self._settings.deadline):
                await self._connect(resolver)
                await self._sign_in()
                words = await self._deliver(mail, sender, recipient) if mail else ""
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            self._smtp.close()
            raise self._verdict(error) from error
        except BaseException:
            self._smtp.close()
            raise
        await self._leave()
        return words

    async def _connect(self, resolver: Resolver) -> None:
        async with asyncio.timeout(self._settings.connect_deadline):
            addresses = await resolver.addresses(self._settings.host, self._port)
            connection = await _dial(addresses, self._port, self._settings.connect_deadline)
        try:
            await self._smtp.connect(sock=connection)
        except BaseException:
            connection.close()
            raise

    async def _sign_in(self) -> None:
        if self._settings.security == "starttls":
            self._stage = "encrypt"
            await self._smtp.starttls()
        if self._settings.username:
            self._stage = "login"
            await self._smtp.login(self._settings.username, self._settings.password)
        else:
            await self._smtp.ehlo()

    async def _deliver(self, mail: EmailMessage, sender: str, recipient: str) -> str:
        beyond_ascii = not (sender + recipient).isascii()
        if beyond_ascii and not self._smtp.supports_extension("smtputf8"):
            raise NotifierError(
                Reason.REJECTED_RECIPIENT,
                "The address has letters beyond ASCII, and the mail server does not take such addresses.",
                permanent=True,
            )
        encoding = "utf-8" if beyond_ascii else "ascii"
        options = ["SMTPUTF8", "BODY=8BITMIME"] if beyond_ascii else []
        self._stage = "sender"
        await self._smtp.mail(sender, options=options, encoding=encoding)
        self._stage = "recipient"
        await self._smtp.rcpt(recipient, encoding=encoding)
        self._stage = "data"
        return await self._transfer(mail.as_bytes())

    async def _transfer(self, content: bytes) -> str:
        """DATA in two steps, because a connection lost before the content was sent is no lost answer."""
        go_ahead = await self._smtp.execute_command(b"DATA")
        if go_ahead.code != aiosmtplib.SMTPStatus.start_input:
            raise aiosmtplib.SMTPDataError(go_ahead.code, go_ahead.message)
        protocol = self._smtp.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._stage = "sent"
        protocol.write(_LEADING_PERIOD.sub(b"..", content) + b".\r\n")
        answer = await protocol.read_response(timeout=self._settings.deadline)
        if answer.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        return one_line(f"{answer.code} {answer.message}", 200)

    async def _leave(self) -> None:
        """Says goodbye; whatever comes of it changes nothing about the mail."""
        with suppress(aiosmtplib.SMTPException, OSError):
            await self._smtp.quit(timeout=_QUIT_SECONDS)
        self._smtp.close()

    def _verdict(self, error: Exception) -> NotifierError | LostAnswer:
        where = self._settings.where
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
            return self._refusal(error.code, self._words(error.message))
        if self._stage == "sent":
            return LostAnswer(f"The mail was handed to {where}, and no answer came back.")
        if isinstance(error, TimeoutError):
            return NotifierError(Reason.TIMEOUT, f"{where} did not answer in time.")
        if self._stage == "encrypt" or is_tls_failure(error):
            return NotifierError(
                Reason.TLS_FAILED,
                f"No encrypted connection to {where}: {self._words(str(error))}",
                is_certificate=bool(certificate_fault(error)),
            )
        if self._stage == "login" and not isinstance(error, OSError):
            return NotifierError(
                Reason.AUTH_FAILED, f"{where} offers no way to sign in that is known here.", permanent=True
            )
        if isinstance(error, aiosmtplib.SMTPServerDisconnected):
            return NotifierError(Reason.UNREACHABLE, f"{where} closed the connection.")
        if isinstance(error, OSError):
            return NotifierError(Reason.UNREACHABLE, f"{where} cannot be reached: {self._words(str(error))}")
        return NotifierError(Reason.BAD_RESPONSE, f"{where} does not speak SMTP: {self._words(str(error))}")

    def _refusal(self, code: int, words: str) -> NotifierError:
        """What a reply of 4xx (try again) or 5xx (never) means at this stage."""
        permanent = code >= 500
        detail = f"{self._settings.where} answered {code} {words}".rstrip()
        if self._stage == "login" or code in _AUTHENTICATION_REQUIRED:
            return NotifierError(Reason.AUTH_FAILED, detail, permanent=permanent)
        if self._stage == "encrypt":
            return NotifierError(Reason.TLS_FAILED, detail)
        if code == aiosmtplib.SMTPStatus.domain_unavailable:
            return NotifierError(Reason.PROVIDER_FAILED, detail)
        if self._stage == "recipient" and permanent:
            return NotifierError(Reason.REJECTED_RECIPIENT, detail, permanent=True)
        return NotifierError(Reason.REFUSED, detail, permanent=permanent)

    def _words(self, text: str) -> str:
        """The server's words on one line; a server that repeats the password does not get it into our log."""
        password = self._settings.password
        return one_line(text.replace(password, "***") if password else text, 200)


async def _dial(addresses: list[Address], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that answers; each gets its share of the time that is left."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    failure: OSError = OSError("the name has no address")
    for position, address in enumerate(addresses):
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout((ends - loop.time()) / (len(addresses) - position)):
                await loop.sock_connect(connection, (str(address), port))
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure
