"""What the resources of the JSON API share: bodies, answers, instants, and the documented refusals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant, from_datetime, to_datetime
from openalert.web.problems import Problem

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant as RFC 3339 text with its offset; answers are always in UTC, ending in `Z`."""
TeamFilter: TypeAlias = Annotated[
    str | None, QueryParameter(name="teamId", description="Only what this team owns.")
]


class Input(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A body; a member that is not known is refused by name, and so is a text that no database could store."""

    def __post_init__(self) -> None:
        """Texts without NUL: Postgres has no place for it, and nobody means it."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str) and "\x00" in value:
                raise ValueError(f"{name} has a NUL character in it")

    def members(self) -> dict[str, Any]:
        """The members by their Python names; what was not given is UNSET."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class Output(msgspec.Struct, rename="camel", kw_only=True):
    """An answer."""


def moment(instant: Instant) -> datetime:
    """An instant as it is answered."""
    return to_datetime(instant)


def moment_or_none(instant: Instant | None) -> datetime | None:
    """An instant as it is answered, or null."""
    return None if instant is None else to_datetime(instant)


def instant(given: datetime) -> Instant:
    """The instant that a body or parameter names; Invalid when it has no offset, as parameters may come."""
    if given.tzinfo is None:
        raise Invalid("An instant needs its offset, like 2026-01-31T09:00:00Z or …+01:00.")
    return from_datetime(given)


def instant_or_none(given: datetime | None) -> Instant | None:
    """The instant that a body or parameter names, if it does."""
    return None if given is None else instant(given)


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """The documented refusals: those of every operation, and further ones."""
    described = {
        400: "The request can never succeed as it stands.",
        401: "No valid session or API key.",
        403: "Visible to the caller, but not theirs to do.",
        404: "There is no such thing, or the caller may not know of it.",
        409: "The thing is in a state that does not allow it.",
        412: "The thing is not at the version that If-Match names; `details.etag` is the present one.",
        429: "Too many requests; Retry-After says when to come back.",
    }
    return {
        status: ResponseSpec(
            Problem,
            description=described[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in (400, 401, 403, 404, *statuses)
    }


READS = refusals()
"""The refusals of operations that only read."""
WRITES = refusals(409, 412, 429)
"""The refusals of operations that change something."""
SHOWN_ONCE = {"shows_secret": True}
"""`opt` of an operation whose answer, and no other, shows a secret."""


Words: TypeAlias = Annotated[
    str | None, QueryParameter(description="One value, or several separated by commas.")
]


def words(text: str | None, known: Sequence[str], field: str) -> tuple[str, ...] | None:
    """A comma-separated filter; Invalid names what is allowed. None: not narrowed."""
    chosen = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for word in chosen:
        if word not in known:
            raise Invalid(f"{field} must be one of {', '.join(known)}.", field=field, allowed=list(known))
    return chosen or None
