"""Channels: what may be seen of an address that is a secret, and what is no address."""

import pytest

from openalert.domain.channel import CHANNEL_KINDS, channel_kind, check_url, shown_secret
from openalert.domain.errors import Invalid


def test_a_secret_address_shows_its_host_alone() -> None:
    """Path, query and user name are what lets one write there; two of one host can still be told apart."""
    shown = shown_secret("https://user:pass@hooks.example.com/T0/B1?sig=abc")
    assert shown.startswith("https://hooks.example.com/… (")
    assert not any(word in shown for word in ("user", "pass", "T0", "abc"))
    assert shown != shown_secret("https://hooks.example.com/T0/B2")


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x", "https://", "https://a b", "https://x:0/", "https://x/\n", "https://x/" + "y" * 2000],
)
def test_what_no_request_can_go_to_is_refused(url: str) -> None:
    """Another scheme, no host, a blank, port 0, a line break, too long."""
    with pytest.raises(Invalid):
        check_url(url)


def test_an_unknown_kind_is_refused_with_what_there_is() -> None:
    """The sentence lists the kinds."""
    with pytest.raises(Invalid, match="webhook"):
        channel_kind("pigeon")
    assert all(kind.type == name for name, kind in CHANNEL_KINDS.items())
