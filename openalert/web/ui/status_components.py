"""The tab of components: what customers know, in their order, how each is, and what sets it by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.status_page import Automation, Component, ComponentStatus, StatusPage
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_arrangement, status_components, status_pages
from openalert.usecases.access import require
from openalert.usecases.status_automation import FELT
from openalert.web.ui import choices
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, sent_all
from openalert.web.ui.status_frame import PATH, framed

TAB = "/components"
PART = f"{PATH}/components"
GROUP = f"{PATH}/groups"
_FIELDS = {
    "name": ("name", "The name"),
    "description": ("description", "The description"),
    "linkUrl": ("link_url", "The link"),
    "groupId": ("group_id", "The group"),
    "serviceId": ("service_id", "The service"),
    "automation": ("automation", "What follows the service"),
}
AUTOMATIONS = {
    Automation.OFF: ("Nothing", "You say how it is: by what you tell, or by hand."),
    Automation.PROPOSE: (
        "Propose a draft",
        "An incident of the service drafts words for customers, once. Nothing is public until somebody approves it.",
    ),
    Automation.SET: (
        "Set the status",
        "Customers see the status change at once, without words and without anybody's approval, and back at the end.",
    ),
}
"""What an open incident of the service does: in a word or two, and what that means."""


@get(f"{PATH}/{{page_id:str}}{TAB}", include_in_schema=False)
async def index(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Groups and components in the order in which customers see them."""
    return await _tab(request, db, actor, page_id, {}, {})


async def _tab(
    request: Web, db: Database, actor: Actor, page_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        sections = await status_arrangement.of_page(reader, actor, page.id)
        names = dict(await _services(reader, actor, page))
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            sections=[
                {
                    "id": section.group.id if section.group else "",
                    "name": section.group.name if section.group else "",
                    "is_open": section.group is None or section.group.is_open,
                    "components": [_row(each, names) for each in section.components],
                }
                for section in sections
            ],
            statuses=list(ComponentStatus),
            groups=_groups(sections),
            services=[("", "No service"), *names.items()],
            errors=errors,
            values=values_of(typed, ("name", "group_id", "service_id", "group_name")),
        )
    return answer(request, "status_pages/components.html", context, 422 if errors else 200)


def _row(each: Component, services: Mapping[str, str]) -> Values:
    return {
        "id": each.id,
        "href": f"{PART}/{each.id}",
        "name": each.name,
        "description": each.description,
        "link": each.link_url or "",
        "status": each.status,
        "shows_uptime": each.shows_uptime,
        "service": services.get(each.service_id or "", "a service") if each.service_id else "",
        "automation": each.automation.value,
    }


def _groups(sections: Sequence[status_arrangement.Section]) -> choices.Choices:
    return [
        ("", "In no group"),
        *((each.group.id, each.group.name) for each in sections if each.group is not None),
    ]


async def _services(reader: Reader, actor: Actor, page: StatusPage) -> choices.Choices:
    return (await choices.of_team(reader, actor, page.team_id))["services"]


@post(f"{PATH}/{{page_id:str}}{TAB}", include_in_schema=False)
async def add(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """A new component, the last of its group."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Component:
        return await status_components.add_component(
            tx,
            page_id,
            name=typed.get("name", ""),
            group_id=typed.get("group_id") or None,
            service_id=typed.get("service_id") or None,
            automation=Automation.PROPOSE if typed.get("service_id") else Automation.OFF,
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _tab(request, db, actor, page_id, typed, errors)
    return go(f"{PATH}/{page_id}{TAB}#component-{made.id}", f"{made.name} is on the page.")


@post(f"{PATH}/{{page_id:str}}{TAB}/order", include_in_schema=False)
async def order(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Put everything in an order, as it was dragged: each `place` is `group:ID` or `component:ID`."""
    places = await sent_all(request, "place")
    sections: list[tuple[str | None, list[str]]] = [(None, [])]
    for place in places:
        kind, _, thing_id = place.partition(":")
        if kind == "group":
            sections.append((thing_id or None, []))
        else:
            sections[-1][1].append(thing_id)

    async def body(tx: Transaction) -> str:
        await status_arrangement.arrange(tx, page_id, sections)
        return ""

    return await act(db, actor, f"{PATH}/{page_id}{TAB}", body)


@get(f"{PART}/{{component_id:str}}", include_in_schema=False)
async def show(
    request: Web,
    component_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a component."""
    return await _form(request, db, actor, component_id, {}, {})


@post(f"{PART}/{{component_id:str}}", include_in_schema=False)
async def update(
    request: Web,
    component_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change a component."""
    typed = await sent(request)
    wanted = typed.get("automation", "")
    automation = Automation(wanted) if wanted in list(Automation) else Automation.OFF

    async def body(tx: Transaction) -> Component:
        if automation is not Automation.OFF and not typed.get("service_id"):
            raise Invalid("Choose the service that it is to follow.", field="serviceId")
        return await status_components.change_component(
            tx,
            component_id,
            name=typed.get("name", ""),
            description=typed.get("description", ""),
            link_url=typed.get("link_url") or None,
            group_id=typed.get("group_id") or None,
            shows_uptime=typed.get("shows_uptime") == "yes",
            service_id=typed.get("service_id") or None,
            automation=automation,
        )

    changed, errors = await attempt(db, actor, body, _FIELDS)
    if changed is None:
        return await _form(request, db, actor, component_id, typed, errors)
    return go(f"{PATH}/{changed.page_id}{TAB}#component-{changed.id}", f"{changed.name} is saved.")


async def _form(
    request: Web, db: Database, actor: Actor, component_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        one = await status_components.component(reader, actor, component_id)
        page = await status_pages.get(reader, actor, one.page_id)
        require(actor, Permission.CONFIGURE, page.team_id, "component")
        stored = {
            name: value or ""
            for name, value in msgspec.structs.asdict(one).items()
            if name in ("name", "description", "link_url", "group_id", "service_id", "automation")
        }
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            component=_row(one, dict(await _services(reader, actor, page))),
            groups=_groups(await status_arrangement.of_page(reader, actor, page.id)),
            services=[("", "No service"), *await _services(reader, actor, page)],
            automations=[(each.value, *words) for each, words in AUTOMATIONS.items()],
            felt=[(severity.value, status) for severity, status in FELT.items()],
            errors=errors,
            values=stored | dict(typed),
            shows_uptime=typed.get("shows_uptime") == "yes" if typed else one.shows_uptime,
        )
    return answer(request, "status_pages/component.html", context, 422 if errors else 200)


@post(f"{PART}/{{component_id:str}}/status", include_in_schema=False)
async def set_status(
    request: Web,
    component_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Say by hand how a component is: the last word."""
    wanted = (await sent(request)).get("status", "")

    async def body(tx: Transaction) -> str:
        if wanted not in list(ComponentStatus):
            raise Invalid("Choose one of the statuses.", field="status")
        changed = await status_components.change_component(tx, component_id, status=ComponentStatus(wanted))
        return (
            f"{changed.name}: {changed.status.words.lower()}, from now on, whatever open incidents say of it."
        )

    return await act(db, actor, await _back(db, actor, component_id), body)


async def _back(db: Database, actor: Actor, component_id: str) -> str:
    """The row of a component on its page."""
    async with db.read() as reader:
        one = await status_components.component(reader, actor, component_id)
    return f"{PATH}/{one.page_id}{TAB}#component-{one.id}"


@post(f"{PART}/{{component_id:str}}/up", include_in_schema=False)
async def up(
    component_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Show a component earlier, by one place."""
    return await _step(db, actor, component_id, -1)


@post(f"{PART}/{{component_id:str}}/down", include_in_schema=False)
async def down(
    component_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Show a component later, by one place."""
    return await _step(db, actor, component_id, 1)


async def _step(db: Database, actor: Actor, component_id: str, places: int) -> Response[None]:
    async def body(tx: Transaction) -> str:
        await status_arrangement.step(tx, component_id, places)
        return ""

    return await act(db, actor, await _back(db, actor, component_id), body)


@post(f"{PART}/{{component_id:str}}/delete", include_in_schema=False)
async def delete(
    component_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Take a component off the page."""
    back = (await _back(db, actor, component_id)).partition("#")[0]

    async def body(tx: Transaction) -> str:
        one = await status_components.component(tx, actor, component_id)
        await status_components.delete_component(tx, component_id)
        return f"{one.name} is off the page. What was told of it stays told."

    return await act(db, actor, back, body)


@post(f"{PATH}/{{page_id:str}}/groups", include_in_schema=False)
async def add_group(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """A new group, the last one."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        made = await status_components.add_group(tx, page_id, name=typed.get("group_name", ""))
        return f"The group {made.name} is there. Customers see it once a component is in it."

    fields = {"name": ("group_name", "The name")}
    said, errors = await attempt(db, actor, body, fields)
    if said is None:
        return await _tab(request, db, actor, page_id, typed, errors)
    return go(f"{PATH}/{page_id}{TAB}", said)


@post(f"{GROUP}/{{group_id:str}}", include_in_schema=False)
async def update_group(
    request: Web,
    group_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Another name of a group, or whether it is open."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        changed = await status_components.change_group(
            tx, group_id, name=typed.get("name", ""), is_open=typed.get("is_open") == "yes"
        )
        return f"The group {changed.name} is saved."

    return await act(db, actor, await _back_to_group(db, actor, group_id), body)


async def _back_to_group(db: Database, actor: Actor, group_id: str) -> str:
    async with db.read() as reader:
        one = await status_components.group(reader, actor, group_id)
    return f"{PATH}/{one.page_id}{TAB}#group-{one.id}"


@post(f"{GROUP}/{{group_id:str}}/up", include_in_schema=False)
async def group_up(
    group_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Show a group earlier, by one place."""
    return await _step_group(db, actor, group_id, -1)


@post(f"{GROUP}/{{group_id:str}}/down", include_in_schema=False)
async def group_down(
    group_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Show a group later, by one place."""
    return await _step_group(db, actor, group_id, 1)


async def _step_group(db: Database, actor: Actor, group_id: str, places: int) -> Response[None]:
    async def body(tx: Transaction) -> str:
        await status_arrangement.step_group(tx, group_id, places)
        return ""

    return await act(db, actor, await _back_to_group(db, actor, group_id), body)


@post(f"{GROUP}/{{group_id:str}}/delete", include_in_schema=False)
async def delete_group(
    group_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Take a group away from around its components."""
    back = (await _back_to_group(db, actor, group_id)).partition("#")[0]

    async def body(tx: Transaction) -> str:
        one = await status_components.group(tx, actor, group_id)
        await status_components.delete_group(tx, group_id)
        return f"The group {one.name} is gone; its components stay, in no group."

    return await act(db, actor, back, body)


ROUTES: Sequence[HTTPRouteHandler] = [
    index, add, order, show, update, set_status, up, down, delete,
    add_group, update_group, group_up, group_down, delete_group,
]  # fmt: skip
