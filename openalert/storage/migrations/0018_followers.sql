-- Team channels that follow a service: they hear what becomes of its incidents, and nobody there is asked to act.
CREATE TABLE service_followers (
    service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    min_severity TEXT NOT NULL,
    events TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (service_id, channel_id)
);
CREATE INDEX service_followers_by_channel ON service_followers (channel_id);
