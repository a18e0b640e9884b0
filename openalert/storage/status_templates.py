"""SQL for the templates of what is told on status pages."""

from openalert.domain.status_page import StatusTemplate
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, template: StatusTemplate) -> None:
    """A new one."""
    await tx.insert("status_templates", template)


async def update(tx: Transaction, template: StatusTemplate) -> None:
    """Write everything about it that may change."""
    await tx.execute(
        """
        UPDATE status_templates SET name = :name, name_key = :name_key, kind = :kind, title = :title,
            message = :message, status = :status, components = :components, tells = :tells,
            updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(template),
    )


async def delete(tx: Transaction, template_id: str) -> None:
    """Forget it."""
    await tx.execute("DELETE FROM status_templates WHERE id = :id", id=template_id)


async def get(reader: Reader, template_id: str) -> StatusTemplate | None:
    """One of them; whether the actor may see it is for its page to say."""
    return await reader.one(StatusTemplate, "SELECT * FROM status_templates WHERE id = :id", id=template_id)


async def of_page(reader: Reader, page_id: str) -> list[StatusTemplate]:
    """Those of a page, by name."""
    return await reader.all(
        StatusTemplate,
        "SELECT * FROM status_templates WHERE page_id = :page_id ORDER BY name_key",
        page_id=page_id,
    )
