-- Status pages: what customers are told, and nothing else. What is not published is never read for the public.
CREATE TABLE status_pages (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id TEXT NOT NULL REFERENCES teams (id),
    -- Twelve lower-case letters and digits: how the page is called where ids are public.
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Unique among all pages that are not deleted: it is part of an address.
    slug TEXT NOT NULL,
    slug_key TEXT UNIQUE,
    description TEXT NOT NULL,
    -- Not public: for members who are signed in, and for whoever has the secret link.
    is_public BOOLEAN NOT NULL,
    link_hash TEXT,
    custom_domain TEXT,
    domain_key TEXT UNIQUE,
    logo_url TEXT,
    header_text TEXT NOT NULL,
    footer_text TEXT NOT NULL,
    support_url TEXT,
    -- JSON: colours.
    theme TEXT NOT NULL,
    language TEXT NOT NULL,
    timezone TEXT NOT NULL,
    is_indexed BOOLEAN NOT NULL,
    -- Rises with everything that the public sees.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX status_pages_by_team ON status_pages (team_id, id);

CREATE TABLE status_groups (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    is_open BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX status_groups_by_page ON status_groups (page_id, position);

CREATE TABLE status_components (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    group_id TEXT REFERENCES status_groups (id) ON DELETE SET NULL,
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    link_url TEXT,
    -- How it is when no incident says otherwise.
    status TEXT NOT NULL,
    position BIGINT NOT NULL,
    shows_uptime BOOLEAN NOT NULL,
    -- Since when its history is known.
    began_at BIGINT NOT NULL,
    -- The service whose open incidents propose or set its status.
    service_id TEXT REFERENCES services (id) ON DELETE SET NULL,
    automation TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX status_components_by_page ON status_components (page_id, position);
CREATE INDEX status_components_by_service ON status_components (service_id) WHERE service_id IS NOT NULL;

-- What is told: an incident or a maintenance. Without `published_at` it is a draft, which nobody outside sees.
CREATE TABLE status_incidents (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    public_id TEXT NOT NULL UNIQUE,
    internal_incident_id TEXT REFERENCES incidents (id) ON DELETE SET NULL,
    kind TEXT NOT NULL CHECK (kind IN ('incident', 'maintenance')),
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    impact TEXT NOT NULL,
    -- A person chose the impact; else it follows from the components.
    impact_is_chosen BOOLEAN NOT NULL,
    scheduled_for BIGINT,
    scheduled_until BIGINT,
    -- Whether time begins and ends the maintenance.
    is_automatic BOOLEAN NOT NULL,
    -- When the next step is due by itself; NULL: none is.
    due_at BIGINT,
    started_at BIGINT NOT NULL,
    resolved_at BIGINT,
    is_backdated BOOLEAN NOT NULL,
    postmortem TEXT NOT NULL,
    postmortem_at BIGINT,
    published_at BIGINT,
    created_by_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX status_incidents_by_page ON status_incidents (page_id, started_at);
CREATE INDEX status_incidents_open ON status_incidents (page_id, id) WHERE resolved_at IS NULL;
CREATE INDEX status_incidents_due ON status_incidents (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX status_incidents_by_internal ON status_incidents (internal_incident_id)
    WHERE internal_incident_id IS NOT NULL;

-- The components that an incident is about, and how each is because of it; NULL: as it is without it.
CREATE TABLE status_incident_components (
    incident_id TEXT NOT NULL REFERENCES status_incidents (id) ON DELETE CASCADE,
    component_id TEXT NOT NULL REFERENCES status_components (id) ON DELETE CASCADE,
    status TEXT,
    PRIMARY KEY (incident_id, component_id)
);
CREATE INDEX status_incident_components_by_component ON status_incident_components (component_id);

-- What was said about an incident. Without `published_at` it is a draft.
CREATE TABLE status_updates (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES status_incidents (id) ON DELETE CASCADE,
    public_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON: the components that it changed, as they were and are.
    changes TEXT NOT NULL,
    -- Whether subscribers are told.
    tells BOOLEAN NOT NULL,
    -- When it is said to have been posted; another time than `created_at` where it was backdated.
    shown_at BIGINT NOT NULL,
    edited_at BIGINT,
    published_at BIGINT,
    created_by_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX status_updates_by_incident ON status_updates (incident_id, shown_at);

-- How each component was from when on: the one log from which bars, percentages and the present follow.
CREATE TABLE status_component_log (
    component_id TEXT NOT NULL REFERENCES status_components (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    status TEXT NOT NULL,
    -- The incident because of which it changed.
    incident_id TEXT,
    PRIMARY KEY (component_id, at)
);
