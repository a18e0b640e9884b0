"""JSON below `/status-pages`: components and their groups."""

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.storage.database import Database
from openalert.usecases import status_components as parts
from openalert.usecases import status_pages as pages
from openalert.web.api.status_shapes import (
    ComponentGroupIn,
    ComponentGroupOut,
    ComponentGroupPatch,
    ComponentIn,
    ComponentOrderIn,
    ComponentOut,
    ComponentPatch,
    show_component,
    show_group,
)
from openalert.web.api.wire import READS, WRITES
from openalert.web.paging import Page


@get("/{page_id:str}/components", responses=READS)
async def list_components(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> Page[ComponentOut]:
    """The components of a page in their order."""
    async with db.read() as reader:
        found = await pages.components(reader, actor, page_id)
    return Page(items=[show_component(each) for each in found], next_cursor=None)


@post("/{page_id:str}/components", responses=WRITES)
async def create_component(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentIn],
) -> ComponentOut:
    """Add a component."""
    async with db.transaction(actor) as tx:
        return show_component(await parts.add_component(tx, page_id, **data.members()))


@post("/{page_id:str}/components/reorder", responses=WRITES, status_code=200)
async def reorder_components(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentOrderIn],
) -> Page[ComponentOut]:
    """Put the components in an order."""
    async with db.transaction(actor) as tx:
        found = await parts.reorder(tx, page_id, data.component_ids)
    return Page(items=[show_component(each) for each in found], next_cursor=None)


@get("/components/{component_id:str}", responses=READS)
async def get_component(
    db: NamedDependency[Database], actor: NamedDependency[Actor], component_id: FromPath[str]
) -> ComponentOut:
    """One component."""
    async with db.read() as reader:
        return show_component(await parts.component(reader, actor, component_id))


@patch("/components/{component_id:str}", responses=WRITES)
async def update_component(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    component_id: FromPath[str],
    data: JSONBody[ComponentPatch],
) -> ComponentOut:
    """Change a component; a status that is set is the last word."""
    async with db.transaction(actor) as tx:
        return show_component(await parts.change_component(tx, component_id, **data.members()))


@delete("/components/{component_id:str}", responses=WRITES)
async def delete_component(
    db: NamedDependency[Database], actor: NamedDependency[Actor], component_id: FromPath[str]
) -> None:
    """Delete a component; what was told about it stays."""
    async with db.transaction(actor) as tx:
        await parts.delete_component(tx, component_id)


@get("/{page_id:str}/groups", responses=READS)
async def list_component_groups(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> Page[ComponentGroupOut]:
    """The groups of a page in their order."""
    async with db.read() as reader:
        found = await parts.groups(reader, actor, page_id)
    return Page(items=[show_group(each) for each in found], next_cursor=None)


@post("/{page_id:str}/groups", responses=WRITES)
async def create_component_group(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentGroupIn],
) -> ComponentGroupOut:
    """Add a group of components."""
    async with db.transaction(actor) as tx:
        return show_group(await parts.add_group(tx, page_id, **data.members()))


@get("/groups/{group_id:str}", responses=READS)
async def get_component_group(
    db: NamedDependency[Database], actor: NamedDependency[Actor], group_id: FromPath[str]
) -> ComponentGroupOut:
    """One group of components."""
    async with db.read() as reader:
        return show_group(await parts.group(reader, actor, group_id))


@patch("/groups/{group_id:str}", responses=WRITES)
async def update_component_group(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    group_id: FromPath[str],
    data: JSONBody[ComponentGroupPatch],
) -> ComponentGroupOut:
    """Change a group of components."""
    async with db.transaction(actor) as tx:
        return show_group(await parts.change_group(tx, group_id, **data.members()))


@delete("/groups/{group_id:str}", responses=WRITES)
async def delete_component_group(
    db: NamedDependency[Database], actor: NamedDependency[Actor], group_id: FromPath[str]
) -> None:
    """Delete a group; its components stay."""
    async with db.transaction(actor) as tx:
        await parts.delete_group(tx, group_id)


handlers = (
    list_components,
    create_component,
    reorder_components,
    get_component,
    update_component,
    delete_component,
    list_component_groups,
    create_component_group,
    get_component_group,
    update_component_group,
    delete_component_group,
)
