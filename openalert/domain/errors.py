"""Everything that can be refused, in one tree.

    OpenAlertError            500 INTERNAL_ERROR
    ├── Invalid               400 VALIDATION_ERROR
    ├── Unauthenticated       401 UNAUTHENTICATED
    ├── Forbidden             403 FORBIDDEN
    ├── NotFound              404 <NOUN>_NOT_FOUND
    ├── Conflict              409 CONFLICT, or the code given
    ├── PreconditionFailed    412 PRECONDITION_FAILED
    ├── TooLarge              413 BODY_TOO_LARGE
    ├── Unsupported           415 UNSUPPORTED_MEDIA_TYPE
    ├── RateLimited           429 RATE_LIMIT_EXCEEDED
    └── Unavailable           503 UNAVAILABLE

`message` is one or two sentences for the person who must act on it: what was wrong, and what to do.
`details` carries machine-readable facts (`allowed`, `field`, `retry_after` seconds).
Neither ever holds a secret.
The codes are documented in docs/errors.md; tests/house/test_errors.py holds the two together.
"""

from typing import Any, ClassVar


class OpenAlertError(Exception):
    """Base of every refusal; raised directly only for faults of our own."""

    status: ClassVar[int] = 500
    code: str = "INTERNAL_ERROR"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        """`message` for people, optional `code` in SCREAMING_SNAKE, `details` for machines."""
        super().__init__(message)
        self.message = message
        self.details = details
        if code is not None:
            self.code = code


class Invalid(OpenAlertError):
    """The request can never succeed as it stands."""

    status = 400
    code = "VALIDATION_ERROR"


class Unauthenticated(OpenAlertError):
    """We do not know who is asking."""

    status = 401
    code = "UNAUTHENTICATED"


class Forbidden(OpenAlertError):
    """The caller may see this but not do that."""

    status = 403
    code = "FORBIDDEN"


class NotFound(OpenAlertError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404

    def __init__(self, noun: str, *, given: str = "", look: str = "", **details: Any) -> None:
        """`noun` in lower case, as the API names it: "incident", "escalation policy".

        For somebody at the machine, who may know what there is: `given` is what was asked for, `look` a sentence that
        says where to find what there is.
        """
        words = f"There is no {noun} {given[:80]!r}." if given else f"There is no such {noun}."
        super().__init__(
            f"{words} {look}".rstrip(), code=noun.upper().replace(" ", "_") + "_NOT_FOUND", **details
        )


class Conflict(OpenAlertError):
    """The thing is in a state that does not allow it."""

    status = 409
    code = "CONFLICT"


class PreconditionFailed(OpenAlertError):
    """The thing is not at the version that the caller wanted; `details["etag"]` is the present one, if any."""

    status = 412
    code = "PRECONDITION_FAILED"


class TooLarge(OpenAlertError):
    """The body is larger than what is read."""

    status = 413
    code = "BODY_TOO_LARGE"


class Unsupported(OpenAlertError):
    """A content type or encoding that is not read here."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class RateLimited(OpenAlertError):
    """Too many requests; `details["retry_after"]` says how many seconds to wait."""

    status = 429
    code = "RATE_LIMIT_EXCEEDED"


class Unavailable(OpenAlertError):
    """It cannot be done now and may well succeed later."""

    status = 503
    code = "UNAVAILABLE"
