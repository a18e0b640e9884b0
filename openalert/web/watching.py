"""What routes ask of the parts that watch the server, without knowing them."""

from typing import Any, Protocol

from litestar import Request

from openalert.domain.instant import Instant
from openalert.domain.self_watch import Standing


class Watch(Protocol):
    """What the server knows of its own health."""

    standing: Standing | None
    told_at: Instant | None
    told_bad_at: Instant | None
    unheard: str

    @property
    def has_switch(self) -> bool:
        """Whether a dead-man's switch elsewhere is told."""


def watch_of(request: Request[Any, Any, Any]) -> Watch | None:
    """How the server watches itself; None: it does not, as nothing listens."""
    found: Watch | None = request.app.state.self_watch()
    return found
