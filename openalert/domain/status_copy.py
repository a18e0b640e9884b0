"""Copies of status pages: the files of one, how a mirror of them stands, and when it is tried again."""

import hashlib
from collections.abc import Mapping

import msgspec

from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant

LATE_AFTER = HOUR
"""A mirror that fails for so long is worth a warning."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5 * SECOND, 10 * MINUTE
_LONGEST_WISH = 15 * MINUTE
"""For so long a store may ask to be left alone."""


class CopyFile(msgspec.Struct, frozen=True):
    """A file of a copy."""

    path: str
    """Below the folder of the copy: `incidents/abc/index.html`."""
    body: bytes
    content_type: str
    cache_control: str

    @property
    def digest(self) -> str:
        """SHA-256 of what it holds and how it is served."""
        served = f"{self.content_type}\n{self.cache_control}\n".encode()
        return hashlib.sha256(served + self.body).hexdigest()

    def below(self, folder: str) -> "CopyFile":
        """The same file in a folder of its own."""
        return msgspec.structs.replace(self, path=f"{folder}/{self.path}")


class MirrorState(msgspec.Struct, kw_only=True):
    """A row of `status_mirrors`."""

    name: str
    target: str
    """What it was told to be, as a hash: a mirror that moves begins anew."""
    versions: dict[str, int] = {}
    """By page, the version that it shows."""
    due_at: Instant = 0
    """Nothing is done before."""
    refresh_at: Instant = 0
    """It is made anew then, whether or not anything has changed."""
    done_at: Instant | None = None
    failing_since: Instant | None = None
    attempts: int = 0
    """That failed in a row."""
    error: str = ""

    def succeeded(self, versions: dict[str, int], now: Instant, every: Instant) -> None:
        """It shows these versions; `every`: how long until it is made anew without a change."""
        self.versions, self.done_at, self.refresh_at = versions, now, now + every
        self.failing_since, self.attempts, self.error, self.due_at = None, 0, "", 0

    def failed(self, why: str, now: Instant, retry_after: Instant = 0) -> None:
        """It could not be brought up to date; `retry_after`: what the other side asked for, in milliseconds."""
        self.failing_since = now if self.failing_since is None else self.failing_since
        self.attempts += 1
        self.error = why
        self.due_at = now + max(pause(self.attempts), min(retry_after, _LONGEST_WISH))

    def due(self, wanted: Mapping[str, int], now: Instant, every: Instant) -> Instant:
        """When it is to be brought up to these versions; now, too, where a clock that was set back left a far day."""
        at = max(self.due_at, self.refresh_at if wanted == self.versions else 0)
        return at if at <= now + max(every, _LONGEST_PAUSE, _LONGEST_WISH) else now


def pause(attempts: int) -> Instant:
    """How long to wait after so many failures in a row."""
    return min(_FIRST_PAUSE << min(attempts - 1, 10), _LONGEST_PAUSE)
