"""What routes ask of the parts that watch the server, without knowing them."""

from collections.abc import Mapping
from typing import Any, Protocol

from litestar import Request

from openalert.domain.instant import Instant
from openalert.domain.self_watch import Standing


class Probe(Protocol):
    """What a provider said last."""

    @property
    def channel(self) -> str:
        """Whose provider it is."""

    @property
    def at(self) -> Instant:
        """When it was asked."""

    @property
    def since(self) -> Instant:
        """Since when it has been well, or not."""

    @property
    def is_well(self) -> bool:
        """Whether it would have taken a message."""

    @property
    def words(self) -> str:
        """What it said, in one sentence; hostile."""

    @property
    def took_ms(self) -> int:
        """How long it took."""


class Probes(Protocol):
    """Providers that are asked now and then."""

    @property
    def last(self) -> Mapping[str, Probe]:
        """By channel."""

    @property
    def channels(self) -> list[str]:
        """Those that are asked."""


class Watch(Protocol):
    """What the server knows of its own health."""

    standing: Standing | None
    told_at: Instant | None
    told_bad_at: Instant | None
    unheard: str

    @property
    def probes(self) -> "Probes":
        """What providers said last."""

    @property
    def has_switch(self) -> bool:
        """Whether a dead-man's switch elsewhere is told."""


def watch_of(request: Request[Any, Any, Any]) -> Watch | None:
    """How the server watches itself; None: it does not, as nothing listens."""
    found: Watch | None = request.app.state.self_watch()
    return found
