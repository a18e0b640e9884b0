"""Which addresses may be dialled, one by one."""

import ipaddress

import pytest

from openalert.notifiers.addresses import AddressPolicy, Resolver

pytestmark = pytest.mark.anyio

PRIVATE = ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
           "100.127.255.255", "127.0.0.1", "127.1.2.3", "::1", "fc00::1", "fdff:ffff::1"]  # fmt: skip
SPECIAL = [
    "0.0.0.0", "0.1.2.3", "169.254.1.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "4000::1", "5f00::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
]  # fmt: skip
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
            "fd20:ce::254"]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255",
          "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.167.255.255", "198.17.255.255",
          "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860::8888"]  # fmt: skip


def allowed(policy: AddressPolicy, address: str) -> bool:
    """What the policy says of an address in text form."""
    return policy.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE + SPECIAL + METADATA)
def test_nothing_special_is_dialled(address: str) -> None:
    """Every range that could lead to ourselves, to neighbours or to a translator is closed."""
    assert not allowed(AddressPolicy(), address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_dialled(address: str) -> None:
    """Also those that lie just outside of a closed range."""
    assert allowed(AddressPolicy(), address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_can_be_opened(address: str) -> None:
    """One line of configuration, for receivers in the same building."""
    assert allowed(AddressPolicy(allow_private_networks=True), address)


@pytest.mark.parametrize("address", SPECIAL + METADATA)
def test_opening_private_networks_opens_nothing_else(address: str) -> None:
    """Metadata services and the rest of the table stay closed, those in private ranges too."""
    assert not allowed(AddressPolicy(allow_private_networks=True), address)


def test_one_network_can_be_opened() -> None:
    """And only that one."""
    policy = AddressPolicy(allowed_networks=["10.20.0.0/16", "fd12::/32"])
    assert allowed(policy, "10.20.30.40")
    assert allowed(policy, "fd12::1")
    assert not allowed(policy, "10.21.0.1")
    assert not allowed(policy, "127.0.0.1")
    assert not allowed(policy, "::ffff:10.20.30.40")


@pytest.mark.parametrize("address", METADATA)
def test_metadata_only_by_name(address: str) -> None:
    """A wide network does not open it, its own address does."""
    wide = ["0.0.0.0/0", "::/0"]
    assert not allowed(AddressPolicy(allowed_networks=wide), address)
    assert allowed(AddressPolicy(allowed_networks=[address]), address)


@pytest.mark.parametrize(
    "disguised",
    ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254"],
)
def test_metadata_in_disguise(disguised: str) -> None:
    """An IPv6 address that leads to it counts as it, however wide the configuration is."""
    assert not allowed(AddressPolicy(allowed_networks=["::/0"]), disguised)


def test_a_network_that_cannot_be_read_is_named() -> None:
    """The start stops with it instead of running with a hole or a wall."""
    with pytest.raises(ValueError, match="intranet"):
        AddressPolicy(allowed_networks=["intranet"])


@pytest.mark.parametrize(
    "spelling", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "127.0.0.1"]
)
async def test_spellings_of_loopback_come_out_as_loopback(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check sees what would be dialled, not what was written."""
    monkeypatch.undo()  # the guard against lookups does not know these spellings; none leaves this machine
    resolver = Resolver()
    found = await resolver.addresses(spelling, 80)
    assert found
    assert all(address.is_loopback for address in found)
    resolver.close()


async def test_a_name_that_is_none_is_an_ordinary_failure() -> None:
    """Labels that cannot be encoded do not raise anything that callers do not expect."""
    resolver = Resolver()
    for name in ("mail.invalid", "a" * 300, "..", "x." * 200):
        with pytest.raises(OSError):  # noqa: PT011 - the platform chooses the words
            await resolver.addresses(name, 80)
    resolver.close()
