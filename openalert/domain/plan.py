"""All from which it is computed who is on call, and how somebody who is is named."""

from enum import StrEnum

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.override import Override
from openalert.domain.schedule import Rotation, Schedule


class OnCallSource(StrEnum):
    """Why somebody is on call."""

    OVERRIDE = "override"
    ROTATION = "rotation"
    CALENDAR = "calendar"


class OnCallPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person who is on call, and by which rotation, calendar or override."""

    user_id: str
    source: OnCallSource
    rotation_id: str | None = None
    """Also of somebody who covers: the rotation whose turn it is."""
    rotation_name: str | None = None
    override_id: str | None = None
    override_reason: str | None = None
    instead_of_id: str | None = None
    """Who would be on without the cover."""
    feed_id: str | None = None
    """The calendar that says so."""


class ImportedShift(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that a calendar brought: it stands in its layer like that of a rotation."""

    feed_id: str
    layer: int
    user_id: str
    start_at: Instant
    end_at: Instant


class Plan(msgspec.Struct, kw_only=True):
    """All from which a schedule is computed; what belongs to other schedules is not looked at."""

    schedule: Schedule
    rotations: list[Rotation] = []
    overrides: list[Override] = []
    imported: list[ImportedShift] = []
    """Of this schedule."""

    @property
    def people(self) -> set[str]:
        """Everybody whom it may put on call at some time."""
        found = {each.user_id for each in self.imported}
        for override in self.overrides:
            found |= override.brings
        for rotation in self.rotations:
            found.update(*(version.member_ids for version in rotation.versions))
        return found - {""}


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Some people on call from `start` until before `end`, cut at the edges of the range asked for."""

    start: Instant
    end: Instant
    people: list[OnCallPerson]
