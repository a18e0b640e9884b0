-- What Opsgenie's Alert API shows of alerts and asks for: short numbers, aliases, and the outcome of each request.
CREATE TABLE opsgenie_alerts (
    alert_id TEXT PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    tiny_id BIGINT NOT NULL,
    alias TEXT NOT NULL,
    -- The request that created it; NULL for what came in by another way.
    request_id TEXT UNIQUE,
    entity TEXT NOT NULL,
    source TEXT NOT NULL,
    actions TEXT NOT NULL,
    responders TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE UNIQUE INDEX opsgenie_alerts_by_tiny_id ON opsgenie_alerts (organization_id, tiny_id);

-- Kept for a day: whoever asks later is told that there is no such request.
CREATE TABLE opsgenie_requests (
    id TEXT PRIMARY KEY,
    integration_id TEXT NOT NULL,
    action TEXT NOT NULL,
    is_success BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    alert_id TEXT,
    alias TEXT,
    processed_at BIGINT NOT NULL
);
CREATE INDEX opsgenie_requests_by_age ON opsgenie_requests (processed_at);

CREATE INDEX alerts_by_integration ON alerts (integration_id, id);
