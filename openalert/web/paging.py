"""Lists in pages: `?limit` (50, at most 200) and `?cursor`, answered with `items` and `nextCursor`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec
from litestar.params import QueryParameter

from openalert.domain.errors import Invalid

T = TypeVar("T")
U = TypeVar("U")

DEFAULT = 50
MOST = 200

Limit: TypeAlias = Annotated[int, QueryParameter(name="limit", description="Items in a page, 1 to 200.")]
Cursor: TypeAlias = Annotated[
    str | None, QueryParameter(name="cursor", description="`nextCursor` of the page before.")
]


class Page(msgspec.Struct, Generic[T], rename="camel", kw_only=True):
    """Some items, and where the next ones begin (null: there are none)."""

    items: list[T]
    next_cursor: str | None = None


def check(limit: int, cursor: str | None) -> None:
    """Pass for what a list takes, or Invalid."""
    if not 1 <= limit <= MOST:
        raise Invalid(f"limit must be between 1 and {MOST}.", field="limit")
    if cursor is not None and not (0 < len(cursor) <= 200 and cursor.isprintable()):
        raise Invalid("cursor must be a nextCursor of this list.", field="cursor")


async def paged(
    read: Callable[..., Awaitable[Sequence[U]]],
    show: Callable[[U], T],
    limit: int,
    cursor: str | None,
    *,
    key: Callable[[U], str] = lambda row: str(getattr(row, "id")),  # noqa: B009 - U has no bound that says so
    **arguments: Any,
) -> Page[T]:
    """One page of what `read(after=, limit=, …)` gives, each row as `show` has it; `key` makes the cursor."""
    check(limit, cursor)
    rows = await read(after=cursor or "", limit=limit + 1, **arguments)
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(items=[show(row) for row in shown], next_cursor=key(shown[-1]) if more else None)
