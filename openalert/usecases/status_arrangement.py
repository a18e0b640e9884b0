"""The order of a status page: which components stand in which group, and what stands above what."""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor
from openalert.domain.status_page import Component, ComponentGroup, StatusPage
from openalert.storage import status_pages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, status_components
from openalert.usecases.access import unknown
from openalert.usecases.status_pages import get, to_configure, touched, with_effects

Order = Sequence[tuple[str | None, Sequence[str]]]
"""Groups by id, each with the ids of its components, from above; None: the components in no group, always first."""


class Section(msgspec.Struct):
    """A group with its components as readers find them; None: those in no group."""

    group: ComponentGroup | None
    components: list[Component]


async def of_page(reader: Reader, actor: Actor, page_id: str) -> list[Section]:
    """Everything on a page in its order, those in no group first; groups without components too."""
    known = await get(reader, actor, page_id)
    return await _sections(reader, known.id)


async def _sections(reader: Reader, page_id: str) -> list[Section]:
    found: dict[str | None, Section] = {None: Section(None, [])}
    for group in await status_pages.groups(reader, page_id):
        found[group.id] = Section(group, [])
    for each in await with_effects(reader, page_id):
        found.get(each.group_id, found[None]).components.append(each)
    return list(found.values())


async def arrange(tx: Transaction, page_id: str, order: Order) -> None:
    """Put everything in this order; components that are not named follow in the group in which they were."""
    page = await to_configure(tx, page_id)
    before = await _sections(tx, page.id)
    groups = {each.group.id: each.group for each in before if each.group is not None}
    own = {each.id: each for each in await status_pages.components(tx, page.id)}
    wanted: dict[str | None, list[str]] = {None: []}
    placed: set[str] = set()
    for group_id, ids in order:
        if group_id is not None and group_id not in groups:
            raise unknown("order", "group of this page", group_id)
        for each in ids:
            if each not in own:
                raise unknown("order", "component of this page", each)
        fresh = [each for each in dict.fromkeys(ids) if each not in placed]
        placed.update(fresh)
        wanted.setdefault(group_id, []).extend(fresh)
    for section in before:
        rest = [each.id for each in section.components if each.id not in placed]
        wanted.setdefault(section.group.id if section.group else None, []).extend(rest)
    await _write(tx, page, wanted, groups, own)


async def _write(
    tx: Transaction,
    page: StatusPage,
    wanted: dict[str | None, list[str]],
    groups: dict[str, ComponentGroup],
    own: dict[str, Component],
) -> None:
    """Write what changed, and one entry for all of it."""
    changed = False
    for place, group in enumerate([groups[each] for each in wanted if each is not None], 1):
        if group.position != place:
            group.position, group.updated_at, changed = place, tx.now, True
            await status_pages.update_group(tx, group)
    order = [(group_id, own[each]) for group_id, ids in wanted.items() for each in ids]
    for place, (group_id, one) in enumerate(order, 1):
        if (one.position, one.group_id) != (place, group_id):
            one.position, one.group_id, one.updated_at, changed = place, group_id, tx.now, True
            await status_pages.update_component(tx, one)
    if not changed:
        return
    audit.record(
        tx,
        "status_page.reordered",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        after={"components": [one.name for _, one in order][:50]},
    )
    await touched(tx, page)


async def step(tx: Transaction, component_id: str, places: int) -> StatusPage:
    """Move a component up (below 0) or down by one place; at the edge of its group into the one beside it."""
    one = await status_components.component(tx, tx.actor, component_id)
    page = await to_configure(tx, one.page_id)
    order = [[each.id for each in section.components] for section in await _sections(tx, page.id)]
    at = next(number for number, ids in enumerate(order) if one.id in ids)
    here = order[at].index(one.id)
    order[at].remove(one.id)
    if 0 <= here + places <= len(order[at]):
        order[at].insert(here + places, one.id)
    else:
        beside = min(max(at + places, 0), len(order) - 1)
        if beside == at:
            order[at].insert(here, one.id)
        else:
            order[beside].insert(0 if places > 0 else len(order[beside]), one.id)
    groups = [section.group.id if section.group else None for section in await _sections(tx, page.id)]
    await arrange(tx, page.id, list(zip(groups, order, strict=True)))
    return page


async def step_group(tx: Transaction, group_id: str, places: int) -> StatusPage:
    """Move a group up (below 0) or down by one place, with its components."""
    one = await status_components.group(tx, tx.actor, group_id)
    page = await to_configure(tx, one.page_id)
    sections = await _sections(tx, page.id)
    ids = [section.group.id for section in sections if section.group is not None]
    here = ids.index(one.id)
    ids.insert(min(max(here + places, 0), len(ids) - 1), ids.pop(here))
    parts = {
        section.group.id: [each.id for each in section.components] for section in sections if section.group
    }
    loose = [each.id for each in sections[0].components]
    await arrange(tx, page.id, [(None, loose), *((each, parts[each]) for each in ids)])
    return page
