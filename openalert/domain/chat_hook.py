"""ChatHook: the address of a channel in Slack or Teams that takes posts; by its host it is known whose it is.

Only such an address may be named by somebody who is a stranger to us: what is posted there comes to a channel and not
to a machine of somebody's choice.
"""

import re
from enum import StrEnum
from urllib.parse import urlsplit


class Chat(StrEnum):
    """The programs whose channels can follow a page."""

    SLACK = "slack"
    TEAMS = "teams"

    @property
    def words(self) -> str:
        """As people read it."""
        return {"slack": "Slack", "teams": "Microsoft Teams"}[self.value]


_SLACK = re.compile(
    r"/services/[A-Za-z0-9]{1,40}/[A-Za-z0-9]{1,40}/[A-Za-z0-9]{1,80}/?|/triggers/[\w/-]{1,200}"
)
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_TEAMS_HOSTS = (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")
"""Where the webhooks of workflows are, and those of connectors before them."""


def chat_of(url: str) -> Chat | None:
    """Whose channel the address is; None: it is none of a chat that we know."""
    if len(url) > 2_000 or not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or port not in (None, 443) or "@" in parts.netloc or parts.fragment:
        return None
    if host in _SLACK_HOSTS:
        return Chat.SLACK if _SLACK.fullmatch(parts.path) and not parts.query else None
    if any(host.endswith(each) and host != each[1:] for each in _TEAMS_HOSTS) and len(parts.path) > 1:
        return Chat.TEAMS
    return None
