-- What an owner hears once a week: when the next report is due, one row for each owner.

ALTER TABLE notification_preferences ADD COLUMN weekly_report BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE weekly_reports (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- The Monday that the next report is for, by the person's own calendar: 2026-01-05.
    period TEXT NOT NULL,
    -- The zone in which that Monday's 09:00 is due_at.
    timezone TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    -- When one was last sent; NULL: never.
    sent_at BIGINT
);

CREATE INDEX weekly_reports_by_due ON weekly_reports (due_at);

-- What waits for a person among the messages from monitoring is found without reading all of them.
CREATE INDEX payloads_quarantined ON payloads (integration_id, id) WHERE outcome = 'quarantined';
