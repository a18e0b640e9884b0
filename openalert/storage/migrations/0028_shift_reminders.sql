-- Whoever goes on call hears of it some time before: one row for each turn ahead, so that it is told once.

ALTER TABLE notification_preferences ADD COLUMN handoff_lead BIGINT NOT NULL DEFAULT 43200000;

CREATE TABLE shift_reminders (
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- When the turn begins, as it was planned when the row was written.
    start_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- NULL: not yet.
    told_at BIGINT,
    PRIMARY KEY (schedule_id, user_id, start_at)
);
CREATE INDEX shift_reminders_by_due ON shift_reminders (due_at) WHERE told_at IS NULL;
CREATE INDEX shift_reminders_by_person ON shift_reminders (user_id);
CREATE INDEX shift_reminders_by_start ON shift_reminders (start_at);
