"""Addresses of Apprise: what is refused, and what may be seen."""

import pytest

from openalert.domain import apprise
from openalert.domain.errors import Invalid


@pytest.mark.parametrize(
    "address",
    [
        "ntfy://ops-topic",
        "ntfys://ntfy.example.com/ops?priority=high",
        "pover://user@token",
        "discord://4174216298/JHMoiGh0wNGZ4",
    ],
)
def test_services_for_people_are_for_teams_too(address: str) -> None:
    """What somebody may enter for themselves may be a team's place as well."""
    assert apprise.check_own_address(f" {address} ") == address
    assert apprise.check_team_address(address) == address


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("syslog://", "begins with the service"),
        ("syslog://local0", "past the rules"),
        ("dbus://x", "past the rules"),
        ("mqtt://10.0.0.1/x", "past the rules"),
        ("fcm://p@key/?keyfile=/etc/passwd", "past the rules"),
        ("mailto://a:b@example.com", "Use the kind E-mail"),
        ("jsons://example.com", "Use the kind Webhook"),
        ("https://discord.com/api/webhooks/1/x", "as Apprise has it"),
        ("NTFY://x", "begins with the service"),
        ("ntfy://a b", "begins with the service"),
        ("ntfy://a\r\nX: y", "begins with the service"),
        ("ntfy://" + "x" * 2_000, "begins with the service"),
    ],
)
def test_what_acts_past_the_rules_is_refused_in_words(address: str, said: str) -> None:
    """What acts on the machine, dials by itself or is a channel of ours is refused for teams and for people."""
    for check in (apprise.check_own_address, apprise.check_team_address):
        with pytest.raises(Invalid, match=said):
            check(address)


def test_people_get_only_services_for_people() -> None:
    """An SMS gateway or a home automation is for admins to add."""
    assert apprise.check_team_address("hassio://host/token") == "hassio://host/token"
    with pytest.raises(Invalid, match="not for people"):
        apprise.check_own_address("hassio://host/token")


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("ntfy://s3cret-topic", "ntfy://… ("),
        ("ntfy://me:passw0rd@ntfy.example.com/s3cret-topic", "ntfy://ntfy.example.com/… ("),
        ("pover://userkey@apptoken", "pover://… ("),
        ("discord://4174216298/JHMoiGh0wNGZ4", "discord://… ("),
        ("gotifys://push.example.com:8443/s3cretToken", "gotifys://push.example.com:8443/… ("),
    ],
)
def test_nothing_secret_is_shown(address: str, seen: str) -> None:
    """Service and server may be seen, and eight characters that tell two addresses apart."""
    told = apprise.shown(address)
    assert told.startswith(seen)
    assert not any(secret in told for secret in apprise.secrets_in(address))
    assert told != apprise.shown(address + "2")
