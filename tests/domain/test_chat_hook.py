"""Addresses of channels in Slack and Teams: the vendor's host, and nothing that only looks like it."""

import pytest

from openalert.domain.chat_hook import Chat, chat_of


@pytest.mark.parametrize(
    ("url", "chat"),
    [
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", Chat.SLACK),
        ("https://hooks.slack.com:443/services/T0/B0/XX", Chat.SLACK),
        ("https://HOOKS.slack.com/services/T0/B0/XX", Chat.SLACK),
        ("https://hooks.slack.com/triggers/T0/123/abc", Chat.SLACK),
        (
            "https://prod-12.westeurope.logic.azure.com/workflows/abc/triggers/manual/paths/invoke"
            "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=x",
            Chat.TEAMS,
        ),
        ("https://prod-12.westeurope.logic.azure.com:443/workflows/abc/triggers/manual", Chat.TEAMS),
        ("https://default1.2f.environment.api.powerplatform.com/powerautomate/x?sig=1", Chat.TEAMS),
        ("https://acme.webhook.office.com/webhookb2/x@y/IncomingWebhook/z/w", Chat.TEAMS),
    ],
)
def test_a_channel_is_known_by_its_host(url: str, chat: Chat) -> None:
    """As the vendors write their addresses."""
    assert chat_of(url) is chat


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://hooks.slack.com/services/T0/B0/XX",
        "https://hooks.slack.com/",
        "https://hooks.slack.com/services/../../api/T0/B0",
        "https://hooks.slack.com/services/T0/B0/XX?redirect=1",
        "https://hooks.slack.com:8443/services/T0/B0/XX",
        "https://hooks.slack.com@evil.example/services/T0/B0/XX",
        "https://evil.example/hooks.slack.com/services/T0/B0/XX",
        "https://hooks.slack.com.evil.example/services/T0/B0/XX",
        "https://evilhooks.slack.com/services/T0/B0/XX",
        "https://hooks.slack.com\\@evil.example/services/T0/B0/XX",
        "https://evil.example#.webhook.office.com/x",
        "https://evil.example?.webhook.office.com/x",
        "https://evillogic.azure.com/x",
        "https://logic.azure.com/x",
        "https://ａ.logic.azure.com/x",
        "https://a.logic.azure.com:99999/x",
        "https://[::1/x",
        "https://127.0.0.1/services/T0/B0/XX",
        "https://a.webhook.office.com/" + "x" * 2_000,
        "https://a.webhook.office.com/x\n",
    ],
)
def test_nothing_else_is_a_channel(url: str) -> None:
    """Other hosts, other schemes, and tricks with the parts of an address."""
    assert chat_of(url) is None
