"""ImportedKey: a key that a sender had at its old pager, and by which it reaches an integration of ours as well."""

import re

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant

SHORTEST, LONGEST = 20, 128
MOST = 20
"""Of one integration."""
_SIGNS = re.compile(r"[A-Za-z0-9_-]+")
_FEWEST_DIFFERENT = 8


class ImportedKey(msgspec.Struct, kw_only=True):
    """A row of `imported_keys`. The key itself is not kept, only its SHA-256."""

    id: str
    integration_id: str
    key_hash: str
    key_hint: str
    """The last four characters, so that people can tell keys apart."""
    created_at: Instant


def is_well_formed(key: str) -> bool:
    """Whether it can be a key of Opsgenie's (a UUID), Grafana OnCall's (25 to 30 letters and digits) or the like.

    What somebody could have made up by hand is none: a key is all that a sender has to show.
    """
    fits = SHORTEST <= len(key) <= LONGEST and _SIGNS.fullmatch(key) is not None
    return fits and len(set(key)) >= _FEWEST_DIFFERENT


def check(key: str) -> str:
    """The key without what was copied with it, or Invalid, which does not repeat it."""
    trimmed = key.strip()
    if not is_well_formed(trimmed):
        raise Invalid(
            f"A key has {SHORTEST} to {LONGEST} letters, digits, - and _, as its old pager made it.",
            field="key",
        )
    return trimmed
