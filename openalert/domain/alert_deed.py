"""AlertDeed: what people do to alerts, to one or to many of them, as it is asked for, kept and done."""

from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, SECOND, Instant

LONGEST_HOLD = 30 * DAY
MOST_TAGS = 20
LONGEST_TAG = 50


class DeedKind(StrEnum):
    """What is done."""

    ACKNOWLEDGE = "acknowledge"
    """Somebody has it, and with it its incident."""
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    """It pages nobody until an instant; then it does, if it still fires."""
    SUPPRESS = "suppress"
    """It pages nobody until somebody lets it go, or until an instant if one is given."""
    RELEASE = "release"
    """What people snoozed or suppressed pages again, if nothing else holds it."""
    ASSIGN = "assign"
    TAG = "tag"


PAST = {
    DeedKind.ACKNOWLEDGE: "acknowledged",
    DeedKind.RESOLVE: "resolved",
    DeedKind.SNOOZE: "snoozed",
    DeedKind.SUPPRESS: "suppressed",
    DeedKind.RELEASE: "released",
    DeedKind.ASSIGN: "assigned",
    DeedKind.TAG: "tagged",
}


class AlertDeed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of them with what it needs."""

    kind: DeedKind
    until: Instant | None = None
    user_id: str | None = None
    """To whom it is assigned; None: to nobody."""
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def check(self, now: Instant) -> "AlertDeed":
        """The same with clean tags, or Invalid for what cannot be done."""
        if self.kind is DeedKind.SNOOZE and self.until is None:
            raise Invalid("Say until when.", field="until")
        if self.until is not None and not SECOND <= self.until - now <= LONGEST_HOLD:
            raise Invalid("Snooze and suppress for at most 30 days, into the future.", field="until")
        if self.kind is DeedKind.TAG and not (self.add or self.remove):
            raise Invalid("Name a tag to add or to remove.", field="add")
        if self.user_id is not None and self.kind is not DeedKind.ASSIGN:
            raise Invalid("Only assigning names a person.", field="userId")
        return msgspec.structs.replace(
            self, add=check_tags(self.add, "add"), remove=check_tags(self.remove, "remove")
        )


def check_tags(tags: tuple[str, ...], field: str = "tags") -> tuple[str, ...]:
    """The tags with single spaces, each once, or Invalid: at most 20, each of 1 to 50 printable characters."""
    clean = tuple(dict.fromkeys(" ".join(tag.split()) for tag in tags))
    if len(clean) > MOST_TAGS or not all(1 <= len(tag) <= LONGEST_TAG and tag.isprintable() for tag in clean):
        raise Invalid(
            f"At most {MOST_TAGS} tags, each of 1 to {LONGEST_TAG} printable characters.", field=field
        )
    return clean
