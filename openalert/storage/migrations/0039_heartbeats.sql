-- Heartbeats: what must be heard of regularly. A check that is due is a row of this table, as all work is.
CREATE TABLE heartbeats (
    id TEXT PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES services (id),
    name TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    key_hint TEXT NOT NULL,
    -- Milliseconds; either the period or the cron expression is set.
    period BIGINT,
    cron TEXT,
    timezone TEXT NOT NULL,
    grace BIGINT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    since BIGINT NOT NULL,
    last_beat_at BIGINT,
    last_duration BIGINT,
    started_at BIGINT,
    expected_at BIGINT,
    -- When somebody is told unless a beat comes; NULL: nothing is expected.
    due_at BIGINT,
    -- When OpenAlert itself could not hear, since the last beat.
    unheard_from BIGINT,
    unheard_until BIGINT,
    beat_count BIGINT NOT NULL,
    -- Of a Watchdog alert that is heard by an integration: which one, and which alert.
    integration_id TEXT REFERENCES integrations (id),
    watch_key TEXT UNIQUE,
    is_learned BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX heartbeats_by_due ON heartbeats (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX heartbeats_by_service ON heartbeats (service_id);

-- The last beats of each: a ring of slots that are written again and again, so that it never grows.
CREATE TABLE heartbeat_beats (
    heartbeat_id TEXT NOT NULL REFERENCES heartbeats (id) ON DELETE CASCADE,
    slot BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    exit_code BIGINT,
    duration BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (heartbeat_id, slot)
);
