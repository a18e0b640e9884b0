"""Components of status pages and their groups: what customers know, in the order in which they look for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.status_page import (
    Automation,
    Component,
    ComponentGroup,
    ComponentStatus,
    Logged,
    StatusPage,
    new_public_id,
)
from openalert.domain.team import check_name
from openalert.storage import services, status_incidents, status_pages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, given, require, unknown
from openalert.usecases.status_pages import check_url, get, note, to_configure, touched, with_effects
from openalert.usecases.teams import check_description

MOST_COMPONENTS = 500
MOST_GROUPS = 100


async def component(reader: Reader, actor: Actor, component_id: str) -> Component:
    """One component as it is for customers."""
    one = found(await status_pages.component(reader, component_id), "component")
    if await status_pages.get(reader, actor, one.page_id) is None:
        raise NotFound("component")
    return next(each for each in await with_effects(reader, one.page_id) if each.id == one.id)


async def add_component(
    tx: Transaction,
    page_id: str,
    *,
    name: str,
    status: ComponentStatus = ComponentStatus.OPERATIONAL,
    position: int | None = None,
    **settings: Any,
) -> Component:
    """A new component, the last one unless `position` says otherwise; `settings` as for `change_component`."""
    known = await to_configure(tx, page_id)
    others = await status_pages.components(tx, known.id)
    if len(others) >= MOST_COMPONENTS:
        raise Conflict(f"A page has at most {MOST_COMPONENTS} components.")
    made = Component(
        id=new_id(tx.now),
        page_id=known.id,
        public_id=new_public_id(),
        name=check_name(name),
        status=status,
        position=_position(position)
        if position is not None
        else max((each.position for each in others), default=0) + 1,
        began_at=tx.now,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await _set_component(tx, known, made, settings)
    await status_pages.insert_component(tx, made)
    await status_pages.log(tx, [Logged(component_id=made.id, at=tx.now, status=status)])
    _record_component(tx, "created", known, None, made)
    await touched(tx, known)
    return made


async def change_component(
    tx: Transaction,
    component_id: str,
    *,
    name: str | UnsetType = UNSET,
    status: ComponentStatus | UnsetType = UNSET,
    position: int | UnsetType = UNSET,
    **settings: Any,
) -> Component:
    """Change a component. A status that a person sets is the last word: open incidents say nothing of it any more."""
    known, before = await _component_of(
        tx,
        component_id,
        Permission.RESPOND if _only_status(name, position, settings) else Permission.CONFIGURE,
    )
    changed = msgspec.structs.replace(before, updated_at=tx.now)
    if name is not UNSET:
        changed.name = check_name(name)
    if position is not UNSET:
        changed.position = _position(position)
    if status is not UNSET:
        changed.status = status
        changed.automatic_status, changed.automatic_from = None, tx.now
        await status_incidents.overrule(tx, known.id, changed.id)
    await _set_component(tx, known, changed, settings)
    if (changed.automation, changed.service_id) != (before.automation, before.service_id):
        changed.automatic_status, changed.automatic_from = None, 0
    await status_pages.update_component(tx, changed)
    _record_component(tx, "updated", known, before, changed)
    await note(tx, known.id)
    await touched(tx, known)
    return await component(tx, tx.actor, changed.id)


async def delete_component(tx: Transaction, component_id: str) -> None:
    """Delete a component; what was told about it stays."""
    known, before = await _component_of(tx, component_id, Permission.CONFIGURE)
    await status_pages.update_component(
        tx, msgspec.structs.replace(before, deleted_at=tx.now, updated_at=tx.now, group_id=None)
    )
    _record_component(tx, "deleted", known, before, None)
    await touched(tx, known)


async def reorder(tx: Transaction, page_id: str, component_ids: Sequence[str]) -> list[Component]:
    """Put the components in this order; those that are not named follow as they were."""
    known = await to_configure(tx, page_id)
    own = {each.id: each for each in await status_pages.components(tx, known.id)}
    wanted = list(dict.fromkeys(component_ids))
    for each in wanted:
        if each not in own:
            raise unknown("componentIds", "component of this page", each)
    order = list(dict.fromkeys((*wanted, *own)))
    for position, each in enumerate(order, 1):
        if own[each].position != position:
            own[each].position, own[each].updated_at = position, tx.now
            await status_pages.update_component(tx, own[each])
    audit.record(
        tx,
        "status_page.reordered",
        kind="status_page",
        id=known.id,
        name=known.name,
        team_id=known.team_id,
        after={"components": [own[each].name for each in order][:50]},
    )
    await touched(tx, known)
    return await with_effects(tx, known.id)


async def groups(reader: Reader, actor: Actor, page_id: str) -> list[ComponentGroup]:
    """The groups of a page in their order."""
    known = await get(reader, actor, page_id)
    return await status_pages.groups(reader, known.id)


async def group(reader: Reader, actor: Actor, group_id: str) -> ComponentGroup:
    """One group."""
    one = found(await status_pages.group(reader, group_id), "component group")
    if await status_pages.get(reader, actor, one.page_id) is None:
        raise NotFound("component group")
    return one


async def add_group(tx: Transaction, page_id: str, *, name: str, is_open: bool = True) -> ComponentGroup:
    """A new group, the last one."""
    known = await to_configure(tx, page_id)
    others = await status_pages.groups(tx, known.id)
    if len(others) >= MOST_GROUPS:
        raise Conflict(f"A page has at most {MOST_GROUPS} groups.")
    made = ComponentGroup(
        id=new_id(tx.now),
        page_id=known.id,
        public_id=new_public_id(),
        name=check_name(name),
        position=max((each.position for each in others), default=0) + 1,
        is_open=is_open,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await status_pages.insert_group(tx, made)
    _record_group(tx, "created", known, None, made)
    await touched(tx, known)
    return made


async def change_group(
    tx: Transaction,
    group_id: str,
    *,
    name: str | UnsetType = UNSET,
    position: int | UnsetType = UNSET,
    is_open: bool | UnsetType = UNSET,
) -> ComponentGroup:
    """Change a group."""
    before = await group(tx, tx.actor, group_id)
    known = await to_configure(tx, before.page_id)
    changed = msgspec.structs.replace(
        before, **given({"name": name, "position": position, "is_open": is_open}), updated_at=tx.now
    )
    changed.name, changed.position = check_name(changed.name), _position(changed.position)
    await status_pages.update_group(tx, changed)
    _record_group(tx, "updated", known, before, changed)
    await touched(tx, known)
    return changed


async def delete_group(tx: Transaction, group_id: str) -> None:
    """Delete a group; its components stay."""
    before = await group(tx, tx.actor, group_id)
    known = await to_configure(tx, before.page_id)
    await status_pages.delete_group(tx, before.id)
    _record_group(tx, "deleted", known, before, None)
    await touched(tx, known)


async def _component_of(
    tx: Transaction, component_id: str, permission: Permission
) -> tuple[StatusPage, Component]:
    one = found(await status_pages.component(tx, component_id), "component")
    known = await status_pages.get(tx, tx.actor, one.page_id)
    if known is None:
        raise NotFound("component")
    require(tx.actor, permission, known.team_id, "component")
    return known, one


def _only_status(name: object, position: object, settings: Mapping[str, Any]) -> bool:
    return name is UNSET and position is UNSET and all(value is UNSET for value in settings.values())


async def _set_component(
    tx: Transaction, known: StatusPage, changed: Component, settings: Mapping[str, Any]
) -> None:
    for name, value in given(settings).items():
        if name == "group_id" and value is not None:
            if value not in {each.id for each in await status_pages.groups(tx, known.id)}:
                raise unknown("groupId", "group of this page", value)
        elif name == "service_id" and value is not None:
            service = await services.get(tx, tx.actor, value)
            if service is None or service.team_id != known.team_id:
                raise unknown("serviceId", "service of the page's team", value)
        setattr(changed, name, _CHECKS.get(name, _as_it_is)(value))
    if changed.automation is not Automation.OFF and changed.service_id is None:
        raise Invalid("automation needs a serviceId to go by.", field="automation")


def _as_it_is(value: Any) -> Any:
    return value


def _position(value: int) -> int:
    if not 0 <= value <= 1_000_000:
        raise Invalid("position is a whole number from 0 on.", field="position")
    return value


def _record_component(
    tx: Transaction, what: str, known: StatusPage, before: Component | None, after: Component | None
) -> None:
    about = after or before
    if about is not None:
        audit.record(
            tx,
            f"status_component.{what}",
            kind="status_component",
            id=about.id,
            name=about.name,
            team_id=known.team_id,
            before=before,
            after=after,
        )


def _record_group(
    tx: Transaction, what: str, known: StatusPage, before: ComponentGroup | None, after: ComponentGroup | None
) -> None:
    about = after or before
    if about is not None:
        audit.record(
            tx,
            f"status_group.{what}",
            kind="status_group",
            id=about.id,
            name=about.name,
            team_id=known.team_id,
            before=before,
            after=after,
        )


_CHECKS: Mapping[str, Any] = {"description": check_description, "link_url": check_url("linkUrl")}
