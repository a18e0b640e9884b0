"""CalendarLink: an address with a secret at which a calendar program reads shifts, with the rights of its maker."""

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant

LONGEST_NAME = 100
MOST_LINKS = 20
"""Of one person."""


class CalendarLink(msgspec.Struct, frozen=True, kw_only=True):
    """Lets whoever knows its token read one calendar for as long as its maker may."""

    id: str
    organization_id: str
    user_id: str
    """Whose it is: the rights of this person are asked at every reading."""
    schedule_id: str | None = None
    """The schedule that it tells of; None: the person's own shifts, in all schedules."""
    name: str
    token_hash: str
    with_gaps: bool = False
    """Whether times of nobody are entries too."""
    created_at: Instant
    last_used_at: Instant | None = None


def check_link(link: CalendarLink) -> None:
    """Refuse, as Invalid, a link that nobody could tell from others."""
    if not link.name or len(link.name) > LONGEST_NAME:
        raise Invalid(f"name must have 1 to {LONGEST_NAME} characters.", field="name")
    if link.with_gaps and link.schedule_id is None:
        raise Invalid("withGaps is for the calendar of a schedule.", field="withGaps")
