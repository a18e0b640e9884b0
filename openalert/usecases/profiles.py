"""Profile: how the messages of one key are read and checked, as of one look at its integration.

Reading comes before the transaction that takes a message in, so what is known of a key may be old by then: the
transaction compares (`Route.as_of`), and what was read by an older profile is read again.
"""

from collections.abc import Mapping

import msgspec
import structlog

from openalert.domain.errors import Invalid, NotFound, Unauthenticated, Unavailable
from openalert.domain.instant import Instant
from openalert.domain.sender_check import SenderCheck, refusal
from openalert.domain.service import IntegrationConfig
from openalert.domain.vault import Unreadable
from openalert.sources import USUAL, Habits
from openalert.sources.mapping import Mapped
from openalert.storage import integrations, routes
from openalert.storage.routes import AsOf, Route
from openalert.storage.transaction import Reader

log = structlog.get_logger(__name__)


class Profile(msgspec.Struct, frozen=True):
    """How messages of one key are read and checked."""

    as_of: AsOf
    habits: Habits
    check: SenderCheck | None
    secret: str | None
    """What the check needs; None: it cannot be read, because the key it was sealed with is lost."""

    def refused(self, headers: Mapping[str, str], body: bytes, now: Instant) -> Unauthenticated | None:
        """Why a message is not taken; raises Unavailable while nobody can tell."""
        if self.check is None:
            return None
        if self.secret is None:
            raise Unavailable(
                "What this sender proves itself with cannot be read now. Send it again.", retry_after=60
            )
        why = refusal(self.check, self.secret, headers, body, now)
        return Unauthenticated(why, code="SENDER_NOT_PROVEN") if why else None


async def by_key_hash(reader: Reader, key_hash: str) -> Profile:
    """The profile of a key; NotFound for one that is unknown or switched off."""
    route = (await routes.by_key_hash(reader, [key_hash])).get(key_hash)
    if route is None or not route.is_active:
        raise NotFound("integration")
    return profile_of(reader, route)


def profile_of(reader: Reader, route: Route) -> Profile:
    """What a route says of how its messages are read and checked."""
    config = route.config
    return Profile(route.as_of, habits_of(config), config.sender_check, _secret(reader, route))


def habits_of(config: IntegrationConfig) -> Habits:
    """How bodies are read; a mapping that an earlier version took and this one does not is left out."""
    if config.mapping is None:
        return Habits(config.severities) if config.severities else USUAL
    try:
        return Habits(config.severities, Mapped(config.mapping))
    except Invalid as error:
        log.warning("a stored mapping cannot be used", reason=error.message)
        return Habits(config.severities)


def _secret(reader: Reader, route: Route) -> str | None:
    sealed = route.as_of[1]
    if sealed is None:
        return None
    try:
        return integrations.open_secret(reader, route.integration_id, sealed)
    except Unreadable:
        return None
