-- Canaries: alerts that the server sends itself each minute over the whole way of a real one, and how far each came.
-- What they are made of (incident, alert, messages) is removed when they are over; these rows are all that stays.
CREATE TABLE canary_runs (
    id TEXT PRIMARY KEY,
    -- Which start of which server sent it.
    run_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- Milliseconds after the start at which it came so far; NULL: it did not.
    accepted_ms BIGINT,
    opened_ms BIGINT,
    paged_ms BIGINT,
    claimed_ms BIGINT,
    sent_ms BIGINT,
    resolved_ms BIGINT,
    -- The hop that it did not make, empty where it made all of them; and why, in words.
    failed_at TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX canary_runs_failed ON canary_runs (id) WHERE failed_at <> '';

-- Steps of escalations that fail again and again; there should be none.
CREATE INDEX timers_failing ON timers (failures) WHERE failures > 2;

-- Pages by their age, whatever organization: whether first pages were in time is asked of a month of them.
CREATE INDEX notifications_pages ON notifications (id) WHERE kind = 'page';
