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

-- Calendars of other programs: a person's absences, or turns of a schedule; and how reading them goes.
CREATE TABLE calendar_feeds (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    schedule_id TEXT REFERENCES schedules (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    -- The address, which is a secret: whoever knows it reads the calendar.
    sealed TEXT,
    counts TEXT NOT NULL,
    layer BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_id TEXT,
    -- NULL: a file, which was read once.
    next_at BIGINT,
    etag TEXT NOT NULL,
    read_at BIGINT,
    expanded_at BIGINT,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    failure TEXT NOT NULL,
    warned_at BIGINT,
    entries BIGINT NOT NULL,
    -- JSON: names that are nobody's, and what could not be read.
    missing TEXT NOT NULL,
    notes TEXT NOT NULL
);

CREATE INDEX calendar_feeds_by_due ON calendar_feeds (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX calendar_feeds_by_user ON calendar_feeds (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX calendar_feeds_by_schedule ON calendar_feeds (schedule_id) WHERE schedule_id IS NOT NULL;

CREATE TABLE absences (
    feed_id TEXT NOT NULL REFERENCES calendar_feeds (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    summary TEXT NOT NULL
);

CREATE INDEX absences_by_feed ON absences (feed_id);
CREATE INDEX absences_by_user ON absences (user_id, end_at);

CREATE TABLE imported_shifts (
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    feed_id TEXT NOT NULL,
    layer BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL
);

CREATE INDEX imported_shifts_by_feed ON imported_shifts (feed_id, end_at);
CREATE INDEX imported_shifts_by_schedule ON imported_shifts (schedule_id, end_at);
