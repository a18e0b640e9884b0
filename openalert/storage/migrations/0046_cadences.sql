-- How regularly integrations send: looked at once a minute, apart from the messages themselves.
CREATE TABLE cadences (
    integration_id TEXT PRIMARY KEY REFERENCES integrations (id),
    last_at BIGINT NOT NULL,
    was_firing BOOLEAN NOT NULL,
    -- JSON lists of milliseconds between messages, by whether anything fired when they began.
    firing_gaps TEXT NOT NULL,
    quiet_gaps TEXT NOT NULL
);
CREATE INDEX alerts_unresolved_by_integration ON alerts (integration_id) WHERE status <> 'resolved';
