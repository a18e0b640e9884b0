"""SavedView: a list of alerts under a name, kept by somebody, for themselves or for a team."""

import msgspec

from openalert.domain.alert_filter import Listing
from openalert.domain.instant import Instant

MOST_VIEWS = 50
"""Of one person."""


class SavedView(msgspec.Struct, kw_only=True):
    """A row of `saved_views`."""

    id: str
    organization_id: str
    user_id: str
    """Who made it."""
    team_id: str | None = None
    """The team that it is shared with; None: nobody else sees it."""
    name: str
    query: str
    """The query of its address, as `Listing` writes it."""
    created_at: Instant
    updated_at: Instant

    @property
    def listing(self) -> Listing:
        """What it shows."""
        return Listing.read(self.query)
