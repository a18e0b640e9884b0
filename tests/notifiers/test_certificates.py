"""Certificates are seen as they are shown: of web and mail servers, and in files; by a handshake and nothing else."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import msgspec
import pytest

from openalert.config import Config, DatabaseSection, Secret, Smtp
from openalert.config.sections import (
    LastResort,
    MailIn,
    Mattermost,
    SelfMonitor,
    Server,
    Slack,
)
from openalert.domain.certificate import Certificate, CertificateState
from openalert.domain.instant import DAY
from openalert.notifiers import certificates
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.certificates import Begins, CheckedLook, Place, look, places
from openalert.notifiers.http import OutgoingSettings
from openalert.storage import wall_clock
from tests.fakes.certificates import make_certificate
from tests.fakes.postgres_tls import PostgresDoor
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.ports import free_port
from tests.processes.postgres_cluster import Cluster, room

pytestmark = pytest.mark.anyio


async def _seen(**members: object) -> Certificate:
    place = Place(use="x", words="the other", **({"host": "127.0.0.1"} | members))  # type: ignore[arg-type]
    return await look(place, wall_clock())


@pytest.mark.parametrize(
    ("days", "state"),
    [(60, CertificateState.GOOD), (13, CertificateState.SOON), (2, CertificateState.VERY_SOON)],
)
async def test_a_web_server(days: int, state: CertificateState) -> None:
    """Its end to the second, whoever has signed it; and it is asked for nothing."""
    async with FakeWebhook(certificate=make_certificate(days_left=days)) as server:
        seen = await _seen(port=server.port)
        assert seen.problem == ""
        assert abs((seen.ends_at or 0) - wall_clock() - days * DAY) < DAY
        assert seen.state(wall_clock()) is state
        assert server.requests == []


@pytest.mark.proves("F-48")
async def test_one_that_has_ended_can_be_seen() -> None:
    """What nobody would speak to any more still shows when that began."""
    async with FakeWebhook(certificate=make_certificate(expired=True)) as server:
        assert (await _seen(port=server.port)).state(wall_clock()) is CertificateState.ENDED


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_mail_server(implicit: bool) -> None:
    """With encryption from the start, or after STARTTLS; nobody signs in and no mail is sent."""
    shown = make_certificate(days_left=5)
    async with FakeSmtp(certificate=shown, implicit_tls=implicit, credentials=("a", "b")) as server:
        seen = await _seen(port=server.port, begins=Begins.ENCRYPTED if implicit else Begins.SMTP)
        assert seen.problem == ""
        assert seen.state(wall_clock()) is CertificateState.SOON
        assert server.mails == []


async def test_a_postgres() -> None:
    """It is asked first, as its own driver asks; nobody begins a session. One that does not encrypt says so."""
    shown = make_certificate(days_left=5)
    async with PostgresDoor(shown.server) as door:
        seen = await _seen(port=door.port, begins=Begins.POSTGRES)
        assert (seen.problem, seen.state(wall_clock())) == ("", CertificateState.SOON)
        assert door.heard == b""
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await asyncpg.connect(f"postgres://u@127.0.0.1:{door.port}/name", ssl=shown.client, timeout=30)
        assert b"name" in door.heard
    async with FakeWebhook(certificate=shown) as server:
        seen = await _seen(port=server.port, begins=Begins.POSTGRES_AT_ONCE)
        assert seen.state(wall_clock()) is CertificateState.SOON
    with room() as folder:
        plain = Cluster(folder / "one")
        plain.make()
        plain.start()
        assert (await _seen(port=plain.port, begins=Begins.POSTGRES)).problem == "It does not encrypt."


@pytest.mark.parametrize(
    ("url", "looked_at"),
    [
        ("postgres://u:p@one/name?sslmode=verify-full", ["one:5432"]),
        ("postgres://u@one,two:6000/name?sslmode=verify-ca", ["one:5432", "two:6000"]),
        ("postgres://u@/name?host=[::1]&port=6000&sslmode=verify-full", ["[::1]:6000"]),
        ("postgres://u@one/name?sslmode=require&sslrootcert=/ca.pem", ["one:5432"]),
        ("postgres://u@one/name?sslmode=require&sslcert=/own.pem", ["/own.pem"]),
        ("postgres://u@one/name?sslmode=verify_full", ["one:5432"]),
        ("postgres://u@one/name?sslmode=disable&sslmode=verify-full", ["one:5432"]),
        ("postgres://u@one/name?sslcert=/own.pem", ["/own.pem"]),
        ("postgres://u@one/name?sslmode=prefer&sslrootcert=/ca.pem", []),
        ("postgres://u@one/name?sslmode=require", []),
        ("postgres://u@one/name?sslmode=disable&sslcert=/own.pem", []),
        ("postgres://u@one/name", []),
        ("postgres://u@/name?host=/run/postgresql&sslmode=verify-full", []),
        ("postgres://u@one,two/name?sslmode=verify-full&port=1,2,3", []),
        ("sqlite:////tmp/a.db?sslmode=verify-full", []),
    ],
)
def test_a_postgres_whose_certificate_counts(url: str, looked_at: list[str]) -> None:
    """Where its end would break the connection, and our own; one that nobody verifies may end as it likes."""
    assert [each.where for each in places(Config(database=DatabaseSection(url=Secret(url))))] == looked_at


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("", Begins.POSTGRES),
        ("&sslnegotiation=postgres", Begins.POSTGRES),
        ("&sslnegotiation=direct", Begins.POSTGRES_AT_ONCE),
    ],
)
def test_a_postgres_is_asked_as_its_url_says(said: str, begins: Begins) -> None:
    """Whether it encrypts at all, or nothing because it does from the first byte."""
    url = f"postgres://u@one/name?sslmode=verify-full{said}"
    assert [each.begins for each in places(Config(database=DatabaseSection(url=Secret(url))))] == [begins]


Met = tuple[str | None, str | None]
"""The name by which somebody asks a server for its certificate, and the protocol that the two agreed on."""


@asynccontextmanager
async def _noting(tls: ssl.SSLContext) -> AsyncIterator[tuple[int, asyncio.Queue[Met]]]:
    """The port of a server, and those who come there, also who hangs up before the handshake has ended on our side."""
    asked: list[str | None] = []
    met: asyncio.Queue[Met] = asyncio.Queue()
    tls.sni_callback = lambda _, name, __: asked.append(name)
    loop = asyncio.get_running_loop()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as encrypted:
                with suppress(OSError):
                    encrypted.do_handshake()
                protocol = encrypted.selected_alpn_protocol()
                loop.call_soon_threadsafe(met.put_nowait, (asked.pop(), protocol))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(asyncio.to_thread(serve))
        yield listener.getsockname()[1], met
        listener.shutdown(socket.SHUT_RDWR)
        await serving


async def test_the_name_is_said_by_which_a_server_chooses() -> None:
    """One that has many names shows the certificate of that one; a Postgres may insist on its protocol's."""
    tls = make_certificate().server
    tls.set_alpn_protocols(["postgresql"])
    looks = CheckedLook(OutgoingSettings(allow_private_networks=True))
    async with _noting(tls) as (port, met):
        place = Place(use="x", words="", host="localhost", port=port)
        for look_at in (look, looks):
            assert (await look_at(place, wall_clock())).problem == ""
            assert await met.get() == ("localhost", None)
        at_once = msgspec.structs.replace(place, begins=Begins.POSTGRES_AT_ONCE)
        assert (await look(at_once, wall_clock())).problem == ""
        assert await met.get() == ("localhost", "postgresql")
    looks.close()


def test_who_looks_no_more_looks_for_no_name() -> None:
    """Its threads end with it."""

    class Names(Resolver):
        is_closed = False

        def close(self) -> None:
            self.is_closed = True
            super().close()

    names = Names()
    CheckedLook(OutgoingSettings(), names).close()
    assert names.is_closed


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_people_have_named_is_looked_at_where_requests_may_go(host: str) -> None:
    """Inside of our own networks nothing is even connected to, unless they are open to requests."""
    place = Place(use="elsewhere", words="", host=host, port=0)
    shut, opened = CheckedLook(OutgoingSettings()), CheckedLook(OutgoingSettings(allow_private_networks=True))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        inside = msgspec.structs.replace(place, port=listener.getsockname()[1])
        refused = await shut(inside, wall_clock())
        assert "is not allowed" in refused.problem
        assert refused.ends_at is None
        with pytest.raises(BlockingIOError):
            listener.accept()
    async with FakeWebhook(certificate=make_certificate(days_left=2)) as server:
        seen = await opened(msgspec.structs.replace(place, port=server.port), wall_clock())
        assert (seen.problem, seen.state(wall_clock())) == ("", CertificateState.VERY_SOON)
        assert server.requests == []
    shut.close()
    opened.close()


async def test_a_file_of_ours(tmp_path: Path) -> None:
    """The first certificate in it is ours, whatever key and chain stand beside it."""
    file = tmp_path / "both.pem"
    file.write_bytes(make_certificate(days_left=2).pem + make_certificate(days_left=300).pem)
    assert (await _seen(file=str(file))).state(wall_clock()) is CertificateState.VERY_SOON
    file.write_text("-----BEGIN nothing")
    assert (await _seen(file=str(file))).problem != ""


async def test_what_cannot_be_seen_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens; no TLS; no answer; a mail server that does not offer it: a sentence each, and never an error."""
    assert (await _seen(port=free_port())).problem == "Connection refused"
    async with FakeWebhook() as plain, FakeSmtp() as mail:
        assert "STARTTLS" in (await _seen(port=mail.port, begins=Begins.SMTP)).problem
        monkeypatch.setattr(certificates, "LONGEST", 0.2)
        assert (await _seen(port=plain.port)).problem != ""
        assert (await _seen(port=mail.port)).problem.startswith(("It did not answer", "[SSL"))


def test_what_is_encrypted_is_looked_at_once() -> None:
    """Every server that the configuration names, with its port; nothing twice, nothing in the clear."""
    config = Config(
        server=Server(base_url="https://oncall.example.org"),
        smtp=Smtp(host="mail.example"),
        smtp_backup=Smtp(host="second.example", security="tls"),
        mail_in=MailIn(port=25, domain="oncall.example.org", tls_certificate="/etc/mail.pem"),
        mattermost=Mattermost(url="https://chat.example:8443/team", bot_token="t"),
        slack=Slack(bot_token=""),
        self_monitor=SelfMonitor(url="http://hc.example/ping"),
        last_resort=LastResort(webhook="https://chat.example:8443/hook"),
    )
    assert [(each.use, each.where, each.begins is Begins.SMTP) for each in places(config)] == [
        ("base_url", "oncall.example.org:443", False),
        ("mail_in", "/etc/mail.pem", False),
        ("smtp", "mail.example:587", True),
        ("smtp_backup", "second.example:465", False),
        ("mattermost", "chat.example:8443", False),
    ]
    assert places(Config(smtp=Smtp(host="mail.example", security="none"))) == []
