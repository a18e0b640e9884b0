"""Opsgenie's alert search on both databases: every field and every order is a statement that both understand."""

from typing import Any

import pytest

from openalert.domain.opsgenie_query import CHOICES, FIELDS, FLAGS, INSTANTS, NUMBERS, parse
from openalert.storage import Database, opsgenie_search
from tests.cast import World, level

pytestmark = pytest.mark.anyio


def _query(field: str) -> str:
    if field in INSTANTS | NUMBERS:
        return f"{field} >= 0 AND NOT {field}:7"
    if field in FLAGS:
        return f"{field}:false"
    return f"{field}:{CHOICES[field][0]}" if field in CHOICES else f'{field}:a* OR {field}:"b %_! \\u"'


@pytest.fixture
async def integration(world: World) -> Any:
    """An integration with two alerts, one of them over."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk", team="db%")
    await world.fires("Load")
    await world.resolves("Load")
    return await world.value("SELECT integration_id FROM alerts LIMIT 1")


async def test_every_field_and_every_order_is_understood(world: World, integration: str) -> None:
    """No statement of it is refused by either database."""
    async with world.db.read() as reader:
        for field in sorted(FIELDS):
            query = parse(_query(field))
            found = await opsgenie_search.search(reader, integration, query)
            assert len(found) == await opsgenie_search.count(reader, integration, query), field
        for sort in opsgenie_search.ORDERS:
            for descending in (True, False):
                found = await opsgenie_search.search(
                    reader, integration, None, sort=sort, descending=descending
                )
                assert len(found) == 2, sort


async def test_signs_of_a_pattern_are_signs(db: Database, world: World, integration: str) -> None:
    """`%` and `_` in a value are themselves, and so is a quotation mark in JSON."""
    async with db.read() as reader:
        for query, many in (
            ("message:%", 0), ("message:Di_k", 0), ("message:dis", 1), ('details.value:"db%"', 1),
            ("details.value:d", 0), ("details.key:team", 1), ("status:open", 1), ("isSeen:false", 2),
        ):  # fmt: skip
            assert await opsgenie_search.count(reader, integration, parse(query)) == many, query
