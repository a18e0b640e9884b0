-- Incidents that people put together, and what it takes to put them apart again.
CREATE TABLE incident_merges (
    id TEXT PRIMARY KEY,
    source_id TEXT NOT NULL REFERENCES incidents (id),
    target_id TEXT NOT NULL REFERENCES incidents (id),
    -- Service and group of the source: what comes of it while the target is open belongs to the target.
    source_key TEXT NOT NULL,
    -- How the source stood: status, acknowledgement, snooze, and where its escalation was.
    standing TEXT NOT NULL,
    merged_at BIGINT NOT NULL,
    merged_by_id TEXT,
    undone_at BIGINT
);
CREATE UNIQUE INDEX incident_merges_by_source ON incident_merges (source_id) WHERE undone_at IS NULL;
CREATE INDEX incident_merges_by_target ON incident_merges (target_id) WHERE undone_at IS NULL;
CREATE INDEX incident_merges_by_key ON incident_merges (source_key) WHERE undone_at IS NULL;

-- The alerts that a merge brought to its target, then and since.
CREATE TABLE incident_merge_alerts (
    merge_id TEXT NOT NULL REFERENCES incident_merges (id),
    alert_id TEXT NOT NULL,
    PRIMARY KEY (merge_id, alert_id)
);

-- Where the incident went; NULL: nowhere.
ALTER TABLE incidents ADD COLUMN merged_into_id TEXT;
-- The merge by which they came; NULL: they were asked here, or came.
ALTER TABLE incident_responders ADD COLUMN merge_id TEXT;
