"""SQL for status pages, their groups and components, and the log of how each component was."""

from collections.abc import Collection, Sequence

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.status_page import Component, ComponentGroup, Logged, StatusPage
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


async def insert(tx: Transaction, page: StatusPage) -> None:
    """A new page."""
    await tx.insert("status_pages", page)


async def update(tx: Transaction, page: StatusPage) -> None:
    """Write everything about the page that may change; with `deleted_at` it is gone."""
    await tx.execute(
        """
        UPDATE status_pages SET team_id = :team_id, name = :name, slug = :slug, slug_key = :slug_key,
            description = :description, is_public = :is_public, link_hash = :link_hash,
            custom_domain = :custom_domain, domain_key = :domain_key, logo_url = :logo_url,
            header_text = :header_text, footer_text = :footer_text, support_url = :support_url, theme = :theme,
            language = :language, timezone = :timezone, is_indexed = :is_indexed, version = version + 1,
            updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(page),
    )


async def touch(tx: Transaction, page_id: str) -> None:
    """Something that the public sees has changed."""
    await tx.execute(
        "UPDATE status_pages SET version = version + 1, updated_at = :now WHERE id = :id",
        id=page_id,
        now=tx.now,
    )


async def get(reader: Reader, actor: Actor, page_id: str) -> StatusPage | None:
    """The page, if the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        StatusPage,
        f"SELECT * FROM status_pages WHERE id = :id AND deleted_at IS NULL AND {condition}",
        id=page_id,
        **parameters,
    )


async def listed(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[StatusPage]:
    """The next pages that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        StatusPage,
        f"""
        SELECT * FROM status_pages
        WHERE id > :after AND deleted_at IS NULL AND (CAST(:team AS TEXT) IS NULL OR team_id = :team)
            AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )


async def every(reader: Reader) -> list[StatusPage]:
    """Every page of every organization; for rendering, never for people."""
    return await reader.all(StatusPage, "SELECT * FROM status_pages WHERE deleted_at IS NULL ORDER BY id")


async def versions(reader: Reader) -> dict[str, int]:
    """The version of every page of every organization, by its id."""
    rows = await reader.rows("SELECT id, version FROM status_pages WHERE deleted_at IS NULL")
    return {row[0]: row[1] for row in rows}


async def one(reader: Reader, page_id: str) -> StatusPage | None:
    """One page of whatever organization; for rendering, never for people."""
    return await reader.one(
        StatusPage, "SELECT * FROM status_pages WHERE id = :id AND deleted_at IS NULL", id=page_id
    )


async def slugs_like(reader: Reader, slug: str) -> set[str]:
    """The slugs in use that begin with this one, in all organizations: they are parts of addresses."""
    rows = await reader.rows(
        "SELECT slug_key FROM status_pages WHERE slug_key LIKE :pattern", pattern=f"{slug}%"
    )
    return {row[0] for row in rows}


async def by_domain(reader: Reader, host: str) -> StatusPage | None:
    """The page with this custom domain."""
    return await reader.one(StatusPage, "SELECT * FROM status_pages WHERE domain_key = :host", host=host)


async def insert_group(tx: Transaction, group: ComponentGroup) -> None:
    """A new group."""
    await tx.insert("status_groups", group)


async def update_group(tx: Transaction, group: ComponentGroup) -> None:
    """Write what may change about a group."""
    await tx.execute(
        "UPDATE status_groups SET name = :name, position = :position, is_open = :is_open, "
        "updated_at = :updated_at WHERE id = :id",
        **to_parameters(group),
    )


async def delete_group(tx: Transaction, group_id: str) -> None:
    """Delete a group; its components stay, in none."""
    await tx.execute("UPDATE status_components SET group_id = NULL WHERE group_id = :id", id=group_id)
    await tx.execute("DELETE FROM status_groups WHERE id = :id", id=group_id)


async def groups(reader: Reader, page_id: str) -> list[ComponentGroup]:
    """The groups of a page in their order."""
    return await reader.all(
        ComponentGroup,
        "SELECT * FROM status_groups WHERE page_id = :page_id ORDER BY position, id",
        page_id=page_id,
    )


async def group(reader: Reader, group_id: str) -> ComponentGroup | None:
    """One group; whether the actor may see it is for its page to say."""
    return await reader.one(ComponentGroup, "SELECT * FROM status_groups WHERE id = :id", id=group_id)


async def insert_component(tx: Transaction, component: Component) -> None:
    """A new component."""
    await tx.insert("status_components", component)


async def update_component(tx: Transaction, component: Component) -> None:
    """Write what may change about a component; with `deleted_at` it is history."""
    await tx.execute(
        """
        UPDATE status_components SET group_id = :group_id, name = :name, description = :description,
            link_url = :link_url,
            status = :status, position = :position, shows_uptime = :shows_uptime, began_at = :began_at,
            service_id = :service_id, automation = :automation, automatic_status = :automatic_status,
            automatic_from = :automatic_from, updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(component),
    )


async def components(reader: Reader, page_id: str) -> list[Component]:
    """The components of a page in their order."""
    return await reader.all(
        Component,
        "SELECT * FROM status_components WHERE page_id = :page_id AND deleted_at IS NULL ORDER BY position, id",
        page_id=page_id,
    )


async def component(reader: Reader, component_id: str) -> Component | None:
    """One component; whether the actor may see it is for its page to say."""
    return await reader.one(
        Component, "SELECT * FROM status_components WHERE id = :id AND deleted_at IS NULL", id=component_id
    )


async def of_service(reader: Reader, service_ids: Collection[str]) -> list[Component]:
    """The components whose status open incidents of these services propose or set."""
    return await reader.all(
        Component,
        f"SELECT * FROM status_components WHERE {reader.any_of('service_id', 'ids')} "
        "AND automation <> 'off' AND deleted_at IS NULL ORDER BY id",
        ids=sorted(set(service_ids)),
    )


async def log(tx: Transaction, entries: Sequence[Logged]) -> None:
    """How components are from now on; of several changes at one instant the last counts."""
    await tx.insert_with(
        "status_component_log",
        entries,
        {"noted": lambda entry: str(entry.status), "noted_for": lambda entry: entry.incident_id},
        " ON CONFLICT (component_id, at) DO UPDATE SET status = excluded.status, "
        "incident_id = excluded.incident_id, noted = excluded.noted, noted_for = excluded.noted_for",
    )


async def present(reader: Reader, component_ids: Collection[str]) -> dict[str, Logged]:
    """How each of these components is now, as the log has it."""
    found = await reader.all(
        Logged,
        f"""
        SELECT l.component_id, l.at, l.status, l.incident_id FROM status_component_log l
        JOIN (SELECT component_id, max(at) AS last FROM status_component_log
            WHERE {reader.any_of("component_id", "ids")} GROUP BY component_id) AS newest
            ON newest.component_id = l.component_id AND newest.last = l.at
        """,
        ids=sorted(set(component_ids)),
    )
    return {entry.component_id: entry for entry in found}


async def history(reader: Reader, component_ids: Collection[str], since: Instant) -> dict[str, list[Logged]]:
    """How these components were since then, each by time, with the entry that held when it began."""
    rows = await reader.all(
        Logged,
        f"""
        SELECT l.component_id, l.at, l.status, l.incident_id FROM status_component_log l
        WHERE {reader.any_of("component_id", "ids")} AND l.at >= coalesce((
            SELECT max(before.at) FROM status_component_log before
            WHERE before.component_id = l.component_id AND before.at <= :since), 0)
        ORDER BY l.component_id, l.at
        """,
        ids=sorted(set(component_ids)),
        since=since,
    )
    found: dict[str, list[Logged]] = {}
    for row in rows:
        found.setdefault(row.component_id, []).append(row)
    return found
