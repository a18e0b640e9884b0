-- What is told on status pages: templates, drafts that keep all they propose, postmortems before they are public, and
-- spans that are told after the fact.

CREATE TABLE status_templates (
    id TEXT PRIMARY KEY,
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- Unique on its page.
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('incident', 'maintenance')),
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    -- NULL: where one of its kind begins.
    status TEXT,
    -- JSON: by id of a component, how it is; null: it is only named.
    components TEXT NOT NULL,
    -- Whether subscribers are to be told.
    tells BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX status_templates_by_page ON status_templates (page_id, name_key);

-- JSON: how a draft would have components; what is published has its `changes`.
ALTER TABLE status_updates ADD COLUMN proposes TEXT NOT NULL DEFAULT '{}';

-- Words that are not public; `postmortem` is what is.
ALTER TABLE status_incidents ADD COLUMN postmortem_draft TEXT NOT NULL DEFAULT '';

-- How components were in the past because of incidents that were told later.
CREATE TABLE status_backdated (
    incident_id TEXT NOT NULL REFERENCES status_incidents (id) ON DELETE CASCADE,
    component_id TEXT NOT NULL REFERENCES status_components (id) ON DELETE CASCADE,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (incident_id, component_id)
);
CREATE INDEX status_backdated_by_component ON status_backdated (component_id);

-- What was noted at the time, below what was told later; NULL: the entry is there because of what was told later alone.
ALTER TABLE status_component_log ADD COLUMN noted TEXT;
ALTER TABLE status_component_log ADD COLUMN noted_for TEXT;
UPDATE status_component_log SET noted = status, noted_for = incident_id;
