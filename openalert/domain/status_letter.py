"""Letter: what one subscriber of a status page is sent at a time, by whatever way they are told."""

import msgspec

from openalert.domain.status_page import Component, Indicator, StatusIncident, StatusPage, StatusUpdate
from openalert.domain.status_subscriber import MailingKind, Subscriber


class Bulletin(msgspec.Struct, frozen=True, kw_only=True):
    """An update as it is told: the same for everybody."""

    incident: StatusIncident
    update: StatusUpdate
    updates: tuple[StatusUpdate, ...]
    """Everything that was said of the incident, the newest first."""
    components: tuple[Component, ...]
    """Those that it is about, each as it is for customers."""
    indicator: Indicator
    """How the whole page stands."""
    url: str
    """Where the incident is told."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to one subscriber. It holds links that act for them: never to be logged."""

    kind: MailingKind
    id: str
    """The same for every attempt, different for everybody."""
    page: StatusPage
    page_url: str
    subscriber: Subscriber
    to: str
    """The mail address, or the URL that was sealed."""
    chosen: tuple[str, ...] = ()
    """Names of the components that they chose; empty: all of the page."""
    bulletin: Bulletin | None = None
    manage_url: str
    unsubscribe_url: str
    confirm_url: str = ""
    is_repeat: bool = False
    """It may have arrived before."""

    def __repr__(self) -> str:
        """Enough to find the row."""
        return f"Letter({self.kind} {self.id})"

    @property
    def language(self) -> str:
        """In which it is written."""
        return self.subscriber.language or self.page.language


def page_url(page: StatusPage, base_url: str) -> str:
    """Where the public finds the page, without a slash at the end."""
    return f"https://{page.custom_domain}" if page.custom_domain else f"{base_url}/status/{page.slug}"
