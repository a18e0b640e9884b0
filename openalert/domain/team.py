"""Team: who owns what, and its members. Channel: a team's place for messages."""

import re
import unicodedata
from typing import Any

import msgspec

from openalert.domain.access import Role
from openalert.domain.drill import Rhythm
from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant


class Team(msgspec.Struct, kw_only=True):
    """A row of `teams`."""

    id: str
    organization_id: str
    name: str
    slug: str
    description: str = ""
    drills: Rhythm = Rhythm.OFF
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None
    """Since when it is only the name of a part of the past."""


class TeamMember(msgspec.Struct, kw_only=True):
    """A row of `team_members`."""

    team_id: str
    user_id: str
    role: Role
    created_at: Instant


class Channel(msgspec.Struct, kw_only=True):
    """A place where messages of a team go; a row of `channels`."""

    id: str
    organization_id: str
    team_id: str
    name: str
    type: str
    """The notifier's name: `email`, `webhook`."""
    is_enabled: bool = True
    config: dict[str, Any]
    """`email`: `{"address"}`; `webhook`: `{"url"}`. What signs its messages is sealed elsewhere, see storage."""
    created_at: Instant
    updated_at: Instant


_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def slugify(name: str) -> str:
    """A name as it can stand in a URL: lower case, `-` for all else, at most 64 characters, never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_SLUG.sub("-", plain).strip("-")[:64].strip("-") or "x"


def check_name(name: str, field: str = "name") -> str:
    """The trimmed name, or Invalid: 1 to 120 printable characters."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid(f"{field} needs 1 to 120 printable characters.", field=field)
    return name
