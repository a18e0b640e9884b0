-- Schedules that were edited a moment ago: what they said before, until those whose shifts changed are told.

CREATE TABLE shift_notices (
    schedule_id TEXT PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
    -- JSON: each person's shifts before the first edit, as pairs of instants.
    before_edit TEXT NOT NULL,
    -- Until when they are told in full.
    until_at BIGINT NOT NULL,
    -- JSON: the ids of those who edited; NULL among them: not a person.
    editor_ids TEXT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX shift_notices_by_due ON shift_notices (due_at);
