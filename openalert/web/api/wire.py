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
EndsAfter: TypeAlias = Annotated[
    Moment | None,
    QueryParameter(name="from", description="Only those that end later; without it, later than now."),
]
TeamFilter: TypeAlias = Annotated[
    str | None, QueryParameter(name="teamId", description="Only what this team owns.")
]


class Input(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A body; a member that is not known is refused by name, and so is a text that no database could store."""

    def __post_init__(self) -> None:
        """Texts without NUL: Postgres has no place for it, and nobody means it."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            texts = value if isinstance(value, list | tuple) else (value,)
            if any(isinstance(text, str) and "\x00" in text for text in texts):
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


REFUSALS = {
    400: ("Invalid", "The request can never succeed as it stands.", "VALIDATION_ERROR"),
    401: ("Unauthenticated", "No valid session or API key.", "UNAUTHENTICATED"),
    403: ("Forbidden", "Visible to the caller, but not theirs to do.", "FORBIDDEN"),
    404: ("NotFound", "There is no such thing, or the caller may not know of it.", "INCIDENT_NOT_FOUND"),
    405: ("MethodNotAllowed", "The address does not take that method.", "METHOD_NOT_ALLOWED"),
    408: ("BodyTimeout", "The body did not arrive in time.", "BODY_TIMEOUT"),
    409: ("Conflict", "The thing is in a state that does not allow it.", "CONFLICT"),
    412: ("PreconditionFailed", "It is not at the version that If-Match names.", "PRECONDITION_FAILED"),
    413: ("TooLarge", "The body is larger than what is read.", "BODY_TOO_LARGE"),
    415: ("Unsupported", "A content type or encoding that is not read here.", "UNSUPPORTED_MEDIA_TYPE"),
    429: ("RateLimited", "Too many changes or tries; Retry-After says when to come back.", "RATE_LIMIT_EXCEEDED"),
    500: ("InternalError", "A fault of ours.", "INTERNAL_ERROR"),
    503: ("Unavailable", "It cannot be done now and may well succeed later.", "UNAVAILABLE"),
}  # fmt: skip
"""Status: name in the description, what it means for an operation, the code of the example."""


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """The documented refusals with these statuses."""
    return {
        status: ResponseSpec(
            Problem,
            description=REFUSALS[status][1],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in statuses
    }


READS = refusals(400, 401, 403, 404, 500, 503)
"""The refusals of operations that only read."""
WRITES = refusals(400, 401, 403, 404, 408, 409, 412, 413, 415, 429, 500, 503)
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
