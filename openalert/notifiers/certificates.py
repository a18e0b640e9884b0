"""Looks at certificates before they end: our own, those of servers that the configuration names, and of webhooks.

A handshake and nothing more: no request, no word, no credential is sent. So it does not matter whom the certificate
convinces, and one that has ended can be read too; whoever sends a message verifies it as ever.
"""

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from openalert.config import Config
from openalert.config.postgres_url import encryption_of, tcp_servers
from openalert.config.sections import MailServer
from openalert.domain.certificate import Certificate
from openalert.domain.instant import SECOND, Instant
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.email import DEFAULT_PORTS
from openalert.notifiers.http import CheckedNetwork, OutgoingSettings
from openalert.notifiers.text import one_line

LONGEST = 10.0
"""Seconds for one look."""


class Begins(StrEnum):
    """How a conversation comes to be encrypted."""

    ENCRYPTED = "encrypted"
    """It is from the first byte."""
    SMTP = "smtp"
    """A mail server offers STARTTLS."""
    POSTGRES = "postgres"
    """Postgres is asked before anything else (its SSLRequest)."""
    POSTGRES_AT_ONCE = "postgres_at_once"
    """It is from the first byte, and says so by its name (`postgresql`, ALPN)."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a certificate is looked at."""

    use: str
    words: str
    host: str = ""
    port: int = 0
    begins: Begins = Begins.ENCRYPTED
    file: str = ""
    """A PEM file of ours, in place of a server."""

    @property
    def where(self) -> str:
        """`host:port`, or the name of the file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.file or f"{host}:{self.port}"


def places(config: Config) -> list[Place]:
    """Each once, however many things it serves; nothing that is not encrypted."""
    found: dict[str, Place] = {}
    for place in _all(config):
        found.setdefault(place.where, place)
    return list(found.values())


def _all(config: Config) -> Iterator[Place]:
    last, mattermost, mail_in = config.last_resort, config.mattermost, config.mail_in
    yield from _of_url("base_url", "the address for people and senders", config.base_url)
    if mail_in.port and mail_in.tls_certificate:
        yield Place(use="mail_in", words="mail that comes in", file=mail_in.tls_certificate)
    yield from _of_database(config.database.url)
    yield from _of_mail("smtp", "the mail server", config.smtp)
    yield from _of_mail("smtp_backup", "the second mail server", config.smtp_backup)
    if last.mail_to:
        yield from _of_mail("last_resort_mail", "mail of the last resort", last)
    for use, words, url in (
        ("mattermost", "Mattermost", mattermost.url if mattermost.bot_token else ""),
        ("slack", "Slack", config.slack.base_url if config.slack.bot_token else ""),
        ("twilio", "Twilio", config.twilio.base_url if config.twilio.account_sid else ""),
        ("twilio_backup", "the second Twilio", _second_twilio(config)),
        ("telegram", "Telegram", config.telegram.base_url if config.telegram.bot_token else ""),
        ("oidc", "single sign-on", config.oidc.issuer),
        ("self_monitor", "the dead-man's switch", config.self_monitor.url),
        ("last_resort", "the webhook of the last resort", last.webhook),
        ("backup", "copies of backups", config.backup.endpoint if config.backup.bucket else ""),
        *(("status_mirror", f"the mirror {each.name}", each.endpoint) for each in config.status_pages.mirror),
        ("redis", "Valkey or Redis", config.redis.url),
        ("watch", "the server that is watched from here", config.watch.url),
    ):
        yield from _of_url(use, words, url)


def _second_twilio(config: Config) -> str:
    return config.twilio_backup.base_url if config.twilio_backup.account_sid else ""


_PORTS = {"https": 443, "rediss": 6379}


def _of_url(use: str, words: str, url: str) -> Iterator[Place]:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname:
            port = parts.port or _PORTS[parts.scheme]
            yield Place(use=use, words=words, host=parts.hostname, port=port)


def _of_mail(use: str, words: str, server: MailServer) -> Iterator[Place]:
    if server.host and server.security != "none":
        yield Place(
            use=use,
            words=words,
            host=server.host,
            port=server.port or DEFAULT_PORTS[server.security],
            begins=Begins.SMTP if server.security == "starttls" else Begins.ENCRYPTED,
        )


def _of_database(url: str) -> Iterator[Place]:
    """Where its end would break something: a certificate that nobody verifies may end as it likes."""
    with suppress(ValueError):
        encryption = encryption_of(url)
        begins = Begins.POSTGRES_AT_ONCE if encryption.is_direct else Begins.POSTGRES
        if encryption.is_verified:
            for host, port in tcp_servers(url):
                yield Place(use="postgres", words="Postgres", host=host, port=port, begins=begins)
        if encryption.own_certificate:
            words = "this server, which it shows to Postgres"
            yield Place(use="postgres_client", words=words, file=encryption.own_certificate)


async def look(place: Place, now: Instant) -> Certificate:
    """As it is at this moment; never raises: what went wrong is its `problem`."""
    return await _look(place, now, _shown)


async def _look(place: Place, now: Instant, show: Callable[[Place], Awaitable[bytes]]) -> Certificate:
    try:
        async with asyncio.timeout(LONGEST):
            starts_at, ends_at = await asyncio.to_thread(_span, await show(place))
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that it could not be looked at
        return _seen(place, now, problem=_words(error))
    return _seen(place, now, starts_at=starts_at, ends_at=ends_at)


class CheckedLook:
    """Looks at what people have named: by addresses that requests may go to, and by no others."""

    def __init__(self, settings: OutgoingSettings, resolver: Resolver | None = None) -> None:
        self._settings, self._resolver = settings, resolver or Resolver()
        self._network = CheckedNetwork(settings, self._resolver)

    async def __call__(self, place: Place, now: Instant) -> Certificate:
        """As `look`, of a place that is encrypted from the first byte."""
        return await _look(place, now, self._shown)

    async def _shown(self, place: Place) -> bytes:
        stream = await self._network.connect_tcp(place.host, place.port, self._settings.connect_deadline)
        try:
            encrypted = await stream.start_tls(_of_anybody(), server_hostname=place.host)
            return _der(encrypted.get_extra_info("ssl_object"))
        finally:
            await stream.aclose()

    def close(self) -> None:
        """Looks for no name any more."""
        self._resolver.close()


def _seen(
    place: Place,
    now: Instant,
    *,
    starts_at: Instant | None = None,
    ends_at: Instant | None = None,
    problem: str = "",
) -> Certificate:
    return Certificate(
        use=place.use,
        words=place.words,
        where=place.where,
        looked_at=now,
        starts_at=starts_at,
        ends_at=ends_at,
        problem=problem,
    )


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"It did not answer within {LONGEST:.0f} s."
    told = error.strerror if isinstance(error, OSError) else None
    return one_line(told or str(error) or type(error).__name__, 200)


async def _shown(place: Place) -> bytes:
    """The certificate that is shown there, in PEM or DER."""
    if place.file:
        return await asyncio.to_thread(Path(place.file).read_bytes)
    context = _of_anybody()
    if place.begins is Begins.SMTP:
        return await _after_starttls(place, context)
    if place.begins is Begins.POSTGRES:
        return await _after_asking(place, context)
    if place.begins is Begins.POSTGRES_AT_ONCE:
        context.set_alpn_protocols(["postgresql"])
    _, writer = await asyncio.open_connection(place.host, place.port, ssl=context, server_hostname=place.host)
    try:
        return _der(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


def _of_anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is said to whoever is there, so nobody has to be believed; and one that has ended is to be read too.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _after_asking(place: Place, context: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection(place.host, place.port)
    try:
        writer.write(_SSL_REQUEST)
        answer = await reader.readexactly(1)
        if answer != b"S":
            raise OSError("It does not encrypt.")
        await writer.start_tls(context, server_hostname=place.host)
        return _der(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""The first words to a Postgres that is asked whether it encrypts: their length, and 1234.5679 as its protocol says."""


async def _after_starttls(place: Place, context: ssl.SSLContext) -> bytes:
    client = aiosmtplib.SMTP(
        hostname=place.host,
        port=place.port,
        use_tls=False,
        start_tls=True,
        tls_context=context,
        timeout=LONGEST,
    )
    try:
        await client.connect()
        return _der(client.get_transport_info("ssl_object"))
    finally:
        client.close()


def _der(tls: ssl.SSLObject | None) -> bytes:
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    if not shown:
        raise OSError("It shows no certificate.")
    return shown


def _span(shown: bytes) -> tuple[Instant, Instant]:
    """From when until when it holds; of a file with several the first, which is the server's own."""
    from cryptography import x509

    certificate = (
        x509.load_pem_x509_certificates(shown)[0]
        if b"-----BEGIN" in shown
        else x509.load_der_x509_certificate(shown)
    )
    return (
        round(certificate.not_valid_before_utc.timestamp()) * SECOND,
        round(certificate.not_valid_after_utc.timestamp()) * SECOND,
    )
