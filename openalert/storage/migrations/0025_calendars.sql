-- Calendars: links at which other programs read shifts, and how often what they read has changed.

CREATE TABLE calendar_links (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL: the person's own shifts, in all schedules.
    schedule_id TEXT REFERENCES schedules (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    with_gaps BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE INDEX calendar_links_by_user ON calendar_links (user_id, id);
CREATE INDEX calendar_links_by_schedule ON calendar_links (schedule_id, id) WHERE schedule_id IS NOT NULL;

-- One row for each calendar that was ever read: of a schedule, or of a person's own shifts.
CREATE TABLE calendar_revisions (
    id TEXT PRIMARY KEY,
    schedule_id TEXT REFERENCES schedules (id) ON DELETE CASCADE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    number BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
