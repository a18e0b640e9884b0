"""Every place from which a request leaves, pointed at every address that must not be reached (S-52, S-53)."""

import ipaddress
from collections.abc import Awaitable, Callable

import httpcore2
import pytest

from openalert.domain.errors import Unavailable
from openalert.domain.notification import NotificationKind
from openalert.notifiers.addresses import Address, Resolver
from openalert.notifiers.http import HttpClient, OutgoingSettings
from openalert.notifiers.identity_provider import IdentityProvider, ProviderSettings
from openalert.notifiers.notifier import Message, NotifierError
from openalert.notifiers.webhook import WebhookNotifier, new_secret
from tests.notifiers.messages import NOW

pytestmark = pytest.mark.anyio

CLOSED = [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "0.0.0.0", "0.1.2.3", "192.0.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
    "2001::1", "2001:db8::1",
]  # fmt: skip
SPELLED = [
    "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "0300.0250.1", "127.0.0.1.", "localhost", "LOCALHOST.",
    "[::1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "0", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost",
]  # fmt: skip
NOT_HTTP = [
    "file:///etc/passwd", "gopher://127.0.0.1:25/_x", "unix:///run/x", "ftp://127.0.0.1/", "http://a@127.0.0.1/",
    "http://example.com#@127.0.0.1/", "http://example.com\\@127.0.0.1/", "http://127.0.0.1\t.example.com/",
    "http://example.com:80@127.0.0.1/", "//127.0.0.1/", "http:127.0.0.1", "http:///127.0.0.1", "http://[::1%25lo]/",
]  # fmt: skip


class Names(Resolver):
    """A name server that an attacker runs: each answer once, the last for ever."""

    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = list(answers)

    async def addresses(self, host: str, port: int) -> list[Address]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(part) for part in answer.split()]


async def by_webhook(url: str, names: Resolver | None) -> str:
    """A message of a channel, or its test button: how it was refused."""
    notifier = WebhookNotifier(base_url="http://127.0.0.1:8080", resolver=names)
    message = Message(
        notification_id="n", kind=NotificationKind.TEST, to=url, organization="Acme", at=NOW,
        channel_config={"secret": new_secret()},
    )  # fmt: skip
    try:
        with pytest.raises(NotifierError) as caught:
            await notifier.send(message, NOW)
        return str(caught.value)
    finally:
        await notifier.close()


async def by_identity_provider(url: str, names: Resolver | None) -> str:
    """What single sign-on asks of its provider, whose addresses the provider itself may name."""
    provider = IdentityProvider(
        ProviderSettings(issuer=url, client_id="c", redirect_uri="http://x/auth/callback")
    )
    if names is not None:
        provider._client = HttpClient(resolver=names)
    with pytest.raises(Unavailable) as caught:
        await provider._request("GET", url, {})
    return caught.value.message


WAYS_OUT: list[Callable[[str, Resolver | None], Awaitable[str]]] = [by_webhook, by_identity_provider]


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every connection that is opened all the same."""
    seen: list[str] = []

    async def connect(self: object, host: str, *args: object, **kwargs: object) -> None:
        seen.append(host)
        raise httpcore2.ConnectError("a test dialled")

    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect)
    monkeypatch.setattr("httpcore2._backends.auto.AutoBackend.connect_tcp", connect)
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:3128")
    return seen


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_no_way_out_leads_to_a_closed_address(
    way: Callable[[str, Resolver | None], Awaitable[str]], dialled: list[str]
) -> None:
    """Written as an address or hidden behind a name, alone or beside a public one: refused before a byte is sent."""
    for address in CLOSED:
        literal = f"[{address}]" if ":" in address else address
        for url, names in (
            (f"http://{literal}/x", Names(address)),
            ("https://hooks.example.com/x", Names(address)),
            ("https://hooks.example.com/x", Names(f"8.8.8.8 {address}")),
            ("https://hooks.example.com/x", Names(f"{address} 8.8.8.8")),
        ):
            assert "is not allowed" in await way(url, names), (url, address)
    assert dialled == []


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_no_spelling_of_this_machine_leads_to_it(
    way: Callable[[str, Resolver | None], Awaitable[str]], dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Octal, hexadecimal, one number, full-width, circled, with a dot: read as the system reads it, then refused."""
    monkeypatch.undo()  # the guard against lookups does not know these spellings; none leaves this machine
    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", None)
    for host in SPELLED:
        told = await way(f"http://{host}:1/x", None)
        assert "is not allowed" in told or "cannot be" in told, (host, told)


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_what_is_no_plain_url_is_not_asked_for(
    way: Callable[[str, Resolver | None], Awaitable[str]], dialled: list[str]
) -> None:
    """Other schemes, credentials, and what different readers read differently; the name server is not even asked."""
    for url in NOT_HTTP:
        told = await way(url, Names("127.0.0.1"))
        assert "cannot be used" in told or "is not allowed" in told, (url, told)
    assert dialled == []


async def test_a_name_is_checked_at_every_request_and_the_checked_address_is_dialled(
    dialled: list[str],
) -> None:
    """First public, then private (DNS rebinding): the second is refused, the first went where it was seen to go."""
    client = HttpClient(OutgoingSettings(), resolver=Names("8.8.8.8", "127.0.0.1", "8.8.4.4"))
    told = []
    for _ in range(3):
        with pytest.raises(NotifierError) as caught:
            await client.request("GET", "http://rebound.example.com/", headers={})
        told.append("is not allowed" in str(caught.value))
    assert told == [False, True, False]
    assert dialled == ["8.8.8.8", "8.8.4.4"]
    await client.close()


async def test_a_refusal_tells_nothing_of_what_is_there(dialled: list[str]) -> None:
    """One sentence for every closed address and every port, at once: no map of the network can be drawn by asking."""
    told = set()
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        for port in (22, 80, 65000):
            told.add(await by_webhook(f"http://hooks.example.com:{port}/", Names(address)))
    assert len(told) == 1
    assert dialled == [], "nobody is waited for"
    assert "127" not in told.pop()
