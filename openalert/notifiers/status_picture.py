"""What a letter tells as the picture of a page with one incident, for what is written in the shapes of public pages."""

from openalert.domain.public_page import (
    PublicChange,
    PublicComponent,
    PublicIncident,
    PublicPage,
    PublicUpdate,
)
from openalert.domain.status_letter import Bulletin, Letter
from openalert.domain.status_page import Component, StatusUpdate, overall


def pictured(letter: Letter, told: Bulletin) -> tuple[PublicPage, PublicIncident, PublicUpdate]:
    """The page with the components that it is about, the incident with what was said, and what is told now."""
    parts = {each.id: each for each in told.components}
    updates = tuple(_update(each, parts) for each in told.updates)
    about = told.incident
    incident = PublicIncident(
        id=about.id,
        public_id=about.public_id,
        kind=about.kind,
        title=about.title,
        status=about.status,
        impact=about.impact,
        component_ids=tuple(parts),
        scheduled_for=about.scheduled_for,
        scheduled_until=about.scheduled_until,
        started_at=about.started_at,
        resolved_at=about.resolved_at,
        postmortem=about.postmortem,
        postmortem_at=about.postmortem_at,
        is_backdated=about.is_backdated,
        updates=updates,
        created_at=about.created_at,
        updated_at=about.updated_at,
    )
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
        components=tuple(_component(each) for each in told.components),
        incidents=(incident,),
    )
    return shown, incident, _update(told.update, parts)


def _component(each: Component) -> PublicComponent:
    return PublicComponent(
        id=each.id,
        public_id=each.public_id,
        group_id=each.group_id,
        name=each.name,
        description=each.description,
        link=each.link_url,
        status=each.status,
        position=each.position,
        shows_uptime=each.shows_uptime,
        days=(),
        percent=None,
        created_at=each.created_at,
        updated_at=each.updated_at,
    )


def _update(update: StatusUpdate, parts: dict[str, Component]) -> PublicUpdate:
    return PublicUpdate(
        id=update.id,
        public_id=update.public_id,
        status=update.status,
        message=update.message,
        changes=tuple(
            PublicChange(
                component_id=change.component_id,
                public_id=parts[change.component_id].public_id,
                name=change.name,
                was=change.was,
                is_now=change.is_now,
            )
            for change in update.changes
            if change.component_id in parts
        ),
        shown_at=update.shown_at,
        edited_at=update.edited_at,
    )
