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


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("alerts", "#alerts"), (" #Alerts ", "#alerts"), ("#on-call_2", "#on-call_2"), ("C012AB3CD", "C012AB3CD"),
     ("#störung", "#störung"), ("#緊急", "#緊急")],
)  # fmt: skip
def test_a_slack_channel_by_name_or_id(typed: str, kept: str) -> None:
    """A name gets its number sign and small letters, as Slack has them; an id stays as it is."""
    assert channel_kind("slack").check(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "#",
        "two words",
        "@bea",
        "<!channel>",
        "#a&b",
        "https://x.slack.com/archives/C1",
        "#" + "x" * 81,
        "a\x00b",
    ],
)
def test_what_is_no_slack_channel(typed: str) -> None:
    """A person, markup, an address: refused with what to write."""
    with pytest.raises(Invalid, match="#alerts"):
        channel_kind("slack").check(typed)
