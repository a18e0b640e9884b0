-- How a person wants to be reached: steps of their own, when they want quiet, and what was held for them.

CREATE TABLE notification_rules (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    min_severity TEXT NOT NULL,
    -- Milliseconds after the person is to be told.
    delay BIGINT NOT NULL,
    -- Without a reference: the rule of an address that is gone stays, and says so, until somebody looks.
    contact_method_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX notification_rules_by_user ON notification_rules (user_id, delay, id);

CREATE TABLE notification_preferences (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    min_severity TEXT NOT NULL,
    repeat_every BIGINT NOT NULL,
    repeat_most BIGINT NOT NULL,
    handoffs BOOLEAN NOT NULL,
    -- Windows of local time, as JSON; see QuietWindow.
    quiet TEXT NOT NULL,
    -- From which severity pages pass quiet hours and do-not-disturb; NULL: none does.
    passes_from TEXT,
    do_not_disturb_until BIGINT
);

-- Until when the person's own settings held it; NULL for everything else.
ALTER TABLE notifications ADD COLUMN held_until BIGINT;
CREATE INDEX notifications_by_held ON notifications (user_id, held_until) WHERE held_until IS NOT NULL;
