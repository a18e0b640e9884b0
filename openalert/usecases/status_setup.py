"""A first status page that is of use at once: made together with components for services of its team."""

from collections.abc import Mapping

from openalert.domain.errors import Invalid
from openalert.domain.status_page import Automation, StatusPage
from openalert.storage.transaction import Transaction
from openalert.usecases import status_components, status_pages

MOST_SERVICES = 50


async def set_up(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    slug: str | None = None,
    is_public: bool,
    services: Mapping[str, str],
) -> StatusPage:
    """A new page with a component for each of these services: by id, what customers call it.

    Incidents of the services draft words for approval; nothing is told by itself.
    """
    if len(services) > MOST_SERVICES:
        raise Invalid(f"Choose at most {MOST_SERVICES} services at once.", field="services")
    page = await status_pages.create(tx, team_id=team_id, name=name, slug=slug, is_public=is_public)
    for service_id, known_as in services.items():
        await status_components.add_component(
            tx, page.id, name=known_as, service_id=service_id, automation=Automation.PROPOSE
        )
    return page
