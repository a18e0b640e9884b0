-- What whoever goes off call leaves for whoever comes: own words, and what was known when it was handed over.

CREATE TABLE handoff_notes (
    id TEXT PRIMARY KEY,
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    -- The team whose incidents it names.
    team_id TEXT NOT NULL,
    -- JSON: the ids of those who had the shift.
    user_ids TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    -- NULL: the shift runs still.
    handed_at BIGINT,
    words TEXT NOT NULL,
    words_by_id TEXT,
    words_at BIGINT,
    -- JSON: incidents and covers; those of a shift that runs are looked up when somebody asks.
    facts TEXT NOT NULL
);
CREATE UNIQUE INDEX handoff_notes_running ON handoff_notes (schedule_id) WHERE handed_at IS NULL;
CREATE INDEX handoff_notes_by_schedule ON handoff_notes (schedule_id, handed_at);
CREATE INDEX handoff_notes_by_age ON handoff_notes (handed_at);
