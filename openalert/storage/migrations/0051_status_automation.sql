-- What open incidents of a service make of components, and what was proposed because of them.
ALTER TABLE status_components ADD COLUMN automatic_status TEXT;
-- Only incidents that began later count: what a person set at that moment is the last word on those before.
ALTER TABLE status_components ADD COLUMN automatic_from BIGINT NOT NULL DEFAULT 0;

CREATE TABLE status_proposals (
    page_id TEXT NOT NULL REFERENCES status_pages (id) ON DELETE CASCADE,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    status_incident_id TEXT NOT NULL REFERENCES status_incidents (id) ON DELETE CASCADE,
    -- The phase that was proposed last.
    phase TEXT NOT NULL,
    PRIMARY KEY (page_id, incident_id)
);
CREATE INDEX status_proposals_by_incident ON status_proposals (incident_id);
CREATE INDEX status_proposals_by_told ON status_proposals (status_incident_id);
CREATE INDEX incidents_open_by_service ON incidents (service_id) WHERE status <> 'resolved';
