"""What a letter tells as the picture of a page with one incident, for what is written in the shapes of public pages."""

from openalert.domain.public_page import (
    PublicIncident,
    PublicPage,
    PublicUpdate,
    component_of,
    incident_of,
    update_of,
)
from openalert.domain.status_letter import Bulletin, Letter
from openalert.domain.status_page import overall


def pictured(letter: Letter, told: Bulletin) -> tuple[PublicPage, PublicIncident, PublicUpdate]:
    """The page with the components that it is about, the incident with what was said, and what is told now."""
    parts = {each.id: each for each in told.components}
    incident = incident_of(told.incident, parts, told.updates, parts)
    page = letter.page
    shown = PublicPage(
        id=page.id,
        public_id=page.public_id,
        name=page.name,
        slug=page.slug,
        description=page.description,
        url=letter.page_url,
        custom_domain=page.custom_domain,
        is_public=page.is_public,
        link_hash=None,
        team_id=page.team_id,
        organization_id=page.organization_id,
        logo_url=page.logo_url,
        header_text=page.header_text,
        footer_text=page.footer_text,
        support_url=page.support_url,
        theme=page.theme,
        language=page.language,
        timezone=page.timezone,
        is_indexed=page.is_indexed,
        version=page.version,
        as_of=told.update.shown_at,
        updated_at=page.updated_at,
        overall=overall(each.status for each in told.components),
        indicator=told.indicator,
        affected_components=len(told.components),
        groups=(),
        components=tuple(component_of(each) for each in told.components),
        incidents=(incident,),
    )
    return shown, incident, update_of(told.update, parts)
